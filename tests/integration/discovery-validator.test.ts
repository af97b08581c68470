import { expect, test } from 'vitest';
import { componentsOf, type PublishedMessage, type RetainedMessages } from '../kit/discovery-components.ts';
import { evaluateTemplate, render } from '../kit/discovery-template.ts';
import { type ValidationOptions, validate } from '../kit/discovery-validator.ts';
import { filterCovers } from '../kit/discovery-wiring.ts';

// What a case edits is plain JSON: every key may be taken away or made wrong, which no narrower type allows.
type Json = Record<string, unknown>;

const BASE = 'gridwarden/home';
const STATE = `${BASE}/ups/rack`;
const TOPIC = 'homeassistant/device/gridwarden_home_rack/config';
const OPTIONS: ValidationOptions = { base: BASE, subscribed: [`${BASE}/ups/+/command`, `${BASE}/ups/+/set/#`] };

function entity(platform: string, key: string, more: Json): Json {
  return {
    platform,
    unique_id: `gridwarden_home_rack_${key}`,
    default_entity_id: `${platform}.rack_ups_${key}`,
    name: key.replaceAll('_', ' '),
    ...more,
  };
}

const STATE_JSON: Json = {
  charge: 87,
  status: 'OL',
  seen: '2026-11-23T10:00:00Z',
  made: '2024-02-29',
  note: 'all well',
  flags: ['OL', 'CHRG'],
  beeper: true,
  delay: 20,
  sensitivity: 'medium',
  id: 'rack',
  vanished: null,
};

function components(): Record<string, Json> {
  return {
    charge: entity('sensor', 'charge', {
      device_class: 'battery',
      unit_of_measurement: '%',
      state_class: 'measurement',
      value_template: "{{ value_json['charge'] }}",
      json_attributes_topic: STATE,
      json_attributes_template: "{{ {'flags': value_json['flags'], 'quoted': value_json['note']} | tojson }}",
    }),
    status: entity('sensor', 'status', {
      device_class: 'enum',
      options: ['OL', 'OB'],
      value_template: '{{ value_json.status }}',
    }),
    seen: entity('sensor', 'seen', { device_class: 'timestamp', value_template: '{{ value_json.seen }}' }),
    made: entity('sensor', 'made', { device_class: 'date', value_template: '{{ value_json.made }}' }),
    note: entity('sensor', 'note', { entity_category: 'diagnostic', value_template: '{{ value_json.note }}' }),
    vanished: entity('sensor', 'vanished', {
      device_class: 'voltage',
      unit_of_measurement: 'V',
      value_template: "{{ value_json['vanished'] }}",
    }),
    mains: entity('binary_sensor', 'mains', {
      device_class: 'power',
      value_template: "{{ 'OFF' if 'OB' in value_json['flags'] else 'ON' }}",
    }),
    mute: entity('button', 'mute', {
      command_topic: `${STATE}/command`,
      payload_press: 'beeper.mute',
      command_template: '{{ value }}',
    }),
    beeper: entity('switch', 'beeper', {
      command_topic: `${STATE}/set/ups.beeper.status`,
      command_template: "{{ 'enabled' if value == 'ON' }}",
      value_template: "{{ 'ON' if value_json['beeper'] else 'OFF' }}",
    }),
    delay: entity('number', 'delay', {
      command_topic: `${STATE}/set/ups.delay.shutdown`,
      command_template: '{{ value | int }}',
      min: 0,
      max: 600,
      step: 1,
      mode: 'box',
      device_class: 'duration',
      unit_of_measurement: 's',
      entity_category: 'config',
      value_template: "{{ value_json['delay'] }}",
    }),
    sensitivity: entity('select', 'sensitivity', {
      command_topic: `${STATE}/set/input.sensitivity`,
      options: ['low', 'medium'],
      value_template: "{{ value_json['sensitivity'] }}",
    }),
    id: entity('text', 'id', {
      command_topic: `${STATE}/set/ups.id`,
      max: 8,
      pattern: '[a-z]*',
      value_template: "{{ value_json['id'] | default('', true) }}",
    }),
    power_event: entity('event', 'power_event', {
      state_topic: `${STATE}/event`,
      event_types: ['on_battery', 'on_mains'],
    }),
    trigger: {
      platform: 'device_automation',
      automation_type: 'trigger',
      topic: `${STATE}/event`,
      type: 'power_event',
      subtype: 'on_battery',
      payload: 'on_battery',
      value_template: '{{ value_json.event_type }}',
    },
    version: entity('update', 'version', {
      state_topic: `${BASE}/version`,
      value_template: "{{ {'installed_version': value_json['now'], 'latest_version': value_json['next']} | tojson }}",
    }),
    gone: { platform: 'sensor' },
  };
}

