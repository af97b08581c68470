import type { Reading, Variables } from '../domain/reading.ts';
import { readingOf } from '../domain/reading.ts';
import type { State } from '../domain/state.ts';
import { type Base, momentAt, type Span, spanTo } from './trace-time.ts';

/** What is new in a reading beside the last one of its device. */
export interface Change {
  /** New values of variables that stood there already; a copy of all others. */
  readonly values?: Readonly<Record<string, string>>;
  /** All variables, in their order, where names came or went. */
  readonly whole?: readonly (readonly [name: string, value: string])[];
  /** The words of its status, where they are not those of its `ups.status`. */
  readonly flags?: readonly string[];
}

/** A sweep in short: what every reading of it shares, and what is new. */
export interface Sweep {
  /** Names in their order; absent where they are those of the last sweep of this source. */
  readonly names?: readonly string[];
  /** One for all readings, or one for each. */
  readonly asked: Span | readonly Span[];
  readonly at: Span | readonly Span[];
  readonly changes?: readonly (readonly [index: number, change: Change])[];
}

/** What both sides of a trace remember, each for itself: the last sweep of every source, the last reading of every device. */
export interface Heard {
  readonly names: Map<string, readonly string[]>;
  readonly readings: Map<string, Reading>;
}

const keyOf = (source: string, name: string): string => `${source}/${name}`;

/** What a snapshot lets the next line refer to. */
export function heardIn({ devices }: State): Heard {
  const readings = new Map<string, Reading>();
  for (const { address, reading } of devices.values()) {
    if (reading !== undefined) readings.set(keyOf(address.source, address.name), reading);
  }
  return { names: new Map(), readings };
}

/** Tells a sweep by what was heard before, and takes it in. */
export function sweepOf(source: string, readings: ReadonlyMap<string, Reading>, base: Base, heard: Heard): Sweep {
  const names = [...readings.keys()];
  const last = heard.names.get(source);
  const isSame = last?.length === names.length && names.every((name, index) => name === last[index]);
  if (!isSame) heard.names.set(source, names);
  const changes: [number, Change][] = [];
  const [asked, at]: [Span[], Span[]] = [[], []];
  for (const [index, [name, reading]] of [...readings].entries()) {
    asked.push(spanTo(reading.asked, base));
    at.push(spanTo(reading.at, base));
    const key = keyOf(source, name);
    const change = changeOf(heard.readings.get(key), reading);
    if (change !== undefined) changes.push([index, change]);
    heard.readings.set(key, reading);
  }
  return {
    ...(isSame ? {} : { names }),
    asked: shared(asked),
    at: shared(at),
    ...(changes.length === 0 ? {} : { changes }),
  };
}

const shared = (spans: readonly Span[]): Span | readonly Span[] => {
  const [first] = spans;
  return first !== undefined && spans.every((span) => span === first) ? first : spans;
};

function changeOf(before: Reading | undefined, now: Reading): Change | undefined {
  const same = before?.variables === now.variables;
  const expected = before !== undefined && same ? before.flags : readingOf(now.variables, now.asked, now.at).flags;
  const flags = isEqual(expected, now.flags) ? {} : { flags: now.flags };
  if (same) return 'flags' in flags ? flags : undefined;
  const values = before === undefined ? undefined : newValues(before.variables, now.variables);
  return values === undefined ? { whole: [...now.variables], ...flags } : { values, ...flags };
}

const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((word, index) => word === b[index]));

/** Undefined where names came, went or changed places: then their order has to be told as well. */
function newValues(before: Variables, now: Variables): Readonly<Record<string, string>> | undefined {
  if (before.size !== now.size) return undefined;
  const names = before.keys();
  const values: [string, string][] = [];
  for (const [name, value] of now) {
    if (names.next().value !== name) return undefined;
    if (before.get(name) !== value) values.push([name, value]);
  }
  return Object.fromEntries(values);
}

/**
 * The readings of a sweep, and what was heard with them. A reading that says nothing new has the very variables of the
 * one before.
 *
 * @throws Error for a sweep that refers to what was not there
 */
export function readingsOf(source: string, sweep: Sweep, base: Base, heard: Heard): ReadonlyMap<string, Reading> {
  const names = sweep.names ?? heard.names.get(source) ?? missing(source);
  heard.names.set(source, names);
  const changes = new Map(sweep.changes);
  const readings = new Map<string, Reading>();
  for (const [index, name] of names.entries()) {
    const key = keyOf(source, name);
    const asked = momentAt(spanIn(sweep.asked, index), base);
    const at = momentAt(spanIn(sweep.at, index), base);
    const before = heard.readings.get(key);
    const reading = { ...changed(before, changes.get(index), key), asked, at };
    heard.readings.set(key, reading);
    readings.set(name, reading);
  }
  return readings;
}

const spanIn = (spans: Span | readonly Span[], index: number): Span =>
  typeof spans === 'object' ? (spans[index] ?? missing(`moment ${index}`)) : spans;

type Said = Pick<Reading, 'flags' | 'variables'>;

function changed(before: Said | undefined, change: Change | undefined, key: string): Said {
  if (change === undefined) return before ?? missing(key);
  const { values, whole, flags } = change;
  if (values === undefined && whole === undefined) {
    const { variables } = before ?? missing(key);
    return { variables, flags: flags ?? missing(key) };
  }
  const variables = new Map(whole ?? (before ?? missing(key)).variables);
  for (const [name, value] of Object.entries(values ?? {})) variables.set(name, value);
  return { variables, flags: flags ?? flagsIn(variables, before) };
}

/** The words of a status; the very list of the last reading where they are the same. */
function flagsIn(variables: Variables, before: Said | undefined): readonly string[] {
  const status = variables.get('ups.status');
  if (before !== undefined && before.variables.get('ups.status') === status) {
    const { flags } = before;
    if (isEqual(flags, wordsOf(variables))) return flags;
  }
  return wordsOf(variables);
}

const NO_MOMENT = momentAt(0, { tenths: 0, wall: 0 });
const wordsOf = (variables: Variables): readonly string[] => readingOf(variables, NO_MOMENT, NO_MOMENT).flags;

function missing(what: string): never {
  throw new Error(`the trace refers to ${what}, which it has not told`);
}
