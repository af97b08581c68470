import { type DeviceId, isReservedId, type SourceName, slugOf } from '../domain/names.ts';
import type { DeviceAddress } from '../domain/reading.ts';
import { type DeviceSettings, type Settings, type Tuning, UNTUNED } from '../domain/settings.ts';
import type { KnownName, SourceState } from '../domain/state.ts';

/** A device that exists for us: declared in the configuration, or listed by a source. */
export interface Identity {
  readonly id: DeviceId;
  readonly address: DeviceAddress;
  /** What people call it: the configuration's label, else the server's description, else the id. */
  readonly label: string;
  readonly nominalPower?: number;
  readonly tuning: Tuning;
}

/** Names are compared without regard to case, as upsd does. */
export const nameKey = (name: string): string => name.toLowerCase();

/**
 * Who is who, from the configuration and what the servers list: the same inputs give the same ids whatever the order
 * in which servers answered.
 *
 * Declared devices come first and keep their id. Then, in the order of the file, every listed device is called by its
 * slug; on a clash the earlier source keeps the name and the later one's device is called `<source>_<name>`. A source
 * waits with its undeclared devices until each earlier one has been heard of once, be it as lost, so that a slow
 * server does not lose its names at every start. An id that a device of another source had before the start stays its
 * own until that source has listed: a command must never reach another device because a server is down.
 *
 * @param names ids from before the start
 */
export function assignIds(
  settings: Settings,
  sources: ReadonlyMap<SourceName, SourceState>,
  names: readonly KnownName[],
): readonly Identity[] {
  const taken = new Set<DeviceId>([...settings.devices.map(({ id }) => id), ...reserved(sources, names)]);
  const identities = settings.devices.map(declared);
  for (const source of settings.sources) {
    const state = sources.get(source);
    const own = new Set(settings.devices.filter((d) => d.source === source).map((d) => nameKey(d.name)));
    for (const { name, description } of state?.listed ?? []) {
      if (own.has(nameKey(name))) continue;
      own.add(nameKey(name));
      const id = freeId(source, name, taken);
      taken.add(id);
      identities.push({ id, address: { source, name }, label: description ?? id, tuning: UNTUNED });
    }
    if (isUnheard(state)) break;
  }
  return identities;
}

function reserved(sources: ReadonlyMap<SourceName, SourceState>, names: readonly KnownName[]): readonly DeviceId[] {
  const isSilent = (name: SourceName): boolean => sources.has(name) && sources.get(name)?.listed === undefined;
  return names.filter(({ source }) => isSilent(source)).map(({ id }) => id);
}

/** Whether a source still has to wait for an earlier one to name its devices. */
export function waits(settings: Settings, sources: ReadonlyMap<SourceName, SourceState>, source: SourceName): boolean {
  const earlier = settings.sources.slice(0, Math.max(0, settings.sources.indexOf(source)));
  return earlier.some((name) => isUnheard(sources.get(name)));
}

const isUnheard = (state: SourceState | undefined): boolean => state === undefined || state.link.kind === 'unknown';

function declared(settings: DeviceSettings): Identity {
  const { id, source, name, label, nominalPower, trustCharge, powerQuality, batteryInstalled } = settings;
  const tuning = { trustCharge, powerQuality, ...(batteryInstalled === undefined ? {} : { batteryInstalled }) };
  return {
    id,
    address: { source, name },
    label: label ?? id,
    tuning,
    ...(nominalPower === undefined ? {} : { nominalPower }),
  };
}

function freeId(source: SourceName, name: string, taken: ReadonlySet<DeviceId>): DeviceId {
  const plain = slugOf(name);
  if (!taken.has(plain) && !isReservedId(plain)) return plain;
  const joined = slugOf(`${source}_${plain}`);
  // Of a source that is itself called `group`.
  const plainly = isReservedId(joined) ? slugOf(`ups_${joined}`) : joined;
  // `ups_ups` beside `ups` would give `power` of the one and `ups.power` of the other the same unique id.
  const confusing = [...taken].some((other) => plainly.startsWith(`${other}_`));
  const prefixed = confusing ? slugOf(`${source}-${plain}`) : plainly;
  let id = prefixed;
  for (let count = 2; taken.has(id); count += 1) id = `${prefixed.slice(0, 58)}_${count}`;
  return id;
}
