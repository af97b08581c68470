import { describe, expect, test } from 'vitest';
import { declared, group } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { PastRun, PastStep } from '../../domain/past-run.ts';
import type { ProgressEvent } from '../../domain/progress.ts';
import type { GroupSettings, Settings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { memoryOf } from '../../store/memory.ts';

const step = (key: string): Step => ({ ...HALT, kind: 'exec', key, text: `do ${key}`, deadline: seconds(60) });
const LAB = { name: 'lab', steps: [step('lab/vms'), step('lab/nas')], restore: [step('lab/restore/nas')] };
/** It has a halt, so that a machine that goes down can be told from one that dies. */
const RACK: Partial<GroupSettings> = { stages: [LAB] };

const FULL = { 'battery.charge': 100, 'battery.runtime': 1800 };
const DRAINED = { 'battery.charge': 5, 'battery.runtime': 304 };

/** A group that shuts down as soon as its UPS is drained, and what is told of it. */
class Group extends Watch {
  readonly id: string;

  constructor(more: Partial<Settings> = rack(['ups'], RACK), id = 'rack') {
    super(more);
    this.id = id;
    this.says('ups', 'OL', FULL).runs(20);
  }

  fires(): this {
    return this.says('ups', 'OB', DRAINED).runs(20);
  }

  mains(): this {
    return this.says('ups', 'OL', FULL).runs(20);
  }

  tells(...events: readonly ProgressEvent[]): this {
    for (const event of events) {
      this.tell({ kind: 'progressed', group: this.id, run: this.group(this.id).progress?.run ?? '', event });
    }
    return this;
  }

  begins(key: string, more: { readonly act?: 'halt' } = {}): this {
    return this.tells({ kind: 'begun', step: key, ...more });
  }

  ends(key: string, state: 'done' | 'failed' | 'timed-out' | 'skipped' = 'done', text = 'so it is'): this {
    return this.passes(2).tells({ kind: 'ended', step: key, state, text, took: asMillis(2000.4) });
  }

  /** All of it is through. */
  carriesOut(): this {
    for (const key of ['lab/vms', 'lab/nas', 'host']) this.begins(key).ends(key);
    return this.tells({ kind: 'run-ended' });
  }

  get past(): readonly PastRun[] {
    return this.group(this.id).past ?? [];
  }

  get last(): PastRun {
    const [last] = this.past;
    if (last === undefined) throw new Error('nothing was put down');
    return last;
  }

  get outcomes(): readonly (string | undefined)[] {
    return this.past.map(({ outcome }) => outcome);
  }
}

const told = (steps: readonly PastStep[]) => steps.map(({ key, state }) => `${key} ${state}`);

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
});

