import type { ChargePoint } from '../../domain/power.ts';
import type { Millis } from '../../domain/time.ts';
import { BEYOND_DOUBT, isDoubtful } from './doubt.ts';
import { chargeOf, type TriggerRow } from './view.ts';

/** The charge falls faster than the limit, measured over the whole window: a worn battery that gives way. */
export const depletion: TriggerRow = {
  trigger: 'depletion',
  settles: true,
  holds: true,
  look: (view, outage) => {
    const { depletion: configured } = view.settings;
    if (configured === 'off' || !view.trustCharge) return undefined;
    const threshold = configured.perMinute;
    const unit = '%/min' as const;
    const charge = chargeOf(view);
    const { reading } = view;
    if (reading === undefined || charge === undefined) {
      return { kind: 'blind', threshold, unit, why: 'the battery charge is not told' };
    }
    // Up to the last reading: silence flattens nothing.
    const rate = rateOver(outage.charges, { charge, at: reading.at }, configured.over);
    if (rate === undefined) {
      return {
        kind: 'quiet',
        threshold,
        unit,
        why: `no rate yet: it takes ${configured.over / 1000} s to measure one`,
      };
    }
    const value = Math.round(rate * 10) / 10;
    const seen = { value, threshold, unit };
    if (rate <= threshold) {
      return { kind: 'quiet', ...seen, why: `the charge falls by ${value} %/min, fires above ${threshold} %/min` };
    }
    const why = `the charge falls by ${value} %/min, more than ${threshold} %/min`;
    return { kind: 'agrees', ...seen, doubtful: charge >= BEYOND_DOUBT && isDoubtful(view, outage), why };
  },
};

/**
 * Points lost a minute over the last stretch of a window's length. Undefined before the outage is that old.
 *
 * The charge at the beginning of the window is that of the last point before it, however old: points are kept when the
 * charge moves, so it is what the gauge showed then.
 */
function rateOver(charges: readonly ChargePoint[], last: ChargePoint, over: Millis): number | undefined {
  const from = charges.findLast(({ at }) => at <= last.at - over);
  return from === undefined ? undefined : (from.charge - last.charge) / (over / 60_000);
}
