import { describe, expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  ends,
  halts,
  kinds,
  lastOrder,
  orders,
  phase,
  running,
  STAGES,
  stage,
  staged,
  step,
  tells,
  through,
  told,
} from '../../../tests/kit/pursued.ts';
import { group } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { ProgressEvent } from '../../domain/progress.ts';
import type { GroupSettings, Settings } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';

describe('a run is ordered', () => {
  test('once, whole, with nothing done', () => {
    const watch = running();
    const reason = 'ups: the device says that its battery is low';
    expect(watch.runsOrdered).toMatchObject([{ stages: ['lab', 'vms'], halt: true, dryRun: false, done: [], reason }]);
    expect(watch.group().progress).toMatchObject({ kind: 'outage', phase: 'running', dryRun: false });
  });

  test('again where it grows, without what is over', () => {
    const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } }), stage('vms')];
    const watch = new Watch(staged({ stages })).says('ups', 'OL').says('ups', 'OB', CHARGED).runs(20);
    tells(watch, ...through('lab/a'), { kind: 'undo', step: 'lab/a', undo: 1 }, { kind: 'run-ended' });
    expect(phase(watch)).toBe('ended');
    watch.says('ups', 'OB LB', CHARGED).runs(10);
    expect(watch.runsOrdered).toMatchObject([
      { stages: ['lab'], halt: false },
      { stages: ['lab', 'vms'], halt: true, done: ['lab/a'], undo: new Map([['lab/a', 1]]) },
    ]);
    expect([phase(watch), new Set(watch.runsOrdered.map(({ run }) => run)).size]).toEqual(['running', 1]);
  });

  test('again where it grows while a step of it is running, which is not over', () => {
    const two = { ...stage('lab', { when: { onBatteryFor: seconds(10) } }), steps: [step('lab/a'), step('lab/b')] };
    const watch = new Watch(staged({ stages: [two, stage('vms')] }))
      .says('ups', 'OL')
      .says('ups', 'OB', CHARGED)
      .runs(20);
    tells(watch, ...through('lab/a'), begins('lab/b'))
      .says('ups', 'OB LB', CHARGED)
      .runs(10);
    expect(watch.runsOrdered.at(-1)).toMatchObject({ halt: true, done: ['lab/a'] });
  });

  test('once a reload arms what was only told', () => {
    const watch = running({ ...staged(), armed: false }).reloads(staged());
    expect(watch.runsOrdered).toMatchObject([{ stages: ['lab', 'vms'], halt: true, dryRun: false, done: [] }]);
    expect(watch.group().progress).toMatchObject({ run: watch.run()?.id, phase: 'running' });
  });

  test('as a rehearsal where the configuration says so, and without a halt where there is none', () => {
    expect(running({ ...staged(), dryRun: true }).runsOrdered).toMatchObject([{ dryRun: true, halt: true }]);
    const unhalted = { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] };
    expect(running(unhalted).runsOrdered).toMatchObject([{ dryRun: false, halt: false }]);
  });

  test('by nobody where nothing is armed', () => {
    const watch = running({ ...staged(), armed: false });
    expect([kinds(watch), watch.group().progress]).toEqual([[], undefined]);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual([]);
  });
});

