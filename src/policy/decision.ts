import type { Fact } from '../domain/facts.ts';
import type { Intent } from '../domain/intents.ts';
import type { Listening, State } from '../domain/state.ts';

/** A state that takes an input in: since when the process listens is known from the first input on. */
export type Heard = State & { readonly listening: Listening };

/** What one input comes to: the state after it, what is to be done, and what has happened. */
export interface Decision {
  readonly state: State;
  readonly intents: readonly Intent[];
  readonly facts: readonly Fact[];
}

export const unchanged = (state: State): Decision => ({ state, intents: [], facts: [] });

/** A decision and what follows from it, in one: the later state, all orders and facts in their order. */
export const joined = (first: Decision, then: Decision): Decision => ({
  state: then.state,
  intents: [...first.intents, ...then.intents],
  facts: [...first.facts, ...then.facts],
});
