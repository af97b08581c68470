import { describe, expect, test } from 'vitest';
import { Line, type Said } from '../../../tests/kit/quality.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { isPending } from './follow.ts';

describe('frequency', () => {
  const hertz = (line: Line, from: number, to: number, value: number): Line => {
    for (let at = from; at < to; at += 1) line.reads(at, { 'input.frequency': `${value}` });
    return line;
  };

  test.each([
    ['tight', 49.4, 'low'],
    ['tight', 49.5, 'normal'],
    ['normal', 51.1, 'high'],
    ['normal', 51, 'normal'],
    ['loose', 47.9, 'low'],
    ['loose', 48, 'normal'],
  ] as const)('preset %s at %d Hz', (preset, value, state) => {
    expect(hertz(hertz(new Line({}, preset), 0, 5, 50), 5, 40, value).quality.frequency?.state).toBe(state);
  });

  test('is told after 30 s, counted at once, and back well inside the band', () => {
    const line = hertz(hertz(new Line(), 0, 10, 50), 10, 41, 48.5);
    expect(line.facts).toEqual([
      {
        type: 'frequency_off',
        level: 'warning',
        text: 'mains frequency below 49 Hz for 30 s: 48.5 Hz, 3 % off its nominal 50 Hz',
        details: { frequency: 48.5, nominal: 50, low: 49, high: 51, state: 'low' },
      },
    ]);
    expect(hertz(line, 41, 60, 49.1).told).toEqual(['frequency_off']);
    expect(hertz(line, 60, 65, 50).told).toEqual(['frequency_off']);
    expect(hertz(line, 65, 66, 50).facts[1]).toEqual({
      type: 'frequency_normal',
      level: 'notice',
      text: 'mains frequency back in its band at 50 Hz, after 50 s low',
      details: { frequency: 50, nominal: 50, low: 49, high: 51, state: 'normal', lasted: 50 },
    });
    expect(line.quality.counters.frequencyDeviations).toEqual({ count: 1, totalMs: 50_000, longestMs: 50_000 });
  });

  test('high is told as such, also where it is the first that is seen', () => {
    const line = hertz(new Line({ 'input.frequency.nominal': '60' }), 0, 31, 61.5);
    expect(line.facts[0]?.text).toBe('mains frequency above 61.2 Hz for 30 s: 61.5 Hz, 2.5 % off its nominal 60 Hz');
  });

  test('the first normal frequency is normal at once and no news', () => {
    const { quality, told } = hertz(new Line(), 3, 4, 50);
    expect(quality.frequency).toEqual({ state: 'normal', since: 3000, sinceWall: WALL + 3000 });
    expect(told).toEqual([]);
  });

  test.each([
    [39.9, 'normal'],
    [40, 'low'],
    [70, 'high'],
    [70.1, 'normal'],
    [599, 'normal'],
  ])('of %d Hz, which mains may not have, is judged %s', (value, state) => {
    expect(hertz(hertz(new Line(), 0, 5, 50), 5, 40, value).quality.frequency?.state).toBe(state);
  });

  test('is not judged beside an unknown nominal one', () => {
    expect(hertz(new Line(), 0, 60, 55).quality.frequency).toBeUndefined();
  });

  test('that is no longer said stays what it was', () => {
    const line = hertz(hertz(new Line(), 0, 5, 50), 5, 40, 45);
    for (let at = 40; at < 60; at += 1) line.reads(at, {});
    expect([line.quality.frequency?.state, line.told]).toEqual(['low', ['frequency_off']]);
  });

  test('that is off counts until the mains are gone', () => {
    const line = hertz(hertz(new Line(), 0, 5, 50), 5, 15, 45)
      .reads(15, {}, 'OB')
      .reads(60, {}, 'OB');
    expect(line.quality.counters.frequencyDeviations).toEqual({ count: 1, totalMs: 10_000, longestMs: 10_000 });
    expect(isPending(line.quality)).toBe(false);
  });

  test('is held on battery and where it is none', () => {
    const line = hertz(new Line(), 0, 10, 50);
    hertz(line, 10, 20, 45).reads(20, { 'input.frequency': '0' }).reads(60, { 'input.frequency': '45' }, 'OB');
    expect(line.quality.frequency?.state).toBe('normal');
    expect(line.quality.counters.frequencyDeviations.totalMs).toBe(10_000);
    expect(line.told).toEqual([]);
  });

  test.each([
    ['what the device says', [{ 'input.frequency.nominal': '50.0', 'input.frequency': '59.9' }], 50, 'device'],
    ['what is measured', [{ 'input.frequency': '59.5' }], 60, 'measured'],
    ['the first that is measured', [{ 'input.frequency': '59.5' }, { 'input.frequency': '50' }], 60, 'measured'],
    [
      'what the device says later',
      [{ 'input.frequency': '59.5' }, { 'input.frequency.nominal': '50' }, {}],
      50,
      'device',
    ],
    ['not one between', [{ 'input.frequency': '55' }, { 'input.frequency': '50.2' }], 50, 'measured'],
    ['an absurd word is none', [{ 'input.frequency.nominal': '400', 'input.frequency': '50.2' }], 50, 'measured'],
  ])('nominal: %s', (_, readings: readonly Said[], value, from) => {
    const line = new Line();
    readings.forEach((said, at) => {
      line.reads(at, said);
    });
    expect(line.quality.nominal.frequency).toEqual({ value, from });
  });

  test.each([
    ['2 Hz off is measured', { 'input.frequency': '52' }],
    ['5 Hz off is said', { 'input.frequency.nominal': '55' }],
  ])('nominal: none where one that is %s', (_, said) => {
    expect(new Line({}).reads(0, said).quality.nominal.frequency).toBeUndefined();
  });
});