/** All that a bridge with one UPS publishes; a case edits it before it becomes messages. */
interface World {
  topic: string;
  root: Json;
  device: Json;
  origin: Json;
  components: Record<string, Json>;
  /** The named component, which must exist. */
  of(key: string): Json;
  state: Json;
  messages: Map<string, PublishedMessage>;
  options: ValidationOptions;
}

function world(): World {
  const parts = components();
  const device: Json = {
    identifiers: ['gridwarden_home_rack'],
    name: 'Rack UPS',
    configuration_url: 'http://127.0.0.1:8321/',
  };
  const origin: Json = { name: 'gridwarden', sw_version: '1.0.0', support_url: 'https://example.org/' };
  return {
    topic: TOPIC,
    device,
    origin,
    components: parts,
    of(key) {
      const found = parts[key];
      if (found === undefined) throw new Error(`no component ${key}`);
      return found;
    },
    root: {
      device,
      origin,
      availability: [
        { topic: `${BASE}/bridge/state`, value_template: '{{ value_json.state }}' },
        { topic: `${STATE}/availability`, value_template: '{{ value_json.state }}' },
      ],
      availability_mode: 'all',
      state_topic: STATE,
      qos: 1,
      components: parts,
    },
    state: { ...STATE_JSON },
    messages: new Map([
      [`${BASE}/bridge/state`, retained({ state: 'online' })],
      [`${STATE}/availability`, retained({ state: 'offline' })],
      [`${STATE}/event`, { payload: '{"event_type":"on_battery"}', retain: false, qos: 1 }],
      [`${BASE}/version`, retained({ now: '1.0.0', next: '1.0.1' })],
    ]),
    options: OPTIONS,
  };
}

function retained(payload: unknown): PublishedMessage {
  return { payload: JSON.stringify(payload), retain: true, qos: 1 };
}

function published({ topic, root, state, messages }: World): RetainedMessages {
  return new Map([[topic, retained(root)], [STATE, retained(state)], ...messages]);
}

/** The same world told as single-component messages. */
function publishedSingly({ root, state, messages, components: parts, device, origin }: World): RetainedMessages {
  const { availability, availability_mode, state_topic, qos } = root;
  const singles = Object.entries(parts)
    .filter(([, part]) => Object.keys(part).length > 1)
    .map(([key, { platform, ...part }]): [string, PublishedMessage] => {
      const shared = platform === 'device_automation' ? { qos } : { availability, availability_mode, qos };
      const own = { ...(platform === 'button' || platform === 'device_automation' ? {} : { state_topic }), ...part };
      return [
        `homeassistant/${String(platform)}/gridwarden_home_rack/${key}/config`,
        retained({ device, origin, ...shared, ...own }),
      ];
    });
  return new Map([...singles, [STATE, retained(state)], ...messages]);
}

test('a clean device announcement has no problem', () => {
  const good = world();
  expect(validate(published(good), good.options)).toEqual([]);
});

test('a clean set of single announcements has no problem', () => {
  const good = world();
  expect(validate(publishedSingly(good), good.options)).toEqual([]);
});

test('without options the default prefix is read and nobody asks about subscriptions', () => {
  expect(validate(published(world()))).toEqual([]);
});

test('another prefix is looked at only when named', () => {
  const moved = { ...world(), topic: TOPIC.replace('homeassistant', 'ha/discovery') };
  expect(validate(published(moved), { prefix: 'ha/discovery' })).toEqual([]);
  expect(validate(published(moved))).toEqual(['homeassistant/: nothing is announced; expected at least one message']);
});

/** One rule, how to break it, and the line that must come of it. A key set to undefined is not published. */
type Case = readonly [rule: string, spoil: (it: World) => unknown, problem: RegExp];

const of = (key: string, change: Json) => (it: World) => Object.assign(it.of(key), change);
const root = (change: Json) => (it: World) => Object.assign(it.root, change);
const device = (change: Json) => (it: World) => Object.assign(it.device, change);
const origin = (change: Json) => (it: World) => Object.assign(it.origin, change);
const state = (change: Json) => (it: World) => Object.assign(it.state, change);
const topic = (name: string) => (it: World) => Object.assign(it, { topic: name });
const message = (name: string, payload: unknown, retain: boolean) => (it: World) =>
  it.messages.set(name, { ...retained(payload), retain });

