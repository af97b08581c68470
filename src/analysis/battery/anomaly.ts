import type { Battery, SuddenFall } from '../../domain/battery.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import { between, type Instant, type Stamp, seconds } from '../../domain/time.ts';
import { type BatteryInput, type BatteryStep, DAY, without } from './step.ts';

/** More points of charge than this, lost within this time on mains, are no ageing and no draw of the device itself. */
const FALL = 20;
const WITHIN = seconds(120);
/** A gauge that slipped for one poll comes back by more points than this. */
const RECOVERY = 10;
/** Readings that have to agree, and how far apart they have to be asked. */
const READINGS = 3;
const APART = seconds(1);
/** Confirmed falls that are remembered. */
const MOST = 16;
/** Charges of the last two minutes: each is higher than the next, so whole points alone could never fill it. */
const MOST_HELD = 32;

/**
 * Watches for a sudden fall of the charge on mains, which a cell that gives way or a gauge that has lost its footing shows.
 *
 * @param resting mains are proven, and neither an outage nor a test or calibration goes on: whatever the charge does
 * otherwise is expected, and the watch begins anew after it
 */
export function followAnomaly(battery: Battery, input: BatteryInput, resting: boolean, stamp: Stamp): BatteryStep {
  if (!resting) return { battery: without(battery, 'held', 'fall'), facts: [] };
  const charge = numberIn(input.reading, 'battery.charge');
  if (charge === undefined) return { battery, facts: [] };
  const { reading, before } = input;
  if (battery.fall === undefined) return { battery: watched(battery, charge, reading, before.silentSince), facts: [] };
  const fall = agreed(battery.fall, charge, reading.asked);
  if (fall === undefined) {
    return { battery: watched(without(battery, 'fall'), charge, reading, before.silentSince), facts: [] };
  }
  if (fall.readings < READINGS) return { battery: fall === battery.fall ? battery : { ...battery, fall }, facts: [] };
  const anomalies = [...(battery.anomalies ?? []), stamp.wall].slice(-MOST);
  const text = `the battery charge has fallen from ${fall.from} % to ${charge} % within two minutes, on mains`;
  return {
    battery: { ...without(battery, 'fall'), held: [{ charge }], anomalies },
    facts: [{ type: 'battery_anomaly', level: 'warning', text, details: { from: fall.from, to: charge } }],
  };
}

/** The fall with one reading more; undefined where that says that it was none. */
function agreed(fall: SuddenFall, charge: number, asked: Instant): SuddenFall | undefined {
  if (charge > fall.to + RECOVERY || fall.from - charge <= FALL) return undefined;
  const to = Math.min(fall.to, charge);
  if (between(fall.asked, asked) < APART) return to === fall.to ? fall : { ...fall, to };
  return { ...fall, to, asked, readings: fall.readings + 1 };
}

/** The next charge on mains. Nothing is new while it stays the same: the last one holds until another comes. */
function watched(battery: Battery, charge: number, { asked }: Reading, silentSince: Instant | undefined): Battery {
  const held = battery.held ?? [];
  const last = held.at(-1);
  if (last?.charge === charge) return battery;
  const ended = held.map((one) => ({ charge: one.charge, until: one.until ?? silentSince ?? asked }));
  const recent = ended.filter(({ until }) => between(until, asked) <= WITHIN);
  const higher = recent.filter((one) => one.charge > charge).slice(0, MOST_HELD - 1);
  const from = higher[0]?.charge;
  const next = { ...battery, held: [...higher, { charge }] };
  if (from === undefined || from - charge <= FALL) return next;
  return { ...next, fall: { from, to: charge, asked, readings: 1 } };
}

/**
 * 100 without a sudden fall, 25 less for each one of the last year; undefined where the device tells no charge.
 *
 * @param wall milliseconds since 1970
 */
export function anomalyTerm({ anomalies = [] }: Battery, reading: Reading, wall: number): number | undefined {
  if (numberIn(reading, 'battery.charge') === undefined) return undefined;
  return Math.max(0, 100 - 25 * anomalies.filter((one) => one > wall - 365 * DAY).length);
}
