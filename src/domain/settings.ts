import type { DeviceId, SourceName } from './names.ts';

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
}

/** What the decisions need to know of the configuration. Secrets are not part of it. */
export interface Settings {
  readonly node: string;
  readonly armed: boolean;
  readonly dryRun: boolean;
  /** In the order of the file: on a clash of names the earlier source keeps the name. */
  readonly sources: readonly SourceName[];
  readonly devices: readonly DeviceSettings[];
  /** Patterns of what may be asked for; see `isAllowed`. */
  readonly allow: readonly string[];
  /** SHA-256 of the configuration without its secrets, first twelve hex digits. */
  readonly digest: string;
}
