import type { Configuration } from './config/schema.ts';
import type { Log, Source } from './domain/ports.ts';
import { err, ok } from './domain/result.ts';
import type { DeviceState, State } from './domain/state.ts';
import { asMillis } from './domain/time.ts';
import { TROUBLE_TEXT } from './domain/trouble.ts';
import { restAfter } from './policy/pursuit/time-left.ts';
import type { UpsPorts } from './shutdown/steps/ups/ports.ts';
import { createResolver, type Resolver } from './sources/nut/address.ts';
import { forceShutdown, isPrimary } from './sources/nut/primary.ts';
import type { NutConfig } from './sources/nut/schema.ts';

/** What the orders to UPSes are made of. */
export interface UpsParts {
  readonly state: () => State;
  readonly sources: ReadonlyMap<string, Source>;
  readonly configuration: () => Configuration;
  /** Logins of this program to a UPS that stay until the machine is down. */
  readonly ownLogins: (source: string, ups: string) => number;
  readonly log: Log;
}

/** The UPSes as the steps of a plan reach them: what was read last, and the servers behind it. */
export function upsPorts({ state, sources, configuration, ownLogins, log }: UpsParts): UpsPorts {
  const deviceOf = (id: string): DeviceState | undefined => state().devices.get(id);
  const resolvers = new Map<string, Resolver>();
  const resolverOf = (host: string): Resolver => {
    const known = resolvers.get(host) ?? createResolver(host);
    resolvers.set(host, known);
    return known;
  };
  const serverOf = (id: string): { readonly nut: NutConfig; readonly device: DeviceState } | undefined => {
    const device = deviceOf(id);
    const source = device === undefined ? undefined : configuration().sources[device.address.source];
    return device === undefined || source === undefined || !('nut' in source) ? undefined : { nut: source.nut, device };
  };
  return {
    instruct: (id, order, signal) => {
      const device = deviceOf(id);
      const source = device === undefined ? undefined : sources.get(device.address.source);
      if (device === undefined || source === undefined) {
        return Promise.resolve({ kind: 'no-answer', why: 'no source lists it' });
      }
      return source.instruct(device.address.name, order, signal);
    },
    read: (id) => {
      const device = deviceOf(id);
      if (device === undefined) return undefined;
      const { link, reading, inventory, address } = device;
      const source = configuration().sources[address.source];
      return {
        variables: reading?.variables ?? new Map(),
        ...(inventory === undefined ? {} : { inventory }),
        ...(link.kind === 'lost' ? { trouble: TROUBLE_TEXT[link.trouble.kind] } : {}),
        login: source !== undefined && (!('nut' in source) || source.nut.user !== undefined),
      };
    },
    restOfPlan: (id) => {
      const { settings, groups } = state();
      const rests = (settings?.groups ?? []).map((group) => {
        const now = groups.get(group.id);
        return now === undefined ? 0 : restAfter(group, now.plan, now.progress, id);
      });
      return asMillis(Math.max(0, ...rests));
    },
    forceShutdown: (id, { wait, signal, onLogins }) => {
      const server = serverOf(id);
      if (server === undefined) return Promise.resolve({ kind: 'no-answer', why: 'no NUT server lists it' });
      const { nut, device } = server;
      const { source, name } = device.address;
      const own = ownLogins(source, name);
      return forceShutdown(nut, name, { wait, signal, onLogins, own, log, resolver: resolverOf(nut.host) });
    },
    mayForceShutdown: async (id, signal) => {
      const server = serverOf(id);
      if (server === undefined) return err('no NUT server lists it');
      const { nut, device } = server;
      const asked = await isPrimary(nut, device.address.name, { resolver: resolverOf(nut.host), signal });
      return asked.ok ? ok(asked.value) : err(`${TROUBLE_TEXT[asked.error.kind]} (${asked.error.detail})`);
    },
  };
}
