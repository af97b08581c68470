import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatteryStory, ON_MAINS, onBattery, outageSince } from '../../../tests/kit/battery.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { type Battery, HEALTH_TERMS, type HealthTerm } from '../../domain/battery.ts';
import type { Power } from '../../domain/power.ts';
import { asInstant } from '../../domain/time.ts';
import { HEALTH_WEIGHTS, scoreOf } from './health.ts';
import { EXPECTED_LIFE } from './installed.ts';
import { DAY, HOUR } from './step.ts';

const TODAY = WALL / DAY;
const FULL = { 'battery.charge': 100, 'battery.runtime': 1000, 'ups.load': 20 };
const test100 = { lastTest: { result: 'passed', wall: WALL } } as const;

test('the weights add up to 1', () => {
  const sum = HEALTH_TERMS.reduce((total, term) => total + HEALTH_WEIGHTS[term], 0);
  expect(sum).toBeCloseTo(1, 12);
});

describe('the score', () => {
  test.each([
    { score: undefined, terms: {} },
    { score: undefined, terms: { anomaly: 100, age: 100 } },
    { score: 40, terms: { capacity: 40 } },
    { score: 43, terms: { anomaly: 100, self_test: 0 } },
    { score: 0, terms: { self_test: 0, age: 0 } },
    { score: 62, terms: { capacity: 80, runtime: 60, self_test: 50, anomaly: 75, age: 20 } },
  ])('of $terms is $score', ({ score, terms }) => {
    expect(scoreOf(terms)).toBe(score);
  });

  test('lies between the lowest and the highest of its terms, and no better term makes it worse', () => {
    const known = fc.uniqueArray(fc.constantFrom(...HEALTH_TERMS), { minLength: 1 });
    const value = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(known, fc.array(value, { minLength: 5, maxLength: 5 }), value, (names, values, better) => {
        const terms: Partial<Record<HealthTerm, number>> = {};
        for (const [index, name] of names.entries()) terms[name] = values[index] ?? 0;
        const score = scoreOf(terms);
        const [first] = names;
        if (score === undefined || first === undefined) return;
        const all = Object.values(terms);
        expect(score).toBeGreaterThanOrEqual(Math.min(...all));
        expect(score).toBeLessThanOrEqual(Math.max(...all));
        expect(scoreOf({ ...terms, [first]: Math.max(better, terms[first] ?? 0) })).toBeGreaterThanOrEqual(score);
      }),
      { seed: 1 },
    );
  });
});

describe('it is worked out', () => {
  test('with the first reading, and not again within the hour', () => {
    const told = new BatteryStory().read(0, 'OL', FULL);
    expect(told.battery.health).toStrictEqual({ wall: WALL, terms: { anomaly: 100 } });
    expect(told.battery.scores).toBeUndefined();
    const { battery } = told;
    expect(told.read(0, 'OL', { ...FULL, 'ups.load': 30 }).battery).toBe(battery);
    expect(told.read(3599, 'OL', { ...FULL, 'ups.load': 30 }).battery).toBe(battery);
    expect(told.read(3600, 'OL', FULL).battery.health?.wall).toBe(WALL + HOUR);
  });

  test('at once when the wall clock was put back', () => {
    const told = new BatteryStory({ health: { wall: WALL + DAY, terms: {} } }).read(0, 'OL', FULL);
    expect(told.battery.health?.wall).toBe(WALL);
  });

  test('after an outage', () => {
    const told = new BatteryStory().read(0, 'OL', FULL).read(5, 'OB', FULL, onBattery(5)).read(60, 'OL', FULL);
    expect(told.battery.health?.wall).toBe(WALL + 60_000);
  });

  test('after a test, whatever came of it, and when a result comes', () => {
    const words = (result: string) => ({ ...FULL, 'ups.test.result': result });
    const none = words('No test initiated');
    const told = new BatteryStory().read(0, 'OL', none).read(5, 'OL TEST', none).read(20, 'OL', words('Aborted'));
    expect(told.battery.health?.wall).toBe(WALL + 20_000);
    expect(told.read(30, 'OL', words('Done and passed')).battery.health?.wall).toBe(WALL + 30_000);
  });

  test('with the terms that are known', () => {
    const told = new BatteryStory(
      {
        lastTest: { result: 'warning', wall: WALL },
        runtimes: [{ load: 20, first: 1000, now: 600, samples: 20 }],
        capacities: [
          { wall: WALL, wattHours: 100, slowWattHours: 200 },
          { wall: WALL, wattHours: 80, slowWattHours: 160 },
        ],
        anomalies: [WALL - DAY],
      },
      { batteryInstalled: WALL - EXPECTED_LIFE / 2 },
    ).read(0, 'OL', FULL);
    expect(told.battery.health?.terms).toEqual({ capacity: 80, runtime: 70, self_test: 50, anomaly: 75, age: 50 });
    expect(told.battery.health?.score).toBe(68);
    expect(told.battery.scores).toEqual([[TODAY, 68]]);
  });

  test('with runtimes of a battery at rest alone', () => {
    const learned = (status: string, power?: Power) => new BatteryStory().read(0, status, FULL, power).battery.runtimes;
    expect(learned('OL')).toHaveLength(1);
    expect(learned('OB', onBattery(0))).toBeUndefined();
    expect(learned('OL TEST')).toBeUndefined();
    expect(learned('OL CAL')).toBeUndefined();
    expect(learned('OL', { fed: 'mains', outage: outageSince(0, { mainsSince: asInstant(0) }) })).toBeUndefined();
    expect(learned('OL', { ...ON_MAINS, silentSince: asInstant(0) })).toBeUndefined();
    expect(learned('CHRG', {})).toBeUndefined();
  });
});

