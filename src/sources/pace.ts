import { asMillis, type Millis } from '../domain/time.ts';

/** Gives numbers from 0 to below 1, as `Math.random` does; handed in so that tests can fix it. */
export type Random = () => number;

/** A span drawn anew from 90 % to 110 % of itself, so that polling never locks to the clock of a driver. */
export const jittered = (span: Millis, random: Random): Millis => asMillis(span * (0.9 + 0.2 * random()));

/** How long to wait before the next attempt at something that keeps failing. */
export interface Backoff {
  /** The wait before the next attempt, at most `most`: nothing at first, then `least`, doubling, each cut by up to a quarter. */
  readonly next: (most: Millis) => Millis;
  /** Success: the next failure is a first one again. */
  readonly reset: () => void;
}

/**
 * A back-off whose first retry is immediate.
 *
 * @param least the second wait; later ones double
 */
export function createBackoff(least: Millis, random: Random): Backoff {
  let failures = 0;
  return {
    next: (most) => {
      failures += 1;
      if (failures === 1) return asMillis(0);
      const full = Math.min(most, least * 2 ** Math.min(failures - 2, 30));
      return asMillis(full * (1 - random() / 4));
    },
    reset: () => {
      failures = 0;
    },
  };
}

/**
 * The one place where a loop waits.
 *
 * Made once for each loop and rung by whatever ends the wait early; a race against a promise that lives as long as the
 * connection would keep one reaction for every wait.
 */
export interface Alarm {
  /** Resolves when the span is over or the alarm rings; at once if it rang since the last wait. */
  readonly wait: (span: Millis) => Promise<void>;
  readonly ring: () => void;
}

export function createAlarm(): Alarm {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    wait: (span) =>
      new Promise((resolve) => {
        if (rung) {
          rung = false;
          resolve();
          return;
        }
        const timer = setTimeout(() => wake?.(), span);
        wake = () => {
          clearTimeout(timer);
          wake = undefined;
          rung = false;
          resolve();
        };
      }),
    ring: () => {
      rung = true;
      wake?.();
    },
  };
}

/** Waits, or less if the signal aborts. Never rejects. */
export function pause(span: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, span);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** A signal that aborts with another one or after a span, whichever is first; `end` lets go of both. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** Used in place of `AbortSignal.any`, which in Node 20 keeps what it made for as long as the parent signal lives. */
export function deadline(span: Millis, parent: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, span);
  if (parent.aborted) abort();
  parent.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', abort);
    },
  };
}
