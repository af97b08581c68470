import fc from 'fast-check';
import { expect, test } from 'vitest';
import { derive } from '../analysis/derived.ts';
import { quantityOf } from '../domain/quantities.ts';
import { readingOf, variablesOf } from '../domain/reading.ts';
import { type DeviceState, UNHEARD } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { devicePayload, urgency } from './device-payload.ts';

function deviceOf(variables: Readonly<Record<string, string>> | undefined): DeviceState {
  const at = asInstant(0);
  const reading = variables === undefined ? undefined : readingOf(variablesOf(Object.entries(variables)), at, at);
  const link = { kind: 'up' } as const;
  return {
    ...UNHEARD,
    id: 'rack',
    address: { source: 'nas', name: 'ups' },
    label: 'Rack',
    link,
    ...(reading === undefined ? {} : { reading }),
    derived: derive(reading, link),
  };
}

const shown = (variables: Readonly<Record<string, string>>, expected: readonly string[] = []) =>
  JSON.parse(devicePayload(deviceOf(variables), expected));

test.each([
  ['battery.charge', '100', 100],
  ['battery.charge', '100.0', 100],
  ['battery.charge', '+07.50', 7.5],
  ['battery.charge', '-143.2', -143.2],
  ['battery.charge', '1000', 1000],
  ['battery.runtime', '64:41', null],
  ['battery.runtime', '1.2e4', null],
  ['ups.load', '9'.repeat(255), null],
  ['ups.temperature', 'XX.X', null],
  ['ups.load', '', null],
  ['ups.id', '000123', '000123'],
  ['ups.firmware', '1.0', '1.0'],
  ['ups.mfr', '', ''],
  ['battery.charger.status', 'Resting', 'Resting'],
  ['unknown.number', '007', '007'],
])('%s "%s" is shown as %j', (name, text, value) => {
  expect(shown({ [name]: text })[name]).toBe(value);
});

test('what was there and is not is null; what nobody knows of is absent', () => {
  expect(shown({ 'ups.load': '5' }, ['ups.load', 'ups.temperature', 'ups.id'])).toEqual({
    connection: 'connected',
    flags: [],
    'ups.id': null,
    'ups.load': 5,
    'ups.temperature': null,
  });
});

test('the words of the status stand in flags, mains in a word', () => {
  expect(shown({ 'ups.status': 'ol chrg OL' })).toMatchObject({
    flags: ['OL', 'CHRG'],
    mains: 'on',
    'ups.status': 'ol chrg OL',
    'ups.status.display': 'Online, Battery Charging',
  });
  expect(shown({ 'ups.status': 'OB LB' })).toMatchObject({ mains: 'off' });
  expect(shown({ 'ups.status': '' })).toMatchObject({ mains: null, flags: [] });
});

test('a device that was never heard shows nothing but what is expected', () => {
  expect(JSON.parse(devicePayload(deviceOf(undefined), ['ups.load']))).toEqual({
    connection: 'connected',
    flags: [],
    'ups.load': null,
  });
});

test('the same device is the same text, in whatever order its variables came', () => {
  const pairs = Object.entries({ 'ups.load': '1', 'battery.charge': '2', 'ups.status': 'OL', 'input.voltage': '3' });
  const text = devicePayload(deviceOf(Object.fromEntries(pairs)), []);
  expect(devicePayload(deviceOf(Object.fromEntries([...pairs].reverse())), ['ups.load', 'battery.charge'])).toBe(text);
});

test('any variables make an object that holds each of them as text, number or null', () => {
  const aName = fc.constantFrom(
    'ups.load',
    'ups.id',
    'ups.status',
    'battery.charge',
    'a.b',
    'constructor.name',
    'x.__proto__',
  );
  fc.assert(
    fc.property(fc.dictionary(aName, fc.string()), (variables) => {
      const object = shown(variables);
      for (const [name, text] of variablesOf(Object.entries(variables))) {
        if (quantityOf(name)?.kind === 'number') expect([null, Number(text)]).toContain(object[name]);
        else expect(object[name]).toBe(text);
      }
    }),
  );
});

const BEFORE = { 'ups.status': 'OL', 'battery.charge': '100', 'ups.load': '20', 'input.voltage': '230', 'ups.id': 'x' };

test.each([
  ['the load', { 'ups.load': '21' }, 'later'],
  ['a voltage and the load', { 'ups.load': '21', 'input.voltage': '229' }, 'later'],
  ['the charge', { 'battery.charge': '99' }, 'now'],
  ['the status', { 'ups.status': 'OB' }, 'now'],
  ['a text, with a measurement', { 'ups.id': 'y', 'ups.load': '3' }, 'now'],
  ['a new variable', { 'ups.temperature': '3' }, 'now'],
  ['nothing', {}, 'none'],
] as const)('%s changes: %s goes out %s', (_what, change, when) => {
  expect(urgency(deviceOf(BEFORE), deviceOf({ ...BEFORE, ...change }))).toBe(when);
});

test('a variable that another one takes the place of goes out at once', () => {
  const { 'ups.load': _, ...others } = BEFORE;
  expect(urgency(deviceOf(BEFORE), deviceOf({ ...others, 'ups.temperature': '3' }))).toBe('now');
  expect(urgency(deviceOf(BEFORE), deviceOf(others))).toBe('now');
});

test('a device that is new goes out at once; the same one not at all', () => {
  const device = deviceOf(BEFORE);
  expect(urgency(undefined, device)).toBe('now');
  expect(urgency(device, { ...device })).toBe('none');
});
