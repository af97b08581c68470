import { describe, expect, test } from 'vitest';
import { BatteryStory, ON_MAINS, onBattery, readAt } from '../../../tests/kit/battery.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { asInstant } from '../../domain/time.ts';
import { anomalyTerm } from './anomaly.ts';
import { batteryAfterStart, isPending } from './follow.ts';
import { DAY } from './step.ts';

type Seen = readonly [second: number, charge: number];

const story = (...seen: readonly Seen[]): BatteryStory =>
  seen.reduce((told, [second, charge]) => told.read(second, 'OL', { 'battery.charge': charge }), new BatteryStory());

test.each([
  { says: 1, when: 'three readings agree', seen: '0:100 10:79 11:79 12:79' },
  { says: 0, when: 'only two agree', seen: '0:100 10:79 11:79' },
  { says: 0, when: 'the fall is of twenty points', seen: '0:100 10:80 11:80 12:80' },
  { says: 0, when: 'the first of three shows twenty points', seen: '0:100 10:80 11:79 12:79' },
  { says: 0, when: 'the readings are asked too close', seen: '0:100 10:79 10.5:78 10.9:79 11.5:79' },
  { says: 1, when: 'it goes on falling', seen: '0:100 10:79 11:70 12:60' },
  { says: 1, when: 'it creeps back by ten points', seen: '0:100 10:60 11:65 12:70' },
  { says: 0, when: 'it recovers by more', seen: '0:100 10:60 11:71 12:71' },
  { says: 0, when: 'it recovers by more than the lowest', seen: '0:100 10:70 10.5:60 11:71 12:71' },
  { says: 1, when: 'it recovers, but to a fall that lasts', seen: '0:100 10:60 11:71 12:71 13:71' },
  { says: 0, when: 'it recovers for good', seen: '0:100 10:60 11:95 12:95 13:95 14:95' },
  { says: 0, when: 'so much has come back that it is no fall any more', seen: '0:100 10:78 11:80 12:79' },
  {
    says: 0,
    when: 'it takes longer than two minutes',
    seen: '0:100 30:95 60:90 90:85 120:82 160:80 180:78 181:78 182:78',
  },
  { says: 1, when: 'it takes two minutes', seen: '0:100 30:95 60:90 90:85 120:79 121:79 122:79' },
  { says: 1, when: 'the higher charge held until two minutes before', seen: '0:100 30:95 150:79 151:79 152:79' },
  { says: 0, when: 'it held until longer before', seen: '0:100 30:95 150.1:79 151:79 152:79' },
  {
    says: 0,
    when: 'what was no fall is reached slowly later',
    seen: '0:100 10:60 11:95 1000:80 2000:68 2001:67 2002:66',
  },
  { says: 2, when: 'it falls again from there', seen: '0:100 10:70 11:70 12:69 20:48 21:48 22:48' },
  { says: 1, when: 'it was full for a day before', seen: '0:100 86400:75 86401:75 86402:75' },
  { says: 0, when: 'it charges', seen: '0:20 10:45 20:70 30:100' },
])('$says sudden falls when $when', ({ says, seen }) => {
  const points = seen.split(' ').map((point) => point.split(':').map(Number) as [number, number]); // written as pairs
  const told = new BatteryStory();
  const facts = points.flatMap(([second, charge]) => told.read(second, 'OL', { 'battery.charge': charge }).told);
  expect(facts).toEqual(Array(says).fill('battery_anomaly'));
  expect(told.battery.anomalies?.length ?? 0).toBe(says);
});

test('a confirmed fall is told once, with its wall time kept', () => {
  const told = story([0, 100], [10, 70], [11, 70]);
  expect(isPending(told.battery)).toBe(true);
  told.read(12, 'OL', { 'battery.charge': 69 });
  expect(told.facts).toEqual([
    {
      type: 'battery_anomaly',
      level: 'warning',
      text: 'the battery charge has fallen from 100 % to 69 % within two minutes, on mains',
      details: { from: 100, to: 69 },
    },
  ]);
  expect(told.battery.anomalies).toEqual([WALL + 12_000]);
  expect(isPending(told.battery)).toBe(false);
  told.read(13, 'OL', { 'battery.charge': 69 }).read(14, 'OL', { 'battery.charge': 68 });
  expect(told.facts).toEqual([]);
  expect(told.battery.anomalies).toHaveLength(1);
});

