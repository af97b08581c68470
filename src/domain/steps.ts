import type { Millis } from './time.ts';

/** Every kind of step. A contract: configuration, topics and traces hold these words. */
export const STEP_KINDS = [
  'vms',
  'containers',
  'filesystems',
  'exec',
  'ssh',
  'http',
  'mqtt',
  'wake',
  'ups',
  'host',
] as const;

export type StepKind = (typeof STEP_KINDS)[number];

/** What every step has. */
export interface StepFrame {
  /** Unique in its group: `<stage>/<name>`. What durations are learned under. */
  readonly key: string;
  /** One line for people: what is stopped, and where. No secrets. */
  readonly text: string;
  /** Keys of steps of the same stage that have to end first. */
  readonly after: readonly string[];
  /** When it is abandoned. */
  readonly deadline: Millis;
  /** What it is taken to need before it has ever been measured; at most the deadline. */
  readonly usual: Millis;
  /** Whether it stops the machine that a source runs on, on purpose. */
  readonly carriesSource: boolean;
}

export type Step = StepFrame & { readonly kind: StepKind };
