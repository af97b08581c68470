import type { GroupState } from '../../domain/groups.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import { between, type Instant, seconds } from '../../domain/time.ts';
import { hasMains } from '../groups/run.ts';

/** A feed that tells no charge is taken to be charged enough once its mains have held for so long. */
const CHARGED_UNSEEN = seconds(300);

/** The stages to be brought back, the last one first; none where nothing of them has a way back. */
export function stagesToRestore({ stages }: GroupSettings, { shed }: Pick<GroupState, 'shed'>): readonly string[] {
  const withWay = new Set(stages.filter(({ restore }) => restore.length > 0).map(({ name }) => name));
  return (shed?.stages ?? []).filter((name) => withWay.has(name)).toReversed();
}

/**
 * Whether the outage has really ended: mains have held, and enough feeds could carry a second outage.
 *
 * @param atOnce whether their charge does not matter
 */
export function isOver(
  { feeds, minHealthy, restoreAbove }: Pick<GroupSettings, 'feeds' | 'minHealthy' | 'restoreAbove'>,
  devices: ReadonlyMap<string, DeviceState>,
  now: Instant,
  atOnce = false,
): boolean {
  const all = feeds.map((id) => devices.get(id));
  if (all.some((device) => isOnBattery(device))) return false;
  return (
    all.filter((device) => hasMains(device) && (atOnce || isCharged(device, restoreAbove, now))).length >= minHealthy
  );
}

/** A feed that runs from its battery, as far as is proved: a restore begins nothing more. */
export const isOnBattery = (device: DeviceState | undefined): boolean =>
  device?.power.outage !== undefined && device.power.fed === 'battery' && device.power.silentSince === undefined;

function isCharged(
  { reading, tuning, power }: DeviceState & { readonly reading: Reading },
  above: number,
  now: Instant,
): boolean {
  const charge = numberIn(reading, 'battery.charge');
  if (charge !== undefined && tuning.trustCharge) return charge > above;
  const { lastOutageEnded: ended } = power;
  return ended === undefined || between(ended.at, now) >= CHARGED_UNSEEN;
}
