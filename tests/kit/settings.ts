import type { DeviceSettings, GroupSettings, Settings, TriggerSettings } from '../../src/domain/settings.ts';
import { seconds } from '../../src/domain/time.ts';

/** The triggers as an empty configuration has them. */
export const TRIGGERS: TriggerSettings = {
  settle: seconds(10),
  hold: seconds(5),
  lowBattery: true,
  chargeBelow: 20,
  runtimeBelow: 'auto',
  depletion: { perMinute: 15, over: seconds(90) },
  onBatteryFor: 'auto',
  deadAfter: 'auto',
  afterFailedTest: 'off',
};

/** Settings as an empty configuration has them, with one source. */
export const settings = (more: Partial<Settings> = {}): Settings => ({
  node: 'home',
  armed: false,
  dryRun: false,
  fsd: 'obey',
  mainsHold: seconds(5),
  triggers: TRIGGERS,
  sources: ['nas'],
  devices: [],
  groups: [],
  allow: ['*', 'set:*', 'bridge.*'],
  digest: '000000000000',
  ...more,
});

/** An `ups:` entry with nothing but its place. */
export const declared = (id: string, more: Partial<DeviceSettings> = {}): DeviceSettings => ({
  id,
  source: 'nas',
  name: id,
  trustCharge: true,
  powerQuality: 'normal',
  ...more,
});

/** A group without stages that halts nothing. */
export const group = (id: string, feeds: readonly string[], more: Partial<GroupSettings> = {}): GroupSettings => ({
  id,
  feeds,
  minHealthy: 1,
  minCapacity: 'tell',
  triggers: TRIGGERS,
  reserve: seconds(60),
  timeLeftUnknown: seconds(120),
  restoreAbove: 50,
  stages: [],
  ...more,
});