describe('after a restart in the same boot a run', () => {
  const killed = () => tells(running(), ...through('lab/a'), begins('vms/a')).restart(1);

  test('waits, and says that it was interrupted', () => {
    const watch = killed();
    expect([kinds(watch), phase(watch)]).toEqual([['run'], 'interrupted']);
  });

  test('goes on as soon as battery is proved, at the step that was cut', () => {
    const watch = killed();
    expect(orders(watch, () => watch.says('ups', 'OB', CHARGED))).toEqual(['run']);
    expect(watch.runsOrdered.at(-1)).toMatchObject({ run: watch.run()?.id, done: ['lab/a'], halt: true });
    expect([phase(watch), watch.told.includes('resumed')]).toEqual(['running', true]);
    expect(orders(watch, () => watch.runs(20))).toEqual([]);
  });

  test('goes on after 5 s in which nobody has said anything', () => {
    const watch = killed().hangs('ups');
    expect(orders(watch, () => watch.runs(4))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['run']);
  });

  test('waits while its feed proves nothing, but no longer than for silence', () => {
    const watch = killed();
    watch.changes('ups', 'ALARM', CHARGED);
    expect(orders(watch, () => watch.runs(4))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['run']);
  });

  test('waits while there are mains, which call it off once they have held; then it is brought back', () => {
    const watch = killed();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(4))).toEqual([]);
    expect(orders(watch, () => watch.runs(5))).toEqual(['call-off', 'restore']);
    expect([phase(watch), watch.group().progress?.steps.get('vms/a')]).toMatchObject([
      'restoring',
      { state: 'failed' },
    ]);
  });

  test('goes on after 15 s in which there are mains that have not held', () => {
    const watch = tells(running({ ...staged(), mainsHold: seconds(60) }), begins('lab/a')).restart(1);
    watch.changes('ups', 'OL', CHARGED);
    expect(orders(watch, () => watch.runs(14))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['run']);
  });

  test('that was through is not ordered again', () => {
    const watch = tells(running(), ...through('lab/a'), ...through('vms/a'), ends('host', 'skipped'));
    tells(watch, { kind: 'run-ended' }).restart(1);
    expect(orders(watch, () => watch.says('ups', 'OB', CHARGED).runs(20))).toEqual([]);
    expect([phase(watch), watch.group().resuming]).toEqual(['ended', undefined]);
  });

  test.each([
    ['a stage', [stage('lab', { when: { onBatteryFor: seconds(10) } }), stage('vms')], ['lab', 'vms']],
    ['the halt alone', [stage('lab', { when: { onBatteryFor: seconds(10) } })], ['lab']],
  ])('of which less was through than was ordered goes on: %s', (_, stages, names) => {
    const watch = new Watch(staged({ stages })).says('ups', 'OL').says('ups', 'OB', CHARGED).runs(20);
    tells(watch, ...through('lab/a'), { kind: 'run-ended' });
    const { progress } = watch.group();
    watch.says('ups', 'OB LB', CHARGED).runs(10);
    expect(lastOrder(watch)).toMatchObject({ kind: 'run', halt: true });
    // The disk has the decision, and not yet that it is being carried out.
    const torn = { ...watch.group(), ...(progress === undefined ? {} : { progress }) };
    watch.state = { ...watch.state, groups: new Map([[torn.id, torn]]) };
    watch.restart(1).says('ups', 'OB LB', CHARGED).runs(5);
    expect(lastOrder(watch)).toMatchObject({ kind: 'run', stages: names, halt: true, done: ['lab/a'] });
  });

  const THROUGH = [...through('lab/a'), ...through('vms/a'), begins('host'), ends('host', 'skipped')] as const;
  const ENDED: ProgressEvent = { kind: 'run-ended' };
  const unhalted = { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] };
  const idle = [stage('lab'), stage('none', { steps: [] }), stage('vms')];
  const shedding = [stage('lab', { when: { onBatteryFor: seconds(5) } }), stage('vms')];
  test.each<[string, boolean, Partial<Settings>, string, readonly ProgressEvent[]]>([
    ['of which everything was begun', false, staged(), 'OB LB', [...THROUGH, ENDED]],
    ['of which everything was begun, and nobody said that it was the end', true, staged(), 'OB LB', THROUGH],
    ['of which the halt was never begun', true, staged(), 'OB LB', [...THROUGH.slice(0, 4), ENDED]],
    ['of which a stage was never begun', true, staged(), 'OB LB', [...THROUGH.slice(2), ENDED]],
    ['of which only the halt was begun', true, staged(), 'OB LB', [...THROUGH.slice(4), ENDED]],
    ['of which a stage has nothing to do', false, staged({ stages: idle }), 'OB LB', [...THROUGH, ENDED]],
    ['that has no halt', false, unhalted, 'OB LB', [...THROUGH.slice(0, 4), ENDED]],
    ['that is of a stage alone', false, staged({ stages: shedding }), 'OB', [...through('lab/a'), ENDED]],
    ['that has only brought back', true, staged({ stages: shedding }), 'OB', [...through('lab/restore/a'), ENDED]],
  ])('%s goes on: %s', (_, goesOn, more, status, events) => {
    const watch = new Watch(more).says('ups', 'OL', CHARGED).says('ups', status, CHARGED).runs(10);
    tells(watch, ...events).restart(1);
    const runs = orders(watch, () => watch.says('ups', status, CHARGED).runs(20)).filter((kind) => kind === 'run');
    expect([runs, watch.group().resuming]).toEqual([goesOn ? ['run'] : [], undefined]);
    expect(watch.told.filter((type) => type === 'resumed')).toHaveLength(runs.length);
  });

  test('that goes on says so', () => {
    const watch = killed().says('ups', 'OB', CHARGED);
    expect(told(watch, 'resumed')).toMatchObject({
      level: 'warning',
      text: 'rack: the shutdown that was going on before a restart goes on',
      details: { run: watch.run()?.id },
    });
  });

  test('that was only told has nothing to take up', () => {
    const watch = running({ ...staged(), armed: false }).restart(1);
    expect(watch.group().resuming).toBe(true);
    expect(orders(watch, () => watch.says('ups', 'OB LB').runs(10))).toEqual([]);
    expect([watch.group().resuming, watch.told.includes('resumed')]).toEqual([undefined, false]);
  });

  describe('of two feeds', () => {
    const two = (low: readonly string[], more: Partial<GroupSettings> = {}) => {
      const watch = new Watch({ ...staged(more, ['a', 'b']), mainsHold: seconds(60) });
      watch.says('a', 'OL', CHARGED).says('b', 'OL', CHARGED).runs(20);
      for (const id of low) watch.says(id, 'OB LB', CHARGED);
      tells(watch.runs(10), begins('lab/a')).restart(1).hangs('a').hangs('b');
      return watch;
    };

    test('goes on once one that had led to it proves battery, though the other is silent', () => {
      const watch = two(['a', 'b']);
      expect(orders(watch, () => watch.says('a', 'OB', CHARGED))).toEqual(['run']);
    });

    test('waits for the mains of one, though the other is silent', () => {
      const watch = two(['a', 'b']);
      watch.changes('a', 'OL', CHARGED);
      expect(orders(watch, () => watch.runs(14))).toEqual([]);
      expect(orders(watch, () => watch.runs(1))).toEqual(['run']);
    });

    test('is not proved by one that had not led to it', () => {
      const watch = two(['a'], { minHealthy: 2 });
      watch.changes('b', 'OB', CHARGED);
      expect(orders(watch, () => watch.runs(4))).toEqual([]);
      expect(orders(watch, () => watch.runs(1))).toEqual(['run']);
    });

    test('does not wait for the mains of one that had not led to it', () => {
      const watch = two(['a'], { minHealthy: 2 });
      watch.changes('b', 'OL', CHARGED);
      expect(orders(watch, () => watch.runs(5))).toEqual(['run']);
    });

    test('whose cause the configuration no longer has is proved by any', () => {
      const watch = two(['a'], { minHealthy: 2 });
      watch.settings = new Watch(staged({}, ['b'])).settings;
      watch.restart(1);
      expect(orders(watch, () => watch.says('b', 'OB', CHARGED))).toEqual(['run']);
    });

    test('of which nobody has led to it is proved by any', () => {
      const watch = new Watch(staged({}, ['a', 'b'])).says('a', 'OL', CHARGED).says('b', 'OL', CHARGED).runs(20);
      watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
      tells(watch, begins('lab/a')).restart(1).hangs('a').hangs('b');
      expect(orders(watch, () => watch.says('b', 'OB', CHARGED))).toEqual(['run']);
      expect(lastOrder(watch)).toMatchObject({ reason: 'a person has asked for it' });
    });
  });

  test('that was called off and still at a step is over', () => {
    const watch = tells(running(), begins('lab/a')).says('ups', 'OL').runs(7);
    expect(phase(watch)).toBe('stopping');
    watch.restart(1);
    expect([phase(watch), watch.group().progress?.steps.get('lab/a')?.state]).toEqual(['ended', 'failed']);
  });

  test('that nobody has armed any more is called off', () => {
    const watch = tells(running(), begins('lab/a'));
    watch.settings = { ...watch.settings, armed: false };
    watch.restart(1).says('ups', 'OB', CHARGED).runs(20);
    expect([kinds(watch), phase(watch)]).toEqual([['run', 'call-off'], 'ended']);
  });
});

