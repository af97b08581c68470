import { FLAG_EVENTS } from './flags.ts';
import type { DeviceId, GroupId, SourceName } from './names.ts';
import type { Json } from './requests.ts';

/** Events of one device that are not words of its status. */
const DEVICE_EVENTS = [
  ...['commbad', 'commok', 'command', 'set', 'appeared', 'gone'],
  ...['outage', 'outage_ended', 'outage_resumed', 'silent', 'gauge_doubted', 'trigger_fired', 'fsd_ignored'],
  ...['voltage_low', 'voltage_high', 'voltage_severe', 'voltage_normal', 'frequency_off', 'frequency_normal'],
  ...['overload', 'overload_ended', 'battery_anomaly', 'battery_health', 'battery_replace', 'battery_measured'],
  ...['test_started', 'test_passed', 'test_warning', 'test_failed', 'test_aborted', 'test_refused'],
] as const;

/** Events of a group. */
export const GROUP_EVENT_TYPES: readonly string[] = [
  ...['shed', 'shutdown', 'called_off', 'finished', 'restored', 'resumed', 'hurried', 'halt_again', 'run_ended'],
  ...['step_begun', 'step_done', 'step_failed', 'step_timed_out', 'step_skipped'],
  ...['restoring', 'restore_stopped', 'restore_ended', 'step_unready', 'step_ready'],
  ...['quorum_lost', 'quorum_back', 'capacity_short', 'capacity_enough', 'not_ready', 'ready', 'disarmed', 'armed'],
];

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
  /** One of `DEVICE_EVENT_TYPES` where `device` is set, of `GROUP_EVENT_TYPES` where `group` is, else of `BRIDGE_EVENT_TYPES`. */
  readonly type: string;
  readonly device?: DeviceId;
  readonly group?: GroupId;
  readonly source?: SourceName;
  /** `notice` for what is as it should be, `warning` and `error` for what a person may have to look at. */
  readonly level: 'notice' | 'warning' | 'error';
  /** One line for people. */
  readonly text: string;
  readonly details?: { readonly [key: string]: Json };
}
