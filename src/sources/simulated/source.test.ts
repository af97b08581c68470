import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../domain/inputs.ts';
import type { Clock, Log } from '../../domain/ports.ts';
import { numberOf, quantityOf } from '../../domain/quantities.ts';
import type { Reading } from '../../domain/reading.ts';
import { asInstant } from '../../domain/time.ts';
import { INVENTORY, instructUnit } from './orders.ts';
import { advance, freshUnit, statusOf } from './physics.ts';
import { simulatedSchema } from './schema.ts';
import { createSimulatedSource } from './source.ts';
import { variablesAt } from './variables.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, room: () => quiet };
const clock: Clock = { now: () => asInstant(performance.now()), wall: () => Date.now() };

/** A source that watches until the test ends, and a way to await what it says. */
function watched(raw: object, deps: { readonly clock?: Clock; readonly random?: () => number } = {}) {
  const source = createSimulatedSource('house', simulatedSchema.parse(raw), { clock, log: quiet, ...deps });
  const heard: Report[] = [];
  const waiting = new Set<() => void>();
  const stop = new AbortController();
  const ended = source.watch((report) => {
    heard.push(report);
    for (const check of waiting) check();
  }, stop.signal);
  const halt = async () => {
    stop.abort();
    await ended;
  };
  onTestFinished(halt);
  const until = <T>(find: (heard: readonly Report[]) => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const check = () => {
        const found = find(heard);
        if (found === undefined) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  return { source, heard, until, halt };
}

const readingsOf = (heard: readonly Report[], device: string): Reading[] =>
  heard.flatMap((report) => (report.kind === 'readings' ? (report.readings.get(device) ?? []) : []));

const lastOf = (heard: readonly Report[], device: string): Reading | undefined => readingsOf(heard, device).at(-1);

test('an empty block is one device named demo, a minute a second', () => {
  expect(simulatedSchema.parse({})).toEqual({ devices: ['demo'], speed: 60, startAt: 7 * 3_600_000 });
  expect(simulatedSchema.safeParse({ start: '25:00' }).success).toBe(false);
  expect(simulatedSchema.safeParse({ speed: 0 }).success).toBe(false);
  expect(simulatedSchema.safeParse({ devices: ['a', 'a'] }).success).toBe(false);
  expect(simulatedSchema.safeParse({ pace: 3 }).success).toBe(false);
  const hundred = Array.from({ length: 100 }, (_, index) => `ups${index}`);
  expect(simulatedSchema.safeParse({ devices: hundred, speed: 360 }).success).toBe(true);
  expect(simulatedSchema.safeParse({ devices: hundred, speed: 361 }).success).toBe(false);
});

test('tells its list, what each device can be told, and readings of all', async () => {
  const { heard, until } = watched({ devices: ['one', 'two'], seed: 1 });
  const reading = await until((all) => lastOf(all, 'two'));
  expect(heard[0]).toMatchObject({ kind: 'listed', devices: [{ name: 'one' }, { name: 'two' }] });
  expect(heard.filter(({ kind }) => kind === 'inventory')).toHaveLength(2);
  expect(reading.flags).toEqual(['OL']);
  expect(reading.variables.get('device.model')).toBe('Simulated 1500');
});

test('every variable has a row, and every number is a plausible one', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(86_399), fc.nat(86_400), (seed, start, later) => {
      const unit = advance(freshUnit({ seed, baseWatts: 230, lag: 0 }, start * 1000), later * 1000).at(-1);
      if (unit === undefined) throw new Error('no course');
      for (const [variable, text] of variablesAt(unit)) {
        const row = quantityOf(variable);
        expect(row, variable).toBeDefined();
        if (row?.kind !== 'number') continue;
        const value = numberOf(text) ?? Number.NaN;
        expect(value, `${variable} ${text}`).toBeGreaterThanOrEqual(row.min ?? Number.NEGATIVE_INFINITY);
        expect(value, `${variable} ${text}`).toBeLessThanOrEqual(row.max ?? Number.POSITIVE_INFINITY);
      }
    }),
    { numRuns: 10 },
  );
});

test('two looks without a step between them share one object', async () => {
  const standing: Clock = { now: () => asInstant(5), wall: () => 0 };
  const { until } = watched({ seed: 1 }, { clock: standing });
  const [first, second] = await until((all) => {
    const readings = readingsOf(all, 'demo');
    return readings.length < 2 ? undefined : readings;
  });
  expect(second?.variables).toBe(first?.variables);
});

test('no change of status is missed, however fast the day runs', async () => {
  let now = 0;
  const leaping: Clock = { now: () => asInstant(now++ * 500), wall: () => 0 };
  const { until } = watched({ seed: 2, speed: 3600, start: '07:05' }, { clock: leaping });
  const seen = await until((all) => {
    const statuses = readingsOf(all, 'demo').map(({ variables }) => variables.get('ups.status') ?? '');
    return statuses.includes('OB DISCHRG LB') ? statuses : undefined;
  });
  for (const status of ['OL BOOST', 'OB DISCHRG', 'OB DISCHRG TEST', 'OL CHRG']) expect(seen).toContain(status);
});

test('the same seed tells the same from the start, another seed another', () => {
  const plate = (seed: number) => variablesAt(freshUnit({ seed, baseWatts: 230, lag: 0 }, 0));
  expect(plate(9)).toEqual(plate(9));
  expect(plate(9).get('device.serial')).not.toBe(plate(8).get('device.serial'));
});

