import { describe, expect, test } from 'vitest';
import { BatteryStory, onBattery, stampAt } from '../../../tests/kit/battery.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { type Battery, NO_BATTERY } from '../../domain/battery.ts';
import { asInstant } from '../../domain/time.ts';
import { batteryAfterStart, isPending, withTestStarted } from './follow.ts';
import { DAY } from './step.ts';

const LEARNED: Battery = {
  lastTest: { result: 'failed', wall: WALL - DAY },
  anomalies: [WALL - DAY],
  runtimes: [{ load: 20, first: 1000, now: 600, samples: 20 }],
  capacities: [{ wall: WALL - DAY, wattHours: 50, slowWattHours: 100 }],
  scores: [[WALL / DAY - 300, 60]],
  health: { wall: WALL, terms: {} },
  toldBelow: 50,
  toldReplaceAt: WALL - DAY,
};

describe('the date of installation', () => {
  const installed = (battery: Battery, date: number): Battery =>
    new BatteryStory(battery, { batteryInstalled: date }).read(1, 'OL').battery;

  test('is kept, and changes nothing the second time', () => {
    const story = new BatteryStory({ health: { wall: WALL, terms: {} } }, { batteryInstalled: WALL - 500 * DAY });
    const { battery } = story.read(1, 'OL');
    expect(battery.installed).toBe(WALL - 500 * DAY);
    expect(story.read(2, 'OL').battery).toBe(battery);
  });

  test.each([
    {
      when: 'a later date comes',
      before: { ...LEARNED, installed: WALL - 900 * DAY },
      date: WALL - 10 * DAY,
      fresh: true,
    },
    {
      when: 'it is a correction of a day',
      before: { ...LEARNED, installed: WALL - 11 * DAY },
      date: WALL - 10 * DAY,
      fresh: false,
    },
    {
      when: 'an earlier date comes',
      before: { ...LEARNED, installed: WALL - 10 * DAY },
      date: WALL - 900 * DAY,
      fresh: false,
    },
    { when: 'the first date is after the oldest score', before: LEARNED, date: WALL - 10 * DAY, fresh: true },
    { when: 'the first date is before it', before: LEARNED, date: WALL - 400 * DAY, fresh: false },
  ])('makes a new battery when $when: $fresh', ({ before, date, fresh }) => {
    const battery = installed(before, date);
    expect(battery.capacities === undefined).toBe(fresh);
    expect(battery.runtimes === undefined).toBe(fresh);
    expect(battery.anomalies === undefined).toBe(fresh);
    expect(battery.lastTest).toEqual(LEARNED.lastTest);
    expect(battery.installed).toBe(Math.max(date, before.installed ?? date));
  });

  test('without any score the first date is no news', () => {
    const { scores: _, ...unscored } = LEARNED;
    expect(installed(unscored, WALL - 10 * DAY).capacities).toBe(LEARNED.capacities);
  });
});

test('the facts of one reading come together', () => {
  const words = (result: string, charge: number) => ({
    'ups.test.result': result,
    'battery.charge': charge,
    'ups.realpower': 300,
  });
  const told = new BatteryStory().read(0, 'OL', words('No test initiated', 100));
  told.battery = withTestStarted(told.battery, 'test.battery.start.deep', stampAt(5));
  told.read(10, 'OB', words('In progress', 100), onBattery(10, { chargeBefore: 100, byTest: true }));
  expect(told.told).toEqual(['test_started']);
  for (let second = 20; second < 310; second += 10) {
    told.read(second, 'OB', words('In progress', 100 - second / 10), onBattery(10));
  }
  told.read(320, 'OL', words('Done and error', 69));
  expect(told.told).toEqual(['test_failed', 'battery_measured', 'battery_health', 'battery_replace']);
  expect(isPending(told.battery)).toBe(false);
});

test('after a start only what may be believed is left', () => {
  const battery: Battery = {
    ...LEARNED,
    held: [{ charge: 100 }],
    fall: { from: 100, to: 60, asked: asInstant(1), readings: 1 },
    test: { at: asInstant(1), wall: WALL },
    discharge: { from: 100, lowest: 90, since: asInstant(1), last: asInstant(2) },
  };
  expect(batteryAfterStart(battery, 'same')).toEqual({ ...LEARNED, test: battery.test, discharge: battery.discharge });
  expect(batteryAfterStart(battery, 'new')).toEqual(LEARNED);
  expect(batteryAfterStart(NO_BATTERY, 'new')).toBe(NO_BATTERY);
});
