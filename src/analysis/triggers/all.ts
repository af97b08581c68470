import type { Outage } from '../../domain/power.ts';
import { after, asInstant, type Instant } from '../../domain/time.ts';
import type { Held, Holds, Verdict } from '../../domain/triggers.ts';
import { isCalibrating } from '../power/evidence.ts';
import { chargeBelow } from './charge-below.ts';
import { dead } from './dead.ts';
import { depletion } from './depletion.ts';
import { forcedShutdown } from './forced-shutdown.ts';
import { DOUBT_AT_MOST, type Upheld, upheld } from './hold.ts';
import { lowBattery } from './low-battery.ts';
import { afterFailedTest, onBatteryFor } from './on-battery.ts';
import { runtimeBelow } from './runtime-below.ts';
import { isShown, type Opinion, type TriggerRow, type View } from './view.ts';

/** In the order of `TRIGGERS`. */
const ROWS: readonly TriggerRow[] = [
  forcedShutdown,
  lowBattery,
  chargeBelow,
  runtimeBelow,
  depletion,
  onBatteryFor,
  afterFailedTest,
  dead,
];

/** What may fire in an outage that only a status says which says mains as well. */
const FIRES_UNSHOWN: ReadonlySet<string> = new Set([forcedShutdown.trigger, lowBattery.trigger]);

export interface Judged {
  readonly verdicts: readonly Verdict[];
  readonly holds: Holds;
}

/** The judgement of a device on mains that nobody has told to go: nothing to see, nothing to remember. */
const CALM: Judged = { verdicts: [], holds: {} };

/**
 * Asks every trigger about one device.
 *
 * Without an outage, and while the mains are seen again in one, only a forced shutdown can fire: fresh mains never shut
 * anything down.
 */
export function judge(view: View, before: Holds): Judged {
  const { outage, fed } = view.power;
  const calm = outage === undefined || (fed === 'mains' && outage.mainsSince !== undefined);
  if (calm) return outage === undefined ? forced(view) : { ...forced(view), holds: before };
  const calibrates = view.reading !== undefined && isCalibrating(view.reading);
  const verdicts: Verdict[] = [];
  let holds: Holds | undefined;
  for (const row of ROWS) {
    const opinion = row.look(view, outage);
    if (opinion === undefined) continue;
    if (calibrates && opinion.kind === 'agrees' && row !== forcedShutdown && row !== dead) {
      // Only in this very reading: what held before it goes on after it.
      const why = `${opinion.why}, but a calibration is going on`;
      verdicts.push(seenBy(row, { ...opinion, kind: 'quiet', why }, 'quiet'));
      const standing = before[row.trigger];
      if (standing !== undefined) holds = { ...holds, [row.trigger]: standing };
      continue;
    }
    const seen = hushed(row, opinion, view, outage);
    const hold = holdOf(row, seen, before[row.trigger], view, outage);
    verdicts.push(verdictOf(row, seen, hold, view, outage));
    if (hold?.held !== undefined) holds = { ...holds, [row.trigger]: hold.held };
  }
  return { verdicts, holds: holds ?? CALM.holds };
}

function forced(view: View): Judged {
  const { kind, why } = forcedShutdown.look(view);
  return kind === 'agrees' ? { verdicts: [{ trigger: 'fsd', kind: 'fired', why }], holds: {} } : CALM;
}

/** An opinion that must not count now: in an outage that has yet to show itself. */
function hushed(row: TriggerRow, opinion: Opinion, view: View, outage: Outage): Opinion {
  if (opinion.kind !== 'agrees' || FIRES_UNSHOWN.has(row.trigger) || isShown(view, outage)) return opinion;
  return {
    ...opinion,
    kind: 'quiet',
    why: `${opinion.why}, but the status says mains as well and nothing else agrees`,
  };
}

/** How long a condition has lasted; undefined for a trigger that fires as soon as it sees something. */
function holdOf(row: TriggerRow, opinion: Opinion, before: Held | undefined, view: View, { since }: Outage) {
  const holds = row.holds || opinion.holds !== undefined;
  if (!holds) return undefined;
  return upheld(opinion, before, view, { since, settles: row.settles, wavers: row.wavers === true });
}

function verdictOf(row: TriggerRow, opinion: Opinion, hold: Upheld | undefined, view: View, outage: Outage): Verdict {
  if (opinion.kind !== 'agrees' && hold?.firesAt === undefined) {
    const verdict = seenBy(row, opinion, opinion.kind);
    if (opinion.firesAt === undefined) return verdict;
    return expected(verdict, soonest(row, opinion.firesAt, view, outage), opinion.basis);
  }
  // Right after a start or a stall nobody can have answered yet.
  const isNews = view.reading !== undefined && view.reading.at >= view.listeningFrom;
  const heard = isNews || row === forcedShutdown ? view.now : view.silenceFrom;
  const due = laterOf(laterOf(hold?.firesAt ?? view.now, heard), testedUntil(row, view, outage));
  const isDue = view.now >= due && hold?.confirmed !== false;
  if (isDue) return seenBy(row, opinion, 'fired');
  return expected(seenBy(row, opinion, 'holding'), laterOf(due, view.now), 'clock');
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function expected(verdict: Writable<Verdict>, firesAt: Instant, basis: NonNullable<Verdict['basis']>): Verdict {
  verdict.firesAt = firesAt;
  verdict.basis = basis;
  return verdict;
}

/** Written out: this is made for every trigger of every feed in every second of an outage. */
function seenBy({ trigger }: TriggerRow, opinion: Opinion, kind: Verdict['kind']): Writable<Verdict> {
  const { value, threshold, unit, why } = opinion;
  if (value !== undefined && threshold !== undefined && unit !== undefined) {
    // How far the value is from where it fires, whichever side that is on.
    const margin = opinion.kind === 'agrees' ? 0 : Math.round(Math.abs(value - threshold) * 10) / 10;
    return { trigger, kind, value, threshold, unit, margin, why };
  }
  const verdict: Writable<Verdict> = { trigger, kind, why };
  if (threshold !== undefined) verdict.threshold = threshold;
  if (unit !== undefined) verdict.unit = unit;
  return verdict;
}

/** Evidence of a test other than CAL delays; never a forced shutdown, nor the death of a device. */
function testedUntil(row: TriggerRow, { now, testing }: View, { testSince }: Outage): Instant {
  const delays = testing && testSince !== undefined && row !== forcedShutdown && row !== dead;
  return delays ? after(testSince, DOUBT_AT_MOST) : now;
}

/** An estimate, no sooner than the trigger could fire at all. */
function soonest(row: TriggerRow, estimate: Instant, view: View, outage: Outage): Instant {
  const settled = row.settles ? after(outage.since, view.settings.settle) : view.now;
  return laterOf(laterOf(estimate, settled), view.now);
}

const laterOf = (one: Instant, other: Instant): Instant => asInstant(Math.max(one, other));
