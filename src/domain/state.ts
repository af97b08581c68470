import { type Battery, NO_BATTERY } from './battery.ts';
import type { GroupState, Member } from './groups.ts';
import type { DeviceId, GroupId, SourceName } from './names.ts';
import { type Power, UNHEARD_POWER } from './power.ts';
import { NO_QUALITY, type Quality } from './quality.ts';
import type { DeviceAddress, Inventory, Listed, Reading, Variables } from './reading.ts';
import type { Request } from './requests.ts';
import { type Settings, type Tuning, UNTUNED } from './settings.ts';
import type { Instant, Millis } from './time.ts';
import type { Trouble } from './trouble.ts';

/** Whether we hear a device or server: not yet, yes, or no and why. */
export type Link =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'up' }
  | { readonly kind: 'lost'; readonly trouble: Trouble; readonly since: Instant; readonly sinceWall: number };

export interface SourceState {
  readonly link: Link;
  /** What the server listed last, whole; undefined until it has. */
  readonly listed?: readonly Listed[];
  /** Which device each of its own names (lower case) is. */
  readonly ids: ReadonlyMap<string, DeviceId>;
  /** What was told of listed devices that have no id yet, by their own names (lower case): sources tell it once. */
  readonly unnamed: ReadonlyMap<string, Told>;
}

/** What a source tells of a device only when it changes. */
export interface Told {
  readonly link: Link;
  /** Undefined until the source has read it. */
  readonly inventory?: Inventory;
}

export interface DeviceState extends Told {
  readonly id: DeviceId;
  readonly address: DeviceAddress;
  readonly label: string;
  readonly nominalPower?: number;
  readonly tuning: Tuning;
  /** The last usable reading; kept while the link is lost, shown as old. */
  readonly reading?: Reading;
  /** Mains, outage and silence, as far as its statuses prove them. */
  readonly power: Power;
  /** As an earlier boot has left it: it waits for this boot's first proof of mains or battery, and decides nothing before. */
  readonly earlier?: Power;
  readonly quality: Quality;
  readonly battery: Battery;
  /** What follows from the reading, by the same names that topics and entities use. */
  readonly derived: Variables;
}

/** An id that a device of a source has had: it waits for that source to list it again. */
export interface KnownName {
  readonly source: SourceName;
  readonly id: DeviceId;
}

/** What a device is before anything was heard of it. */
export const UNHEARD = { power: UNHEARD_POWER, quality: NO_QUALITY, battery: NO_BATTERY, tuning: UNTUNED } as const;

/** What an earlier process has kept: journalled as it changes, given back at a start. */
export interface Memory {
  readonly devices: ReadonlyMap<DeviceId, DeviceMemory>;
  readonly groups: ReadonlyMap<GroupId, GroupMemory>;
  /** Verdicts of devices that no group names need their holds too. */
  readonly alone: ReadonlyMap<DeviceId, MemberMemory>;
  readonly durations: Durations;
  /** The last moment of the process that kept it, on its monotonic clock. */
  readonly at: Instant;
}

export type DeviceMemory = Pick<DeviceState, 'power' | 'earlier' | 'quality' | 'battery'>;

export type MemberMemory = Pick<Member, 'holds' | 'stageHolds' | 'fired'>;

export interface GroupMemory
  extends Pick<
    GroupState,
    'run' | 'earlierRun' | 'progress' | 'past' | 'shed' | 'silenced' | 'disarmedUntil' | 'shortSince'
  > {
  readonly members: ReadonlyMap<DeviceId, MemberMemory>;
  /** Absent: kept by an earlier version. */
  readonly told?: GroupState['told'];
}

/** What steps took in the last runs and drills, newest last, at most five, by `<group>/<key>`. */
export type Durations = ReadonlyMap<string, readonly Millis[]>;

/** Since when this process listens. */
export interface Listening {
  /** The first input after the start. */
  readonly since: Instant;
  /** The last input of any kind. */
  readonly last: Instant;
  /** The last tick; absent before the first. */
  readonly ticked?: Instant;
  /** The end of the last stall: silence before it proves nothing. Absent where there was none. */
  readonly gap?: Instant;
}

/** Everything that is known. Readonly data: a new state for every input, shared where nothing changed. */
export interface State {
  /** Undefined before the first `configured`. */
  readonly settings?: Settings;
  readonly sources: ReadonlyMap<SourceName, SourceState>;
  readonly devices: ReadonlyMap<DeviceId, DeviceState>;
  /** Ids from before the start, for sources that have not listed their devices since. */
  readonly names: readonly KnownName[];
  /** Requests whose actor has not come back yet, by request id, with the moment they were accepted. */
  readonly pending: ReadonlyMap<string, { readonly request: Request; readonly since: Instant }>;
  /** Every group of the configuration, in its order. */
  readonly groups: ReadonlyMap<GroupId, GroupState>;
  /** Devices that no group names, judged by the default triggers. */
  readonly alone: ReadonlyMap<DeviceId, Member>;
  readonly durations: Durations;
  readonly listening?: Listening;
  /** What an earlier process has kept of devices and groups that are not there yet. */
  readonly memory?: Memory & { readonly boot: 'same' | 'new' };
}

export const EMPTY_STATE: State = {
  sources: new Map(),
  devices: new Map(),
  names: [],
  pending: new Map(),
  groups: new Map(),
  alone: new Map(),
  durations: new Map(),
};
