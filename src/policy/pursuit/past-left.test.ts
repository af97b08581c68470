import { describe, expect, test } from 'vitest';
import { FULL, Group, LAB, step, told } from '../../../tests/kit/past.ts';
import { rack } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';
import { memoryOf } from '../../store/memory.ts';

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

  test('and that an earlier version has found interrupted is put down from here on', () => {
    const own = killed().restart();
    const { past: _, ...unknown } = own.group();
    own.state = { ...own.state, groups: new Map([['rack', unknown]]) };
    own.restart();
    expect(own.outcomes).toEqual(['interrupted']);
    expect(told(own.last.steps)).toEqual(['lab/vms done', 'lab/nas failed']);
  });

  test('and of which nobody knows what had led to it is put down without a reason', () => {
    const own = killed();
    const { past: _, run: __, ...unknown } = own.group();
    own.state = { ...own.state, groups: new Map([['rack', unknown]]) };
    own.restart();
    expect(own.past).toMatchObject([{ outcome: 'interrupted', reason: '' }]);
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
