import { after, asMillis, seconds } from '../../domain/time.ts';
import { drainOf } from '../battery/drain.ts';
import { BEYOND_DOUBT, isDoubtful } from './doubt.ts';
import { chargeOf, type TriggerRow } from './view.ts';

/** The charge is strictly below the threshold. A doubted gauge waits, but not below 10 %. */
export const chargeBelow: TriggerRow = {
  trigger: 'charge_below',
  settles: true,
  holds: true,
  look: (view, outage) => {
    const threshold = view.settings.chargeBelow;
    if (threshold === 'off' || !view.trustCharge) return undefined;
    const value = chargeOf(view);
    if (value === undefined) return { kind: 'blind', threshold, unit: '%', why: 'the battery charge is not told' };
    const seen = { value, threshold, unit: '%' } as const;
    if (value < threshold) {
      const doubtful = value >= BEYOND_DOUBT && isDoubtful(view, outage);
      return { kind: 'agrees', ...seen, doubtful, why: `battery charge ${value} % is below ${threshold} %` };
    }
    const why = `battery charge ${value} %, fires below ${threshold} %`;
    const drain = drainOf(outage.charges, view.now);
    if (drain === undefined || drain <= 0) return { kind: 'quiet', ...seen, why };
    // From the last point, not from now: between two points of a gauge the estimate would recede for ever.
    const from = outage.charges.at(-1)?.at ?? view.now;
    const left = asMillis(((value - threshold) / drain) * seconds(60));
    return { kind: 'quiet', ...seen, firesAt: after(from, left), basis: 'drain', why };
  },
};
