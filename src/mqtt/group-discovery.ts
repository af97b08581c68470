import { isAllowed } from '../domain/allow-list.ts';
import type { GroupState } from '../domain/groups.ts';
import { TRIGGERS } from '../domain/triggers.ts';
import { type Component, type Components, type DeviceFrame, entity, visibility } from './component.ts';
import { type Announcement, availabilityOf, type DiscoveryContext, originOf } from './discovery.ts';
import { groupOccasions } from './occasions.ts';
import { bridgeIdentifier, groupIdentifier } from './topics.ts';

type Options = Readonly<Record<string, unknown>>;
type Row = readonly [string, Component];

/** A value of the retained object, by its path. */
const at = (...path: readonly string[]): string => `value_json${path.map((key) => `['${key}']`).join('')}`;
/** A value inside an object that can be `null`. */
const inside = (outer: string, inner: string): string => `${at(outer, inner)} if ${at(outer)} else None`;
const yesNo = (test: string): string => `'ON' if ${test} else 'OFF'`;

/** Announces one group as a device of its own, under the bridge. */
export function announceGroup(group: GroupState, context: DiscoveryContext): Announcement {
  const { node, topics, version } = context;
  const identifier = groupIdentifier(node, group.id);
  const frame: DeviceFrame = {
    identifier,
    entityPrefix: `group_${group.id.replace(/-/g, '_')}`,
    label: group.label,
  };
  const rows = [
    ...standing(frame),
    ...(group.members.size > 1 ? redundancy(frame) : []),
    ...plan(frame, topics.groupPlan(group.id)),
    ...shutdown(frame, topics.groupShutdown(group.id)),
    lastShutdown(frame, topics.groupRuns(group.id)),
    ...buttons(frame, group.id, context),
  ];
  return {
    identifier,
    root: {
      device: {
        identifiers: [identifier],
        name: group.label,
        manufacturer: 'Gridwarden',
        model: 'Group',
        via_device: bridgeIdentifier(node),
      },
      origin: originOf(version),
      availability: availabilityOf(topics.bridgeState),
      state_topic: topics.group(group.id),
      qos: 1,
    },
    components: {
      ...withAttributes(rows, topics.group(group.id)),
      ...groupOccasions(frame, topics.groupEvent(group.id)),
    },
  };
}

const withAttributes = (rows: readonly Row[], topic: string): Components =>
  Object.fromEntries(
    rows.map(([key, component]) => [
      key,
      'json_attributes_template' in component
        ? { ...component, json_attributes_topic: component['state_topic'] ?? topic }
        : component,
    ]),
  );

const row = (
  frame: DeviceFrame,
  platform: 'sensor' | 'binary_sensor',
  key: string,
  name: string,
  value: string,
  options: Options = {},
): Row => entity(frame, key, platform, name, { ...options, value_template: `{{ ${value} }}` });

/** How the group stands: for a plain UPS with a plan and for several feeds alike. */
function standing(frame: DeviceFrame): readonly Row[] {
  const sensor = (key: string, name: string, value: string, options: Options = {}) =>
    row(frame, 'sensor', key, name, value, options);
  const binary = (key: string, name: string, value: string, options: Options = {}) =>
    row(frame, 'binary_sensor', key, name, value, options);
  const decided = `('shutdown' if ${at('run', 'whole')} else 'shed') if ${at('run')} else 'none'`;
  return [
    sensor('state', 'State', at('state'), { device_class: 'enum', options: ['calm', 'outage', 'running', 'blind'] }),
    sensor('outlook', 'Outlook', at('outlook')),
    sensor('next_trigger', 'Next trigger', inside('next', 'trigger'), {
      device_class: 'enum',
      options: TRIGGERS,
      json_attributes_template: `{{ {'ups': ${inside('next', 'device')}, 'basis': ${inside('next', 'basis')}} | tojson }}`,
    }),
    sensor('next_trigger_at', 'Next trigger at', inside('next', 'at'), { device_class: 'timestamp' }),
    sensor('run', 'Decided', decided, {
      device_class: 'enum',
      options: ['none', 'shed', 'shutdown'],
      json_attributes_template: `{{ {${['kind', 'effect', 'since', 'stages'].map((key) => `'${key}': ${inside('run', key)}`).join(', ')}} | tojson }}`,
    }),
    sensor('feeds_healthy', 'Feeds healthy', at('quorum', 'healthy'), { state_class: 'measurement' }),
    binary('armed', 'Armed', yesNo(at('armed')), {
      ...visibility(true, true),
      json_attributes_template: `{{ {'effect': ${at('effect')}, 'disarmed_until': ${at('disarmed_until')}} | tojson }}`,
    }),
    binary('ready', 'Ready', yesNo(at('ready')), {
      ...visibility(true, true),
      json_attributes_template: `{{ {'not_ready': ${at('not_ready')}} | tojson }}`,
    }),
  ];
}

