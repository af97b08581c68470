import type { GroupId } from './names.ts';
import type { ProgressEvent, StepLook } from './progress.ts';
import type { DeviceAddress, Inventory, Listed, Reading } from './reading.ts';
import type { Answer, Json, Request } from './requests.ts';
import type { Settings } from './settings.ts';
import type { KnownName, Memory } from './state.ts';
import type { Trouble } from './trouble.ts';

/** What a source tells while it watches. */
export type Report =
  /** The devices the server lists now, all of them. */
  | { readonly kind: 'listed'; readonly source: string; readonly devices: readonly Listed[] }
  /** One sweep: what every device of it said, by the source's own names. */
  | { readonly kind: 'readings'; readonly source: string; readonly readings: ReadonlyMap<string, Reading> }
  | { readonly kind: 'inventory'; readonly address: DeviceAddress; readonly inventory: Inventory }
  /** One device gives no usable data, while its server answers. */
  | { readonly kind: 'device-trouble'; readonly address: DeviceAddress; readonly trouble: Trouble }
  /** The server itself gives no answer; every device of it is lost with it. */
  | { readonly kind: 'source-trouble'; readonly source: string; readonly trouble: Trouble };

/** What became of an order to a device. */
export type Instructed =
  /** `tracked` when the driver itself confirmed it; else the server only handed it on. */
  | { readonly kind: 'done'; readonly tracked: boolean }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'no-credentials' }
  /** Not known whether the device did it. Never repeated by us. */
  | { readonly kind: 'no-answer'; readonly why: string };

/**
 * Everything that can change the state. Nothing else does.
 *
 * `configured` at the start and after each accepted reload; `reloaded` when a reload that a request asked for has ended.
 */
export type Input =
  | { readonly kind: 'configured'; readonly settings: Settings }
  /** What an earlier process has kept, before the first `configured`. */
  | {
      readonly kind: 'restored';
      readonly names: readonly KnownName[];
      /** Absent: nothing was kept, or it cannot be read. */
      readonly memory?: Memory;
      /** Whether the machine has been started since. Monotonic time goes on only within one boot. */
      readonly boot: 'same' | 'new';
    }
  | { readonly kind: 'tick' }
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'instructed'; readonly request: string; readonly outcome: Instructed }
  /** The executor tells how a run, or the restore after it, gets on. */
  | { readonly kind: 'progressed'; readonly group: GroupId; readonly run: string; readonly event: ProgressEvent }
  /** Steps were looked at, without carrying anything out: by group and step key. */
  | {
      readonly kind: 'looked';
      readonly groups: ReadonlyMap<GroupId, ReadonlyMap<string, StepLook>>;
      /** Who has asked for it; absent where it was time for it. */
      readonly request?: string;
    }
  | { readonly kind: 'reloaded'; readonly request: string; readonly answer: Answer }
  /** Something happened in a room of ours that people should know of, such as a port that cannot be bound. */
  | {
      readonly kind: 'noticed';
      readonly type: string;
      readonly text: string;
      readonly details?: { readonly [key: string]: Json };
    };
