import type { EventCount, Excursion, Quality, QualityCounters } from '../../domain/quality.ts';
import { asMillis, between, type Instant, type Millis, type Stamp } from '../../domain/time.ts';
import { withEvent } from './hours.ts';
import type { Side } from './side.ts';
import { withPart } from './with-part.ts';

type Measured = 'voltage' | 'frequency';

const counted = (
  counters: QualityCounters,
  key: keyof QualityCounters,
  change: Partial<EventCount>,
): QualityCounters => ({
  ...counters,
  [key]: { ...counters[key], ...change },
});

function lasted(counters: QualityCounters, key: keyof QualityCounters, span: Millis): QualityCounters {
  const ms = Math.max(0, Math.round(span));
  const { totalMs, longestMs } = counters[key];
  return counted(counters, key, { totalMs: totalMs + ms, longestMs: Math.max(longestMs, ms) });
}

function begun(quality: Quality, key: keyof QualityCounters, stamp: Stamp): Quality {
  const kind = key === 'interruptions' ? key : 'events';
  const counters = counted(quality.counters, key, { count: quality.counters[key].count + 1 });
  return { ...quality, counters, memory: withEvent(quality.memory, kind, stamp.wall) };
}

const keyOf = (of: Measured, side: Excursion['side']): keyof QualityCounters => {
  if (of === 'frequency') return 'frequencyDeviations';
  return side === 'low' ? 'sags' : 'swells';
};

/** Follows excursions from a band: a change of side ends one and begins another. */
export function withSide(quality: Quality, of: Measured, side: Side, stamp: Stamp): Quality {
  const excursion = quality.memory.excursions[of];
  if (excursion?.side === side) return quality;
  const ended = withoutExcursion(quality, of, stamp.at);
  if (side === 'normal') return ended;
  const next = begun(ended, keyOf(of, side), stamp);
  const excursions = { ...next.memory.excursions, [of]: { side, since: stamp.at } };
  return { ...next, memory: { ...next.memory, excursions } };
}

/** Ends an excursion, because the value is back or can no longer be seen. */
export function withoutExcursion(quality: Quality, of: Measured, at: Instant): Quality {
  const { memory } = quality;
  const excursion = memory.excursions[of];
  if (excursion === undefined) return quality;
  const counters = lasted(quality.counters, keyOf(of, excursion.side), between(excursion.since, at));
  const excursions = withPart(memory.excursions, of, undefined);
  return { ...quality, counters, memory: { ...memory, excursions } };
}

/** What the beginnings and ends of outages add. An end without a beginning is that of a test, and counts for nothing. */
export function withInterruption(
  quality: Quality,
  began: boolean,
  ended: { readonly lasted: Millis } | undefined,
  stamp: Stamp,
): Quality {
  const over = ended !== undefined && quality.memory.interrupted ? interruptionEnded(quality, ended.lasted) : quality;
  if (!began) return over;
  const next = begun(over, 'interruptions', stamp);
  return { ...next, memory: { ...next.memory, interrupted: true } };
}

const interruptionEnded = (quality: Quality, span: Millis): Quality => ({
  ...quality,
  counters: lasted(quality.counters, 'interruptions', asMillis(span)),
  memory: withPart(quality.memory, 'interrupted', undefined),
});
