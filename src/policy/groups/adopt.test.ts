import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';

const LOW = { 'battery.charge': 15 };
const charged = { 'battery.charge': 80, 'battery.runtime': 2000 };
const limited = rack(['ups'], { triggers: { ...TRIGGERS, onBatteryFor: seconds(100) } });

describe('after a restart in the same boot', () => {
  test('a hold goes on', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', charged).runs(20).says('ups', 'OB', LOW).runs(3);
    const began = watch.second - 3;
    watch.restart().says('ups', 'OB', LOW).runs(10);
    expect((watch.decidedAt ?? 0) - began).toBeLessThanOrEqual(6);
  });

  test('a hold that was confirmed fires as it would have, although the device has fallen silent', () => {
    const told = { ...LOW, 'battery.runtime': 2000 };
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', charged).runs(20).says('ups', 'OB', told).runs(2);
    const began = watch.second - 2;
    watch.loses('ups').restart().loses('ups').runs(90);
    expect((watch.decidedAt ?? 0) - began).toBeLessThanOrEqual(5 + 5);
  });

  test('the clocks of an outage go on', () => {
    const watch = new Watch(limited).says('ups', 'OL').says('ups', 'OB', charged).runs(60).restart(1);
    watch.says('ups', 'OB', charged).runs(60);
    expect(watch.decidedAt).toBe(100);
  });

  test('a run goes on, ordered once', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10);
    const run = watch.run();
    watch.restart(1).runs(3).says('ups', 'OB LB').runs(30);
    expect(watch.run()).toEqual(run);
    expect(new Set(watch.runsOrdered.map(({ run: id }) => id)).size).toBe(1);
  });

  test('a run is called off by mains that come back meanwhile', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10).restart(1).says('ups', 'OL').runs(8);
    expect(watch.told).toContain('called_off');
  });

  test('a run is not called off by a device that is not heard', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10).hangs('ups').restart(1).runs(60);
    expect(watch.told).not.toContain('called_off');
  });

  test('a disarming goes on', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack', for: '10m' }).runs(5).restart(1);
    watch.says('ups', 'OB LB').runs(60);
    expect(watch.runsOrdered).toEqual([]);
  });

  test('the flicker of mains that was seen before it ends as it would have', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', charged).runs(20).says('ups', 'OL', charged).runs(2);
    watch.restart().says('ups', 'OL', charged).runs(7);
    expect(watch.told.filter((type) => type === 'outage_ended')).toHaveLength(1);
  });
});

describe('after a reboot', () => {
  const outage = () => new Watch(limited).says('ups', 'OL').says('ups', 'OB', charged).runs(60);
  const running = () => new Watch().says('ups', 'OL').says('ups', 'OB LB', charged).runs(20);

  test('nothing restored fires or starts the silence before a proof', () => {
    const watch = outage().reboot().runs(600);
    expect([watch.decidedAt, watch.classOf()]).toEqual([undefined, 'unknown']);
    watch.loses('ups').runs(600);
    expect(watch.decidedAt).toBeUndefined();
  });

  test.each(['', 'WAIT', 'LB', 'ALARM', 'CHRG'])('%j is no proof', (words) => {
    const watch = running().reboot();
    watch.says('ups', words, LOW).runs(60);
    expect([watch.runsOrdered.length, watch.group().earlierRun !== undefined]).toEqual([1, true]);
  });

  test('battery proved, the outage goes on with its clocks', () => {
    const watch = outage().reboot().runs(3).says('ups', 'OB', charged);
    expect(watch.told).toContain('outage_resumed');
    const proved = watch.second;
    watch.runs(60);
    // 60 s before the reboot, 23 s since this boot began: 17 of the 100 are left.
    expect([watch.fired, (watch.decidedAt ?? 0) - proved]).toEqual([['ups:on_battery_for'], 17]);
  });

  test('mains proved, the outage is over', () => {
    const watch = outage().reboot().says('ups', 'OL', charged).runs(300);
    expect([watch.told.includes('outage_ended'), watch.decidedAt]).toEqual([true, undefined]);
  });

  test('battery proved, the run goes on; mains proved, it is over', () => {
    const goesOn = running().reboot();
    const run = goesOn.group().earlierRun;
    expect([goesOn.run(), run?.whole]).toEqual([undefined, true]);
    goesOn.says('ups', 'OB', charged).runs(2);
    expect(goesOn.run()?.id).toBe(run?.id);
    const over = running().reboot().says('ups', 'OL', charged).runs(60);
    expect([over.run(), over.group().earlierRun, over.runsOrdered.length]).toEqual([undefined, undefined, 1]);
  });

  test('a second reboot before any proof loses nothing', () => {
    const watch = running().reboot().runs(10).reboot().runs(10);
    expect(watch.group().earlierRun?.whole).toBe(true);
    watch.says('ups', 'OB', charged).runs(2);
    expect([watch.run()?.whole, watch.told.includes('outage_resumed')]).toEqual([true, true]);
  });

  test('a restart of the process before any proof still waits for it', () => {
    const watch = running().reboot().runs(10).restart(1).runs(60);
    expect([watch.group().earlierRun?.whole, watch.run()]).toEqual([true, undefined]);
    watch.says('ups', 'OB', charged).runs(2);
    expect(watch.run()?.whole).toBe(true);
  });

  test('a hold begins anew', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', charged).runs(20).says('ups', 'OB', LOW).runs(4);
    watch.reboot().says('ups', 'OB', LOW);
    const proved = watch.second;
    watch.runs(30);
    expect((watch.decidedAt ?? 0) - proved).toBe(5);
  });

  test('the silence after the first proof is judged by that reading', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', charged).runs(60).reboot();
    watch.says('ups', 'OB LB', { 'battery.charge': 12, 'battery.runtime': 100 });
    const proved = watch.second;
    watch.loses('ups').runs(300);
    expect((watch.decidedAt ?? 0) - proved).toBeLessThanOrEqual(15);
  });

  test('an outage that contradicted itself is settled by OB alone', () => {
    const watch = new Watch(limited).says('ups', 'OL').says('ups', 'OL OB', charged).runs(20);
    watch.reboot().says('ups', 'OB', charged);
    expect(watch.state.devices.get('ups')?.power.outage?.proof).toBe('status');
  });

  test('a disarming and what a person has silenced go on', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack', for: '10m' }).reboot(1);
    watch.says('ups', 'OB LB').runs(60);
    expect(watch.runsOrdered).toEqual([]);
  });

  test('a run whose only cause is a feed that is no longer there does not wait for ever', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OB LB').says('b', 'OB LB').runs(20);
    watch.settings = { ...watch.settings, ...rack(['c']) };
    watch.reboot().says('c', 'OL').runs(60);
    expect(watch.group().earlierRun).toBeUndefined();
  });
});

