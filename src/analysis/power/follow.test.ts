import { describe, expect, test } from 'vitest';
import { WALL } from '../../../tests/kit/story.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Outage, Power } from '../../domain/power.ts';
import { type Reading, readingOf } from '../../domain/reading.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import { followPower, type PowerStep, silent } from './follow.ts';

const powerOf = (watch: Watch) => watch.state.devices.get('ups')?.power;
const outageOf = (watch: Watch) => powerOf(watch)?.outage;
const outages = (watch: Watch) => watch.told.filter((type) => type.startsWith('outage'));

const NOTHING = ['', 'WAIT', 'OFF', 'LB', 'RB', 'OVER', 'ALARM', 'CHRG', 'DISCHRG', 'TEST', 'CAL', 'GIBBERISH'];

describe('words that prove nothing', () => {
  test.each(NOTHING)('%j does not begin an outage', (words) => {
    const watch = new Watch().says('ups', 'OL').runs(5).says('ups', words).runs(120);
    expect(outages(watch)).toEqual([]);
  });

  test.each(NOTHING)('%j does not end one', (words) => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(5);
    watch.says('ups', words).runs(120);
    expect(outages(watch)).toEqual(['outage']);
    expect(outageOf(watch)).toBeDefined();
  });
});

describe('an outage', () => {
  test.each(['OL', 'OL TRIM', 'OL BOOST', 'ECO', 'HE', 'ESS', 'BYPASS', 'TRIM', 'BOOST'])(
    'ends when %s has held for mains_hold',
    (words) => {
      const watch = new Watch().says('ups', 'OB').runs(30).says('ups', words).runs(4);
      expect(outages(watch)).toEqual(['outage']);
      watch.runs(2);
      expect(outages(watch)).toEqual(['outage', 'outage_ended']);
      expect(powerOf(watch)).toMatchObject({ fed: 'mains' });
    },
  );

  test('goes on where the mains only flicker, with the same clocks', () => {
    const watch = new Watch().says('ups', 'OB').runs(20);
    const before = outageOf(watch);
    for (let time = 0; time < 5; time += 1) watch.says('ups', 'OL').runs(4).says('ups', 'OB').runs(3);
    expect(outages(watch)).toEqual(['outage']);
    expect(outageOf(watch)).toMatchObject({ id: before?.id, since: before?.since });
  });

  test('does not end with silence after the first word of mains', () => {
    const watch = new Watch().says('ups', 'OB').runs(20).says('ups', 'OL').loses('ups').runs(60);
    expect(outages(watch)).toEqual(['outage']);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('lasts from its first reading to the first of the mains that held, as told', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', { 'battery.charge': 90 }).runs(50);
    watch.says('ups', 'OB', { 'battery.charge': 83 }).runs(10).says('ups', 'OL', { 'battery.charge': 84 }).runs(10);
    const ended = watch.facts.find(({ type }) => type === 'outage_ended');
    expect(ended?.details).toMatchObject({ lasted: 60, lowest_charge: 83, by_test: false });
  });

  test('remembers the last gauges on mains', () => {
    const full = { 'battery.charge': 99, 'battery.runtime': 1800, 'battery.voltage': 27.1 };
    const watch = new Watch().says('ups', 'OL', full).runs(1).says('ups', 'OB', { 'battery.charge': 97 });
    expect(outageOf(watch)).toMatchObject({ chargeBefore: 99, runtimeBefore: 1800, voltsBefore: 27.1 });
  });

  test('of a test or calibration is told as such', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB TEST');
    expect(watch.facts.find(({ type }) => type === 'outage')).toMatchObject({ level: 'notice' });
    expect(outageOf(watch)).toMatchObject({ byTest: true });
  });

  test('with CAL and no voltage is a real one', () => {
    const watch = new Watch().says('ups', 'OB CAL', { 'input.voltage': 0, 'input.voltage.nominal': 230 });
    expect(outageOf(watch)).toMatchObject({ byTest: false });
  });

  test('that begins as a contradiction is settled by OB alone', () => {
    const watch = new Watch().says('ups', 'OL OB').runs(3);
    expect(outageOf(watch)).toMatchObject({ proof: 'contradiction' });
    watch.says('ups', 'OB').runs(1).says('ups', 'OL OB').runs(1);
    expect(outageOf(watch)).toMatchObject({ proof: 'status' });
  });

  test('keeps a bounded number of charge points, the newest whole', () => {
    const watch = new Watch(rack(['ups'], { triggers: { ...new Watch().settings.triggers, chargeBelow: 'off' } }));
    watch.says('ups', 'OB', { 'battery.charge': 100 });
    watch.runs(1500, (second) => watch.changes('ups', 'OB', { 'battery.charge': (100 - second / 20).toFixed(2) }));
    const charges = outageOf(watch)?.charges ?? [];
    expect(charges.length).toBeLessThanOrEqual(120);
    expect(charges[0]?.charge).toBe(100);
    const last = charges.slice(-40).map(({ at }) => at);
    expect(Math.max(...last.slice(1).map((at, index) => at - (last[index] ?? 0)))).toBeLessThanOrEqual(30_000);
  });
});

