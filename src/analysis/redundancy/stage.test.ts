import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { StageCondition } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';

const stage = (name: string, when?: StageCondition) => ({
  name,
  ...(when === undefined ? {} : { when }),
  steps: [],
  restore: [],
});
const shedding = (when: StageCondition, feeds = ['ups'], more = {}) =>
  rack(feeds, { stages: [stage('shed', when), stage('halt')], ...more });
const stagesOf = (watch: Watch) => watch.runsOrdered.map(({ stages, halt, second }) => [second, stages, halt]);
const gauges = (charge: number, runtime = 3000) => ({ 'battery.charge': charge, 'battery.runtime': runtime });

describe('the condition of a stage', () => {
  test('on_battery_for runs the stage at its limit, without the halt', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(60) })).says('ups', 'OL').says('ups', 'OB', gauges(90));
    watch.runs(120);
    expect(stagesOf(watch)).toEqual([[60, ['shed'], false]]);
    expect(watch.told).toContain('shed');
  });

  test.each([
    [50, []],
    [49, [[10, ['shed'], false]]],
  ])('charge_below 50 at %s %%: %j, with settle and hold like a trigger', (charge, expected) => {
    const watch = new Watch(shedding({ chargeBelow: 50 })).says('ups', 'OL').says('ups', 'OB', gauges(charge));
    expect(stagesOf(watch.runs(60))).toEqual(expected);
  });

  test.each([
    [1000, []],
    [999, [[10, ['shed'], false]]],
  ])('runtime_below 1000 s at %s s: %j', (runtime, expected) => {
    const when = { runtimeBelow: seconds(1000) };
    const watch = new Watch(shedding(when)).says('ups', 'OL').says('ups', 'OB', gauges(90, runtime)).runs(60);
    expect(stagesOf(watch)).toEqual(expected);
  });

  test('all that is given has to hold', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(30), chargeBelow: 50 }));
    watch.says('ups', 'OL').says('ups', 'OB', { 'battery.charge': 55 }).runs(120);
    expect(stagesOf(watch)).toEqual([]);
    watch.says('ups', 'OB', { 'battery.charge': 45 }).runs(10);
    expect(stagesOf(watch)).toEqual([[125, ['shed'], false]]);
  });

  test('on mains never holds', () => {
    const watch = new Watch(shedding({ chargeBelow: 50 })).says('ups', 'OL LB', gauges(5, 5)).runs(120);
    expect(stagesOf(watch)).toEqual([]);
  });

  test('by a charge that is not trusted never holds', () => {
    const more = { ...shedding({ chargeBelow: 50 }), devices: [declared('ups', { trustCharge: false })] };
    expect(stagesOf(new Watch(more).says('ups', 'OB', gauges(5)).runs(120))).toEqual([]);
  });

  test('of several feeds counts like the quorum', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(60) }, ['a', 'b']));
    watch.says('a', 'OL', gauges(90)).says('b', 'OL', gauges(90)).runs(20).says('a', 'OB', gauges(90)).runs(120);
    expect(stagesOf(watch)).toEqual([]);
    watch.says('b', 'OB', gauges(90));
    const second = watch.second;
    watch.runs(120);
    expect(stagesOf(watch)).toEqual([[second + 60, ['shed'], false]]);
  });

  test('of one feed counts beside one that is unknown', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(60) }, ['a', 'b']));
    watch.says('a', 'OL', gauges(90)).says('b', 'OL', gauges(90)).runs(20).loses('b').runs(30);
    watch.says('a', 'OB', gauges(90));
    const second = watch.second;
    watch.runs(120);
    expect(stagesOf(watch)).toEqual([[second + 60, ['shed'], false]]);
  });
});

describe('stages and the plan', () => {
  test('a stage without condition runs only when the group fires, after all earlier ones', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(300) })).says('ups', 'OL').says('ups', 'OB LB').runs(20);
    expect(stagesOf(watch)).toEqual([[5, ['shed', 'halt'], true]]);
  });

  test('shedding grows to the whole plan in one and the same run', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(30) })).says('ups', 'OL').says('ups', 'OB', gauges(90));
    watch.runs(60).says('ups', 'OB LB', gauges(15)).runs(20);
    expect(stagesOf(watch).map(([, stages, halt]) => [stages, halt])).toEqual([
      [['shed'], false],
      [['shed', 'halt'], true],
    ]);
    expect(new Set(watch.runsOrdered.map(({ run }) => run)).size).toBe(1);
  });

  test('mains call shedding off', () => {
    const watch = new Watch(shedding({ onBatteryFor: seconds(30) })).says('ups', 'OL').says('ups', 'OB', gauges(90));
    watch.runs(60).says('ups', 'OL', gauges(90)).runs(7);
    expect(watch.intents.at(-1)).toMatchObject({ kind: 'call-off', group: 'rack' });
    expect(watch.run()).toBeUndefined();
  });

  test('stages are ordered in their order, whichever condition holds first', () => {
    const stages = [stage('one', { onBatteryFor: seconds(90) }), stage('two', { onBatteryFor: seconds(30) })];
    const watch = new Watch(rack(['ups'], { stages })).says('ups', 'OL').says('ups', 'OB', gauges(90)).runs(120);
    expect(stagesOf(watch)).toEqual([
      [30, ['two'], false],
      [90, ['one', 'two'], false],
    ]);
  });

  test('a forced shutdown that is obeyed does not meet the condition of a stage alone', () => {
    const off = { ...TRIGGERS, onBatteryFor: 'off' as const };
    const watch = new Watch(shedding({ onBatteryFor: seconds(30) }, ['ups'], { triggers: off }));
    watch.says('ups', 'OL').says('ups', 'FSD OL').runs(2);
    expect(stagesOf(watch)).toEqual([[0, ['shed', 'halt'], true]]);
  });
});
