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
    // From the last point, not from now: between two points of a gauge the estimate would recede for ever.
    const [drain, last] = [drainOf(outage.charges, view.now), outage.charges.at(-1)];
    if (drain === undefined || last === undefined) return { kind: 'quiet', ...seen, why };
    const left = asMillis(((value - threshold) / drain) * seconds(60));
    return { kind: 'quiet', ...seen, firesAt: after(last.at, left), basis: 'drain', why };
  },
};