const UNFED = { 'input.voltage': 0, 'input.voltage.nominal': 230 };

describe('a device that never says OB', () => {
  const drains = (volts: Record<string, number>, perMinute: number, forSeconds: number, from = 90) => {
    const watch = new Watch().says('ups', 'OL', { ...volts, 'battery.charge': from });
    return watch.runs(forSeconds, (second) =>
      watch.changes('ups', 'OL', { ...volts, 'battery.charge': Math.round(from - (perMinute * second) / 60) }),
    );
  };

  test('is on battery once nothing has come in and its charge has fallen for 60 s', () => {
    expect(outages(drains(UNFED, 4, 58))).toEqual([]);
    const watch = drains(UNFED, 4, 64);
    expect(outages(watch)).toEqual(['outage']);
    expect(outageOf(watch)).toMatchObject({ proof: 'measured' });
  });

  test('is on mains at 10 % of the nominal voltage and above, whatever the charge does', () => {
    expect(outages(drains({ ...UNFED, 'input.voltage': 23 }, 4, 200))).toEqual([]);
  });

  test('is on mains while the charge stands still or rises, whatever the voltage', () => {
    expect(outages(drains(UNFED, 0, 600))).toEqual([]);
    expect(outages(drains(UNFED, -2, 100, 50))).toEqual([]);
  });

  test('is on mains where its gauge only jitters', () => {
    const watch = new Watch().says('ups', 'OL', { ...UNFED, 'battery.charge': 90 });
    watch.runs(300, (second) => watch.changes('ups', 'OL', { ...UNFED, 'battery.charge': second % 20 < 10 ? 90 : 89 }));
    expect(outages(watch)).toEqual([]);
  });

  test('is shut down in time, and the outage ends when something comes in again', () => {
    const watch = drains(UNFED, 4, 18 * 60);
    expect(watch.fired[0]).toBe('ups:charge_below');
    watch.says('ups', 'OL', { 'input.voltage': 230, 'input.voltage.nominal': 230, 'battery.charge': 20 }).runs(8);
    expect(outages(watch)).toEqual(['outage', 'outage_ended']);
    expect(watch.told).toContain('called_off');
  });

  test('begins anew with the 60 s when something has come in meanwhile', () => {
    const watch = new Watch().says('ups', 'OL', { ...UNFED, 'battery.charge': 90 });
    watch.runs(100, (second) =>
      watch.changes('ups', 'OL', {
        ...UNFED,
        'input.voltage': second === 45 ? 230 : 0,
        'battery.charge': Math.round(90 - second / 15),
      }),
    );
    expect(outages(watch)).toEqual([]);
  });
});

