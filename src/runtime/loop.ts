import type { Input } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Clock, Sink, Transition } from '../domain/ports.ts';
import { EMPTY_STATE, type State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import { decide } from '../policy/decide.ts';

export interface LoopParts {
  readonly clock: Clock;
  /** Carries out orders. First of all: what protects the machines never waits behind what describes it. */
  readonly act: (intent: Intent) => void;
  /** In the order in which they hear. */
  readonly sinks: readonly Sink[];
  /** Told when a sink, an actor or the decision itself throws; the others still hear. */
  readonly blame: (part: string, thrown: unknown) => void;
}

export interface Loop {
  /** Takes an input in. May be called from inside a sink or actor: it then waits its turn. False when the inbox is full. */
  readonly push: (input: Input) => boolean;
  readonly state: () => State;
}

/** The only writer of the state. Inputs enter one at a time; actors, then sinks hear of each. */
export function createLoop({ clock, act, sinks, blame }: LoopParts): Loop {
  const waiting: { readonly input: Input; readonly stamp: Stamp }[] = [];
  let state = EMPTY_STATE;
  let busy = false;

  const guarded = (part: string, run: () => void): void => {
    try {
      run();
    } catch (thrown) {
      blame(part, thrown);
    }
  };

  const take = (input: Input, stamp: Stamp): void => {
    const before = state;
    let transition: Transition;
    try {
      const { state: after, intents, facts } = decide(before, input, stamp);
      transition = { stamp, input, before, after, intents, facts };
    } catch (thrown) {
      blame('decide', thrown);
      const text = `deciding on ${input.kind} failed; the state before it is kept`;
      const fact = { type: 'internal_error', level: 'error' as const, text };
      transition = { stamp, input, before, after: before, intents: [], facts: [fact] };
    }
    state = transition.after;
    for (const intent of transition.intents) guarded(`actor ${intent.kind}`, () => act(intent));
    for (const sink of sinks) guarded(sink.name, () => sink.accept(transition));
  };

  const push = (input: Input): boolean => {
    if (waiting.length >= LIMITS.inbox) return false;
    waiting.push({ input, stamp: { at: clock.now(), wall: clock.wall() } });
    if (busy) return true;
    busy = true;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) take(next.input, next.stamp);
    } finally {
      busy = false;
    }
    return true;
  };

  return { push, state: () => state };
}
