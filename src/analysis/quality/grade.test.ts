import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QualityHour } from '../../domain/quality.ts';
import { gridOf, gridQuality } from './grade.ts';

const HOUR = 3_600_000;
const hour = (number: number, more: Partial<QualityHour> = {}): QualityHour => ({
  hour: number,
  observedMs: HOUR,
  outsideMs: 0,
  events: 0,
  interruptions: 0,
  ...more,
});

test.each([
  ['nothing happened', {}, 100, 'A'],
  ['two events', { events: 2 }, 92, 'A'],
  ['one interruption', { interruptions: 1 }, 90, 'A'],
  ['three events', { events: 3 }, 88, 'B'],
  ['75 is the last B', { interruptions: 1, events: 3, outsideMs: 0.0025 * HOUR }, 75, 'B'],
  ['two interruptions and two events', { interruptions: 2, events: 2 }, 72, 'C'],
  ['a hundredth of the time', { outsideMs: HOUR / 100 }, 88, 'B'],
  ['events cost at most 40', { events: 1000 }, 60, 'C'],
  ['2.5 % of the time and an interruption', { outsideMs: HOUR / 40, interruptions: 1 }, 60, 'C'],
  ['5 % of the time', { outsideMs: HOUR / 20 }, 40, 'D'],
  ['time costs at most 60', { outsideMs: HOUR }, 40, 'D'],
  ['all the time, and it began', { outsideMs: HOUR, events: 1 }, 36, 'E'],
  ['everything', { outsideMs: HOUR, interruptions: 100 }, 0, 'E'],
] as const)('%s', (_, more, score, grade) => {
  expect(gridQuality(hour(1, more))).toMatchObject({ score, grade });
});

test('a second less than an hour is no grade', () => {
  expect(gridQuality(hour(1, { observedMs: HOUR - 1000 }))).toBeUndefined();
});

test('events are those of a day', () => {
  const score = (days: number) => gridQuality(hour(1, { observedMs: days * 24 * HOUR, events: 7 }))?.score;
  expect([score(1), score(7)]).toEqual([72, 96]);
});

test('the day is the last 24 hours, the present one included', () => {
  const memory = { samples: [], waiting: {}, excursions: {}, hour: hour(100) };
  const { day, week } = gridOf({ ...memory, hours: [hour(76, { events: 5 }), hour(77, { events: 1 })] });
  expect([day?.events, day?.observedMs, week?.events]).toEqual([1, 2 * HOUR, 6]);
  const later = gridOf({ ...memory, hours: [hour(75, { events: 5 }), hour(76, { events: 1 })] });
  expect([later.day?.observedMs, later.week?.events]).toEqual([HOUR, 6]);
});

test('everything that happened in the hours adds up', () => {
  const memory = { samples: [], waiting: {}, excursions: {} };
  const past = { outsideMs: 3000, events: 3, interruptions: 1 };
  const { day, week } = gridOf({ ...memory, hours: [hour(10, past), hour(99, past)], hour: hour(100, past) });
  expect(day).toMatchObject({ observedMs: 2 * HOUR, outsideMs: 6000, events: 6, interruptions: 2 });
  expect(week).toMatchObject({ observedMs: 3 * HOUR, outsideMs: 9000, events: 9, interruptions: 3 });
});

test('a stretch without a grade has none', () => {
  const empty = hour(100, { observedMs: 0 });
  const memory = { samples: [], waiting: {}, excursions: {}, hour: empty };
  expect(gridOf({ ...memory, hours: [] })).toStrictEqual({});
  expect(Object.keys(gridOf({ ...memory, hours: [hour(10)] }))).toEqual(['week']);
});

test('worse is never better', () => {
  const hours = fc.record({ outsideMs: fc.nat(HOUR), events: fc.nat(20), interruptions: fc.nat(20) });
  fc.assert(
    fc.property(hours, hours, (one, more) => {
      const worse = {
        outsideMs: Math.min(HOUR, one.outsideMs + more.outsideMs),
        events: one.events + more.events,
        interruptions: one.interruptions + more.interruptions,
      };
      expect(gridQuality(hour(1, worse))?.score).toBeLessThanOrEqual(gridQuality(hour(1, one))?.score ?? 0);
    }),
    { seed: 1 },
  );
});
