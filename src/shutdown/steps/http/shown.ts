import { LIMITS } from '../../../domain/limits.ts';

/** Shorter ones would hide ordinary words. */
const LEAST_SECRET = 4;

/** What may be shown of an answer: its end, without control characters, and without secrets that the other side has repeated. */
export function shown(text: string, secrets: readonly string[]): string {
  const hidden = [...secrets]
    .filter((secret) => secret.length >= LEAST_SECRET)
    // The longest first: one may be a part of another.
    .sort((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return hidden
    .replace(/\r\n/g, '\n')
    .replace(/[^\P{C}\n\t]/gu, '?')
    .trim()
    .slice(-LIMITS.stepOutput);
}

/** The beginning of a text from outside, as a part of one line. */
export const brief = (text: string, secrets: readonly string[]): string =>
  shown(text, secrets).replace(/\s+/g, ' ').slice(0, 200);