describe('silence', () => {
  test('begins with the last reading that proved something', () => {
    const watch = new Watch().says('ups', 'OL').runs(10);
    const last = watch.state.devices.get('ups')?.reading?.at;
    watch.changes('ups', 'WAIT').runs(5);
    expect(powerOf(watch)?.silentSince).toBe(last);
    watch.loses('ups').runs(5);
    expect(powerOf(watch)?.silentSince).toBe(last);
    watch.says('ups', 'OL');
    expect(powerOf(watch)?.silentSince).toBeUndefined();
  });

  test('on mains is told, told again, and shuts nothing down', () => {
    const watch = new Watch().says('ups', 'OL').runs(5).loses('ups').runs(4000);
    expect(watch.told.filter((type) => type === 'silent')).toHaveLength(2);
    expect(watch.told).toContain('commbad');
    expect([watch.classOf(), watch.decidedAt]).toEqual(['unknown', undefined]);
  });
});

/** One device, reading by reading, without anything around it. */
class Feed {
  power: Power = {};
  facts: PowerStep['facts'] = [];
  #previous: Reading | undefined;

  constructor(power: Power = {}) {
    this.power = power;
  }

  /** Takes in a reading that was asked and complete in this second. */
  says(second: number, status: string, vars: Readonly<Record<string, number>> = {}, testing = false): this {
    const entries = Object.entries(vars).map(([name, value]) => [name, `${value}`] as const);
    const at = asInstant(second * 1000);
    const reading = readingOf(new Map([['ups.status', status], ...entries]), at, at);
    const previous = this.#previous === undefined ? {} : { previous: this.#previous };
    const step = followPower(this.power, { reading, testing, mainsHold: seconds(5), ...previous }, { at, wall: WALL });
    this.#previous = reading;
    this.power = step.power;
    this.facts = step.facts;
    return this;
  }

  get outage(): Outage {
    if (this.power.outage === undefined) throw new Error('there is no outage');
    return this.power.outage;
  }
}

describe('one reading', () => {
  test.each([
    ['in the first reading beside OL', ['FSD OL'], true],
    ['and as long as it stands there', ['FSD OL', 'FSD OL', 'FSD'], true],
    ['not beside anything else', ['FSD'], undefined],
    ['not on battery', ['FSD OB'], undefined],
    ['not in a later reading', ['OL', 'FSD OL'], undefined],
    ['not once it has gone', ['FSD OL', 'OL'], undefined],
    ['not when it comes back', ['FSD OL', 'OL', 'FSD OL'], undefined],
    ['also beside OL and OB at once', ['FSD OL', 'FSD OL OB'], true],
    ['not once it has stood beside OB alone', ['FSD OL', 'FSD OB', 'FSD OL'], undefined],
    ['where there is none', ['OL', 'OL'], undefined],
  ])('ignores a forced shutdown %s: %j', (_, statuses, ignored) => {
    const feed = new Feed();
    for (const [second, status] of statuses.entries()) feed.says(second, status);
    expect(feed.power.fsdIgnored).toBe(ignored);
  });

  test('tells once that it ignores one', () => {
    const text = 'says FSD beside OL in the first reading after a start: told, not obeyed until it is set anew';
    const feed = new Feed().says(1, 'FSD OL');
    expect(feed.facts).toEqual([{ type: 'fsd_ignored', level: 'warning', text }]);
    expect(feed.says(2, 'FSD OL').facts).toEqual([]);
    expect(new Feed().says(1, 'OL').facts).toEqual([]);
  });

  test('remembers since when the output is off', () => {
    const feed = new Feed().says(1, 'OL').says(2, 'OL OFF').says(3, 'OL OFF');
    expect(feed.power.offSince).toBe(2000);
    expect(feed.says(4, 'OL').power).toEqual({ fed: 'mains' });
    expect(new Feed().says(1, 'OL').power).toEqual({ fed: 'mains' });
  });

  test.each([
    ['OL', {}],
    ['OL', UNFED],
    ['OL OFF', {}],
    ['OB', {}],
    ['OL OB', {}],
    ['FSD OL', {}],
  ])('%s with %j that says nothing new changes nothing', (status, more) => {
    const vars = { 'battery.charge': 90, 'battery.runtime': 900, ...more };
    const feed = new Feed().says(1, status, vars);
    const before = feed.power;
    expect(feed.says(2, status, vars).power).toBe(before);
    expect(feed.facts).toEqual([]);
  });

  test('proves mains or battery, or leaves what was proved', () => {
    const feed = new Feed();
    const fed = ['OL', 'OB', 'OL', 'OL OB', 'WAIT', 'OL', 'WAIT'].map((status, second) => {
      return feed.says(second, status).power.fed;
    });
    expect(fed).toEqual(['mains', 'battery', 'mains', 'battery', 'battery', 'mains', 'mains']);
  });

  test.each([
    ['nothing was heard', {}, 1000, undefined],
    ['it was heard', { fed: 'mains' }, 1000, 1000],
    ['nobody knows when', { fed: 'mains' }, undefined, undefined],
    ['it is silent already', { fed: 'battery', silentSince: asInstant(500) }, 1000, 500],
  ] as const)('silence where %s', (_, power: Power, last, since) => {
    const now = silent(power, last === undefined ? undefined : asInstant(last));
    expect(now.silentSince).toBe(since);
    if (since === power.silentSince) expect(now).toBe(power);
  });
});

