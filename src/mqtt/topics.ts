import type { DeviceId, GroupId } from '../domain/names.ts';

/** Every topic of one node. A contract: users' flows hold them. */
export interface Topics {
  /** The first levels, which every node under them has in common. */
  readonly root: string;
  readonly base: string;
  readonly bridgeState: string;
  readonly bridgeInfo: string;
  readonly bridgeEvent: string;
  readonly response: (verb: string) => string;
  readonly request: (verb: string) => string;
  readonly device: (id: DeviceId) => string;
  readonly availability: (id: DeviceId) => string;
  readonly powerQuality: (id: DeviceId) => string;
  readonly deviceEvent: (id: DeviceId) => string;
  readonly deviceResponse: (id: DeviceId) => string;
  readonly command: (id: DeviceId) => string;
  readonly set: (id: DeviceId, variable: string) => string;
  readonly group: (id: GroupId) => string;
  readonly groupPlan: (id: GroupId) => string;
  readonly groupShutdown: (id: GroupId) => string;
  readonly groupRuns: (id: GroupId) => string;
  readonly groupEvent: (id: GroupId) => string;
  /** What brings requests in: filters to subscribe to. */
  readonly incoming: readonly string[];
}

/** @param root first level, `gridwarden` unless configured */
export function topicsOf(root: string, node: string): Topics {
  const base = `${root}/${node}`;
  const device = (id: DeviceId): string => `${base}/ups/${id}`;
  const group = (id: GroupId): string => `${base}/group/${id}`;
  return {
    root,
    base,
    bridgeState: `${base}/bridge/state`,
    bridgeInfo: `${base}/bridge/info`,
    bridgeEvent: `${base}/bridge/event`,
    response: (verb) => `${base}/bridge/response/${verb}`,
    request: (verb) => `${base}/bridge/request/${verb}`,
    device,
    availability: (id) => `${device(id)}/availability`,
    powerQuality: (id) => `${device(id)}/power_quality`,
    deviceEvent: (id) => `${device(id)}/event`,
    deviceResponse: (id) => `${device(id)}/response`,
    command: (id) => `${device(id)}/command`,
    set: (id, variable) => `${device(id)}/set/${variable}`,
    group,
    groupPlan: (id) => `${group(id)}/plan`,
    groupShutdown: (id) => `${group(id)}/shutdown`,
    groupRuns: (id) => `${group(id)}/runs`,
    groupEvent: (id) => `${group(id)}/event`,
    incoming: [`${base}/bridge/request/+`, `${base}/ups/+/command`, `${base}/ups/+/set/+`],
  };
}

/** What an incoming topic asks for; undefined for a topic that is none of ours. */
export type Incoming =
  | { readonly kind: 'verb'; readonly verb: string }
  | { readonly kind: 'command'; readonly device: DeviceId }
  | { readonly kind: 'set'; readonly device: DeviceId; readonly variable: string };

export function incomingOf(topics: Topics, topic: string): Incoming | undefined {
  if (!topic.startsWith(`${topics.base}/`)) return undefined;
  const [area, second, third, fourth, ...more] = topic.slice(topics.base.length + 1).split('/');
  if (area === undefined || second === undefined || third === undefined || more.length > 0) return undefined;
  if (area === 'bridge' && second === 'request' && fourth === undefined) return { kind: 'verb', verb: third };
  if (area !== 'ups') return undefined;
  if (third === 'command' && fourth === undefined) return { kind: 'command', device: second };
  if (third === 'set' && fourth !== undefined) return { kind: 'set', device: second, variable: fourth };
  return undefined;
}

/** Identifiers of Home Assistant devices and the beginning of every unique id. A contract. */
export const deviceIdentifier = (node: string, id: DeviceId): string => `gridwarden_${node}_${id}`;
/** Ids of devices never begin with `group_`, so none is that of a group. */
export const groupIdentifier = (node: string, id: GroupId): string => `gridwarden_${node}_group_${id}`;
export const bridgeIdentifier = (node: string): string => `gridwarden_${node}_bridge`;
