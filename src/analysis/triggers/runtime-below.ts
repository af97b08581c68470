import { after, formatSpan, seconds } from '../../domain/time.ts';
import { runtimeOf, type TriggerRow } from './view.ts';

/** The runtime that the device gives is strictly below the threshold: by default what the plan needs, so that it just fits. */
export const runtimeBelow: TriggerRow = {
  trigger: 'runtime_below',
  settles: true,
  holds: true,
  look: (view) => {
    const { runtimeBelow: configured } = view.settings;
    if (configured === 'off') return undefined;
    const limit = configured === 'auto' ? view.need : configured;
    const threshold = Math.ceil(limit / 1000);
    const value = runtimeOf(view);
    const { reading } = view;
    if (reading === undefined || value === undefined) {
      return { kind: 'blind', threshold, unit: 's', why: 'the runtime is not told' };
    }
    const seen = { value, threshold, unit: 's' } as const;
    const [has, needs] = [formatSpan(seconds(value)), formatSpan(seconds(threshold))];
    const reason = configured === 'auto' ? ', what the plan needs' : '';
    if (value < threshold) return { kind: 'agrees', ...seen, why: `runtime left ${has} is below ${needs}${reason}` };
    const why = `runtime left ${has}, fires below ${needs}${reason}`;
    return { kind: 'quiet', ...seen, firesAt: after(reading.at, seconds(value - threshold)), basis: 'runtime', why };
  },
};
