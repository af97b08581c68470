import type { z } from 'zod';
import { printable } from './problem.ts';

/** What is wrong with one value, for the person who wrote it. */
export interface Wording {
  readonly message: string;
  readonly hint?: string;
}

/** An issue of the schema library on its way to a message. */
type Issue = z.core.$ZodRawIssue;

/**
 * Words an issue whose schema has no words of its own.
 *
 * @param show the offending value for people, which says less where the value is a secret
 */
export function wordingOf(issue: Issue, show: (value: unknown) => string): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${EXPECTED[issue.expected] ?? issue.expected}, got ${gotInstead(issue, show)}`;
    case 'invalid_value':
      return `must be ${choices(issue.values)}, got ${show(issue.input)}`;
    case 'too_small':
      return tooFar(issue.origin, Number(issue.minimum), issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return tooFar(issue.origin, Number(issue.maximum), issue.inclusive === false ? 'less than' : 'at most');
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return 'does not have the right form';
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
function gotInstead(issue: Issue & { readonly code: 'invalid_type' }, show: (value: unknown) => string): string {
  const block = ['object', 'record', 'array'].includes(issue.expected);
  return block ? kindOf(issue.input) : show(issue.input);
}

const choices = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;

function tooFar(origin: string, bound: number, comparison: string): string {
  if (origin === 'string' && comparison === 'at least' && bound === 1) return 'must not be empty';
  const unit = { string: 'character', array: 'item' }[origin];
  if (unit === undefined) return `must be ${comparison} ${bound}`;
  return `must have ${comparison} ${bound} ${unit}${bound === 1 ? '' : 's'}`;
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