test('a reason names the UPSes as people know them', () => {
  const own = new Group({ ...rack(['ups'], RACK), devices: [declared('ups', { label: 'Rack A' })] }).fires();
  expect(own.last.reason).toBe('Rack A: battery charge 5 % is below 20 %');
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
    own.tells({ kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' });
    expect(own.last).toMatchObject({
      outcome: 'called-off',
      restored: own.stamp.wall,
      restore: [{ key: 'lab/restore/nas', state: 'failed', took: 2000, text: 'asleep' }],
    });
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

describe('a run whose process was killed', () => {
  const killed = () => new Group().fires().begins('lab/vms').ends('lab/vms').begins('lab/nas');

  test('was interrupted at its last step that is known, and goes on', () => {
    const own = killed();
    const [done, running] = [...(own.group().progress?.steps.values() ?? [])];
    own.passes(7).restart();
    expect(own.last).toMatchObject({ outcome: 'interrupted', until: running?.wall });
    expect(running?.wall).toBeGreaterThanOrEqual((done?.wall ?? 0) + 2000);
    expect(told(own.last.steps)).toEqual(['lab/vms done', 'lab/nas failed']);
    own.runs(20);
    expect(own.told).toContain('resumed');
    expect(own.outcomes).toEqual([undefined]);
    own.carriesOut();
    expect(own.outcomes).toEqual(['carried-out']);
    expect(told(own.last.steps)).toEqual(['lab/vms done', 'lab/nas done', 'host done']);
  });

  test('between two steps was interrupted as the first had ended', () => {
    const own = new Group().fires().begins('lab/vms').ends('lab/vms').passes(30).restart();
    expect(own.last.until).toBe((own.last.steps[0]?.wall ?? 0) + 2000);
  });

  test('while the halt was going on was interrupted, for the machine still lives', () => {
    const own = new Group().fires().begins('host', { act: 'halt' }).restart();
    expect(own.last).toMatchObject({ outcome: 'interrupted', steps: [{ key: 'host', state: 'failed' }] });
  });

  test('and that is over on return is called off', () => {
    const own = killed().restart(3).mains();
    expect(own.last).toMatchObject({ outcome: 'called-off', why: 'the mains have held again' });
    expect(told(own.last.steps)).toEqual(['lab/vms done', 'lab/nas failed']);
  });

  test('while it was called off stays that', () => {
    const own = new Group().fires().begins('lab/vms').mains();
    const { outcome, until, why } = own.last;
    own.restart();
    expect(own.last).toMatchObject({ outcome, until, why });
    expect(own.last.steps).toMatchObject([{ key: 'lab/vms', text: 'cut short: the process ended' }]);
  });

  test('is not put down once more by the next start', () => {
    const own = new Group().fires().carriesOut();
    const before = own.group().past;
    expect(own.restart().group().past).toEqual(before);
  });

  test('and that no earlier version has put down is put down from here on', () => {
    const own = killed();
    const at = own.stamp.at;
    const { past: _, ...unknown } = own.group();
    own.state = { ...own.state, groups: new Map([['rack', unknown]]) };
    expect(memoryOf(own.state, at).groups.get('rack')).not.toHaveProperty('past');
    own.restart();
    expect(own.outcomes).toEqual(['interrupted']);
    expect(own.last.reason).toMatch(/^ups: battery charge 5 %/);
  });

  test('and that goes on where an earlier version has seen the end of a part of it is put down', () => {
    const shed = { ...LAB, name: 'shed', when: { onBatteryFor: seconds(5) }, steps: [step('shed/a')], restore: [] };
    const own = new Group(rack(['ups'], { stages: [shed, LAB] }));
    own.says('ups', 'OB', { ...FULL, 'battery.charge': 90 }).runs(8);
    own.begins('shed/a').ends('shed/a').tells({ kind: 'run-ended' });
    const { past: _, ...unknown } = own.group();
    own.state = { ...own.state, groups: new Map([['rack', unknown]]) };
    own.fires();
    expect(own.outcomes).toEqual([undefined]);
  });

  test('and that an earlier version has seen the end of is not', () => {
    const own = new Group().fires().begins('lab/nas').ends('lab/nas').mains().tells({ kind: 'run-ended' });
    const { past: _, ...unknown } = own.group();
    own.state = { ...own.state, groups: new Map([['rack', unknown]]) };
    own.restart().runs(10).tells({ kind: 'restore-ended' });
    expect(own.group().progress?.phase).toBe('restored');
    expect(own.group()).not.toHaveProperty('past');
  });
});

describe('a run in which the machine went down', () => {
  const halted = () => new Group().fires().begins('lab/nas').ends('lab/nas').begins('host', { act: 'halt' });

  test('as it was told to is carried out, and what it took away is brought back', () => {
    const own = halted();
    const { wall } = own.stamp;
    own.reboot();
    expect(own.last).toMatchObject({ outcome: 'carried-out', until: wall });
    expect(own.last.steps.at(-1)).toMatchObject({ key: 'host', state: 'done', text: 'the machine has gone down' });
    own.mains().begins('lab/restore/nas').ends('lab/restore/nas');
    own.tells({ kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' });
    expect(own.last).toMatchObject({ outcome: 'carried-out', until: wall, restored: own.stamp.wall });
    expect([told(own.last.steps), told(own.last.restore)]).toEqual([
      ['lab/nas done', 'host done'],
      ['lab/restore/nas done'],
    ]);
  });

  test('after its halt had been taken is carried out as it was told', () => {
    const own = halted().ends('host', 'done', 'ordered').reboot();
    expect(own.last).toMatchObject({ outcome: 'carried-out' });
    expect(own.last.steps.at(-1)).toMatchObject({ key: 'host', state: 'done', text: 'ordered' });
  });

  test('by itself was interrupted', () => {
    const own = new Group().fires().begins('lab/nas').reboot();
    expect(own.last).toMatchObject({ outcome: 'interrupted' });
    expect(told(own.last.steps)).toEqual(['lab/nas failed']);
    own.mains();
    expect(own.outcomes).toEqual(['interrupted']);
  });

  test('and that is taken up keeps what it did before', () => {
    const own = halted().reboot().fires();
    expect(own.outcomes).toEqual([undefined]);
    own.begins('lab/vms').ends('lab/vms').tells({ kind: 'run-ended' });
    expect(own.outcomes).toEqual(['carried-out']);
    expect(told(own.last.steps)).toEqual(['lab/nas done', 'host done', 'lab/vms done']);
  });

  test('after it had ended is as it was', () => {
    const own = new Group().fires().carriesOut();
    const { until, outcome } = own.last;
    expect(own.reboot().last).toMatchObject({ until, outcome });
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
