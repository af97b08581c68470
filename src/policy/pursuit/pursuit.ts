import type { Fact } from '../../domain/facts.ts';
import type { GroupState, Run } from '../../domain/groups.ts';
import type { Intent } from '../../domain/intents.ts';
import type { Plan } from '../../domain/plan.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState, Listening } from '../../domain/state.ts';
import type { RunStep } from '../groups/run.ts';

/** How a decision is carried on, as the state has it. */
export type Pursuit = Pick<GroupState, 'progress' | 'shed' | 'resuming'>;

export interface Pursued {
  readonly pursuit: Pursuit;
  readonly intents: readonly Intent[];
  readonly facts: readonly Fact[];
}

export interface Pursuing {
  readonly settings: GroupSettings;
  readonly before: GroupState;
  readonly plan: Plan;
  readonly step: RunStep;
  /** What a decision would do now. */
  readonly effect: Run['effect'];
  /** Whether a run of an earlier boot still waits for proof. */
  readonly waits: boolean;
  readonly devices: ReadonlyMap<string, DeviceState>;
  readonly listening: Listening;
}

/** The part of a group that is carried on here; absent keys are absent. */
export const pursuitOf = ({ progress, shed, resuming }: Pursuit): Pursuit => ({
  ...(progress === undefined ? {} : { progress }),
  ...(shed === undefined ? {} : { shed }),
  ...(resuming === undefined ? {} : { resuming }),
});

/** Whether time alone can change how a decision is carried on. */
export const isPursuing = ({ progress, shed, resuming }: Pursuit): boolean =>
  resuming === true ||
  shed !== undefined ||
  progress?.halt !== undefined ||
  (progress !== undefined && progress.phase !== 'restored' && progress.phase !== 'ended');
