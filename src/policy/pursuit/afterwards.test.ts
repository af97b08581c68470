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
  stage,
  staged,
  tells,
  through,
  told,
} from '../../../tests/kit/pursued.ts';
import { declared } from '../../../tests/kit/settings.ts';
import { Watch } from '../../../tests/kit/watch.ts';
import type { ProgressEvent } from '../../domain/progress.ts';
import type { Settings } from '../../domain/settings.ts';

describe('what was taken away', () => {
  const stopped = (more: Partial<Settings> = staged()) => {
    const watch = tells(running(more), ...through('lab/a'), ...through('vms/a'));
    tells(watch, { kind: 'undo', step: 'vms/a', undo: ['one'] });
    return watch.says('ups', 'OL', { 'battery.charge': 30 }).runs(8);
  };
  const OVER = { 'battery.charge': 51 };

  test('is brought back in reverse order once the run is over and charge is above the level', () => {
    const watch = stopped();
    expect(phase(watch)).toBe('stopping');
    expect(orders(watch, () => watch.says('ups', 'OL', OVER).runs(60))).toEqual([]);
    expect(orders(watch, () => tells(watch, { kind: 'run-ended' }))).toEqual(['restore']);
    expect(lastOrder(watch)).toMatchObject({ stages: ['vms', 'lab'], undo: new Map([['vms/a', ['one']]]) });
    expect(phase(watch)).toBe('restoring');
    expect(told(watch, 'restoring')).toMatchObject({
      level: 'notice',
      text: 'rack: the outage is over, vms, lab are brought back',
      details: { run: watch.group().progress?.run, stages: ['vms', 'lab'] },
    });
    expect(orders(watch, () => watch.runs(60))).toEqual([]);
  });

  test('waits for the charge', () => {
    const watch = tells(stopped(), { kind: 'run-ended' });
    expect(orders(watch, () => watch.says('ups', 'OL', { 'battery.charge': 50 }).runs(600))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OL', OVER).runs(1))).toEqual(['restore']);
  });

  test('waits five minutes where no charge is told', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL');
    expect(orders(watch, () => watch.runs(280))).toEqual([]);
    expect(orders(watch, () => watch.runs(30))).toEqual(['restore']);
  });

  test('waits five minutes where the charge is not trusted, whatever it is', () => {
    const watch = stopped({ ...staged(), devices: [declared('ups', { trustCharge: false })] });
    tells(watch, { kind: 'run-ended' }).says('ups', 'OL', OVER);
    expect(orders(watch, () => watch.runs(280))).toEqual([]);
    expect(orders(watch, () => watch.runs(30))).toEqual(['restore']);
  });

  test('waits for arming', () => {
    const watch = tells(stopped(), { kind: 'run-ended' });
    watch.asks('disarm', { group: 'rack', for: '60s' }).says('ups', 'OL', OVER);
    expect(orders(watch, () => watch.runs(55))).toEqual([]);
    expect(orders(watch, () => watch.runs(10))).toEqual(['restore']);
  });

  test('of which some has no way back is brought back without that, which is told', () => {
    const stages = [stage('lab'), ...['vms', 'nas'].map((name) => stage(name, { restore: [] }))];
    const watch = tells(stopped(staged({ stages })), ...through('nas/a'), { kind: 'run-ended' });
    watch.says('ups', 'OL', OVER).runs(20);
    expect(told(watch, 'restoring')?.text).toBe(
      'rack: the outage is over, lab is brought back; nothing is configured that brings back vms, nas',
    );
    expect(watch.group().shed?.stages).toEqual(['lab']);
  });

  test('that has no way back is left at that', () => {
    const stages = [stage('lab', { restore: [] }), stage('vms', { restore: [] })];
    const watch = tells(stopped(staged({ stages })), { kind: 'run-ended' })
      .says('ups', 'OL', OVER)
      .runs(20);
    expect([kinds(watch), phase(watch), watch.group().shed]).toEqual([['run', 'call-off'], 'restored', undefined]);
    expect(told(watch, 'restore_ended')).toMatchObject({
      level: 'warning',
      text: 'rack: the outage is over, and nothing is configured that brings back lab, vms',
      details: { run: watch.group().progress?.run },
    });
  });

  test('comes back stage by stage, and is then forgotten', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL', OVER).runs(1);
    tells(watch, ...through('vms/restore/a'), { kind: 'stage-restored', stage: 'vms' });
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map() });
    tells(watch, ...through('lab/restore/a'), { kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' });
    expect([watch.group().shed, phase(watch), watch.told.at(-1)]).toEqual([undefined, 'restored', 'restore_ended']);
    expect(orders(watch, () => watch.runs(60))).toEqual([]);
  });

  test('is left at a second outage before the next step, and begun again when that is over', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL', OVER).runs(1);
    tells(watch, begins('vms/restore/a'));
    expect(orders(watch, () => watch.says('ups', 'OB', CHARGED).runs(5))).toEqual(['stop-restore']);
    expect(phase(watch)).toBe('stopping');
    expect(told(watch, 'restore_stopped')).toMatchObject({
      level: 'warning',
      text: 'rack: the restore is stopped, ups is on battery',
      details: { run: watch.group().progress?.run },
    });
    tells(watch, ends('vms/restore/a'), { kind: 'restore-ended' });
    expect([phase(watch), watch.group().shed?.stages]).toEqual(['ended', ['lab', 'vms']]);
    expect(orders(watch, () => watch.says('ups', 'OL', OVER).runs(10))).toEqual(['restore']);
  });

  test('is left when a shutdown is decided, which knows what was left', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL', OVER).runs(1);
    const first = watch.runsOrdered[0]?.run;
    expect(orders(watch, () => watch.says('ups', 'OB FSD', OVER).runs(3))).toEqual(['stop-restore', 'run']);
    expect(watch.intents.at(-2)).toMatchObject({ reason: 'a shutdown was decided' });
    expect(watch.runsOrdered.at(-1)).toMatchObject({ done: [], undo: new Map([['vms/a', ['one']]]) });
    const old: ProgressEvent[] = [ends('vms/restore/a', 'timed-out'), { kind: 'restore-ended' }];
    for (const event of old) watch.tell({ kind: 'progressed', group: 'rack', run: first ?? '', event });
    expect([phase(watch), watch.group().progress?.steps.size, watch.group().shed?.stages]).toEqual([
      'running',
      0,
      ['lab', 'vms'],
    ]);
  });

  test('is left when a person disarms', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL', OVER).runs(1);
    expect(orders(watch, () => watch.asks('disarm', { group: 'rack' }).runs(2))).toEqual(['stop-restore']);
    expect(lastOrder(watch)).toMatchObject({ reason: 'nothing may be done now' });
    expect(told(watch, 'restore_stopped')?.text).toBe('rack: the restore is stopped, nothing may be done now');
  });

  test('goes on being brought back by the next process, from its beginning', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).says('ups', 'OL', OVER).runs(1);
    tells(watch, begins('vms/restore/a')).restart(1);
    expect(orders(watch, () => watch.says('ups', 'OL', OVER).runs(10))).toEqual(['restore']);
  });

  test('is brought back for real although the last run was a dry one', () => {
    const watch = tells(stopped(), { kind: 'run-ended' }).reloads({ ...staged(), dryRun: true });
    watch.says('ups', 'OB LB').runs(10);
    tells(watch, ...through('lab/a'), halts(), ends('host'), { kind: 'run-ended' })
      .says('ups', 'OL', OVER)
      .runs(10);
    watch.reloads(staged()).runs(3);
    expect(lastOrder(watch)).toMatchObject({ kind: 'restore', stages: ['vms', 'lab'] });
    tells(watch, begins('vms/restore/a'));
    expect(watch.facts.at(-1)?.text).not.toContain('dry run');
  });
});

