import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../tests/kit/settings.ts';
import { listed, sourceLost } from '../../tests/kit/story.ts';
import { HALT, rack, Watch } from '../../tests/kit/watch.ts';
import { EMPTY_STATE } from '../domain/state.ts';
import { seconds } from '../domain/time.ts';
import { memoryOf } from '../store/memory.ts';
import { judged } from './judging.ts';

const charged = { 'battery.charge': 90 };

/** No entry of the configuration names the device, nor does a group. */
const lone = (): Watch => new Watch({ devices: [] }).tell(listed('nas', 'ups'));

describe('what an earlier process has left', () => {
  test('of a device that no group names is taken up once, and not again when the device comes back later', () => {
    const watch = lone().says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(3);
    watch.restart().tell(listed('nas', 'ups')).runs(4);
    expect(watch.fired).toEqual(['ups:low_battery']);
    watch.tell(listed('nas', 'other'));
    watch.tell(listed('nas', 'ups', 'other')).runs(4);
    expect(watch.fired).toEqual(['ups:low_battery']);
    expect(watch.runs(2).fired).toEqual(['ups:low_battery', 'ups:low_battery']);
  });

  test('of a device that a group has named meanwhile is not taken up again', () => {
    const devices = [declared('ups')];
    const watch = new Watch({ devices }).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(3).restart();
    watch
      .runs(4)
      .reloads({ ...rack(), devices })
      .changes('ups', 'OB', charged)
      .runs(12)
      .reloads({ devices });
    const from = watch.says('ups', 'OB LB', charged).second;
    expect(watch.fired).toEqual(['ups:low_battery']);
    watch.runs(20);
    expect(watch.facts.filter(({ type }) => type === 'trigger_fired').at(-1)?.second).toBe(from + 5);
  });

  test('of the feeding of a device does not come back after the outage', () => {
    const watch = lone().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(3);
    watch.restart().tell(listed('nas', 'ups')).runs(3);
    expect(watch.state.devices.get('ups')?.power.outage).toBeDefined();
    watch.says('ups', 'OL', charged).runs(10).hangs('ups').tell(listed('nas', 'other'));
    watch.tell(listed('nas', 'ups'));
    expect(watch.state.devices.get('ups')?.power).toEqual({});
  });

  test('of a feed without an entry counts although its server tells nothing any more', () => {
    const group = { ...rack(), devices: [] };
    const watch = new Watch(group).tell(listed('nas', 'ups')).says('ups', 'OL', charged).says('ups', 'OB', charged);
    watch.runs(5).hangs('ups');
    expect(restartedAlone(watch).runs(20).decidedAt).toBeDefined();
  });
});

/** The process is killed and back, and its server cannot be reached. */
function restartedAlone(watch: Watch): Watch {
  const memory = memoryOf(watch.state, watch.stamp.at);
  const names = [{ source: 'nas', id: 'ups' }];
  watch.state = EMPTY_STATE;
  watch.passes(1).tell({ kind: 'restored', names, memory, boot: 'same' });
  return watch.tell({ kind: 'configured', settings: watch.settings }).tell(sourceLost('nas'));
}

