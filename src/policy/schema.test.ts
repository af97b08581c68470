import { expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { commandsSchema, conditionSchema, groupKeys, triggersSchema } from './schema.ts';

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

test('the triggers of a group are those that it gives, by our names', () => {
  const given = {
    settle: '20s',
    hold: '10s',
    low_battery: false,
    charge_below: 30,
    runtime_below: '10m',
    depletion: { rate: 5 },
    on_battery_for: '1h',
    dead_after: '30s',
    after_failed_test: '2m',
  };
  expect(groupKeys.triggers.parse(given)).toEqual({
    settle: 20_000,
    hold: 10_000,
    lowBattery: false,
    chargeBelow: 30,
    runtimeBelow: 600_000,
    depletion: { perMinute: 5, over: 90_000 },
    onBatteryFor: 3_600_000,
    deadAfter: 30_000,
    afterFailedTest: 120_000,
  });
  expect(groupKeys.triggers.parse({ charge_below: 'off' })).toEqual({ chargeBelow: 'off' });
  expect(groupKeys.triggers.parse(undefined)).toEqual({});
});

test('a group names each of its feeds once', () => {
  expect(groupKeys.feeds.parse(['a', 'b'])).toEqual(['a', 'b']);
  for (const feeds of [[], ['a', 'b', 'a']]) expect(groupKeys.feeds.safeParse(feeds).success).toBe(false);
});