/** What only several feeds have. */
function redundancy(frame: DeviceFrame): readonly Row[] {
  const watts = { device_class: 'power', unit_of_measurement: 'W', state_class: 'measurement' };
  const short = `(${yesNo(`not ${at('capacity', 'enough')}`)}) if ${at('capacity')} else None`;
  return [
    row(frame, 'binary_sensor', 'redundancy', 'Redundancy lost', yesNo(at('quorum', 'lost')), {
      device_class: 'problem',
    }),
    row(frame, 'sensor', 'feeds_spare', 'Feeds that may be lost', at('quorum', 'spare'), {
      state_class: 'measurement',
    }),
    row(frame, 'sensor', 'capacity', 'Surviving capacity', inside('capacity', 'watts'), watts),
    row(frame, 'sensor', 'load', 'Load', inside('capacity', 'load'), watts),
    row(frame, 'binary_sensor', 'capacity_short', 'Capacity short', short, { device_class: 'problem' }),
  ];
}

/** What the plan takes. @param topic of the plan */
const plan = (frame: DeviceFrame, topic: string): readonly Row[] =>
  [
    ['plan_need', 'Plan needs', 'need'],
    ['plan_slack', 'Time to spare', 'slack'],
  ].map(([key = '', name = '', value = '']) =>
    row(frame, 'sensor', key, name, at(value), {
      device_class: 'duration',
      unit_of_measurement: 's',
      state_class: 'measurement',
      state_topic: topic,
      ...visibility(true, true),
    }),
  );

/** Every state of the topic of a shutdown. */
const STATES = ['idle', 'running', 'stopping', 'ended', 'interrupted', 'restoring', 'restored'];

/** What of it stands beside the state; the whole may be more than the recorder keeps of an entity. */
const SHOWN = ['run', 'kind', 'dry_run', 'since', 'reason', 'counts', 'hurried', 'halt', 'past_return', 'lines'];

/** Values of the retained object under their own names. */
const attributes = (names: readonly string[]): string =>
  `{{ {${names.map((name) => `'${name}': ${at(name)}`).join(', ')}} | tojson }}`;

/** How far a shutdown, or the restore after it, has come. @param topic of the shutdown */
function shutdown(frame: DeviceFrame, topic: string): readonly Row[] {
  const tell = (
    platform: 'sensor' | 'binary_sensor',
    key: string,
    name: string,
    value: string,
    options: Options = {},
  ): Row => row(frame, platform, key, name, value, { state_topic: topic, ...options });
  return [
    tell('sensor', 'shutdown', 'Shutdown', at('state'), {
      device_class: 'enum',
      options: STATES,
      json_attributes_template: attributes(SHOWN),
    }),
    tell('sensor', 'shutdown_step', 'Shutdown step', `${at('now')} if ${at('now')} else 'none'`),
    tell('sensor', 'shutdown_progress', 'Shutdown progress', at('percent'), {
      unit_of_measurement: '%',
      state_class: 'measurement',
    }),
    tell('sensor', 'time_left', 'Time left', at('time_left'), {
      device_class: 'duration',
      unit_of_measurement: 's',
      state_class: 'measurement',
    }),
    tell('binary_sensor', 'restore_pending', 'Restore pending', yesNo(at('shed')), {
      json_attributes_template: `{{ {'stages': ${inside('shed', 'stages')}, 'held': ${inside('shed', 'held')}} | tojson }}`,
    }),
  ];
}

/** When it last shut down, or would have, with the runs before it. @param topic of the runs */
const lastShutdown = (frame: DeviceFrame, topic: string): Row =>
  row(frame, 'sensor', 'last_shutdown', 'Last shutdown', at('since'), {
    device_class: 'timestamp',
    state_topic: topic,
    json_attributes_template: attributes(['outcome', 'runs']),
  });

/** Only what is allowed, so that nothing is shown that would be refused. What ends machines is off until somebody enables it. */
function buttons(frame: DeviceFrame, group: string, { topics, allow }: DiscoveryContext): readonly Row[] {
  const press = (verb: string, name: string, given: Options = {}, options: Options = {}, key = verb): readonly Row[] =>
    isAllowed(allow, `bridge.${verb}`)
      ? [
          entity(frame, `command_${key}`, 'button', name, {
            entity_category: 'config',
            command_topic: topics.request(verb),
            payload_press: JSON.stringify({ group, ...given }),
            ...options,
          }),
        ]
      : [];
  const confirm = { confirm: group };
  return [
    ...press('cancel', 'Cancel shutdown'),
    ...press('restore', 'Bring back now'),
    ...press(
      'restore',
      'Cancel restore',
      { restore: true },
      { command_topic: topics.request('cancel') },
      'cancel_restore',
    ),
    ...press('disarm', 'Disarm for an hour'),
    ...press('arm', 'Arm again', confirm),
    ...press('shutdown', 'Shut down now', confirm, { enabled_by_default: false }),
  ];
}
