import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { StageCondition } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';
import { COLD_START } from './judge.ts';

const charged = { 'battery.charge': 90, 'battery.runtime': 3000 };
const LOW = { 'battery.charge': 15 };
const watts = (load: number) => ({ ...charged, 'ups.realpower': load, 'ups.realpower.nominal': 900 });
const stage = (name: string, when?: StageCondition) => ({
  name,
  steps: [{ ...HALT, kind: 'exec', key: `${name}/a` } as const],
  restore: [],
  ...(when === undefined ? {} : { when }),
});
const onBatteryFor = (second: number): StageCondition => ({ onBatteryFor: seconds(second) });

/** A watch of a rack of these feeds, all on mains. */
function feeds(ids: readonly string[], more: Parameters<typeof rack>[1] = {}, vars: object = charged): Watch {
  const watch = new Watch(rack(ids, more));
  for (const id of ids) watch.says(id, 'OL', { ...vars });
  return watch.runs(20);
}
const causes = (watch: Watch) => watch.run()?.cause.map(({ device, trigger }) => `${device}:${trigger}`);

describe('what the feeds of a group call for', () => {
  const pair = () => feeds(['a', 'b']);

  test.each<[string, () => Watch, object | undefined]>([
    ['nothing on mains', pair, undefined],
    ['nothing where one of two can be lost', () => pair().says('a', 'OB LB', charged).runs(10), undefined],
    [
      'the whole plan where both are lost',
      () => pair().says('a', 'OB LB', charged).says('b', 'OB LB', charged).runs(10),
      { kind: 'outage', whole: true },
    ],
    [
      'it by a forced shutdown, whatever else has fired',
      () => pair().says('a', 'OB LB', charged).says('b', 'OB LB FSD', charged).runs(10),
      { kind: 'fsd', whole: true },
    ],
    [
      'it by a lost quorum where one is lost and the other is absent',
      () => pair().loses('b').runs(20).says('a', 'OB LB', charged).runs(10),
      { kind: 'quorum', whole: true },
    ],
    ['nothing by absence alone', () => pair().loses('a').loses('b').runs(60), undefined],
  ])('%s', (_, watched, run) => {
    const found = watched().run();
    if (run === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(run);
  });

  test('with all that has fired as its cause', () => {
    const watch = pair().says('a', 'OB LB', LOW).says('b', 'OB LB', charged).runs(20);
    expect(causes(watch)).toEqual(['a:low_battery', 'b:low_battery']);
    const later = feeds(['a', 'b'], { minHealthy: 2 }).says('a', 'OB LB', LOW).says('b', 'OB', LOW).runs(4);
    expect(later.run()).toBeUndefined();
    expect(causes(later.runs(1))).toEqual(['a:low_battery']);
  });

  test('absence counts 15 s after the start, and no sooner', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OB LB', charged);
    const told = () => watch.told.includes('not_ready');
    expect([watch.runs(14).run(), told()]).toEqual([undefined, false]);
    expect([watch.runs(1).run()?.kind, watch.second * 1000]).toEqual(['quorum', COLD_START]);
    const idle = new Watch(rack(['a', 'b'])).runs(14);
    expect(idle.told).not.toContain('not_ready');
    expect(idle.runs(1).told).toContain('not_ready');
  });
});

describe('too little capacity', () => {
  /** Two feeds that together draw more than one of them can deliver. */
  const heavy = (minCapacity: 'tell' | 'enforce') => feeds(['a', 'b'], { minCapacity }, watts(600));
  const lost = (minCapacity: 'tell' | 'enforce') => heavy(minCapacity).says('a', 'OB LB', watts(600));

  test('is a lost quorum where it is enforced, once a feed is lost', () => {
    // Five seconds until the feed is lost, and five in which its load would have to go.
    const watch = lost('enforce').runs(9);
    expect([watch.run(), watch.told.includes('capacity_short')]).toEqual([undefined, false]);
    watch.runs(1);
    expect([watch.run()?.kind, watch.run()?.whole, causes(watch)]).toEqual(['quorum', true, ['a:low_battery']]);
    expect(watch.told).toContain('capacity_short');
  });

  test('is told, and nothing more, where it is not', () => {
    const watch = lost('tell').runs(30);
    expect([watch.run(), watch.told.includes('capacity_short')]).toEqual([undefined, true]);
  });

  test('shuts nothing down while no feed is lost', () => {
    const watch = feeds(['a', 'b'], { minCapacity: 'enforce' }, watts(1000)).runs(30);
    expect([watch.run(), watch.told.includes('capacity_short')]).toEqual([undefined, true]);
  });

  test('and a lost quorum are an outage all the same', () => {
    const watch = heavy('enforce').says('a', 'OB LB', watts(600)).says('b', 'OB LB', watts(600)).runs(30);
    expect(watch.run()).toMatchObject({ kind: 'outage', whole: true });
  });

  test('counts from its first moment, and from its next one after it was enough', () => {
    const watch = heavy('tell').says('a', 'OL', watts(1300));
    const since = watch.group().shortSince;
    expect(since).toBe(watch.stamp.at);
    expect(watch.runs(4).group()).toMatchObject({ shortSince: since, told: { short: false } });
    watch.says('a', 'OL', watts(600));
    expect(watch.group().shortSince).toBeUndefined();
    watch.runs(2).says('a', 'OL', watts(1300)).runs(4);
    expect(watch.told).not.toContain('capacity_short');
    expect(watch.runs(1).group().told.short).toBe(true);
  });

  test('stays told while nobody knows', () => {
    const watch = heavy('tell').says('a', 'OL', watts(1300)).runs(6);
    watch.says('a', 'OL', charged);
    expect([watch.group().capacity, watch.group().shortSince]).toEqual([undefined, undefined]);
    expect(watch.runs(5).told).not.toContain('capacity_enough');
  });
});

