import { expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { commandsSchema, conditionSchema, triggersSchema } from './schema.ts';

test('without a block the default list holds; given, it is replaced', () => {
  expect(commandsSchema.parse(undefined)).toEqual({ allow: DEFAULT_ALLOW });
  expect(commandsSchema.parse({})).toEqual({ allow: DEFAULT_ALLOW });
  expect(commandsSchema.parse({ allow: ['load.*'] })).toEqual({ allow: ['load.*'] });
  expect(commandsSchema.parse({ allow: [] })).toEqual({ allow: [] });
});

test.each([[['a b']], [['']], [['x'.repeat(129)]], ['beeper.*'], [[1]]])('%j is refused', (allow) => {
  expect(commandsSchema.safeParse({ allow }).success).toBe(false);
});

test.each([
  ['settle', ['0s', '120s'], ['121s', 10]],
  ['hold', ['1s', '60s'], ['999ms', '61s']],
  ['mains_hold', ['1s', '5m'], ['0s', '6m', 'off']],
  ['low_battery', [true, false], ['off']],
  ['charge_below', [1, 95, 20.5, 'off'], [0, 96, '20', 'auto']],
  ['runtime_below', ['10s', '24h', 'auto', 'off'], ['9s', '25h', 300]],
  ['depletion', ['off', {}, { rate: 0.1 }, { rate: 100, over: '10m' }], [15, { rate: 0 }, { over: '29s' }, { rte: 1 }]],
  ['on_battery_for', ['1s', '24h', 'auto', 'off'], ['0s', 'never']],
  ['dead_after', ['5s', '10m', 'auto'], ['4s', '11m', 'off']],
  ['after_failed_test', ['10s', '24h', 'off'], ['9s', 'auto']],
])('the bounds of %s', (key, good, bad) => {
  for (const value of good) expect(triggersSchema.safeParse({ [key]: value }).success, String(value)).toBe(true);
  for (const value of bad) expect(triggersSchema.safeParse({ [key]: value }).success, String(value)).toBe(false);
});

test('a condition of a stage says something', () => {
  expect(conditionSchema.safeParse({}).success).toBe(false);
  expect(conditionSchema.parse({ charge_below: 40 })).toEqual({ chargeBelow: 40 });
  expect(conditionSchema.parse({ on_battery_for: '3m', runtime_below: '5m' })).toEqual({
    onBatteryFor: 180_000,
    runtimeBelow: 300_000,
  });
});
