import type { Battery } from '../../domain/battery.ts';
import type { Instant, Stamp } from '../../domain/time.ts';
import { followAnomaly } from './anomaly.ts';
import { followDischarge } from './capacity.ts';
import { followHealth } from './health.ts';
import { installedAt } from './installed.ts';
import { followTest, isTestOpen } from './self-test.ts';
import { type BatteryFact, type BatteryInput, DAY, without } from './step.ts';

/**
 * Takes a reading into what is remembered of the battery: self-tests, the capacity an outage measures, sudden falls of
 * the charge, and the health that follows from all of it.
 *
 * Gives back the same `Battery` where nothing has changed. May be left out for a reading with the very same variables
 * while there is no outage and nothing is pending.
 */
export function followBattery(
  before: Battery,
  seen: BatteryInput,
  stamp: Stamp,
): { readonly battery: Battery; readonly facts: readonly BatteryFact[] } {
  const { reading, now } = seen;
  const known = withInstalled(before, seen, stamp.wall);
  const test = followTest(known, reading, now.outage !== undefined, stamp);
  const discharge = followDischarge(test.battery, seen, stamp);
  const isAtRest = isResting(seen, discharge.battery, stamp.at);
  const anomaly = followAnomaly(discharge.battery, seen, isAtRest, stamp);
  const outageEnded = seen.before.outage !== undefined && now.outage === undefined;
  const testEnded = known.test !== undefined && test.battery.test === undefined;
  const health = followHealth(anomaly.battery, seen, {
    resting: isAtRest,
    ended: outageEnded || testEnded || test.battery.lastTest !== known.lastTest,
    wall: stamp.wall,
  });
  return {
    battery: health.battery,
    facts: [...test.facts, ...discharge.facts, ...anomaly.facts, ...health.facts],
  };
}

/** Whether the next reading has to be looked at even if it says nothing new. */
export const isPending = ({ test, fall }: Battery): boolean => test !== undefined || fall !== undefined;

/**
 * What may be believed of an earlier process: charges before the pause prove no sudden fall, and moments of another
 * boot mean nothing in this one, so that a discharge and a test that were going on then are let go.
 */
export function batteryAfterStart(battery: Battery, boot: 'same' | 'new'): Battery {
  const rested = without(battery, 'held', 'fall');
  return boot === 'same' ? rested : without(rested, 'discharge', 'test');
}

/** A test that we start: an outage within the next 30 s is its work, and its result is waited for. */
export const withTestStarted = (battery: Battery, command: string, { at, wall }: Stamp): Battery => ({
  ...battery,
  test: { at, wall, command, quietSince: at },
});

/** The device has refused the command: there is no test to wait for, unless it was seen to begin. */
export const withTestRefused = (battery: Battery): Battery =>
  battery.test?.command === undefined || battery.test.seen ? battery : without(battery, 'test');

/** Nothing is meant to empty the battery now. */
const isResting = ({ reading, now }: BatteryInput, battery: Battery, at: Instant): boolean =>
  now.fed === 'mains' && now.silentSince === undefined && now.outage === undefined && !isTestOpen(reading, battery, at);

/** A date of installation that is later than the one known, or than the oldest score, is a new battery: what was learned of the old one goes. */
function withInstalled(battery: Battery, { reading, batteryInstalled }: BatteryInput, wall: number): Battery {
  const date = installedAt(reading, batteryInstalled, wall)?.wall;
  if (date === undefined || (battery.installed !== undefined && date <= battery.installed)) return battery;
  const oldest = battery.scores?.[0];
  const learnedFrom = battery.installed ?? (oldest === undefined ? date : oldest[0] * DAY);
  const fresh = date > learnedFrom + DAY ? renewed(battery) : battery;
  return { ...fresh, installed: date };
}

const renewed = (battery: Battery): Battery =>
  without(
    battery,
    ...(['anomalies', 'runtimes', 'capacities', 'scores', 'health', 'toldBelow', 'toldReplaceAt'] as const),
  );
