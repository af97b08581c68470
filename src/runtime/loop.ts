import type { Input } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Clock, Sink } from '../domain/ports.ts';
import type { State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import { BLANK, think } from './mind.ts';

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
  let mind = BLANK;
  let busy = false;

  const guarded = (part: string, run: () => void): void => {
    try {
      run();
    } catch (thrown) {
      blame(part, thrown);
    }
  };

  const take = (input: Input, stamp: Stamp): void => {
    const thought = think(mind, input, stamp);
    mind = thought.mind;
    if (thought.thrown !== undefined) blame('decide', thought.thrown.value);
    const { transition } = thought;
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

  return { push, state: () => mind.state };
}