describe('a reload', () => {
  test('that takes a group away calls off what was decided for it', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    const run = watch.run()?.id;
    expect(run).toBeDefined();
    watch.reloads({ armed: true, devices: [declared('ups')] });
    expect(watch.intents.at(-1)).toMatchObject({ kind: 'call-off', group: 'rack', run });
    expect(watch.facts.find(({ type }) => type === 'called_off')?.details).toMatchObject({ run });
  });

  test('that takes a group away where nothing was decided calls nothing off', () => {
    const watch = new Watch()
      .says('ups', 'OL', charged)
      .runs(2)
      .reloads({ armed: true, devices: [declared('ups')] });
    expect([watch.intents, watch.told.includes('called_off')]).toEqual([[], false]);
  });

  test('that takes a group away where something was only told orders nothing, and takes it back', () => {
    const watch = new Watch({ ...rack(), armed: false }).says('ups', 'OL', charged).says('ups', 'OB LB', charged);
    watch.runs(8).reloads({ devices: [declared('ups')] });
    const [fact] = watch.facts.filter(({ type }) => type === 'called_off');
    expect(fact?.text).toBe('rack: called off because the configuration no longer has the group');
    expect(watch.intents).toEqual([]);
  });

  test('that takes a group away stops its restore', () => {
    const lab = { ...HALT, key: 'lab/a', kind: 'exec' } as const;
    const stages = [{ name: 'lab', steps: [lab], restore: [{ ...lab, key: 'lab/restore/a' }] }];
    const watch = new Watch(rack(['ups'], { stages })).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    const run = watch.run()?.id ?? '';
    for (const event of [{ kind: 'begun', step: 'lab/a' }, { kind: 'run-ended' }] as const) {
      watch.tell({ kind: 'progressed', group: 'rack', run, event });
    }
    watch.says('ups', 'OL', charged).runs(10);
    expect(watch.group().progress?.phase).toBe('restoring');
    watch.reloads({ armed: true, devices: [declared('ups')] });
    const reason = 'the configuration no longer has the group';
    expect(watch.intents.at(-1)).toMatchObject({ kind: 'stop-restore', group: 'rack', run, reason });
  });

  test('that names another place of a device leaves its outage as it is', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(3);
    const { outage } = watch.state.devices.get('ups')?.power ?? {};
    expect(outage).toBeDefined();
    watch.reloads({ ...rack(), devices: [declared('ups', { name: 'rack' })] }).tell(listed('nas', 'rack'));
    expect(watch.state.devices.get('ups')?.power.outage).toBe(outage);
  });
});

test('a grid that flickers does not begin a condition anew with every flicker', () => {
  const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, hold: seconds(10) } })).says('ups', 'OL', charged);
  for (let count = 0; count < 6 && watch.decidedAt === undefined; count += 1) {
    watch.changes('ups', 'OB LB', charged).runs(4).changes('ups', 'OL', charged).runs(2);
  }
  expect(watch.fired).toEqual(['ups:low_battery']);
});

test('a test that ends on battery is told as the outage that it has become', () => {
  const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB TEST', charged).runs(5);
  watch.changes('ups', 'OB', charged).runs(70);
  const outages = watch.facts.filter(({ type }) => type === 'outage');
  expect(outages.map(({ details }) => details?.['by_test'])).toEqual([true, false]);
  expect(watch.state.devices.get('ups')?.power.outage?.byTest).toBe(false);
});

test('what a person has silenced in one outage is heard in the next', () => {
  const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, chargeBelow: 50 }, halt: HALT }));
  watch.says('ups', 'OL', { 'battery.charge': 40 }).says('ups', 'OB', { 'battery.charge': 40 }).runs(12);
  expect(watch.runsOrdered).toHaveLength(1);
  watch.asks('cancel').runs(20);
  expect(watch.runsOrdered).toHaveLength(1);
  watch.changes('ups', 'OL', { 'battery.charge': 40 }).runs(10);
  watch.changes('ups', 'OB', { 'battery.charge': 40 }).runs(12);
  expect(watch.runsOrdered).toHaveLength(2);
});

test('a trigger of a device in two groups is told for each', () => {
  const two = { ...rack(), groups: ['one', 'two'].map((id) => ({ ...groupOf(), id })) };
  const watch = new Watch(two).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
  const fired = watch.facts.filter(({ type }) => type === 'trigger_fired');
  expect(fired.map(({ details }) => details?.['group'])).toEqual(['one', 'two']);
});

test('a device that no group names is dead by the default limit, even where it is shorter than the usual silence', () => {
  const watch = new Watch({ devices: [], triggers: { ...TRIGGERS, deadAfter: seconds(5) } }).tell(listed('nas', 'ups'));
  watch.says('ups', 'OL', charged).runs(60).says('ups', 'OB', charged).runs(30).hangs('ups');
  const from = watch.second;
  watch.runs(12);
  const [fact] = watch.facts.filter(({ type }) => type === 'trigger_fired');
  expect(fact?.details?.['trigger']).toBe('dead');
  expect((fact?.second ?? 0) - from).toBeLessThanOrEqual(6);
});

test('nothing is judged of a group that was never taken up', () => {
  const { state, stamp } = new Watch().says('ups', 'OL', charged);
  const bare = { state: { ...state, groups: new Map() }, intents: [], facts: [] };
  expect(judged(bare, 'all', stamp).state.groups.size).toBe(0);
});

function groupOf() {
  const [group] = rack().groups ?? [];
  if (group === undefined) throw new Error('no group');
  return group;
}
