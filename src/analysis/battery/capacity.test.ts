import { describe, expect, test } from 'vitest';
import { BatteryStory, ON_MAINS, onBattery } from '../../../tests/kit/battery.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { type Battery, type MeasuredCapacity, NO_BATTERY } from '../../domain/battery.ts';
import { asInstant } from '../../domain/time.ts';
import { capacityTerm } from './capacity.ts';
import { batteryAfterStart } from './follow.ts';

type Variables = Readonly<Record<string, string | number>>;

/** An outage from second 0 on, a reading each so many seconds, that draws 300 W and loses charge evenly. */
function outage(
  {
    lasts = 600,
    every = 10,
    from = 100,
    to = 50,
    watts = 300,
  }: Partial<Record<'lasts' | 'every' | 'from' | 'to' | 'watts', number>>,
  more: Variables = {},
  battery: Battery = NO_BATTERY,
): BatteryStory {
  const told = new BatteryStory(battery);
  const seen = (charge: number): Variables => ({ 'battery.charge': charge, 'ups.realpower': watts, ...more });
  told.read(-1, 'OL', seen(from));
  for (let second = 0; second <= lasts; second += every) {
    const charge = Math.round(from - ((from - to) * second) / lasts);
    told.read(second, 'OB', seen(charge), onBattery(0, { chargeBefore: from }));
  }
  return told.read(lasts + 10, 'OL', seen(to));
}

test('300 W for ten minutes and half of the charge are 100 Wh', () => {
  const told = outage({});
  expect(told.facts).toEqual([
    {
      type: 'battery_measured',
      level: 'notice',
      text: 'the outage took 50 % of the charge: a full battery gives about 100 Wh at that pace',
      details: { fell: 50, watt_hours: 100 },
    },
  ]);
  expect(told.battery.capacities).toMatchObject([{ wall: WALL + 610_000, wattHours: 100 }]);
  expect(told.battery.discharge).toBeUndefined();
});

test('a load in percent of nominal watts will do', () => {
  const told = outage({}, { 'ups.realpower': '', 'ups.load': 30, 'ups.realpower.nominal': 1000 });
  expect(told.battery.capacities).toMatchObject([{ wattHours: 100 }]);
});

test.each<{ when: string; how: Parameters<typeof outage>[0]; more?: Variables }>([
  { when: 'less than ten points were lost', how: { to: 91 } },
  { when: 'it was shorter than a minute', how: { lasts: 50 } },
  { when: 'the watts are not known', how: {}, more: { 'ups.realpower': '' } },
  { when: 'there was no load', how: { watts: 0 } },
  { when: 'the charge is not told', how: {}, more: { 'battery.charge': '' } },
  { when: 'it was hardly watched', how: { every: 301, lasts: 602 } },
])('nothing is measured when $when', ({ how, more }) => {
  const told = outage(how, more);
  expect(told.told).not.toContain('battery_measured');
  expect(told.battery.capacities).toBeUndefined();
  expect(told.battery.discharge).toBeUndefined();
});

test.each([
  { when: 'ten points were lost', how: { to: 90 } },
  { when: 'it lasted a minute', how: { lasts: 60 } },
  { when: 'its readings were five minutes apart', how: { every: 300 } },
])('just enough is measured when $when', ({ how }) => {
  expect(outage(how).told).toEqual(['battery_measured']);
});

test.each([
  { when: 'first', watts: [undefined, 300, 300] },
  { when: 'last', watts: [300, 300, undefined] },
])('nothing is measured when the $when watts are not known', ({ watts }) => {
  const told = new BatteryStory();
  for (const [index, power] of watts.entries()) {
    const seen = { 'battery.charge': 100 - 20 * index, 'ups.realpower': power ?? '' };
    told.read(60 * index, 'OB', seen, onBattery(0));
  }
  expect(told.read(130, 'OL', { 'battery.charge': 60 }).told).toEqual([]);
  expect(told.battery.capacities).toBeUndefined();
});

