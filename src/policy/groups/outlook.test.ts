import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { StageCondition, StageSettings } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';

const outlook = (watch: Watch) => watch.group().outlook;
const charged = { 'battery.charge': 80, 'battery.runtime': 375 };

const limited = rack(['ups'], { triggers: { ...TRIGGERS, onBatteryFor: seconds(120) } });

describe('the outlook', () => {
  test('knows nothing before anything is heard', () => {
    expect(outlook(new Watch().runs(20))).toMatchObject({ state: 'blind', effect: 'act' });
  });

  test('is calm on mains', () => {
    const watch = new Watch().says('ups', 'OL', charged).runs(20);
    expect(outlook(watch)).toMatchObject({ state: 'calm', text: expect.stringContaining('the halt of this host') });
    expect(outlook(watch).next).toBeUndefined();
  });

  test('in an outage says what comes first, when, and from what', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged);
    expect(outlook(watch)).toMatchObject({
      state: 'outage',
      next: { device: 'ups', trigger: 'runtime_below', at: watch.stamp.at + 300_000, basis: 'runtime' },
    });
  });

  test('announces a silence before it kills', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(3).loses('ups').runs(2);
    expect(outlook(watch).next).toMatchObject({ trigger: 'dead', at: watch.stamp.at + 13_000 });
  });

  test('is what then happens: the moment it names is the moment of the decision', () => {
    const watch = new Watch(limited).says('ups', 'OL').says('ups', 'OB').runs(30);
    const { next } = outlook(watch);
    const in_ = ((next?.at ?? 0) - watch.stamp.at) / 1000;
    const named = watch.second + in_;
    watch.runs(in_ + 5);
    expect([watch.decidedAt, watch.fired[0]]).toEqual([named, `ups:${next?.trigger}`]);
  });

  test('while a plan runs says so, with nothing next', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10);
    expect(outlook(watch)).toMatchObject({ state: 'running', text: expect.stringContaining('the halt of this host') });
    expect(outlook(watch).next).toBeUndefined();
  });

  test('of a group with a spare names the feed whose loss is one too many', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OB', { 'battery.runtime': 175 });
    watch.says('b', 'OB', { 'battery.runtime': 375 }).runs(1);
    expect(outlook(watch).next).toMatchObject({ device: 'b', trigger: 'runtime_below' });
  });

  test.each([
    [{ armed: false }, 'none', 'not armed'],
    [{ dryRun: true }, 'dry-run', 'dry run'],
    [{}, 'act', 'the halt of this host'],
  ])('with %j does %s', (less, effect, text) => {
    const watch = new Watch({ ...rack(), ...less }).says('ups', 'OL').runs(1);
    expect(outlook(watch)).toMatchObject({ effect, text: expect.stringContaining(text) });
  });

  test.each<[string, () => Watch, string]>([
    [
      'of nobody heard',
      () => new Watch().runs(20),
      'nothing is known of any feed: nothing is shut down for that alone',
    ],
    [
      'on mains',
      () => new Watch().says('ups', 'OL', charged).runs(2),
      'on mains; an outage leads to: the halt of this host',
    ],
    [
      'on mains, with a feed missing',
      () => new Watch(rack(['a', 'b'])).says('a', 'OL', charged).runs(20),
      'on mains, 1 of 2 feeds not healthy; an outage leads to: the halt of this host',
    ],
    [
      'on battery, with feeds to spare',
      () => new Watch(rack(['a', 'b'])).says('a', 'OB', charged).says('b', 'OL', charged).runs(1),
      'on battery (1 more can be lost); nothing in sight yet; leads to: the halt of this host',
    ],
    [
      'on battery',
      () => new Watch({ ...limited, devices: [declared('ups', { label: 'Rack UPS' })] }).says('ups', 'OB', {}).runs(1),
      'on battery; next: time on battery of Rack UPS, fires after 2 min on battery; leads to: the halt of this host',
    ],
    [
      'decided',
      () => new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10),
      'shutdown decided: the halt of this host',
    ],
  ])('in one line: %s', (_, watch, text) => {
    expect(outlook(watch()).text).toBe(text);
  });

  test('of three feeds with one to spare names the second that would go, whatever their order', () => {
    const lasts = { a: 500, b: 300, c: 400 };
    const feeds = Object.keys(lasts);
    const watch = new Watch(rack(feeds, { minHealthy: 2 }));
    for (const [id, runtime] of Object.entries(lasts)) watch.says(id, 'OB', { 'battery.runtime': runtime });
    expect(outlook(watch.runs(1)).next).toMatchObject({ device: 'c', trigger: 'runtime_below' });
  });

  test('does nothing while disarmed', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack', for: '60s' });
    expect(outlook(watch).effect).toBe('none');
    expect(outlook(watch.runs(62)).effect).toBe('act');
  });
});

