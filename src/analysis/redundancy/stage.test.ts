import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { at, charges, OUTAGE, seen } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { StageCondition } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';
import { conditionTrigger, judgeStage } from './stage.ts';

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

describe('what a condition is about', () => {
  test.each<[StageCondition, string]>([
    [{ onBatteryFor: seconds(60) }, 'on_battery_for'],
    [{ chargeBelow: 50 }, 'charge_below'],
    [{ runtimeBelow: seconds(60) }, 'runtime_below'],
    [{ runtimeBelow: seconds(60), chargeBelow: 50 }, 'charge_below'],
    [{ runtimeBelow: seconds(60), chargeBelow: 50, onBatteryFor: seconds(60) }, 'on_battery_for'],
  ])('%j: %s', (when, trigger) => {
    expect(conditionTrigger(when)).toBe(trigger);
    expect(judgeStage(stage('shed', { runtimeBelow: seconds(60) }), out(80, 100), {})[0]?.near?.trigger).toBe(
      'runtime_below',
    );
  });
});

/** A minute into an outage in which the charge has fallen by two points a minute. */
const out = (charge: number, runtime: number) =>
  seen(
    'OB',
    { 'battery.charge': charge, 'battery.runtime': runtime },
    { power: { fed: 'battery', outage: { ...OUTAGE, ...charges([40, charge + 2], [99, charge]) } } },
  );

describe('when a condition would hold', () => {
  const near = (when: StageCondition, charge = 80, runtime = 1000) =>
    judgeStage(stage('shed', when), out(charge, runtime), {})[0]?.near;

  test.each<[string, StageCondition, string, number | undefined, string | undefined]>([
    ['time', { onBatteryFor: seconds(300) }, 'on_battery_for', 340, 'clock'],
    ['a charge that falls', { chargeBelow: 50 }, 'charge_below', undefined, 'drain'],
    ['a runtime', { runtimeBelow: seconds(400) }, 'runtime_below', 699, 'runtime'],
    [
      'the last of several, by time',
      { onBatteryFor: seconds(900), runtimeBelow: seconds(400) },
      'on_battery_for',
      940,
      'clock',
    ],
    [
      'the last of several, by runtime',
      { onBatteryFor: seconds(300), runtimeBelow: seconds(400) },
      'runtime_below',
      699,
      'runtime',
    ],
    ['what is left of it', { onBatteryFor: seconds(60), runtimeBelow: seconds(400) }, 'runtime_below', 699, 'runtime'],
  ])('is known by %s', (_, when, trigger, moment, basis) => {
    expect(near(when)).toMatchObject({
      stage: 'shed',
      trigger,
      basis,
      ...(moment === undefined ? {} : { at: at(moment) }),
    });
  });

  test('is not known where nothing says when one of them would', () => {
    const still = seen('OB', { 'battery.charge': 80 }, { power: { fed: 'battery', outage: OUTAGE } });
    const when = { chargeBelow: 50, onBatteryFor: seconds(300) };
    expect(judgeStage(stage('shed', when), still, {})).toEqual([{ stage: 'shed', met: false, holds: {} }]);
  });

  test('is not told of one that holds', () => {
    expect(judgeStage(stage('shed', { onBatteryFor: seconds(60) }), out(80, 1000), {})).toMatchObject([
      { stage: 'shed', met: true },
    ]);
    expect(near({ onBatteryFor: seconds(60) })).toBeUndefined();
  });
});

test('only what the condition names is asked: no trigger of the group, no failed test, no forced shutdown', () => {
  const worst = { 'battery.charge': 5, 'battery.runtime': 5 };
  const power = { fed: 'battery', outage: { ...OUTAGE, ...charges([40, 100], [99, 5]) } } as const;
  const view = seen('FSD OB LB', worst, {
    power,
    failedTest: true,
    settings: { ...TRIGGERS, afterFailedTest: seconds(1) },
  });
  const [judged] = judgeStage(stage('shed', { onBatteryFor: seconds(300) }), view, {});
  expect(judged).toMatchObject({ met: false, near: { trigger: 'on_battery_for', at: at(340) } });
  expect(judged?.holds).toEqual({});
  expect(judgeStage(stage('shed'), view, {})).toEqual([]);
});
