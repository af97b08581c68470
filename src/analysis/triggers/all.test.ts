import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { at, charges, OUTAGE, seen, tuned } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Outage } from '../../domain/power.ts';
import { seconds } from '../../domain/time.ts';
import { type Held, type Holds, TRIGGERS as NAMES, type Trigger } from '../../domain/triggers.ts';
import { judge } from './all.ts';
import type { View } from './view.ts';

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

describe('a verdict', () => {
  const inOutage = (view: View, outage: Partial<Outage> = {}): View => ({
    ...view,
    power: { ...view.power, outage: { ...OUTAGE, ...outage } },
  });
  const held = (since: number, confirmed = true): Held => ({ since: at(since), confirmed });
  const of = (trigger: Trigger, view: View, before: Holds = {}) =>
    judge(view, before).verdicts.find((verdict) => verdict.trigger === trigger);

  test('is none on mains, and what held before an outage is forgotten', () => {
    const before = { charge_below: held(50) };
    const calm = { verdicts: [], holds: {} };
    expect(judge(seen('OL', {}, { power: { fed: 'mains' } }), before)).toStrictEqual(calm);
    expect(judge(seen(undefined, {}, { power: {} }), before)).toStrictEqual(calm);
  });

  test('is none while the mains are seen again, and what held waits', () => {
    const before = { charge_below: held(50) };
    const back = seen('OL', {}, { power: { fed: 'mains', outage: { ...OUTAGE, mainsSince: at(98) } } });
    expect(judge(back, before)).toStrictEqual({ verdicts: [], holds: before });
    for (const power of [{ fed: 'mains' }, { fed: 'battery', outage: { ...OUTAGE, mainsSince: at(98) } }] as const) {
      expect(judge({ ...back, power: { outage: OUTAGE, ...power } }, {}).verdicts.length).toBeGreaterThan(0);
    }
  });

  test('of a forced shutdown on mains stands alone', () => {
    const fired = { trigger: 'fsd', kind: 'fired', why: 'a forced shutdown is set' };
    const told = seen('FSD OL', {}, { power: { fed: 'mains' } });
    expect(judge(told, {})).toStrictEqual({ verdicts: [fired], holds: {} });
    expect(judge({ ...told, fsd: 'tell' }, {}).verdicts).toEqual([]);
  });

  test('has what is measured, how far that is, and when it fires', () => {
    const view = inOutage(seen('OB', { 'battery.charge': 80.25, 'battery.runtime': 180 }));
    const charge = { trigger: 'charge_below', kind: 'quiet', value: 80.25, threshold: 20, unit: '%', margin: 60.3 };
    expect(of('charge_below', view)).toStrictEqual({ ...charge, why: 'battery charge 80.25 %, fires below 20 %' });
    const runtime = { trigger: 'runtime_below', kind: 'quiet', value: 180, threshold: 120, unit: 's', margin: 60 };
    expect(of('runtime_below', view)).toStrictEqual({
      ...{ ...runtime, firesAt: at(159), basis: 'runtime' },
      why: 'runtime left 3 min, fires below 2 min, what the plan needs',
    });
    expect(of('fsd', view)).toStrictEqual({ trigger: 'fsd', kind: 'quiet', why: 'no forced shutdown' });
  });

  test('that sees nothing has where it would fire', () => {
    const blind = { trigger: 'charge_below', kind: 'blind', threshold: 20, unit: '%' };
    expect(of('charge_below', inOutage(seen('OB')))).toStrictEqual({ ...blind, why: 'the battery charge is not told' });
  });

  test('that holds says until when, by the clock, and its margin is gone', () => {
    const view = inOutage(seen('OB', { 'battery.charge': 12 }));
    const why = 'battery charge 12 % is below 20 %';
    const told = { trigger: 'charge_below', value: 12, threshold: 20, unit: '%', margin: 0, why };
    const { verdicts, holds } = judge(view, {});
    expect(holds).toStrictEqual({ charge_below: held(98, false) });
    expect(verdicts[2]).toStrictEqual({ ...told, kind: 'holding', firesAt: at(103), basis: 'clock' });
    expect(of('charge_below', view, { charge_below: held(90) })).toStrictEqual({ ...told, kind: 'fired' });
    // Only a second reading is missing.
    const unconfirmed = of('charge_below', inOutage(seen('OB', { 'battery.charge': 12 })), {
      charge_below: held(97.5, false),
    });
    expect(unconfirmed).toMatchObject({ kind: 'holding', firesAt: at(102.5) });
    expect(of('low_battery', inOutage(seen('OB LB')), { low_battery: held(97.5, false) })?.kind).toBe('holding');
    const late = { ...inOutage(seen('OB LB')), now: at(200) };
    expect(of('low_battery', late)).toMatchObject({ kind: 'holding', firesAt: at(200) });
  });

  test.each([
    ['the silence of a device', 'dead', 99, { silentSince: at(90) }, 105],
    ['time on battery', 'on_battery_for', 97, tuned({ onBatteryFor: seconds(5) }), 102],
    ['a failed test', 'after_failed_test', 97, { ...tuned({ afterFailedTest: seconds(5) }), failedTest: true }, 102],
    ['the runtime', 'runtime_below', 97, {}, 107],
  ] as const)('for %s is as soon as it can be, with settle where it settles', (_, trigger, since, more, firesAt) => {
    const view = inOutage(seen('OB', { 'battery.runtime': 121 }, more), { since: at(since) });
    expect(of(trigger, view)?.firesAt).toBe(at(firesAt));
  });

  test('of a rate waits for settle too', () => {
    const falls = { ...charges([0, 100]), since: at(40) };
    const view = inOutage(seen('OB', { 'battery.charge': 70 }, tuned({ settle: seconds(200) })), falls);
    expect(of('depletion', view, { depletion: held(80) })).toMatchObject({ kind: 'holding', firesAt: at(240) });
  });

  test.each([
    ['the moment it began to listen', 99, 'fired', undefined],
    ['before it', 99.001, 'holding', 104],
  ] as const)('from a reading of %s counts', (_, listeningFrom, kind, firesAt) => {
    const view = inOutage(seen('OB LB', {}, { listeningFrom: at(listeningFrom), silenceFrom: at(104) }));
    const verdict = of('low_battery', view, { low_battery: held(50) });
    expect([verdict?.kind, verdict?.firesAt]).toEqual([kind, firesAt === undefined ? undefined : at(firesAt)]);
    expect(of('fsd', inOutage({ ...view, ...pick(seen('FSD OB')) }))?.kind).toBe('fired');
  });
  const pick = ({ reading }: View) => (reading === undefined ? {} : { reading });

  test('from an earlier process goes on by time until a reading of this one, once anybody can have answered', () => {
    const before = { charge_below: held(60) };
    expect(of('charge_below', inOutage(seen(undefined)), before)?.kind).toBe('fired');
    const early = inOutage(seen(undefined, {}, { silenceFrom: at(101) }));
    expect(of('charge_below', early, before)).toMatchObject({ kind: 'holding', firesAt: at(101) });
    expect(of('charge_below', inOutage(seen(undefined)), { charge_below: held(60, false) })?.kind).toBe('blind');
    expect(of('charge_below', inOutage(seen('OB')), before)?.kind).toBe('blind');
  });

  test('in a calibration is quiet, and what held before it goes on after it', () => {
    const view = inOutage(seen('OB LB CAL', { 'battery.charge': 12, 'battery.runtime': 5 }));
    const before = { charge_below: held(60), runtime_below: held(70, false) };
    const { verdicts, holds } = judge(view, before);
    expect(holds).toStrictEqual(before);
    const why = 'the device says that its battery is low, but a calibration is going on';
    expect(verdicts[1]).toStrictEqual({ trigger: 'low_battery', kind: 'quiet', why });
    expect(verdicts.map(({ kind }) => kind)).toEqual(verdicts.map(() => 'quiet'));
    // What has recovered in it does not.
    const better = inOutage(seen('OB CAL', { 'battery.charge': 50 }));
    expect(judge(better, { charge_below: held(60) }).holds).toStrictEqual({});
  });

  test('of a contradiction that is quiet anyway says why itself', () => {
    const both = inOutage(seen('OL OB', { 'battery.charge': 50 }), { proof: 'contradiction' });
    expect(of('charge_below', both)?.why).toBe('battery charge 50 %, fires below 20 %');
    expect(of('fsd', inOutage(seen('OL OB FSD'), { proof: 'contradiction' }))?.kind).toBe('fired');
  });

  test('with a sign of a test waits for a minute from the first that was seen in this outage', () => {
    const low = seen('OB LB', {}, { testing: true });
    const before = { low_battery: held(50) };
    expect(of('low_battery', inOutage(low), before)?.kind).toBe('fired');
    expect(of('low_battery', inOutage(low, { testSince: at(40) }), before)?.kind).toBe('fired');
    const waits = of('low_battery', inOutage(low, { testSince: at(41) }), before);
    expect(waits).toMatchObject({ kind: 'holding', firesAt: at(101) });
  });

  test('of a contradiction that would fire says why it does not', () => {
    const view = seen(
      'OL OB',
      { 'battery.runtime': 5 },
      { power: { fed: 'battery', outage: { ...OUTAGE, proof: 'contradiction' } } },
    );
    const { verdicts } = judge(view, {});
    const why =
      'runtime left 5 s is below 2 min, what the plan needs, but the status says mains as well and nothing else agrees';
    expect(verdicts.find(({ trigger }) => trigger === 'runtime_below')).toMatchObject({ kind: 'quiet', why });
  });
});