describe('the outlook of a group with stages', () => {
  const stage = (name: string, when: StageCondition) => ({ name, when, steps: [], restore: [] });
  const staged = (feeds: readonly string[], ...stages: readonly StageSettings[]) =>
    rack(feeds, { triggers: { ...TRIGGERS, onBatteryFor: seconds(120), runtimeBelow: 'off' }, stages });
  const next = (watch: Watch) => {
    const { at, stage: name, trigger, device } = outlook(watch).next ?? {};
    return [name, device, trigger, at === undefined ? undefined : Math.round((at - watch.stamp.at) / 1000)];
  };
  const out = (more: ReturnType<typeof rack>, ...feeds: readonly string[]) => {
    const watch = new Watch(more);
    for (const feed of feeds) watch.says(feed, 'OL', charged);
    for (const feed of feeds) watch.says(feed, 'OB', charged);
    return watch;
  };

  test('names the stage that comes first, then the next one, then the group', () => {
    const watch = out(
      staged(['ups'], stage('one', { onBatteryFor: seconds(30) }), stage('two', { onBatteryFor: seconds(60) })),
      'ups',
    );
    expect(next(watch)).toEqual(['one', 'ups', 'on_battery_for', 30]);
    expect(outlook(watch).text).toContain('next: stage one, time on battery of ups');
    expect(next(watch.runs(31))).toEqual(['two', 'ups', 'on_battery_for', 29]);
    expect(outlook(watch).text).toBe(
      'stage one decided; next: stage two, time on battery of ups, fires after 1 min on battery; then: the halt of this host',
    );
    expect(next(watch.runs(30))).toEqual([undefined, 'ups', 'on_battery_for', 59]);
    expect(outlook(watch.runs(60)).next).toBeUndefined();
  });

  test('the moment it names is the moment of the order', () => {
    const watch = out(staged(['ups'], stage('one', { onBatteryFor: seconds(30), chargeBelow: 85 })), 'ups').runs(5);
    const [, , , in_] = next(watch);
    const named = watch.second + Number(in_);
    expect(watch.runs(40).decidedAt).toBe(named);
  });

  test('of a condition of several parts names what comes last, and nothing while a part has no moment', () => {
    const watch = out(staged(['ups'], stage('one', { onBatteryFor: seconds(30), chargeBelow: 50 })), 'ups');
    expect(next(watch.runs(2))).toEqual([undefined, 'ups', 'on_battery_for', 118]);
    const part = out(staged(['ups'], stage('one', { runtimeBelow: seconds(360), onBatteryFor: seconds(10) })), 'ups');
    expect(next(part)).toEqual(['one', 'ups', 'runtime_below', 15]);
  });

  test('a stage after the group is not next', () => {
    expect(next(out(staged(['ups'], stage('late', { onBatteryFor: seconds(300) })), 'ups'))[0]).toBeUndefined();
  });

  test('in a pair waits for the feed that is one too many', () => {
    const pair = staged(['a', 'b'], stage('one', { onBatteryFor: seconds(30) }));
    const watch = out(pair, 'a').says('b', 'OL', charged).runs(10);
    expect(next(watch)).toEqual([undefined, undefined, undefined, undefined]);
    expect(next(watch.says('b', 'OB', charged))).toEqual(['one', 'b', 'on_battery_for', 30]);
    expect(next(watch.runs(25))).toEqual(['one', 'b', 'on_battery_for', 5]);
  });

  test('counts a feed that the triggers of the group take before', () => {
    const pair = staged(['a', 'b'], stage('one', { onBatteryFor: seconds(30) }));
    const watch = out(pair, 'a').says('b', 'OL', charged).runs(1).changes('a', 'OB LB', charged).runs(8);
    expect(watch.classOf('a')).toBe('critical');
    expect(next(watch.says('b', 'OB', charged))).toEqual(['one', 'b', 'on_battery_for', 30]);
  });

  test('of a pair of which one feed is absent needs the other alone', () => {
    const pair = staged(['a', 'ghost'], stage('one', { onBatteryFor: seconds(30) }));
    expect(next(out({ ...pair, devices: [declared('a')] }, 'a').runs(20))).toEqual(['one', 'a', 'on_battery_for', 10]);
  });

  test('names the end of what a person has silenced', () => {
    const watch = out(staged(['ups'], stage('one', { onBatteryFor: seconds(30) })), 'ups')
      .runs(31)
      .asks('cancel');
    expect(next(watch.runs(1))[0]).toBeUndefined();
    watch.runs(90).asks('cancel').runs(1);
    expect(next(watch)).toEqual([undefined, 'ups', 'on_battery_for', 299]);
    expect(outlook(watch).text).toContain('which a person has silenced until then');
  });

  test('names the end of a stage that a person has silenced, where nothing else comes', () => {
    const off = { ...TRIGGERS, onBatteryFor: 'off' as const };
    const only = rack(['ups'], { triggers: off, stages: [stage('one', { chargeBelow: 85 })] });
    const watch = out(only, 'ups').runs(20).asks('cancel').runs(1);
    expect(next(watch)).toEqual(['one', 'ups', 'charge_below', 299]);
    expect(watch.runs(298).runsOrdered).toHaveLength(1);
    expect(watch.runs(2).runsOrdered).toHaveLength(2);
  });

  test('a silenced stage comes no sooner than the silence ends', () => {
    const only = staged(['ups'], stage('one', { chargeBelow: 85, onBatteryFor: seconds(30) }));
    const watch = out(only, 'ups').runs(31).asks('cancel').changes('ups', 'OB', { 'battery.charge': 95 }).runs(2);
    expect(next(watch)[0]).toBeUndefined();
  });

  test('never silences what nobody can wait out', () => {
    const watch = out(rack(), 'ups').says('ups', 'OB LB', charged).runs(8).asks('cancel').runs(2);
    expect(outlook(watch)).toMatchObject({ state: 'running' });
  });
});

