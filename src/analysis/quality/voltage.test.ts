import { describe, expect, test } from 'vitest';
import { began, Line, type Said } from '../../../tests/kit/quality.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { isPending } from './follow.ts';

describe('voltage', () => {
  test('the first normal voltage is normal at once and no news', () => {
    const { quality, told } = new Line().volts(0, 1, 230);
    expect(quality.voltage).toEqual({ state: 'normal', since: 0, sinceWall: WALL });
    expect(quality.nominal.voltage).toEqual({ value: 230, from: 'device' });
    expect(quality.band).toEqual({ low: 207, high: 253, severeLow: 195.5, severeHigh: 264.5 });
    expect(told).toEqual([]);
  });

  test.each([
    ['low after 30 s', 200, 30, ['voltage_low'], 'low'],
    ['not low before', 200, 29, [], 'normal'],
    ['high after 30 s', 260, 30, ['voltage_high'], 'high'],
    ['the limit itself is inside', 207, 60, [], 'normal'],
    ['severe at once', 195, 0, ['voltage_severe'], 'severely_low'],
    ['the severe limit itself is not', 195.5, 29, [], 'normal'],
    ['severely high at once', 270, 0, ['voltage_severe'], 'severely_high'],
    ['the severe limit above is not', 264.5, 29, [], 'normal'],
    ['a tenth of nominal is severe', 23, 0, ['voltage_severe'], 'severely_low'],
    ['less than a tenth of nominal is none', 22.9, 60, [], 'normal'],
  ])('%s', (_, volts, seconds, told, state) => {
    const line = new Line().volts(0, 10, 230).volts(10, 11 + seconds, volts);
    expect(line.told).toEqual(told);
    expect(line.quality.voltage?.state).toBe(state);
  });

  test('a state holds since it was first seen', () => {
    const { quality, facts } = new Line().volts(0, 10, 230).volts(10, 41, 200);
    expect(quality.voltage).toEqual({ state: 'low', since: 10_000, sinceWall: WALL + 10_000 });
    expect(facts[0]).toEqual({
      type: 'voltage_low',
      level: 'warning',
      text: 'mains voltage below 207 V for 30 s: 200 V, 13 % off its nominal 230 V',
      details: { voltage: 200, nominal: 230, low: 207, high: 253, state: 'low' },
    });
  });

  test('high is told as such', () => {
    const { facts } = new Line().volts(0, 10, 230).volts(10, 41, 260);
    expect(facts.map(({ text }) => text)).toEqual([
      'mains voltage above 253 V for 30 s: 260 V, 13 % off its nominal 230 V',
    ]);
  });

  test.each([
    [180, 'low', 'mains voltage severely low: 180 V, 21.7 % off its nominal 230 V'],
    [280, 'high', 'mains voltage severely high: 280 V, 21.7 % off its nominal 230 V'],
  ])('a device that starts on %d V is told at once, and once it is back', (volts, side, text) => {
    const line = new Line().volts(0, 1, volts).volts(1, 10, 230);
    const back = `mains voltage back in its band at 230 V, after 1 s severely ${side}`;
    expect(line.facts.map((fact) => fact.text)).toEqual([text, back]);
  });

  test('a device that starts on low mains is told once they have lasted', () => {
    const line = new Line().volts(0, 29, 200);
    expect([line.quality.voltage, line.told]).toEqual([undefined, []]);
    expect(line.volts(29, 31, 200).told).toEqual(['voltage_low']);
  });

  test.each([
    ['inside the band but within 1 % of its limit', 209.2, [], 'low'],
    ['1 % inside', 209.3, ['voltage_normal'], 'normal'],
  ])('back: %s', (_, volts, told, state) => {
    const low = new Line().volts(0, 41, 200);
    const line = new Line();
    line.quality = low.quality;
    expect(line.volts(41, 60, volts).told).toEqual(told);
    expect(line.quality.voltage?.state).toBe(state);
  });

  test.each([
    [250.7, ['voltage_high', 'voltage_normal']],
    [250.8, ['voltage_high']],
  ])('back from high at %d V', (volts, told) => {
    expect(new Line().volts(0, 41, 258).volts(41, 60, volts).told).toEqual(told);
  });

  test.each([
    [180, 209.2, ['voltage_severe']],
    [180, 209.3, ['voltage_severe', 'voltage_normal']],
    [280, 250.8, ['voltage_severe']],
    [280, 250.7, ['voltage_severe', 'voltage_normal']],
  ])('back from severe %d V at %d V', (severe, volts, told) => {
    expect(new Line().volts(0, 1, severe).volts(1, 60, volts).told).toEqual(told);
  });

  test('back has to last 5 s', () => {
    const line = new Line().volts(0, 41, 200).volts(41, 46, 230);
    expect(line.told).toEqual(['voltage_low']);
    expect(line.volts(46, 47, 230).facts[1]).toEqual({
      type: 'voltage_normal',
      level: 'notice',
      text: 'mains voltage back in its band at 230 V, after 41 s low',
      details: { voltage: 230, nominal: 230, low: 207, high: 253, state: 'normal', lasted: 41 },
    });
  });

  test('severe is told over low, and kept until the voltage is back', () => {
    const line = new Line().volts(0, 41, 200).volts(41, 42, 190).volts(42, 100, 200);
    expect(line.told).toEqual(['voltage_low', 'voltage_severe']);
    expect(line.quality.voltage).toMatchObject({ state: 'severely_low', since: 41_000 });
    expect(line.facts[1]).toMatchObject({
      level: 'error',
      text: 'mains voltage severely low: 190 V, 17.4 % off its nominal 230 V',
    });
    expect(line.volts(100, 106, 230).told).toEqual(['voltage_low', 'voltage_severe', 'voltage_normal']);
  });

  test('a voltage that swings between the severe sides is told once until it stays on one', () => {
    const line = new Line().volts(0, 10, 230);
    for (let at = 10; at < 100; at += 2) line.volts(at, at + 1, 150).volts(at + 1, at + 2, 290);
    expect(line.told).toEqual(['voltage_severe']);
    expect(line.quality.voltage?.state).toBe('severely_low');
    expect(line.volts(100, 101, 290).volts(101, 130, 260).told).toEqual(['voltage_severe', 'voltage_severe']);
    expect(line.quality.voltage?.state).toBe('severely_high');
  });

  test('short sags are counted and not told', () => {
    const line = new Line().volts(0, 10, 230);
    for (let at = 10; at < 110; at += 10) line.volts(at, at + 3, 200).volts(at + 3, at + 10, 230);
    expect(line.told).toEqual([]);
    expect(line.quality.counters.sags).toEqual({ count: 10, totalMs: 30_000, longestMs: 3000 });
  });

  test('a value that trembles at the limit is one sag', () => {
    const line = new Line().volts(0, 10, 230);
    for (let at = 10; at < 30; at += 2) line.volts(at, at + 1, 206.5).volts(at + 1, at + 2, 207.5);
    expect(line.quality.counters.sags.count).toBe(1);
  });

  test('from sag to swell without a stop', () => {
    const { counters } = new Line().volts(0, 10, 230).volts(10, 15, 200).volts(15, 17, 260).volts(17, 18, 230).quality;
    expect(counters.sags).toEqual({ count: 1, totalMs: 5000, longestMs: 5000 });
    expect(counters.swells).toEqual({ count: 1, totalMs: 2000, longestMs: 2000 });
  });

  test.each([
    ['tight', { low: 218.5, high: 241.5, severeLow: 195.5, severeHigh: 264.5 }],
    ['loose', { low: 195.5, high: 264.5, severeLow: 184, severeHigh: 276 }],
  ] as const)('preset %s', (preset, band) => {
    expect(new Line({ 'input.voltage.nominal': '230' }, preset).volts(0, 1, 230).quality.band).toEqual(band);
  });

  test.each([
    ['narrower', '215', '245', 215, 245],
    ['wider', '160', '280', 207, 253],
    ['as narrow as may be', '225.4', '234.6', 225.4, 234.6],
    ['absurd', '229', '231', 207, 253],
    ['none', '0', '0', 207, 253],
  ])('transfer voltages that are %s', (_, low, high, bandLow, bandHigh) => {
    const always = { 'input.voltage.nominal': '230', 'input.transfer.low': low, 'input.transfer.high': high };
    expect(new Line(always).volts(0, 1, 230).quality.band).toMatchObject({ low: bandLow, high: bandHigh });
  });

  test('a transfer voltage that is set anew moves the band', () => {
    const line = new Line().volts(0, 1, 230).reads(1, { 'input.voltage': '230', 'input.transfer.low': '215' });
    expect(line.quality.band).toEqual({ low: 215, high: 253, severeLow: 195.5, severeHigh: 264.5 });
  });

  test('the state is held on battery, and what was going on ends', () => {
    const line = new Line().volts(0, 41, 200);
    line.reads(41, { 'input.voltage': '0' }, 'OB', began).reads(100, { 'input.voltage': '0' }, 'OB');
    expect(line.quality.voltage?.state).toBe('low');
    expect(line.quality.counters.sags).toEqual({ count: 1, totalMs: 41_000, longestMs: 41_000 });
    expect(isPending(line.quality)).toBe(false);
    expect(line.volts(101, 103, 208).quality.voltage?.state).toBe('low');
    expect(line.quality.counters.sags.count).toBe(1);
  });

  test('waiting does not go on over an outage', () => {
    const line = new Line().volts(0, 10, 230).volts(10, 35, 200).reads(35, {}, 'OB').volts(36, 60, 200);
    expect(line.told).toEqual([]);
  });

  test.each([
    ['nothing comes in', '3'],
    ['nothing is measured', 'n/a'],
  ])('not judged on mains while %s', (_, volts) => {
    const line = new Line().volts(0, 10, 230).volts(10, 12, 200);
    line.reads(12, { 'input.voltage': volts }).reads(60, { 'input.voltage': volts });
    expect(line.told).toEqual([]);
    expect(line.quality.voltage?.state).toBe('normal');
    expect(line.quality.counters.sags.totalMs).toBe(2000);
    expect(line.quality.memory.stretch).toBeUndefined();
  });
});

