import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reading, WALL } from '../../../tests/kit/story.ts';
import type { Feed } from '../../domain/power.ts';
import { NO_QUALITY, type Quality, type QualityCounters } from '../../domain/quality.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import { asInstant, asMillis, type Stamp } from '../../domain/time.ts';
import type { QualityFact } from './fact.ts';
import { followQuality, isPending, pauseQuality, type QualityInput, restoredQuality, tickQuality } from './follow.ts';

const stampAt = (seconds: number): Stamp => ({
  at: asInstant(seconds * 1000),
  wall: WALL + seconds * 1000,
});

type Said = Readonly<Record<string, string>>;

/** One device of a 230 V grid, told in seconds. */
class Line {
  quality: Quality = NO_QUALITY;
  facts: readonly QualityFact[] = [];
  readonly #preset: QualityPreset;
  readonly #always: Said;

  constructor(always: Said = { 'input.voltage.nominal': '230' }, preset: QualityPreset = 'normal') {
    this.#always = always;
    this.#preset = preset;
  }

  reads(at: number, said: Said, status = 'OL', more: Partial<QualityInput> = {}): this {
    const fed: Feed = status.includes('OB') ? 'battery' : 'mains';
    const seen = { fed, outageBegan: false, preset: this.#preset, ...more };
    const step = followQuality(
      this.quality,
      { reading: reading(status, { ...this.#always, ...said }), ...seen },
      stampAt(at),
    );
    this.quality = step.quality;
    this.facts = [...this.facts, ...step.facts];
    return this;
  }

  /** The same voltage at every second from one to before another. */
  volts(from: number, to: number, volts: number): this {
    for (let at = from; at < to; at += 1) this.reads(at, { 'input.voltage': `${volts}` });
    return this;
  }

  ticks(from: number, to: number): this {
    for (let at = from; at <= to; at += 1) this.quality = tickQuality(this.quality, stampAt(at));
    return this;
  }

  get told(): readonly string[] {
    return this.facts.map(({ type }) => type);
  }
}

const began = { outageBegan: true } as const;
const ended = (seconds: number) => ({ outageEnded: { lasted: asMillis(seconds * 1000) } });

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
    ['absurd', '229', '231', 207, 253],
    ['none', '0', '0', 207, 253],
  ])('transfer voltages that are %s', (_, low, high, bandLow, bandHigh) => {
    const always = { 'input.voltage.nominal': '230', 'input.transfer.low': low, 'input.transfer.high': high };
    expect(new Line(always).volts(0, 1, 230).quality.band).toMatchObject({ low: bandLow, high: bandHigh });
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
    expect(hertz(line, 60, 66, 50).facts[1]).toEqual({
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
});

describe('what the device itself does', () => {
  test.each([
    ['OL', 'none', 'inactive'],
    ['OL BOOST', 'boost', 'inactive'],
    ['OL TRIM', 'trim', 'inactive'],
    ['OL BYPASS', 'none', 'active'],
  ])('%s', (status, avr, bypass) => {
    const { quality } = new Line().reads(7, {}, status);
    expect(quality.avr).toEqual({ state: avr, since: 7000, sinceWall: WALL + 7000 });
    expect(quality.bypass?.state).toBe(bypass);
  });

  test('states stay since they began, and while the status is empty', () => {
    const { quality } = new Line().reads(0, {}, 'OL BOOST').reads(1, {}, 'OL BOOST RB').reads(2, {}, '');
    expect(quality.avr).toEqual({ state: 'boost', since: 0, sinceWall: WALL });
    expect(quality.overload?.state).toBe('normal');
  });

  test('a device without a status and a load says nothing of all that', () => {
    const { quality } = new Line().reads(0, {}, '', { fed: undefined });
    expect([quality.avr, quality.bypass, quality.overload]).toEqual([undefined, undefined, undefined]);
  });

  test.each([
    ['by its flag', {}, 'OL OVER', 'overloaded for 5 s', {}],
    ['by its load', { 'ups.load': '101' }, 'OL', 'overloaded for 5 s, load 101 %', { load: 101 }],
    ['on battery', { 'ups.load': '120' }, 'OB', 'overloaded for 5 s, load 120 %', { load: 120 }],
    ['without a status', { 'ups.load': '120' }, '', 'overloaded for 5 s, load 120 %', { load: 120 }],
  ])('overloaded %s', (_, said, status, text, details) => {
    const line = new Line().reads(0, { 'ups.load': '50' }).reads(10, said, status).reads(14, said, status);
    expect(line.told).toEqual([]);
    expect(line.reads(15, said, status).facts).toEqual([{ type: 'overload', level: 'error', text, details }]);
    expect(line.quality.overload).toEqual({ state: 'overload', since: 10_000, sinceWall: WALL + 10_000 });
  });

  test.each([
    ['100 % is none, and does not end one', '100', 'normal', 'overload'],
    ['101 % is one', '101', 'overload', 'overload'],
    ['96 % does not end it', '96', 'normal', 'overload'],
    ['95 % does', '95', 'normal', 'normal'],
  ])('overload: %s', (_, load, fromNormal, fromOverload) => {
    const then = (first: string): string | undefined => {
      const line = new Line().reads(0, { 'ups.load': first }).reads(5, { 'ups.load': first });
      return line.reads(10, { 'ups.load': load }).reads(15, { 'ups.load': load }).quality.overload?.state;
    };
    expect([then('50'), then('130')]).toEqual([fromNormal, fromOverload]);
  });

  test('the end of an overload is told', () => {
    const line = new Line().reads(0, {}, 'OL OVER').reads(5, {}, 'OL OVER').reads(8, { 'ups.load': '90' });
    expect(line.reads(13, { 'ups.load': '80' }).facts[1]).toEqual({
      type: 'overload_ended',
      level: 'notice',
      text: 'no longer overloaded after 8 s, load 80 %',
      details: { load: 80, lasted: 8 },
    });
  });
});

describe('interruptions', () => {
  test('are counted as they begin, with their duration as they end', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB', began);
    expect(line.quality.counters.interruptions).toEqual({ count: 1, totalMs: 0, longestMs: 0 });
    line.reads(40, {}, 'OL', ended(30)).reads(50, {}, 'OB', began).reads(60, {}, 'OL', ended(10));
    expect(line.quality.counters.interruptions).toEqual({ count: 2, totalMs: 40_000, longestMs: 30_000 });
  });

  test('the end of a test counts for nothing', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB').reads(40, {}, 'OL', ended(30));
    expect(line.quality.counters.interruptions).toEqual({ count: 0, totalMs: 0, longestMs: 0 });
    expect(line.quality.memory.hour.outsideMs).toBe(0);
  });
});

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

describe('grade', () => {
  test('absent until an hour has been observed, then brought up to date every ten minutes', () => {
    const line = new Line().volts(0, 11, 230);
    expect(line.ticks(11, 3000).quality.grid).toEqual({});
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
    ['samples are few', new Line().volts(0, 9, 230), true],
    ['samples are enough', new Line().volts(0, 10, 230), false],
    ['the voltage has to last', new Line().volts(0, 10, 230).volts(10, 11, 200), true],
    [
      'the frequency has to last',
      new Line({}).reads(0, { 'input.frequency.nominal': '50', 'input.frequency': '45' }),
      true,
    ],
    ['an overload has to last', new Line({}).reads(0, {}, 'OL OVER'), true],
  ])('pending: %s', (_, line, pending) => {
    expect(isPending(line.quality)).toBe(pending);
  });
});

describe('restored', () => {
  const kept = (): Quality => {
    const line = new Line().volts(0, 41, 200).reads(41, { 'input.frequency': '50', 'ups.load': '50' }, 'OL BOOST');
    return line.volts(42, 50, 200).quality;
  };

  test('after a restart moments mean what they meant', () => {
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

describe('whatever comes', () => {
  const step = fc.record({
    after: fc.nat(7_200_000),
    jump: fc.constantFrom(0, 0, 0, 0, -4_000_000, 90_000_000),
    act: fc.constantFrom('read', 'read', 'read', 'tick', 'pause'),
    volts: fc.constantFrom('', '0', '100', '121', '180', '200', '207', '209', '230', '253', '260', '270', '1e9'),
    hertz: fc.constantFrom('', '0', '45', '50', '50.4', '60'),
    load: fc.constantFrom('', '50', '97', '130'),
    status: fc.constantFrom('OL', 'OL BOOST', 'OB', 'OB LB', '', 'OL OVER'),
    outage: fc.constantFrom('', '', 'began', 'ended'),
    preset: fc.constantFrom<QualityPreset>('tight', 'normal', 'loose'),
  });
  const clocked = fc.array(step, { maxLength: 400 });

  type Steps = typeof clocked extends fc.Arbitrary<infer T> ? T : never;

  const play = (steps: Steps, check: (before: Quality, now: Quality) => void): void => {
    let [quality, at, wall] = [NO_QUALITY, 0, WALL];
    for (const { after, jump, act, volts, hertz, load, status, outage, preset } of steps) {
      at += after;
      wall += after + jump;
      const stamp = { at: asInstant(at), wall };
      const before = quality;
      if (act === 'tick') quality = tickQuality(before, stamp);
      else if (act === 'pause') quality = pauseQuality(before, stamp.at);
      else {
        const said = { 'input.voltage': volts, 'input.frequency': hertz, 'ups.load': load };
        const fed = status.includes('OB') ? 'battery' : 'mains';
        const seen = { fed, outageBegan: outage === 'began', preset } as const;
        const more = outage === 'ended' ? ended(after) : {};
        quality = followQuality(before, { reading: reading(status, said), ...seen, ...more }, stamp).quality;
      }
      check(before, quality);
    }
  };

  test('counters only grow', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        play(steps, (before, now) => {
          for (const key of Object.keys(now.counters) as (keyof QualityCounters)[]) {
            expect(now.counters[key].count).toBeGreaterThanOrEqual(before.counters[key].count);
            expect(now.counters[key].totalMs).toBeGreaterThanOrEqual(before.counters[key].totalMs);
            expect(now.counters[key].longestMs).toBeGreaterThanOrEqual(before.counters[key].longestMs);
          }
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('it stays small and plain, and a grade is one', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        play(steps, (_, { memory, grid }) => {
          expect(memory.hours.length).toBeLessThan(168);
          expect(memory.samples.length).toBeLessThan(10);
          for (const each of [grid.day, grid.week]) {
            if (each === undefined) continue;
            expect(each.score).toBeGreaterThanOrEqual(0);
            expect(each.score).toBeLessThanOrEqual(100);
            expect(each.outsideMs).toBeLessThanOrEqual(each.observedMs);
          }
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('a reading that says what the last one said at the same moment changes nothing', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        let last = NO_QUALITY;
        play(steps, (_, now) => {
          last = now;
        });
        const stamp = { at: asInstant(1e12), wall: WALL + 1e12 };
        const seen = { fed: 'battery', outageBegan: false, preset: 'normal' } as const;
        const first = followQuality(last, { reading: reading('OB'), ...seen }, stamp).quality;
        expect(followQuality(first, { reading: reading('OB'), ...seen }, stamp).quality).toBe(first);
      }),
      { seed: 1, numRuns: 40 },
    );
  });
});
