import type { Battery, RuntimeAtLoad } from '../../domain/battery.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';

/** From this charge on the runtime is that of a full battery. */
const FULL = 99;
/** Below this load the runtime is a guess of the device. */
const LEAST_LOAD = 2;
/** Loads this close are the same load; at small loads a quarter of the load, since the runtime is as good as inverse to it. */
const SAME_LOAD = 10;
const SAME_SHARE = 0.25;
/** What the first samples say is what later ones are measured against. */
const FIRST_SAMPLES = 5;
/** Before there are as many, nothing is judged. */
const LEAST_SAMPLES = 10;
const SMOOTHING = 0.25;
/** Loads that are remembered; the one not met for longest goes first. */
const MOST_LOADS = 12;

/**
 * The runtimes with what a reading says of them, the load met last first. The same where it says nothing: a battery
 * that is not full, or values that are not told.
 */
export function withRuntime(battery: Battery, reading: Reading): Battery {
  const sample = sampleOf(reading);
  if (sample === undefined) return battery;
  const known = battery.runtimes ?? [];
  const found = nearest(known, sample.load);
  const next = found === undefined ? firstOf(sample) : sampled(found, sample);
  const others = known.filter((one) => one !== found);
  return { ...battery, runtimes: [next, ...others].slice(0, MOST_LOADS) };
}

interface Sample {
  readonly load: number;
  readonly runtime: number;
}

function sampleOf(reading: Reading): Sample | undefined {
  const [charge, runtime, load] = ['battery.charge', 'battery.runtime', 'ups.load'].map((name) =>
    numberIn(reading, name),
  );
  if (charge === undefined || runtime === undefined || load === undefined) return undefined;
  return charge < FULL || runtime <= 0 || load < LEAST_LOAD ? undefined : { load, runtime };
}

function nearest(known: readonly RuntimeAtLoad[], load: number): RuntimeAtLoad | undefined {
  const distance = (one: RuntimeAtLoad): number => Math.abs(one.load - load);
  const [first] = known
    .filter((one) => distance(one) <= Math.min(SAME_LOAD, one.load * SAME_SHARE))
    .toSorted((one, other) => distance(one) - distance(other));
  return first;
}

const firstOf = ({ load, runtime }: Sample): RuntimeAtLoad => ({ load, first: runtime, now: runtime, samples: 1 });

function sampled(known: RuntimeAtLoad, { load, runtime }: Sample): RuntimeAtLoad {
  // What the runtime would be at the load of the reference: the load is close, so proportion will do.
  const seconds = (runtime * load) / known.load;
  const samples = known.samples + 1;
  if (known.samples < FIRST_SAMPLES) {
    const first = Math.round(known.first + (seconds - known.first) / samples);
    return { ...known, first, now: first, samples };
  }
  return { ...known, now: Math.round(known.now + SMOOTHING * (seconds - known.now)), samples };
}

/**
 * The runtime at full charge against what it was first at the same load, in percent, at most 100; undefined before
 * there are enough samples of the load met last.
 */
export function runtimeTerm({ runtimes = [] }: Battery): number | undefined {
  const known = runtimes.find(({ samples }) => samples >= LEAST_SAMPLES);
  if (known === undefined || known.first === 0) return undefined;
  return Math.min(100, Math.round((known.now / known.first) * 100));
}
