import type { Progress, StepProgress } from './progress.ts';
import type { Millis } from './time.ts';

/** How a run can end: nothing of it is left to do, it was called off, or process or machine died in it. A contract. */
export const RUN_OUTCOMES = ['carried-out', 'called-off', 'interrupted'] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** What became of one step, as it is remembered. */
export interface PastStep {
  readonly key: string;
  readonly state: StepProgress['state'];
  /** When it began, or was skipped, milliseconds since 1970. */
  readonly wall: number;
  readonly took?: Millis;
  readonly text?: string;
}

/** One of the last runs of a group, and the restore after it. The one that goes on is among them, without an outcome. */
export interface PastRun {
  /** The run's id. */
  readonly run: string;
  readonly kind: Progress['kind'];
  readonly dryRun: boolean;
  /** When it began, milliseconds since 1970. */
  readonly wall: number;
  /** What led to it, one line for people; empty where nobody knows. */
  readonly reason: string;
  /** Absent while it goes on. */
  readonly outcome?: RunOutcome;
  /** When it ended or was called off, milliseconds since 1970; of one that was interrupted the last that is known of it. */
  readonly until?: number;
  /** Why it was called off, one line for people. */
  readonly why?: string;
  /** When all that it had taken away was brought back, milliseconds since 1970. */
  readonly restored?: number;
  /** In the order of their ends, as far as they are known by now. */
  readonly steps: readonly PastStep[];
  /** Those of the restore. */
  readonly restore: readonly PastStep[];
}
