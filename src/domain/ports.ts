import type { Fact } from './facts.ts';
import type { Input, Instructed, Report } from './inputs.ts';
import type { Intent, Order } from './intents.ts';
import type { State } from './state.ts';
import type { Instant, Stamp } from './time.ts';

/** The two clocks. Monotonic for everything that elapses, wall for records. */
export interface Clock {
  readonly now: () => Instant;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/** A structured log. Details are printed as they are: secrets are `Secret` values, which print as `***`. */
export interface Log {
  readonly debug: (text: string, details?: object) => void;
  readonly info: (text: string, details?: object) => void;
  readonly warn: (text: string, details?: object) => void;
  readonly error: (text: string, details?: object) => void;
  /** A log whose lines name the room they come from. */
  readonly room: (name: string) => Log;
}

/**
 * A server or agent with devices behind it.
 *
 * One source never waits for another, and never throws at its caller: whatever fails is a report.
 */
export interface Source {
  readonly name: string;
  /** Watches until the signal aborts, then closes what it opened. Resolves when all is closed. */
  readonly watch: (report: (report: Report) => void, signal: AbortSignal) => Promise<void>;
  /** Tells one device one thing, once. Always comes back, within its own deadline. */
  readonly instruct: (name: string, order: Order, signal: AbortSignal) => Promise<Instructed>;
}

/** One step of the state: what came in, what it was before and is now, what is to be done, what happened. */
export interface Transition {
  readonly stamp: Stamp;
  readonly input: Input;
  readonly before: State;
  readonly after: State;
  readonly intents: readonly Intent[];
  readonly facts: readonly Fact[];
}

/**
 * Somewhere a transition goes: MQTT, metrics, log.
 *
 * `accept` is synchronous and quick. Whoever must wait keeps a bounded mailbox of its own.
 */
export interface Sink {
  readonly name: string;
  readonly accept: (transition: Transition) => void;
}

/** Stops something that was started. Never rejects for a reason its caller could mend. */
export type Stop = () => Promise<void>;
