import { describe, expect, test } from 'vitest';
import { stampAt } from '../../../tests/kit/battery.ts';
import { Line } from '../../../tests/kit/quality.ts';
import { WALL } from '../../../tests/kit/story.ts';
import type { Quality } from '../../domain/quality.ts';
import { asInstant } from '../../domain/time.ts';
import { restoredQuality } from './follow.ts';

describe('restored', () => {
  const kept = (): Quality => {
    const line = new Line().volts(0, 41, 200).reads(41, { 'input.frequency': '50', 'ups.load': '50' }, 'OL BOOST');
    return line.volts(42, 50, 200).quality;
  };

  test('after a restart moments mean what they meant', () => {
    const set = { ...stampAt(100), wall: WALL + 1_000_000 };
    expect(restoredQuality(kept(), asInstant(55_000), 'same', set).voltage?.since).toBe(0);
    const quality = restoredQuality(kept(), asInstant(55_000), 'same', stampAt(100));
    expect(quality.voltage).toEqual({ state: 'low', since: 0, sinceWall: WALL });
    expect(quality.memory).toMatchObject({ waiting: {}, excursions: {}, paused: true });
    expect(quality.memory.stretch).toBeUndefined();
    expect(quality.counters.sags).toEqual({ count: 2, totalMs: 54_000, longestMs: 41_000 });
    expect(quality.memory.due).toBe(3_600_000);
  });

  test('after a reboot they are reckoned from the wall clock', () => {
    const stamp = { at: asInstant(9000), wall: WALL + 100_000 };
    const quality = restoredQuality(kept(), asInstant(55_000), 'new', stamp);
    expect(quality.voltage).toEqual({ state: 'low', since: -91_000, sinceWall: WALL });
    expect(quality.avr?.since).toBe(-91_000 + 42_000);
    expect(quality.frequency?.since).toBe(-91_000 + 41_000);
    expect(quality.bypass?.since).toBe(-91_000);
    expect(quality.overload?.since).toBe(-91_000);
  });

  test('a wall clock that was set back puts nothing into the future', () => {
    const stamp = { at: asInstant(9000), wall: WALL - 100_000 };
    expect(restoredQuality(kept(), asInstant(55_000), 'new', stamp).voltage?.since).toBe(9000);
  });

  test('it is plain data', () => {
    expect(JSON.parse(JSON.stringify(kept()))).toEqual(kept());
  });
});
