import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
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

  test('does nothing while disarmed', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack', for: '60s' });
    expect(outlook(watch).effect).toBe('none');
    expect(outlook(watch.runs(62)).effect).toBe('act');
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

test.each([2, 3])('silence is told after five minutes although another of %i devices answers all the time', (count) => {
  const feeds = ['a', 'b', 'c'].slice(0, count);
  const watch = new Watch(rack(feeds));
  for (const feed of feeds) watch.says(feed, 'OL', charged);
  watch.runs(20).loses('a').runs(310);
  expect(watch.told.filter((type) => type === 'silent')).toHaveLength(1);
});