test('without a seed the given randomness makes the day', async () => {
  const { until } = watched({}, { random: () => 0.5 });
  const reading = await until((all) => lastOf(all, 'demo'));
  expect(reading.variables.get('device.serial')).toBe('SIM80000000');
});

test('an order changes what the device says next', async () => {
  const { source, until } = watched({ seed: 3, speed: 1, start: '03:00' });
  const signal = new AbortController().signal;
  const done = { kind: 'done', tracked: true };
  expect(await source.instruct('demo', { kind: 'command', command: 'beeper.mute' }, signal)).toEqual(done);
  expect(await source.instruct('demo', { kind: 'set', variable: 'battery.charge.low', value: '35' }, signal)).toEqual(
    done,
  );
  expect(await source.instruct('demo', { kind: 'command', command: 'test.battery.start.quick' }, signal)).toEqual(done);
  const reading = await until((all) => readingsOf(all, 'demo').find(({ flags }) => flags.includes('TEST')));
  expect(reading.flags).toEqual(['OB', 'DISCHRG', 'TEST']);
  expect(reading.variables.get('ups.beeper.status')).toBe('muted');
  expect(reading.variables.get('battery.charge.low')).toBe('35');
  expect(reading.variables.get('ups.test.result')).toBe('In progress');
  expect(await source.instruct('nobody', { kind: 'command', command: 'load.off' }, signal)).toEqual({
    kind: 'refused',
    code: 'UNKNOWN-UPS',
  });
});

test('it stops when told to, in the middle of its pause', async () => {
  const { heard, until, halt } = watched({ seed: 4 });
  await until((all) => lastOf(all, 'demo'));
  await halt();
  const told = heard.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toHaveLength(told);
});

const unit = freshUnit({ seed: 1, baseWatts: 230, lag: 0 }, 3 * 3_600_000);
const told = (...commands: readonly string[]) =>
  commands.reduce((now, command) => instructUnit(now, { kind: 'command', command }).unit, unit);

test('every command of the inventory is obeyed or refused with a reason, none is unknown', () => {
  for (const { name } of INVENTORY.commands) {
    const { outcome } = instructUnit(unit, { kind: 'command', command: name });
    expect(outcome, name).toEqual({ kind: 'done', tracked: true });
  }
  expect(instructUnit(unit, { kind: 'command', command: 'make.coffee' }).outcome).toEqual({
    kind: 'refused',
    code: 'CMD-NOT-SUPPORTED',
  });
});

test.each([
  ['battery.charge.low', '35', 'done'],
  ['battery.charge.low', '9', 'INVALID-VALUE'],
  ['battery.charge.low', '61', 'INVALID-VALUE'],
  ['battery.charge.low', '2e1', 'INVALID-VALUE'],
  ['input.sensitivity', 'high', 'done'],
  ['input.sensitivity', 'HIGH', 'INVALID-VALUE'],
  ['ups.delay.shutdown', '90', 'done'],
  ['ups.delay.shutdown', '-1', 'INVALID-VALUE'],
  ['ups.id', 'rack', 'done'],
  ['ups.id', 'much too long', 'TOO-LONG'],
  ['battery.charge', '100', 'VAR-NOT-SUPPORTED'],
])('set %s to %s: %s', (variable, value, expected) => {
  const { unit: after, outcome } = instructUnit(unit, { kind: 'set', variable, value });
  if (expected === 'done') {
    expect(outcome.kind).toBe('done');
    expect(variablesAt(after).get(variable)).toBe(value);
  } else {
    expect(outcome).toEqual({ kind: 'refused', code: expected });
    expect(after).toBe(unit);
  }
});

test('load off and on', () => {
  const off = told('load.off');
  expect(statusOf(off)).toBe('OL OFF');
  expect(variablesAt(off).get('ups.load')).toBe('0');
  expect(statusOf(told('load.off', 'load.on'))).toBe('OL');
  expect(Number(variablesAt(told('outlet.1.load.off')).get('ups.realpower'))).toBeLessThan(
    Number(variablesAt(unit).get('ups.realpower')),
  );
});

test('a shutdown with return counts down, goes off and comes back', () => {
  const course = advance(told('shutdown.return'), 120_000);
  expect(variablesAt(told('shutdown.return')).get('ups.timer.shutdown')).toBe('20');
  expect(course.map(statusOf)).toEqual(['OL OFF', 'OL', 'OL']);
  expect(course.map(({ time }) => time - unit.time)).toEqual([20_000, 52_000, 120_000]);
});

test('a shutdown without return stays off, and a called-off one does not happen', () => {
  expect(advance(told('shutdown.stayoff'), 600_000).map(statusOf).at(-1)).toBe('OL OFF');
  expect(advance(told('shutdown.stayoff', 'shutdown.stop'), 600_000).map(statusOf)).toEqual(['OL']);
});

test('a self-test ends by itself with a result, and can be stopped', () => {
  const course = advance(told('test.battery.start.quick'), 120_000);
  expect(statusOf(told('test.battery.start.quick'))).toBe('OB DISCHRG TEST');
  expect(course.at(-1)?.testResult).toBe('Done and passed');
  const stopped = told('test.battery.start.quick', 'test.battery.stop');
  expect(statusOf(stopped)).toBe('OL');
  expect(stopped.testResult).toBe('Aborted');
});

test('no self-test while the mains are out', () => {
  const dark = advance(freshUnit(unit.traits, 11 * 3_600_000), 60_000).at(-1);
  if (dark === undefined) throw new Error('no course');
  expect(instructUnit(dark, { kind: 'command', command: 'test.battery.start.quick' }).outcome).toEqual({
    kind: 'refused',
    code: 'INSTCMD-FAILED',
  });
});
