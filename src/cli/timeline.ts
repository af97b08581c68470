import type { Plan, PlannedStep } from '../domain/plan.ts';
import { asMillis, formatSpan, type Millis } from '../domain/time.ts';

/** How long a feed lasts. */
export interface Lasting {
  readonly label: string;
  /** Absent: it does not tell. */
  readonly runtime?: Millis;
}

const WIDTH = 80;
const LABEL = 26;
const BAR = WIDTH - LABEL - 2;

/** Spans that a scale may end with, in seconds. */
const ENDS = [10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/**
 * The plan of a group as bars over time, 80 columns at most: when each step begins and how long it takes (`=`), at worst
 * (`-`), the reserve, and how long each feed lasts (`#`, the part beyond 80 % that a plan may not need `.`).
 */
export function timelineLines(plan: Plan, reserve: Millis, feeds: readonly Lasting[]): readonly string[] {
  const rows = rowsOf(plan, reserve);
  const scale = scaleOf(plan.need);
  const at = (ms: number): number => Math.round((Math.min(ms, scale) / scale) * BAR);
  const bars = rows.map(({ label, from, expected, worst }) => {
    const [begin, middle, end] = [at(from), at(from + expected), at(from + worst)];
    // However short, it is seen.
    const bar = ' '.repeat(Math.min(begin, BAR - 1)) + ('='.repeat(middle - begin) + '-'.repeat(end - middle) || '=');
    return line(label, bar);
  });
  return [line('', ruler(scale)), ...bars, ...feeds.map((feed) => line(feed.label, lastingBar(feed, scale, at)))];
}

interface Row {
  readonly label: string;
  readonly from: number;
  readonly expected: number;
  readonly worst: number;
}

function rowsOf({ stages, halt }: Plan, reserve: Millis): readonly Row[] {
  const rows: Row[] = [];
  let from = 0;
  for (const { steps, worst } of stages) {
    for (const step of steps) rows.push(rowOf(step, from + beginOf(step, steps)));
    from += worst;
  }
  if (halt !== undefined) rows.push(rowOf(halt, from));
  return [...rows, { label: 'reserve', from: from + (halt?.worst ?? 0), expected: 0, worst: reserve }];
}

const rowOf = ({ key, expected, worst }: PlannedStep, from: number): Row => ({ label: key, from, expected, worst });

/** When a step begins, from the beginning of its stage, if all before it take as long as they may. */
function beginOf({ after }: PlannedStep, steps: readonly PlannedStep[], seen: readonly string[] = []): number {
  const before = steps.filter(({ key }) => after.includes(key) && !seen.includes(key));
  return Math.max(0, ...before.map((step) => beginOf(step, steps, [...seen, step.key]) + step.worst));
}

/** The first of the usual spans that the whole plan fits into. */
function scaleOf(need: Millis): Millis {
  const end = ENDS.find((seconds) => seconds * 1000 >= need * 1.1) ?? Math.ceil((need * 1.1) / 86_400_000) * 86_400;
  return asMillis(end * 1000);
}

function ruler(scale: Millis): string {
  const half = formatSpan(asMillis(scale / 2));
  const end = formatSpan(scale);
  const first = `0${'|'.padStart(BAR / 2)} ${half}`;
  return `${first.padEnd(BAR - end.length - 1)}${end}|`;
}

function lastingBar({ runtime }: Lasting, scale: Millis, at: (ms: number) => number): string {
  if (runtime === undefined) return 'does not tell how long it lasts';
  const text = ` ${formatSpan(runtime)}`;
  const safe = at(runtime * 0.8);
  const bar = '#'.repeat(safe) + '.'.repeat(at(runtime) - safe);
  if (bar.length + text.length <= BAR) return bar + text;
  // Where there is no room behind it, it stands within: the end of the bar is what counts.
  if (runtime <= scale) return `#${text} ${bar.slice(text.length + 2)}`;
  return `${bar.slice(0, BAR - text.length - 2)}>>${text}`;
}

/** Of a name that is too long its end says more. */
const line = (label: string, bar: string): string => {
  const name = label.length > LABEL - 2 ? `...${label.slice(-(LABEL - 5))}` : label;
  return `  ${name.padEnd(LABEL - 2)}${bar}`.trimEnd();
};
