import type { Plan, PlannedStage, PlannedStep } from '../../domain/plan.ts';
import type { GroupSettings, StageSettings } from '../../domain/settings.ts';
import type { Durations } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, type Millis } from '../../domain/time.ts';

/**
 * The plan of a group as it would run now: its stages, what each step is expected to take and what it may take at
 * worst, and what all of it needs.
 *
 * A stage takes as long as the longest way through its steps; stages follow one another; the halt is last.
 */
export function planOf(group: GroupSettings, durations: Durations): Plan {
  const planned = (step: Step) => plannedStep(group.id, step, durations);
  const stages = group.stages.map((stage) => plannedStage(stage, planned));
  const halt = group.halt === undefined ? undefined : planned(group.halt);
  const sum = (of: 'expected' | 'worst') =>
    stages.reduce((total, stage) => total + stage[of], halt === undefined ? 0 : halt[of]);
  const point = group.pointOfNoReturn === undefined ? firstUps(stages) : `${group.pointOfNoReturn}/`;
  const last = point ?? halt?.key;
  return {
    group: group.id,
    stages,
    ...(halt === undefined ? {} : { halt }),
    expected: asMillis(sum('expected')),
    need: asMillis(sum('worst') + group.reserve),
    ...(last === undefined ? {} : { pointOfNoReturn: last }),
  };
}

/** A step that tells a UPS to go cannot be taken back: by default nothing can from there on. */
const firstUps = (stages: readonly PlannedStage[]): string | undefined =>
  stages.flatMap(({ steps }) => steps).find(({ kind }) => kind === 'ups')?.key;

function plannedStage({ name, when, steps }: StageSettings, planned: (step: Step) => PlannedStep): PlannedStage {
  const all = steps.map(planned);
  return {
    name,
    ...(when === undefined ? {} : { when }),
    steps: all,
    expected: longest(all, 'expected'),
    worst: longest(all, 'worst'),
  };
}

function plannedStep(group: string, step: Step, durations: Durations): PlannedStep {
  const { key, kind, text, after, deadline, usual } = step;
  const measured = durations.get(`${group}/${key}`) ?? [];
  const unmeasured = Math.min(usual, deadline);
  return {
    key,
    kind,
    text,
    after,
    deadline,
    expected: measured.at(-1) ?? asMillis(unmeasured),
    worst: measured.length === 0 ? asMillis(unmeasured) : asMillis(Math.max(...measured)),
    basis: measured.length === 0 ? 'default' : 'measured',
  };
}

/**
 * How long steps of one stage take along the longest way through them, each after those it waits for. A circle in it, which
 * no configuration has, ends.
 *
 * @param steps the whole stage, or what is left of it: others are not waited for
 */
export function longest(steps: readonly PlannedStep[], of: 'expected' | 'worst'): Millis {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const ends = new Map<string, number>();
  const endOf = (step: PlannedStep): number => {
    const known = ends.get(step.key);
    if (known !== undefined) return known;
    // Stands for itself while it is being worked out, so that a circle ends instead of exhausting the stack.
    ends.set(step.key, step[of]);
    const before = step.after.map((key) => byKey.get(key)).filter((other) => other !== undefined);
    const end = Math.max(0, ...before.map(endOf)) + step[of];
    ends.set(step.key, end);
    return end;
  };
  return asMillis(Math.max(0, ...steps.map(endOf)));
}
