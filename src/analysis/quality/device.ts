import type { AvrState, BypassState, OverloadState, Quality, Standing } from '../../domain/quality.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import { asMillis, between, formatSpan, type Stamp, seconds } from '../../domain/time.ts';
import type { QualityFact } from './fact.ts';
import { AT_ONCE, CALM, newlyTold, settled, standing } from './settled.ts';
import { withPart } from './with-part.ts';

/** What the words of the status say of regulation and bypass; kept while there are none. */
export function withStatusStates(quality: Quality, { flags }: Reading, stamp: Stamp): Quality {
  if (flags.length === 0) return quality;
  const avr: AvrState = flags.includes('BOOST') ? 'boost' : flags.includes('TRIM') ? 'trim' : 'none';
  const bypass: BypassState = flags.includes('BYPASS') ? 'active' : 'inactive';
  const regulated = withPart(quality, 'avr', kept(quality.avr, avr, stamp));
  return withPart(regulated, 'bypass', kept(quality.bypass, bypass, stamp));
}

const kept = <S extends string>(before: Standing<S> | undefined, now: S, stamp: Stamp): Standing<S> =>
  before?.state === now ? before : standing(now, stamp);

/** Percent of load from which on, strictly, a device is overloaded, and from which down it no longer is. */
const [OVER, BACK] = [100, 95];
/** Motors and compressors start in less. */
const OVERLOAD_DWELL = seconds(5);

/** Whether the device is overloaded, by its flag or its load, on mains and on battery. Kept while it says neither. */
export function withOverload(
  quality: Quality,
  reading: Reading,
  stamp: Stamp,
): { readonly quality: Quality; readonly facts: readonly QualityFact[] } {
  const load = numberIn(reading, 'ups.load');
  if (load === undefined && reading.flags.length === 0) return { quality, facts: [] };
  const { memory, overload: told } = quality;
  const limit = told?.state === 'overload' ? BACK : OVER;
  const isOver = reading.flags.includes('OVER') || (load ?? 0) > limit;
  const calm = told === undefined ? AT_ONCE : CALM;
  const wait = isOver ? OVERLOAD_DWELL : calm;
  const before = { told, waiting: memory.waiting.overload };
  const next = settled<OverloadState>(before, isOver ? 'overload' : 'normal', wait, stamp);
  const waiting = withPart(memory.waiting, 'overload', next.waiting);
  const waited = withPart(quality, 'memory', withPart(memory, 'waiting', waiting));
  const now = newlyTold(told, next);
  if (now === undefined) return { quality: waited, facts: [] };
  return { quality: { ...waited, overload: now }, facts: overloadFact(told, now, load, stamp) };
}

function overloadFact(
  before: Standing<OverloadState> | undefined,
  now: Standing<OverloadState>,
  load: number | undefined,
  stamp: Stamp,
): readonly QualityFact[] {
  const percent = load === undefined ? '' : `, load ${load} %`;
  const details = load === undefined ? {} : { load };
  if (now.state === 'overload') {
    const span = formatSpan(between(now.since, stamp.at));
    return [{ type: 'overload', level: 'error', text: `overloaded for ${span}${percent}`, details }];
  }
  if (before === undefined) return [];
  const lasted = asMillis(Math.max(0, between(before.since, now.since)));
  const text = `no longer overloaded after ${formatSpan(lasted)}${percent}`;
  return [
    { type: 'overload_ended', level: 'notice', text, details: { ...details, lasted: Math.round(lasted / 1000) } },
  ];
}
