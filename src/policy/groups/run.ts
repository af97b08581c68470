import { proofOf } from '../../analysis/power/evidence.ts';
import type { GroupState, Member, Run } from '../../domain/groups.ts';
import type { Reading } from '../../domain/reading.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import type { Stamp } from '../../domain/time.ts';
import type { Cause } from '../../domain/triggers.ts';

/** What a group is to do, as its feeds stand now. */
export interface Call {
  /** The whole plan. */
  readonly whole: boolean;
  /** Stages whose own condition holds, in their order; none beside the whole plan. */
  readonly stages: readonly string[];
  readonly kind: Run['kind'];
  readonly cause: readonly Cause[];
}

/** How a run goes on after an input. */
export type RunStep =
  | { readonly kind: 'none' }
  /** Nothing new. */
  | { readonly kind: 'same'; readonly run: Run }
  | { readonly kind: 'begun'; readonly run: Run; readonly added: readonly string[] }
  /** More of the same run, or a reason that mains do not call off. */
  | { readonly kind: 'more'; readonly run: Run; readonly added: readonly string[] }
  | { readonly kind: 'called-off'; readonly run: Run; readonly why: string }
  | { readonly kind: 'finished'; readonly run: Run };

/**
 * One plan an outage: a run that has begun grows, is called off by mains, or ends; it is never begun twice.
 *
 * A run that could do nothing when it was decided, because the group was not armed, is decided anew when it can.
 */
export function stepRun(
  before: Run | undefined,
  call: Call,
  group: GroupSettings,
  devices: ReadonlyMap<string, DeviceState>,
  effect: Run['effect'],
  stamp: Stamp,
  going: Going,
): RunStep {
  const isCalled = call.whole || call.stages.length > 0;
  const isMore = before !== undefined && RANK[effect] > RANK[before.effect];
  if (before === undefined || (isCalled && (isMore || isPassed(before, call, devices, going)))) {
    return isCalled ? begun(call, group, effect, stamp) : { kind: 'none' };
  }
  if (RANK[effect] < RANK[before.effect] && !going.pastReturn) {
    return { kind: 'called-off', run: before, why: 'less is allowed now than when it was decided' };
  }
  if (!isCalled) return ended(before, group, devices, going);
  const stages = call.whole ? allStages(group) : [...before.stages, ...call.stages];
  const added = stages.filter((name) => !before.stages.includes(name));
  const whole = before.whole || call.whole;
  const graver = before.kind === 'outage' && call.whole && call.kind !== 'outage';
  if (added.length === 0 && whole === before.whole && !graver) return { kind: 'same', run: before };
  const kind = graver ? call.kind : before.kind;
  const cause = whole === before.whole && !graver ? before.cause : merged(before.cause, call.cause);
  const inOrder = allStages(group).filter((name) => before.stages.includes(name) || added.includes(name));
  const since = whole && !before.whole ? { wholeSince: stamp.at } : {};
  return { kind: 'more', run: { ...before, kind, cause, whole, stages: inOrder, ...since }, added };
}

/** What a person has asked for, and is through, does not stand in the way of an outage that has begun after it. */
function isPassed(
  { kind, since }: Run,
  { cause }: Call,
  devices: ReadonlyMap<string, DeviceState>,
  { hasEnded, isRehearsed }: Going,
): boolean {
  const isLater = ({ device }: Cause) => (devices.get(device)?.power.outage?.since ?? since) > since;
  return kind === 'request' && (hasEnded || isRehearsed) && cause.some(isLater);
}

/** How far the run that stands has come. */
export interface Going {
  /** It has begun what nobody can take back. */
  readonly pastReturn: boolean;
  /** It was ordered, and not all of it is through. */
  readonly isAtWork: boolean;
  /** Some of it was begun, and nothing runs or will be begun any more. */
  readonly hasEnded: boolean;
  /** It was only gone through, and that has come to its end. */
  readonly isRehearsed: boolean;
}

const RANK: Readonly<Record<Run['effect'], number>> = { none: 0, 'dry-run': 1, act: 2 };

