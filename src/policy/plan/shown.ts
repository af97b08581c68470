import type { GroupState } from '../../domain/groups.ts';
import type { PlannedStage, PlannedStep } from '../../domain/plan.ts';
import type { Json } from '../../domain/requests.ts';
import type { Millis } from '../../domain/time.ts';

const secondsOf = (span: Millis): number => Math.round(span / 1000);

/** A plan for the answer to `plan` and for its topic; spans in seconds. The keys are a contract. */
export function planData({ plan, slack, readiness }: GroupState): { readonly [key: string]: Json } {
  return {
    stages: plan.stages.map(stageData),
    halt: plan.halt === undefined ? null : stepData(plan.halt),
    expected: secondsOf(plan.expected),
    need: secondsOf(plan.need),
    slack: slack === undefined ? null : secondsOf(slack),
    point_of_no_return: plan.pointOfNoReturn ?? null,
    ready: readiness.ready,
    not_ready: [...readiness.reasons],
  };
}

function stageData({ name, when, steps, expected, worst }: PlannedStage): Json {
  const given =
    when === undefined
      ? null
      : {
          ...(when.onBatteryFor === undefined ? {} : { on_battery_for: secondsOf(when.onBatteryFor) }),
          ...(when.chargeBelow === undefined ? {} : { charge_below: when.chargeBelow }),
          ...(when.runtimeBelow === undefined ? {} : { runtime_below: secondsOf(when.runtimeBelow) }),
        };
  return { name, when: given, steps: steps.map(stepData), expected: secondsOf(expected), worst: secondsOf(worst) };
}

const stepData = ({ key, kind, text, after, expected, worst, deadline, basis }: PlannedStep): Json => ({
  key,
  kind,
  text,
  after: [...after],
  expected: secondsOf(expected),
  worst: secondsOf(worst),
  deadline: secondsOf(deadline),
  basis,
});