describe('after a reboot a run', () => {
  const rebooted = () => tells(running(), ...through('lab/a'), begins('vms/a')).reboot();

  test('does nothing before a proof', () => {
    const watch = rebooted();
    expect(orders(watch, () => watch.runs(300))).toEqual([]);
    expect(phase(watch)).toBe('interrupted');
  });

  test('goes on from its first step once battery is proved, however long that takes', () => {
    const watch = rebooted().runs(60);
    expect(orders(watch, () => watch.says('ups', 'OB', CHARGED).runs(10))).toEqual(['run']);
    expect(watch.runsOrdered.at(-1)).toMatchObject({ done: [], halt: true, stages: ['lab', 'vms'] });
    expect([phase(watch), watch.group().progress?.steps.size]).toEqual(['running', 0]);
  });

  test('is over with mains, and what it has taken away is brought back', () => {
    const watch = rebooted();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual(['restore']);
    expect(lastOrder(watch)).toMatchObject({ kind: 'restore', stages: ['vms', 'lab'] });
    expect(watch.group().resuming).toBeUndefined();
  });

  test('that had nothing taken away is just over', () => {
    const watch = running(rack()).reboot().says('ups', 'OL', CHARGED).runs(60);
    const { run, earlierRun, resuming } = watch.group();
    expect([kinds(watch), run, earlierRun, resuming]).toEqual([['run'], undefined, undefined, undefined]);
    expect(phase(watch)).toBe('ended');
  });
});