test('watts that are missing once make the sum unknown for good', () => {
  const told = new BatteryStory().read(0, 'OB', { 'battery.charge': 100, 'ups.realpower': 300 }, onBattery(0));
  told.read(30, 'OB', { 'battery.charge': 90 }, onBattery(0));
  expect(told.battery.discharge).toMatchObject({ from: 100, lowest: 90 });
  told.read(60, 'OB', { 'ups.realpower': 300 }, onBattery(0));
  expect(told.battery.discharge?.lowest).toBe(90);
  told.read(90, 'OB', { 'battery.charge': 70, 'ups.realpower': 300 }, onBattery(0));
  expect(told.battery.discharge?.wattHours).toBeUndefined();
});

test('mains that come and go take nothing meanwhile', () => {
  const seen = (charge: number): Variables => ({ 'battery.charge': charge, 'ups.realpower': 360 });
  const back = onBattery(0, { mainsSince: asInstant(100_000) });
  const told = new BatteryStory()
    .read(0, 'OB', seen(100), onBattery(0))
    .read(100, 'OB', seen(90), onBattery(0))
    .read(100.001, 'OL', seen(89), back)
    .read(200, 'OL', seen(90), back)
    .read(200.001, 'OB', seen(88), onBattery(0))
    .read(300, 'OB', seen(80), onBattery(0));
  expect(told.battery.discharge?.wattHours).toBeCloseTo(20, 2);
});

test('between two steps of the charge nothing changes', () => {
  const seen = { 'battery.charge': 90, 'ups.realpower': 300 };
  const told = new BatteryStory().read(0, 'OB', seen, onBattery(0));
  expect(told.told).toEqual([]);
  const { battery } = told;
  expect(told.read(9, 'OB', seen, onBattery(0)).battery).toBe(battery);
  expect(told.read(10, 'OB', seen, onBattery(0)).battery.discharge?.wattHours).toBeCloseTo(300 / 360);
});

test('a step of the charge counts at once', () => {
  const told = new BatteryStory()
    .read(0, 'OB', { 'battery.charge': 90, 'ups.realpower': 360 }, onBattery(0))
    .read(5, 'OB', { 'battery.charge': 89, 'ups.realpower': 360 }, onBattery(0));
  expect(told.battery.discharge).toMatchObject({ lowest: 89, last: 5000, wattHours: 0.5 });
});

test('an outage counts from the charge on mains before it', () => {
  const power = onBattery(0, { chargeBefore: 100 });
  const told = new BatteryStory().read(0, 'OB', { 'battery.charge': 90 }, power);
  expect(told.battery.discharge).toMatchObject({ from: 100, lowest: 90 });
});

test('an outage that is met in its middle counts from there', () => {
  const seen = { 'battery.charge': 70, 'ups.realpower': 300 };
  const told = new BatteryStory()
    .read(0, 'OB', {}, onBattery(0, { chargeBefore: 100 }))
    .read(1, 'OB', seen, onBattery(0, { chargeBefore: 100 }));
  expect(told.battery.discharge?.from).toBe(70);
});

test('a restart goes on with it, another boot does not', () => {
  const told = new BatteryStory().read(0, 'OB', { 'battery.charge': 70 }, onBattery(0));
  expect(batteryAfterStart(told.battery, 'same').discharge).toBe(told.battery.discharge);
  expect(batteryAfterStart(told.battery, 'new').discharge).toBeUndefined();
});