const TOPIC_CASES: readonly Case[] = [
  ['topic of no known shape', message('homeassistant/status', 'x', true), /reads no such topic/],
  ['id with a dot', topic('homeassistant/device/ups.rack/config'), /reads no such topic/],
  ['device topic with a node', topic('homeassistant/device/a/b/config'), /cannot be migrated/],
  ['topic too deep', topic('homeassistant/sensor/a/b/c/config'), /reads no such topic/],
  ['platform not used', topic('homeassistant/lock/a/b/config'), /platform "lock" is not used/],
  ['single topic without node', topic('homeassistant/sensor/a/config'), /no node id/],
  [
    'not retained',
    (it) => it.messages.set(TOPIC, { ...retained(it.root), retain: false }),
    /announcement is not retained/,
  ],
  ['no JSON', (it) => it.messages.set(TOPIC, { payload: '{', retain: true, qos: 1 }), /no JSON object/],
  ['JSON but no object', message(TOPIC, [1], true), /no JSON object/],
  ['migration left half done', message(TOPIC, { migrate_discovery: true }, true), /migration was begun/],
];

const ROOT_CASES: readonly Case[] = [
  ['unknown root key', root({ expire_after: 60 }), /unknown root key "expire_after"/],
  ['base-topic shorthand at the root', root({ '~': BASE }), /unknown root key "~"/],
  ['attributes at the root', root({ json_attributes_topic: STATE }), /unknown root key "json_attr/],
  ['expiry at the root', root({ message_expiry_interval: 60 }), /unknown root key "message_expiry/],
  ['abbreviated root key', root({ stat_t: STATE }), /unknown root key "stat_t"/],
  ['no components', root({ components: {} }), /no components/],
  ['no device', root({ device: undefined }), /no device block/],
  ['no origin', root({ origin: undefined }), /no origin block/],
  ['unknown device key', device({ mf: 'APC' }), /unknown device key "mf"/],
  ['empty device key', device({ serial_number: '' }), /device.serial_number is ""/],
  ['device key that is no text', device({ sw_version: 2 }), /device.sw_version is 2/],
  ['device without name', device({ name: undefined }), /device has no name/],
  ['device without identity', device({ identifiers: undefined }), /nothing identifies the device/],
  ['no identifier in the list', device({ identifiers: [] }), /device.identifiers is \[\]/],
  ['crooked connection', device({ connections: [['mac']] }), /device.connections is/],
  ['configuration URL', device({ configuration_url: 'rack.lan' }), /configuration_url is "rack.lan"/],
  ['via_device unknown', device({ via_device: 'nobody' }), /via_device "nobody" is not announced/],
  ['via_device itself', device({ via_device: 'gridwarden_home_rack' }), /is the device itself/],
  ['unknown origin key', origin({ url: 'https://a.b' }), /unknown origin key "url"/],
  ['origin without name', origin({ name: undefined }), /origin has no name/],
  ['origin key that is no text', origin({ sw_version: null }), /origin.sw_version is null/],
  ['support URL', origin({ support_url: 'ftp://a.b' }), /support_url is "ftp:/],
];

const COMPONENT_CASES: readonly Case[] = [
  [
    'component key',
    (it) => Object.assign(it.components, { 'Battery charge': { platform: 'sensor' } }),
    /bad component key/,
  ],
  ['component no object', (it) => Object.assign(it.components, { x: null }), /component is no object/],
  ['no platform', of('note', { platform: undefined }), /platform is undefined/],
  ['platform unknown', (it) => Object.assign(it.components, { x: { platform: 'lock' } }), /platform is "lock"/],
  ['device in a component', of('note', { device: {} }), /"device" in a component/],
  ['origin in a component', of('note', { origin: {} }), /"origin" in a component/],
  ['unknown key', of('note', { object_id: 'x' }), /unknown key "object_id"/],
  ['key of another platform', of('note', { payload_press: 'x' }), /unknown key "payload_press"/],
  ['abbreviated key', of('note', { ic: 'mdi:flash' }), /unknown key "ic"/],
  ['entity key on a trigger', of('trigger', { unique_id: 'x' }), /unknown key "unique_id"/],
  ['required: button', of('mute', { command_topic: undefined }), / mute: no command_topic/],
  ['required: switch', of('beeper', { command_topic: undefined }), / beeper: no command_topic/],
  ['required: number', of('delay', { command_topic: undefined }), / delay: no command_topic/],
  ['required: text', of('id', { command_topic: undefined }), / id: no command_topic/],
  ['required: select', of('sensitivity', { options: undefined }), / sensitivity: no options/],
  ['required: event', of('power_event', { event_types: undefined }), / power_event: no event_types/],
  ['required: trigger', of('trigger', { subtype: undefined }), / trigger: no subtype/],
  ['required: sensor', root({ state_topic: undefined }), / charge: no state_topic/],
  ['no unique_id', of('note', { unique_id: undefined }), /no unique_id/],
  ['unique_id twice', of('note', { unique_id: 'gridwarden_home_rack_mains' }), /unique_id ".+" is taken/],
  ['no entity id', of('note', { default_entity_id: undefined }), /no default_entity_id/],
  ['entity id of another platform', of('note', { default_entity_id: 'text.a' }), /default_entity_id is/],
  ['entity id with capitals', of('note', { default_entity_id: 'sensor.A' }), /default_entity_id is/],
  ['entity id twice', of('note', { default_entity_id: 'sensor.rack_ups_seen' }), /default_entity_id "s.+ taken/],
  ['trigger twice', (it) => Object.assign(it.components, { again: { ...it.of('trigger') } }), /trigger ".+" is taken/],
  ['name repeats the device', of('note', { name: 'Rack-UPS note' }), /repeats the device/],
  ['name is the device', of('note', { name: 'rack ups' }), /repeats the device/],
  ['no name, no class', of('note', { name: undefined }), /neither name nor device_class/],
  ['empty name', of('note', { name: '' }), /name is ""/],
  ['category of a sensor', of('note', { entity_category: 'config' }), /"config" on a sensor/],
  ['category of a binary sensor', of('mains', { entity_category: 'config' }), /"config" on a binary/],
  ['unknown category', of('delay', { entity_category: 'system' }), /entity_category is "system"/],
  ['icon', of('note', { icon: 'flash' }), /icon is "flash"/],
  ['qos', root({ qos: 3 }), /qos is 3/],
  ['boolean as a text', of('note', { enabled_by_default: 'false' }), /enabled_by_default is "false"/],
  ['expire_after', of('note', { expire_after: 0 }), /expire_after is 0/],
  ['precision', of('charge', { suggested_display_precision: 0.5 }), /suggested_display_precision is/],
  ['encoding', of('note', { encoding: '' }), /encoding is ""/],
  ['availability mode', root({ availability_mode: 'some' }), /availability_mode is "some"/],
  ['retained commands', of('mute', { retain: true }), /retain is true/],
];

const CLASS_CASES: readonly Case[] = [
  ['class of a sensor', of('note', { device_class: 'charge' }), /device_class "charge"/],
  ['class of a binary sensor', of('mains', { device_class: 'voltage' }), /device_class "voltage"/],
  ['class of a button', of('mute', { device_class: 'outlet' }), /device_class "outlet"/],
  ['class of a switch', of('beeper', { device_class: 'power' }), /device_class "power"/],
  ['class of a number', of('delay', { device_class: 'date' }), /device_class "date"/],
  ['class of an event', of('power_event', { device_class: 'power' }), /device_class "power"/],
  ['class of an update', of('version', { device_class: 'software' }), /device_class "software"/],
  ['unit of another class', of('charge', { unit_of_measurement: 'V' }), /unit "V" with battery/],
  ['unit missing', of('charge', { unit_of_measurement: undefined }), /unit missing with battery/],
  ['unit of a number', of('delay', { unit_of_measurement: 'sec' }), /unit "sec" with duration/],
  ['unit with a timestamp', of('seen', { unit_of_measurement: 's' }), /a unit with timestamp/],
  ['state class of another class', of('charge', { state_class: 'total' }), /state_class "total" with/],
  ['state class unknown', of('charge', { state_class: 'average' }), /state_class is "average"/],
  ['state class of a timestamp', of('seen', { state_class: 'total' }), /"total" with timestamp/],
  ['angle without degrees', of('charge', { device_class: undefined, state_class: 'measurement_angle' }), /the unit °/],
  ['last reset without total', of('charge', { last_reset_value_template: '{{ 0 }}' }), /last_reset_value_/],
  ['options without enum', of('status', { device_class: undefined }), /options without enum/],
  ['enum without options', of('status', { options: undefined }), /enum without options/],
  ['empty options', of('status', { options: [] }), /options is \[\]/],
  ['options with a unit', of('status', { unit_of_measurement: '%' }), /a unit with enum/],
  ['options with a state class', of('status', { state_class: 'total' }), /"total" with enum/],
  ['precision of a text', of('status', { suggested_display_precision: 0 }), /precision with enum/],
  ['option twice', of('sensitivity', { options: ['medium', 'medium'] }), /options is \["medium","medium"\]/],
  ['options that are numbers', of('sensitivity', { options: [1, 'medium'] }), /options is \[1/],
  ['min above max', of('delay', { min: 700 }), /min 700 above max 600/],
  ['min no number', of('delay', { min: '0' }), /min is "0"/],
  ['step too small', of('delay', { step: 0 }), /step 0/],
  ['mode of a number', of('delay', { mode: 'text' }), /mode is "text"/],
  ['text too long', of('id', { max: 256 }), /max 256/],
  ['text min above max', of('id', { min: 9 }), /min 9 with max 8/],
  ['mode of a text', of('id', { mode: 'box' }), /mode is "box"/],
  ['pattern', of('id', { pattern: '[' }), /pattern "\["/],
  ['no event types', of('power_event', { event_types: [] }), /event_types is \[\]/],
  ['automation type', of('trigger', { automation_type: 'action' }), /automation_type is "action"/],
  ['install without command', of('version', { payload_install: 'go' }), /only one of command_topic/],
];

const WIRING_CASES: readonly Case[] = [
  ['state not published', of('note', { state_topic: `${BASE}/none` }), /nothing was published to the state/],
  ['state not retained', message(`${BASE}/version`, { now: '1', next: '2' }, false), /state_topic .+ is not retained/],
  [
    'event retained',
    message(`${STATE}/event`, { event_type: 'on_mains' }, true),
    /power_event: the state_topic .+ is retained/,
  ],
  [
    'trigger topic retained',
    message(`${STATE}/event`, { event_type: 'on_mains' }, true),
    /trigger: the topic .+ is retained/,
  ],
  ['topic elsewhere', of('mute', { command_topic: 'ups/rack/command' }), /expected a topic under gridwarden/],
  ['wildcard in a topic', of('note', { state_topic: `${BASE}/+/x` }), /without wildcards/],
  [
    'command not heard',
    (it) => Object.assign(it, { options: { subscribed: [`${BASE}/ups/+/set/#`] } }),
    /nobody hears .+command/,
  ],
  ['command published by ourselves', message(`${STATE}/command`, 'x', true), /bridge itself publishes/],
  [
    'availability not published',
    (it) => it.messages.delete(`${BASE}/bridge/state`),
    /published to the availability topic/,
  ],
  [
    'availability not retained',
    message(`${BASE}/bridge/state`, { state: 'online' }, false),
    /availability topic .+ is not retained/,
  ],
  ['availability of another word', message(`${BASE}/bridge/state`, { state: 'up' }, true), /availability is "up"/],
  [
    'availability key',
    root({ availability: [{ topic: `${BASE}/bridge/state`, template: 'x' }] }),
    /unknown key "template"/,
  ],
  ['availability without topic', root({ availability: [{}] }), /availability without topic/],
  ['several availabilities, no mode', root({ availability_mode: undefined }), /no availability_mode/],
  ['availability said twice', root({ availability_topic: `${BASE}/bridge/state` }), /both availability and/],
  [
    'raw payload as availability',
    (it) => {
      delete it.root['availability'];
      it.root['availability_topic'] = `${BASE}/bridge/state`;
    },
    /availability is "{"state":"online"}"/,
  ],
  ['attributes not published', of('charge', { json_attributes_topic: `${BASE}/none` }), /to the json_attributes/],
  [
    'attributes no object',
    of('charge', { json_attributes_template: '{{ value_json.note }}' }),
    /attributes are no JSON/,
  ],
  [
    'attribute blocked',
    of('charge', { json_attributes_template: "{{ {'icon': 1} | tojson }}" }),
    /attribute "icon" is/,
  ],
  [
    'attribute blocked for the platform',
    of('charge', { json_attributes_template: "{{ {'last_reset': 1} | tojson }}" }),
    /attribute "last_reset" is/,
  ],
  ['missing key', state({ vanished: undefined }), /the key "vanished" is missing/],
  [
    'template outside the subset',
    of('note', { value_template: '{% if 1 %}x{% endif %}' }),
    /only \{\{ \}\} is supported/,
  ],
  ['command template', of('delay', { command_template: '{{ value_json.x }}' }), /command_template .+ is missing/],
  ['command template without result', of('delay', { command_template: ' ' }), /renders nothing/],
];

const STATE_CASES: readonly Case[] = [
  ['text where a number is due', state({ charge: 'high' }), /charge: the state is "high"; expected a number/],
  ['empty where a number is due', state({ charge: '' }), /the state is ""; expected a number/],
  ['boolean where a number is due', state({ charge: true }), /the state is "True"; expected a number/],
  ['option unknown to the sensor', state({ status: 'FSD' }), /status: the state is "FSD"/],
  ['timestamp without zone', state({ seen: '2026-11-23T10:00:00' }), /ISO 8601 with a zone/],
  ['timestamp of no day', state({ seen: '2026-02-30T10:00:00Z' }), /ISO 8601 with a zone/],
  ['date of no day', state({ made: '2025-02-29' }), /expected YYYY-MM-DD/],
  ['state too long', state({ note: 'x'.repeat(256) }), /note: the state has 256 characters/],
  ['neither on nor off', of('mains', { value_template: '{{ value_json.beeper }}' }), /state is "True"; expected ON/],
  ['switch word', of('beeper', { state_on: 'enabled' }), /state is "ON"; expected enabled, OFF/],
  ['number out of range', state({ delay: 601 }), /state is "601"; expected a number from 0 to 600/],
  ['number no number', state({ delay: 'soon' }), /state is "soon"; expected a number from/],
  ['option unknown to the select', state({ sensitivity: 'high' }), /state is "high"; expected low, medium/],
  ['text too long for the entity', state({ id: 'rackrackrack' }), /12 characters; expected 0 to 8/],
  [
    'text against the pattern',
    (it) => {
      it.state['id'] = '1';
      it.of('id')['pattern'] = '[a-z]+';
    },
    /state is "1"; expected a text like/,
  ],
  [
    'null in a text',
    (it) => {
      it.state['id'] = null;
      it.of('id')['value_template'] = "{{ value_json['id'] }}";
    },
    /null is shown as "None"/,
  ],
  ['event type not listed', message(`${STATE}/event`, { event_type: 'x' }, false), /event_type "x"/],
  ['event without type', message(`${STATE}/event`, {}, false), /without event_type/],
  ['update key', of('version', { value_template: "{{ {'installed': '1'} | tojson }}" }), /unknown key "installed"/],
  [
    'update progress',
    of('version', { value_template: "{{ {'in_progress': 'yes'} | tojson }}" }),
    /in_progress is "yes"/,
  ],
  [
    'update percentage',
    of('version', { value_template: "{{ {'update_percentage': 101} | tojson }}" }),
    /update_percentage is 101/,
  ],
  [
    'update without version',
    of('version', { value_template: "{{ {'latest_version': '1'} | tojson }}" }),
    /no installed_version/,
  ],
  [
    'update without latest',
    of('version', { value_template: "{{ {'installed_version': '1'} | tojson }}" }),
    /no latest_version/,
  ],
  ['update version null', message(`${BASE}/version`, { now: null, next: '1' }, true), /installed_version is null/],
  ['update as a bare text', of('version', { value_template: '{{ value_json.now }}' }), /nothing tells the latest/],
  [
    'latest version empty',
    (it) => {
      it.of('version')['latest_version_topic'] = `${BASE}/version`;
      it.of('version')['latest_version_template'] = "{{ '' }}";
    },
    /latest version is ""/,
  ],
];

test.each([...TOPIC_CASES, ...ROOT_CASES, ...COMPONENT_CASES, ...CLASS_CASES, ...WIRING_CASES, ...STATE_CASES])(
  'a bad announcement is told: %s',
  (_rule, spoil, problem) => {
    const bad = world();
    spoil(bad);
    const problems = validate(published(bad), bad.options);
    expect(problems).toContainEqual(expect.stringMatching(problem));
    expect(problems.every((line) => /^\S.*: .+; expected .+$/s.test(line) && !line.includes('\n'))).toBe(true);
  },
);

/** Cases whose one mistake is many: it strikes every component, or breaks two rules. */
const NOISY = new Set(['required: sensor', 'qos', 'availability mode', 'event without type']);

// A validator that answers one mistake with a wall of lines hides the second mistake.
test.each([...COMPONENT_CASES, ...CLASS_CASES, ...STATE_CASES].filter(([rule]) => !NOISY.has(rule)))(
  'one mistake in one component gives one line: %s',
  (_rule, spoil) => {
    const bad = world();
    spoil(bad);
    expect(validate(published(bad), bad.options)).toHaveLength(1);
  },
);

test('a problem names topic, component, fault and expectation', () => {
  const bad = world();
  bad.of('charge')['unit_of_measurement'] = 'V';
  expect(validate(published(bad), bad.options)).toEqual([`${TOPIC} charge: unit "V" with battery; expected %`]);
});

test('single announcements: a key of the device mode, a bad key and two descriptions of one device are told', () => {
  const bad = world();
  const messages = new Map(publishedSingly(bad));
  const note = { ...bad.of('note'), device: { ...bad.device, name: 'Other' }, origin: bad.origin, state_topic: STATE };
  messages.set('homeassistant/sensor/gridwarden_home_rack/Note/config', retained(note));
  messages.delete('homeassistant/sensor/gridwarden_home_rack/note/config');
  const problems = validate(messages, bad.options);
  expect(problems).toHaveLength(3);
  expect(problems).toContainEqual(expect.stringMatching(/bad key "Note"/));
  expect(problems).toContainEqual(expect.stringMatching(/unknown key "platform"/));
  expect(problems).toContainEqual(expect.stringMatching(/described otherwise/));
});

test('a removed device and a tombstone are no problem and no components', () => {
  const removed: RetainedMessages = new Map([[TOPIC, { payload: '', retain: true, qos: 1 }]]);
  expect(validate(removed)).toEqual([]);
  expect(componentsOf(removed)).toEqual([]);
  expect(componentsOf(published(world())).map(({ key }) => key)).not.toContain('gone');
});

test('a command template is tried with a word of the entity', () => {
  const good = world();
  good.of('sensitivity')['command_template'] = "{{ 'L' if value == 'low' }}";
  good.of('mute')['command_template'] = "{{ 'mute' if value == 'beeper.mute' }}";
  expect(validate(published(good), good.options)).toEqual([]);
});

test('an event that has not happened yet is no problem', () => {
  const quiet = world();
  quiet.messages.delete(`${STATE}/event`);
  expect(validate(published(quiet), quiet.options)).toEqual([]);
});

test('announcements may go unretained where the bridge is told so', () => {
  const it = world();
  const messages = new Map(published(it)).set(TOPIC, { ...retained(it.root), retain: false });
  expect(validate(messages, { ...it.options, retainDiscovery: false })).toEqual([]);
});

test('componentsOf lists every component with what it inherits, in both modes alike', () => {
  const it = world();
  const fromDevice = componentsOf(published(it));
  const charge = fromDevice.find(({ key }) => key === 'charge');
  expect(charge).toMatchObject({ topic: TOPIC, deviceId: 'gridwarden_home_rack', platform: 'sensor' });
  expect(charge?.config).toMatchObject({ state_topic: STATE, qos: 1, device: it.device, origin: it.origin });
  expect(fromDevice.find(({ key }) => key === 'mute')?.config).not.toHaveProperty('state_topic');
  const place = ({ deviceId, key, platform, config }: (typeof fromDevice)[number]) => ({
    deviceId,
    key,
    platform,
    config,
  });
  expect(componentsOf(publishedSingly(it)).map(place)).toEqual(fromDevice.map(place));
});

test.each([
  ['{{ value }}', '', ''],
  ['{{ value }} %', '12', '12 %'],
  ["{{ value_json['a.b'] }}", '{"a.b":1}', '1'],
  ["{{ value_json['x'] }}", '{"x":1.0}', '1.0'],
  ["{{ value_json['x'] }}", '{"x":-0.0}', '-0.0'],
  ["{{ value_json['x'] }}", '{"x":1e16}', '1e+16'],
  ["{{ value_json['x'] }}", '{"x":0.0001}', '0.0001'],
  ["{{ value_json['x'] }}", '{"x":0.000012}', '1.2e-05'],
  ["{{ value_json['x'] }}", '{"x":null}', 'None'],
  ["{{ value_json['x'] }}", '{"x":true}', 'True'],
  ["{{ value_json['x'] }}", '{"x":" a "}', 'a'],
  ["{{ value_json['x'] }}", '{"x":["a",1,{"k":"it\'s"}]}', "['a', 1, {'k': \"it's\"}]"],
  ["{{ value_json['x'][0] }}", '{"x":[null,2]}', 'None'],
  ["{{ value_json['x'][-1] }}", '{"x":[1,2]}', '2'],
  ['{{ value_json.state }}', '{"state":"online"}', 'online'],
  ["{{ 'ON' if value_json['x'] else 'OFF' }}", '{"x":0}', 'OFF'],
  ["{{ 'ON' if value_json['x'] else 'OFF' }}", '{"x":"0"}', 'ON'],
  ["{{ 'ON' if value_json.state == 'online' else 'OFF' }}", '{"state":"online"}', 'ON'],
  ["{{ 'ON' if value_json.state != 'online' else 'OFF' }}", '{"state":"online"}', 'OFF'],
  ["{{ 'ON' if 'OB' in value_json['flags'] else 'OFF' }}", '{"flags":["OL","OB"]}', 'ON'],
  ["{{ 'ON' if 'OB' not in value_json['flags'] else 'OFF' }}", '{"flags":"OL OB"}', 'OFF'],
  ["{{ 'a' if value_json.x is none else 'b' if value_json.x > 1 else 'c' }}", '{"x":2}', 'b'],
  ["{{ 'a' if not value_json.x is not none else 'b' }}", '{"x":null}', 'a'],
  ["{{ value_json.x == 1 and value_json.x == 1.0 and true == 1 and '1' != 1 }}", '{"x":1}', 'True'],
  ["{{ value_json.x or 'none' }}", '{"x":""}', 'none'],
  ["{{ value_json['gone'] | default('x') }}", '{}', 'x'],
  ["{{ value_json['x'] | default('y') }}", '{"x":null}', 'None'],
  ["{{ value_json['x'] | default('y', true) }}", '{"x":null}', 'y'],
  ['{{ value_json.x is defined }}', '{}', 'False'],
  [
    "{{ {'k': value_json['x'], 'a': {'b': 1.5}} | tojson }}",
    '{"x":"<é>"}',
    '{"a": {"b": 1.5}, "k": "\\u003c\\u00e9\\u003e"}',
  ],
  ["{{ {'k': {'b': none}} }}", '{}', "{'k': {'b': None}}"],
  ["{{ value_json['x'] | tojson }}", '{"x":[1,true,null]}', '[1, true, null]'],
  ["{{ value_json['x'] | to_json }}", '{"x":{"b":1,"a":"é"}}', '{"b":1,"a":"é"}'],
  ["{{ value_json['x'] | lower }}", '{"x":"OL"}', 'ol'],
  ["{{ value_json['x'] | string | lower }}", '{"x":true}', 'true'],
  ["{{ value_json['x'] | int }}", '{"x":"12.9"}', '12'],
  ["{{ value_json['x'] | int(-1) }}", '{"x":"n/a"}', '-1'],
  ["{{ value_json['x'] | float }}", '{"x":"12"}', '12.0'],
  ["{{ value_json['x'] | float(none) }}", '{"x":null}', 'None'],
  ["{{ value_json.x == [1, {'a': 1.0}] }}", '{"x":[1,{"a":1}]}', 'True'],
  ["{{ value_json == {'y': 1} }}", '{"x":1}', 'False'],
  ["{{ 'x' in value_json and value_json.x >= 1 and 'a' < 'b' }}", '{"x":1}', 'True'],
  ["{{ value_json['x'] in [1, 'a'] }}", '{"x":1.0}', 'True'],
])('%s of %s renders %s', (template, payload, text) => {
  expect(render(template, payload)).toBe(text);
});

test.each([
  ["{{ value_json['x'] }}", '{}', 'the key "x" is missing'],
  ["{{ value_json['x'] | lower }}", '{}', 'the key "x" is missing'],
  ["{{ value_json['x']['y'] | default(1) }}", '{}', 'the key "x" is missing'],
  ["{{ 'a' if value_json.x else 'b' }}", '{}', 'the key "x" is missing'],
  ["{{ 'a' if value_json.x }}", '{"x":0}', 'the else branch is missing'],
  ['{{ value_json.x }}', 'online', 'value_json (the payload is not JSON) is missing'],
  ['{{ value_json.values }}', '{"values":1}', '".values" is a method of the dict, write [\'values\']'],
  ['{{ value_json.x | int }}', '{"x":"n/a"}', 'int got n/a and no default'],
  ['{{ value_json.x | float }}', '{"x":null}', 'float got None and no default'],
  ['{{ 1 in value_json.x }}', '{"x":"1"}', '"in" a string needs a string on its left'],
  ['{{ 1 in value_json.x }}', '{"x":null}', '"in" cannot look into None'],
  ["{{ value_json.x < 'a' }}", '{"x":1}', '1 and a have no order'],
  ['{{ states("sensor.x") }}', '{}', 'the name "states" is not supported'],
  ['{{ value | upper }}', '', 'the filter "upper" is not supported'],
  ['{{ value is string }}', '', 'the test "string" is not supported'],
  ['{{ value_json.x[1] }}', '{"x":[1]}', 'the item 1 is missing'],
  ['{{ [1] in value_json }}', '{}', 'a dict cannot have the key [1]'],
  ["{{ value is none if value else 'x' }}", '', '"if" after the test "none" is read as its argument'],
  ['{{ value', '', '"end of template" is not supported here'],
  ['{{ value ~ 1 }}', '', '"~ 1 }}" is not supported'],
  ['{{ value value }}', '', '"value" is not supported here'],
  ['{{ }}', '', '"}}" is not supported here'],
  ["{{ value['x' }}", '', '"}}" stands where "]" is due'],
  ['{# note #}', '', 'only {{ }} is supported'],
])('%s of %s is refused: %s', (template, payload, problem) => {
  expect(evaluateTemplate(template, payload)).toEqual({ ok: false, problem });
  expect(() => render(template, payload)).toThrow(problem);
});

test.each([
  ['a/b', 'a/b', true],
  ['a/+', 'a/b', true],
  ['a/+', 'a/b/c', false],
  ['a/#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['a/b', 'a', false],
  ['+/b', 'a/b', true],
  ['a/b/+', 'a/b', false],
])('the filter %s covers %s: %s', (filter, topic, covers) => {
  expect(filterCovers(filter, topic)).toBe(covers);
});
