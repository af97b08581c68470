import { numberIn, type Reading } from '../../domain/reading.ts';
import { after, asInstant, between, type Instant, type Millis, seconds } from '../../domain/time.ts';
import type { Held } from '../../domain/triggers.ts';
import type { Opinion, View } from './view.ts';

/** What a condition has come to, with what has to be remembered of it. */
export interface Upheld {
  readonly held?: Held;
  /** When it fires if nothing changes; absent while it does not hold. In the past or now: it has fired. */
  readonly firesAt?: Instant;
  /** Whether enough readings agree, so that only time is missing. */
  readonly confirmed: boolean;
}

/** The longest that a gauge which contradicts others can delay. */
export const DOUBT_AT_MOST = seconds(60);

/** What a condition waits for besides `hold`. */
export interface Waits {
  /** The beginning of the outage. */
  readonly since: Instant;
  readonly settles: boolean;
  /** Whether a contrary reading ends it only once it has lasted itself. */
  readonly wavers?: boolean;
}

/**
 * Whether a condition has lasted: from its first reading for `hold`, with a second reading that was asked far enough
 * from the first, and no earlier than `settle` after the beginning of the outage. Silence does not reset it, a contrary
 * reading does; a gauge that is missing is neither.
 *
 * Judged again with the same reading it changes nothing: only another reading confirms.
 *
 * @see docs/decisions/0008 for words that come and go
 */
export function upheld(opinion: Opinion, before: Held | undefined, view: View, waits: Waits): Upheld {
  if (opinion.kind === 'quiet') {
    const held = waits.wavers === true ? wavering(before, view, waits.since) : undefined;
    return held === undefined ? { confirmed: false } : { held, confirmed: held.confirmed };
  }
  if (opinion.kind === 'blind' || view.reading === undefined) {
    if (before === undefined) return { confirmed: false };
    // What an earlier process has seen twice goes on by time, until a reading of this one says otherwise.
    const isGone = waits.wavers === true && before.doubtedSince !== undefined;
    const goesOn = view.reading === undefined && before.confirmed && !isGone;
    return {
      held: before,
      confirmed: before.confirmed,
      ...(goesOn ? { firesAt: dueAt(before, opinion, view, waits) } : {}),
    };
  }
  const known = waits.wavers === true ? backAgain(before, view.reading, view.settings.hold) : before;
  const held = heldOf(known, view.reading, opinion.doubtful === true);
  return { held, firesAt: dueAt(held, opinion, view, waits), confirmed: held.confirmed };
}

/**
 * A word that has gone, as long as that may be a flutter: less than `hold` ago. It is doubted since then. What it stood
 * there before the outage has settled is not kept: devices say many things while they switch.
 */
function wavering(before: Held | undefined, { reading, settings }: View, outageSince: Instant): Held | undefined {
  if (before === undefined || reading === undefined) return undefined;
  const gone = before.doubtedSince ?? reading.asked;
  if (between(gone, reading.asked) >= settings.hold) return undefined;
  if (before.doubtedSince !== undefined) return before;
  const since = asInstant(Math.max(before.since, after(outageSince, settings.settle)));
  return since < gone ? { ...before, since, doubtedSince: gone } : undefined;
}

/** A word that stands there again: what counts is how long it has stood there in all. */
function backAgain(before: Held | undefined, { asked }: Reading, hold: Millis): Held | undefined {
  if (before?.doubtedSince === undefined) return before;
  const { doubtedSince, confirmed, since } = before;
  const away = between(doubtedSince, asked);
  return away < hold ? { since: after(since, away), confirmed } : undefined;
}

function dueAt(held: Held, { holds }: Opinion, { settings }: View, waits: Waits): Instant {
  const settled = waits.settles ? after(waits.since, settings.settle) : waits.since;
  const doubted = held.doubtedSince === undefined ? held.since : after(held.doubtedSince, DOUBT_AT_MOST);
  const lasted = after(held.since, holds?.span ?? settings.hold);
  return asInstant(Math.max(lasted, holds?.notBefore ?? lasted, settled, doubted));
}

function heldOf(before: Held | undefined, reading: Reading, doubtful: boolean): Held {
  const since = before?.since ?? reading.asked;
  const confirmed = before?.confirmed === true || between(since, reading.asked) >= spacing(reading);
  const doubtedSince = doubtful ? (before?.doubtedSince ?? reading.at) : undefined;
  const isSame = before?.confirmed === confirmed && before.doubtedSince === doubtedSince;
  return isSame ? before : { since, confirmed, ...(doubtedSince === undefined ? {} : { doubtedSince }) };
}

const LEAST = seconds(1);
const MOST = seconds(4);

/** How far apart two readings have to be asked to be two: the same reply of a driver is not asked twice. */
function spacing(reading: Reading): Millis {
  const interval = numberIn(reading, 'driver.parameter.pollinterval');
  if (interval === undefined) return LEAST;
  return seconds(Math.min(MOST / 1000, Math.max(LEAST / 1000, interval)));
}
