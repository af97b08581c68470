import type { ChargePoint } from '../../domain/power.ts';
import { between, type Instant, seconds } from '../../domain/time.ts';
import { lineThrough } from './line.ts';

/** A gauge counts in whole points and lags: less than this says nothing of a slope. */
const SHORTEST = seconds(60);
const LEAST_FALL = 2;

/**
 * How fast the charge falls, in percent a minute, over all points of an outage by least squares; above 0.
 *
 * Absent until 60 s have passed since the first point and 2 points of charge were lost, and where the charge rises.
 *
 * @param charges oldest first, as `Outage.charges` has them
 */
export function drainOf(charges: readonly ChargePoint[], now: Instant): number | undefined {
  const [first, last] = [charges[0], charges.at(-1)];
  if (first === undefined || last === undefined || between(first.at, now) < SHORTEST) return undefined;
  if (first.charge - last.charge < LEAST_FALL) return undefined;
  const points = charges.map(({ at, charge }) => [between(first.at, at) / 60_000, charge] as const);
  const rate = -lineThrough(points).slope;
  return rate > 0 ? rate : undefined;
}
