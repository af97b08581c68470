import type { Outage } from '../../domain/power.ts';
import { after, asMillis, between, formatSpan, type Millis, seconds } from '../../domain/time.ts';
import { chargeOf, type Opinion, runtimeOf, type TriggerRow, type View } from './view.ts';

/** Where neither charge nor runtime can be seen, time is all there is to go by. */
const BLIND_LIMIT = seconds(600);
/** A driver that is started anew late in an outage says nothing but the status for a while. */
const BLIND_FOR = seconds(60);

/** The outage has lasted too long. */
export const onBatteryFor: TriggerRow = {
  trigger: 'on_battery_for',
  settles: false,
  holds: false,
  look: (view, outage) => {
    const { onBatteryFor: configured } = view.settings;
    if (configured === 'off') return undefined;
    if (configured !== 'auto') return clock(view, outage, configured, '');
    if (view.reading === undefined || isSeen(view)) return undefined;
    const blind = clock(view, outage, BLIND_LIMIT, ' while neither charge nor runtime can be seen');
    return { ...blind, kind: 'agrees', holds: { span: BLIND_FOR, notBefore: after(outage.since, BLIND_LIMIT) } };
  },
};

/** Whether a gauge is told that some trigger looks at. */
const isSeen = (view: View): boolean =>
  (view.settings.chargeBelow !== 'off' && chargeOf(view) !== undefined) ||
  (view.settings.runtimeBelow !== 'off' && runtimeOf(view) !== undefined);

/** The outage has lasted long enough for a battery that has failed its last test. */
export const afterFailedTest: TriggerRow = {
  trigger: 'after_failed_test',
  settles: false,
  holds: false,
  look: (view, outage) => {
    const { afterFailedTest: configured } = view.settings;
    if (configured === 'off' || !view.failedTest) return undefined;
    return clock(view, outage, configured, ' with a battery that has failed its last test');
  },
};

/** How long the outage has lasted, against a limit. */
export function clock({ now }: View, { since }: Outage, limit: Millis, when: string): Opinion {
  const lasted = between(since, now);
  const [value, threshold] = [Math.floor(Math.max(0, lasted) / 1000), Math.ceil(limit / 1000)];
  const seen = { value, threshold, unit: 's' } as const;
  if (lasted >= limit) {
    return { kind: 'agrees', ...seen, why: `on battery for ${formatSpan(asMillis(limit))}${when}` };
  }
  const why = `fires after ${formatSpan(asMillis(limit))} on battery${when}`;
  return { kind: 'quiet', ...seen, firesAt: after(since, limit), basis: 'clock', why };
}
