import type { Nominal, Quality, QualityMemory } from '../../domain/quality.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import { between, type Instant, seconds } from '../../domain/time.ts';
import { withPart } from './with-part.ts';

/**
 * Voltages that grids and UPSes are rated for, as NUT's `input.voltage.nominal` lists them.
 *
 * @see IEC 60038 (100, 120, 127, 208, 230, 240 V); 110, 115, 200 and 220 V are older ratings still in use
 */
const RATED_VOLTS = [100, 110, 115, 120, 127, 200, 208, 220, 230, 240];

/** A device's own word is taken to mean the rating this close to it; further off it stands as it is. */
const SNAP_VOLTS = 15;
/** A measured voltage shows a rating no further off than this: chronic sags are no rating of their own. */
const SNAP_SHARE = 0.1;
/** A device whose grid is further off than this for all its first readings is set up for another grid. */
const CONTRADICTION = 0.25;
/** No single-phase grid and no phase of another one is rated outside of these; a voltage between two phases is. */
const [LOWEST, HIGHEST] = [85, 300];
const SAMPLES = 10;
/** A rating that was measured is given up for another one that all readings of about a day show: it was learned in a sag. */
const DOUBTS = 24;
const DOUBTED_EVERY = seconds(3600);

/** Volts that have not been near the rating that was measured, one an hour; absent while a reading is near it. */
interface Doubt {
  readonly last: Instant;
  readonly volts: readonly number[];
}

interface LearningMemory extends QualityMemory {
  readonly doubt?: Doubt;
}

/** The rating nearest to a voltage; undefined where none is near. */
function ratingNear(volts: number | undefined, within: (rated: number) => number): number | undefined {
  if (volts === undefined) return undefined;
  const off = (rated: number): number => Math.abs(rated - volts);
  const nearest = RATED_VOLTS.reduce((best, rated) => (off(rated) < off(best) ? rated : best));
  return off(nearest) <= within(nearest) ? nearest : undefined;
}

const isOfPhase = (volts: number | undefined): volts is number =>
  volts !== undefined && volts >= LOWEST && volts <= HIGHEST;

/** The nominal voltage that the device itself says; undefined where it says none, or none that a phase can have. */
function saidVolts(reading: Reading): number | undefined {
  const said = [numberIn(reading, 'input.voltage.nominal')].find(isOfPhase);
  return ratingNear(said, () => SNAP_VOLTS) ?? said;
}

/** The upper median; undefined of nothing. */
const medianOf = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const contradicts = (measured: number, said: number): boolean => Math.abs(measured - said) > said * CONTRADICTION;

/**
 * Learns the nominal voltage from a reading on mains. The device's own `input.voltage.nominal` counts, unless the median
 * of its first ten readings is more than a quarter off and shows another rating; where it says none, that median is
 * snapped to the nearest rating, and ten new readings are taken where it shows none. Absent until it is known. What was
 * measured gives way to another rating once no reading of about a day has been nearest to it.
 *
 * @param volts what is measured now, of one phase or each; empty where nothing is
 */
export function withNominalVoltage(quality: Quality, reading: Reading, volts: readonly number[], at: Instant): Quality {
  const said = saidVolts(reading);
  const memory = doubted(sampled(quality.memory, volts, said), volts, at);
  const value = decided(memory, said);
  const before = quality.nominal.voltage;
  const now = value === undefined ? before : nominal(before, value, value === said ? 'device' : 'measured');
  return withPart(withPart(quality, 'memory', memory), 'nominal', withPart(quality.nominal, 'voltage', now));
}

function sampled(memory: QualityMemory, volts: readonly number[], said: number | undefined): QualityMemory {
  const usable = medianOf(volts.filter(isOfPhase));
  if (memory.detected !== undefined || usable === undefined) return memory;
  const samples = [...memory.samples, usable];
  if (samples.length < SAMPLES) return { ...memory, samples };
  const detected = ratingNear(medianOf(samples), nearby) ?? said;
  return withPart({ ...memory, samples: [] }, 'detected', detected);
}

/** Readings that are nearer to another rating; one that is nearest to the one that was measured ends the doubt. */
function doubted(memory: LearningMemory, volts: readonly number[], at: Instant): LearningMemory {
  const { detected, doubt } = memory;
  const usable = medianOf(volts.filter(isOfPhase));
  if (detected === undefined || usable === undefined) return memory;
  if (ratingNear(usable, nearby) === detected) return withPart(memory, 'doubt', undefined);
  if (doubt !== undefined && between(doubt.last, at) < DOUBTED_EVERY) return memory;
  const all = [...(doubt?.volts ?? []), usable];
  if (all.length < DOUBTS) return { ...memory, doubt: { last: at, volts: all } };
  return withPart({ ...memory, detected: ratingNear(medianOf(all), nearby) ?? detected }, 'doubt', undefined);
}

const nearby = (rated: number): number => rated * SNAP_SHARE;

function decided({ samples: [first], detected }: QualityMemory, said: number | undefined): number | undefined {
  const measured = detected ?? first;
  if (said === undefined) return detected;
  return measured !== undefined && contradicts(measured, said) ? detected : said;
}

const nominal = (before: Nominal | undefined, value: number, from: Nominal['from']): Nominal =>
  before?.value === value && before.from === from ? before : { value, from };

/** Hertz this far from 50 or 60 still show which of them is meant. */
const SNAP_HERTZ = 2;

/**
 * Learns the nominal frequency from a reading on mains: `input.frequency.nominal` taken to 50 or 60 Hz, else the first
 * measured one that is near one of them. Once known it is kept until the device itself says another one.
 */
export function withNominalFrequency(quality: Quality, reading: Reading, hertz: number | undefined): Quality {
  const before = quality.nominal.frequency;
  const said = ratedHertz(numberIn(reading, 'input.frequency.nominal'), 5);
  const measured = before === undefined ? ratedHertz(hertz, SNAP_HERTZ) : undefined;
  const value = said ?? measured;
  const now = value === undefined ? before : nominal(before, value, said === undefined ? 'measured' : 'device');
  return withPart(quality, 'nominal', withPart(quality.nominal, 'frequency', now));
}

const ratedHertz = (hertz: number | undefined, within: number): number | undefined =>
  hertz === undefined ? undefined : [50, 60].find((rated) => Math.abs(hertz - rated) < within);
