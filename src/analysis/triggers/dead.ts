import type { Outage } from '../../domain/power.ts';
import { after, asInstant, asMillis, between, formatSpan, type Millis, seconds } from '../../domain/time.ts';
import type { TriggerRow, View } from './view.ts';

/** Silence that is taken for death. As upsmon's DEADTIME. */
const SHORT = seconds(15);
/** Where the last reading left plenty of runtime: a USB reset at the moment of the outage comes back within a minute. */
const LONG = seconds(60);
/** How much more runtime than the plan needs is plenty. */
const PLENTY = seconds(600);

/** Nothing proves mains or battery any more, in an outage: whoever is silent on battery may be about to go dark. */
export const dead: TriggerRow = {
  trigger: 'dead',
  settles: false,
  holds: false,
  look: (view, outage) => {
    const limit = limitOf(view, outage);
    const threshold = Math.ceil(limit / 1000);
    if (view.silentSince === undefined || view.power.fed !== 'battery') {
      return {
        kind: 'quiet',
        value: 0,
        threshold,
        unit: 's',
        why: `it answers; dead after ${formatSpan(limit)} of silence`,
      };
    }
    const silence = asMillis(Math.max(0, between(view.silentSince, view.now)));
    const firesAt = asInstant(Math.max(after(view.silentSince, limit), view.silenceFrom));
    const seen = { value: Math.floor(silence / 1000), threshold, unit: 's' } as const;
    if (view.now >= firesAt) return { kind: 'agrees', ...seen, why: `silent on battery for ${formatSpan(limit)}` };
    return {
      kind: 'quiet',
      ...seen,
      firesAt,
      basis: 'clock',
      why: `silent on battery, dead after ${formatSpan(limit)}`,
    };
  },
};

function limitOf({ settings: { deadAfter }, need }: View, { runtimeLeft }: Outage): Millis {
  if (deadAfter !== 'auto') return deadAfter;
  const plenty = runtimeLeft !== undefined && !runtimeLeft.low && seconds(runtimeLeft.seconds) >= need + PLENTY;
  return plenty ? LONG : SHORT;
}
