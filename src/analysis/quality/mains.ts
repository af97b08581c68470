import type { Quality, VoltageBand } from '../../domain/quality.ts';
import type { Reading } from '../../domain/reading.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import type { Instant, Stamp } from '../../domain/time.ts';
import { withoutExcursion, withSide } from './counters.ts';
import type { QualityFact } from './fact.ts';
import { frequencyFact, frequencySide, frequencySight, inputHertz, settledFrequency } from './frequency.ts';
import { withNominalFrequency, withNominalVoltage } from './nominal.ts';
import { newlyTold } from './settled.ts';
import {
  bandOf,
  inputVolts,
  settledVoltage,
  type VoltageSight,
  voltageFact,
  voltageSide,
  worstVolts,
} from './voltage.ts';
import { withPart } from './with-part.ts';

/** The quality after a look at the mains. */
export interface MainsStep {
  readonly quality: Quality;
  /** Whether the reading shows the mains voltage beside its nominal one. */
  readonly isSeen: boolean;
  readonly facts: readonly QualityFact[];
}

/** Judges voltage and frequency of a reading on mains. */
export function withMains(before: Quality, reading: Reading, preset: QualityPreset, stamp: Stamp): MainsStep {
  const facts: QualityFact[] = [];
  const volts = inputVolts(reading);
  const known = withNominalVoltage(before, reading, volts, stamp.at);
  const sight = voltageSight(known, reading, volts, preset);
  const judged = sight === undefined ? unseen(known, 'voltage', stamp.at) : withVoltage(known, sight, stamp, facts);
  return { quality: withFrequency(judged, reading, preset, stamp, facts), isSeen: sight !== undefined, facts };
}

/** Neither voltage nor frequency of the mains can be seen: their states stay, what was going on ends. */
export const blind = (quality: Quality, at: Instant): Quality =>
  unseen(unseen(quality, 'voltage', at), 'frequency', at);

const unseen = (quality: Quality, of: 'voltage' | 'frequency', at: Instant): Quality =>
  withWaiting(withoutExcursion(quality, of, at), of, undefined);

type Waiting = Quality['memory']['waiting'];

function withWaiting<K extends keyof Waiting>(quality: Quality, of: K, waiting: Waiting[K] | undefined): Quality {
  const { memory } = quality;
  return withPart(quality, 'memory', withPart(memory, 'waiting', withPart(memory.waiting, of, waiting)));
}

/** What the voltage is judged by; undefined where it or its nominal one is not known, or nothing comes in at all. */
function voltageSight(
  quality: Quality,
  reading: Reading,
  volts: readonly number[],
  preset: QualityPreset,
): VoltageSight | undefined {
  const nominal = quality.nominal.voltage?.value;
  if (nominal === undefined) return undefined;
  const worst = worstVolts(volts, nominal);
  if (worst === undefined) return undefined;
  return { volts: worst, nominal, band: sameBand(quality.band, bandOf(nominal, preset, reading)) };
}

const LIMITS = ['low', 'high', 'severeLow', 'severeHigh'] as const;

const sameBand = (before: VoltageBand | undefined, now: VoltageBand): VoltageBand =>
  before !== undefined && LIMITS.every((limit) => before[limit] === now[limit]) ? before : now;

function withVoltage(before: Quality, sight: VoltageSight, stamp: Stamp, facts: QualityFact[]): Quality {
  const side = voltageSide(before.memory.excursions.voltage?.side, sight);
  const quality = withSide(withPart(before, 'band', sight.band), 'voltage', side, stamp);
  const { memory, voltage } = quality;
  const next = settledVoltage({ told: voltage, waiting: memory.waiting.voltage }, sight, stamp);
  const waited = withWaiting(quality, 'voltage', next.waiting);
  const now = newlyTold(voltage, next);
  if (now === undefined) return waited;
  facts.push(...voltageFact(voltage, now, sight, stamp));
  return { ...waited, voltage: now };
}

function withFrequency(
  before: Quality,
  reading: Reading,
  preset: QualityPreset,
  stamp: Stamp,
  facts: QualityFact[],
): Quality {
  const hertz = inputHertz(reading);
  const known = withNominalFrequency(before, reading, hertz);
  const nominal = known.nominal.frequency?.value;
  if (hertz === undefined || nominal === undefined) return unseen(known, 'frequency', stamp.at);
  const sight = frequencySight(hertz, nominal, preset);
  const side = frequencySide(known.memory.excursions.frequency?.side, sight);
  const quality = withSide(known, 'frequency', side, stamp);
  const { memory, frequency } = quality;
  const next = settledFrequency({ told: frequency, waiting: memory.waiting.frequency }, sight, stamp);
  const waited = withWaiting(quality, 'frequency', next.waiting);
  const now = newlyTold(frequency, next);
  if (now === undefined) return waited;
  facts.push(...frequencyFact(frequency, now, sight, stamp));
  return { ...waited, frequency: now };
}