const allStages = (group: GroupSettings): readonly string[] => group.stages.map(({ name }) => name);

function begun(call: Call, group: GroupSettings, effect: Run['effect'], stamp: Stamp): RunStep {
  const stages = call.whole ? allStages(group) : call.stages;
  const run: Run = {
    id: `${group.id}-${new Date(stamp.wall).toISOString()}`,
    kind: call.kind,
    cause: call.cause,
    since: stamp.at,
    wall: stamp.wall,
    stages,
    whole: call.whole,
    ...(call.whole ? { wholeSince: stamp.at } : {}),
    effect,
  };
  return { kind: 'begun', run, added: stages };
}

/** Whether two causes are one, whatever was measured. */
const isSameCause = (one: Cause, other: Cause): boolean =>
  one.device === other.device && one.trigger === other.trigger && one.stage === other.stage;

const merged = (before: readonly Cause[], now: readonly Cause[]): readonly Cause[] => {
  const isKnown = (cause: Cause) => before.some((known) => isSameCause(known, cause));
  return [...before, ...now.filter((cause) => !isKnown(cause))];
};

/** Nothing calls for the run any more. What a person has asked for stands until a person takes it back. */
function ended(
  run: Run,
  { feeds, minHealthy }: GroupSettings,
  devices: ReadonlyMap<string, DeviceState>,
  going: Going,
): RunStep {
  // A rehearsal has left nothing to take back.
  if (run.kind === 'request') return { kind: going.isRehearsed ? 'finished' : 'same', run };
  if (run.kind === 'outage') {
    const enough = feeds.filter((id) => hasMains(devices.get(id))).length >= minHealthy;
    const caused = run.cause.filter(({ device }) => feeds.includes(device));
    const back = enough || (caused.length > 0 && caused.every(({ device }) => hasMains(devices.get(device))));
    if (!back || going.pastReturn) return { kind: 'same', run };
    if (going.hasEnded) return { kind: 'finished', run };
    return { kind: 'called-off', run, why: 'the mains have held again' };
  }
  const caused = new Set(run.cause.map(({ device }) => device));
  const over = feeds.every(
    (id) => (!caused.has(id) || hasMains(devices.get(id))) && devices.get(id)?.reading?.flags.includes('FSD') !== true,
  );
  return over && !going.isAtWork ? { kind: 'finished', run } : { kind: 'same', run };
}

/** Whether the mains of a feed have held for `mains_hold` and are heard. A feed that no source lists yet has none. */
export function hasMains(device: DeviceState | undefined): device is DeviceState & { readonly reading: Reading } {
  if (device === undefined) return false;
  const { power, reading, link } = device;
  const heard = link.kind === 'up' && reading !== undefined && proofOf(reading) === 'mains';
  return heard && power.fed === 'mains' && power.outage === undefined;
}

/** What becomes of a run from before a reboot: it goes on once battery is proved, and is over once mains are. */
export function earlierRun(
  { earlierRun: run }: Pick<GroupState, 'earlierRun'>,
  { feeds, minHealthy }: Pick<GroupSettings, 'feeds' | 'minHealthy'>,
  devices: ReadonlyMap<string, DeviceState>,
): 'waits' | 'goes-on' | 'is-over' | undefined {
  if (run === undefined) return undefined;
  const fed = feeds.map((device) => devices.get(device)?.power.fed);
  // One of several feeds proves nothing: so many must be on battery that the others are too few.
  if (feeds.length - fed.filter((feed) => feed === 'battery').length < minHealthy) return 'goes-on';
  return fed.filter((feed) => feed === 'mains').length >= minHealthy ? 'is-over' : 'waits';
}

/** Causes for people, one after the other. */
export const causeText = (cause: readonly Cause[], label: (device: string) => string): string =>
  cause.map(({ device, why }) => `${label(device)}: ${why}`).join('; ');

/** The feeds in their order, as far as they were judged. */
export const listOf = (members: ReadonlyMap<string, Member>): readonly Member[] => [...members.values()];