describe('what a person cancels', () => {
  const low = { 'battery.charge': 15 };
  const cancelled = () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).says('ups', 'OB', low).runs(15);
    return tells(watch, begins('lab/a'), { kind: 'undo', step: 'lab/a', undo: 1 }).asks('cancel');
  };

  test('ends what it is at, and begins nothing more', () => {
    const watch = cancelled();
    expect([phase(watch), watch.run()]).toEqual(['stopping', undefined]);
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map([['lab/a', 1]]) });
    tells(watch, ends('lab/a'), { kind: 'run-ended' });
    expect(orders(watch, () => watch.runs(60))).toEqual([]);
  });

  test('comes back once the mains do', () => {
    const watch = tells(cancelled(), ends('lab/a'), { kind: 'run-ended' });
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(20))).toEqual(['restore']);
    expect(told(watch, 'restoring')?.text).toBe('rack: the outage is over, lab is brought back');
  });

  test('after a restart that nothing has taken up yet is over', () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).says('ups', 'OB', low).runs(15);
    tells(watch, begins('lab/a')).restart(1).asks('cancel');
    expect([phase(watch), watch.group().progress?.steps.get('lab/a')?.state]).toEqual(['ended', 'failed']);
    expect(watch.group().resuming).toBeUndefined();
  });

  test('although a person has shut it down comes back by itself', () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20);
    watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
    tells(watch, begins('lab/a'));
    expect(watch.group().shed?.held).toBe('by-hand');
    watch.asks('cancel');
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map() });
    expect(orders(watch, () => tells(watch, ends('lab/a'), { kind: 'run-ended' }).runs(5))).toEqual(['restore']);
  });
});

