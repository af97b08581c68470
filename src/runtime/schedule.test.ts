import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { declared } from '../../tests/kit/settings.ts';
import { createSchedules } from './schedule.ts';

const QUICK = 'test.battery.start.quick';
const tested = (id: string, schedule: string) => declared(id, { selfTest: { schedule, command: QUICK } });

/** Monday, 5 January 2026, in the local time of this machine, so that the test is the same in every zone. */
const MONDAY = new Date(2026, 0, 5, 2, 59, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function schedules(due?: (device: string) => void) {
  const seen: string[] = [];
  const { log, lines } = rememberingLog();
  const made = createSchedules((device) => {
    due?.(device);
    seen.push(device);
  }, log);
  return { made, seen, lines };
}

beforeEach(() => {
  vi.useFakeTimers({ now: MONDAY });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a device is due at each moment of its schedule, in local time, and not at the start', () => {
  const { made, seen } = schedules();
  made.apply([tested('a', '0 3 * * 1'), declared('b')]);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(29_000);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(seen).toEqual(['a']);
  vi.advanceTimersByTime(6 * 24 * HOUR);
  expect(seen).toEqual(['a']);
  vi.advanceTimersByTime(24 * HOUR);
  expect(seen).toEqual(['a', 'a']);
  made.stop();
});

test('a start within the very minute does not make up for it', () => {
  vi.setSystemTime(new Date(2026, 0, 5, 3, 0, 20));
  const { made, seen } = schedules();
  made.apply([tested('a', '0 3 * * 1')]);
  vi.advanceTimersByTime(24 * HOUR);
  expect(seen).toEqual([]);
  made.stop();
});

describe('another configuration', () => {
  test('ends what it no longer has and begins what is new', () => {
    const { made, seen } = schedules();
    made.apply([tested('a', '0 3 * * *'), tested('b', '0 3 * * *'), tested('c', '0 3 * * *')]);
    made.apply([declared('a'), tested('c', '5 3 * * *'), tested('d', '0 3 * * *')]);
    vi.advanceTimersByTime(MINUTE);
    expect(seen).toEqual(['d']);
    vi.advanceTimersByTime(6 * MINUTE);
    expect(seen).toEqual(['d', 'c']);
    made.stop();
  });

  test('that is the same leaves one timer for each device', () => {
    const { made, seen } = schedules();
    const devices = [tested('a', '0 3 * * *'), tested('b', '0 3 * * *')];
    made.apply(devices);
    const count = vi.getTimerCount();
    made.apply(devices);
    expect(vi.getTimerCount()).toBe(count);
    vi.advanceTimersByTime(MINUTE);
    expect(seen).toEqual(['a', 'b']);
    made.stop();
  });
});

test('stopped, nothing is due and nothing is left', () => {
  const { made, seen } = schedules();
  made.apply([tested('a', '* * * * *'), tested('b', '* * * * *')]);
  made.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(HOUR);
  expect(seen).toEqual([]);
});

test.each(['every monday', '0 0 3 * * 1', '99 3 * * *', ''])(
  'the schedule %j is logged and has no timer',
  (schedule) => {
    const { made, seen, lines } = schedules();
    made.apply([tested('a', schedule), tested('b', '0 3 * * *')]);
    expect(lines).toEqual([`warn the schedule ${schedule} cannot be read: no self-test is started by it`]);
    vi.advanceTimersByTime(MINUTE);
    expect(seen).toEqual(['b']);
    made.stop();
  },
);

test('what throws when a device is due is logged, and the next moment comes all the same', () => {
  let throws = true;
  const { made, seen, lines } = schedules(() => {
    if (throws) throw new Error('full');
  });
  made.apply([tested('a', '* * * * *')]);
  vi.advanceTimersByTime(MINUTE);
  expect(seen).toEqual([]);
  throws = false;
  vi.advanceTimersByTime(MINUTE);
  expect(seen).toEqual(['a']);
  made.stop();
  expect(lines).toEqual(['error a scheduled self-test could not be asked for']);
});
