import { describe, expect, test } from 'vitest';
import { DRAINED, FULL, Group, LAB, RACK, step, told } from '../../../tests/kit/past.ts';
import { declared, group } from '../../../tests/kit/settings.ts';
import { HALT, rack } from '../../../tests/kit/watch.ts';
import { LIMITS } from '../../domain/limits.ts';
import { seconds } from '../../domain/time.ts';

describe('a run is put down', () => {
  test('as it begins, with what led to it', () => {
    const own = new Group().fires();
    expect(own.past).toEqual([
      {
        run: own.run()?.id,
        kind: 'outage',
        dryRun: false,
        wall: own.group().progress?.wall,
        reason: 'ups: battery charge 5 % is below 20 %',
        steps: [],
        restore: [],
      },
    ]);
  });

  test('as it ends, with all its steps', () => {
    const own = new Group().fires().begins('lab/vms').ends('lab/vms').begins('lab/nas').ends('lab/nas', 'failed', 'no');
    own.begins('host').ends('host', 'timed-out');
    expect(own.outcomes).toEqual([undefined]);
    own.tells({ kind: 'run-ended' });
    const { steps, ...run } = own.last;
    expect(run).toMatchObject({ outcome: 'carried-out', until: own.stamp.wall, restore: [] });
    expect(run).not.toHaveProperty('why');
    expect(steps).toEqual([
      { key: 'lab/vms', state: 'done', wall: expect.any(Number), took: 2000, text: 'so it is' },
      { key: 'lab/nas', state: 'failed', wall: expect.any(Number), took: 2000, text: 'no' },
      { key: 'host', state: 'timed-out', wall: expect.any(Number), took: 2000, text: 'so it is' },
    ]);
  });

  test('not with every step, for all of it is written anew each time', () => {
    const own = new Group().fires();
    const before = own.group().past;
    own.begins('lab/vms').tells({ kind: 'item', step: 'lab/vms', item: 'web', state: 'done' }).ends('lab/vms').runs(5);
    expect(own.group().past).toBe(before);
  });

  test('and why it was called off, with what still runs, and how that has ended', () => {
    const own = new Group().fires().begins('lab/vms').mains();
    expect(own.last).toMatchObject({ outcome: 'called-off', why: 'the mains have held again' });
    expect(told(own.last.steps)).toEqual(['lab/vms running']);
    const { until } = own.last;
    own.ends('lab/vms').tells({ kind: 'run-ended' });
    expect(own.last).toMatchObject({ outcome: 'called-off', why: 'the mains have held again', until });
    expect(told(own.last.steps)).toEqual(['lab/vms done']);
  });

  test('that a person has ordered and has taken back', () => {
    const own = new Group();
    own.asks('shutdown', { group: 'rack', confirm: 'rack' }).begins('lab/vms').runs(3);
    expect(own.last).toMatchObject({ kind: 'request', reason: 'a person has asked for it' });
    own.asks('cancel', { group: 'rack' });
    expect(own.last).toMatchObject({ outcome: 'called-off', why: 'a person has cancelled it', until: own.stamp.wall });
  });

  test('and is carried out though a person takes it back afterwards', () => {
    const own = new Group({ ...rack(), groups: [group('rack', ['ups'], RACK)] });
    own.asks('shutdown', { group: 'rack', confirm: 'rack' }).begins('lab/nas').ends('lab/nas');
    own.tells({ kind: 'run-ended' }).runs(3);
    const { until } = own.last;
    own.asks('cancel', { group: 'rack' }).runs(1);
    expect(own.group().progress?.phase).toBe('restoring');
    expect(own.last).toMatchObject({ outcome: 'carried-out', until });
  });

  test('that is a dry run', () => {
    const own = new Group({ ...rack(['ups'], RACK), dryRun: true }).fires().carriesOut();
    expect(own.last).toMatchObject({ dryRun: true, outcome: 'carried-out' });
    expect(told(own.last.steps)).toEqual(['lab/vms done', 'lab/nas done', 'host done']);
  });

  test('that more was ordered of goes on, until that is through as well', () => {
    const shed = { ...LAB, name: 'shed', when: { onBatteryFor: seconds(5) }, steps: [step('shed/a')], restore: [] };
    const own = new Group(rack(['ups'], { stages: [shed, LAB] }));
    own.says('ups', 'OB', { ...FULL, 'battery.charge': 90 }).runs(8);
    own.begins('shed/a').ends('shed/a').tells({ kind: 'run-ended' });
    expect(own.last).toMatchObject({ outcome: 'carried-out', reason: 'ups: the condition of stage shed holds' });
    own.fires();
    expect(own.last).not.toHaveProperty('outcome');
    expect(own.last).not.toHaveProperty('until');
    expect(own.last.reason).toMatch(/^ups: the condition of stage shed holds; ups: battery charge 5 %/);
    own.carriesOut();
    expect(own.outcomes).toEqual(['carried-out']);
    expect(told(own.last.steps)[0]).toBe('shed/a done');
  });

  test('and with what leads to more of it while it goes on', () => {
    const shed = { ...LAB, name: 'shed', when: { onBatteryFor: seconds(5) }, steps: [step('shed/a')], restore: [] };
    const own = new Group(rack(['ups'], { stages: [shed, LAB] }));
    own
      .says('ups', 'OB', { ...FULL, 'battery.charge': 90 })
      .runs(8)
      .begins('shed/a')
      .fires();
    expect(own.group().progress?.phase).toBe('running');
    expect(own.past).toMatchObject([
      { reason: 'ups: the condition of stage shed holds; ups: battery charge 5 % is below 20 %', steps: [] },
    ]);
  });

  test('only where something may be done', () => {
    const own = new Group({ ...rack(['ups'], RACK), armed: false }).fires();
    expect(own.run()?.effect).toBe('none');
    expect(own.group()).not.toHaveProperty('past');
  });

  test('in its own group', () => {
    const groups = [group('rack', ['ups'], { ...RACK, halt: HALT }), group('desk', ['other'], RACK)];
    const own = new Group({ ...rack(['ups', 'other']), groups }).says('other', 'OL', FULL).fires().carriesOut();
    expect(own.outcomes).toEqual(['carried-out']);
    expect(own.group('desk')).not.toHaveProperty('past');
    const desk = own.group().past;
    own.says('other', 'OB', DRAINED).runs(20);
    expect(own.group('desk').past).toMatchObject([{ reason: expect.stringMatching(/^other: /) }]);
    expect(own.group().past).toBe(desk);
  });

  test('and keeps why it was called off when another group is called off as its restore is stopped', () => {
    const groups = [group('rack', ['ups'], { ...RACK, halt: HALT }), group('desk', ['other'], RACK)];
    const two = { ...rack(['ups', 'other']), groups };
    const own = new Group(two).says('other', 'OL', FULL).fires().begins('lab/nas').ends('lab/nas');
    own.mains().tells({ kind: 'run-ended' }).runs(2);
    const { until, why } = own.last;
    own
      .says('other', 'OB', DRAINED)
      .runs(20)
      .reloads({ ...two, armed: false });
    expect(own.group().progress?.phase).toBe('stopping');
    expect(own.group('desk').past).toMatchObject([{ outcome: 'called-off', until: own.stamp.wall }]);
    expect(own.past).toMatchObject([{ outcome: 'called-off', until, why }]);
  });
});