describe('a restore of which something has failed', () => {
  const SHED = ['lab', 'vms'] as const;
  const over = (more: Partial<Settings> = staged()) => {
    const watch = tells(running(more), ...SHED.flatMap((name) => through(`${name}/a`)));
    watch.says('ups', 'OL', CHARGED).runs(8);
    return tells(watch, { kind: 'undo', step: 'vms/a', undo: 1 }, { kind: 'run-ended' });
  };
  const failed = () =>
    tells(
      over(),
      ...[begins('vms/restore/a'), ends('vms/restore/a', 'failed')],
      ...[...through('lab/restore/a'), { kind: 'stage-restored', stage: 'lab' } as const],
      { kind: 'restore-ended' },
    );

  test('leaves that to be brought back by a person, and says so', () => {
    const watch = failed();
    expect(watch.group().shed).toEqual({ stages: ['vms'], undo: new Map([['vms/a', 1]]), held: 'failed' });
    expect(told(watch, 'restore_ended')?.text).toBe(
      'rack: the restore is through, but not all is brought back: vms/restore/a failed',
    );
    expect(orders(watch, () => watch.runs(600))).toEqual([]);
  });

  test('is tried again when a person asks for it, that part alone', () => {
    const watch = failed();
    expect(orders(watch, () => watch.asks('restore', { group: 'rack' }).runs(5))).toEqual(['restore']);
    expect(lastOrder(watch)).toMatchObject({ stages: ['vms'], undo: new Map([['vms/a', 1]]) });
    expect(told(watch, 'restoring')?.text).toBe('rack: a person has asked for it, vms is brought back');
    expect([...(watch.group().progress?.steps.keys() ?? [])]).toEqual(['lab/a', 'vms/a']);
    tells(watch, ...through('vms/restore/a'), { kind: 'stage-restored', stage: 'vms' }, { kind: 'restore-ended' });
    expect([watch.group().shed, phase(watch)]).toEqual([undefined, 'restored']);
    expect(told(watch, 'restore_ended')?.text).toBe('rack: what was shut down is brought back');
  });

  test('is tried again after a restart of the machine, not of the process', () => {
    const watch = failed().restart(1).says('ups', 'OL', CHARGED);
    expect(orders(watch, () => watch.runs(600))).toEqual([]);
    watch.reboot();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual(['restore']);
  });

  test('is brought back with all else after the next outage', () => {
    const watch = failed().says('ups', 'OB LB', CHARGED).runs(10);
    tells(watch, ...through('lab/a'));
    expect(watch.group().shed).toEqual({ stages: ['vms', 'lab'], undo: new Map([['vms/a', 1]]) });
    watch.says('ups', 'OL', CHARGED).runs(8);
    expect(orders(watch, () => tells(watch, { kind: 'run-ended' }).runs(2))).toEqual(['restore']);
  });
});

describe('a restore that a person vouches for, of a feed that fell silent', () => {
  const silent = (status: string) => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20);
    watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
    tells(watch, ...through('lab/a'), { kind: 'run-ended' })
      .says('ups', 'OB', CHARGED)
      .runs(2);
    watch.says('ups', status, CHARGED).loses('ups').runs(1);
    return watch.asks('restore', { group: 'rack', blind: true });
  };

  test.each(['OB', 'OL'])('goes on while nothing is heard, whatever was said last: %s', (status) => {
    const watch = silent(status);
    expect(phase(watch)).toBe('restoring');
    expect(orders(watch, () => watch.runs(5))).toEqual([]);
  });

  test('is stopped once battery is heard', () => {
    const watch = silent('OB');
    expect(orders(watch, () => watch.says('ups', 'OB', CHARGED).runs(1))).toEqual(['stop-restore']);
  });
});

