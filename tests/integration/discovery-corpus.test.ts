import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/domain/inputs.ts';
import { quantityOf } from '../../src/domain/quantities.ts';
import type { DeviceState } from '../../src/domain/state.ts';
import { nutDumps } from '../kit/corpus.ts';
import { type Component, componentsOf } from '../kit/discovery-components.ts';
import { render } from '../kit/discovery-template.ts';
import { validate } from '../kit/discovery-validator.ts';
import { dumpUps, parseDump } from '../kit/dump.ts';
import { startFakeUpsd } from '../kit/fake-upsd.ts';
import type { UpsDefinition } from '../kit/fake-upsd-ups.ts';
import { EVERYTHING, type House, type HouseOptions, openHouse, simulatedReports } from '../kit/mqtt-house.ts';
import { startWatching } from './nut-watching.ts';

/** What real devices have answered where a number, a date or a name was expected, each under a name that could have it. */
const ODDITIES: Readonly<Record<string, string>> = {
  'ups.status': '',
  'ups.alarm': '0',
  'ups.serial': '',
  'device.serial': '########',
  'ups.mfr': '"Exide',
  'ups.model': 'UPS 09.8 / ID=18',
  'device.location': '50 61 72 69 73',
  'battery.runtime': '64:41',
  'battery.runtime.low': '-60.0',
  'battery.charge': '-143.2',
  'battery.charge.low': '1000',
  'battery.date': '2624/00/02',
  'battery.mfr.date': 'CPS',
  'battery.charger.status': 'Resting',
  'battery.temperature': '3022999999999999855',
  'ups.load': '9'.repeat(255),
  'ups.efficiency': 'LoadTooLow',
  'ups.temperature': 'XX.X',
  'ups.power': '+00012.50',
  'ups.realpower': '.5',
  'ups.realpower.nominal': '1.2e4',
  'ups.delay.start': '2147483648',
  'ups.delay.shutdown': '-60',
  'ups.timer.start': '-1',
  'ups.beeper.status': 'yes, but muted',
  'ups.firmware': '  back\\slash \\\\ "quoted" #1 = {} {{ 1 }} {% x %} ',
  'ups.id': 'much too long for its rule',
  'ups.test.result': 'x'.repeat(255),
  'input.voltage': '-159357104.0',
  'input.frequency': '-0.0',
  'input.frequency.status': 'frequency  with  double  blanks',
  'output.voltage': '133200.00',
  'outlet.1.status': 'On/Closed',
  'outlet.1.delay.start': '16777215',
  'outlet.1.desc': 'true',
  'ambient.present': 'no',
  'ambient.temperature': '302.0',
  'unknown.thing': 'null',
  'unknown.word': 'None',
  'unknown.choice': '',
  'unknown.list': 'c',
  'unknown.number': '000123',
};

/** The same device, with a rule for each value that a rule can disagree with. */
const RULED: UpsDefinition = {
  desc: 'Everything odd at once',
  variables: ODDITIES,
  rw: {
    'battery.charge.low': { ranges: [[10, 60]] },
    'battery.runtime.low': { enum: ['030', '060', '120'] },
    'ups.beeper.status': { enum: ['yes', 'no'] },
    'ups.delay.shutdown': {},
    'ups.delay.start': { type: 'NUMBER' },
    'ups.id': { maxLength: 3 },
    'ups.efficiency': { ranges: [[0, 100]] },
    'outlet.1.desc': { enum: ['true', 'false', ''] },
    'unknown.choice': { enum: ['', '  '] },
    'unknown.list': { enum: [' a ', 'b', ''] },
    'unknown.number': {
      ranges: [
        [1, 5],
        [10.25, 20],
      ],
    },
  },
  commands: ['load.on', 'load.off', 'outlet.1.load.on', 'outlet.1.load.off', 'test.battery.start', 'beeper.mute'],
};

const dumps = nutDumps();
const upses: Record<string, UpsDefinition> = {
  ...Object.fromEntries(
    dumps.map((path, index) => [`d${index}`, dumpUps(parseDump(readFileSync(path, 'utf8')), basename(path))]),
  ),
  odd: RULED,
};

/** Everything that a source had to say of them, once, for every house to hear. */
let reports: readonly Report[] = [];

