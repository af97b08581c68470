import type { Member, Readiness } from '../../domain/groups.ts';
import { isIdle, type Plan } from '../../domain/plan.ts';
import { numberIn } from '../../domain/reading.ts';
import type { DeviceState } from '../../domain/state.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../domain/time.ts';

/** The share of the full runtime that a plan may need. */
const MOST = 0.8;
/** From this charge on the runtime is that of a full battery. */
const FULL = 90;

/** Whether a group could do its work if the mains went now, and if not, why. A group without a plan has no work. */
export function readinessOf(
  plan: Plan,
  members: readonly Member[],
  devices: ReadonlyMap<string, DeviceState>,
): Readiness {
  const reasons: string[] = [];
  for (const member of members) {
    const device = devices.get(member.device);
    const label = device?.label ?? member.device;
    if (member.class === 'unknown' || member.class === 'off') reasons.push(`${label}: ${member.why ?? 'unknown'}`);
    else if (device !== undefined && !isIdle(plan)) reasons.push(...shortOf(plan, device, label));
  }
  return { ready: reasons.length === 0, reasons };
}

function shortOf({ need }: Plan, { reading, power }: DeviceState, label: string): readonly string[] {
  if (reading === undefined || power.fed !== 'mains') return [];
  const [charge, runtime] = [numberIn(reading, 'battery.charge'), numberIn(reading, 'battery.runtime')];
  if (charge === undefined && runtime === undefined) {
    return [`${label} tells neither charge nor runtime: only low battery and time can fire`];
  }
  if (runtime === undefined || (charge ?? 100) < FULL || need <= MOST * seconds(runtime)) return [];
  const full = formatSpan(seconds(Math.round(runtime / 60) * 60));
  return [`the plan needs ${formatSpan(need)}, more than 80 % of the ${full} that ${label} lasts when full`];
}

/** The smallest runtime that counts, less what the plan needs, to 10 s; undefined where no feed tells its runtime. */
export function slackOf(
  { need }: Plan,
  members: readonly Member[],
  devices: ReadonlyMap<string, DeviceState>,
): Millis | undefined {
  const runtimes = members.flatMap(({ device: id }) => {
    const reading = devices.get(id)?.reading;
    const runtime = reading === undefined ? undefined : numberIn(reading, 'battery.runtime');
    return runtime === undefined ? [] : [runtime];
  });
  if (runtimes.length === 0) return undefined;
  return asMillis(Math.round((Math.min(...runtimes) * 1000 - need) / STEP) * STEP);
}

/** What is published is not to change with every second. */
const STEP = seconds(10);
