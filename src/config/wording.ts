import type { z } from 'zod';
import { type Path, printable } from './problem.ts';
import { suggest } from './suggest.ts';

/** What is wrong with one value, for the person who wrote it. */
export interface Wording {
  readonly message: string;
  readonly hint?: string;
}

/** Something that does not fit together. */
export interface Misfit extends Wording {
  readonly path: Path;
}

/** An issue of the schema library on its way to a message. */
type Issue = z.core.$ZodRawIssue;

/**
 * Stands in a message for the offending value: while the schema is at work nobody knows where in the file it is, and so
 * whether it may be shown.
 */
export const GIVEN = '\0';

/** Words an issue whose schema has no words of its own. Empty: a choice of several kinds, see `choiceWording`. */
export function wordingOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${EXPECTED[issue.expected] ?? issue.expected}, got ${gotInstead(issue)}`;
    case 'invalid_value':
      return `must be ${choices(issue.values)}, got ${GIVEN}`;
    case 'too_small':
      return tooFar(issue.origin, Number(issue.minimum), issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return tooFar(issue.origin, Number(issue.maximum), issue.inclusive === false ? 'less than' : 'at most');
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return 'does not have the right form';
    case 'invalid_union':
      return '';
    case 'unrecognized_keys':
      return 'unknown key';
    default:
      return undefined;
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping of keys',
  record: 'a mapping of keys',
  array: 'a list',
};

/** A lone value where a block should be is not shown: it may be the password that the block was to hold. */
function gotInstead(issue: Issue & { readonly code: 'invalid_type' }): string {
  const block = ['object', 'record', 'array'].includes(issue.expected);
  return block ? kindOf(issue.input) : GIVEN;
}

const choices = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;

function tooFar(origin: string, bound: number, comparison: string): string {
  if (origin === 'string' && comparison === 'at least' && bound === 1) return 'must not be empty';
  const unit = { string: 'character', array: 'item' }[origin];
  if (unit === undefined) return `must be ${comparison} ${bound}`;
  return `must have ${comparison} ${bound} ${unit}${bound === 1 ? '' : 's'}`;
}

/**
 * Words a value that is of none of the kinds that it may be.
 *
 * @param kinds what is wrong with it as each of them
 * @param hidden whether the value is a secret
 * @param keys that a block in its place could have
 */
export function choiceWording(
  kinds: readonly (readonly z.core.$ZodIssue[])[],
  input: unknown,
  hidden: boolean,
  keys: readonly string[],
): Wording {
  const issues = kinds.flatMap(([first]) => first ?? []);
  const words = issues.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []));
  const ownWords = issues.find((issue) => issue.code !== 'invalid_value' && !issue.message.startsWith('expected '));
  const hint =
    (typeof input === 'string' && !hidden ? meantBy(input, words, keys) : undefined) ??
    (ownWords !== undefined && words.length > 0 ? `or write ${words.join(' or ')}` : undefined);
  const types = issues.flatMap((issue) =>
    issue.code === 'invalid_type' ? [EXPECTED[issue.expected] ?? issue.expected] : [],
  );
  const expected = [...(words.length > 2 ? [choices(words)] : words), ...new Set(types)].join(' or ');
  const message = ownWords?.message ?? `expected ${expected}, got ${shown(input, hidden)}`;
  return { message, ...(hint !== undefined && { hint }) };
}

function meantBy(input: string, words: readonly string[], keys: readonly string[]): string | undefined {
  const near = suggest(input, words);
  if (near !== undefined) return `did you mean ${near}?`;
  return keys.includes(input) ? `write it as a key, with what belongs to it: ${input}:` : undefined;
}

/** A value for people: texts in quotes, cut; nothing of a secret. */
export function shown(value: unknown, secret: boolean): string {
  if (typeof value === 'string') return secret ? 'a text' : JSON.stringify(printable(value));
  if (typeof value === 'number' || typeof value === 'boolean') return secret ? kindOf(value) : String(value);
  return kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping of keys';
  return typeof value === 'string' ? 'a text' : typeof value === 'number' ? 'a number' : 'true or false';
}

/** What usually lies behind a value of the wrong kind. */
export function hintFor(expected: string, value: unknown): string | undefined {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes';
  if (expected === 'boolean' && typeof value === 'string' && /^(?:yes|no|on|off)$/i.test(value)) {
    return `write ${/^(?:yes|on)$/i.test(value) ? 'true' : 'false'}`;
  }
  if (value === null) return 'give it a value or remove the key';
  return undefined;
}

/**
 * Words a name that nothing has.
 *
 * @param shown the name for people
 */
export function noSuch(what: string, name: string, known: readonly string[], shown: string): Wording {
  const near = suggest(name, known);
  const hint = near !== undefined ? `did you mean ${near}?` : known.length > 0 ? listed(known) : undefined;
  return { message: `no ${what} is called ${shown}`, ...(hint !== undefined && { hint }) };
}

/** The first few of the names that would be right. */
const listed = (names: readonly string[]): string =>
  `there is ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' and more' : ''}`;
