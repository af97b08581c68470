import { describe, expect, test } from 'vitest';
import { stampAt } from '../../../tests/kit/battery.ts';
import { began, ended, Line } from '../../../tests/kit/quality.ts';
import { NO_QUALITY, type Quality } from '../../domain/quality.ts';
import { asInstant } from '../../domain/time.ts';
import { isPending, pauseQuality, restoredQuality, tickQuality } from './follow.ts';

describe('grade', () => {
  test('absent until an hour has been observed, then brought up to date every ten minutes', () => {
    const line = new Line().volts(0, 11, 230);
    expect(line.ticks(11, 3000).quality.grid).toStrictEqual({});
    const graded = line.ticks(3001, 3600).quality;
    expect(graded.grid.day).toEqual({
      grade: 'A',
      score: 100,
      observedMs: 3_600_000,
      outsideMs: 0,
      events: 0,
      interruptions: 0,
    });
    expect(graded.grid.week).toEqual(graded.grid.day);
  });

  test('an outage costs its time and an event', () => {
    const line = new Line().volts(0, 10, 230).ticks(10, 7199).reads(7200, {}, 'OB', began).ticks(7201, 7559);
    line.reads(7560, { 'input.voltage': '230' }, 'OL', ended(360)).ticks(7561, 7800);
    // 360 s of 7560 s are 4.8 %, which is 57 points.
    expect(line.quality.grid.day).toMatchObject({ grade: 'E', score: 33, outsideMs: 360_000, interruptions: 1 });
  });

  test('the mains are back with the first reading that has them, not when the outage has ended', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB', began).reads(40, { 'input.voltage': '230' });
    line.reads(45, { 'input.voltage': '230' }, 'OL', ended(35)).reads(50, {}, 'OB');
    expect(line.quality.memory.hour).toMatchObject({ observedMs: 50_000, outsideMs: 30_000 });
  });

  test('sags cost both, swells and frequency too', () => {
    const line = new Line().volts(0, 10, 230).ticks(10, 3599).volts(3600, 3610, 200).volts(3610, 3611, 230);
    line.reads(3611, { 'input.voltage': '230', 'input.frequency': '50' });
    line.reads(3612, { 'input.voltage': '230', 'input.frequency': '45' });
    line.reads(3622, { 'input.voltage': '230', 'input.frequency': '50' });
    expect(line.quality.grid.day).toMatchObject({ events: 2, outsideMs: 20_000, grade: 'B', score: 85 });
  });

  test('a device that measures no voltage on mains has no grade', () => {
    const line = new Line({}).reads(0, {}, 'OB', began).ticks(1, 8000);
    expect([line.quality.grid, line.quality.memory.hour.observedMs]).toEqual([{}, 0]);
  });

  test('time in which nothing was heard does not count', () => {
    const line = new Line().volts(0, 10, 230).ticks(10, 3600);
    line.quality = pauseQuality(line.quality, asInstant(3_601_000));
    expect(isPending(line.quality)).toBe(true);
    line.ticks(3602, 9000).volts(9000, 9010, 230).ticks(9010, 9600);
    expect(line.quality.grid.day?.observedMs).toBe(4_201_000);
    expect(isPending(line.quality)).toBe(false);
  });

  test('a tick that is late counts for no more than it was to come', () => {
    const line = new Line().volts(0, 10, 230);
    line.quality = tickQuality(line.quality, stampAt(3000));
    expect(line.quality.memory.hour.observedMs).toBe(603_000);
  });

  test('a grade goes when its hours are too old, and then nothing is due', () => {
    const line = new Line().volts(0, 10, 230).ticks(10, 3700);
    line.quality = pauseQuality(line.quality, asInstant(3_700_000));
    const hour = (count: number): Quality => {
      for (let at = 1; at <= count; at += 1) line.quality = tickQuality(line.quality, stampAt(3600 + at * 3600));
      return line.quality;
    };
    expect(Object.keys(hour(22).grid)).toEqual(['day', 'week']);
    expect(Object.keys(hour(25).grid)).toEqual(['week']);
    expect(hour(200).memory).toMatchObject({ hours: [] });
    expect(line.quality.grid).toEqual({});
    expect(line.quality.memory.due).toBeUndefined();
  });
});

describe('nothing new', () => {
  test('the same reading and an idle tick give back the very same quality', () => {
    const line = new Line().volts(0, 20, 230);
    const { quality } = line;
    expect(line.volts(20, 30, 230).quality).toBe(quality);
    expect(line.volts(30, 31, 232).quality).toBe(quality);
    expect(line.ticks(31, 599).quality).toBe(quality);
    expect(line.ticks(600, 600).quality).not.toBe(quality);
  });

  test('nothing heard, nothing to pause, to restore or to wait for', () => {
    expect(pauseQuality(NO_QUALITY, asInstant(1))).toBe(NO_QUALITY);
    expect(restoredQuality(NO_QUALITY, asInstant(1), 'new', stampAt(2))).toBe(NO_QUALITY);
    expect(tickQuality(NO_QUALITY, stampAt(1))).toBe(NO_QUALITY);
    expect(isPending(NO_QUALITY)).toBe(false);
    const paused = pauseQuality(new Line().volts(0, 20, 230).quality, asInstant(30_000));
    expect(pauseQuality(paused, asInstant(40_000))).toBe(paused);
  });

  test.each([
    ['samples are few', () => new Line().volts(0, 9, 230), true],
    ['samples are enough', () => new Line().volts(0, 10, 230), false],
    ['the voltage has to last', () => new Line().volts(0, 10, 230).volts(10, 11, 200), true],
    [
      'the frequency has to last',
      () => new Line({}).reads(0, { 'input.frequency.nominal': '50', 'input.frequency': '45' }),
      true,
    ],
    ['an overload has to last', () => new Line({}).reads(0, {}, 'OL OVER'), true],
  ])('pending: %s', (_, line, pending) => {
    expect(isPending(line().quality)).toBe(pending);
  });
});
