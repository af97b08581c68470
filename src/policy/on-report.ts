import { batteryAfterStart } from '../analysis/battery/follow.ts';
import { derive } from '../analysis/derived.ts';
import { silent } from '../analysis/power/follow.ts';
import { pauseQuality, restoredQuality } from '../analysis/quality/follow.ts';
import type { Fact } from '../domain/facts.ts';
import type { Report } from '../domain/inputs.ts';
import type { DeviceId, SourceName } from '../domain/names.ts';
import type { DeviceAddress, Reading } from '../domain/reading.ts';
import { never } from '../domain/result.ts';
import { type Settings, UNTUNED } from '../domain/settings.ts';
import { type DeviceState, type Link, type SourceState, type State, type Told, UNHEARD } from '../domain/state.ts';
import type { Millis, Stamp } from '../domain/time.ts';
import { TROUBLE_TEXT, type Trouble } from '../domain/trouble.ts';
import { type Decision, unchanged } from './decision.ts';
import { linkFacts } from './events.ts';
import { assignIds, type Identity, nameKey, waits } from './identities.ts';
import { judged } from './judging.ts';
import { readDevice } from './on-reading.ts';

const UNKNOWN: Link = { kind: 'unknown' };
const UP: Link = { kind: 'up' };
const NOT_LISTED: Trouble = { kind: 'unknown-ups', detail: 'the server does not list it' };

/** Takes in what a source tells. Reports of a source that the configuration no longer has change nothing. */
export function onReport(state: State, report: Report, stamp: Stamp): Decision {
  const name = 'address' in report ? report.address.source : report.source;
  const source = state.sources.get(name);
  if (source === undefined || state.settings === undefined) return unchanged(state);
  switch (report.kind) {
    case 'listed':
      return onListed(state, source, report, stamp);
    case 'readings':
      return onReadings(state, source, report, state.settings.mainsHold, stamp);
    case 'inventory':
      return onDevice(state, source, report.address, stamp, (told) => ({ ...told, inventory: report.inventory }));
    case 'device-trouble':
      return onDevice(state, source, report.address, stamp, (told) => ({
        ...told,
        link: lostSince(told.link, report.trouble, stamp),
      }));
    case 'source-trouble':
      return onSourceTrouble(state, name, source, report.trouble, stamp);
    default:
      return never(report);
  }
}

function onListed(
  state: State,
  source: SourceState,
  { source: name, devices: listed }: Extract<Report, { kind: 'listed' }>,
  stamp: Stamp,
): Decision {
  const sources = new Map(state.sources).set(name, { ...source, link: UP, listed });
  const { state: next, facts } = identified({ ...state, sources }, stamp);
  const told = [...sourceFacts(name, source.link, UP), ...facts];
  // A feed may have come or gone.
  return judged({ state: next, intents: [], facts: told }, 'all', stamp);
}

/**
 * Brings the devices in line with the configuration and the lists: new ones appear, those of no list and no entry go,
 * those of an entry that the server does not list are lost.
 *
 * A server that suddenly lists nothing at all is misconfigured or starting: its devices are lost, not removed. Those
 * of a source that has to wait for one put before it stay as they are until that one has been heard.
 */
export function identified(state: State, stamp: Stamp): { readonly state: State; readonly facts: readonly Fact[] } {
  if (state.settings === undefined) return { state, facts: [] };
  const facts: Fact[] = [];
  const devices = new Map<DeviceId, DeviceState>();
  const former = new Map([...state.devices.values()].map((device) => [addressKey(device), device]));
  const identities = assignIds(state.settings, state.sources, state.names);
  const held = [...kept(state, state.settings, identities), ...fromMemory(state, identities)];
  for (const identity of [...identities, ...held]) {
    const before = former.get(addressKey(identity)) ?? movedFrom(state, state.settings, identity);
    const found = settled(identity, before, state.sources.get(identity.address.source), state.memory, stamp);
    const device = hushed(found, state, stamp);
    devices.set(device.id, device);
    if (!state.devices.has(device.id)) {
      const text = `${device.label} found at ${device.address.source}`;
      facts.push({ type: 'appeared', device: device.id, level: 'notice', text });
    }
    facts.push(...linkFacts(device, before?.link ?? UNKNOWN, device.link, stamp));
  }
  for (const [id, device] of state.devices) {
    if (!devices.has(id)) facts.push({ type: 'gone', device: id, level: 'notice', text: `${device.label} is gone` });
  }
  const sources = new Map([...state.sources].map(([name, source]) => [name, withIds(name, source, devices)]));
  return { state: forgotten({ ...state, devices, sources }), facts };
}

/** What was taken over from an earlier process is known by the state itself from then on; kept, it would come back stale. */
function forgotten(state: State): State {
  const { memory, devices } = state;
  if (memory === undefined || ![...memory.devices.keys()].some((id) => devices.has(id))) return state;
  const rest = new Map([...memory.devices].filter(([id]) => !devices.has(id)));
  return { ...state, memory: { ...memory, devices: rest } };
}