describe('a restore that a person cancels', () => {
  const cancelled = () => {
    const watch = tells(running(), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8);
    tells(watch, { kind: 'run-ended' }, begins('lab/restore/a'));
    return watch.asks('cancel', { group: 'rack', restore: true });
  };

  test('is stopped before its next step, and not begun again by itself', () => {
    const watch = cancelled();
    expect([phase(watch), lastOrder(watch)]).toMatchObject([
      'stopping',
      { kind: 'stop-restore', reason: 'a person has cancelled it' },
    ]);
    expect(told(watch, 'restore_stopped')?.text).toBe('rack: the restore is stopped, a person has cancelled it');
    tells(watch, ends('lab/restore/a', 'failed'), { kind: 'restore-ended' });
    expect([phase(watch), watch.group().shed?.held]).toEqual(['ended', 'cancelled']);
    expect(orders(watch, () => watch.runs(600).restart(1).says('ups', 'OL', CHARGED).runs(600))).toEqual([]);
  });

  test('that was at its last step is through', () => {
    const watch = tells(cancelled(), ends('lab/restore/a'), { kind: 'stage-restored', stage: 'lab' });
    tells(watch, { kind: 'restore-ended' });
    expect([phase(watch), watch.group().shed]).toEqual(['restored', undefined]);
  });

  test('is there to be cancelled while it waits, and has nothing to end', () => {
    const watch = tells(running(), ...through('lab/a'))
      .says('ups', 'OL', { 'battery.charge': 30 })
      .runs(8);
    tells(watch, { kind: 'run-ended' });
    expect(orders(watch, () => watch.asks('cancel', { restore: true }))).toEqual([]);
    expect([phase(watch), watch.group().shed?.held]).toEqual(['ended', 'cancelled']);
  });

  test('stays cancelled over a decision that is cancelled as well', () => {
    const watch = tells(cancelled(), ends('lab/restore/a', 'failed'), { kind: 'restore-ended' }).runs(1);
    watch.says('ups', 'OB', { 'battery.charge': 15 }).runs(15).asks('cancel');
    tells(watch, { kind: 'run-ended' });
    expect([watch.run(), watch.group().shed?.held]).toEqual([undefined, 'cancelled']);
  });

  test('is begun again once a person asks for it', () => {
    const watch = tells(cancelled(), ends('lab/restore/a', 'failed'), { kind: 'restore-ended' });
    expect(orders(watch, () => watch.asks('restore', { group: 'rack' }).runs(3))).toEqual(['restore']);
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map(), asked: true });
  });
});

describe('what a person has shut down', () => {
  const asked = () => {
    const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20);
    watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
    return tells(watch, ...through('lab/a'));
  };

  test('stays down by itself', () => {
    const watch = tells(asked(), { kind: 'run-ended' });
    expect(watch.runsOrdered).toMatchObject([{ halt: true, stages: ['lab', 'vms'] }]);
    expect(orders(watch, () => watch.runs(600))).toEqual([]);
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map(), held: 'by-hand' });
  });

  test('that has ended comes back once nobody wants it shut down any more, and that is told as it is', () => {
    const watch = tells(asked(), { kind: 'run-ended' });
    expect(orders(watch, () => watch.asks('cancel').runs(1))).toEqual(['call-off', 'restore']);
    expect(told(watch, 'restoring')?.text).toBe('rack: nobody wants it shut down any more, lab is brought back');
  });

  test('goes on coming back after a restart, and still because a person has asked for it', () => {
    const watch = tells(asked(), { kind: 'run-ended' }).asks('restore', { group: 'rack' });
    tells(watch, begins('lab/restore/a')).restart(1);
    expect(orders(watch, () => watch.says('ups', 'OL', { 'battery.charge': 10 }).runs(20))).toEqual(['restore']);
    expect(told(watch, 'restoring')?.text).toBe('rack: a person has asked for it, lab is brought back');
  });

  test('is brought back at once when a person asks for that, and is then shut down no more', () => {
    const watch = tells(asked(), { kind: 'run-ended' }).says('ups', 'OL', { 'battery.charge': 10 }).runs(3);
    expect(orders(watch, () => watch.asks('restore', { group: 'rack' }).runs(3))).toEqual(['restore']);
    expect([phase(watch), watch.run(), watch.group().shed]).toEqual([
      'restoring',
      undefined,
      { stages: ['lab'], undo: new Map(), asked: true },
    ]);
    tells(watch, { kind: 'run-ended' });
    expect([phase(watch), watch.facts.filter(({ type }) => type === 'run_ended')]).toMatchObject(['restoring', [{}]]);
    expect(watch.group().past).toMatchObject([{ kind: 'request', outcome: 'carried-out' }]);
  });

  test('beside what an outage has taken away stays down as well', () => {
    const watch = tells(running(), ...through('lab/a'))
      .says('ups', 'OL', { 'battery.charge': 30 })
      .runs(8);
    tells(watch, { kind: 'run-ended' }).asks('shutdown', { group: 'rack', confirm: 'rack' });
    tells(watch, begins('vms/a'));
    expect(watch.group().shed).toMatchObject({ stages: ['lab', 'vms'], held: 'by-hand' });
  });

  test('stays down although an outage that begins later goes through the plan once more', () => {
    const watch = tells(asked(), ...through('vms/a'), { kind: 'run-ended' })
      .runs(1)
      .says('ups', 'OB LB')
      .runs(10);
    expect(watch.run()?.kind).toBe('outage');
    expect(tells(watch, begins('lab/a')).group().shed?.held).toBe('by-hand');
  });

  test('stays down over a restart, and comes back after a reboot', () => {
    const watch = tells(asked(), ...through('vms/a'), ends('host', 'skipped'), { kind: 'run-ended' });
    watch.restart(1).says('ups', 'OL', CHARGED);
    expect(orders(watch, () => watch.runs(600))).toEqual([]);
    watch.reboot();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual(['restore']);
  });
});