describe('the daily scores', () => {
  test('the last one of a day counts', () => {
    const told = new BatteryStory(test100).read(0, 'OL', FULL);
    expect(told.battery.scores).toEqual([[TODAY, 100]]);
    told.battery = { ...told.battery, anomalies: [WALL] };
    expect(told.read(7200, 'OL', FULL).battery.scores).toEqual([[TODAY, 89]]);
    expect(told.read(86_400, 'OL', FULL).battery.scores).toEqual([
      [TODAY, 89],
      [TODAY + 1, 89],
    ]);
  });

  test('those of a clock that was ahead go', () => {
    const told = new BatteryStory({ ...test100, scores: [[TODAY + 5, 80]] }).read(0, 'OL', FULL);
    expect(told.battery.scores).toEqual([[TODAY, 100]]);
  });

  test('are bounded: every day of a month, one a week of a year and a little more', () => {
    const told = new BatteryStory(test100);
    // On the last day one that is a week's is 400 days old, and one that is none's 30.
    for (let day = 0; day <= 596; day += 1) told.read(day * 86_400, 'OL', FULL);
    const ages = (told.battery.scores ?? []).map(([day]) => TODAY + 596 - day);
    const weekly = Array.from({ length: 52 }, (_, index) => 393 - 7 * index);
    expect(ages).toEqual([...weekly, ...Array.from({ length: 30 }, (_, index) => 29 - index)]);
  });
});

/** A battery whose only terms are a failed or passed test and the capacity, so that a score can be had at will. */
const withScore = (score: number, more: Battery = {}): Battery => ({
  ...more,
  capacities: [
    { wall: WALL, wattHours: 1, slowWattHours: score, ratedWattHours: 100 },
    { wall: WALL, wattHours: 1, slowWattHours: score, ratedWattHours: 100 },
  ],
});

test.each([
  { scores: [80, 50], told: [] },
  { scores: [80, 49], told: [50] },
  { scores: [49], told: [50] },
  { scores: [49, 48, 55, 49], told: [50] },
  { scores: [49, 56, 49], told: [50, 50] },
  { scores: [80, 24], told: [25] },
  { scores: [49, 25], told: [50] },
  { scores: [49, 24], told: [50, 25] },
  { scores: [49, 30, 24], told: [50, 25] },
  { scores: [24, 30, 24], told: [25] },
  { scores: [24, 31, 24], told: [25, 25] },
  { scores: [24, 31, 49], told: [25] },
  { scores: [24, 60, 49, 24], told: [25, 50, 25] },
])('scores of $scores are told as below $told', ({ scores, told }) => {
  const story = new BatteryStory();
  const below: unknown[] = [];
  for (const [index, score] of scores.entries()) {
    story.battery = withScore(score, story.battery);
    // Without a charge there is no term but the capacity.
    story.read(index * 3600, 'OL');
    for (const { type, details } of story.facts) if (type !== 'battery_replace') below.push(details?.['below']);
  }
  expect(below).toEqual(told);
});

