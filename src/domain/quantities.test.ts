import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NAMED_QUANTITIES, numberOf, plausible, quantityOf } from './quantities.ts';
import { numberIn, readingOf } from './reading.ts';
import { asInstant } from './time.ts';

interface Sensor {
  readonly category: string | null;
  readonly device_class: string | null;
  readonly enabled: boolean;
  readonly name: string | null;
  readonly options: readonly string[] | null;
  readonly state_class: string | null;
  readonly unit: string | null;
}

const FACTS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../tests/kit/home-assistant-facts/nut-integration.json'), 'utf8'),
) as { readonly sensors: Readonly<Record<string, Sensor>> }; // made by a script from Home Assistant's own tables

/** Names that stand elsewhere in Home Assistant: in its common strings, or none, which means that of the device class. */
const NAMES_ELSEWHERE: Readonly<Record<string, string>> = {
  'ups.display.language': 'Language',
  'ups.power': 'Apparent power',
};

/** The 80 variables that most recorded devices have. */
const COMMON = `driver.version driver.name ups.status driver.version.internal driver.parameter.port ups.model ups.mfr
  battery.charge input.voltage ups.load driver.parameter.pollinterval battery.voltage output.voltage ups.delay.shutdown
  input.frequency device.type battery.voltage.nominal ups.serial input.voltage.nominal battery.runtime
  ups.beeper.status ups.delay.start device.model device.mfr ups.productid ups.vendorid ups.firmware driver.version.data
  driver.parameter.pollfreq battery.charge.low output.voltage.nominal battery.type ups.power.nominal device.serial
  output.frequency ups.temperature input.transfer.high input.transfer.low ups.type ups.test.result
  input.frequency.nominal ups.timer.shutdown input.voltage.fault battery.runtime.low battery.charge.warning
  driver.parameter.synchronous output.current output.frequency.nominal ups.timer.start ups.firmware.aux
  input.current.nominal driver.parameter.vendorid ups.realpower.nominal driver.parameter.productid ups.mfr.date
  battery.mfr.date ups.power battery.voltage.low input.voltage.maximum output.phases
  battery.voltage.high input.voltage.minimum outlet.1.id ups.timer.reboot battery.temperature battery.date
  outlet.1.status outlet.1.switchable outlet.2.id outlet.1.desc
  input.sensitivity outlet.2.desc outlet.2.status outlet.2.switchable battery.current battery.charge.restart
  ambient.temperature outlet.1.delay.start input.phases output.current.nominal`.split(/\s+/);

