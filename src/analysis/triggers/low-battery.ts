import { proofOf } from '../power/evidence.ts';
import type { TriggerRow } from './view.ts';

/**
 * LB in an outage: the device itself says that its battery is nearly empty. Not held back by `settle`, since a worn
 * battery can say it truthfully at once; `hold` passes over the bursts that some units send while switching. One that comes
 * and goes on a steady battery counts by the time it stands there.
 */
export const lowBattery: TriggerRow = {
  trigger: 'low_battery',
  settles: false,
  holds: true,
  wavers: true,
  look: ({ reading, settings }) => {
    if (!settings.lowBattery) return undefined;
    if (reading === undefined) return { kind: 'blind', why: 'no reading yet' };
    if (reading.flags.includes('LB')) return { kind: 'agrees', why: 'the device says that its battery is low' };
    // A reply that proves nothing reassures nobody.
    const kind = proofOf(reading) === undefined ? 'blind' : 'quiet';
    return { kind, why: 'no LB in the status' };
  },
};
