import { describe, expect, test } from 'vitest';
import { group, settings } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';

const low = (more = rack()) => new Watch(more).says('ups', 'OL').says('ups', 'OB LB').runs(10);
const calledOff = (watch: Watch) => watch.intents.filter(({ kind }) => kind === 'call-off');
const ids = (watch: Watch) => new Set(watch.runsOrdered.map(({ run }) => run));

describe('mains', () => {
  test('call off what an outage has caused, once they have held', () => {
    const watch = low().says('ups', 'OL').runs(4);
    expect(calledOff(watch)).toEqual([]);
    watch.runs(3);
    expect(calledOff(watch)).toMatchObject([{ group: 'rack', run: watch.runsOrdered[0]?.run }]);
    expect([watch.run(), watch.told.includes('called_off')]).toEqual([undefined, true]);
  });

  test('that only flicker call off nothing', () => {
    const watch = low();
    for (let time = 0; time < 5; time += 1) watch.says('ups', 'OL').runs(4).says('ups', 'OB').runs(2);
    expect([calledOff(watch), ids(watch).size]).toEqual([[], 1]);
  });

  test('that are not heard call off nothing', () => {
    const watch = low().says('ups', 'OL').loses('ups').runs(120);
    expect(calledOff(watch)).toEqual([]);
  });

  test('leave no latch: OB again is judged anew, as another plan', () => {
    const watch = low().says('ups', 'OL').runs(7).says('ups', 'OB LB').runs(10);
    expect(ids(watch).size).toBe(2);
  });

  test('do not call off a forced shutdown', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'FSD OB').runs(5).says('ups', 'FSD OL').runs(60);
    expect([calledOff(watch), watch.run()?.kind]).toEqual([[], 'fsd']);
  });

  test('do not call off a forced shutdown that came while a plan of the outage was running', () => {
    const watch = low().says('ups', 'OB LB FSD').runs(3).says('ups', 'OL').runs(60);
    expect([calledOff(watch), ids(watch).size]).toEqual([[], 1]);
  });

  test('do not call off a quorum that was lost by absence', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OL').says('b', 'OL').runs(20).loses('b').runs(20);
    watch.says('a', 'OB LB').runs(10);
    expect(watch.run()?.kind).toBe('quorum');
    watch.says('a', 'OL').runs(60);
    expect(calledOff(watch)).toEqual([]);
  });

  test('of enough feeds call off the plan of a group', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OB LB').says('b', 'OB LB').runs(10);
    expect(watch.run()?.kind).toBe('outage');
    watch.says('a', 'OL').runs(7);
    expect(calledOff(watch)).toHaveLength(1);
  });

  test('of too few feeds call off nothing', () => {
    const watch = new Watch(rack(['a', 'b', 'c'], { minHealthy: 2 }));
    watch.says('a', 'OB LB').says('b', 'OB LB').says('c', 'OB LB').runs(10);
    watch.says('a', 'OL').runs(60);
    expect(calledOff(watch)).toEqual([]);
  });
});

describe('one outage, one plan', () => {
  test('a cause that goes away while the battery goes on calls off nothing', () => {
    const watch = low().says('ups', 'OB', { 'battery.charge': 80 }).runs(120);
    expect([calledOff(watch), ids(watch).size, watch.run()?.whole]).toEqual([[], 1, true]);
  });

  test('more triggers change nothing of it', () => {
    const watch = low()
      .says('ups', 'OB LB', { 'battery.charge': 3, 'battery.runtime': 3 })
      .runs(30)
      .loses('ups')
      .runs(90);
    expect([watch.runsOrdered.length, watch.fired.length]).toEqual([1, 4]);
  });
});

