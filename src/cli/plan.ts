import type { Run } from '../domain/groups.ts';
import type { Plan, PlannedStage, PlannedStep } from '../domain/plan.ts';
import type { GroupSettings, Settings, StageCondition } from '../domain/settings.ts';
import type { Durations } from '../domain/state.ts';
import { asInstant, formatSpan, type Millis } from '../domain/time.ts';
import { effectOf, effectText } from '../policy/groups/effect.ts';
import { planOf } from '../policy/plan/plan.ts';
import { configured } from './configured.ts';
import { learnedDurations } from './learned.ts';

/** What `gridwarden plan` is given. */
export interface PlanOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden plan`: what each group would do, in which order, and what it would take. Asks no server: spans are those
 * that the bridge has measured, else the usual ones of the kind of step.
 *
 * @returns the exit code: 0 shown, 2 no configuration or a faulty one
 */
export async function plan({ config, out }: PlanOptions): Promise<number> {
  const loaded = await configured(config, out);
  if (loaded === undefined) return 2;
  const durations = await learnedDurations(loaded.configuration.stateDir);
  for (const line of planLines(loaded.settings, durations)) out(line);
  return 0;
}

/** The plans of all groups for people, an empty line between two. @param durations what steps took before */
export function planLines(settings: Settings, durations: Durations = new Map()): readonly string[] {
  if (settings.groups.length === 0) return ['no groups: nothing is ever shut down'];
  return settings.groups.flatMap((group, index) => [
    ...(index > 0 ? [''] : []),
    ...groupLines(group, settings, durations),
  ]);
}

/** Nobody has disarmed a configuration. */
const START = asInstant(0);

function groupLines(group: GroupSettings, settings: Settings, durations: Durations): readonly string[] {
  const plan = planOf(group, durations);
  return [
    planHead(plan, effectOf(settings, plan, undefined, START), group.label),
    `  fed by ${group.feeds.join(', ')}; ${group.minHealthy} of ${group.feeds.length} needed`,
    ...planBody(plan, group.reserve),
  ];
}

/** What a plan does, in one line. */
export const planHead = (plan: Plan, effect: Run['effect'], label?: string): string =>
  `group ${plan.group}${label === undefined ? '' : ` (${label})`}: ${effectText(effect, plan)}`;

/** The stages and steps of a plan, and what they take. @param reserve absent: not told */
export function planBody(plan: Plan, reserve?: Millis): readonly string[] {
  const { stages, halt, expected, need, pointOfNoReturn } = plan;
  const end =
    halt === undefined
      ? []
      : [
          stageLine(stages.length + 1, 'halt of this host', 'when all before it has ended', halt.expected, halt.worst),
          stepLine(halt),
        ];
  const kept = reserve === undefined ? '' : `, of which ${formatSpan(reserve)} are reserve`;
  return [
    ...stages.flatMap((stage, index) => stageLines(stage, index + 1)),
    ...end,
    `  expected ${formatSpan(expected)}; needs ${formatSpan(need)}${kept}`,
    `  ${noReturn(pointOfNoReturn, plan)}`,
  ];
}

function stageLines({ name, when, steps, expected, worst }: PlannedStage, number: number): readonly string[] {
  return [stageLine(number, name, whenText(when), expected, worst), ...steps.map(stepLine)];
}

const stageLine = (number: number, name: string, when: string, expected: Millis, worst: Millis): string =>
  `  ${number}. ${name}, ${when}: ${spanText(expected, worst)}`;

function whenText(when: StageCondition | undefined): string {
  if (when === undefined) return 'when the group fires';
  const { onBatteryFor, chargeBelow, runtimeBelow } = when;
  const conditions = [
    ...(onBatteryFor === undefined ? [] : [`on battery for ${formatSpan(onBatteryFor)}`]),
    ...(chargeBelow === undefined ? [] : [`charge below ${chargeBelow} %`]),
    ...(runtimeBelow === undefined ? [] : [`runtime below ${formatSpan(runtimeBelow)}`]),
  ];
  return `${conditions.join(' and ')}, or when the group fires`;
}

function stepLine({ key, text, after, expected, worst, deadline }: PlannedStep): string {
  const waits = after.length === 0 ? '' : `, after ${after.join(', ')}`;
  return `       ${key}: ${text}${waits}: ${spanText(expected, worst)}, at most ${formatSpan(deadline)}`;
}

const spanText = (expected: Millis, worst: Millis): string =>
  expected === worst ? formatSpan(expected) : `${formatSpan(expected)}, at worst ${formatSpan(worst)}`;

function noReturn(point: string | undefined, { halt }: Plan): string {
  if (point === undefined) return 'can be cancelled at any time';
  const what = point === halt?.key ? 'the halt' : point.endsWith('/') ? `stage ${point.slice(0, -1)}` : point;
  return `cannot be cancelled from the beginning of ${what} on`;
}
