import type { Outage } from '../../domain/power.ts';
import { after, asInstant, asMillis, between, formatSpan, type Millis, seconds } from '../../domain/time.ts';
import type { TriggerRow, View } from './view.ts';

/** Silence that is taken for death. As upsmon's DEADTIME. */
const SHORT = seconds(15);
/** Where the last reading left plenty of runtime: a USB reset at the moment of the outage comes back within a minute. */
const LONG = seconds(60);
/** How much more runtime than the plan needs is plenty. */
const PLENTY = seconds(600);

/**
 * Nothing proves mains or battery any more, in an outage: whoever is silent on battery may be about to go dark.
 *
 * Where a step of ours has stopped the machine that the source runs on, the silence is our own doing: the last runtime
 * goes on to count, and the device is dead when only what the plan needs is left of it.
 */
export const dead: TriggerRow = {
  trigger: 'dead',
  settles: false,
  holds: false,
  look: (view, outage) => {
    const usual = limitOf(view, outage);
    const held = heldRuntime(view, outage);
    const limit = asMillis(Math.max(usual, held ?? 0));
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
    const own = limit === held ? ', as its source was stopped with our step' : '';
    if (view.now >= firesAt)
      return { kind: 'agrees', ...seen, why: `silent on battery for ${formatSpan(limit)}${own}` };
    const basis = limit === held ? 'runtime' : 'clock';
    return { kind: 'quiet', ...seen, firesAt, basis, why: `silent on battery, dead after ${formatSpan(limit)}${own}` };
  },
};

function limitOf({ settings: { deadAfter }, need }: View, { runtimeLeft }: Outage): Millis {
  if (deadAfter !== 'auto') return deadAfter;
  const plenty = runtimeLeft !== undefined && !runtimeLeft.low && seconds(runtimeLeft.seconds) >= need + PLENTY;
  return plenty ? LONG : SHORT;
}

/** What the last runtime leaves beyond the plan's need, where the silence is our own doing; undefined where it is not, or none was told that counts. */
function heldRuntime({ carried, need }: View, { runtimeLeft }: Outage): Millis | undefined {
  if (carried !== true || runtimeLeft === undefined || runtimeLeft.low) return undefined;
  return asMillis(Math.max(0, seconds(runtimeLeft.seconds) - need));
}