describe('a stage with a condition', () => {
  const shed = stage('shed', onBatteryFor(30));

  test('is called for by its condition, and says so', () => {
    const watch = feeds(['ups'], { stages: [shed, stage('last')] })
      .says('ups', 'OB', charged)
      .runs(30);
    expect(watch.run()).toMatchObject({
      kind: 'outage',
      whole: false,
      stages: ['shed'],
      cause: [{ device: 'ups', trigger: 'on_battery_for', stage: 'shed', why: 'the condition of stage shed holds' }],
    });
  });

  test('of which one of two feeds meets the condition waits for the other', () => {
    const watch = feeds(['a', 'b'], { stages: [shed] })
      .says('a', 'OB', charged)
      .runs(40);
    expect(watch.run()).toBeUndefined();
    expect(causes(watch.says('b', 'OB', charged).runs(30))).toEqual(['a:on_battery_for', 'b:on_battery_for']);
  });

  test('counts a feed that the triggers of the group have taken', () => {
    const watch = feeds(['a', 'b'], { stages: [stage('shed', { chargeBelow: 50 })] });
    watch.says('a', 'OB LB', charged).says('b', 'OB', { 'battery.charge': 40 }).runs(15);
    expect([watch.run()?.stages, causes(watch)]).toEqual([['shed'], ['b:charge_below']]);
  });

  test('is not called for by feeds that only the triggers of the group have taken', () => {
    const watch = feeds(['a', 'b'], { stages: [stage('shed', onBatteryFor(300)), stage('last')] });
    watch.says('a', 'OB LB', charged).says('b', 'OB LB', charged).runs(10);
    // The whole plan is, and each of its stages with it.
    expect(watch.run()).toMatchObject({ whole: true, stages: ['shed', 'last'] });
    expect(causes(watch)).toEqual(['a:low_battery', 'b:low_battery']);
  });

  test('counts an absent feed as lost, once it counts', () => {
    const watch = feeds(['a', 'b'], { stages: [shed] })
      .loses('b')
      .runs(20)
      .says('a', 'OB', charged)
      .runs(30);
    expect(causes(watch)).toEqual(['a:on_battery_for']);
  });

  test('that a person has silenced is not called for, while another one is', () => {
    const watch = feeds(['ups'], { stages: [shed, stage('more', onBatteryFor(60))] });
    watch.says('ups', 'OB', charged).runs(40).asks('cancel').runs(10);
    expect(watch.run()).toBeUndefined();
    expect(watch.runs(10).run()?.stages).toEqual(['more']);
  });
});

describe('what a person has silenced', () => {
  const cancelled = (ids: readonly string[] = ['ups']) => {
    const watch = feeds(ids);
    for (const id of ids) watch.says(id, 'OB', LOW);
    return watch.runs(15).asks('cancel');
  };
  const silenced = (watch: Watch) => watch.group().silenced !== undefined;

  test('is heard again after five minutes', () => {
    const watch = cancelled().runs(299);
    expect(silenced(watch)).toBe(true);
    expect(silenced(watch.runs(1))).toBe(false);
  });

  test('is heard in the next outage', () => {
    const watch = cancelled().says('ups', 'OL', LOW).runs(4);
    expect(silenced(watch)).toBe(true);
    expect(silenced(watch.runs(2))).toBe(false);
  });

  test('is not while one of the feeds is still in this outage, or of one nothing is known', () => {
    const watch = cancelled(['a', 'b']).says('a', 'OL', charged).runs(20);
    expect(silenced(watch)).toBe(true);
    const unlisted = cancelled(['a', 'b']).says('a', 'OL', charged);
    unlisted
      .says('b', 'OL', charged)
      .reloads({ ...rack(['a', 'b', 'c']), devices: [] })
      .runs(20);
    expect(silenced(unlisted)).toBe(true);
  });

  test('is not before a boot has proved that the outage is over', () => {
    const watch = cancelled().reboot(1).runs(20);
    expect(silenced(watch)).toBe(true);
    expect(silenced(watch.says('ups', 'OL', LOW).runs(6))).toBe(false);
  });
});

test('a group that is disarmed is armed again at that moment', () => {
  const watch = feeds(['ups']).asks('disarm', { group: 'rack', for: '60s' }).runs(59);
  expect(watch.group().disarmedUntil).toBeDefined();
  expect(watch.runs(1).group().disarmedUntil).toBeUndefined();
});

test('a person who asks for it gets the whole plan, whatever the feeds call for', () => {
  const watch = feeds(['ups'], { stages: [stage('shed', onBatteryFor(30)), stage('last')] });
  watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
  expect(watch.run()).toMatchObject({ kind: 'request', cause: [], whole: true, stages: ['shed', 'last'] });
});

test('while a trigger has fired nobody asks whether the group would be ready', () => {
  const triggers = { ...TRIGGERS, runtimeBelow: 'off' as const };
  const watch = feeds(['a', 'b'], { triggers }).says('a', 'OB LB', charged).runs(10).loses('b').runs(20);
  expect([watch.group().readiness.ready, watch.group().told.ready]).toEqual([false, true]);
  watch.says('a', 'OL', charged).runs(10);
  expect(watch.group().told.ready).toBe(false);
});
