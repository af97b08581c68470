import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isReservedId, isSlug, isVariableName, keyOf, slugOf } from './names.ts';

test.each(['a', '0', 'ups', 'rack_a', 'nas-2', 'a'.repeat(63)])('%j is a slug', (text) => {
  expect(isSlug(text)).toBe(true);
});

test.each(['', '_a', '-a', 'A', 'a b', 'a/b', 'a+', 'ä', 'a\n', 'a'.repeat(64)])('%j is no slug', (text) => {
  expect(isSlug(text)).toBe(false);
});

test.each([
  ['ups', 'ups'],
  ['APC Back-UPS 700', 'apc_back-ups_700'],
  ['__x', 'x'],
  ['ИБП', 'ups'],
  ['', 'ups'],
  ['a//b', 'a_b'],
  ['x'.repeat(80), 'x'.repeat(63)],
])('the slug nearest to %j is %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});

test('a slug is made of any name, and a slug stays what it is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })), (name) => {
      const slug = slugOf(name);
      expect(isSlug(slug)).toBe(true);
      expect(slugOf(slug)).toBe(slug);
    }),
  );
});

test('what topics and identifiers use themselves is reserved', () => {
  expect(['bridge', 'group', 'group_', 'group_a'].filter(isReservedId)).toHaveLength(4);
  expect(['bridges', 'bridge_a', 'groups', 'a_group', 'group-a', 'ups'].filter(isReservedId)).toEqual([]);
});

test.each([
  ['battery.charge', 'battery_charge'],
  ['input.L1-N.voltage', 'input_l1_n_voltage'],
  ['outlet.1.current_status', 'outlet_1_current_status'],
  ['a..b__c-.', 'a_b_c'],
])('the key of %s is %s', (variable, key) => {
  expect(keyOf(variable)).toBe(key);
});

test.each(['ups.status', 'input.L1-N.voltage', 'outlet.1.id', 'driver.parameter.port', 'a.b', `a.${'b'.repeat(126)}`])(
  '%s may become a variable',
  (name) => {
    expect(isVariableName(name)).toBe(true);
  },
);

test.each([
  '',
  'ups',
  '.a',
  'a.',
  'a..b',
  '1.a',
  'a.b c',
  'a.b\n',
  "a.b'",
  'a.{{1}}',
  'a/b.c',
  'a.#',
  '__proto__',
  `a.${'b'.repeat(127)}`,
])('%j may not', (name) => {
  expect(isVariableName(name)).toBe(false);
});