describe('readiness', () => {
  const readiness = (watch: Watch) => watch.group().readiness;
  // The plan of the kit needs 75 s, which is 80 % of 93.75 s.
  test.each([
    [94, true],
    [93, false],
  ])('a full battery that lasts %i s: %s', (runtime, ready) => {
    const watch = new Watch().says('ups', 'OL', { 'battery.charge': 100, 'battery.runtime': runtime }).runs(20);
    expect(readiness(watch).ready).toBe(ready);
    expect(watch.told.includes('not_ready')).toBe(!ready);
  });

  test('is told once everything has had time to answer, although devices answer all the time', () => {
    const watch = new Watch(rack(['ups', 'ghost'])).runs(3).says('ups', 'OL', charged).runs(30);
    expect(watch.told.filter((type) => type === 'not_ready')).toHaveLength(1);
  });

  test('a feed that is unknown makes the group not ready, and its return ready', () => {
    const watch = new Watch().says('ups', 'OL', charged).runs(30).loses('ups').runs(30);
    expect(readiness(watch)).toMatchObject({ ready: false, reasons: [expect.stringContaining('ups')] });
    watch.says('ups', 'OL', charged).runs(2);
    expect(watch.told.filter((type) => type === 'not_ready' || type === 'ready')).toEqual(['not_ready', 'ready']);
  });

  test('a feed that no entry declares is not ready until a source lists it', () => {
    const watch = new Watch({ ...rack(['ups', 'ghost']), devices: [declared('ups')] }).says('ups', 'OL', charged);
    expect(readiness(watch.runs(20))).toMatchObject({ ready: false, reasons: ['ghost: no source lists it yet'] });
  });

  test('a feed that tells neither charge nor runtime is said', () => {
    const watch = new Watch().says('ups', 'OL').runs(20);
    expect(readiness(watch).reasons[0]).toContain('neither charge nor runtime');
  });

  test('slack is what the smallest runtime leaves beyond the need, to 10 s', () => {
    const watch = new Watch(rack(['a', 'b'], { halt: { ...HALT, usual: seconds(15) } }));
    watch.says('a', 'OL', { 'battery.runtime': 1000 }).says('b', 'OL', { 'battery.runtime': 377 }).runs(1);
    expect(watch.group().slack).toBe(300_000);
  });
});

test('slack does not count what a feed that is lost or silent has said last', () => {
  const watch = new Watch(rack(['a', 'b']));
  watch.says('a', 'OL', { 'battery.runtime': 1000 }).says('b', 'OL', { 'battery.runtime': 377 }).runs(1);
  expect(watch.loses('b').runs(1).group().slack).toBe(930_000);
  expect(watch.says('b', 'WAIT', { 'battery.runtime': 377 }).runs(1).group().slack).toBe(930_000);
  expect(watch.says('b', 'OL', { 'battery.runtime': 377 }).runs(1).group().slack).toBe(300_000);
  expect(watch.loses('a').loses('b').runs(1).group().slack).toBeUndefined();
});

test.each([2, 3])('silence is told after five minutes although another of %i devices answers all the time', (count) => {
  const feeds = ['a', 'b', 'c'].slice(0, count);
  const watch = new Watch(rack(feeds));
  for (const feed of feeds) watch.says(feed, 'OL', charged);
  watch.runs(20).loses('a').runs(310);
  expect(watch.told.filter((type) => type === 'silent')).toHaveLength(1);
});
