import type { Input } from './inputs.ts';
import type { State } from './state.ts';
import type { Stamp } from './time.ts';

/** One thing that a trace tells, in the order in which it was. */
export type TraceEvent =
  /** The state from which on everything is on record: the beginning of a trace, of a process, or the end of a gap. */
  | {
      readonly kind: 'snapshot';
      readonly state: State;
      /** When the input after it came. */
      readonly stamp: Stamp;
      /** The identity of the boot whose clock the instants are of. */
      readonly boot: string;
    }
  | { readonly kind: 'input'; readonly input: Input; readonly stamp: Stamp };
