import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from './limits.ts';
import { isVariableName } from './names.ts';
import { readingOf, variablesOf, withStatus } from './reading.ts';
import { asInstant } from './time.ts';

const [ASKED, AT] = [asInstant(10), asInstant(20)];

test.each([
  'driver.parameter.password',
  'driver.parameter.authPassword',
  'driver.parameter.privPassword',
  'driver.parameter.community',
  'driver.parameter.login',
  'driver.parameter.username',
  'driver.parameter.secName',
  'driver.parameter.snmp.secret',
  'driver.parameter.authkey',
  'driver.parameter.PRIVKEY',
  'driver.parameter.access_token',
])('%s ends at the reader', (name) => {
  expect(variablesOf([[name, 'hunter2']]).size).toBe(0);
});

const HARMLESS = ['driver.parameter.port', 'driver.parameter.synchronous', 'ups.start.auto', 'device.contact'];

test.each([...HARMLESS, 'x.driver.parameter.password'])('%s is kept', (name) => {
  expect(variablesOf([[name, 'x']]).get(name)).toBe('x');
});

test('values are trimmed and cut, the last of a name counts, wrong names are dropped', () => {
  const variables = variablesOf([
    ['ups.model', 'Back'],
    ['device.model', '  Back  UPS '],
    ['ups.mfr', 'x'.repeat(1000)],
    ['ups.serial', ''],
    ['no name', 'x'],
    ['plain', 'x'],
    ['ups.model', 'Smart'],
  ]);
  expect(Object.fromEntries(variables)).toEqual({
    'ups.model': 'Smart',
    'device.model': 'Back  UPS',
    'ups.mfr': 'x'.repeat(LIMITS.value),
    'ups.serial': '',
  });
});

test('an endless list ends', () => {
  function* endless(): Generator<readonly [string, string]> {
    for (let count = 0; ; count += 1) yield [`vendor.v${count}`, 'x'];
  }
  expect(variablesOf(endless()).size).toBe(LIMITS.nutList);
});

test('whatever comes, what is kept is within bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.string({ maxLength: 400 }))), (pairs) => {
      for (const [name, value] of variablesOf(pairs)) {
        expect(isVariableName(name)).toBe(true);
        expect(value.length).toBeLessThanOrEqual(LIMITS.value);
      }
    }),
  );
});

test('a reading has the words of its status; a device without one has none', () => {
  expect(readingOf(new Map([['ups.status', 'ol LB']]), ASKED, AT)).toMatchObject({
    asked: 10,
    at: 20,
    flags: ['OL', 'LB'],
  });
  expect(readingOf(new Map(), ASKED, AT).flags).toEqual([]);
});

test('the same status keeps the very same variables and words', () => {
  const first = readingOf(new Map([['ups.status', 'OL']]), ASKED, AT);
  const next = withStatus(first, 'OL', asInstant(30), asInstant(40));
  expect(next.variables).toBe(first.variables);
  expect(next.flags).toBe(first.flags);
  expect(next).toMatchObject({ asked: 30, at: 40 });
});

test('another status carries the other variables, and leaves the reading before as it was', () => {
  const first = readingOf(
    new Map([
      ['ups.status', 'OL'],
      ['ups.load', '20'],
    ]),
    ASKED,
    AT,
  );
  const next = withStatus(first, 'OB LB', asInstant(30), asInstant(40));
  expect(next.flags).toEqual(['OB', 'LB']);
  expect(Object.fromEntries(next.variables)).toEqual({ 'ups.status': 'OB LB', 'ups.load': '20' });
  expect(first.variables.get('ups.status')).toBe('OL');
});
