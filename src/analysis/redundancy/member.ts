import type { Member } from '../../domain/groups.ts';
import type { DeviceId } from '../../domain/names.ts';
import type { Reading } from '../../domain/reading.ts';
import type { StageSettings } from '../../domain/settings.ts';
import type { DeviceState, Link } from '../../domain/state.ts';
import { between, type Instant, seconds } from '../../domain/time.ts';
import { type Holds, TRIGGERS, type Verdict } from '../../domain/triggers.ts';
import { TROUBLE_TEXT } from '../../domain/trouble.ts';
import { proofOf } from '../power/evidence.ts';
import { judge } from '../triggers/all.ts';
import { isShown, type View } from '../triggers/view.ts';
import { judgeStage, type StageNear } from './stage.ts';

/** Silence on mains that makes a feed unknown. Before, it is only degraded: a restart of upsd takes three seconds. */
export const UNKNOWN_AFTER = seconds(15);
/** OFF in the status that is no passing word of a self-test. As upsmon's OFFDURATION. */
const OFF_AFTER = seconds(30);

/** Since when nothing has proved mains or battery; absent while the last reading does. */
export function silentSince(device: DeviceState, listeningSince: Instant, gap?: Instant): Instant | undefined {
  const { power, reading, link } = device;
  const heard = link.kind === 'up' && reading !== undefined && proofOf(reading) !== undefined;
  if (heard && power.silentSince === undefined) return undefined;
  const since = power.silentSince ?? reading?.at ?? listeningSince;
  // Whoever slept cannot say that nothing was there to hear.
  return gap !== undefined && gap > since ? gap : since;
}

/** A feed with the stages whose condition it would meet next, in their order; absent where none is in sight. */
export interface ForeseeingMember extends Member {
  readonly nears?: readonly StageNear[];
}

/** A feed of a group, or a device that no group names, as the triggers see it now. The same `Member` where nothing has changed. */
export function memberOf(
  before: ForeseeingMember | undefined,
  device: DeviceState,
  view: View,
  stages: readonly StageSettings[],
): ForeseeingMember {
  const { verdicts, holds } = judge(view, before?.holds ?? {});
  const standing = classOf(device, view, firedBy(verdicts));
  const { meets, stageHolds, nears } = stages.length === 0 ? NOT_STAGED : stagedBy(stages, view, before);
  const now: Writable<ForeseeingMember> = {
    device: device.id,
    class: standing.class,
    verdicts,
    holds,
    meets,
    stageHolds,
  };
  const fired = firedAfter(before?.fired, verdicts, view);
  if (fired !== undefined) now.fired = fired;
  if (standing.why !== undefined) now.why = standing.why;
  if (nears !== undefined) now.nears = nears;
  return kept(before, now);
}

/** Why the first trigger that has fired did; undefined where none has. */
function firedBy(verdicts: readonly Verdict[]): string | undefined {
  for (const { kind, why } of verdicts) if (kind === 'fired') return why;
  return undefined;
}

/** Which have fired: until the outage is over, and until the device is heard. The same list where nothing has changed. */
function firedAfter(before: Member['fired'], verdicts: readonly Verdict[], view: View): Member['fired'] {
  const stand = view.power.outage !== undefined || view.silentSince !== undefined;
  let fired = stand ? before : undefined;
  for (const { kind, trigger } of verdicts) {
    if (kind === 'fired' && fired?.includes(trigger) !== true) fired = [...(fired ?? []), trigger];
  }
  return fired !== undefined && before !== undefined && sameWords(before, fired) ? before : fired;
}

/** A feed that no source lists yet. */
export function unlisted(before: ForeseeingMember | undefined, device: DeviceId): ForeseeingMember {
  // What an earlier process has left waits for the list; what this one has judged ends with it.
  const waits = before !== undefined && before.class === 'unknown' && before.verdicts.length === 0;
  if (!waits) return kept(before, { ...UNLISTED, device });
  const { holds, stageHolds, fired } = before;
  return kept(before, { ...UNLISTED, device, holds, stageHolds, ...(fired === undefined ? {} : { fired }) });
}

const UNLISTED = {
  class: 'unknown',
  why: 'no source lists it yet',
  verdicts: [],
  holds: {},
  meets: [],
  stageHolds: {},
} as const;

type Staged = Pick<ForeseeingMember, 'meets' | 'stageHolds' | 'nears'>;

const NOT_STAGED: Staged = { meets: [], stageHolds: {} };

/** What a feed says to the conditions of the stages. */
function stagedBy(stages: readonly StageSettings[], view: View, before: Member | undefined): Staged {
  const staged = stages.flatMap((stage) => judgeStage(stage, view, before?.stageHolds[stage.name] ?? {}));
  const held = staged.filter(({ holds }) => Object.keys(holds).length > 0);
  const nears = staged.flatMap(({ near }) => near ?? []);
  return {
    meets: staged.filter(({ met }) => met).map(({ stage }) => stage),
    stageHolds: Object.fromEntries(held.map(({ stage, holds }) => [stage, holds])),
    ...(nears.length === 0 ? {} : { nears }),
  };
}

