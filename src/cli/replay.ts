import { explain } from '../config/problem.ts';
import { readConfiguration } from '../config/read.ts';
import type { Settings } from '../domain/settings.ts';
import type { Stamp } from '../domain/time.ts';
import { type Happening, happenings } from '../runtime/happenings.ts';
import { type Afresh, createReplay, type Replay } from '../runtime/replay.ts';
import { memoryOf, shifted } from '../store/memory.ts';
import { openTrace, type Trace } from '../store/trace-files.ts';
import { comparison } from './replay-comparison.ts';

/** What `gridwarden replay` is given. */
export interface ReplayOptions {
  /** Segments, folders of segments or state folders, in their order. */
  readonly traces: readonly string[];
  /** Another configuration to decide with as well. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden replay`: decides again on what was recorded, and prints what happened and what was decided; with another
 * configuration, what that would have decided beside it.
 *
 * @returns the exit code: 0 done, whether or not the two differ; 1 a trace that cannot be read; 2 a bad configuration
 */
export async function replay({ traces, config, out }: ReplayOptions): Promise<number> {
  let other: Settings | undefined;
  if (config !== undefined) {
    const loaded = await readConfiguration(config, process.env);
    if (!loaded.ok) {
      for (const line of explain(loaded.error)) out(line);
      return 2;
    }
    other = loaded.value.settings;
  }
  const troubles: string[] = [];
  const trace = await openTrace(traces, ({ message }) => troubles.push(message));
  if (!trace.ok) {
    out(trace.error.message);
    return 1;
  }
  try {
    const events = other === undefined ? await tell(trace.value, out) : await compare(trace.value, other, out);
    for (const trouble of troubles) out(`warning: ${trouble}`);
    return events > 0 ? 0 : 1;
  } catch (thrown) {
    // A trace that was written by hand or by another version holds what the policy does not know.
    out(`the trace cannot be replayed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return 1;
  }
}

/** Prints a timeline, then the decisions. */
async function tell(trace: Trace, out: (line: string) => void): Promise<number> {
  const decisions: Happening[] = [];
  const passed = await play(trace, [createReplay()], (happening, _, begun) => {
    out(lineOf(happening, begun));
    if (happening.isDecision) decisions.push(happening);
  });
  out('');
  const { begun } = passed;
  if (begun === undefined || decisions.length === 0) out('no decisions');
  else {
    out('decisions:');
    for (const decision of decisions) out(`  ${lineOf(decision, begun)}`);
  }
  out(summary(passed));
  return passed.inputs;
}

/** Prints the decisions of both configurations side by side. */
async function compare(trace: Trace, settings: Settings, out: (line: string) => void): Promise<number> {
  const recall: Afresh['recall'] = (left, at, boot) => {
    const memory = memoryOf(left, at);
    return boot === 'same' ? memory : shifted(memory, -memory.at);
  };
  const [recorded, other]: [Happening[], Happening[]] = [[], []];
  const sides = [createReplay({ recall }), createReplay({ recall, settings })];
  const passed = await play(trace, sides, (happening, side) => {
    if (happening.isDecision) (side === 0 ? recorded : other).push(happening);
  });
  const { begun } = passed;
  if (begun !== undefined) for (const line of comparison(recorded, other, begun)) out(line);
  out(summary(passed));
  return passed.inputs;
}

interface Passed {
  readonly inputs: number;
  /** The first and the last moment of the trace; absent where it holds nothing. */
  readonly begun?: Stamp;
  readonly ended?: Stamp;
}

/** Plays a trace to several replays at once; each happening is told with the number of the replay it is of. */
async function play(
  trace: Trace,
  sides: readonly Replay[],
  tell: (happening: Happening, side: number, begun: Stamp) => void,
): Promise<Passed> {
  let inputs = 0;
  let begun: Stamp | undefined;
  let ended: Stamp | undefined;
  for await (const event of trace.events()) {
    begun ??= event.stamp;
    ended = event.stamp;
    if (event.kind === 'input') inputs += 1;
    for (const [index, side] of sides.entries()) {
      const transition = side.take(event);
      if (transition === undefined) continue;
      if (transition.facts.length === 0 && transition.intents.length === 0) continue;
      for (const happening of happenings(transition)) tell(happening, index, begun);
    }
  }
  return { inputs, ...(begun === undefined ? {} : { begun }), ...(ended === undefined ? {} : { ended }) };
}

function lineOf({ stamp, what, about, text }: Happening, begun: Stamp): string {
  const time = new Date(stamp.wall).toISOString().slice(11, 23);
  return `${time} ${offset(stamp, begun)}  ${what}${about === undefined ? '' : ` ${about}`}: ${text}`;
}

/** By the wall clock, which alone goes on over restarts. */
const offset = (stamp: Stamp, begun: Stamp): string => `+${((stamp.wall - begun.wall) / 1000).toFixed(1)}s`;

function summary({ inputs, begun, ended }: Passed): string {
  if (begun === undefined || ended === undefined) return 'the trace holds nothing';
  const [from, to] = [begun, ended].map(({ wall }) => new Date(wall).toISOString());
  return `${inputs} inputs from ${from} to ${to}`;
}