test('nothing changes while the charge stays the same', () => {
  const told = story([0, 100], [1, 100]);
  const { battery } = told;
  expect(told.read(2, 'OL', { 'battery.charge': 100 }).battery).toBe(battery);
  expect(told.read(3, 'OL').battery).toBe(battery);
});

test('a fall stays the very same between two readings that count', () => {
  const told = story([0, 100], [10, 70]);
  const { battery } = told;
  expect(told.read(10.5, 'OL', { 'battery.charge': 70 }).battery).toBe(battery);
});

test('a charge that has come back is held once', () => {
  expect(story([0, 100], [10, 95], [20, 100]).battery.held).toEqual([{ charge: 100 }]);
});

describe('a fall is expected', () => {
  const falls = (told: BatteryStory, from: number) =>
    [0, 1, 2, 3].reduce((all, second) => all.read(from + second, 'OL', { 'battery.charge': 60 }), told);

  test('over an outage', () => {
    const told = story([0, 100]).read(5, 'OB', { 'battery.charge': 95 }, onBattery(5));
    expect(falls(told, 10).battery.anomalies).toBeUndefined();
  });
  test('where an outage begins before it is confirmed', () => {
    const told = story([0, 100], [10, 70]).read(11, 'OB', { 'battery.charge': 70 }, onBattery(11));
    expect(isPending(told.battery)).toBe(false);
  });
  test('during a calibration', () => {
    const told = story([0, 100])
      .read(5, 'OL CAL', { 'battery.charge': 60 })
      .read(6, 'OL CAL', { 'battery.charge': 60 });
    expect(falls(told, 10).battery.anomalies).toBeUndefined();
  });
  test('over a silence, which proves nothing of the time', () => {
    const silent = { ...ON_MAINS, silentSince: asInstant(1000) };
    const told = story([0, 100]).read(1, 'OL', { 'battery.charge': 100 }).read(2, 'WAIT', {}, silent);
    expect(falls(told, 1000).battery.anomalies).toBeUndefined();
  });
  test('over a restart', () => {
    const told = new BatteryStory(batteryAfterStart(story([0, 100]).battery, 'same'));
    expect(falls(told, 10).battery.anomalies).toBeUndefined();
  });
});

test('what is remembered is bounded', () => {
  const told = new BatteryStory();
  for (let round = 0; round < 40; round += 1) {
    const begin = round * 1000;
    told.read(begin, 'OL', { 'battery.charge': 100 });
    for (let fine = 1; fine < 60; fine += 1) told.read(begin + fine, 'OL', { 'battery.charge': 100 - fine / 100 });
    expect(told.battery.held?.length).toBeLessThanOrEqual(32);
    for (const second of [61, 62, 63]) told.read(begin + second, 'OL', { 'battery.charge': 50 });
  }
  expect(told.battery.anomalies).toHaveLength(16);
});

test.each([
  { term: 100, when: 'there was none', anomalies: undefined },
  { term: 75, when: 'there was one', anomalies: [WALL - DAY] },
  { term: 0, when: 'there were five', anomalies: [1, 2, 3, 4, 5].map((days) => WALL - days * DAY) },
  { term: 100, when: 'it is a year ago', anomalies: [WALL - 365 * DAY] },
])('the term is $term when $when', ({ term, anomalies }) => {
  const battery = anomalies === undefined ? {} : { anomalies };
  expect(anomalyTerm(battery, readAt(0, 'OL', { 'battery.charge': 90 }), WALL)).toBe(term);
});

test('without a gauge there is no term', () => {
  expect(anomalyTerm({}, readAt(0, 'OL'), WALL)).toBeUndefined();
});
