import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES } from '../domain/facts.ts';
import { type Component, type Components, type DeviceFrame, entity } from './component.ts';

/** Events that automations start from most; the rest is in the event entity. A contract. */
const TRIGGERS: readonly string[] = [
  'onbatt',
  'online',
  'lowbatt',
  'replbatt',
  'over',
  'bypass',
  'off',
  'alarm',
  'fsd',
  'commbad',
  'commok',
];

/** The event entity of a device and one device trigger for each event that matters. */
export function occasions(
  frame: DeviceFrame,
  topic: string,
  bridgeOnly: Readonly<Record<string, unknown>>,
): Components {
  const event = entity(frame, 'event', 'event', 'Event', {
    state_topic: topic,
    event_types: DEVICE_EVENT_TYPES,
    ...bridgeOnly,
  });
  const triggers = TRIGGERS.map((type): readonly [string, Component] => [
    `trigger_${type}`,
    {
      platform: 'device_automation',
      automation_type: 'trigger',
      type: 'power_event',
      subtype: type,
      topic,
      payload: type,
      value_template: '{{ value_json.event_type }}',
    },
  ]);
  return Object.fromEntries([event, ...triggers]);
}

/** The bridge's own event entity: everything that happens, to any device or to the bridge. */
export function bridgeOccasions(frame: DeviceFrame, topic: string): Components {
  const types = [...new Set([...BRIDGE_EVENT_TYPES, ...DEVICE_EVENT_TYPES])];
  return Object.fromEntries([entity(frame, 'event', 'event', 'Event', { state_topic: topic, event_types: types })]);
}
