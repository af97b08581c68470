import { describe, expect, test } from 'vitest';
import { readAt } from '../../../tests/kit/battery.ts';
import { type Battery, NO_BATTERY } from '../../domain/battery.ts';
import { runtimeTerm, withRuntime } from './runtime.ts';

const full = (load: number, runtime: number, charge = 100) =>
  readAt(0, 'OL', { 'battery.charge': charge, 'battery.runtime': runtime, 'ups.load': load });

const learned = (load: number, runtime: number, times: number, from: Battery = NO_BATTERY): Battery =>
  Array.from({ length: times }).reduce<Battery>((battery) => withRuntime(battery, full(load, runtime)), from);

test.each([
  { when: 'the battery is not full', reading: full(20, 1000, 98.9) },
  { when: 'the runtime is none', reading: full(20, 0) },
  { when: 'the load is too small', reading: full(1.9, 1000) },
  { when: 'nothing is told', reading: readAt(0, 'OL') },
  { when: 'the charge is not told', reading: readAt(0, 'OL', { 'battery.runtime': 1000, 'ups.load': 20 }) },
  { when: 'the runtime is not told', reading: readAt(0, 'OL', { 'battery.charge': 100, 'ups.load': 20 }) },
  { when: 'the load is not told', reading: readAt(0, 'OL', { 'battery.charge': 100, 'battery.runtime': 1000 }) },
])('nothing is learned when $when', ({ reading }) => {
  expect(withRuntime(NO_BATTERY, reading)).toBe(NO_BATTERY);
});

test.each([
  { when: 'the battery is nearly full', reading: full(20, 1000, 99) },
  { when: 'the load is small', reading: full(2, 1000) },
])('it is learned when $when', ({ reading }) => {
  expect(withRuntime(NO_BATTERY, reading).runtimes).toMatchObject([{ first: 1000, samples: 1 }]);
});

test('it is not judged before the tenth sample', () => {
  expect(runtimeTerm(NO_BATTERY)).toBeUndefined();
  expect(runtimeTerm(learned(20, 1000, 9))).toBeUndefined();
  expect(runtimeTerm(learned(20, 1000, 10))).toBe(100);
});

test('a runtime that has halved at the same load comes to half', () => {
  expect(runtimeTerm(learned(20, 500, 40, learned(20, 1000, 10)))).toBe(50);
});

test('a longer runtime is no more than whole', () => {
  expect(runtimeTerm(learned(20, 2000, 40, learned(20, 1000, 10)))).toBe(100);
});

test('the first few samples together are the reference', () => {
  const battery = [1000, 1200, 1000, 1200, 1100].reduce<Battery>(
    (before, runtime) => withRuntime(before, full(20, runtime)),
    NO_BATTERY,
  );
  expect(battery.runtimes).toEqual([{ load: 20, first: 1100, now: 1100, samples: 5 }]);
  expect(withRuntime(battery, full(20, 1500)).runtimes).toEqual([{ load: 20, first: 1100, now: 1200, samples: 6 }]);
});

describe('a change of load is no ageing', () => {
  const rested = () => learned(20, 3000, 10);
  test('within the same load the runtime is made good for it', () => {
    expect(runtimeTerm(learned(24, 2500, 40, rested()))).toBe(100);
  });
  test('another load is learned by itself', () => {
    const doubled = learned(40, 1300, 5, rested());
    expect(doubled.runtimes?.map(({ load }) => load)).toEqual([40, 20]);
    expect(runtimeTerm(doubled)).toBe(100);
  });
  test.each([
    { first: 40, second: 51 },
    { first: 51, second: 40 },
  ])('the nearest of two loads is taken, $first met before $second', ({ first, second }) => {
    const two = withRuntime(withRuntime(NO_BATTERY, full(first, 1000)), full(second, 1000));
    expect(withRuntime(two, full(47, 850)).runtimes?.map(({ load, samples }) => [load, samples])).toEqual([
      [51, 2],
      [40, 1],
    ]);
  });
  test('ten points apart is the same load, more is not', () => {
    const known = withRuntime(NO_BATTERY, full(60, 1000));
    expect(withRuntime(known, full(70, 850)).runtimes).toHaveLength(1);
    expect(withRuntime(known, full(70.1, 850)).runtimes).toHaveLength(2);
  });
});

test('the loads are bounded', () => {
  const loads = Array.from({ length: 30 }, (_, index) => 3 * 1.3 ** index).filter((load) => load < 200);
  const battery = loads.reduce<Battery>((before, load) => withRuntime(before, full(load, 1000)), NO_BATTERY);
  expect(loads.length).toBeGreaterThan(12);
  expect(battery.runtimes).toHaveLength(12);
  expect(battery.runtimes?.[0]?.load).toBe(loads.at(-1));
});

test('a reference of nothing judges nothing', () => {
  expect(runtimeTerm({ runtimes: [{ load: 20, first: 0, now: 0, samples: 20 }] })).toBeUndefined();
});
