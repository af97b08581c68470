import { type Instant, type Millis, type Stamp, seconds } from '../domain/time.ts';

/** The two clocks drift apart by less than this between two settings of the wall clock. */
const SET = seconds(2);
const SECOND = seconds(1);
/** Estimates are told to this, so that they do not move with every reading. */
const ROUGHLY = seconds(10);
/** Estimates that are remembered: every trigger of a thousand devices. */
const MOST_SHOWN = 10_000;

/**
 * Monotonic moments as wall time, ISO 8601.
 *
 * One moment is always the same text, however the two clocks jitter, until the wall clock is set by more than `SET`.
 */
export class Moments {
  #epoch: number | undefined;
  readonly #shown = new Map<string, number>();

  /** Takes note of both clocks. */
  follow({ at, wall }: Stamp): void {
    const epoch = wall - at;
    if (this.#epoch !== undefined && Math.abs(epoch - this.#epoch) < SET) return;
    this.#epoch = epoch;
    this.#shown.clear();
  }

  /** A moment that is known, to the second. */
  known(at: Instant): string {
    return this.#text(at, SECOND);
  }

  /**
   * A moment that is estimated, to ten seconds. What was shown last stays until the estimate is that far from it: the
   * noise of a gauge would else move it to and fro between two tens.
   *
   * @param about what it is an estimate of, such as a device and its trigger
   */
  estimated(at: Instant, about: string): string {
    const wall = (this.#epoch ?? 0) + at;
    const last = this.#shown.get(about);
    if (last !== undefined && Math.abs(wall - last) < ROUGHLY) return wallText(last);
    const next = Math.round(wall / ROUGHLY) * ROUGHLY;
    if (this.#shown.size >= MOST_SHOWN) this.#shown.clear();
    this.#shown.set(about, next);
    return wallText(next);
  }

  #text(at: Instant, step: Millis): string {
    return wallText(Math.round(((this.#epoch ?? 0) + at) / step) * step);
  }
}

/** Wall time in milliseconds since 1970 as ISO 8601. */
export const wallText = (wall: number): string => new Date(wall).toISOString();

/** The day of a wall time, in UTC. */
export const dayText = (wall: number): string => wallText(wall).slice(0, 10);

/** A length of time in whole seconds. */
export const secondsOf = (ms: number): number => Math.round(ms / 1000);