type Standing = Pick<Member, 'class' | 'why'>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

function classOf(device: DeviceState, view: View, fired: string | undefined): Standing {
  const { power, link, reading } = device;
  if (fired !== undefined) return { class: 'critical', why: fired };
  if (power.fed === undefined) return { class: 'unknown', why: silence(link, 'has not been heard yet') };
  const now = view.now;
  const unproved = power.fed === 'mains' || (power.outage !== undefined && !isShown(view, power.outage));
  if (unproved && view.silentSince !== undefined) {
    const why = silence(link, 'says neither mains nor battery');
    return { class: between(view.silentSince, now) >= UNKNOWN_AFTER ? 'unknown' : 'degraded', why };
  }
  if (power.offSince !== undefined) {
    return { class: between(power.offSince, now) >= OFF_AFTER ? 'off' : 'degraded', why: 'its output is off' };
  }
  const { outage } = power;
  if (outage !== undefined && outage.mainsSince === undefined) return { class: 'degraded', why: 'on battery' };
  if (outage !== undefined) return { class: 'degraded', why: 'the mains have just come back' };
  return reading === undefined ? { class: 'healthy' } : burdened(reading);
}

const silence = (link: Link, otherwise: string): string =>
  link.kind === 'lost' ? `it ${TROUBLE_TEXT[link.trouble.kind]}` : otherwise;

/** On mains, and yet not as it should be: counts as healthy, and is shown. */
function burdened({ flags }: Reading): Standing {
  if (flags.includes('FSD')) return { class: 'degraded', why: 'a forced shutdown is set, and only told' };
  if (flags.includes('BYPASS')) return { class: 'degraded', why: 'on bypass, the load is not protected' };
  if (flags.includes('OVER')) return { class: 'degraded', why: 'overloaded' };
  return { class: 'healthy' };
}

/**
 * The member before where the new one says the same, so that a group in which nothing has changed stays one and the same
 * value. Holds are journalled when they change, and only then: those that say the same stay the same as well.
 */
function kept(before: ForeseeingMember | undefined, now: ForeseeingMember): ForeseeingMember {
  if (before === undefined) return now;
  const holds = sameHolds(before.holds, now.holds) ? before.holds : now.holds;
  const stageHolds = sameStageHolds(before.stageHolds, now.stageHolds) ? before.stageHolds : now.stageHolds;
  const saysTheSame =
    before.class === now.class &&
    before.why === now.why &&
    before.holds === holds &&
    before.stageHolds === stageHolds &&
    before.fired === now.fired &&
    sameVerdicts(before.verdicts, now.verdicts) &&
    sameWords(before.meets, now.meets) &&
    sameNears(before.nears ?? NONE, now.nears ?? NONE);
  if (saysTheSame) return before;
  return holds === now.holds && stageHolds === now.stageHolds ? now : { ...now, holds, stageHolds };
}

/** A loop of its own: this is asked of every feed in every second of an outage. */
function sameVerdicts(before: readonly Verdict[], now: readonly Verdict[]): boolean {
  if (before.length !== now.length) return false;
  let index = 0;
  for (const verdict of now) {
    if (!isSame(before[index], verdict)) return false;
    index += 1;
  }
  return true;
}

/** What moves with every second is compared first: the words of most seconds never have to be. */
const isSame = (before: Verdict | undefined, now: Verdict): boolean =>
  before?.firesAt === now.firesAt &&
  before?.value === now.value &&
  before?.kind === now.kind &&
  before.trigger === now.trigger &&
  before.threshold === now.threshold &&
  before.margin === now.margin &&
  before.unit === now.unit &&
  before.basis === now.basis &&
  before.why === now.why;

/** What has changed nothing is the very same `Held`. */
const sameHolds = (before: Holds | undefined, now: Holds | undefined): boolean =>
  before === now || TRIGGERS.every((name) => before?.[name] === now?.[name]);

const sameWords = (before: readonly string[], now: readonly string[]): boolean =>
  before === now || (before.length === now.length && now.every((word, index) => word === before[index]));

const NONE: readonly StageNear[] = [];

const sameNears = (before: readonly StageNear[], now: readonly StageNear[]): boolean =>
  before.length === now.length && now.every((near, index) => isSameNear(before[index], near));

const isSameNear = (before: StageNear | undefined, now: StageNear): boolean =>
  before?.stage === now.stage &&
  before.at === now.at &&
  before.trigger === now.trigger &&
  before.basis === now.basis &&
  before.why === now.why;

function sameStageHolds(before: Member['stageHolds'], now: Member['stageHolds']): boolean {
  if (before === now) return true;
  for (const name in now) if (!sameHolds(before[name], now[name])) return false;
  for (const name in before) if (now[name] === undefined) return false;
  return true;
}