/** A device that is found elsewhere under its id is the same one: its outage goes on. Elsewhere is another name at its source, or what a reload declares. */
function movedFrom({ devices }: State, settings: Settings, { id, address }: Identity): DeviceState | undefined {
  const former = devices.get(id);
  const isDeclared = settings.devices.some((one) => one.id === id);
  return isDeclared || former?.address.source === address.source ? former : undefined;
}

/** Devices that were on battery when an earlier process of this boot ended, at a server that has told nothing since: their silence counts. */
function fromMemory({ memory, names, sources, devices }: State, identities: readonly Identity[]): readonly Identity[] {
  if (memory?.boot !== 'same') return [];
  const taken = new Set([...identities.map(({ id }) => id), ...devices.keys()]);
  return names
    .filter(({ source, id }) => {
      const isUnlisted = sources.has(source) && sources.get(source)?.listed === undefined;
      return isUnlisted && !taken.has(id) && memory.devices.get(id)?.power.outage !== undefined;
    })
    .map(({ source, id }) => ({ id, address: { source, name: id }, label: id, tuning: UNTUNED }));
}

/** Whether a device runs from its battery and a group depends on it: its silence counts, whatever its server lists now. */
const isNeeded = ({ groups }: Settings, { id, power }: DeviceState): boolean =>
  power.fed === 'battery' && groups.some(({ feeds }) => feeds.includes(id));

function kept(state: State, settings: Settings, identities: readonly Identity[]): readonly Identity[] {
  const ids = new Set(identities.map(({ id }) => id));
  const named = new Set(identities.map(addressKey));
  return [...state.devices.values()].filter((device) => {
    if (ids.has(device.id) || named.has(addressKey(device))) return false;
    const { source } = device.address;
    const listed = state.sources.get(source)?.listed;
    const isUnlisted = state.sources.has(source) && listed === undefined;
    const isMissing = listed?.length === 0 || (listed !== undefined && isNeeded(settings, device));
    return isUnlisted || isMissing || waits(settings, state.sources, source);
  });
}

const addressKey = ({ address }: Identity): string => `${address.source}/${nameKey(address.name)}`;

/** A device with its identity of now; what was known of it stays known, also under another id. */
function settled(
  { id, address, label, nominalPower, tuning }: Identity,
  former: DeviceState | undefined,
  source: SourceState | undefined,
  memory: State['memory'],
  stamp: Stamp,
): DeviceState {
  const key = nameKey(address.name);
  const found = source?.listed?.find(({ name }) => nameKey(name) === key);
  const fresh = { link: source?.link.kind === 'lost' ? source.link : UNKNOWN, ...source?.unnamed.get(key) };
  const before: Omit<DeviceState, keyof Identity> & Pick<Identity, 'nominalPower'> = former ?? {
    ...fresh,
    ...UNHEARD,
    ...remembered(memory, id, stamp),
    derived: new Map(),
  };
  const { nominalPower: _, ...known } = before;
  const missing = source?.link.kind === 'up' && source.listed !== undefined && found === undefined;
  const link = missing ? lostSince(known.link, NOT_LISTED, stamp) : known.link;
  const device: DeviceState = {
    ...known,
    id,
    label,
    tuning,
    address: { source: address.source, name: found?.name ?? address.name },
    ...(nominalPower === undefined ? {} : { nominalPower }),
  };
  const isSame = former?.link === link && former.nominalPower === nominalPower;
  return isSame ? device : derivedAnew(device, link);
}

/** What an earlier process knew of a device. After a reboot its feeding waits for a proof: it decides nothing before. */
function remembered(memory: State['memory'], id: DeviceId, stamp: Stamp): Partial<DeviceState> {
  const kept = memory?.devices.get(id);
  if (memory === undefined || kept === undefined) return {};
  const quality = restoredQuality(kept.quality, memory.at, memory.boot, stamp);
  const battery = batteryAfterStart(kept.battery, memory.boot);
  if (memory.boot === 'same') return { ...kept, quality, battery };
  const { power, earlier } = kept;
  const waits = power.fed === undefined ? earlier : power;
  return { quality, battery, ...(waits === undefined ? {} : { earlier: waits }) };
}

function withIds(name: SourceName, source: SourceState, devices: ReadonlyMap<DeviceId, DeviceState>): SourceState {
  const own = [...devices.values()].filter(({ address }) => address.source === name);
  const ids = new Map(own.map(({ id, address }) => [nameKey(address.name), id]));
  return {
    ...source,
    ids,
    unnamed: new Map([...source.unnamed].filter(([key]) => isListed(source, key) && !ids.has(key))),
  };
}

const isListed = ({ listed }: SourceState, key: string): boolean =>
  listed?.some(({ name }) => nameKey(name) === key) === true;