describe('three phases', () => {
  const phases = (first: number, second: number, third: number): Said => ({
    'input.L1-N.voltage': `${first}`,
    'input.L2-N.voltage': `${second}`,
    'input.L3-N.voltage': `${third}`,
  });

  test.each([
    ['one is low', phases(230, 200, 231), 'low'],
    ['the worse of low and high counts', phases(230, 205, 262), 'high'],
    ['of two as far off the first counts', phases(200, 260, 230), 'low'],
    ['the first is not measured', { 'input.L2-N.voltage': '200' }, 'low'],
    ['one is gone', phases(230, 0, 230), 'severely_low'],
    ['all are gone', phases(0, 3, 0), undefined],
    ['only the first is used', { ...phases(230, 0, 0), 'input.phases': '1' }, 'normal'],
    ['no phases are said', { ...phases(230, 0, 0), 'input.phases': '0' }, 'normal'],
    ['the voltage of the input rules', { ...phases(230, 0, 0), 'input.voltage': '229' }, 'normal'],
  ])('%s', (_, said, state) => {
    const line = new Line();
    for (let at = 0; at <= 30; at += 1) line.reads(at, said);
    expect(line.quality.voltage?.state).toBe(state);
  });

  test('a nominal voltage between phases is none: the phases show it', () => {
    const line = new Line({ 'input.voltage.nominal': '400' });
    for (let at = 0; at < 10; at += 1) line.reads(at, phases(229, 231, 0));
    expect(line.quality.nominal.voltage).toEqual({ value: 230, from: 'measured' });
  });
});
