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
    ['said, just near a rating', '255', [255], { value: 240, from: 'device' }],
    ['said, just near none', '256', [256], { value: 256, from: 'device' }],
    ['said, the least of a phase', '85', [85], { value: 100, from: 'device' }],
    ['said, the most of a phase', '300', [300], { value: 300, from: 'device' }],
    ['said, of no phase', '24', [24], undefined],
    ['said, too little for a phase', '84.9', [85], undefined],
    ['said, too much for a phase', '300.1', [300], undefined],
    ['said, of two phases', '400', [400], undefined],
    ['not said, too few readings', undefined, ten(121).slice(1), undefined],
    ['not said', undefined, ten(121), { value: 120, from: 'measured' }],
    ['the median counts', undefined, [290, 231, 231, 232, 231, 90, 90, 240, 90, 90], { value: 230, from: 'measured' }],
    ['between two ratings the lower', undefined, ten(235), { value: 230, from: 'measured' }],
    ['readings of nothing do not count', undefined, [0, 'n/a', ...ten(100)], { value: 100, from: 'measured' }],
    ['readings of nothing are too few', undefined, [0, 'n/a', ...ten(100).slice(1)], undefined],
    ['near no rating', undefined, ten(160), undefined],
    ['near none at first', undefined, [...ten(160), ...ten(231)], { value: 230, from: 'measured' }],
    ['contradicted, not yet sure', '230', [121, 121], undefined],
    ['a quarter off', '240', [180], { value: 240, from: 'device' }],
    ['more than a quarter off', '240', [179], undefined],
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

  test('is that of the device as soon as it says it', () => {
    const line = new Line({}).volts(0, 10, 230);
    expect(line.quality.nominal.voltage).toEqual({ value: 230, from: 'measured' });
    line.reads(10, { 'input.voltage.nominal': '230', 'input.voltage': '230' });
    expect(line.quality.nominal.voltage).toEqual({ value: 230, from: 'device' });
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
    ['gives way to what the day after one without a rating shows', 48, (hour: number) => (hour < 25 ? 160 : 231), 230],
    ['is kept while hours of nothing make up the day', 24, (hour: number) => (hour < 8 ? 0 : 231), 208],
  ])('learned in a sag %s', (_, hours, volts, nominal) => {
    expect(afterSag(hours, volts)).toBe(nominal);
  });

  test('learned in a sag gives way to one phase, where the others are not used', () => {
    const line = new Line({});
    const reads = (at: number, volts: number) =>
      line.reads(at, { 'input.L1-N.voltage': `${volts}`, 'input.L2-N.voltage': '0', 'input.L3-N.voltage': '0' });
    for (let at = 0; at < 10; at += 1) reads(at, 208);
    for (let hour = 1; hour <= 24; hour += 1) reads(hour * 3600, 231);
    expect(line.quality.nominal.voltage?.value).toBe(230);
  });

  test('is doubted neither before it is learned nor once it has given way', () => {
    const doubt = ({ quality: { memory } }: Line) => 'doubt' in memory;
    const line = new Line({}).volts(0, 9, 231);
    expect(doubt(line)).toBe(false);
    const learned = new Line({}).volts(0, 10, 208);
    for (let hour = 1; hour < 24; hour += 1) learned.reads(hour * 3600, { 'input.voltage': '231' });
    expect(doubt(learned)).toBe(true);
    expect(doubt(learned.reads(24 * 3600, { 'input.voltage': '231' }))).toBe(false);
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
