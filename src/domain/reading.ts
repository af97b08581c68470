import { statusWords } from './flags.ts';
import { LIMITS } from './limits.ts';
import { isVariableName } from './names.ts';
import { plausible } from './quantities.ts';
import type { Instant } from './time.ts';

/** Everything a device says, by variable name, as the text came (trimmed, at most `LIMITS.value` characters). */
export type Variables = ReadonlyMap<string, string>;

/**
 * What one device said in one poll. Frozen when built, never edited.
 *
 * A poll that only asked for the status carries the variables of the last whole one; `variables` is then the very
 * same object, so that "nothing changed" is one comparison.
 */
export interface Reading {
  /** When the question was sent. Two readings prove more than one only if asked some time apart. */
  readonly asked: Instant;
  /** When the answer was complete. */
  readonly at: Instant;
  /** The words of `ups.status`; empty for a device without one (PDUs, sensors) and for an empty status. */
  readonly flags: readonly string[];
  readonly variables: Variables;
}

/** A reading whose variables were read whole. */
export function readingOf(variables: Variables, asked: Instant, at: Instant): Reading {
  return { asked, at, flags: statusWords(variables.get('ups.status') ?? ''), variables };
}

/** The next reading after a poll that asked for the status alone. */
export function withStatus(last: Reading, status: string, asked: Instant, at: Instant): Reading {
  if (last.variables.get('ups.status') === status) return { ...last, asked, at };
  const variables = new Map(last.variables).set('ups.status', status);
  return readingOf(variables, asked, at);
}

/** The number of a variable for judgement; undefined when absent, no number, implausible or a sentinel. */
export function numberIn(reading: Reading, variable: string): number | undefined {
  const text = reading.variables.get(variable);
  return text === undefined ? undefined : plausible(variable, text);
}

/** Driver parameters can hold passwords and SNMP communities, and upsd shows them to anyone. They end here. */
const SECRET = /^driver\.parameter\..*(?:pass|community|secret|login|user|secname|token|authkey|privkey)/i;

/**
 * Makes variables of pairs from a device: names that are none and driver credentials are dropped, values trimmed and
 * cut, at most `LIMITS.nutList` kept.
 */
export function variablesOf(pairs: Iterable<readonly [name: string, value: string]>): Variables {
  const kept = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (kept.size >= LIMITS.nutList) break;
    if (isVariableName(name) && !SECRET.test(name)) kept.set(name, value.trim().slice(0, LIMITS.value));
  }
  return kept;
}

/** A variable that the device lets us set (`upsrw`). */
export interface Writable {
  readonly variable: string;
  /** The server's own words; absent where it has none. */
  readonly description?: string;
  /** What may be written: one of a list, a number in one of the ranges, any number, or a text up to a length. */
  readonly accepts:
    | { readonly kind: 'enum'; readonly values: readonly string[] }
    | { readonly kind: 'range'; readonly ranges: readonly (readonly [min: number, max: number])[] }
    | { readonly kind: 'number' }
    | { readonly kind: 'text'; readonly maxLength: number };
}

/** A command that the device obeys (`upscmd`). */
export interface Command {
  readonly name: string;
  /** The server's own words; absent where it has none. */
  readonly description?: string;
}

/** What a device can be told. Read once, and again when its driver or variables change. */
export interface Inventory {
  readonly writable: readonly Writable[];
  readonly commands: readonly Command[];
}

/** A device as its source lists it. */
export interface Listed {
  /** The source's own name for it, as it must be asked for (case kept). */
  readonly name: string;
  /** The server's description; absent where it has none. */
  readonly description?: string;
}

/** Names one device of one source. */
export interface DeviceAddress {
  readonly source: string;
  readonly name: string;
}
