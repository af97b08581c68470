import type { Capacity, Member, MemberClass, Quorum } from '../../domain/groups.ts';
import { numberIn } from '../../domain/reading.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';

/** How the feeds of a group stand together. */
export interface Standing extends Quorum {
  /** Whether feeds that are unknown or off were counted as lost: not what an outage alone has done. */
  readonly byAbsence: boolean;
}

/**
 * Counts the feeds of a group.
 *
 * A critical feed is lost. One that is unknown or off is lost only in a group of two or more, and only while another is
 * critical: silence on mains shuts nothing down by itself, and all of them unknown never does.
 *
 * @param isLost whether a feed counts as critical here: for a stage, one that meets its condition does too
 * @param countsAbsent whether silence since the start is long enough to be counted
 */
export function quorumOf(
  members: readonly Member[],
  needed: number,
  isLost: (member: Member) => boolean,
  countsAbsent: boolean,
): Standing {
  let lost = 0;
  let absent = 0;
  for (const member of members) {
    if (isLost(member)) lost += 1;
    else if (member.class === 'unknown' || member.class === 'off') absent += 1;
  }
  // A single feed that is lost leaves nobody to be absent.
  const counted = countsAbsent ? absent : 0;
  const isGone = lost > 0 && members.length - lost - counted < needed;
  // Shown as it would be with one more lost: nobody can count on who is absent.
  const healthy = members.length - lost - absent;
  const spare = Math.max(0, healthy - needed);
  return { healthy, needed, spare, lost: isGone, byAbsence: isGone && members.length - lost >= needed };
}

const NOMINAL = ['ups.realpower.nominal', 'output.realpower.nominal'];

/** What a feed can deliver, in watts; undefined where neither the configuration nor the device says it. */
function nominalOf({ nominalPower, reading }: DeviceState): number | undefined {
  if (nominalPower !== undefined) return nominalPower;
  const told = NOMINAL.map((name) => (reading === undefined ? undefined : numberIn(reading, name)));
  return told.find((watts) => (watts ?? 0) > 0);
}

const CARRIES: ReadonlySet<string | undefined> = new Set<MemberClass>(['healthy', 'degraded']);

/** Whether what is left of a group can carry the load. Undefined for a single feed, and where a nominal power or load is not known. */
export function capacityOf(
  { feeds, minHealthy }: Pick<GroupSettings, 'feeds' | 'minHealthy'>,
  members: ReadonlyMap<string, Member>,
  devices: ReadonlyMap<string, DeviceState>,
): Capacity | undefined {
  if (feeds.length < 2) return undefined;
  const carrying = feeds.filter((id) => CARRIES.has(members.get(id)?.class));
  const nominal: number[] = [];
  let load = 0;
  for (const id of feeds) {
    const device = devices.get(id);
    const isCarrying = carrying.includes(id);
    const watts = device === undefined ? undefined : nominalOf(device);
    if (isCarrying) {
      if (watts === undefined) return undefined;
      nominal.push(watts);
    }
    // What a lost feed carried last has moved to the others, which show it themselves.
    if (!isCarrying && members.get(id)?.class !== 'critical') continue;
    const drawn = Number(device?.derived.get('power') ?? Number.NaN);
    if (Number.isNaN(drawn)) return undefined;
    load += drawn;
  }
  if (carrying.length === 0) return undefined;
  const total = sum(nominal);
  const enough = load <= total;
  if (carrying.length - 1 < minHealthy) return { watts: total, load, enough };
  return { watts: total, load, enough, enoughWithOneLess: load <= total - Math.max(...nominal) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);
