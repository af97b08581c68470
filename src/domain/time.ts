declare const instant: unique symbol;
declare const millis: unique symbol;

/** A moment on the monotonic clock, in milliseconds. Means nothing in another process. */
export type Instant = number & { readonly [instant]: true };

/** A length of time in milliseconds. */
export type Millis = number & { readonly [millis]: true };

/** When an input entered: `at` for elapsed time, `wall` (milliseconds since 1970) for records only. */
export interface Stamp {
  readonly at: Instant;
  readonly wall: number;
}

export const asInstant = (ms: number): Instant => ms as Instant; // the brand has no run-time form
export const asMillis = (ms: number): Millis => ms as Millis; // the brand has no run-time form
export const seconds = (count: number): Millis => asMillis(count * 1000);
export const after = (from: Instant, span: Millis): Instant => asInstant(from + span);
export const between = (from: Instant, to: Instant): Millis => asMillis(to - from);

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration as the configuration writes it: `250ms`, `15s`, `2m`, `1h`, `1d`. Undefined for anything else. */
export function parseDuration(text: string): Millis | undefined {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return factor === undefined ? undefined : asMillis(Math.round(Number(count) * factor));
}

/** A length of time for people: `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSpan(span: Millis): string {
  if (Math.round(span) < 1000) return `${Math.round(span)} ms`;
  const total = Math.round(span / 1000);
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes > 0) return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${rest} s`;
}
