import { LIMITS } from '../../domain/limits.ts';
import type { Listed, Variables, Writable } from '../../domain/reading.ts';
import { variablesOf } from '../../domain/reading.ts';
import type { Trouble, TroubleKind } from '../../domain/trouble.ts';
import { isBareWord, onlyQuoted, readQuoted, wordsOf } from './quoting.ts';

/**
 * What the lines of upsd mean.
 *
 * A list arrives as its block of text, `BEGIN` line to `END` line, whose every line has been checked to begin with the
 * head of its list. What then does not parse is one broken value of one device and is left out: the order of answers
 * is still known, so the others need not suffer.
 *
 * @see RFC 9271, section 4.2; NUT docs/net-protocol.txt, "Command reference"
 */

/**
 * The index in `line` after `head` and one blank, or the length of a line that is `head` alone; -1 if it begins with
 * something else. Case is ignored: upsd echoes names as they were asked, other servers as they know them.
 */
export function afterHead(line: string, head: string): number {
  const end = head.length;
  if (!line.startsWith(head) && line.slice(0, end).toLowerCase() !== head.toLowerCase()) return -1;
  if (line.length === end) return end;
  return line.charCodeAt(end) === BLANK ? end + 1 : -1;
}

/** The code of an `ERR` line, without the text that may follow it; undefined for any other line. */
export function errorCode(line: string): string | undefined {
  if (!line.startsWith('ERR')) return undefined;
  const [first, code = 'UNKNOWN'] = line.slice(0, 200).split(/\s+/);
  return first === 'ERR' ? code.toUpperCase() : undefined;
}

const TROUBLES: Readonly<Record<string, TroubleKind>> = {
  'DRIVER-NOT-CONNECTED': 'driver-not-connected',
  'DATA-STALE': 'data-stale',
  'UNKNOWN-UPS': 'unknown-ups',
  'ACCESS-DENIED': 'access-denied',
};

/** What an error code says about the device or server that was asked. Codes nobody knows are refusals. */
export function troubleOfCode(code: string): Trouble {
  return { kind: (Object.hasOwn(TROUBLES, code) && TROUBLES[code]) || 'refused', detail: code.slice(0, 200) };
}

/** Whether a code says that the server knows no such variable, in today's words or those before NUT 1.5. */
export const isNoVariable = (code: string): boolean => code === 'VAR-NOT-SUPPORTED' || code === 'VAR-UNKNOWN';

/** A `malformed` trouble that shows the beginning of what came. */
export function malformed(what: string, line = ''): Trouble {
  const shown = line.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
  return { kind: 'malformed', detail: shown === '' ? what : `${what}: ${shown}` };
}

/** The lines of a block between `BEGIN` and `END`, each from after its head on. */
export function* itemsOf(block: string, head: string): Generator<string> {
  const skipped = head.length + 1;
  let at = block.indexOf('\n') + 1;
  for (let end = block.indexOf('\n', at); end !== -1; end = block.indexOf('\n', at)) {
    const next = end + 1;
    if (next >= block.length) return;
    yield block.slice(at + skipped, end);
    at = next;
  }
}

function* pairsOf(block: string, head: string): Generator<readonly [string, string]> {
  for (const item of itemsOf(block, head)) {
    const blank = item.indexOf(' ');
    const value = onlyQuoted(item, blank + 1);
    if (blank > 0 && value !== undefined) yield [item.slice(0, blank), value];
  }
}

/** The variables of a `LIST VAR` block. */
export const readVariables = (block: string, head: string): Variables => variablesOf(pairsOf(block, head));

/** The value in the rest of a `VAR` line, trimmed and cut as variables are; undefined when it is not one quoted word. */
export const readValue = (rest: string): string | undefined => onlyQuoted(rest)?.trim().slice(0, LIMITS.value);

/** upsd's words for "none": of `LIST UPS` and of `DESC`, of `UPSDESC`. */
const NO_DESCRIPTION = new Set(['', 'Description unavailable', 'Unavailable']);

/** A description in the rest of a `DESC` or `CMDDESC` line; undefined where the server has none. */
export function readDescription(rest: string): string | undefined {
  const text = onlyQuoted(rest)?.trim().slice(0, LIMITS.value);
  return text === undefined || NO_DESCRIPTION.has(text) ? undefined : text;
}

/** What `LIST UPS` says. */
export interface Listing {
  readonly devices: readonly Listed[];
  /** Beginnings of lines whose name could not be asked for safely, or beyond the limit. */
  readonly leftOut: readonly string[];
}

/** The devices of a `LIST UPS` block, each name once whatever its case, because to upsd case makes no difference. */
export function readListing(block: string): Listing {
  const devices = new Map<string, Listed>();
  const leftOut: string[] = [];
  for (const item of itemsOf(block, 'UPS')) {
    const [name, description, ...rest] = wordsOf(item) ?? [];
    if (name === undefined || rest.length > 0 || !isBareWord(name) || devices.size >= LIMITS.nutDevices) {
      if (leftOut.length < 10) leftOut.push(item.slice(0, 80).replace(/[^\x20-\x7e]/g, '?'));
    } else if (!devices.has(name.toLowerCase())) {
      const text = description?.trim().slice(0, LIMITS.value) ?? '';
      devices.set(name.toLowerCase(), NO_DESCRIPTION.has(text) ? { name } : { name, description: text });
    }
  }
  return { devices: [...devices.values()], leftOut };
}

/** What `GET TYPE` says of a variable. Several words may stand together; `list` tells what must be asked further. */
export function readType(rest: string): { readonly list?: 'ENUM' | 'RANGE'; readonly accepts: Writable['accepts'] } {
  const words = rest.toUpperCase().split(/\s+/);
  const length = Number(words.find((word) => /^STRING:\d{1,5}$/.test(word))?.slice('STRING:'.length) ?? Number.NaN);
  const maxLength = length > 0 ? Math.min(length, LIMITS.value) : LIMITS.value;
  const accepts = words.includes('NUMBER') ? { kind: 'number' as const } : { kind: 'text' as const, maxLength };
  if (words.includes('ENUM')) return { list: 'ENUM', accepts };
  return words.includes('RANGE') ? { list: 'RANGE', accepts: { kind: 'number' } } : { accepts };
}

/** The values of a `LIST ENUM` block. */
export function readEnum(block: string, head: string): readonly string[] {
  const values: string[] = [];
  for (const item of itemsOf(block, head)) {
    const value = onlyQuoted(item);
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** The ranges of a `LIST RANGE` block; those that are not two numbers in order are left out. */
export function readRanges(block: string, head: string): readonly (readonly [min: number, max: number])[] {
  const ranges: (readonly [number, number])[] = [];
  for (const item of itemsOf(block, head)) {
    const low = readQuoted(item, 0);
    const high = low === undefined ? undefined : onlyQuoted(item, low.end + 1);
    const [min, max] = [numberOf(low?.value), numberOf(high)];
    // Some drivers give the bounds the wrong way round.
    if (min !== undefined && max !== undefined) ranges.push([Math.min(min, max), Math.max(min, max)]);
  }
  return ranges;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(text.trim())) return undefined;
  return Number(text);
}

/** The id in the rest of an `OK` line to SET or INSTCMD; undefined when the server does not track. */
export function readTrackingId(rest: string): string | undefined {
  const [word, id] = rest.split(' ');
  return word?.toUpperCase() === 'TRACKING' && id !== undefined && isBareWord(id) ? id : undefined;
}

const BLANK = 32;
