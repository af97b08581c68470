import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES, GROUP_EVENT_TYPES } from '../domain/facts.ts';
import { type Component, type Components, type DeviceFrame, entity } from './component.ts';

/** Events that automations start from most; the rest is in the event entity. A contract. */
const TRIGGERS: readonly string[] = [
  ...['onbatt', 'online', 'lowbatt', 'replbatt', 'over', 'bypass', 'off', 'alarm', 'fsd', 'commbad', 'commok'],
  ...['outage', 'outage_ended', 'trigger_fired', 'battery_replace', 'test_failed'],
];

/** The same of groups. A contract. */
const GROUP_TRIGGERS: readonly string[] = [
  ...['shed', 'shutdown', 'called_off', 'quorum_lost', 'not_ready'],
  ...['step_failed', 'step_timed_out', 'hurried', 'halt_again', 'run_ended', 'restoring', 'restore_ended'],
];

/** The halt of this host, or its reboot, is the step of that name; a rehearsal of it is none. */
const IS_HALT = "value_json.event_type == 'step_begun' and value_json['step'] == 'host' and not value_json['dry_run']";
const HALT = `{{ 'halt' if ${IS_HALT} else 'other' }}`;

/** The event entity of a device and one device trigger for each event that matters. */
export const occasions = (
  frame: DeviceFrame,
  topic: string,
  bridgeOnly: Readonly<Record<string, unknown>>,
): Components =>
  Object.fromEntries([
    eventEntity(frame, topic, DEVICE_EVENT_TYPES, bridgeOnly),
    ...TRIGGERS.map((type) => deviceTrigger('power_event', type, topic)),
  ]);

/** The same of a group. */
export const groupOccasions = (frame: DeviceFrame, topic: string): Components =>
  Object.fromEntries([
    eventEntity(frame, topic, GROUP_EVENT_TYPES),
    ...GROUP_TRIGGERS.map((type) => deviceTrigger('group_event', type, topic)),
    deviceTrigger('group_event', 'halt', topic, HALT),
  ]);

/** The bridge's own event entity: everything that happens, to any device or group or to the bridge. */
export const bridgeOccasions = (frame: DeviceFrame, topic: string): Components =>
  Object.fromEntries([
    eventEntity(frame, topic, [...new Set([...BRIDGE_EVENT_TYPES, ...DEVICE_EVENT_TYPES, ...GROUP_EVENT_TYPES])]),
  ]);

const eventEntity = (
  frame: DeviceFrame,
  topic: string,
  types: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
) => entity(frame, 'event', 'event', 'Event', { state_topic: topic, event_types: types, ...more });

const deviceTrigger = (
  kind: string,
  type: string,
  topic: string,
  template = '{{ value_json.event_type }}',
): readonly [string, Component] => [
  `trigger_${type}`,
  {
    platform: 'device_automation',
    automation_type: 'trigger',
    type: kind,
    subtype: type,
    topic,
    payload: type,
    value_template: template,
  },
];
