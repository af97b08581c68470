import type { DeviceId } from './names.ts';
import type { Instant } from './time.ts';

/**
 * Every trigger, once, in the order in which they are judged and shown. A contract: topics, metrics and traces hold
 * these words.
 */
export const TRIGGERS = [
  'fsd',
  'low_battery',
  'charge_below',
  'runtime_below',
  'depletion',
  'on_battery_for',
  'after_failed_test',
  'dead',
] as const;

export type Trigger = (typeof TRIGGERS)[number];

/** What each trigger is about, as the beginning of a sentence. */
export const TRIGGER_TEXT: Readonly<Record<Trigger, string>> = {
  fsd: 'forced shutdown',
  low_battery: 'low battery',
  charge_below: 'battery charge',
  runtime_below: 'runtime left',
  depletion: 'depletion rate',
  on_battery_for: 'time on battery',
  after_failed_test: 'time on battery after a failed self-test',
  dead: 'silence',
};

/**
 * What a trigger thinks of one device right now. A trigger that the configuration switches off has no verdict.
 *
 * `quiet`: nothing to fear. `blind`: it cannot see, so somebody else must. `holding`: it would fire, but the condition
 * has to last. `fired`: it wants the plan to run.
 */
export interface Verdict {
  readonly trigger: Trigger;
  readonly kind: 'quiet' | 'blind' | 'holding' | 'fired';
  /** What is measured now, in `unit`; absent where nothing is measured. */
  readonly value?: number;
  /** Where it fires, in `unit`; absent for triggers of a word. */
  readonly threshold?: number;
  readonly unit?: '%' | 's' | '%/min';
  /** How far the value is from firing, in `unit`; 0 once it is there. Absent where either is. */
  readonly margin?: number;
  /** When it will fire if everything goes on as it does; absent where nothing says so. Never in the past of the judging. */
  readonly firesAt?: Instant;
  /** What `firesAt` comes from: how fast the charge falls, the runtime the device gives, or a clock alone. */
  readonly basis?: 'drain' | 'runtime' | 'clock';
  /** One line for people. */
  readonly why: string;
}

/** A condition that has begun to hold. */
export interface Held {
  /** When the first reading that agrees was asked for. */
  readonly since: Instant;
  /** Whether a second reading, asked far enough from the first, agrees with it. */
  readonly confirmed: boolean;
  /** When the gauge behind it was first doubted; absent while it is believed. */
  readonly doubtedSince?: Instant;
}

/** What the triggers of one device remember: only conditions that hold now. */
export type Holds = Readonly<Partial<Record<Trigger, Held>>>;

/** One trigger of one feed, such as the reason for a plan. */
export interface Cause {
  readonly device: DeviceId;
  readonly trigger: Trigger;
  /** The stage whose condition it is; absent where the group's own trigger has fired. */
  readonly stage?: string;
  readonly why: string;
}