describe('the table', () => {
  test.each(Object.entries(FACTS.sensors))("shows %s as Home Assistant's own NUT integration does", (name, sensor) => {
    const row = quantityOf(name);
    expect({
      category: row?.diagnostic === true ? 'diagnostic' : null,
      device_class: row?.deviceClass ?? null,
      enabled: row?.enabled,
      name: row?.label,
      options: row?.options ?? null,
      state_class: row?.stateClass ?? null,
      unit: row?.unit ?? null,
    }).toEqual({ ...sensor, name: NAMES_ELSEWHERE[name] ?? sensor.name });
  });

  test('has a row for each of the 80 commonest variables', () => {
    expect(COMMON).toHaveLength(80);
    expect(COMMON.filter((name) => quantityOf(name) === undefined)).toEqual([]);
  });

  test('names each variable once, and every row makes sense', () => {
    expect(NAMED_QUANTITIES).toEqual(expect.arrayContaining(['power', 'battery.charge', 'ups.watchdog.status']));
    expect(new Set(NAMED_QUANTITIES).size).toBe(NAMED_QUANTITIES.length);
    const wrong = NAMED_QUANTITIES.filter((name) => {
      const row = quantityOf(name);
      if (row === undefined) return true;
      const { kind, unit, options, stateClass, deviceClass, min = 0, max = 0 } = row;
      const isBare = unit === undefined && stateClass === undefined;
      return (
        min > max ||
        (kind === 'enum') !== (deviceClass === 'enum') ||
        (kind === 'enum') !== (options !== undefined) ||
        (kind !== 'number' && !isBare)
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe('the patterns', () => {
  test.each([
    ['input.L1-N.voltage', 'Input L1 voltage', 'V'],
    ['input.L1-L2.voltage', 'Input L1-L2 voltage', 'V'],
    ['output.L3-N.voltage', 'Output L3-N voltage', 'V'],
    ['output.L1-L2.voltage', 'Output L1-L2 voltage', 'V'],
    ['input.bypass.L2-N.voltage', 'Input bypass L2-N voltage', 'V'],
    ['input.L1-N.voltage.nominal', 'Input L1-N voltage limit', 'V'],
    ['input.L3.voltage.maximum', 'Input L3 voltage limit', 'V'],
    ['output.N.current', 'Output N current', 'A'],
    ['input.L2.frequency', 'Input L2 line frequency', 'Hz'],
    ['output.L2.realpower', 'Output L2 real power', 'W'],
    ['output.L2.power', 'Output L2 apparent power', 'VA'],
    ['output.L2.power.percent', 'Output L2 power usage', '%'],
    ['output.L2.powerfactor', 'Output L2 power factor', undefined],
    ['input.L1.load', 'Input L1 load', '%'],
    ['outlet.1.current', 'Outlet 1 current', 'A'],
    ['outlet.24.voltage', 'Outlet 24 voltage', 'V'],
    ['outlet.3.power', 'Outlet 3 apparent power', 'VA'],
    ['outlet.3.realpower', 'Outlet 3 real power', 'W'],
    ['outlet.3.energy', 'Outlet 3 energy', 'kWh'],
    ['outlet.3.powerfactor', 'Outlet 3 power factor', undefined],
    ['outlet.3.frequency', 'Outlet 3 frequency', 'Hz'],
    ['outlet.3.current.status', 'Outlet 3 current status', undefined],
    ['outlet.3.current_status', 'Outlet 3 current status', undefined],
    ['outlet.3.desc', 'Outlet 3 description', undefined],
    ['outlet.3.name', 'Outlet 3 name', undefined],
    ['outlet.3.status', 'Outlet 3 status', undefined],
    ['outlet.3.groupid', 'Outlet 3 groupid', undefined],
    ['outlet.3.delay.shutdown', 'Outlet 3 shutdown delay', 's'],
    ['outlet.3.timer.start', 'Outlet 3 start delay', 's'],
    ['outlet.3.autoswitch.charge.low', 'Outlet 3 off below charge', '%'],
    ['ambient.2.temperature', 'Ambient 2 temperature', '°C'],
    ['ambient.2.humidity', 'Ambient 2 humidity', '%'],
    ['ambient.2.temperature.status', 'Ambient 2 temperature status', undefined],
    ['ambient.2.contacts.1.status', 'Ambient 2 contacts.1.status', undefined],
  ])('%s is "%s" in %s', (name, label, unit) => {
    expect(quantityOf(name)).toMatchObject({ label, ...(unit === undefined ? {} : { unit }) });
    expect(quantityOf(name)?.unit).toBe(unit);
  });

  test.each(['input.L4.voltage', 'input.L1-L4.voltage', 'outlet.x.current', 'xinput.L1.current', 'input.L1.currents'])(
    '%s has no row',
    (name) => {
      expect(quantityOf(name)).toBeUndefined();
    },
  );

  test('what nobody has described stays unknown however much of it comes', () => {
    for (let count = 0; count < 6000; count += 1) expect(quantityOf(`vendor.thing.${count}`)).toBeUndefined();
    expect(quantityOf('battery.charge')?.label).toBe('Battery charge');
    expect(quantityOf('outlet.7.current')).toBe(quantityOf('outlet.7.current'));
  });
});

describe('a number', () => {
  test.each([
    ['0', 0],
    ['230.4', 230.4],
    [' 7 ', 7],
    ['007.50', 7.5],
    ['-1', -1],
    ['+5', 5],
    ['.55', 0.55],
    ['0'.repeat(32), 0],
    ['5.', 5],
    ['1000000000000000', 1e15],
  ])('%j is %d', (text, value) => {
    expect(numberOf(text)).toBe(value);
  });

  test.each([
    '',
    ' ',
    '.',
    '-',
    '1e3',
    '0x10',
    '1,5',
    '64:41',
    '12 V',
    'NaN',
    'Infinity',
    'XX.X',
    'LoadTooLow',
    '1000000000000001',
    '3022999999999999855',
    '-3022999999999999855',
    '9'.repeat(255),
    '0'.repeat(33),
  ])('%j is none', (text) => {
    expect(numberOf(text)).toBeUndefined();
  });

  test('whatever the text, the number is finite and the text says it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String)), (text) => {
        const value = numberOf(text);
        return value === undefined || (Number.isFinite(value) && value === Number(text));
      }),
    );
  });
});

describe('a plausible value', () => {
  test.each([
    ['battery.charge', '0', 0],
    ['battery.charge', '100', 100],
    ['battery.charge', '100.1', undefined],
    ['battery.charge', '-0.1', undefined],
    ['battery.charge', '1000', undefined],
    ['battery.runtime', '65534', 65_534],
    ['battery.runtime', '65535', undefined],
    ['battery.runtime', '3932100', undefined],
    ['battery.runtime', '-60.0', undefined],
    ['battery.runtime', '64:41', undefined],
    ['ups.load', '150', 150],
    ['ups.load', '562020.0', undefined],
    ['ups.load', '9'.repeat(255), undefined],
    ['ups.temperature', '302.0', undefined],
    ['ups.temperature', '-272', undefined],
    ['ups.temperature', '-10', -10],
    ['input.voltage', '-159357104.0', undefined],
    ['input.voltage', '2320.00', undefined],
    ['input.frequency', '5990', undefined],
    ['ups.timer.shutdown', '-1', -1],
    ['ups.timer.shutdown', '-60', undefined],
    ['ups.efficiency', 'LoadTooLow', undefined],
    ['device.count', '3', 3],
    ['ups.model', '700', undefined],
    ['vendor.unknown', '5', undefined],
  ])('%s %s is %s', (name, text, value) => {
    expect(plausible(name, text)).toBe(value);
    expect(numberIn(readingOf(new Map([[name, text]]), asInstant(0), asInstant(0)), name)).toBe(value);
  });

  test('is absent where the variable is', () => {
    expect(numberIn(readingOf(new Map(), asInstant(0), asInstant(0)), 'battery.charge')).toBeUndefined();
  });
});
