import type { Member } from '../../domain/groups.ts';
import type { DeviceId } from '../../domain/names.ts';
import type { Reading } from '../../domain/reading.ts';
import type { StageSettings } from '../../domain/settings.ts';
import type { DeviceState, Link } from '../../domain/state.ts';
import { between, type Instant, seconds } from '../../domain/time.ts';
import type { Holds } from '../../domain/triggers.ts';
import { TROUBLE_TEXT } from '../../domain/trouble.ts';
import { proofOf } from '../power/evidence.ts';
import { judge } from '../triggers/all.ts';
import type { View } from '../triggers/view.ts';
import { judgeStage } from './stage.ts';

/** Silence on mains that makes a feed unknown. Before, it is only degraded: a restart of upsd takes three seconds. */
export const UNKNOWN_AFTER = seconds(15);
/** OFF in the status that is no passing word of a self-test. As upsmon's OFFDURATION. */
const OFF_AFTER = seconds(30);

/** What a feed is judged with, besides what it says. */
export interface MemberInput extends Omit<View, 'power' | 'reading' | 'silentSince'> {
  /** Absent: no source lists it yet. */
  readonly device?: DeviceState;
  readonly id: DeviceId;
  readonly stages: readonly StageSettings[];
  /** When this process began to listen. */
  readonly listeningSince: Instant;
}

/** Since when nothing has proved mains or battery; absent while the last reading does. */
export function silentSince(device: DeviceState, listeningSince: Instant, gap?: Instant): Instant | undefined {
  const { power, reading, link } = device;
  const heard = link.kind === 'up' && reading !== undefined && proofOf(reading) !== undefined;
  if (heard && power.silentSince === undefined) return undefined;
  const since = power.silentSince ?? reading?.at ?? listeningSince;
  // Whoever slept cannot say that nothing was there to hear.
  return gap !== undefined && gap > since ? gap : since;
}

/** A feed of a group, or a device that no group names, as the triggers see it now. The same `Member` where nothing has changed. */
export function memberOf(before: Member | undefined, input: MemberInput, gap?: Instant): Member {
  const { device, id, stages } = input;
  if (device === undefined) return kept(before, unheard(id, 'no source lists it yet'));
  const { power, reading } = device;
  const since = silentSince(device, input.listeningSince, gap);
  const view: View = {
    ...input,
    power,
    ...(reading === undefined ? {} : { reading }),
    ...(since === undefined ? {} : { silentSince: since }),
  };
  const { verdicts, holds } = judge(view, before?.holds ?? {});
  const staged = stages.flatMap((stage) => judgeStage(stage, view, before?.stageHolds[stage.name] ?? {}));
  const fired = verdicts.filter(({ kind }) => kind === 'fired');
  const standing = classOf(device, view, fired[0]?.why);
  return kept(before, {
    device: id,
    ...standing,
    verdicts,
    holds,
    meets: staged.filter(({ met }) => met).map(({ stage }) => stage),
    stageHolds: Object.fromEntries(staged.filter(({ holds: own }) => Object.keys(own).length > 0).map(holdsOf)),
  });
}

const holdsOf = ({ stage, holds }: { readonly stage: string; readonly holds: Holds }) => [stage, holds] as const;

const unheard = (device: DeviceId, why: string): Member => ({
  device,
  class: 'unknown',
  why,
  verdicts: [],
  holds: {},
  meets: [],
  stageHolds: {},
});

type Standing = Pick<Member, 'class' | 'why'>;

function classOf(device: DeviceState, view: View, fired: string | undefined): Standing {
  const { power, link, reading } = device;
  if (fired !== undefined) return { class: 'critical', why: fired };
  if (power.fed === undefined) return { class: 'unknown', why: silence(link, 'has not been heard yet') };
  const now = view.now;
  if (power.fed === 'mains' && view.silentSince !== undefined) {
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

/** The member before where the new one says the same, so that a calm group stays one and the same value. */
function kept(before: Member | undefined, now: Member): Member {
  if (before === undefined || before.class !== now.class || before.why !== now.why) return now;
  const isIdle = ({ verdicts, meets, holds, stageHolds }: Member) =>
    verdicts.length + meets.length + Object.keys(holds).length + Object.keys(stageHolds).length === 0;
  return isIdle(before) && isIdle(now) ? before : keptParts(before, now);
}

/** Holds are journalled when they change, and only then. */
function keptParts(before: Member, now: Member): Member {
  const holds = sameHolds(before.holds, now.holds) ? before.holds : now.holds;
  const stages = new Set([...Object.keys(before.stageHolds), ...Object.keys(now.stageHolds)]);
  const isSame = [...stages].every((name) => sameHolds(before.stageHolds[name] ?? {}, now.stageHolds[name] ?? {}));
  return { ...now, holds, stageHolds: isSame ? before.stageHolds : now.stageHolds };
}

function sameHolds(one: Holds, other: Holds): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof Holds>; // keys of the two
  return [...names].every((name) => one[name] === other[name]);
}