test('a health that has come down is told with its terms', () => {
  const story = new BatteryStory(withScore(20, { lastTest: { result: 'failed', wall: WALL } }));
  const [fact] = story.read(0, 'OL', { 'battery.charge': 90 }).facts;
  expect(fact).toEqual({
    type: 'battery_health',
    level: 'warning',
    text: 'the health of the battery has come down to 32 of 100 (capacity 20, self-test 0, steadiness 100)',
    details: { score: 32, below: 50, capacity: 20, self_test: 0, anomaly: 100 },
  });
});

test('a health that is nearly gone is an error, with every term that is known', () => {
  const runtimes = [{ load: 20, first: 1000, now: 300, samples: 20 }];
  const story = new BatteryStory(withScore(20, { runtimes }), { batteryInstalled: WALL - 0.9 * EXPECTED_LIFE });
  const [fact] = story.read(0, 'OL').facts;
  expect(fact).toEqual({
    type: 'battery_health',
    level: 'error',
    text: 'the health of the battery has come down to 22 of 100 (capacity 20, runtime 30, age 10)',
    details: { score: 22, below: 25, capacity: 20, runtime: 30, age: 10 },
  });
});

test('a score that is not known any more tells nothing and keeps what was told', () => {
  const story = new BatteryStory({ toldBelow: 50 }).read(0, 'OL');
  expect([story.told, story.battery.toldBelow]).toEqual([[], 50]);
});

describe('a replacement', () => {
  const aged = (left: number) => ({ batteryInstalled: WALL + left - EXPECTED_LIFE });

  test.each([
    { told: [], when: 'more than 90 days ahead', left: 90 * DAY + 1 },
    { told: ['battery_replace'], when: '90 days ahead', left: 90 * DAY },
    { told: ['battery_replace'], when: 'due', left: 0 },
    { told: ['battery_replace'], when: 'long due', left: -400 * DAY },
  ])('is told as $told when it is $when', ({ told, left }) => {
    expect(new BatteryStory({}, aged(left)).read(0, 'OL').told).toEqual(told);
  });

  test('says when, why and how sure it is', () => {
    const [ahead] = new BatteryStory({}, aged(30 * DAY)).read(0, 'OL').facts;
    expect(ahead).toEqual({
      type: 'battery_replace',
      level: 'warning',
      text: 'the battery should be replaced by 2026-01-31, judged by the end of its expected life (confidence medium)',
      details: { date: '2026-01-31', basis: 'age', confidence: 'medium' },
    });
    const story = new BatteryStory(withScore(50)).read(0, 'OL');
    expect(story.facts).toMatchObject([{ details: { date: '2026-01-01', basis: 'trend', confidence: 'low' } }]);
    expect(story.facts[0]?.text).toBe(
      'the battery is due for replacement, judged by the way its health falls (confidence low)',
    );
    expect(story.battery.health?.replacement).toEqual({ wall: WALL, basis: 'trend', confidence: 'low' });
  });

  test.each([
    { told: [], when: 'at this very moment', at: WALL },
    { told: [], when: 'less than a week ago', at: WALL - 7 * DAY + 1 },
    { told: ['battery_replace'], when: 'a week ago', at: WALL - 7 * DAY },
    { told: ['battery_replace'], when: 'by a clock that was ahead', at: WALL + DAY },
  ])('is told as $told where it was told $when', ({ told, at }) => {
    expect(new BatteryStory({ toldReplaceAt: at }, aged(0)).read(0, 'OL').told).toEqual(told);
  });

  test('is told once, and again after a week', () => {
    const story = new BatteryStory({}, aged(0)).read(0, 'OL');
    expect(story.read(7 * 86_400 - 3600, 'OL').told).toEqual([]);
    expect(story.read(7 * 86_400, 'OL').told).toEqual(['battery_replace']);
  });
});
