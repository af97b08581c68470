import { LIMITS } from '../domain/limits.ts';

/** The end of what a program or another machine says, kept within bounds while it still speaks. */
export interface OutputTail {
  /**
   * Takes what has come, as decoded text.
   *
   * @param from streams are kept in whole lines, so that two that speak at once do not cut each other's words
   */
  readonly add: (text: string, from?: 'stdout' | 'stderr') => void;
  /** The last characters, fit for a terminal, a page and a topic: no control characters, no secrets. */
  readonly text: () => string;
}

/** A shorter secret stands in ordinary words too; hiding it there would hide the output and show where it is. */
const SHORTEST_SECRET = 4;
const MASK = '***';
/** Characters of what is quoted within a sentence. */
const MOST_QUOTED = 200;

/** Colours, cursor movements, titles of windows: what a terminal obeys instead of showing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const ORDERS = /\u001b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
/** Control characters, and those that turn the direction of a line round; not tab and line feed. */
const HARMFUL = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Keeps the end of an output.
 *
 * @param secrets texts that may not be seen, each line of them for itself; those under 4 characters cannot be told
 * from ordinary text and stay
 * @param most characters of the result
 */
export function outputTail(secrets: readonly string[] = [], most: number = LIMITS.stepOutput): OutputTail {
  const hidden = hiddenOf(secrets);
  const room = 2 * most + (hidden[0]?.length ?? 0);
  const unfinished = { stdout: '', stderr: '' };
  let kept = '';
  let isCut = false;
  const keep = (text: string) => {
    kept += text;
    if (kept.length <= room) return;
    kept = kept.slice(-room);
    isCut = true;
  };
  return {
    add: (text, from = 'stdout') => {
      const all = unfinished[from] + text;
      const end = all.length > room ? all.length : all.lastIndexOf('\n') + 1;
      unfinished[from] = all.slice(end);
      keep(all.slice(0, end));
    },
    text: () => {
      // The streams go on: what is unfinished is shown and not taken.
      const gap = unfinished.stdout !== '' && unfinished.stderr !== '' ? '\n' : '';
      const whole = kept + unfinished.stdout + gap + unfinished.stderr;
      const safe = readable(isCut ? withoutRemains(whole, hidden) : whole, hidden);
      return safe.length <= most ? safe : safe.slice(-most).replace(/^[\udc00-\udfff]/, '');
    },
  };
}

/** The end of a text from outside that is there as a whole, bounded and made harmless as that of an output. */
export function tailOf(text: string, secrets: readonly string[] = [], most: number = LIMITS.stepOutput): string {
  const tail = outputTail(secrets, most);
  tail.add(text);
  return tail.text();
}

/** The beginning of a text from outside as a part of a sentence: on one line, at most 200 characters, no control characters, no secrets. */
export const quoteOf = (text: string, secrets: readonly string[] = []): string =>
  readable(text, hiddenOf(secrets))
    .replace(/\s+/g, ' ')
    .slice(0, MOST_QUOTED)
    .replace(/[\ud800-\udbff]$/, '');

/** The longest first: one may be a part of another. */
const hiddenOf = (secrets: readonly string[]): readonly string[] =>
  secrets
    .flatMap((secret) => secret.split(/\r?\n/))
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .sort((one, other) => other.length - one.length);

function readable(text: string, hidden: readonly string[]): string {
  const masked = hidden.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
  return masked
    .replace(ORDERS, '')
    .replace(/\r+\n?/g, '\n')
    .replace(HARMFUL, '\ufffd')
    .replace(/^\n+|\s+$/g, '');
}

/** A cut may have left the end of a secret at the beginning, where it is no longer known as one. */
function withoutRemains(text: string, hidden: readonly string[]): string {
  const remains = hidden.map((secret) => {
    for (let from = 1; from < secret.length; from += 1)
      if (text.startsWith(secret.slice(from))) return secret.length - from;
    return 0;
  });
  return text.slice(Math.max(0, ...remains));
}
