import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';
import { TRIGGERS as NAMES } from '../../domain/triggers.ts';

/** Readings by which each trigger but FSD and silence fires. */
const GRAVE: readonly (readonly [name: string, status: string, vars: Record<string, number>])[] = [
  ['low_battery', 'OB LB', { 'battery.charge': 50 }],
  ['charge_below', 'OB', { 'battery.charge': 12 }],
  ['runtime_below', 'OB', { 'battery.runtime': 30 }],
  ['on_battery_for', 'OB', { 'battery.charge': 60 }],
];
const more = rack(['ups'], { triggers: { ...TRIGGERS, onBatteryFor: seconds(100) } });
const begin = () => new Watch(more).says('ups', 'OL', { 'battery.charge': 60 }).runs(5);

test('verdicts come in the order of the triggers, without those that are off', () => {
  const all = { ...TRIGGERS, onBatteryFor: seconds(100), afterFailedTest: seconds(50) };
  const watch = new Watch(rack(['ups'], { triggers: all }));
  watch.says('ups', 'OB', { 'ups.test.result': 'failed' }).runs(1);
  const verdicts = watch.group().members.get('ups')?.verdicts ?? [];
  expect(verdicts.map(({ trigger }) => trigger)).toEqual(NAMES);
});

describe('a calibration', () => {
  test.each(GRAVE)('quiets %s', (_, status, vars) => {
    const watch = begin().says('ups', `${status} CAL`, vars).runs(300);
    expect(watch.decidedAt).toBeUndefined();
  });

  test.each(GRAVE.slice(0, 3))('quiets %s in the same reading only', (name, status, vars) => {
    const watch = begin().says('ups', 'OB CAL', vars).runs(40).says('ups', status, vars);
    const said = watch.second;
    watch.runs(20);
    expect(watch.fired).toEqual([`ups:${name}`]);
    // The hold begins with the first reading that agrees, settle has long passed.
    expect((watch.decidedAt ?? 0) - said).toBeLessThanOrEqual(6);
  });

  test.each(GRAVE)('does not quiet %s while nothing comes in', (name, status, vars) => {
    const unfed = { ...vars, 'input.voltage': 0, 'input.voltage.nominal': 230 };
    const watch = begin().says('ups', `${status} CAL`, unfed).runs(120);
    expect(watch.fired[0]).toBe(`ups:${name}`);
  });

  test('quiets everything but a forced shutdown', () => {
    expect(begin().says('ups', 'OB CAL FSD').fired).toEqual(['ups:fsd']);
  });

  test('quiets the conditions of stages as well', () => {
    const stages = [{ name: 'shed', when: { onBatteryFor: seconds(30) }, steps: [], restore: [] }];
    const watch = new Watch(rack(['ups'], { stages })).says('ups', 'OB CAL', { 'battery.charge': 50 }).runs(60);
    expect(watch.decidedAt).toBeUndefined();
  });
});

describe('other evidence of a test', () => {
  test.each([
    ['OB TEST', {}],
    ['OB', { 'ups.test.result': 'In progress' }],
  ])('%s with %j delays by at most 60 s', (status, vars) => {
    const watch = begin();
    const began = watch.second;
    watch.says('ups', status, { 'battery.charge': 12, ...vars }).runs(120);
    expect((watch.decidedAt ?? 0) - began).toBe(60);
  });

  test('delays for a minute in all, however often it comes and goes', () => {
    const watch = begin();
    const began = watch.second;
    const low = { 'battery.charge': 12 };
    watch.runs(200, (second) => watch.changes('ups', second % 8 < 5 ? 'OB TEST' : 'OB', low));
    expect((watch.decidedAt ?? 0) - began).toBeLessThanOrEqual(62);
  });

  test('delays no longer than it lasts', () => {
    const watch = begin();
    watch.says('ups', 'OB TEST', { 'battery.charge': 12 }).runs(20);
    const over = watch.second;
    watch.says('ups', 'OB', { 'battery.charge': 12 }).runs(5);
    expect(watch.decidedAt).toBe(over);
  });

  test('delays neither a forced shutdown nor the death of a device', () => {
    expect(begin().says('ups', 'OB TEST FSD').fired).toEqual(['ups:fsd']);
    const watch = begin();
    const last = watch.second;
    watch.says('ups', 'OB TEST').loses('ups').runs(60);
    expect((watch.decidedAt ?? 0) - last).toBe(15);
  });
});

describe('OL with OB', () => {
  const contradiction = (vars: Record<string, number>, status = 'OL OB') =>
    new Watch(more).says('ups', 'OL', { 'battery.charge': 100 }).runs(5).says('ups', status, vars);

  test('is an outage, and nothing but its status fires nothing', () => {
    const watch = contradiction({ 'battery.runtime': 20, 'battery.charge': 99 }).runs(600);
    expect([watch.told.includes('outage'), watch.decidedAt]).toEqual([true, undefined]);
  });

  test('fires with LB', () => {
    expect(contradiction({}, 'OL OB LB').runs(10).fired).toEqual(['ups:low_battery']);
  });

  test('fires with FSD', () => {
    expect(contradiction({}, 'OL OB FSD').fired).toEqual(['ups:fsd']);
  });

  test('fires with a charge that falls', () => {
    const watch = contradiction({ 'battery.charge': 100 });
    watch.runs(400, (second) => watch.changes('ups', 'OL OB', { 'battery.charge': Math.round(100 - second / 4) }));
    expect(watch.fired.length).toBeGreaterThan(0);
  });

  test.each([
    ['below the transfer point', { 'input.voltage': 180, 'input.transfer.low': 190 }, true],
    ['at the transfer point', { 'input.voltage': 190, 'input.transfer.low': 190 }, false],
    ['of nothing', { 'input.voltage': 0 }, true],
    ['of the mains', { 'input.voltage': 230, 'input.transfer.low': 190 }, false],
  ])('with an input voltage %s', (_, vars, fires) => {
    const watch = contradiction({ ...vars, 'battery.runtime': 20 }).runs(60);
    expect(watch.decidedAt !== undefined).toBe(fires);
  });

  test('ends when OL alone has held', () => {
    const watch = contradiction({}).runs(30).says('ups', 'OL').runs(7);
    expect(watch.told.filter((type) => type.startsWith('outage'))).toEqual(['outage', 'outage_ended']);
  });
});

test('while the mains flicker nothing fires but a forced shutdown', () => {
  const grave = { 'battery.charge': 5, 'battery.runtime': 5 };
  const watch = begin().says('ups', 'OB', grave).runs(5).says('ups', 'OL LB', grave).runs(4);
  expect(watch.decidedAt).toBeUndefined();
  expect(watch.says('ups', 'OL LB FSD', grave).fired).toEqual(['ups:fsd']);
});
