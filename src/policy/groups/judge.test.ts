import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { StageCondition } from '../../domain/settings.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { judgeGroup, unjudged, viewOf } from './judge.ts';

const charged = { 'battery.charge': 90, 'battery.runtime': 3000 };
const watts = (load: number) => ({ ...charged, 'ups.realpower': load, 'ups.realpower.nominal': 900 });
const stage = (name: string, when?: StageCondition) => ({
  name,
  steps: [{ ...HALT, kind: 'exec', key: `${name}/a` } as const],
  restore: [],
  ...(when === undefined ? {} : { when }),
});

function ready(watch: Watch) {
  const { settings, listening } = watch.state;
  if (settings === undefined || listening === undefined) throw new Error('nothing was configured');
  return { ...watch.state, settings, listening };
}

function rackOf(watch: Watch) {
  const [found] = watch.settings.groups;
  if (found === undefined) throw new Error('no group');
  return found;
}

/** The group judged once more, at the same moment unless it passes. */
const again = (watch: Watch, before: GroupState = watch.group()) =>
  judgeGroup(ready(watch), rackOf(watch), before, watch.stamp);

const calm = (more = rack()) => new Watch(more).says('ups', 'OL', charged).runs(20);
const pair = (more: Parameters<typeof rack>[1] = {}) =>
  new Watch(rack(['a', 'b'], more)).says('a', 'OL', watts(400)).says('b', 'OL', watts(400)).runs(20);

describe('a group of which nothing has changed', () => {
  const shedding = rack(['ups'], { stages: [stage('shed', { onBatteryFor: seconds(10) })] });
  const rebooted = () => new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10).reboot().runs(20);

  // Whoever publishes or journals a group passes over it then, at the price of one comparison.
  test.each<[string, () => Watch]>([
    ['on mains', () => calm()],
    ['with a label', () => calm(rack(['ups'], { label: 'Rack' }))],
    ['before anything was heard', () => new Watch().runs(20)],
    ['without its feed', () => new Watch({ ...rack(), devices: [] }).runs(20)],
    ['in an outage', () => calm().says('ups', 'OB', charged).runs(20)],
    ['with stages in sight', () => calm(shedding).says('ups', 'OB', charged).runs(5)],
    ['with a stage ordered', () => calm(shedding).says('ups', 'OB', charged).runs(20)],
    ['that was shut down', () => calm().says('ups', 'OB LB', charged).runs(10)],
    ['whose shutdown was cancelled', () => calm().says('ups', 'OB', { 'battery.charge': 9 }).runs(20).asks('cancel')],
    ['that is disarmed', () => calm().asks('disarm', { group: 'rack' }).runs(5)],
    ['with capacity to spare', () => pair()],
    ['with too little capacity', () => pair().says('a', 'OL', watts(1700)).runs(10)],
    ['after a reboot', rebooted],
    ['with a look at its steps', () => calm().tell({ kind: 'looked', groups: new Map([['rack', new Map()]]) })],
  ])('is the very same value, and nothing is told or done: %s', (_, watched) => {
    const watch = watched();
    const step = again(watch);
    expect(step.group).toBe(watch.group());
    expect([step.facts, step.intents]).toEqual([[], []]);
  });

  test('leaves all groups the very same, tick after tick', () => {
    const watch = calm().says('ups', 'OB', { 'battery.charge': 90 }).runs(20);
    const { groups } = watch.state;
    expect(watch.runs(60).state.groups).toBe(groups);
  });

  test('has no key for what there is not', () => {
    const all = ['id', 'label', 'members', 'quorum', 'plan', 'readiness', 'told', 'outlook'];
    expect(Object.keys(new Watch().says('ups', 'OL').runs(20).group())).toEqual(all);
  });
});

