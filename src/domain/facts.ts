import { FLAG_EVENTS } from './flags.ts';
import type { DeviceId, SourceName } from './names.ts';
import type { Json } from './requests.ts';

/** Events of one device that are not words of its status. */
const DEVICE_EVENTS = ['commbad', 'commok', 'command', 'set', 'appeared', 'gone'] as const;

/** Events of the bridge itself. */
const BRIDGE_EVENTS = [
  'source_lost',
  'source_back',
  'reloaded',
  'reload_refused',
  'request',
  'listener_failed',
  'internal_error',
] as const;

/** Everything a device's event entity can say. A contract: automations hold these words. */
export const DEVICE_EVENT_TYPES: readonly string[] = [...FLAG_EVENTS, ...DEVICE_EVENTS];
export const BRIDGE_EVENT_TYPES: readonly string[] = BRIDGE_EVENTS;

/**
 * Something that happened. Goes to the log, the journal and the event topics; nothing is ever decided by it.
 */
export interface Fact {
  /** One of `DEVICE_EVENT_TYPES` where `device` is set, else of `BRIDGE_EVENT_TYPES`. */
  readonly type: string;
  readonly device?: DeviceId;
  readonly source?: SourceName;
  /** `notice` for what is as it should be, `warning` and `error` for what a person may have to look at. */
  readonly level: 'notice' | 'warning' | 'error';
  /** One line for people. */
  readonly text: string;
  readonly details?: { readonly [key: string]: Json };
}
