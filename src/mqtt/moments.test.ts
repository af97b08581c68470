import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asInstant } from '../domain/time.ts';
import { dayText, Moments, secondsOf } from './moments.ts';

const WALL = Date.UTC(2026, 0, 1, 12);

const following = (at: number, wall: number): Moments => {
  const moments = new Moments();
  moments.follow({ at: asInstant(at), wall });
  return moments;
};

test('a moment is wall time: to the second where it is known, to ten seconds where it is estimated', () => {
  const moments = following(1000, WALL + 1000);
  expect(moments.known(asInstant(4400))).toBe('2026-01-01T12:00:04.000Z');
  expect(moments.estimated(asInstant(4400), 'one')).toBe('2026-01-01T12:00:00.000Z');
  expect(moments.estimated(asInstant(5000), 'other')).toBe('2026-01-01T12:00:10.000Z');
});

test('the same moment is the same text, however the clocks jitter', () => {
  const jitter = fc.array(fc.integer({ min: -900, max: 900 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.nat(10_000_000), jitter, (at, offsets) => {
      const moments = following(0, WALL);
      const [known, estimated] = [moments.known(asInstant(at)), moments.estimated(asInstant(at), 'a')];
      for (const [index, offset] of offsets.entries()) {
        moments.follow({ at: asInstant(index * 1000), wall: WALL + index * 1000 + offset });
        expect([moments.known(asInstant(at)), moments.estimated(asInstant(at), 'a')]).toEqual([known, estimated]);
      }
    }),
    { seed: 1 },
  );
});

test('an estimate stays where it was shown until it is ten seconds from there', () => {
  const moments = following(0, WALL);
  const shown = [14_900, 15_100, 19_900, 20_100].map((at) => moments.estimated(asInstant(at), 'rack/charge_below'));
  const [ten, twenty] = ['2026-01-01T12:00:10.000Z', '2026-01-01T12:00:20.000Z'];
  expect(shown).toEqual([ten, ten, ten, twenty]);
  expect(moments.estimated(asInstant(14_900), 'rack/dead')).toBe(ten);
});

test('a wall clock that is set is followed', () => {
  const moments = following(0, 0);
  moments.follow({ at: asInstant(5000), wall: WALL });
  expect(moments.known(asInstant(6000))).toBe('2026-01-01T12:00:01.000Z');
});

test('days and spans', () => {
  expect(dayText(Date.UTC(2027, 1, 3, 23, 59))).toBe('2027-02-03');
  expect([0, 499, 500, 61_000].map(secondsOf)).toEqual([0, 0, 1, 61]);
});
