import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChargePoint } from '../../domain/power.ts';
import { asInstant } from '../../domain/time.ts';
import { drainOf } from './drain.ts';
import { lineThrough } from './line.ts';

const points = (...all: readonly (readonly [second: number, charge: number])[]): readonly ChargePoint[] =>
  all.map(([second, charge]) => ({ at: asInstant(second * 1000), charge }));

test.each([
  { when: 'nothing was seen', charges: points(), now: 100 },
  { when: 'one point was seen', charges: points([0, 100]), now: 100 },
  { when: 'a minute has not passed', charges: points([0, 100], [59, 90]), now: 59 },
  { when: 'a minute has passed', charges: points([0, 100], [30, 95], [60, 90]), now: 60, rate: 10 },
  { when: 'less than two points were lost', charges: points([0, 100], [60, 98.5]), now: 60 },
  { when: 'just two points were lost', charges: points([0, 100], [60, 98]), now: 60, rate: 2 },
  { when: 'it neither falls nor rises', charges: points([0, 90], [60, 85], [120, 91], [180, 88]), now: 180 },
  { when: 'it rises', charges: points([0, 90], [60, 95]), now: 60 },
  {
    when: 'it rises but for the last point',
    charges: points([0, 90], [30, 99], [60, 100], [61, 88]),
    now: 61,
  },
])('the drain when $when', ({ charges, now, rate }) => {
  const drain = drainOf(charges, asInstant(now * 1000));
  if (rate === undefined) expect(drain).toBeUndefined();
  else expect(drain).toBeCloseTo(rate);
});

test('a steady fall is measured as it is, wherever it begins and however whole its points are', () => {
  const falls = fc.record({
    from: fc.integer({ min: 60, max: 100 }),
    rate: fc.double({ min: 1, max: 20, noNaN: true }),
    begin: fc.integer({ min: 0, max: 1e9 }),
  });
  fc.assert(
    fc.property(falls, ({ from, rate, begin }) => {
      const seconds = [0, 30, 60, 90, 120, 150];
      const charges = points(...seconds.map((second) => [begin + second, from - (rate * second) / 60] as const));
      const drain = drainOf(charges, asInstant((begin + 150) * 1000));
      expect(drain).toBeCloseTo(rate, 3);
    }),
    { seed: 1 },
  );
});

describe('a line', () => {
  test('through one point is level and explains nothing', () => {
    const line = lineThrough([[3, 7]]);
    expect([line.slope, line.at(100), line.fit]).toEqual([0, 7, 0]);
  });
  test('through points of one height is level', () => {
    const line = lineThrough([
      [0, 5],
      [1, 5],
    ]);
    expect([line.slope, line.at(9), line.fit]).toEqual([0, 5, 0]);
  });
  test('through points above each other is level, at their mean, and explains nothing', () => {
    const line = lineThrough([
      [3, 1],
      [3, 9],
    ]);
    expect([line.slope, line.at(100), line.fit]).toEqual([0, 5, 0]);
  });
  test('between points that do not lie on it explains part of them', () => {
    const line = lineThrough([
      [0, 0],
      [1, 2],
      [2, 1],
      [3, 3],
    ]);
    expect(line.slope).toBeCloseTo(0.8);
    expect(line.at(0)).toBeCloseTo(0.3);
    expect(line.fit).toBeCloseTo(0.64);
  });
});