describe('mains', () => {
  const callOff = (watch: Watch) => orders(watch, () => watch.says('ups', 'OL', { 'battery.charge': 30 }).runs(30));

  test('call off a run before its point of no return', () => {
    const watch = tells(running(), begins('lab/a'));
    expect([callOff(watch), phase(watch)]).toEqual([['call-off'], 'stopping']);
  });

  test.each<[string, Partial<GroupSettings>, readonly ProgressEvent[]]>([
    ['a ups step', { stages: [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })] }, [begins('vms/a')]],
    ['a stage', { pointOfNoReturn: 'vms' }, [begins('vms/a')]],
    ['the halt', {}, [halts()]],
  ])('do not once %s has begun', (_, more, events) => {
    const watch = running(staged(more));
    const before = tells(running(staged(more)), begins('lab/a'));
    expect(callOff(before)).toEqual(['call-off']);
    expect([callOff(tells(watch, ...events)), watch.run()?.whole]).toEqual([[], true]);
  });

  test('do, where that step was skipped', () => {
    const watch = running(staged({ pointOfNoReturn: 'vms' }));
    expect(callOff(tells(watch, ends('vms/a', 'skipped')))).toEqual(['call-off']);
  });

  test('do, where a dry run has come so far', () => {
    const watch = running({ ...staged(), dryRun: true });
    expect(callOff(tells(watch, halts()))).toEqual(['call-off']);
  });

  test('that come after a run is through finish it', () => {
    const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } })];
    const watch = new Watch(staged({ stages })).says('ups', 'OL').says('ups', 'OB', CHARGED).runs(20);
    tells(watch, ...through('lab/a'), { kind: 'run-ended' });
    expect([callOff(watch), watch.told.includes('finished')]).toEqual([[], true]);
  });
});

describe('a forced shutdown', () => {
  test('that was ordered goes on, although it has begun nothing yet', () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).says('ups', 'FSD OB').runs(3);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual([]);
    expect(watch.run()?.kind).toBe('fsd');
  });

  test('that is at work goes on, whatever the words', () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).says('ups', 'FSD OB').runs(3);
    tells(watch, begins('lab/a'));
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual([]);
  });
});
