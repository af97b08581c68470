import { describe, expect, test } from 'vitest';
import { Line } from '../../../tests/kit/quality.ts';
import type { Quality } from '../../domain/quality.ts';

describe('nominal voltage', () => {
  const after = (said: string | undefined, ...volts: readonly (number | string)[]): Quality['nominal']['voltage'] => {
    const line = new Line(said === undefined ? {} : { 'input.voltage.nominal': said });
    volts.forEach((each, at) => {
      line.reads(at, { 'input.voltage': `${each}` });
    });
    return line.quality.nominal.voltage;
  };
  const ten = (volts: number): number[] => Array.from({ length: 10 }, () => volts);

  test.each([
    ['said', '230', [228], { value: 230, from: 'device' }],
    ['said, near a rating', '125', [121], { value: 127, from: 'device' }],
    ['said, near none', '277', [277], { value: 277, from: 'device' }],
    ['said, of no phase', '24', [24], undefined],
    ['not said, too few readings', undefined, ten(121).slice(1), undefined],
    ['not said', undefined, ten(121), { value: 120, from: 'measured' }],
    ['the median counts', undefined, [90, 90, 90, 90, 231, 231, 231, 232, 240, 290], { value: 230, from: 'measured' }],
    ['between two ratings the lower', undefined, ten(235), { value: 230, from: 'measured' }],
    ['readings of nothing do not count', undefined, [0, 'n/a', ...ten(100)], { value: 100, from: 'measured' }],
    ['near no rating', undefined, ten(160), undefined],
    ['near none at first', undefined, [...ten(160), ...ten(231)], { value: 230, from: 'measured' }],
    ['contradicted, not yet sure', '230', [121, 121], undefined],
    ['contradicted', '230', ten(121), { value: 120, from: 'measured' }],
    ['contradicted by no rating', '230', ten(160), { value: 230, from: 'device' }],
    ['not contradicted by sags', '230', ten(180), { value: 230, from: 'device' }],
    ['said, nothing measured', '230', [0], { value: 230, from: 'device' }],
  ])('%s', (_, said, volts, nominal) => {
    expect(after(said, ...volts)).toEqual(nominal);
  });

  test('is kept when the device no longer says it', () => {
    const line = new Line({}).reads(0, { 'input.voltage.nominal': '230', 'input.voltage': '230' });
    expect(line.reads(1, { 'input.voltage': '231' }).quality.nominal.voltage).toEqual({ value: 230, from: 'device' });
  });

  /** The nominal voltage after hours of these readings, four an hour, learned in a sag of 208 V. */
  const afterSag = (hours: number, volts: (hour: number) => number): number | undefined => {
    const line = new Line({}).volts(0, 10, 208);
    for (let quarter = 1; quarter <= hours * 4; quarter += 1) {
      line.reads(quarter * 900, { 'input.voltage': `${volts(quarter / 4)}` });
    }
    return line.quality.nominal.voltage?.value;
  };

  test.each([
    ['is kept for less than a day', 23, () => 231, 208],
    ['gives way to what a day has shown', 24, () => 231, 230],
    ['gives way to the rating that most of the day shows', 24, (hour: number) => (hour % 4 < 2 ? 233 : 222), 230],
    ['is kept where one reading of the day is near it', 30, (hour: number) => (hour === 20 ? 209 : 231), 208],
    ['is kept where the day shows no rating', 30, () => 160, 208],
    ['is kept where the day shows it', 30, () => 209, 208],
  ])('learned in a sag %s', (_, hours, volts, nominal) => {
    expect(afterSag(hours, volts)).toBe(nominal);
  });

  test('learned in a sag is judged by again once it is right', () => {
    const line = new Line({}).volts(0, 10, 208);
    for (let quarter = 1; quarter <= 100; quarter += 1) line.reads(quarter * 900, { 'input.voltage': '231' });
    expect(line.quality.voltage?.state).toBe('normal');
    expect(line.quality.band).toMatchObject({ low: 207, high: 253 });
  });

  test('is not learned on battery', () => {
    const line = new Line({});
    for (let at = 0; at < 20; at += 1) line.reads(at, { 'input.voltage': '230' }, 'OB');
    expect(line.quality.nominal).toEqual({});
  });
});
