import type { GroupId } from './names.ts';
import type { StageCondition } from './settings.ts';
import type { StepKind } from './steps.ts';
import type { Millis } from './time.ts';

/** One step of a plan with what it is expected to take. */
export interface PlannedStep {
  /** Unique in the group, the same in every plan of it: `<stage>/<name>`. What durations are learned under. */
  readonly key: string;
  readonly kind: StepKind;
  /** One line for people: what is stopped, and where. No secrets. */
  readonly text: string;
  /** Keys of steps of the same stage that have to end first. */
  readonly after: readonly string[];
  /** What it took last time; unmeasured: the default of its kind, at most its deadline. */
  readonly expected: Millis;
  /** The worst of its last five runs and drills; unmeasured: the same as `expected`. */
  readonly worst: Millis;
  readonly deadline: Millis;
  readonly basis: 'measured' | 'default';
}

export interface PlannedStage {
  readonly name: string;
  readonly when?: StageCondition;
  /** Side by side, as far as `after` lets them. */
  readonly steps: readonly PlannedStep[];
  /** Along the longest way through its steps. */
  readonly expected: Millis;
  readonly worst: Millis;
}

/** What would be done for a group, and what it would take. A pure consequence of configuration and learned durations. */
export interface Plan {
  readonly group: GroupId;
  readonly stages: readonly PlannedStage[];
  /** The halt of this host, last of all; absent where there is none. */
  readonly halt?: PlannedStep;
  readonly expected: Millis;
  /** Stages and halt at their worst, and the reserve: what has to be left when the plan begins. */
  readonly need: Millis;
  /** Key of the step, or `<stage>/` for a whole stage, from whose beginning on nothing can be cancelled; absent where the plan has no such point. */
  readonly pointOfNoReturn?: string;
}

/** Whether a plan does anything at all. */
export const isIdle = ({ stages, halt }: Plan): boolean =>
  halt === undefined && stages.every(({ steps }) => steps.length === 0);
