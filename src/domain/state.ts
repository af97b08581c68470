import type { DeviceId, SourceName } from './names.ts';
import type { DeviceAddress, Inventory, Listed, Reading, Variables } from './reading.ts';
import type { Request } from './requests.ts';
import type { Settings } from './settings.ts';
import type { Instant } from './time.ts';
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
  /** The last usable reading; kept while the link is lost, shown as old. */
  readonly reading?: Reading;
  /** What the last status that proved anything proved; undefined until one has. Statuses that prove nothing leave it. */
  readonly fed?: 'mains' | 'battery';
  /** What follows from the reading, by the same names that topics and entities use. */
  readonly derived: Variables;
}

/** An id that a device of a source has had: it waits for that source to list it again. */
export interface KnownName {
  readonly source: SourceName;
  readonly id: DeviceId;
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
}

export const EMPTY_STATE: State = { sources: new Map(), devices: new Map(), names: [], pending: new Map() };
