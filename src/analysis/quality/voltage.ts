import type { Excursion, Standing, VoltageBand, VoltageState } from '../../domain/quality.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import { asMillis, between, formatSpan, type Millis, type Stamp } from '../../domain/time.ts';
import type { QualityFact } from './fact.ts';
import { AT_ONCE, CALM, DWELL, type Settled, settled } from './settled.ts';
import { deviation, type Side, sideOf } from './side.ts';

/** Shares of the nominal voltage: where the band ends, and from where on a deviation is severe. */
const PRESETS: Readonly<Record<QualityPreset, { readonly band: number; readonly severe: number }>> = {
  tight: { band: 0.05, severe: 0.15 },
  normal: { band: 0.1, severe: 0.15 },
  loose: { band: 0.15, severe: 0.2 },
};

/** How far inside the band, as a share of nominal, the voltage has to come before it is back. */
const BACK = 0.01;
/** A transfer voltage closer to nominal than this is a mistake: the device would hardly ever be on mains. */
const LEAST_BAND = 0.02;
/** Below this share of nominal nothing comes in at all, or nothing is measured: that is not for the voltage to judge. */
const UNFED = 0.1;

/**
 * The mains voltages that a reading measures: `input.voltage`, or that of each phase against neutral where it is absent
 * (as many phases as `input.phases` says). Empty where none is measured.
 */
export function inputVolts(reading: Reading): readonly number[] {
  const single = numberIn(reading, 'input.voltage');
  if (single !== undefined) return [single];
  const phases = numberIn(reading, 'input.phases') ?? 3;
  return PHASES.slice(0, Math.max(1, phases))
    .map((phase) => numberIn(reading, phase))
    .filter((volts) => volts !== undefined);
}

const PHASES = ['input.L1-N.voltage', 'input.L2-N.voltage', 'input.L3-N.voltage'];

/** The voltage that is furthest from nominal; undefined where none is measured, or nothing comes in on any phase. */
export function worstVolts(volts: readonly number[], nominal: number): number | undefined {
  if (!volts.some((each) => each >= nominal * UNFED)) return undefined;
  return volts.reduce((worst, each) => (Math.abs(each - nominal) > Math.abs(worst - nominal) ? each : worst));
}

/**
 * The limits of a preset around the nominal voltage. Where the device itself leaves the mains earlier
 * (`input.transfer.low` and `.high`), the band ends there: what makes it transfer is not normal.
 */
export function bandOf(nominal: number, preset: QualityPreset, reading: Reading): VoltageBand {
  const { band, severe } = PRESETS[preset];
  const low = numberIn(reading, 'input.transfer.low') ?? 0;
  const high = numberIn(reading, 'input.transfer.high') ?? Number.POSITIVE_INFINITY;
  return {
    low: tenth(Math.max(nominal * (1 - band), low <= nominal * (1 - LEAST_BAND) ? low : 0)),
    high: tenth(Math.min(nominal * (1 + band), high >= nominal * (1 + LEAST_BAND) ? high : Number.POSITIVE_INFINITY)),
    severeLow: tenth(nominal * (1 - severe)),
    severeHigh: tenth(nominal * (1 + severe)),
  };
}

const tenth = (volts: number): number => Math.round(volts * 10) / 10;

/** What a voltage is judged by. */
export interface VoltageSight {
  readonly volts: number;
  readonly nominal: number;
  readonly band: VoltageBand;
}

/** On which side of its band the mains voltage is, when it was on one before. */
export const voltageSide = (before: Side | undefined, { volts, band, nominal }: VoltageSight): Side =>
  sideOf(before, volts, { low: band.low, high: band.high, back: nominal * BACK });

/** The next state of the mains voltage: low and high have to last, severe holds at once and until the voltage is back. */
export function settledVoltage(
  before: Settled<VoltageState>,
  sight: VoltageSight,
  stamp: Stamp,
): Settled<VoltageState> {
  const side = voltageSide(before.told && SIDES[before.told.state], sight);
  const seen = side === 'normal' ? side : severity(before, side, sight);
  return settled(before, seen, waitFor(before.told?.state, seen), stamp);
}

const SIDES: Readonly<Partial<Record<VoltageState, Side>>> = {
  low: 'low',
  high: 'high',
  severely_low: 'low',
  severely_high: 'high',
};

function severity(
  { told, waiting }: Settled<VoltageState>,
  side: Excursion['side'],
  { volts, band }: VoltageSight,
): VoltageState {
  const severe = `severely_${side}` as const;
  const isBeyond = volts < band.severeLow || volts > band.severeHigh;
  return isBeyond || told?.state === severe || waiting?.state === severe ? severe : side;
}

const isSevere = (state: VoltageState | undefined): boolean => state?.startsWith('severely_') === true;

/** From severe on one side to severe on the other takes its time, so that a lost neutral is not told at every reading. */
function waitFor(told: VoltageState | undefined, seen: VoltageState): Millis {
  if (seen === 'normal') return told === undefined ? AT_ONCE : CALM;
  return isSevere(seen) && !isSevere(told) ? AT_ONCE : DWELL;
}

/** What a change of state means for people. Nothing where the first state is the normal one. */
export function voltageFact(
  before: Standing<VoltageState> | undefined,
  now: Standing<VoltageState>,
  { volts, nominal, band }: VoltageSight,
  stamp: Stamp,
): readonly QualityFact[] {
  const details = { voltage: volts, nominal, low: band.low, high: band.high, state: now.state };
  if (now.state === 'normal') {
    if (before === undefined) return [];
    const lasted = asMillis(Math.max(0, between(before.since, now.since)));
    const text = `mains voltage back in its band at ${volts} V, after ${formatSpan(lasted)} ${worded(before.state)}`;
    return [
      { type: 'voltage_normal', level: 'notice', text, details: { ...details, lasted: Math.round(lasted / 1000) } },
    ];
  }
  const off = `${deviation(volts, nominal)} % off its nominal ${nominal} V`;
  const type = TYPES[now.state];
  if (type === 'voltage_severe') {
    return [{ type, level: 'error', text: `mains voltage ${worded(now.state)}: ${volts} V, ${off}`, details }];
  }
  const span = formatSpan(between(now.since, stamp.at));
  const limit = now.state === 'low' ? `below ${band.low} V` : `above ${band.high} V`;
  return [{ type, level: 'warning', text: `mains voltage ${limit} for ${span}: ${volts} V, ${off}`, details }];
}

const worded = (state: VoltageState): string => state.replace('_', ' ');

const TYPES = {
  low: 'voltage_low',
  high: 'voltage_high',
  severely_low: 'voltage_severe',
  severely_high: 'voltage_severe',
} as const;
