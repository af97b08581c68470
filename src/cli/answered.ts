import { z } from 'zod';
import type { Run } from '../domain/groups.ts';
import type { Plan } from '../domain/plan.ts';
import type { Json } from '../domain/requests.ts';
import { STEP_KINDS } from '../domain/steps.ts';
import { seconds } from '../domain/time.ts';

const span = z.number().transform(seconds);

const step = z.object({
  key: z.string(),
  kind: z.enum(STEP_KINDS),
  text: z.string(),
  after: z.array(z.string()),
  expected: span,
  worst: span,
  deadline: span,
  basis: z.enum(['measured', 'default']),
});

const when = z
  .object({ on_battery_for: span.optional(), charge_below: z.number().optional(), runtime_below: span.optional() })
  .transform(({ on_battery_for: onBatteryFor, charge_below: chargeBelow, runtime_below: runtimeBelow }) => ({
    ...(onBatteryFor !== undefined && { onBatteryFor }),
    ...(chargeBelow !== undefined && { chargeBelow }),
    ...(runtimeBelow !== undefined && { runtimeBelow }),
  }));

const stage = z
  .object({ name: z.string(), when: when.nullable(), steps: z.array(step), expected: span, worst: span })
  .transform(({ when: given, ...rest }) => ({ ...rest, ...(given !== null && { when: given }) }));

const plan = z.object({
  effect: z.enum(['act', 'dry-run', 'none']),
  stages: z.array(stage),
  halt: step.nullable(),
  expected: span,
  need: span,
  point_of_no_return: z.string().nullable(),
  not_ready: z.array(z.string()),
});

/** The plan of a group, as a running bridge has answered `plan`. */
export interface AnsweredPlan {
  readonly plan: Plan;
  readonly effect: Run['effect'];
  readonly notReady: readonly string[];
}

/** Reads one group of an answer to `plan`; undefined where it is none that we understand. */
export function answeredPlan(group: string, data: Json | undefined): AnsweredPlan | undefined {
  const read = plan.safeParse(data);
  if (!read.success) return undefined;
  const { effect, stages, halt, expected, need, point_of_no_return: point, not_ready: notReady } = read.data;
  const more = { ...(halt !== null && { halt }), ...(point !== null && { pointOfNoReturn: point }) };
  return { plan: { group, stages, expected, need, ...more }, effect, notReady };
}

const progress = z.object({
  state: z.string(),
  run: z.string().nullable(),
  hurried: z.string().nullable(),
  halt: z.object({ act: z.string() }).nullable(),
  past_return: z.boolean().nullable(),
  shed: z.object({ held: z.string().nullable() }).nullable(),
  steps: z.array(
    z.object({
      key: z.string(),
      text: z.string(),
      state: z.string(),
      took: z.number().nullable(),
      result: z.string().nullable(),
      items: z.array(z.object({ item: z.string(), state: z.string(), text: z.string().nullable() })),
    }),
  ),
});

/** How far a run has come, as a running bridge has answered `progress`. */
export type AnsweredProgress = z.infer<typeof progress>;

/** Reads one group of an answer to `progress`; undefined where it is none that we understand. */
export function answeredProgress(data: Json | undefined): AnsweredProgress | undefined {
  return progress.safeParse(data).data;
}
