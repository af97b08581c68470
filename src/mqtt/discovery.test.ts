import { describe, expect, test } from 'vitest';
import { componentsOf, type PublishedMessage } from '../../tests/kit/discovery-components.ts';
import { validate } from '../../tests/kit/discovery-validator.ts';
import integration from '../../tests/kit/home-assistant-facts/nut-integration.json' with { type: 'json' };
import { derive } from '../analysis/derived.ts';
import { DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { NO_QUALITY } from '../domain/quality.ts';
import { type Inventory, readingOf, variablesOf, type Writable } from '../domain/reading.ts';
import { type DeviceState, UNHEARD } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import type { Component } from './component.ts';
import { devicePayload } from './device-payload.ts';
import { announceBridge, announceDevice, type DiscoveryContext } from './discovery.ts';
import { judgedValues } from './judged-values.ts';
import { Moments } from './moments.ts';
import { qualityPayload } from './quality-payload.ts';
import { topicsOf } from './topics.ts';

const TOPICS = topicsOf('gridwarden', 'home');
const context = (allow: readonly string[] = ['*', 'set:*', 'bridge.*']): DiscoveryContext => ({
  node: 'home',
  topics: TOPICS,
  version: '1.0.0',
  allow,
});

interface Given {
  readonly variables?: Readonly<Record<string, string>>;
  readonly writable?: Readonly<Record<string, Writable['accepts']>>;
  readonly commands?: Inventory['commands'];
  readonly label?: string;
  readonly id?: string;
}

function deviceOf({ variables = {}, writable = {}, commands = [], label = 'Rack', id = 'rack' }: Given): DeviceState {
  const reading = readingOf(variablesOf(Object.entries(variables)), asInstant(0), asInstant(0));
  const link = { kind: 'up' } as const;
  return {
    ...UNHEARD,
    id,
    address: { source: 'nas', name: 'ups' },
    label,
    link,
    reading,
    derived: derive(reading, link),
    inventory: { commands, writable: Object.entries(writable).map(([variable, accepts]) => ({ variable, accepts })) },
  };
}

function announced(given: Given, allow?: readonly string[]) {
  const device = deviceOf(given);
  const variables = [...(device.reading?.variables.keys() ?? []), ...device.derived.keys()].sort();
  return announceDevice(device, { variables, words: new Map() }, context(allow));
}

const componentOf = (given: Given, key: string, allow?: readonly string[]): Component | undefined =>
  announced(given, allow).components[key];

/** The only setting of a device, with its key. */
function settingOf(
  accepts: Writable['accepts'],
  current: string | undefined,
  variable = 'ups.thing',
): Partial<Component> & { readonly key?: string } {
  const variables: Record<string, string> = current === undefined ? {} : { [variable]: current };
  const found = Object.entries(announced({ variables, writable: { [variable]: accepts } }).components);
  const [key, component] = found.find(([name]) => name.startsWith('set_')) ?? [];
  return { ...(key === undefined ? {} : { key }), ...component };
}

/** What the strict validator says of a device as announced, with the state it has. */
function faults(given: Given): readonly string[] {
  const device = deviceOf(given);
  const { identifier, root, components } = announced(given);
  const bridge = announceBridge(context());
  const messages = new Map<string, PublishedMessage>();
  const retain = (topic: string, payload: string) => messages.set(topic, { payload, retain: true, qos: 1 });
  retain(`homeassistant/device/${identifier}/config`, JSON.stringify({ ...root, components }));
  retain(
    `homeassistant/device/${bridge.identifier}/config`,
    JSON.stringify({ ...bridge.root, components: bridge.components }),
  );
  retain(TOPICS.bridgeState, '{"state":"online"}');
  const info = { version: '1', started: '2026-01-01T00:00:00Z', configuration: 'x', armed: false, dry_run: false };
  retain(TOPICS.bridgeInfo, JSON.stringify(info));
  retain(TOPICS.availability(device.id), '{"state":"online"}');
  retain(TOPICS.device(device.id), devicePayload(device, [], judgedValues(device, undefined, new Moments())));
  retain(TOPICS.powerQuality(device.id), qualityPayload(NO_QUALITY, true));
  expect(componentsOf(messages).length).toBeGreaterThan(0);
  return validate(messages, { base: TOPICS.base, subscribed: TOPICS.incoming });
}

test('the same device is the same text when it is built twice, in whatever order it was read', () => {
  const variables = { 'ups.status': 'OL', 'ups.load': '5', 'outlet.1.status': 'on', 'ups.id': 'a' };
  const commands = [{ name: 'outlet.1.load.on' }, { name: 'outlet.1.load.off' }, { name: 'beeper.mute' }];
  const text = JSON.stringify(announced({ variables, commands }));
  expect(JSON.stringify(announced({ variables, commands }))).toBe(text);
  const reversed = Object.fromEntries(Object.entries(variables).reverse());
  expect(JSON.stringify(announced({ variables: reversed, commands }))).toBe(text);
  expect(JSON.stringify(announceBridge(context()))).toBe(JSON.stringify(announceBridge(context())));
});

describe('identity', () => {
  test('comes from the configuration, never from the device', () => {
    const { identifier, root, components } = announced({
      id: 'rack-1',
      variables: { 'device.serial': '123', 'ups.load': '5' },
    });
    expect(identifier).toBe('gridwarden_home_rack-1');
    expect(root['device']).toMatchObject({ identifiers: [identifier], via_device: 'gridwarden_home_bridge' });
    expect(components['ups_load']).toMatchObject({
      unique_id: 'gridwarden_home_rack-1_ups_load',
      default_entity_id: 'sensor.rack_1_ups_load',
    });
  });

  test.each(['', 'unknown', 'Blank', 'N/A', 'XXXX', '####', '000000000', ' '])(
    'a serial number that is none (%j) is left out',
    (serial) => {
      const { root } = announced({ variables: { 'ups.serial': serial, 'ups.mfr': 'APC' } });
      expect(root['device']).not.toHaveProperty('serial_number');
      expect(root['device']).toHaveProperty('manufacturer', 'APC');
    },
  );

  test('manufacturer, model, serial and version are those that the NUT integration would take', () => {
    const device = (variables: Readonly<Record<string, string>>) => announced({ variables }).root['device'];
    expect(
      device({ 'device.mfr': 'A', 'ups.mfr': 'B', 'ups.model': 'C', 'ups.serial': 'D1', 'ups.firmware.aux': 'E' }),
    ).toMatchObject({ manufacturer: 'A', model: 'C', serial_number: 'D1', sw_version: 'E' });
    expect(device({ 'ups.vendorid': '051d', 'ups.productid': '0002' })).toMatchObject({
      manufacturer: '051d',
      model: '0002',
    });
  });

  test('a name that begins with the name of the device is shortened', () => {
    const given = { label: 'Battery', variables: { 'battery.charge': '5', 'ups.load': '4' } };
    expect(componentOf(given, 'battery_charge')).toMatchObject({ name: 'Charge' });
    expect(componentOf(given, 'ups_load')).toMatchObject({ name: 'Load' });
  });
});

test("every sensor of Home Assistant's own NUT integration has one that is equal", () => {
  const variables = Object.fromEntries(Object.keys(integration.sensors).map((name) => [name, '1']));
  const { components } = announced({ variables: { ...variables, 'ups.status': 'OL' } });
  const ours = Object.keys(integration.sensors).map((name) => {
    const row: Partial<Component> = components[name.toLowerCase().replace(/[^a-z0-9]+/g, '_')] ?? {};
    return [
      name,
      {
        name: row['name'],
        unit: row['unit_of_measurement'] ?? null,
        device_class: row['device_class'] ?? null,
        state_class: row['state_class'] ?? null,
        category: row['entity_category'] ?? null,
        enabled: row['enabled_by_default'] ?? true,
      },
    ];
  });
  const theirs = Object.entries(integration.sensors).map(([name, row]) => {
    const { options: _, ...rest } = row;
    // Two have no name of their own: one is named by its class, one by another text of Home Assistant.
    const named = typeof rest.name === 'string' && !rest.name.startsWith('[');
    return [name, { ...rest, name: named ? rest.name : expect.any(String) }];
  });
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
});

describe('availability', () => {
  test('stands once, at the root: bridge and device must both be there', () => {
    const { root, components } = announced({ variables: { 'ups.load': '5' } });
    expect(root).toMatchObject({
      availability: [{ topic: 'gridwarden/home/bridge/state' }, { topic: 'gridwarden/home/ups/rack/availability' }],
      availability_mode: 'all',
      state_topic: 'gridwarden/home/ups/rack',
    });
    expect(components['ups_load']).not.toHaveProperty('availability');
  });

  test.each(['communication', 'connection', 'event'])('of %s hangs on the bridge alone', (key) => {
    expect(componentOf({ variables: { 'ups.status': 'OL' } }, key)).toMatchObject({
      availability: [{ topic: 'gridwarden/home/bridge/state' }],
    });
  });

  test('of the connection of the bridge hangs on nothing, or nobody would see it off', () => {
    const { root, components } = announceBridge(context());
    expect(components['connection']).not.toHaveProperty('availability');
    expect(root).not.toHaveProperty('availability');
    expect(components['version']).toHaveProperty('availability');
  });
});

test('ambient sensors are left out where the device says that there is none', () => {
  const ambient = { 'ambient.temperature': '20', 'ambient.humidity': '40' };
  expect(Object.keys(announced({ variables: { ...ambient, 'ambient.present': 'yes' } }).components)).toContain(
    'ambient_temperature',
  );
  const keys = Object.keys(announced({ variables: { ...ambient, 'ambient.present': 'no' } }).components);
  expect(keys.filter((key) => key.startsWith('ambient'))).toEqual([]);
});

test('a device without a status has no flags and no mains', () => {
  const keys = Object.keys(announced({ variables: { 'outlet.1.status': 'on', 'input.voltage': '230' } }).components);
  expect(keys.filter((key) => key.startsWith('flag_') || key === 'mains')).toEqual([]);
});

describe('a button', () => {
  test('is there for what is allowed, and for nothing else', () => {
    const commands = [{ name: 'beeper.mute' }, { name: 'load.off' }, { name: 'test.battery.start.quick' }];
    const buttons = Object.keys(announced({ commands }, DEFAULT_ALLOW).components).filter((key) =>
      /^command/.test(key),
    );
    expect(buttons).toEqual(['command_beeper_mute', 'command_test_battery_start_quick']);
  });

  test.each([
    ['load.off', false, 'config'],
    ['load.off.delay', false, 'config'],
    ['outlet.2.load.cycle', false, 'config'],
    ['outlet.2.shutdown.return', false, 'config'],
    ['shutdown.stop', false, 'config'],
    ['bypass.start', false, 'config'],
    ['driver.killpower', false, 'config'],
    ['calibrate.start', false, 'diagnostic'],
    ['beeper.mute', true, 'config'],
    ['test.battery.start', true, 'diagnostic'],
    ['load.on', true, 'config'],
    ['calibrate.stop', true, 'diagnostic'],
  ])('%s: enabled %s, %s', (name, enabled, category) => {
    const key = `command_${name.replaceAll('.', '_')}`;
    const component = componentOf({ commands: [{ name }] }, key);
    expect(component).toMatchObject({ platform: 'button', payload_press: name, entity_category: category });
    expect(component?.['enabled_by_default'] ?? true).toBe(enabled);
  });

  test("has the server's words for a name, unless they are none or too many", () => {
    const name = 'beeper.mute';
    const nameOf = (description?: string) =>
      componentOf({ commands: [description === undefined ? { name } : { name, description }] }, 'command_beeper_mute');
    expect(nameOf('Silence the beeper')).toMatchObject({ name: 'Silence the beeper' });
    expect(nameOf()).toMatchObject({ name: 'Beeper mute' });
    expect(nameOf('x'.repeat(61))).toMatchObject({ name: 'Beeper mute' });
  });
});

describe('a switch', () => {
  const commands = [{ name: 'outlet.1.load.on' }, { name: 'outlet.1.load.off' }];

  test('takes the place of both buttons, with the name that the device has for its outlet', () => {
    const { components } = announced({ commands, variables: { 'outlet.1.status': 'on', 'outlet.1.desc': 'Printer' } });
    expect(components['outlet_1']).toMatchObject({
      platform: 'switch',
      device_class: 'outlet',
      name: 'Outlet Printer',
      payload_on: 'outlet.1.load.on',
      payload_off: 'outlet.1.load.off',
    });
    expect(Object.keys(components).filter((key) => key.startsWith('command_'))).toEqual([]);
  });

  test('is none where one of the two is missing, not allowed, or nobody tells its state', () => {
    const keysOf = (given: Given, allow?: readonly string[]) =>
      Object.keys(announced(given, allow).components).filter((key) => /^(?:outlet_1|command_.*)$/.test(key));
    expect(keysOf({ commands })).toEqual(['command_outlet_1_load_on', 'command_outlet_1_load_off']);
    const variables = { 'outlet.1.status': 'on' };
    expect(keysOf({ commands, variables }, ['outlet.1.load.on'])).toEqual(['command_outlet_1_load_on']);
    expect(keysOf({ commands: commands.slice(1), variables })).toEqual(['command_outlet_1_load_off']);
  });

  test('of the whole load is hidden until somebody asks for it', () => {
    const given = { commands: [{ name: 'load.on' }, { name: 'load.off' }], variables: { 'ups.status': 'OL' } };
    expect(componentOf(given, 'load')).toMatchObject({ platform: 'switch', name: 'Output', enabled_by_default: false });
  });
});

describe('a setting', () => {
  test('is there for what is allowed, and for nothing else', () => {
    const given: Given = { variables: { 'ups.id': 'x' }, writable: { 'ups.id': { kind: 'text', maxLength: 8 } } };
    expect(Object.keys(announced(given, ['*']).components)).not.toContain('set_ups_id_text');
    expect(Object.keys(announced(given, ['set:ups.*']).components)).toContain('set_ups_id_text');
  });

  test.each([
    ['yes and no', { kind: 'enum', values: ['no', 'yes'] }, 'yes', { platform: 'switch', payload_on: 'yes' }],
    ['on and off', { kind: 'enum', values: ['on', 'off'] }, 'off', { platform: 'switch', payload_off: 'off' }],
    ['enabled and disabled', { kind: 'enum', values: ['enabled', 'disabled'] }, undefined, { platform: 'switch' }],
    ['yes, no and a third', { kind: 'enum', values: ['yes', 'no', 'auto'] }, 'yes', { platform: 'select' }],
    [
      'yes and no, but it says maybe',
      { kind: 'enum', values: ['yes', 'no'] },
      'maybe',
      { options: ['yes', 'no', 'maybe'] },
    ],
    ['words, one of them empty', { kind: 'enum', values: ['a', '', ' b '] }, 'a', { options: ['a', 'b'] }],
    ['no words at all', { kind: 'enum', values: [''] }, '', { platform: 'text' }],
    ['a range', { kind: 'range', ranges: [[10, 60]] }, '20', { platform: 'number', min: 10, max: 60, step: 1 }],
    [
      'two ranges',
      {
        kind: 'range',
        ranges: [
          [1, 2],
          [5, 9],
        ],
      },
      '5',
      { min: 1, max: 9 },
    ],
    ['a range that it is above', { kind: 'range', ranges: [[10, 60]] }, '100', { min: 10, max: 100 }],
    ['a range that it is below', { kind: 'range', ranges: [[10, 60]] }, '-1', { min: -1, max: 60 }],
    ['a range in tenths', { kind: 'range', ranges: [[0.5, 3]] }, '1', { step: 0.1 }],
    ['a range, but it says a word', { kind: 'range', ranges: [[1, 9]] }, 'auto', { platform: 'text' }],
    ['any number', { kind: 'number' }, '20', { platform: 'number', min: -1, max: 2_147_483_647, mode: 'box' }],
    ['any number, and it has a huge one', { kind: 'number' }, '2147483648', { max: 2_147_483_648 }],
    ['a text', { kind: 'text', maxLength: 8 }, 'abc', { platform: 'text', max: 8 }],
    ['a text that is longer than it may be', { kind: 'text', maxLength: 2 }, 'abc', { platform: 'text', max: 3 }],
    ['a text without end', { kind: 'text', maxLength: 1000 }, '', { max: 255 }],
  ] satisfies [string, Writable['accepts'], string | undefined, object][])(
    'of %s',
    (_what, accepts, current, wanted) => {
      const setting = settingOf(accepts, current);
      expect(setting).toMatchObject({
        ...wanted,
        entity_category: 'config',
        command_topic: 'gridwarden/home/ups/rack/set/ups.thing',
        unique_id: 'gridwarden_home_rack_set_ups_thing',
      });
      const variables = current === undefined ? {} : { 'ups.thing': current };
      expect(faults({ variables: { 'ups.status': 'OL', ...variables }, writable: { 'ups.thing': accepts } })).toEqual(
        current === undefined ? [expect.stringContaining('"ups.thing" is missing')] : [],
      );
    },
  );

  test('has numbers for options where the variable is a number, as its state has', () => {
    const accepts = { kind: 'enum', values: ['030', '060'] } as const;
    expect(settingOf(accepts, '060', 'battery.runtime.low')).toMatchObject({ options: ['30', '60'] });
  });

  test('has unit and class of its variable where it is a number', () => {
    expect(settingOf({ kind: 'range', ranges: [[160, 260]] }, '200', 'input.transfer.low')).toMatchObject({
      unit_of_measurement: 'V',
      device_class: 'voltage',
      name: 'Low voltage transfer',
    });
  });

  test('that takes another form has another key, so that the old form can be taken back', () => {
    const range = { kind: 'range', ranges: [[1, 9]] } as const;
    expect(settingOf(range, '5').key).toBe('set_ups_thing_number');
    expect(settingOf(range, 'auto').key).toBe('set_ups_thing_text');
  });

  test.each([
    ['ups.delay.shutdown', true],
    ['battery.charge.low', true],
    ['battery.charge.warning', false],
    ['ups.id', false],
    ['outlet.1.desc', true],
  ])('%s is enabled: %s', (variable, enabled) => {
    expect(settingOf({ kind: 'text', maxLength: 9 }, 'a', variable)['enabled_by_default'] ?? true).toBe(enabled);
  });
});

test('what nobody has described is a hidden diagnostic text under a readable name', () => {
  expect(componentOf({ variables: { 'vendor.odd-thing_2.x': '5' } }, 'vendor_odd_thing_2_x')).toEqual({
    platform: 'sensor',
    unique_id: 'gridwarden_home_rack_vendor_odd_thing_2_x',
    default_entity_id: 'sensor.rack_vendor_odd_thing_2_x',
    name: 'Vendor odd thing 2 x',
    entity_category: 'diagnostic',
    enabled_by_default: false,
    value_template: "{{ value_json['vendor.odd-thing_2.x'] }}",
  });
});

test('watts say in an attribute how they were found', () => {
  const given = { variables: { 'ups.load': '50', 'ups.realpower.nominal': '900', 'ups.status': 'OL' } };
  expect(componentOf(given, 'power')).toMatchObject({
    device_class: 'power',
    json_attributes_topic: 'gridwarden/home/ups/rack',
    json_attributes_template: expect.stringContaining('power.basis'),
  });
  expect(Object.keys(announced(given).components)).not.toContain('power_basis');
  expect(faults(given)).toEqual([]);
});

test('two variables that would be one entity are one: the first by name', () => {
  const { components } = announced({ variables: { 'a.b-c': '1', 'a.b.c': '2' } });
  expect(components['a_b_c']).toHaveProperty('value_template', "{{ value_json['a.b-c'] }}");
});

test('the reload button of the bridge is there where it is allowed', () => {
  expect(announceBridge(context()).components['command_reload']).toMatchObject({
    command_topic: 'gridwarden/home/bridge/request/reload',
  });
  expect(announceBridge(context([])).components).not.toHaveProperty('command_reload');
});

test('a message of sixty entities stays below 400 bytes for each', () => {
  const names = Object.keys(integration.sensors).slice(0, 60);
  const { root, components } = announced({ variables: Object.fromEntries(names.map((name) => [name, '1'])) });
  const count = Object.keys(components).length;
  expect(count).toBeGreaterThan(60);
  expect(JSON.stringify({ ...root, components }).length / count).toBeLessThan(400);
});