describe('of a group in which something has changed', () => {
  test('the parts that say the same are the same values', () => {
    const watch = pair();
    const before = watch.group();
    const now = watch.says('a', 'OB', watts(400)).runs(1).group();
    expect(now.outlook).not.toBe(before.outlook);
    expect([now.quorum, now.plan, now.readiness, now.told, now.capacity]).toEqual([
      before.quorum,
      before.plan,
      before.readiness,
      before.told,
      before.capacity,
    ]);
    for (const key of ['quorum', 'plan', 'readiness', 'told', 'capacity'] as const) expect(now[key]).toBe(before[key]);
    expect(now.members.get('b')).toBe(before.members.get('b'));
  });

  test('what is not there any more is gone', () => {
    const watch = calm();
    expect(watch.group().slack).toBeDefined();
    watch.says('ups', 'OL', { 'battery.charge': 90 });
    expect(Object.keys(watch.group())).not.toContain('slack');
  });

  test('a feed that a reload has taken away is gone, and one that it has added is there', () => {
    const watch = pair()
      .reloads(rack(['b', 'c']))
      .runs(1);
    expect([...watch.group().members.keys()]).toEqual(['b', 'c']);
    expect([
      ...watch
        .reloads(rack(['c']))
        .group()
        .members.keys(),
    ]).toEqual(['c']);
  });

  test('the plan is made anew with what steps took', () => {
    const watch = calm();
    const durations = new Map([['rack/host', [asMillis(20_000)]]]);
    const { group } = judgeGroup({ ...ready(watch), durations }, rackOf(watch), watch.group(), watch.stamp);
    expect([watch.group().plan.need, group.plan.need]).toEqual([75_000, 80_000]);
  });

  test('its label is what the configuration calls it, else its id', () => {
    expect([calm().group().label, calm(rack(['ups'], { label: 'Rack' })).group().label]).toEqual(['rack', 'Rack']);
  });
});

test('a group is nothing but its plan before it is judged', () => {
  const watch = calm(rack(['ups'], { minHealthy: 2, label: 'Rack' }));
  expect(unjudged(rackOf(watch), new Map())).toEqual({
    id: 'rack',
    label: 'Rack',
    members: new Map(),
    quorum: { healthy: 0, needed: 2, spare: 0, lost: false },
    plan: watch.group().plan,
    readiness: { ready: true, reasons: [] },
    told: { ready: true, short: false, lost: false },
    outlook: { state: 'blind', effect: 'none', text: '' },
  });
});

describe('what the triggers of a device look at', () => {
  const view = (watch: Watch) => {
    const device = watch.state.devices.get('ups');
    if (device === undefined) throw new Error('no device');
    const since = watch.state.listening?.since ?? 0;
    const { now, listeningFrom, silenceFrom, ...rest } = viewOf(
      ready(watch),
      device,
      TRIGGERS,
      seconds(75),
      watch.stamp,
    );
    const moments = [now, listeningFrom, silenceFrom].map((at) => (at - since) / 1000);
    return 'silentSince' in rest
      ? { ...rest, moments, silentSince: (Number(rest.silentSince) - since) / 1000 }
      : { ...rest, moments };
  };
  const usual = { settings: TRIGGERS, need: 75_000, trustCharge: true, failedTest: false, testing: false, fsd: 'obey' };

  test('is what is known of it, from the start on', () => {
    const watch = calm();
    const { power, reading } = watch.state.devices.get('ups') ?? {};
    expect(view(watch)).toStrictEqual({ ...usual, power, reading, moments: [20, 0, 5] });
  });

  test('of which nothing was heard is its silence', () => {
    expect(view(new Watch().runs(3))).toStrictEqual({ ...usual, power: {}, moments: [3, 0, 5], silentSince: 0 });
  });

  test('begins anew after a stall', () => {
    expect(view(calm().hangs('ups').passes(60).tick()).moments).toEqual([80, 80, 85]);
  });

  test('is also what is set for it and whether it is in a test', () => {
    const devices = [declared('ups', { trustCharge: false })];
    const watch = calm({ ...rack(), devices, fsd: 'tell' }).says('ups', 'OL TEST', charged);
    expect(view(watch)).toMatchObject({ trustCharge: false, testing: true, fsd: 'tell' });
  });

  test.each([
    ['Done and passed', false],
    ['Done and error', true],
  ])('is also how its last test has ended: %s', (result, failedTest) => {
    const watch = calm().says('ups', 'OL', { ...charged, 'ups.test.result': 'No test initiated' });
    watch.says('ups', 'OL TEST', { ...charged, 'ups.test.result': 'In progress' }).runs(10);
    expect(view(watch.says('ups', 'OL', { ...charged, 'ups.test.result': result })).failedTest).toBe(failedTest);
  });
});