describe('what is told of an outage', () => {
  const begins = (status: string, text: string, proof: string) => ({
    type: 'outage',
    level: 'warning',
    text,
    details: { proof, by_test: false, status },
  });

  test('how it is known', () => {
    expect(new Feed().says(1, 'OB DISCHRG').facts).toEqual([begins('OB DISCHRG', 'the mains are out', 'status')]);
    const both = 'its status says mains and battery at once, which is taken for an outage that has yet to show itself';
    expect(new Feed().says(1, 'OL OB').facts).toEqual([begins('OL OB', both, 'contradiction')]);
    const measured = 'it says that it is on mains, but nothing comes in and its charge falls: taken for an outage';
    const feed = new Feed().says(1, 'OL', { ...UNFED, 'battery.charge': 90 });
    expect(feed.says(60, 'OL', { ...UNFED, 'battery.charge': 88 }).facts).toEqual([]);
    expect(feed.says(61, 'OL', { ...UNFED, 'battery.charge': 88 }).facts).toEqual([begins('OL', measured, 'measured')]);
  });

  test('that a test is the cause', () => {
    const text = 'on battery for a test or calibration of its own';
    const details = { proof: 'status', by_test: true, status: 'OB' };
    expect(new Feed().says(1, 'OB', {}, true).facts).toEqual([{ type: 'outage', level: 'notice', text, details }]);
  });

  test('how it ended, once the mains have held for exactly mains_hold', () => {
    const feed = new Feed().says(1, 'OB', { 'battery.charge': 81 }).says(61, 'OL').says(65.9, 'OL');
    expect(feed.outage.mainsSince).toBe(61_000);
    expect(feed.says(66, 'OL').power).toEqual({ fed: 'mains', lastOutageEnded: { at: 61_000, wall: WALL } });
    const details = { outage: new Date(WALL).toISOString(), lasted: 60, by_test: false, lowest_charge: 81 };
    const text = 'the mains have held again after 1 min, lowest charge 81 %';
    expect(feed.facts).toEqual([{ type: 'outage_ended', level: 'notice', text, details }]);
  });

  test('how it ended, where no charge was seen', () => {
    const feed = new Feed().says(1, 'OB').says(61, 'OL').says(66, 'OL');
    expect(feed.facts[0]?.text).toBe('the mains have held again after 1 min');
    expect(Object.keys(feed.facts[0]?.details ?? {})).toEqual(['outage', 'lasted', 'by_test']);
  });
});

