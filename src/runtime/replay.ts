import type { Input } from '../domain/inputs.ts';
import type { Transition } from '../domain/ports.ts';
import type { Settings } from '../domain/settings.ts';
import { EMPTY_STATE, type Memory, type State } from '../domain/state.ts';
import type { Instant, Stamp } from '../domain/time.ts';
import type { TraceEvent } from '../domain/wire.ts';
import { BLANK, type Mind, think } from './mind.ts';

type Restored = Extract<Input, { kind: 'restored' }>;

/** What a process leaves to the next one: the state of its last moment as a memory by the clock of the next. */
export type Recall = (left: State, at: Instant, boot: Restored['boot']) => Memory;

/**
 * A replay that takes nothing of the recorded decisions: it starts without those that the trace begins with, and each
 * later process gets back what this replay has decided. Two such replays of one trace can be compared.
 */
export interface Afresh {
  /** What every configuration of the trace is replaced with. Absent: each stays as it was recorded. */
  readonly settings?: Settings;
  readonly recall: Recall;
}

/** Decides again on what was recorded. */
export interface Replay {
  /** What one event comes to; undefined for a snapshot that is only taken over. */
  readonly take: (event: TraceEvent) => Transition | undefined;
}

/**
 * A replay of a trace, event by event: the same events give the same transitions, for ever.
 *
 * What the failsafe remembers of the last two readings is in no snapshot: only if deciding fails on the very first
 * readings of a trace can it differ from what was.
 *
 * @param afresh absent: everything as it was recorded, decisions that went on before included
 */
export function createReplay(afresh?: Afresh): Replay {
  let mind: Mind = BLANK;
  const decided = (input: Input, stamp: Stamp): Transition => {
    const thought = think(mind, input, stamp);
    mind = thought.mind;
    return thought.transition;
  };
  if (afresh === undefined) {
    return {
      take: (event) => {
        if (event.kind === 'input') return decided(event.input, event.stamp);
        mind = { ...BLANK, state: event.state };
        return undefined;
      },
    };
  }
  /** Where this replay was before the present process. */
  let left: Left | undefined;
  let now: Left | undefined;
  return {
    take: (event) => {
      let input: Input;
      if (event.kind === 'input') input = replaced(event.input, afresh, left);
      else {
        left = now;
        mind = { ...BLANK, state: without(event.state, now?.boot === event.boot ? now.state : EMPTY_STATE) };
        now = { state: mind.state, at: event.stamp.at, boot: event.boot };
        // A process that starts has no configuration yet, and brings its own.
        if (event.state.settings === undefined) return undefined;
        input = { kind: 'configured', settings: afresh.settings ?? event.state.settings };
      }
      const transition = decided(input, event.stamp);
      now = { state: transition.after, at: event.stamp.at, boot: now?.boot ?? '' };
      return transition;
    },
  };
}

interface Left {
  readonly state: State;
  readonly at: Instant;
  readonly boot: string;
}

/** The state of a snapshot with the decisions of another one in the place of its own. */
function without({ memory: _, ...state }: State, { groups, alone }: State): State {
  return { ...state, groups, alone };
}

function replaced(input: Input, { settings, recall }: Afresh, left: Left | undefined): Input {
  if (input.kind === 'configured') return settings === undefined ? input : { ...input, settings };
  if (input.kind !== 'restored') return input;
  const { memory, ...rest } = input;
  if (left !== undefined) return { ...rest, memory: recall(left.state, left.at, input.boot) };
  if (memory === undefined) return input;
  return { ...rest, memory: { ...memory, groups: new Map(), alone: new Map() } };
}