describe('how far a run has come, as an earlier process has left it', () => {
  const begun = (watch: Watch, ...steps: readonly string[]) => {
    const run = watch.group().progress?.run ?? '';
    for (const step of steps) {
      watch.tell({ kind: 'progressed', group: 'rack', run, event: { kind: 'begun', step } });
    }
    return watch;
  };
  const running = () => begun(new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10), 'lab/a');
  const left = (watch: Watch) => {
    const { progress, resuming, shed } = watch.group();
    return [progress?.phase, progress?.steps.get('lab/a')?.state, resuming, shed?.stages];
  };

  test.each<[string, (watch: Watch) => Watch, ReturnType<typeof left>]>([
    ['a run, in the same boot', (watch) => watch.restart(), ['interrupted', 'running', true, ['lab']]],
    ['a run, in another boot', (watch) => watch.reboot(), ['interrupted', undefined, true, ['lab']]],
    [
      'a run that is called off',
      (watch) => watch.says('ups', 'OL').runs(8).restart(),
      ['ended', 'failed', undefined, ['lab']],
    ],
    [
      'one called off, in another boot',
      (watch) => watch.says('ups', 'OL').runs(8).reboot(),
      ['ended', 'failed', undefined, ['lab']],
    ],
  ])('%s', (_, act, state) => {
    expect(left(act(running()))).toEqual(state);
  });

  test('of a feed that a restart has added nothing is left: it is judged like any other', () => {
    const watch = new Watch(rack(['a'])).says('a', 'OL', charged).says('a', 'OB LB', charged).runs(2);
    watch.settings = new Watch(rack(['a', 'b'])).settings;
    watch.restart();
    expect([...watch.group().members].map(([id, member]) => [id, member.class, Object.keys(member.holds)])).toEqual([
      ['a', 'degraded', ['low_battery']],
      ['b', 'unknown', []],
    ]);
    expect(watch.says('b', 'OL', charged).runs(20).classOf('b')).toBe('healthy');
  });

  test('of a cancel is respected after a restart', () => {
    const cancelled = () => new Watch().says('ups', 'OL').says('ups', 'OB', LOW).runs(15).asks('cancel');
    const { silenced } = cancelled().group();
    expect(silenced?.causes).toEqual([{ device: 'ups', trigger: 'charge_below' }]);
    expect(cancelled().restart().says('ups', 'OB', LOW).group().silenced).toEqual(silenced);
  });

  test('is nothing where nothing was ever run', () => {
    expect(left(new Watch().says('ups', 'OL').runs(3).restart())).toEqual([undefined, undefined, undefined, undefined]);
  });
});
