import type { DeviceId, GroupId, SourceName } from './names.ts';
import type { Step } from './steps.ts';
import type { Millis } from './time.ts';

/** How far the mains may stray before it is told. */
export type QualityPreset = 'tight' | 'normal' | 'loose';

/** One `ups:` entry: a device the configuration names, renames or tunes. */
export interface DeviceSettings {
  readonly id: DeviceId;
  readonly source: SourceName;
  /** The source's own name for it. */
  readonly name: string;
  /** What people call it. Absent: its id. */
  readonly label?: string;
  /** Watts the device can deliver, where it does not say so itself or says it wrongly. */
  readonly nominalPower?: number;
  /** Whether its charge gauge may decide anything. */
  readonly trustCharge: boolean;
  readonly powerQuality: QualityPreset;
  /** Wall time the battery was put in, milliseconds since 1970; absent where nobody has said. */
  readonly batteryInstalled?: number;
  /** When self-tests are started; absent: never by us. */
  readonly selfTest?: SelfTestSettings;
}

/** What the configuration says of how a device is to be judged. */
export type Tuning = Pick<DeviceSettings, 'trustCharge' | 'powerQuality' | 'batteryInstalled'>;

/** Of a device that no entry of the configuration names. */
export const UNTUNED: Tuning = { trustCharge: true, powerQuality: 'normal' };

/** Self-tests that the bridge starts by itself. */
export interface SelfTestSettings {
  /** Cron expression of five fields, in the local time of this machine. */
  readonly schedule: string;
  /** The command of the device. */
  readonly command: string;
}

/** When an outage is no longer waited out. Every key can be set for all groups and for one. */
export interface TriggerSettings {
  /** From the beginning of an outage: gauges are not believed that soon. */
  readonly settle: Millis;
  /** How long a condition has to last, from its first reading on. */
  readonly hold: Millis;
  readonly lowBattery: boolean;
  /** Percent; fires strictly below. */
  readonly chargeBelow: number | 'off';
  /** `auto`: what the plan of the group needs. Fires strictly below. */
  readonly runtimeBelow: Millis | 'auto' | 'off';
  /** Percent a minute, over a stretch of time. */
  readonly depletion: { readonly perMinute: number; readonly over: Millis } | 'off';
  /** `auto`: 10 minutes where neither charge nor runtime can be seen, else off. */
  readonly onBatteryFor: Millis | 'auto' | 'off';
  /** `auto`: 15 s, or 60 s where the last reading left plenty of runtime. */
  readonly deadAfter: Millis | 'auto';
  /** Time on battery while the last self-test is a failed one. */
  readonly afterFailedTest: Millis | 'off';
}

/** When a stage may run before the group fires. All that are given have to hold. */
export interface StageCondition {
  readonly onBatteryFor?: Millis;
  /** Percent. */
  readonly chargeBelow?: number;
  readonly runtimeBelow?: Millis;
}

export interface StageSettings {
  readonly name: string;
  /** Absent: only when the group fires, after all earlier stages. */
  readonly when?: StageCondition;
  readonly steps: readonly Step[];
  /** What brings back what the steps have taken away. */
  readonly restore: readonly Step[];
}

/** What is fed by which devices, and what to do about it. */
export interface GroupSettings {
  readonly id: GroupId;
  /** What people call it. Absent: its id. */
  readonly label?: string;
  /** At least one, each once. */
  readonly feeds: readonly DeviceId[];
  /** Fewer healthy feeds than this, and the group fires. */
  readonly minHealthy: number;
  /** Whether too little surviving capacity is only told, or counts as a lost quorum. */
  readonly minCapacity: 'tell' | 'enforce';
  readonly triggers: TriggerSettings;
  /** What the plan needs beyond its steps. */
  readonly reserve: Millis;
  /** What a running plan takes the time left to be where no feed tells its runtime. */
  readonly timeLeftUnknown: Millis;
  /** Percent of charge from which on an outage has really ended. */
  readonly restoreAbove: number;
  /** The stage from whose beginning on nothing can be cancelled. Absent: the first `ups` step, else the halt. */
  readonly pointOfNoReturn?: string;
  readonly stages: readonly StageSettings[];
  /** The halt of this host, a step of kind `host`; absent where the group halts nothing here. */
  readonly halt?: Step;
}

/** What the decisions need to know of the configuration. Secrets are not part of it. */
export interface Settings {
  readonly node: string;
  readonly armed: boolean;
  readonly dryRun: boolean;
  /** What a forced shutdown that a server announces means. */
  readonly fsd: 'obey' | 'tell';
  /** How long mains have to be back before they end an outage or cancel a plan. */
  readonly mainsHold: Millis;
  /** Of devices that no group names. */
  readonly triggers: TriggerSettings;
  /** In the order of the file: on a clash of names the earlier source keeps the name. */
  readonly sources: readonly SourceName[];
  readonly devices: readonly DeviceSettings[];
  readonly groups: readonly GroupSettings[];
  /** Patterns of what may be asked for; see `isAllowed`. */
  readonly allow: readonly string[];
  /** SHA-256 of the configuration without its secrets, first twelve hex digits. */
  readonly digest: string;
}
