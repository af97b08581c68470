import type { Feed } from '../../domain/power.ts';
import type { Quality, Standing } from '../../domain/quality.ts';
import type { Reading } from '../../domain/reading.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import { asInstant, type Instant, type Millis, type Stamp } from '../../domain/time.ts';
import { withInterruption } from './counters.ts';
import { withOverload, withStatusStates } from './device.ts';
import type { QualityFact } from './fact.ts';
import { gridOf } from './grade.ts';
import { accounted, isDue, observed, rolled, withDue } from './hours.ts';
import { blind, withMains } from './mains.ts';
import { withPart } from './with-part.ts';

/** What a reading brings to the power quality of its device. */
export interface QualityInput {
  readonly reading: Reading;
  /** What the last proof said, this reading included; undefined until there was one, and for devices that never say. */
  readonly fed: Feed | undefined;
  /** Whether this reading began an outage that is not the device's own test. */
  readonly outageBegan: boolean;
  /** Absent unless this reading ended an outage. The end of a test may be given: it counts for nothing. */
  readonly outageEnded?: { readonly lasted: Millis };
  readonly preset: QualityPreset;
}

/** The quality after a reading, and what has happened, in the order overload, voltage, frequency. */
export interface QualityStep {
  readonly quality: Quality;
  readonly facts: readonly QualityFact[];
}

/**
 * Takes a reading into the power quality of its device. The very same quality where nothing has changed.
 *
 * A reading with the variables of the last one can be passed over, unless it begins or ends an outage or `isPending`.
 */
export function followQuality(before: Quality, seen: QualityInput, stamp: Stamp): QualityStep {
  const heard = heardAgain(tickQuality(before, stamp), stamp);
  const interrupted = withInterruption(heard, seen.outageBegan, seen.outageEnded, stamp);
  const overload = withOverload(withStatusStates(interrupted, seen.reading, stamp), seen.reading, stamp);
  const mains =
    seen.fed === 'mains'
      ? withMains(overload.quality, seen.reading, seen.preset, stamp)
      : { quality: blind(overload.quality, stamp.at), isSeen: false, facts: [] };
  const quality = graded(before, inCourse(mains.quality, seen.fed, mains.isSeen, stamp));
  return { quality, facts: [...overload.facts, ...mains.facts] };
}

/**
 * Lets time reach the grade. The very same quality unless something is due, which is every ten minutes while the grid is
 * observed and at each full hour.
 */
export function tickQuality(before: Quality, stamp: Stamp): Quality {
  if (!isDue(before.memory, stamp.at)) return before;
  const memory = withDue(rolled(accounted(before.memory, stamp.at), stamp.wall), stamp);
  return { ...before, memory, grid: gridOf(memory) };
}

/** Whether the next reading has to be followed even if it says nothing new: something has to last, or ten samples to come. */
export function isPending({ memory: { samples, waiting, paused } }: Quality): boolean {
  if (samples.length > 0 || paused === true) return true;
  return waiting.voltage !== undefined || waiting.frequency !== undefined || waiting.overload !== undefined;
}

/**
 * Nothing is heard of the device from `at` on: what was going on ends there, unseen time is not observed time. The next
 * reading goes on from what is kept.
 */
export function pauseQuality(before: Quality, at: Instant): Quality {
  if (before.since === undefined || before.memory.paused === true) return before;
  const quality = blind(before, at);
  const memory = withPart(accounted(quality.memory, at), 'stretch', undefined);
  return { ...quality, grid: gridOf(memory), memory: { ...memory, waiting: {}, paused: true } };
}

/**
 * What an earlier process has kept, for this one. Within one boot moments mean what they meant; after another one they
 * are reckoned from the wall clock.
 *
 * @param keptAt the last moment of that process, on its own clock
 */
export function restoredQuality(kept: Quality, keptAt: Instant, boot: 'same' | 'new', stamp: Stamp): Quality {
  const paused = pauseQuality(kept, keptAt);
  if (paused.since === undefined) return paused;
  const moved = boot === 'same' ? paused : rebased(paused, stamp);
  const memory = withDue(rolled(moved.memory, stamp.wall), stamp);
  return { ...moved, memory, grid: gridOf(memory) };
}

function rebased(quality: Quality, stamp: Stamp): Quality {
  const moved = <S extends string>(from: Standing<S> | undefined): Standing<S> | undefined =>
    from && { ...from, since: asInstant(Math.min(stamp.at, stamp.at - (stamp.wall - from.sinceWall))) };
  const voltage = withPart(quality, 'voltage', moved(quality.voltage));
  const frequency = withPart(voltage, 'frequency', moved(quality.frequency));
  const avr = withPart(frequency, 'avr', moved(quality.avr));
  const bypass = withPart(avr, 'bypass', moved(quality.bypass));
  return withPart(bypass, 'overload', moved(quality.overload));
}

function heardAgain(quality: Quality, stamp: Stamp): Quality {
  if (quality.since === undefined) return { ...quality, since: stamp.wall };
  return quality.memory.paused ? withPart(quality, 'memory', withPart(quality.memory, 'paused', undefined)) : quality;
}

/** Observes what the grid is from now on. Without a voltage that is measured on mains an outage alone makes no grade. */
function inCourse(quality: Quality, fed: Feed | undefined, isSeen: boolean, stamp: Stamp): Quality {
  const { memory, nominal } = quality;
  const isOut = fed === 'battery' && memory.interrupted === true && nominal.voltage !== undefined;
  const { voltage, frequency } = memory.excursions;
  const isOutside = isOut || voltage !== undefined || frequency !== undefined;
  return withPart(quality, 'memory', observed(memory, isSeen || isOut ? isOutside : undefined, stamp));
}

const graded = (before: Quality, now: Quality): Quality =>
  before.memory.hour === now.memory.hour ? now : { ...now, grid: gridOf(now.memory) };