describe('against the rating', () => {
  test('what a lead battery gives in 20 minutes is not what it gives in 20 hours', () => {
    const told = outage({}, { 'battery.capacity': 9, 'battery.voltage.nominal': 24 });
    const [measured] = told.battery.capacities ?? [];
    // 100 Wh of load are 117.6 Wh of battery; emptied in a third of an hour it gives 50.5 % of its rating.
    expect(measured).toMatchObject({ wattHours: 100, ratedWattHours: 216 });
    expect(measured?.slowWattHours).toBeCloseTo(232.8, 0);
    const [fact] = told.facts;
    expect(fact).toMatchObject({ type: 'battery_measured', level: 'notice' });
    expect(fact?.details).toMatchObject({ percent: 108, against: 'rating' });
    expect(fact?.text).toMatch(/, 108 % of what its rating promises$/);
  });

  test('lithium gives all of it', () => {
    const told = outage({}, { 'battery.capacity.nominal': 9, 'battery.voltage.nominal': 24, 'battery.type': 'Li-ion' });
    expect(told.battery.capacities?.[0]?.slowWattHours).toBeCloseTo(117.6, 0);
    expect(told.battery.capacities?.[0]?.ratedWattHours).toBe(216);
  });

  test('another kind of battery gives as little as lead', () => {
    expect(outage({}, { 'battery.type': 'Alkaline' }).battery.capacities?.[0]?.slowWattHours).toBeCloseTo(232.8, 0);
  });

  test('a day on battery gives no more than the rating', () => {
    const told = outage({ lasts: 86_400, every: 60, watts: 4 });
    expect(told.battery.capacities?.[0]).toMatchObject({ wattHours: 192, slowWattHours: 225.9 });
  });

  test.each([
    { rating: 'percent for ampere-hours', more: { 'battery.capacity': 100, 'battery.voltage.nominal': 96 } },
    { rating: 'one of nothing', more: { 'battery.capacity': 0, 'battery.voltage.nominal': 24 } },
    { rating: 'less than was measured', more: { 'battery.capacity': 1, 'battery.voltage.nominal': 24 } },
    { rating: 'no volts', more: { 'battery.capacity': 9 } },
    { rating: 'no ampere-hours', more: { 'battery.voltage.nominal': 24 } },
  ])('$rating is no rating', ({ more }) => {
    expect(outage({}, more).battery.capacities?.[0]?.ratedWattHours).toBeUndefined();
  });
});

test('without a rating it is told against the best', () => {
  const first = outage({ watts: 400 });
  const second = outage({ watts: 200 }, {}, first.battery);
  expect(second.facts[0]?.text).toMatch(/, 50 % of the best measured so far$/);
  expect(second.facts[0]?.details).toMatchObject({ percent: 50, against: 'best' });
});

const measured = (slowWattHours: number, ratedWattHours?: number): MeasuredCapacity => ({
  wall: WALL,
  wattHours: slowWattHours / 2,
  slowWattHours,
  ...(ratedWattHours === undefined ? {} : { ratedWattHours }),
});

test.each([
  { term: undefined, when: 'nothing was measured', capacities: [] },
  { term: undefined, when: 'one outage was', capacities: [measured(100, 100)] },
  { term: 90, when: 'the lower of two, against the rating', capacities: [measured(95, 100), measured(90, 100)] },
  {
    term: 90,
    when: 'against the rating that is told now',
    capacities: [measured(90, 200), measured(90, 200), measured(90, 100)],
  },
  { term: 100, when: 'more than the rating', capacities: [measured(120, 100), measured(130, 100)] },
  { term: 60, when: 'the middle of three, against the best', capacities: [measured(100), measured(60), measured(20)] },
  {
    term: 40,
    when: 'the last three',
    capacities: [measured(100), measured(90), measured(40), measured(40), measured(30)],
  },
])('the term is $term: $when', ({ term, capacities }) => {
  expect(capacityTerm({ capacities })).toBe(term);
});

test('without a measurement there is no term', () => {
  expect(capacityTerm({})).toBeUndefined();
});

test('the newest ten are kept, and the best', () => {
  let { battery } = outage({ watts: 600 });
  for (let round = 0; round < 15; round += 1) ({ battery } = outage({ watts: 100 + round }, {}, battery));
  expect(battery.capacities).toHaveLength(10);
  expect(battery.capacities?.[0]?.wattHours).toBe(200);
  expect(battery.capacities?.at(-1)?.wattHours).toBeCloseTo(38);
  let same: Battery = NO_BATTERY;
  for (let round = 0; round < 12; round += 1) same = outage({}, {}, same).battery;
  expect(same.capacities).toHaveLength(10);
});

test('the story ends on mains', () => {
  expect(outage({}).read(700, 'OL', {}, ON_MAINS).battery.discharge).toBeUndefined();
});
