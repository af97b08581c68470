import { asMillis, type Millis, seconds } from '../../../domain/time.ts';

/** At most so much of a step's time is kept for the final command: a login, and to see its host go. */
const FINAL = seconds(60);

/** How much of the time of a step its actions may use up, so that the final command goes out before the deadline. */
export const timeForActions = (deadline: Millis): Millis => asMillis(Math.max((deadline * 2) / 3, deadline - FINAL));

/**
 * How long the first of several things in a row may take, so that one that hangs leaves time to those after it: its own
 * wait and, as others may need more than they wait as well, half of what is over. What it does not use is theirs.
 *
 * @param left milliseconds for all of them; where it is less than their waits, each gets its part of it
 * @param waits milliseconds of each, at least one
 */
export function firstShare(left: number, waits: readonly number[]): Millis {
  const [own = 0, ...others] = waits;
  const all = waits.reduce((total, wait) => total + wait, 0);
  const over = left - all;
  if (over < 0) return asMillis(all === 0 ? 0 : Math.max(0, Math.floor((left * own) / all)));
  return asMillis(Math.floor(own + (others.length === 0 ? over : over / 2)));
}
