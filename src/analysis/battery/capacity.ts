import type { Battery, Discharge, MeasuredCapacity } from '../../domain/battery.ts';
import type { Outage } from '../../domain/power.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import { between, type Stamp, seconds } from '../../domain/time.ts';
import { derive } from '../derived.ts';
import { type BatteryFact, type BatteryInput, type BatteryStep, without } from './step.ts';

/** A smaller or shorter discharge measures the jitter of the gauge. */
const LEAST_FALL = 10;
const SHORTEST = seconds(60);
/** What happened between two readings further apart is not known. */
const LONGEST_GAP = seconds(300);
/** How often the sum is brought up to date while the charge stays the same. */
const STEP = seconds(10);
/** One outage alone judges nothing. */
const LEAST_SAMPLES = 2;
const MOST_SAMPLES = 10;

/** What an inverter passes on of what it takes; between small line-interactive and good double-conversion ones. */
const INVERTER = 0.85;
/** Batteries are rated for 20 hours (IEC 60896-21); a lead battery emptied faster gives less, by Peukert's law with 1.2. */
const RATED_HOURS = 20;
const PEUKERT = 1 - 1 / 1.2;
/** A rating that the measurement contradicts beyond these is none: some devices tell 100 (percent) as ampere-hours. */
const BELIEVED = { least: 0.1, most: 1.5 };

/** Adds up what an outage takes from the battery, and measures its capacity when the outage has ended. */
export function followDischarge(battery: Battery, input: BatteryInput, stamp: Stamp): BatteryStep {
  const { outage } = input.now;
  if (outage !== undefined) return { battery: discharging(battery, input, outage), facts: [] };
  const { discharge } = battery;
  if (discharge === undefined) return { battery, facts: [] };
  const rest = without(battery, 'discharge');
  const measured = measure(discharge, input.reading, stamp.wall);
  if (measured === undefined) return { battery: rest, facts: [] };
  const capacities = kept([...(battery.capacities ?? []), measured]);
  const next = { ...rest, capacities };
  return { battery: next, facts: [measuredFact(capacities, discharge, measured)] };
}

function discharging(battery: Battery, input: BatteryInput, outage: Outage): Battery {
  const { reading, before, nominalPower } = input;
  const charge = numberIn(reading, 'battery.charge');
  // While the mains are back but do not hold yet, nothing is taken.
  const watts = outage.mainsSince === undefined ? wattsOf(reading, nominalPower) : 0;
  const known = watts === undefined ? {} : { watts };
  const { discharge } = battery;
  if (discharge === undefined) {
    if (charge === undefined) return battery;
    const from = before.outage === undefined ? (outage.chargeBefore ?? charge) : charge;
    return {
      ...battery,
      discharge: { from, lowest: charge, since: reading.at, wattHours: 0, last: reading.at, ...known },
    };
  }
  const lowest = Math.min(discharge.lowest, charge ?? discharge.lowest);
  if (lowest === discharge.lowest && between(discharge.last, reading.at) < STEP) return battery;
  const { wattHours: _, watts: __, ...rest } = discharge;
  const taken = takenSince(discharge, reading, watts);
  const energy = taken === undefined ? {} : { wattHours: taken };
  return { ...battery, discharge: { ...rest, lowest, last: reading.at, ...energy, ...known } };
}

function takenSince(discharge: Discharge, { at }: Reading, watts: number | undefined): number | undefined {
  const gap = between(discharge.last, at);
  if (discharge.wattHours === undefined || discharge.watts === undefined) return undefined;
  if (watts === undefined || gap > LONGEST_GAP) return undefined;
  return discharge.wattHours + (((discharge.watts + watts) / 2) * gap) / 3_600_000;
}

/** The watts of the load, as the derived value has them: measured, or load times nominal power. */
function wattsOf(reading: Reading, nominalPower?: number): number | undefined {
  const power = derive(reading, { kind: 'up' }, nominalPower).get('power');
  return power === undefined ? undefined : Number(power);
}

