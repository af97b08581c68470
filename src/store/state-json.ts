import type { State } from '../domain/state.ts';

/**
 * Plain data with Maps and Sets as JSON, without loss: what `fromJson` gives back is deeply equal to what `toJson` took.
 *
 * A Map is `{"$map": [[key, value], ...]}`, a Set `{"$set": [...]}`, a number that JSON has no word for `{"$number": "NaN"}`,
 * and an object with a key that begins with `$` is `{"$object": [[key, value], ...]}`. A key whose value is undefined is
 * left out: in our data absent and undefined are the same. Class instances and functions do not occur.
 *
 * @throws RangeError for data nested thousands of levels deep
 */
export const toJson = (value: unknown): string => JSON.stringify(tagged(value));

/**
 * Undoes `toJson`.
 *
 * @throws SyntaxError for text that is no JSON, or that holds a tag with the wrong content
 */
export const fromJson = (text: string): unknown => untagged(JSON.parse(text));

/** The whole state as JSON. */
export const stateToJson = (state: State): string => toJson(state);

/**
 * A state that `stateToJson` has written.
 *
 * @throws SyntaxError for a text that is none
 */
export function stateFromJson(text: string): State {
  const value = fromJson(text);
  if (!isState(value)) throw new SyntaxError('this is not a state');
  return value;
}

/** Whether a value has the frame of a state. What is inside is taken as it was written. */
export const isState = (value: unknown): value is State =>
  isObject(value) &&
  MAPS.every((key) => value[key] instanceof Map) &&
  Array.isArray(value['names']) &&
  (value['settings'] === undefined || isObject(value['settings']));

const MAPS = ['sources', 'devices', 'pending', 'groups', 'alone', 'durations'];

type Plain = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);

function tagged(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: wordOf(value) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(tagged);
  if (value instanceof Map) return { $map: [...value].map(([key, item]) => [tagged(key), tagged(item)]) };
  if (value instanceof Set) return { $set: [...value].map(tagged) };
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const pairs = entries.map(([key, item]) => [key, tagged(item)] as const);
  return pairs.some(([key]) => key.startsWith('$')) ? { $object: pairs } : Object.fromEntries(pairs);
}

function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(untagged);
  const entries = Object.entries(value);
  const [tag, content] = entries[0] ?? ['', undefined];
  if (tag.startsWith('$')) return UNTAG[tag]?.(content) ?? wrong(tag);
  return Object.fromEntries(entries.map(([key, item]) => [key, untagged(item)]));
}

const NUMBERS: ReadonlyMap<unknown, number> = new Map(
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map((number) => [wordOf(number), number]),
);

function wordOf(number: number): string {
  return Object.is(number, -0) ? '-0' : `${number}`;
}

/** Each gives undefined for the wrong content. */
const UNTAG: Readonly<Record<string, (content: unknown) => unknown>> = {
  $map: (content) => {
    const pairs = pairsIn(content);
    return pairs && new Map(pairs.map(([key, item]) => [untagged(key), untagged(item)]));
  },
  $set: (content) => (Array.isArray(content) ? new Set(content.map(untagged)) : undefined),
  $number: (content) => NUMBERS.get(content),
  $object: (content) => {
    const pairs = pairsIn(content);
    return pairs && Object.fromEntries(pairs.map(([key, item]) => [`${key}`, untagged(item)]));
  },
};

const pairsIn = (content: unknown): readonly (readonly [unknown, unknown])[] | undefined =>
  Array.isArray(content) && content.every((pair) => Array.isArray(pair) && pair.length === 2) ? content : undefined;

function wrong(tag: string): never {
  throw new SyntaxError(`${tag.slice(0, 20)} with the wrong content`);
}
