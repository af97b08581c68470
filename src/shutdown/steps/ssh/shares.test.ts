import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../../domain/time.ts';
import { firstShare, timeForActions } from './shares.ts';

test.each([
  [6, 4],
  [120, 80],
  [180, 120],
  [600, 540],
])('of %i s, %i s are for the actions', (deadline, actions) => {
  expect(timeForActions(seconds(deadline))).toBeCloseTo(actions * 1000);
});

describe('the share of the first', () => {
  test.each<[string, number, readonly number[], number]>([
    ['one alone', 90, [0], 90],
    ['half of what is over', 90, [0, 0], 45],
    ['the wait before that', 90, [60, 0, 10], 70],
    ['the wait of others is not touched', 90, [0, 60], 15],
    ['too little for the waits', 30, [60, 30], 20],
    ['too little, and no wait of its own', 30, [0, 60], 0],
    ['nothing is left', 0, [0, 0], 0],
    ['less than nothing is left', -5, [60, 30], 0],
    ['less than nothing is left, and nothing waits', -5, [0], 0],
  ])('%s', (_, left, waits, share) => {
    expect(firstShare(left, waits)).toBe(share);
  });

  test('all that hang together end in time, and each that waits has had some', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 3_600_000 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(waits, fc.integer({ min: 0, max: 7_200_000 }), (all, whole) => {
        let left = whole;
        for (const [index] of all.entries()) {
          const share = firstShare(left, all.slice(index));
          expect(share).toBeGreaterThanOrEqual(0);
          left -= share;
        }
        expect(left).toBeGreaterThanOrEqual(0);
      }),
      { seed: 1 },
    );
  });
});
