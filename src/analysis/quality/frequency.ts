import type { FrequencyState, Standing } from '../../domain/quality.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import { asMillis, between, formatSpan, type Stamp } from '../../domain/time.ts';
import type { QualityFact } from './fact.ts';
import { AT_ONCE, CALM, DWELL, type Settled, settled } from './settled.ts';
import { deviation, type Limits, type Side, sideOf } from './side.ts';

/** How far from nominal, as a share of it. A public grid keeps within 1 % (EN 50160); a small generator rarely does. */
const PRESETS: Readonly<Record<QualityPreset, number>> = { tight: 0.01, normal: 0.02, loose: 0.04 };

/** How far inside the band, as a share of nominal, the frequency has to come before it is back: an eighth of a hertz of 50. */
const BACK = 0.0025;

/** Frequencies of mains, generators included; others are none: 0 and 599 come from real devices. */
const [LOWEST, HIGHEST] = [40, 70];

/** The mains frequency that a reading measures, in hertz; undefined where it measures none. */
export function inputHertz(reading: Reading): number | undefined {
  const hertz = numberIn(reading, 'input.frequency') ?? 0;
  return hertz >= LOWEST && hertz <= HIGHEST ? hertz : undefined;
}

/** What a frequency is judged by. */
export interface FrequencySight {
  readonly hertz: number;
  readonly nominal: number;
  readonly limits: Limits;
}

/** What a frequency is judged by under a preset. */
export function frequencySight(hertz: number, nominal: number, preset: QualityPreset): FrequencySight {
  const band = nominal * PRESETS[preset];
  return {
    hertz,
    nominal,
    limits: { low: hundredth(nominal - band), high: hundredth(nominal + band), back: nominal * BACK },
  };
}

const hundredth = (hertz: number): number => Math.round(hertz * 100) / 100;

/** On which side of its band the frequency is, when it was on one before. */
export const frequencySide = (before: Side | undefined, { hertz, limits }: FrequencySight): Side =>
  sideOf(before, hertz, limits);

/** The next state of the mains frequency: it has to last. */
export function settledFrequency(
  before: Settled<FrequencyState>,
  sight: FrequencySight,
  stamp: Stamp,
): Settled<FrequencyState> {
  const seen = frequencySide(before.told?.state, sight);
  const back = before.told === undefined ? AT_ONCE : CALM;
  return settled(before, seen, seen === 'normal' ? back : DWELL, stamp);
}

/** What a change of state means for people. Nothing where the first state is the normal one. */
export function frequencyFact(
  before: Standing<FrequencyState> | undefined,
  now: Standing<FrequencyState>,
  { hertz, nominal, limits }: FrequencySight,
  stamp: Stamp,
): readonly QualityFact[] {
  const details = { frequency: hertz, nominal, low: limits.low, high: limits.high, state: now.state };
  if (now.state === 'normal') {
    if (before === undefined) return [];
    const lasted = asMillis(Math.max(0, between(before.since, now.since)));
    const text = `mains frequency back in its band at ${hertz} Hz, after ${formatSpan(lasted)} ${before.state}`;
    return [
      { type: 'frequency_normal', level: 'notice', text, details: { ...details, lasted: Math.round(lasted / 1000) } },
    ];
  }
  const limit = now.state === 'low' ? `below ${limits.low} Hz` : `above ${limits.high} Hz`;
  const span = formatSpan(between(now.since, stamp.at));
  const off = `${deviation(hertz, nominal)} % off its nominal ${nominal} Hz`;
  const text = `mains frequency ${limit} for ${span}: ${hertz} Hz, ${off}`;
  return [{ type: 'frequency_off', level: 'warning', text, details }];
}
