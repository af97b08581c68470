import type { Input } from '../domain/inputs.ts';
import type { Reading } from '../domain/reading.ts';
import type { State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import type { TraceEvent } from '../domain/wire.ts';
import { fromJson, isState, toJson } from './state-json.ts';
import { type Heard, heardIn, readingsOf, type Sweep, sweepOf } from './trace-readings.ts';
import { redacted, redactedState } from './trace-redaction.ts';
import { type Base, baseOf, driftTo, type Span, spanTo, stampAt } from './trace-time.ts';

/**
 * A trace as text, one line of JSON for each input, in segments that can be read each for itself.
 *
 * A segment opens with its head: what wrote it, and the state before the next line. A tick is `["t", span, drift]`, a sweep
 * of a source `["r", span, drift, source, sweep]`, any other input `["i", span, drift, input]`; `span` is the time since the
 * line before.
 */
export interface Head {
  /** The form of the file. */
  readonly trace: 1;
  readonly version: string;
  readonly boot: string;
  /** The process that wrote it: when it began, milliseconds since 1970. */
  readonly process: number;
  /** From 1 in each process. */
  readonly segment: number;
  /** Whether nothing is missing between the segment before and this one. */
  readonly continues: boolean;
  /** When the first input came. */
  readonly at: number;
  readonly wall: number;
}

/** Writes one segment after the other. */
export interface TraceWriter {
  /** The head of a new segment, as a line. */
  readonly open: (head: Omit<Head, 'trace' | 'at' | 'wall'>, state: State, stamp: Stamp) => string;
  /** One input, as a line. Not before `open`. */
  readonly line: (input: Input, stamp: Stamp) => string;
}

export function createTraceWriter(): TraceWriter {
  let heard: Heard = { names: new Map(), readings: new Map() };
  let base: Base = { tenths: 0, wall: 0 };
  return {
    open: (head, state, stamp) => {
      heard = heardIn(state);
      base = baseOf(stamp);
      return `${toJson({ trace: 1, ...head, ...stamp, state: redactedState(state) })}\n`;
    },
    line: (input, stamp) => {
      const [span, drift] = [spanTo(stamp.at, base), driftTo(stamp, base)];
      base = baseOf(stamp);
      return `${JSON.stringify(content(input, [span, drift], base, heard))}\n`;
    },
  };
}

function content(input: Input, time: readonly [Span, number], base: Base, heard: Heard): readonly unknown[] {
  if (input.kind === 'tick') return ['t', ...time];
  if (input.kind !== 'report' || input.report.kind !== 'readings') {
    return ['i', ...time, JSON.parse(toJson(redacted(input)))];
  }
  const { source, readings } = input.report;
  return ['r', ...time, source, sweepOf(source, readings, base, heard)];
}

/** Reads one segment after the other. */
export interface TraceReader {
  /**
   * The events of a segment, in their order. Where it goes on from the one read before, its head is no event.
   *
   * @param complain told once where the segment ends in a line that cannot be read
   * @throws SyntaxError where its head is none
   */
  readonly events: (segment: string, complain: (why: string) => void) => Generator<TraceEvent>;
}

export function createTraceReader(): TraceReader {
  let heard: Heard = { names: new Map(), readings: new Map() };
  let last: (Head & { readonly undamaged: boolean }) | undefined;

  return {
    *events(segment, complain) {
      const end = segment.indexOf('\n');
      const { head, state } = headIn(end < 0 ? segment : segment.slice(0, end));
      const stamp = stampAt(`${head.at}`, 0, { tenths: Math.round(head.at * 10), wall: head.wall });
      heard = { names: new Map(), readings: agreed(heardIn(state).readings, heard.readings) };
      if (!goesOn(last, head)) {
        heard = heardIn(state);
        yield { kind: 'snapshot', state, stamp, boot: head.boot };
      }
      last = { ...head, undamaged: false };
      let base = baseOf(stamp);
      for (const [index, line] of (end < 0 ? '' : segment.slice(end + 1)).split('\n').entries()) {
        if (line === '') continue;
        let event: TraceEvent;
        try {
          event = eventIn(JSON.parse(line), base, heard);
        } catch (thrown) {
          complain(`line ${index + 2} cannot be read (${thrown instanceof Error ? thrown.message : String(thrown)})`);
          return;
        }
        base = baseOf(event.stamp);
        yield event;
      }
      last = { ...head, undamaged: true };
    },
  };
}

const goesOn = (last: (Head & { readonly undamaged: boolean }) | undefined, head: Head): boolean =>
  last?.undamaged === true &&
  head.continues &&
  last.boot === head.boot &&
  last.process === head.process &&
  last.segment + 1 === head.segment;

/** The readings a segment may refer to: those of before where they say the same, so that "nothing new" stays one comparison. */
function agreed(now: ReadonlyMap<string, Reading>, before: ReadonlyMap<string, Reading>): Map<string, Reading> {
  return new Map(
    [...now].map(([key, reading]) => [key, isAlike(before.get(key), reading) ? (before.get(key) ?? reading) : reading]),
  );
}

const isAlike = (a: Reading | undefined, b: Reading): boolean =>
  a !== undefined && JSON.stringify([a.flags, ...a.variables]) === JSON.stringify([b.flags, ...b.variables]);

function headIn(line: string): { readonly head: Head; readonly state: State } {
  const value = fromJson(line);
  if (typeof value !== 'object' || value === null || !('trace' in value)) throw new SyntaxError('this is no trace');
  const { state, ...head } = { state: undefined, ...value };
  if (!isHead(head)) throw new SyntaxError('this is a trace of another version of Gridwarden');
  if (!isState(state)) throw new SyntaxError('its snapshot is none');
  return { head, state };
}

function isHead(value: object): value is Head {
  const { trace, boot, process, segment, continues, at, wall } = value as Partial<Head>; // each is looked at below
  const numbers = [process, segment, at, wall].every((one) => typeof one === 'number');
  return trace === 1 && typeof boot === 'string' && numbers && typeof continues === 'boolean';
}

function eventIn(line: unknown, base: Base, heard: Heard): TraceEvent {
  if (!Array.isArray(line)) throw new SyntaxError('no list');
  const [kind, span, drift, first, second]: readonly unknown[] = line;
  const stamp = stampAt(typeof span === 'number' ? span : String(span), Number(drift), base);
  if (!Number.isFinite(stamp.at) || !Number.isFinite(stamp.wall)) throw new SyntaxError('no time');
  if (kind === 't') return { kind: 'input', input: { kind: 'tick' }, stamp };
  if (kind === 'r') {
    const source = String(first);
    const readings = readingsOf(source, second as Sweep, baseOf(stamp), heard); // what does not fit throws
    return { kind: 'input', input: { kind: 'report', report: { kind: 'readings', source, readings } }, stamp };
  }
  if (kind !== 'i') throw new SyntaxError('no kind of line');
  return { kind: 'input', input: inputIn(first), stamp };
}

function inputIn(tagged: unknown): Input {
  const value = fromJson(JSON.stringify(tagged));
  if (typeof value !== 'object' || value === null || !('kind' in value)) throw new SyntaxError('no input');
  return value as Input; // written by `line`; one that was tampered with is refused or thrown at by the policy
}
