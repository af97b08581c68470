import type { Battery } from '../../domain/battery.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Power } from '../../domain/power.ts';
import type { Reading } from '../../domain/reading.ts';

/** What a reading brings to what is remembered of the battery. */
export interface BatteryInput {
  readonly reading: Reading;
  /** The feeding before and after this reading: an outage has ended when only the first has one. */
  readonly before: Power;
  readonly now: Power;
  /** Watts the device can deliver, where the configuration says so. */
  readonly nominalPower?: number;
  /** When the battery was put in as the configuration says, milliseconds since 1970. */
  readonly batteryInstalled?: number;
}

/** A fact of the battery of one device before it is named. */
export type BatteryFact = Pick<Fact, 'level' | 'text' | 'details'> & {
  readonly type:
    | 'battery_anomaly'
    | 'battery_health'
    | 'battery_replace'
    | 'battery_measured'
    | 'test_started'
    | 'test_passed'
    | 'test_warning'
    | 'test_failed'
    | 'test_aborted';
};

/** What is remembered after a reading, and what has happened. The same `Battery` where nothing in it has changed. */
export interface BatteryStep {
  readonly battery: Battery;
  readonly facts: readonly BatteryFact[];
}

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A battery without some of what is remembered of it; the same where none of that was there. */
export function without<K extends keyof Battery>(battery: Battery, ...keys: readonly K[]): Omit<Battery, K> {
  if (keys.every((key) => battery[key] === undefined)) return battery;
  const rest: { -readonly [key in keyof Battery]: Battery[key] } = { ...battery };
  for (const key of keys) delete rest[key];
  return rest;
}