beforeAll(async () => {
  const server = await startFakeUpsd({ ups: upses });
  const watch = startWatching({ port: server.port, timeout: '10s', interval: '60s', interval_on_battery: '60s' });
  try {
    const told = new Set<string>();
    await watch.untilAny((report) => {
      if (report.kind === 'inventory') told.add(report.address.name);
      return told.size === Object.keys(upses).length;
    });
    reports = [...watch.reports];
  } finally {
    await watch.stop();
    await server.stop();
  }
}, 60_000);

const houseOf = (options: HouseOptions): House => {
  const house = openHouse(options);
  for (const report of reports) house.report(report);
  return house;
};

const judged = (house: House): string[] =>
  validate(house.messages, { base: house.topics.base, subscribed: house.topics.incoming });

/** One line for each variable of a device that its sensor does not show as the device gave it. */
function lost(house: House, device: DeviceState, sensors: ReadonlyMap<unknown, Component>): string[] {
  const payload = house.messages.get(house.topics.device(device.id))?.payload ?? '';
  const shadowed = new Set<string>();
  return [...(device.reading?.variables ?? [])].flatMap(([variable, text]) => {
    const key = variable.toLowerCase().replace(/[^a-z0-9]+/g, '_');
    const sensor = sensors.get(`gridwarden_home_${device.id}_${key}`);
    if (shadowed.has(key)) return [];
    shadowed.add(key);
    const hidden = device.reading?.variables.get('ambient.present') === 'no' && variable.startsWith('ambient.');
    if (hidden) return sensor === undefined ? [] : [`${device.id} ${variable}: shown, though there is no sensor`];
    const template = sensor?.config['value_template'];
    if (typeof template !== 'string') return [`${device.id} ${variable}: no sensor`];
    const shown = render(template, payload);
    return isSame(variable, text, shown) ? [] : [`${device.id} ${variable}: "${text}" is shown as "${shown}"`];
  });
}

/** Home Assistant shows a number that is none as unknown, and cuts blanks around a text. */
function isSame(variable: string, text: string, shown: string): boolean {
  if (quantityOf(variable)?.kind !== 'number') return shown === text.trim();
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) && Math.abs(Number(text)) <= 1e15;
  return isNumber ? Number(shown) === Number(text) && shown !== '' : shown === 'None';
}

const sensorsOf = (house: House): ReadonlyMap<unknown, Component> =>
  new Map(
    componentsOf(house.messages)
      .filter(({ platform }) => platform === 'sensor')
      .map((component) => [component.config['unique_id'], component]),
  );

describe.each([
  ['one message a device, what is allowed by default', {}],
  ['one message a device, everything allowed', { allow: EVERYTHING }],
  ['one message an entity, everything allowed', { mode: 'single', allow: EVERYTHING }],
] satisfies [string, HouseOptions][])('%s', (_name, options: HouseOptions) => {
  let house: House;
  let faults: readonly string[];
  beforeAll(() => {
    house = houseOf(options);
    faults = judged(house);
  });
  afterAll(() => {
    house = openHouse();
  });

  test('a device that answers nothing but nonsense is announced without a fault and shown as it is', () => {
    const device = house.state().devices.get('odd');
    expect(device?.reading?.variables.size).toBe(Object.keys(ODDITIES).length);
    expect(faults.filter((line) => /[/_]odd\b/.test(line))).toEqual([]);
    expect(device === undefined ? ['not there'] : lost(house, device, sensorsOf(house))).toEqual([]);
  });

  test('the simulated UPS is announced without a fault and shown as it is', () => {
    const simulated = openHouse(options);
    for (const report of simulatedReports()) simulated.report(report);
    expect(judged(simulated)).toEqual([]);
    const device = simulated.state().devices.get('demo');
    expect(device === undefined ? ['not there'] : lost(simulated, device, sensorsOf(simulated))).toEqual([]);
    expect(sensorsOf(simulated).size).toBeGreaterThan(30);
  });

  test.skipIf(dumps.length === 0)('every recorded device is announced without a fault', () => {
    expect(house.state().devices.size).toBe(Object.keys(upses).length);
    expect(faults).toEqual([]);
  });

  test.skipIf(dumps.length === 0)('every variable of every recorded device is shown as the device gave it', () => {
    const sensors = sensorsOf(house);
    const problems = [...house.state().devices.values()].flatMap((device) => lost(house, device, sensors));
    expect(problems).toEqual([]);
  });
});
