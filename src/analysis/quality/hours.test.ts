import { expect, test } from 'vitest';
import { NO_QUALITY, type QualityMemory } from '../../domain/quality.ts';
import { asInstant } from '../../domain/time.ts';
import { accounted, observed, rolled, withEvent } from './hours.ts';

const HOUR = 3_600_000;
const EMPTY = NO_QUALITY.memory;
const hoursOf = ({ hours, hour }: QualityMemory): readonly number[] => [...hours, hour].map((each) => each.hour);
const event = (memory: QualityMemory, hour: number): QualityMemory => withEvent(memory, 'events', hour * HOUR);

test('an hour in which nothing was seen leaves nothing behind', () => {
  expect(hoursOf(rolled(rolled(EMPTY, 5 * HOUR), 6 * HOUR))).toEqual([6]);
});

test('an hour in which nothing but an outage began is kept', () => {
  const memory = withEvent(EMPTY, 'interruptions', 5 * HOUR);
  expect(rolled(memory, 6 * HOUR).hours).toEqual([memory.hour]);
});

test('hours of seven days are kept, the present one included', () => {
  let memory = EMPTY;
  for (let hour = 1; hour <= 300; hour += 1) memory = event(memory, hour);
  expect(hoursOf(memory)).toEqual(Array.from({ length: 168 }, (_, each) => 133 + each));
});

test('a wall clock set back goes on in the hour it comes to, and what it puts into the future goes', () => {
  const memory = event(event(event(event(EMPTY, 10), 11), 12), 11);
  expect(hoursOf(memory)).toEqual([10, 11]);
  expect(memory.hour.events).toBe(2);
});

test('time goes to the hour in which it began', () => {
  const at = (ms: number) => ({ at: asInstant(ms), wall: 5 * HOUR + ms });
  const inside = observed(EMPTY, false, at(0));
  const outside = observed(inside, true, at(60_000));
  expect(outside.hour).toMatchObject({ hour: 5, observedMs: 60_000, outsideMs: 0 });
  expect(outside.due).toBe(660_000);
  expect(observed(outside, true, at(61_000))).toBe(outside);
  const ended = observed(outside, undefined, at(100_000));
  expect(ended.hour).toMatchObject({ observedMs: 100_000, outsideMs: 40_000 });
  expect(ended.due).toBe(HOUR);
  expect(accounted(ended, asInstant(200_000))).toBe(ended);
});

test('the last minutes of an hour are brought in as it ends', () => {
  const stamp = { at: asInstant(7), wall: 6 * HOUR - 1000 };
  expect(observed(EMPTY, false, stamp).due).toBe(1007);
});
