import type { GridGrade, GridQuality, Quality, QualityHour, QualityMemory } from '../../domain/quality.ts';
import { seconds } from '../../domain/time.ts';

const HOUR = seconds(3600);
const DAY = seconds(24 * 3600);

/** Hours that are kept, the present one included: seven days. */
export const KEPT_HOURS = 168;
const DAY_HOURS = 24;

/** Points that time outside the band can cost, and the share of the observed time that costs them all. EN 50160 grants 5 %. */
const [TIME_POINTS, WORST_SHARE] = [60, 0.05];
/** Points that events can cost, and what each costs that comes once a day. */
const [EVENT_POINTS, INTERRUPTION, EVENT] = [40, 10, 4];

/** The lowest score of each grade. */
const GRADES: readonly (readonly [score: number, grade: GridGrade])[] = [
  [90, 'A'],
  [75, 'B'],
  [60, 'C'],
  [40, 'D'],
];

type Sum = Omit<QualityHour, 'hour'>;

/**
 * The score of a stretch of time: 100, less
 * - up to 60 for the share of the observed time outside the band or without mains, all of them from 5 % on;
 * - up to 40 for events: 10 for each interruption a day, 4 for each sag, swell or frequency deviation a day. Less than a
 *   day observed counts as a day.
 *
 * A is from 90, B from 75, C from 60, D from 40; below is E. Undefined where less than an hour was observed.
 */
export function gridQuality(sum: Sum): GridQuality | undefined {
  const { observedMs, outsideMs, events, interruptions } = sum;
  if (observedMs < HOUR) return undefined;
  const days = Math.max(1, observedMs / DAY);
  const time = (outsideMs / observedMs / WORST_SHARE) * TIME_POINTS;
  const happened = (interruptions * INTERRUPTION + events * EVENT) / days;
  const score = Math.round(100 - Math.min(TIME_POINTS, time) - Math.min(EVENT_POINTS, happened));
  const grade = GRADES.find(([least]) => score >= least)?.[1] ?? 'E';
  return { grade, score, observedMs, outsideMs, events, interruptions };
}

/** The grid over the 24 hours and the seven days up to the present hour. */
export function gridOf({ hours, hour }: QualityMemory): Quality['grid'] {
  const recent = hours.findIndex((each) => each.hour > hour.hour - DAY_HOURS);
  const inDay = recent < 0 ? [] : hours.slice(recent);
  const sum = summed(hour, inDay);
  const day = gridQuality(sum);
  const week = gridQuality(summed(sum, recent < 0 ? hours : hours.slice(0, recent)));
  return { ...(day === undefined ? {} : { day }), ...(week === undefined ? {} : { week }) };
}

function summed(first: Sum, hours: readonly Sum[]): Sum {
  let { observedMs, outsideMs, events, interruptions } = first;
  for (const each of hours) {
    observedMs += each.observedMs;
    outsideMs += each.outsideMs;
    events += each.events;
    interruptions += each.interruptions;
  }
  return { observedMs, outsideMs, events, interruptions };
}