function onReadings(
  state: State,
  source: SourceState,
  { source: name, readings }: Extract<Report, { kind: 'readings' }>,
  mainsHold: Millis,
  stamp: Stamp,
): Decision {
  const facts: Fact[] = sourceFacts(name, source.link, UP);
  const devices = new Map(state.devices);
  const touched = new Set<DeviceId>();
  for (const [own, reading] of readings) {
    const device = devices.get(source.ids.get(nameKey(own)) ?? '');
    if (device === undefined) continue;
    const read = readDevice(device, reading, mainsHold, stamp);
    facts.push(...(isKnownLow(state, device) ? read.facts.filter(({ type }) => type !== 'lowbatt') : read.facts));
    devices.set(device.id, read.device);
    if (read.touched) touched.add(device.id);
  }
  const unnamed = answering(source, readings);
  const isSame = source.link.kind === 'up' && unnamed === source.unnamed;
  const sources = isSame ? state.sources : new Map(state.sources).set(name, { ...source, link: UP, unnamed });
  return judged(heardOf(source, { ...state, sources, devices }, facts, stamp), touched, stamp);
}

/** The first reading after a restart in an outage in which an earlier process has told of LB already. */
function isKnownLow({ groups, alone }: State, { id, reading, power: { outage } }: DeviceState): boolean {
  if (reading !== undefined || outage === undefined) return false;
  if (outage.runtimeLeft?.low === true) return true;
  const members = [...groups.values()].map((group) => group.members.get(id));
  const held = [...members, alone.get(id)].map((member) => member?.holds.low_battery);
  // A word that was doubted had gone again, and that was told.
  return held.some((hold) => hold !== undefined && hold.doubtedSince === undefined);
}

/** What is told of devices without an id when some of them have answered. */
function answering({ unnamed }: SourceState, readings: ReadonlyMap<string, Reading>): SourceState['unnamed'] {
  if (unnamed.size === 0) return unnamed;
  const answered = new Set([...readings.keys()].map(nameKey));
  return new Map([...unnamed].map(([key, told]) => [key, answered.has(key) ? { ...told, link: UNKNOWN } : told]));
}

/** A source that has been heard of for the first time, be it as lost, lets the later ones name their devices. */
function heardOf(before: SourceState, state: State, facts: readonly Fact[], stamp: Stamp): Decision {
  if (before.link.kind !== 'unknown') return { state, intents: [], facts };
  const named = identified(state, stamp);
  return { state: named.state, intents: [], facts: [...facts, ...named.facts] };
}

function onDevice(
  state: State,
  source: SourceState,
  address: DeviceAddress,
  stamp: Stamp,
  change: <T extends Told>(told: T) => T,
): Decision {
  const key = nameKey(address.name);
  const device = state.devices.get(source.ids.get(key) ?? '');
  if (device !== undefined) {
    const next = hushed(change(device), state, stamp);
    const devices = new Map(state.devices).set(device.id, relinked(next, device.link));
    const facts = linkFacts(device, device.link, next.link, stamp);
    return judged({ state: { ...state, devices }, intents: [], facts }, new Set([device.id]), stamp);
  }
  if (!isListed(source, key)) return unchanged(state);
  const unnamed = new Map(source.unnamed).set(key, change(source.unnamed.get(key) ?? { link: UNKNOWN }));
  return unchanged({ ...state, sources: new Map(state.sources).set(address.source, { ...source, unnamed }) });
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
  const touched = new Set<DeviceId>();
  for (const device of state.devices.values()) {
    if (device.address.source !== name) continue;
    const next = hushed(derivedAnew(device, lostSince(device.link, trouble, stamp)), state, stamp);
    devices.set(device.id, next);
    touched.add(device.id);
    facts.push(...linkFacts(device, device.link, next.link, stamp));
  }
  return judged(heardOf(source, { ...state, sources, devices }, facts, stamp), touched, stamp);
}

/** A device that has been lost: its silence began with the last reading that proved anything, and nothing of the grid is seen. */
function hushed(device: DeviceState, { listening }: State, { at }: Stamp): DeviceState {
  if (device.link.kind !== 'lost') return device;
  const power = silent(device.power, device.reading?.at ?? listening?.since);
  return { ...device, power, quality: pauseQuality(device.quality, at) };
}

function lostSince(before: Link, trouble: Trouble, stamp: Stamp): Link {
  const since = before.kind === 'lost' ? before : { since: stamp.at, sinceWall: stamp.wall };
  return { kind: 'lost', trouble, since: since.since, sinceWall: since.sinceWall };
}

const relinked = (device: DeviceState, before: Link): DeviceState =>
  device.link === before ? device : derivedAnew(device, device.link);

const derivedAnew = (device: DeviceState, link: Link): DeviceState => ({
  ...device,
  link,
  derived: derive(device.reading, link, device.nominalPower),
});

function sourceFacts(name: SourceName, before: Link, now: Link): Fact[] {
  if (now.kind === 'lost') {
    if (before.kind === 'lost' && before.trouble.kind === now.trouble.kind) return [];
    const { kind, detail } = now.trouble;
    const text = `source ${name} ${TROUBLE_TEXT[kind]} (${detail})`;
    return [{ type: 'source_lost', source: name, level: 'warning', text, details: { trouble: kind, detail } }];
  }
  if (before.kind !== 'lost') return [];
  return [{ type: 'source_back', source: name, level: 'notice', text: `source ${name} answers again` }];
}