describe('a decision that could do nothing here', () => {
  const unarmed = { ...rack(), armed: false };

  test('is told and ordered from nobody', () => {
    const watch = low(unarmed);
    expect([watch.runsOrdered, watch.run()?.effect, watch.told.includes('shutdown')]).toEqual([[], 'none', true]);
  });

  test('is decided anew when a reload arms it', () => {
    const watch = low(unarmed).reloads(rack()).runs(2);
    expect(watch.runsOrdered).toMatchObject([{ group: 'rack', halt: true, dryRun: false }]);
  });

  test('is decided anew when the disarming ends', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack', for: '60s' }).says('ups', 'OB LB');
    watch.runs(58);
    expect(watch.runsOrdered).toEqual([]);
    watch.runs(5);
    expect([watch.runsOrdered.length, watch.decidedAt]).toEqual([1, 60]);
  });

  test('is decided anew when a person arms it again', () => {
    const watch = new Watch().says('ups', 'OL').asks('disarm', { group: 'rack' }).says('ups', 'OB LB').runs(20);
    expect(watch.runsOrdered).toEqual([]);
    watch.asks('arm', { group: 'rack', confirm: 'rack' });
    expect(watch.runsOrdered).toHaveLength(1);
  });

  test('is a dry run where the configuration says so', () => {
    expect(low({ ...rack(), dryRun: true }).runsOrdered).toMatchObject([{ dryRun: true, halt: true }]);
  });

  test('without stages and halt is not even begun', () => {
    const { groups: _, ...rest } = rack();
    const watch = low({ ...rest, groups: [group('rack', ['ups'])] });
    expect([watch.runsOrdered, watch.run()?.effect]).toEqual([[], 'none']);
  });
});

describe('what a reload takes away while a plan runs', () => {
  const stages = [{ name: 'shed', when: { onBatteryFor: seconds(10) }, steps: [], restore: [] }];
  const shedding = () => new Watch(rack(['ups'], { stages })).says('ups', 'OL').says('ups', 'OB').runs(20);

  test.each([
    ['the arming', { armed: false }],
    ['its effect', { dryRun: true }],
  ])('%s: nothing more of it acts', (_, less) => {
    const watch = shedding();
    expect(watch.runsOrdered).toHaveLength(1);
    watch
      .reloads({ ...rack(['ups'], { stages }), ...less })
      .says('ups', 'OB LB')
      .runs(20);
    const later = watch.runsOrdered.slice(1).filter(({ dryRun }) => !dryRun);
    expect(later).toEqual([]);
  });

  test('over a restart too', () => {
    const watch = shedding();
    watch.settings = settings({ ...rack(['ups'], { stages }), armed: false });
    watch.restart(1).says('ups', 'OB LB').runs(20);
    expect(watch.runsOrdered).toHaveLength(1);
  });
});

test('a disarmed group whose plan runs calls it off, and begins nothing', () => {
  const watch = low().asks('disarm', { group: 'rack' }).runs(60);
  expect([calledOff(watch).length, watch.runsOrdered.length, watch.run()?.effect]).toEqual([1, 1, 'none']);
});

test('what led to a forced shutdown is over when its feeds are on mains without it', () => {
  const watch = new Watch().says('ups', 'OL').says('ups', 'FSD OB').runs(5).says('ups', 'OL').runs(10);
  // It was ordered, and nobody takes that back.
  expect([watch.told.includes('finished'), watch.run()?.kind]).toEqual([false, 'fsd']);
  const run = watch.run()?.id ?? '';
  watch.tell({ kind: 'progressed', group: 'rack', run, event: { kind: 'run-ended' } }).runs(3);
  expect([watch.told.includes('finished'), watch.run()]).toEqual([true, undefined]);
});

test('a halt is ordered only with the whole plan, and only where there is one', () => {
  const without = rack(['ups'], { halt: HALT });
  expect(low(without).runsOrdered).toMatchObject([{ halt: true }]);
  const steps = [{ ...HALT, kind: 'exec' as const, key: 's/a' }];
  const stages = [{ name: 's', steps, restore: [] }];
  const base = { ...rack(), groups: [group('rack', ['ups'], { stages })] };
  expect(low(base).runsOrdered).toMatchObject([{ halt: false, stages: ['s'] }]);
});
