import type { Json } from '../domain/requests.ts';
import type { Instant, Millis } from '../domain/time.ts';

/**
 * How one type of data looks when it comes from a file, and where its instants are.
 *
 * One description serves both the check and the shift, and the compiler holds it against the type: a field that is added
 * to the type does not compile before it is described here.
 */
export interface Shape<T> {
  /** A copy of what is well formed, without what is not known; undefined for anything else. */
  readonly read: (value: unknown) => T | undefined;
  /** The same with every instant in it moved by so many milliseconds. */
  readonly moved: (value: T, by: number) => T;
}

/** A field that may be absent. */
export interface Optional<T> {
  readonly optional: Shape<T>;
}

/** A shape for every field, an `Optional` for each that may be absent. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? Optional<Exclude<T[K], undefined>> : Shape<T[K]>;
};

/** Longer texts and lists are none of ours. */
const LONGEST_TEXT = 4096;
const LONGEST_LIST = 5000;

const fixed = <T>(is: (value: unknown) => value is T): Shape<T> => ({
  read: (value) => (is(value) ? value : undefined),
  moved: (value) => value,
});

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export const number: Shape<number> = fixed(isNumber);
export const flag: Shape<boolean> = fixed((value): value is boolean => typeof value === 'boolean');
export const text: Shape<string> = fixed(
  (value): value is string => typeof value === 'string' && value.length <= LONGEST_TEXT,
);
export const span: Shape<Millis> = fixed((value): value is Millis => isNumber(value) && value >= 0);

/** A moment on the monotonic clock. May lie before the boot: then it is negative. */
export const instant: Shape<Instant> = {
  read: (value) => (isNumber(value) ? (value as Instant) : undefined), // checked right here
  moved: (value, by) => (value + by) as Instant, // an instant moved is one
};

/** Any value of JSON: what it means is checked by whoever uses it. */
export const json: Shape<Json> = fixed(isJson);

function isJson(value: unknown): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isPlain(value) && Object.values(value).every(isJson);
}

/** One of the given values. */
export const oneOf = <const T extends string | number | boolean>(...values: readonly T[]): Shape<T> =>
  fixed((value): value is T => values.some((one) => one === value));

export const optional = <T>(shape: Shape<T>): Optional<T> => ({ optional: shape });

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    read: (value) => {
      if (!Array.isArray(value) || value.length > LONGEST_LIST) return undefined;
      const items = value.map(item.read);
      return items.some((one) => one === undefined) ? undefined : (items as T[]); // none is undefined
    },
    moved: (value, by) => value.map((one) => item.moved(one, by)),
  };
}

export function pair<A, B>(first: Shape<A>, second: Shape<B>): Shape<readonly [A, B]> {
  return {
    read: (value) => {
      if (!Array.isArray(value) || value.length !== 2) return undefined;
      const [a, b] = [first.read(value[0]), second.read(value[1])];
      return a === undefined || b === undefined ? undefined : [a, b];
    },
    moved: ([a, b], by) => [first.moved(a, by), second.moved(b, by)],
  };
}

/** A Map with names as keys. Entries that are not well formed are left out: one bad device costs only itself. */
export function mapOf<T>(item: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return {
    read: (value) => {
      if (!(value instanceof Map) || value.size > LONGEST_LIST) return undefined;
      return new Map(entriesOf(value, item));
    },
    moved: (value, by) => new Map([...value].map(([key, one]) => [key, item.moved(one, by)])),
  };
}

/** An object with names as keys, all alike. Entries that are not well formed are left out. */
export function recordOf<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    read: (value) => (isPlain(value) ? Object.fromEntries(entriesOf(Object.entries(value), item)) : undefined),
    moved: (value, by) => Object.fromEntries(Object.entries(value).map(([key, one]) => [key, item.moved(one, by)])),
  };
}

/** An object with names of a closed list as keys, each of which may be absent. */
export function partialOf<K extends string, T>(
  keys: readonly K[],
  item: Shape<T>,
): Shape<Readonly<Partial<Record<K, T>>>> {
  const some = recordOf(item);
  return {
    read: (value) => {
      const known = some.read(value);
      if (known === undefined) return undefined;
      const kept = keys.flatMap((key) => (known[key] === undefined ? [] : [[key, known[key]]]));
      return Object.fromEntries(kept) as Partial<Record<K, T>>; // only keys of the list
    },
    moved: (value, by) => {
      const given = Object.entries(value) as [K, T][]; // the entries of a record over K
      return Object.fromEntries(given.map(([key, one]) => [key, item.moved(one, by)])) as Partial<Record<K, T>>; // the same keys
    },
  };
}

/** An object with exactly these fields. One that is not well formed spoils it, one that is not known is dropped. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const rows = Object.entries(fields) as [keyof T & string, Shape<unknown> | Optional<unknown>][]; // the fields, less exactly typed
  return {
    read: (value) => {
      if (!isPlain(value)) return undefined;
      const kept: [string, unknown][] = [];
      for (const [key, field] of rows) {
        const given = Object.hasOwn(value, key) ? value[key] : undefined;
        if ('optional' in field && given === undefined) continue;
        const read = shapeOf(field).read(given);
        if (read === undefined) return undefined;
        kept.push([key, read]);
      }
      return Object.fromEntries(kept) as T; // every field was read by its own shape
    },
    moved: (value, by) => {
      const moved = rows.flatMap(([key, field]) => {
        const given: unknown = value[key];
        return given === undefined ? [] : [[key, shapeOf(field).moved(given, by)]];
      });
      return Object.fromEntries(moved) as T; // every field by its own shape
    },
  };
}

const shapeOf = (field: Shape<unknown> | Optional<unknown>): Shape<unknown> =>
  'optional' in field ? field.optional : field;

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Map) &&
  !(value instanceof Set);

function entriesOf<T>(entries: Iterable<readonly [unknown, unknown]>, item: Shape<T>): [string, T][] {
  const kept: [string, T][] = [];
  for (const [key, value] of entries) {
    const read = item.read(value);
    if (typeof key === 'string' && key.length <= LONGEST_TEXT && read !== undefined) kept.push([key, read]);
  }
  return kept;
}
