import type { GroupState, Member, Readiness } from '../../domain/groups.ts';
import { isIdle, type Plan } from '../../domain/plan.ts';
import { numberIn } from '../../domain/reading.ts';
import type { DeviceState } from '../../domain/state.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../domain/time.ts';

/** The share of the runtime that a plan may need, and from which on it may need that again. */
const MOST = 0.8;
const LESS = 0.75;
const SHORT = 'the plan needs';

/**
 * Whether a group could do its work if the mains went now, and if not, why. A group without a plan has no work but to be
 * seen. In an outage what counts is how long the feed lasted before it: then the triggers watch what is left.
 */
export function readinessOf(
  plan: Plan,
  members: readonly Member[],
  devices: ReadonlyMap<string, DeviceState>,
  { readiness: before, looked }: Pick<GroupState, 'readiness' | 'looked'>,
): Readiness {
  const wasShort = !before.ready && before.reasons.some((reason) => reason.startsWith(SHORT));
  const share = wasShort ? LESS : MOST;
  const reasons: string[] = [];
  for (const member of members) {
    const device = devices.get(member.device);
    const label = device?.label ?? member.device;
    if (member.class === 'unknown' || member.class === 'off') reasons.push(`${label}: ${member.why ?? 'unknown'}`);
    else if (device !== undefined && !isIdle(plan)) {
      const short = shortOf(plan, device, label, share);
      if (short !== undefined) reasons.push(short);
    }
  }
  reasons.push(...unreadySteps(looked));
  // Mostly nothing stands against it, and nothing did.
  return reasons.length === 0 && before.ready ? before : { ready: reasons.length === 0, reasons };
}

/** What looking at the steps has shown to be in the way. */
const unreadySteps = (looked: GroupState['looked']): readonly string[] =>
  looked === undefined
    ? []
    : [...looked].flatMap(([key, { toldUnready, text }]) => (toldUnready ? [`${key} would not work: ${text}`] : []));

function shortOf({ need }: Plan, device: DeviceState, label: string, share: number): string | undefined {
  const { reading, power } = device;
  if (reading === undefined) return undefined;
  const { outage } = power;
  const now = numberIn(reading, 'battery.charge');
  const charge = outage === undefined ? now : (outage.chargeBefore ?? now);
  const runtime = outage === undefined ? numberIn(reading, 'battery.runtime') : outage.runtimeBefore;
  if (charge === undefined && runtime === undefined) {
    return `${label} tells neither charge nor runtime: only low battery and time can fire`;
  }
  if (runtime === undefined || need <= share * seconds(runtime)) return undefined;
  // To the minute, so that the words do not change with every reading.
  const has = formatSpan(seconds(runtime < 120 ? runtime : Math.round(runtime / 60) * 60));
  return `${SHORT} ${formatSpan(need)}, more than 80 % of the ${has} that ${label} lasts`;
}

/**
 * The smallest runtime that counts, less what the plan needs, to 10 s; undefined where no feed tells its runtime. What a
 * feed that is lost or silent said last counts no more.
 */
export function slackOf(
  { need }: Plan,
  members: readonly Member[],
  devices: ReadonlyMap<string, DeviceState>,
): Millis | undefined {
  let least: number | undefined;
  for (const { device: id } of members) {
    const device = devices.get(id);
    if (device?.reading === undefined || device.link.kind !== 'up' || device.power.silentSince !== undefined) continue;
    const runtime = numberIn(device.reading, 'battery.runtime');
    if (runtime !== undefined && (least === undefined || runtime < least)) least = runtime;
  }
  return least === undefined ? undefined : asMillis(Math.round((seconds(least) - need) / STEP) * STEP);
}

/** What is published is not to change with every second. */
const STEP = seconds(10);
