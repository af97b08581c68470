import { derive } from '../analysis/derived.ts';
import type { Fact } from '../domain/facts.ts';
import type { Report } from '../domain/inputs.ts';
import type { DeviceId, SourceName } from '../domain/names.ts';
import type { Reading } from '../domain/reading.ts';
import { never } from '../domain/result.ts';
import type { DeviceState, Link, SourceState, State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import { TROUBLE_TEXT, type Trouble } from '../domain/trouble.ts';
import { type Decision, unchanged } from './decision.ts';
import { flagFacts, linkFacts } from './events.ts';
import { assignIds, type Identity, nameKey } from './identities.ts';

const UP: Link = { kind: 'up' };
const NOT_LISTED: Trouble = { kind: 'unknown-ups', detail: 'the server does not list it' };

/** Takes in what a source tells. Reports of a source that the configuration no longer has change nothing. */
export function onReport(state: State, report: Report, stamp: Stamp): Decision {
  const name = 'address' in report ? report.address.source : report.source;
  const source = state.sources.get(name);
  if (source === undefined) return unchanged(state);
  switch (report.kind) {
    case 'listed':
      return onListed(state, name, { ...source, link: UP, listed: report.devices }, stamp);
    case 'readings':
      return onReadings(state, name, source, report.readings, stamp);
    case 'inventory':
      return onDevice(state, source, report.address.name, stamp, (device) => ({
        ...device,
        inventory: report.inventory,
      }));
    case 'device-trouble':
      return onDevice(state, source, report.address.name, stamp, (device) =>
        relinked(device, lostSince(device.link, report.trouble, stamp)),
      );
    case 'source-trouble':
      return onSourceTrouble(state, name, source, report.trouble, stamp);
    default:
      return never(report);
  }
}

function onListed(state: State, name: SourceName, source: SourceState, stamp: Stamp): Decision {
  const before = state.sources.get(name);
  const sources = new Map(state.sources).set(name, source);
  const { state: next, facts } = identified({ ...state, sources }, stamp);
  return { state: next, intents: [], facts: [...sourceFacts(name, before?.link, source.link), ...facts] };
}

/**
 * Brings the devices in line with the configuration and the lists: new ones appear, those of no list and no entry go,
 * those of an entry that the server does not list are lost.
 *
 * A server that suddenly lists nothing at all is misconfigured or starting: its devices are lost, not removed.
 */
export function identified(state: State, stamp: Stamp): { readonly state: State; readonly facts: readonly Fact[] } {
  if (state.settings === undefined) return { state, facts: [] };
  const facts: Fact[] = [];
  const devices = new Map<DeviceId, DeviceState>();
  const identities = assignIds(state.settings, state.sources);
  for (const identity of [...identities, ...kept(state, identities)]) {
    const device = settled(state, identity, stamp, facts);
    devices.set(device.id, device);
  }
  for (const [id, device] of state.devices) {
    if (!devices.has(id)) facts.push({ type: 'gone', device: id, level: 'notice', text: `${device.label} is gone` });
  }
  const sources = new Map([...state.sources].map(([name, source]) => [name, { ...source, ids: idsOf(name, devices) }]));
  return { state: { ...state, devices, sources }, facts };
}

function kept(state: State, identities: readonly Identity[]): readonly Identity[] {
  const ids = new Set(identities.map(({ id }) => id));
  return [...state.devices.values()].filter(
    ({ id, address }) => !ids.has(id) && state.sources.get(address.source)?.listed?.length === 0,
  );
}

function settled(state: State, identity: Identity, stamp: Stamp, facts: Fact[]): DeviceState {
  const { id, address, label, nominalPower } = identity;
  const former = state.devices.get(id);
  const same = former?.address.source === address.source && nameKey(former.address.name) === nameKey(address.name);
  const listed = state.sources.get(address.source)?.listed;
  const found = listed?.find(({ name }) => nameKey(name) === nameKey(address.name));
  const base: DeviceState = {
    ...(same ? former : { link: { kind: 'unknown' as const }, derived: new Map() }),
    id,
    label,
    address: { source: address.source, name: found?.name ?? address.name },
    ...(nominalPower === undefined ? {} : { nominalPower }),
  };
  if (former === undefined) {
    facts.push({ type: 'appeared', device: id, level: 'notice', text: `${label} found at ${address.source}` });
  }
  const missing = listed !== undefined && found === undefined;
  const link = missing ? lostSince(base.link, NOT_LISTED, stamp) : base.link;
  facts.push(...linkFacts(base, base.link, link, stamp));
  return relinked(base, link);
}

const idsOf = (source: SourceName, devices: ReadonlyMap<DeviceId, DeviceState>): ReadonlyMap<string, DeviceId> =>
  new Map(
    [...devices.values()]
      .filter(({ address }) => address.source === source)
      .map(({ id, address }) => [nameKey(address.name), id]),
  );

function onReadings(
  state: State,
  name: SourceName,
  source: SourceState,
  readings: ReadonlyMap<string, Reading>,
  stamp: Stamp,
): Decision {
  const facts: Fact[] = sourceFacts(name, source.link, UP);
  const devices = new Map(state.devices);
  for (const [own, reading] of readings) {
    const device = devices.get(source.ids.get(nameKey(own)) ?? '');
    if (device === undefined) continue;
    facts.push(...linkFacts(device, device.link, UP, stamp));
    facts.push(...flagFacts(device, device.reading?.flags, reading.flags));
    devices.set(device.id, read(device, reading));
  }
  const sources = source.link.kind === 'up' ? state.sources : new Map(state.sources).set(name, { ...source, link: UP });
  return { state: { ...state, sources, devices }, intents: [], facts };
}

/** A device with its next reading. What follows from a reading is worked out only when it says something new: most sweeps do not. */
function read(device: DeviceState, reading: Reading): DeviceState {
  if (device.reading?.variables === reading.variables && device.link.kind === 'up') return { ...device, reading };
  return { ...device, reading, link: UP, derived: derive(reading, UP, device.nominalPower) };
}

function onDevice(
  state: State,
  source: SourceState,
  own: string,
  stamp: Stamp,
  change: (device: DeviceState) => DeviceState,
): Decision {
  const device = state.devices.get(source.ids.get(nameKey(own)) ?? '');
  if (device === undefined) return unchanged(state);
  const next = change(device);
  const devices = new Map(state.devices).set(device.id, next);
  return { state: { ...state, devices }, intents: [], facts: linkFacts(device, device.link, next.link, stamp) };
}

function onSourceTrouble(
  state: State,
  name: SourceName,
  source: SourceState,
  trouble: Trouble,
  stamp: Stamp,
): Decision {
  const link = lostSince(source.link, trouble, stamp);
  const sources = new Map(state.sources).set(name, { ...source, link });
  const facts = sourceFacts(name, source.link, link);
  const devices = new Map(state.devices);
  for (const id of source.ids.values()) {
    const device = state.devices.get(id);
    if (device === undefined) continue;
    const next = relinked(device, lostSince(device.link, trouble, stamp));
    devices.set(id, next);
    facts.push(...linkFacts(device, device.link, next.link, stamp));
  }
  // A source that is lost before it was ever heard lets the later ones name their devices.
  const named = source.link.kind === 'unknown' ? identified({ ...state, sources, devices }, stamp) : undefined;
  const next = named?.state ?? { ...state, sources, devices };
  return { state: next, intents: [], facts: [...facts, ...(named?.facts ?? [])] };
}

function lostSince(before: Link, trouble: Trouble, stamp: Stamp): Link {
  const since = before.kind === 'lost' ? before : { since: stamp.at, sinceWall: stamp.wall };
  return { kind: 'lost', trouble, since: since.since, sinceWall: since.sinceWall };
}

const relinked = (device: DeviceState, link: Link): DeviceState =>
  device.link === link ? device : { ...device, link, derived: derive(device.reading, link, device.nominalPower) };

function sourceFacts(name: SourceName, before: Link | undefined, now: Link): Fact[] {
  if (now.kind === 'lost') {
    if (before?.kind === 'lost' && before.trouble.kind === now.trouble.kind) return [];
    const { kind, detail } = now.trouble;
    const text = `source ${name} ${TROUBLE_TEXT[kind]} (${detail})`;
    return [{ type: 'source_lost', source: name, level: 'warning', text, details: { trouble: kind, detail } }];
  }
  if (before?.kind !== 'lost') return [];
  return [{ type: 'source_back', source: name, level: 'notice', text: `source ${name} answers again` }];
}