function measure(discharge: Discharge, reading: Reading, wall: number): MeasuredCapacity | undefined {
  const { from, lowest, since, last, wattHours: taken } = discharge;
  const [fell, lasted] = [from - lowest, between(since, last)];
  if (taken === undefined || taken <= 0 || fell < LEAST_FALL || lasted < SHORTEST) return undefined;
  const share = fell / 100;
  const hours = lasted / 3_600_000 / share;
  const wattHours = taken / share;
  const slowWattHours = wattHours / INVERTER / yieldOver(hours, reading);
  const rated = ratingOf(reading);
  const isBelieved = slowWattHours >= rated * BELIEVED.least && slowWattHours <= rated * BELIEVED.most;
  return {
    wall,
    wattHours: rounded(wattHours),
    slowWattHours: rounded(slowWattHours),
    ...(isBelieved ? { ratedWattHours: rounded(rated) } : {}),
  };
}

/** The share of its rating that a battery gives when it is emptied in that time. Lithium gives all of it. */
function yieldOver(hours: number, { variables }: Reading): number {
  if (variables.get('battery.type')?.toLowerCase().startsWith('li')) return 1;
  return Math.min(1, (hours / RATED_HOURS) ** PEUKERT);
}

/** Watt-hours as the device tells them; 0 where it tells none, which no measurement agrees with: each is above 0. */
function ratingOf(reading: Reading): number {
  const hours = numberIn(reading, 'battery.capacity.nominal') ?? numberIn(reading, 'battery.capacity');
  return (hours ?? 0) * (numberIn(reading, 'battery.voltage.nominal') ?? 0);
}

/** The newest, and the best of all: later ones are measured against it. */
function kept(all: readonly MeasuredCapacity[]): readonly MeasuredCapacity[] {
  if (all.length <= MOST_SAMPLES) return all;
  const best = bestOf(all);
  const oldest = all.findIndex(({ slowWattHours }) => slowWattHours !== best);
  return all.filter((_, index) => index !== Math.max(0, oldest));
}

const bestOf = (all: readonly MeasuredCapacity[]): number => Math.max(...all.map(({ slowWattHours }) => slowWattHours));

/**
 * What is left of the capacity, in percent: the middle one of the last three measurements, the lower one of two, against the rating, else against
 * the best so far. At most 100; undefined before there are two.
 */
export function capacityTerm({ capacities = [] }: Battery): number | undefined {
  const newest = capacities.at(-1);
  if (newest === undefined || capacities.length < LEAST_SAMPLES) return undefined;
  const recent = capacities.slice(-3).map(({ slowWattHours }) => slowWattHours);
  // Whichever of three is left when the lowest and the highest go.
  const [least, most] = [Math.min(...recent), Math.max(...recent)];
  const left = recent.length < 3 ? least : recent.reduce((rest, one) => rest + one, -least - most);
  return Math.min(100, Math.round((left / (newest.ratedWattHours ?? bestOf(capacities))) * 100));
}

function measuredFact(all: readonly MeasuredCapacity[], discharge: Discharge, measured: MeasuredCapacity): BatteryFact {
  const { wattHours, slowWattHours, ratedWattHours } = measured;
  const fell = rounded(discharge.from - discharge.lowest);
  const text = `the outage took ${fell} % of the charge: a full battery gives about ${wattHours} Wh at that pace`;
  const details = { fell, watt_hours: wattHours };
  if (ratedWattHours === undefined && all.length < LEAST_SAMPLES) {
    return { type: 'battery_measured', level: 'notice', text, details };
  }
  const percent = Math.round((slowWattHours / (ratedWattHours ?? bestOf(all))) * 100);
  const against = ratedWattHours === undefined ? 'best' : 'rating';
  return {
    type: 'battery_measured',
    level: 'notice',
    text: `${text}, ${percent} % of ${against === 'best' ? 'the best measured so far' : 'what its rating promises'}`,
    details: { ...details, percent, against },
  };
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
