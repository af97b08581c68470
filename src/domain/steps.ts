import type { DeviceId } from './names.ts';
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
  /**
   * Unique in its group: `<stage>/<name>`, `<stage>/restore/<name>` for a step of `restore`, `host` for the halt of
   * this host. What durations are learned under.
   */
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

/** What the decisions know of one step of a kind; how it is carried out is the shutdown room's. */
export type StepOf<K extends StepKind> = StepFrame & {
  readonly kind: K;
} & (K extends 'ups' ? { /** The UPS that it gives an order to. */ readonly device: DeviceId } : unknown);

/** What the decisions know of a step: no way to carry it out, and so no secrets. */
export type Step = { readonly [K in StepKind]: StepOf<K> }[StepKind];