test('a reason names the UPSes as people know them', () => {
  const own = new Group({ ...rack(['ups'], RACK), devices: [declared('ups', { label: 'Rack A' })] }).fires();
  expect(own.last.reason).toBe('Rack A: battery charge 5 % is below 20 %');
});

test('a reason stays as it was when a UPS is called something else afterwards', () => {
  const own = new Group().fires().carriesOut();
  const { past } = own.group();
  own.reloads({ ...rack(['ups'], RACK), devices: [declared('ups', { label: 'Rack A' })] }).runs(2);
  expect([own.state.devices.get('ups')?.label, own.group().past]).toEqual(['Rack A', past]);
});

test('a step that never began took no time', () => {
  const own = new Group().fires().tells({ kind: 'ended', step: 'lab/vms', state: 'skipped', text: 'no time' });
  own.tells({ kind: 'run-ended' });
  expect(own.last.steps).toEqual([{ key: 'lab/vms', state: 'skipped', wall: expect.any(Number), text: 'no time' }]);
});

describe('a restore is put down', () => {
  const restoring = () =>
    new Group().fires().begins('lab/nas').ends('lab/nas').mains().tells({ kind: 'run-ended' }).runs(2);

  test('with the run before it, as it ends', () => {
    const own = restoring();
    expect(own.group().progress?.phase).toBe('restoring');
    own.begins('lab/restore/nas').ends('lab/restore/nas', 'failed', 'asleep');
    expect(own.last.restore).toEqual([]);
    own.tells({ kind: 'restore-ended' });
    expect(own.last).toMatchObject({
      outcome: 'called-off',
      restore: [{ key: 'lab/restore/nas', state: 'failed', took: 2000, text: 'asleep' }],
    });
    expect(own.last).not.toHaveProperty('restored');
    own.asks('restore', { group: 'rack' }).begins('lab/restore/nas').ends('lab/restore/nas');
    own.tells({ kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' });
    expect(own.last).toMatchObject({ restored: own.stamp.wall, restore: [{ state: 'done' }] });
    expect(told(own.last.steps)).toEqual(['lab/nas done']);
  });

  test('as far as it came before a second outage, whose run is another one', () => {
    const own = restoring().begins('lab/restore/nas');
    const { until, why } = own.last;
    own.fires();
    expect(own.past[1]).toMatchObject({ until, why });
    expect(own.outcomes).toEqual([undefined, 'called-off']);
    expect(own.past[1]).not.toHaveProperty('restored');
    expect(own.past[1]?.restore).toMatchObject([{ key: 'lab/restore/nas', state: 'failed' }]);
  });
});

test('what led to a run stays, whatever is decided and not done while it is brought back', () => {
  const own = new Group().fires().begins('lab/nas').ends('lab/nas').mains().tells({ kind: 'run-ended' }).runs(2);
  const { reason } = own.last;
  own
    .reloads({ ...rack(['ups'], RACK), armed: false })
    .says('ups', 'OB LB', DRAINED)
    .runs(10);
  expect([own.run()?.effect, own.group().progress?.phase]).toEqual(['none', 'stopping']);
  own.tells({ kind: 'restore-ended' });
  expect(own.past).toMatchObject([{ reason, outcome: 'called-off' }]);
});

describe('a run that another takes the place of', () => {
  test('is called off, and nobody hears any more of what still ran', () => {
    const own = new Group({ ...rack(['ups'], RACK), dryRun: true }).fires().begins('lab/nas').ends('lab/nas');
    own
      .begins('lab/vms')
      .reloads(rack(['ups'], RACK))
      .runs(2);
    expect(own.outcomes).toEqual([undefined, 'called-off']);
    expect(own.past[1]).toMatchObject({
      dryRun: true,
      why: 'another run was decided',
      steps: [
        { key: 'lab/nas', state: 'done' },
        { key: 'lab/vms', state: 'failed', text: 'still ran when the next run began' },
      ],
    });
  });

  test('while what had begun before it was called off still runs was called off by what it was', () => {
    const own = new Group().fires().carriesOut().mains().fires().begins('lab/vms').mains();
    const [, first] = own.past;
    const { until } = own.last;
    own.fires();
    expect(own.past[1]).toMatchObject({ outcome: 'called-off', why: 'the mains have held again', until });
    expect(told(own.past[1]?.steps ?? [])).toEqual(['lab/vms failed']);
    expect(own.past[2]).toBe(first);
  });

  test('is kept as it was where it had ended', () => {
    const own = new Group().fires().carriesOut();
    const [first] = own.past;
    own.mains().fires();
    expect(own.outcomes).toEqual([undefined, 'carried-out']);
    expect(own.past[1]).toMatchObject({ ...first, steps: first?.steps });
  });

  test('is the oldest of ten in the end', () => {
    const own = new Group();
    for (let count = 0; count < 12; count += 1) {
      own.fires().begins('lab/vms').ends('lab/vms').mains().tells({ kind: 'run-ended' }).runs(2);
      own.tells({ kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' }).runs(2);
    }
    expect(own.past).toHaveLength(LIMITS.pastRuns);
    const begun = own.past.map(({ wall }) => wall);
    expect(begun).toEqual(begun.toSorted((one, other) => other - one));
    expect(own.last.run).toBe(own.group().progress?.run);
  });
});

test('texts are cut, and of too many steps those that went well are left out first', () => {
  const own = new Group().fires().begins('lab/bad').ends('lab/bad', 'failed', 'x'.repeat(1000));
  for (let count = 0; count < LIMITS.pastSteps + 5; count += 1) own.begins(`lab/${count}`).ends(`lab/${count}`);
  own.begins('lab/late').ends('lab/late', 'timed-out').tells({ kind: 'run-ended' });
  expect(own.last.steps).toHaveLength(LIMITS.pastSteps);
  expect(new Set(own.last.steps.map(({ key }) => key)).size).toBe(LIMITS.pastSteps);
  expect(own.last.steps[0]).toMatchObject({ key: 'lab/bad', text: `${'x'.repeat(LIMITS.value - 1)}…` });
  expect(own.last.steps[1]).toMatchObject({ key: 'lab/late', state: 'timed-out' });
});

test('of just so many steps as are remembered all stay as they came', () => {
  const own = new Group().fires();
  const keys = Array.from({ length: LIMITS.pastSteps }, (_, index) => `lab/${index}`);
  for (const key of keys) own.begins(key).ends(key, key === 'lab/7' ? 'failed' : 'done');
  own.tells({ kind: 'run-ended' });
  expect(own.last.steps.map(({ key }) => key)).toEqual(keys);
});