describe('what is kept of an outage', () => {
  test('nothing of gauges that were not read on mains', () => {
    const full = { 'battery.charge': 99, 'battery.runtime': 1800, 'battery.voltage': 27.1 };
    const kept = (status: string, vars = full) => Object.keys(new Feed().says(1, status, vars).says(2, 'OB').outage);
    expect(kept('OL')).toEqual(expect.arrayContaining(['chargeBefore', 'runtimeBefore', 'voltsBefore']));
    for (const keys of [kept('WAIT'), Object.keys(new Feed().says(1, 'OL').says(2, 'OB').outage)]) {
      expect(keys.filter((key) => key.endsWith('Before'))).toEqual([]);
    }
  });

  test('the runtime, to ten seconds, and LB beside it', () => {
    const feed = new Feed().says(1, 'OB', { 'battery.runtime': 600 });
    expect(feed.outage.runtimeLeft).toEqual({ seconds: 600, low: false });
    expect(feed.says(2, 'OB', { 'battery.runtime': 591 }).outage.runtimeLeft?.seconds).toBe(600);
    expect(feed.says(3, 'OB', { 'battery.runtime': 609 }).outage.runtimeLeft?.seconds).toBe(600);
    expect(feed.says(4, 'OB', { 'battery.runtime': 590 }).outage.runtimeLeft).toEqual({ seconds: 590, low: false });
    expect(feed.says(5, 'OB LB', { 'battery.runtime': 589 }).outage.runtimeLeft).toEqual({ seconds: 589, low: true });
    expect(Object.keys(feed.says(6, 'OB').outage)).not.toContain('runtimeLeft');
    const before = feed.power;
    expect(feed.says(7, 'OB').power).toBe(before);
  });

  test('since when a test shows, the first time', () => {
    const feed = new Feed().says(1, 'OB').says(2, 'OB');
    expect(feed.outage.testSince).toBeUndefined();
    expect(feed.says(3, 'OB', {}, true).outage.testSince).toBe(3000);
    expect(feed.says(4, 'OB', {}, true).outage.testSince).toBe(3000);
    expect(feed.says(5, 'OB').outage.testSince).toBe(3000);
  });

  test.each([
    ['no sign of it for a minute', 'OB', {}, false, 61, true],
    ['less than a minute', 'OB', {}, false, 60.9, false],
    ['a sign of it', 'OB', {}, true, 61, false],
    ['a calibration', 'OB CAL', {}, false, 61, false],
    ['nothing that comes in', 'OB', UNFED, true, 2, true],
  ] as const)('a test with %s', (_, status, vars, testing, second, isReal) => {
    const feed = new Feed().says(1, 'OB', {}, true).says(second, status, vars, testing);
    expect(feed.outage.byTest).toBe(!isReal);
    expect(feed.facts.map(({ type, level }) => [type, level])).toEqual(isReal ? [['outage', 'warning']] : []);
  });

  test('no second word of one that was none', () => {
    expect(new Feed().says(1, 'OB').says(90, 'OB').facts).toEqual([]);
  });

  test('the charge every 30 s, every 5 s where it moves, and the lowest at once', () => {
    const feed = new Feed();
    const points = () => feed.outage.charges.map(({ at, charge }) => [at / 1000, charge]);
    const says = (second: number, charge: number) => feed.says(second, 'OB', { 'battery.charge': charge });
    says(0, 100);
    says(4.9, 99);
    expect([points(), feed.outage.lowestCharge]).toEqual([[[0, 100]], 99]);
    says(5, 98);
    says(10, 98);
    says(34.9, 98);
    expect(points().at(-1)).toEqual([5, 98]);
    says(35, 98);
    expect(points().map(([at]) => at)).toEqual([0, 5, 35]);
    says(40, 99);
    expect([points().at(-1), feed.outage.lowestCharge]).toEqual([[40, 99], 98]);
  });

  test('nothing new of the charge while the mains are seen again', () => {
    const feed = new Feed().says(0, 'OB', { 'battery.charge': 90 }).says(40, 'OL', { 'battery.charge': 80 });
    expect([feed.outage.charges.length, feed.outage.lowestCharge]).toEqual([1, 90]);
    const before = feed.outage;
    expect(feed.says(41, 'OL', { 'battery.charge': 70 }).outage).toBe(before);
    expect(feed.says(42, 'WAIT', { 'battery.charge': 60 }).outage).toBe(before);
  });

  test('of words that prove nothing the charge alone, and nothing where they say nothing new', () => {
    const feed = new Feed().says(0, 'OB', { 'battery.charge': 90 }).says(40, 'WAIT', { 'battery.charge': 80 });
    expect(feed.outage.lowestCharge).toBe(80);
    const before = feed.power;
    expect(feed.says(41, 'WAIT', { 'battery.charge': 80 }).power).toBe(before);
  });

  test('of 121 points every second one of the older half goes, and never the first', () => {
    const feed = new Feed();
    for (let point = 0; point < 120; point += 1) feed.says(point * 5, 'OB', { 'battery.charge': 100 - point / 2 });
    expect(feed.outage.charges.length).toBe(120);
    feed.says(600, 'OB', { 'battery.charge': 40 });
    const kept = feed.outage.charges.map(({ at }) => at / 5000);
    const all = Array.from({ length: 121 }, (_, index) => index);
    expect(kept).toEqual(all.filter((index) => index > 60 || index % 2 === 0));
  });
});

