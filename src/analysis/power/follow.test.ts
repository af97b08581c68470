import { describe, expect, test } from 'vitest';
import { rack, Watch } from '../../../tests/kit/watch.ts';

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