describe('an outage that only measurements show', () => {
  const unfed = (second: number, charge: number) => [second, 'OL', { ...UNFED, 'battery.charge': charge }] as const;
  const powerAfter = (...readings: readonly (readonly [number, string, Record<string, number>])[]) => {
    const feed = new Feed();
    for (const reading of readings) feed.says(...reading);
    return feed.power;
  };

  test.each([
    ['two points in 60 s', [unfed(0, 90), unfed(60, 88)], true],
    ['in less', [unfed(0, 90), unfed(59, 88)], false],
    ['one point', [unfed(0, 90), unfed(60, 89)], false],
    ['two points in ten minutes', [unfed(0, 90), unfed(600, 88)], true],
    ['in more', [unfed(0, 90), unfed(601, 88)], false],
    ['after it rose', [unfed(0, 90), unfed(30, 91), unfed(60, 88)], false],
    ['that stays where it fell to', [unfed(0, 90), unfed(10, 88), unfed(60, 88)], true],
    ['without a charge', [unfed(0, 90), [30, 'OL', UNFED], unfed(60, 88)], false],
  ] as const)('%s', (_, readings, isOut) => {
    expect(powerAfter(...readings).outage !== undefined).toBe(isOut);
  });

  test('is watched for by nothing else, and forgotten on battery', () => {
    expect(powerAfter(unfed(0, 90)).unfed).toEqual({ since: 0, charge: 90, lowest: 90 });
    expect(powerAfter(unfed(0, 90), unfed(1, 89)).unfed).toEqual({ since: 0, charge: 90, lowest: 89 });
    expect(powerAfter(unfed(0, 90), [1, 'OB', { ...UNFED, 'battery.charge': 90 }])).not.toHaveProperty('unfed');
  });

  test('goes on without a charge for as long as nothing comes in', () => {
    const out = [unfed(0, 90), unfed(60, 88), [90, 'OL', UNFED]] as const;
    expect(powerAfter(...out).outage).toMatchObject({ proof: 'measured' });
    expect(powerAfter(...out).outage).not.toHaveProperty('mainsSince');
  });

  test('is one that the status says as soon as it says OB', () => {
    const out = [unfed(0, 90), unfed(60, 88), [90, 'OB', { ...UNFED, 'battery.charge': 80 }]] as const;
    expect(powerAfter(...out).outage).toMatchObject({ proof: 'status' });
  });
});
