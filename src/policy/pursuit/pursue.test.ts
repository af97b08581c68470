import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { Progress, ProgressEvent } from '../../domain/progress.ts';
import type { GroupSettings, Settings, StageSettings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant, asMillis, seconds } from '../../domain/time.ts';
import { isPursuing, type Pursuit } from './pursue.ts';

const step = (key: string, kind: 'exec' | 'ups' = 'exec'): Step =>
  ({ ...HALT, key, kind, text: `stop ${key}`, ...(kind === 'ups' ? { device: 'ups' } : {}) }) as Step; // one of the two
const stage = (name: string, more: Partial<StageSettings> = {}): StageSettings => ({
  name,
  steps: [step(`${name}/a`)],
  restore: [step(`${name}/restore/a`)],
  ...more,
});
const STAGES = [stage('lab'), stage('vms')];
const staged = (more: Partial<GroupSettings> = {}, feeds: readonly string[] = ['ups']) =>
  rack(feeds, { stages: STAGES, ...more });
const CHARGED = { 'battery.charge': 90, 'battery.runtime': 3000 };

/** What the executor tells of the run that stands, or of one that is given. */
function tells(watch: Watch, ...events: readonly ProgressEvent[]): Watch {
  for (const event of events) {
    watch.tell({ kind: 'progressed', group: 'rack', run: watch.group().progress?.run ?? '', event });
  }
  return watch;
}
const begins = (key: string): ProgressEvent => ({ kind: 'begun', step: key });
const ends = (
  key: string,
  state: 'done' | 'failed' | 'timed-out' | 'skipped' = 'done',
  took = 1000,
): ProgressEvent => ({
  kind: 'ended',
  step: key,
  state,
  text: 'so',
  took: asMillis(took),
});
const through = (key: string): readonly ProgressEvent[] => [begins(key), ends(key)];
const halts = (act: 'halt' | 'reboot' = 'halt'): ProgressEvent => ({ kind: 'begun', step: 'host', act });

/** A whole run of an outage that has just been ordered. */
const running = (more: Partial<Settings> = staged(), vars = {}) =>
  new Watch(more).says('ups', 'OL', CHARGED).says('ups', 'OB LB', vars).runs(10);
function kinds(watch: Watch, from = 0): readonly string[] {
  // Whatever is told has its words, whatever is ordered its kind.
  expect(watch.facts.filter(({ text }) => text === undefined)).toEqual([]);
  return watch.intents.slice(from).flatMap(({ kind }) => (kind === 'answer' ? [] : [kind ?? 'nothing']));
}
const text = (watch: Watch, type: string) => watch.facts.findLast((fact) => fact.type === type);
/** The orders that come of what is done. */
function orders(watch: Watch, act: (watch: Watch) => unknown): readonly string[] {
  const from = watch.intents.length;
  act(watch);
  return kinds(watch, from);
}
const phase = (watch: Watch) => watch.group().progress?.phase;
const last = (watch: Watch) => watch.intents.at(-1);

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
    expect(last(watch)).toMatchObject({ kind: 'run', halt: true });
    // The disk has the decision, and not yet that it is being carried out.
    const torn = { ...watch.group(), ...(progress === undefined ? {} : { progress }) };
    watch.state = { ...watch.state, groups: new Map([[torn.id, torn]]) };
    watch.restart(1).says('ups', 'OB LB', CHARGED).runs(5);
    expect(last(watch)).toMatchObject({ kind: 'run', stages: names, halt: true, done: ['lab/a'] });
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
    expect(text(watch, 'resumed')).toMatchObject({
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
      expect(last(watch)).toMatchObject({ reason: 'a person has asked for it' });
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
    expect(last(watch)).toMatchObject({ kind: 'restore', stages: ['vms', 'lab'] });
    expect(watch.group().resuming).toBeUndefined();
  });

  test('that had nothing taken away is just over', () => {
    const watch = running(rack()).reboot().says('ups', 'OL', CHARGED).runs(60);
    const { run, earlierRun, resuming } = watch.group();
    expect([kinds(watch), run, earlierRun, resuming]).toEqual([['run'], undefined, undefined, undefined]);
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

describe('a halt that did not happen', () => {
  const halted = (state: 'done' | 'failed' = 'done', act: 'halt' | 'reboot' = 'halt') =>
    tells(running(), ...through('lab/a'), ...through('vms/a'), halts(act), ends('host', state), { kind: 'run-ended' });

  test('is issued again after 120 s on battery, and again', () => {
    const watch = halted();
    expect(orders(watch, () => watch.runs(119))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['halt']);
    expect(last(watch)).toMatchObject({ act: 'halt', run: watch.run()?.id });
    expect(orders(watch, () => watch.runs(118))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['halt']);
  });

  test('is a reboot on mains that have held', () => {
    const watch = halted();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(121))).toEqual(['halt']);
    expect(last(watch)).toMatchObject({ act: 'reboot' });
  });

  test('is no reboot where a UPS was told to cycle', () => {
    const stages = [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })];
    const watch = tells(running(staged({ stages })), begins('vms/a'), ends('vms/a', 'failed'), halts(), ends('host'));
    tells(watch, { kind: 'run-ended' }).says('ups', 'OL', CHARGED).runs(121);
    expect(last(watch)).toMatchObject({ kind: 'halt', act: 'halt' });
  });

  test('because it was refused is tried again on mains where a UPS was told to cycle', () => {
    const stages = [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })];
    const watch = tells(running(staged({ stages })), begins('vms/a'), ends('vms/a'), halts(), ends('host', 'failed'));
    tells(watch, { kind: 'run-ended' }).says('ups', 'OL', { 'battery.charge': 30 });
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(119))).toEqual(['restore']);
  });

  test('because it was refused is tried again on battery', () => {
    const watch = halted('failed');
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
  });

  test('because it was refused is left on mains, and what was stopped is brought back', () => {
    const watch = halted('failed');
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(300))).toEqual(['restore']);
  });

  test('because it was refused is left on mains however long that takes, until what was stopped may come back', () => {
    const watch = halted('failed');
    const low = { 'battery.charge': 30 };
    expect(orders(watch, () => watch.says('ups', 'OL', low).runs(300))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(2))).toEqual(['restore']);
  });

  test('is told as what it is, with how long it has been', () => {
    const watch = halted().runs(121);
    const text = 'rack: still alive 2 min after the halt: halted again';
    expect(watch.facts.find(({ type }) => type === 'halt_again')).toMatchObject({ level: 'error', text });
    const mains = halted().says('ups', 'OL', CHARGED).runs(121);
    expect(mains.facts.find(({ type }) => type === 'halt_again')).toMatchObject({
      text: 'rack: still alive 2 min after the halt: the mains have held, rebooted',
      details: { act: 'reboot' },
    });
  });

  test('is issued again by the next process of this boot', () => {
    const watch = halted().restart(5).says('ups', 'OB', CHARGED);
    expect(orders(watch, () => watch.runs(110))).toEqual([]);
    expect(orders(watch, () => watch.runs(10))).toEqual(['halt']);
  });

  test('is not of interest in another boot', () => {
    const watch = halted().reboot();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(300))).toEqual(['restore']);
  });

  test('of a dry run is no halt', () => {
    const watch = tells(running({ ...staged(), dryRun: true }), halts(), ends('host'), { kind: 'run-ended' });
    expect(orders(watch, () => watch.runs(300))).toEqual([]);
  });
});

describe('a halt that did not happen, of a group of nothing else', () => {
  const halted = () => tells(running(rack()), halts(), ends('host'), { kind: 'run-ended' });

  test('is issued again on battery', () => {
    const watch = halted();
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
  });

  test('is a reboot on mains that have held', () => {
    const watch = halted();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(121))).toEqual(['halt']);
    expect(last(watch)).toMatchObject({ act: 'reboot' });
  });
});

describe('time that runs out', () => {
  const OUT = { 'battery.runtime': 15 };

  test('hastens a run once, with what the halt needs left', () => {
    const watch = running(staged(), { 'battery.runtime': 100 });
    expect(orders(watch, () => watch.says('ups', 'OB LB', { 'battery.runtime': 16 }))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(30))).toEqual(['hurry']);
    expect(watch.group().progress?.hurried).toContain('and the halt needs 15 s');
    expect(watch.told.filter((type) => type === 'hurried')).toHaveLength(1);
  });

  test('is counted from the last runtime that was told, while the device is silent', () => {
    const watch = running(staged(), { 'battery.runtime': 100 }).hangs('ups');
    expect(orders(watch, () => watch.runs(84))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['hurry']);
  });

  test('is what the configuration says where no runtime is told', () => {
    const watch = running();
    const fired = watch.decidedAt ?? 0;
    const hurries = () => watch.intents.filter(({ kind }) => kind === 'hurry');
    watch.runs(fired + 120 - 15 - watch.second - 1);
    expect(hurries()).toEqual([]);
    watch.runs(1);
    expect(hurries()).toHaveLength(1);
  });

  test.each<[string, (watch: Watch) => unknown, Partial<Settings>]>([
    ['on mains', (watch) => watch.says('ups', 'OL', OUT), staged()],
    [
      'without a halt',
      (watch) => watch.says('ups', 'OB LB', OUT),
      { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] },
    ],
    ['in a dry run', (watch) => watch.says('ups', 'OB LB', OUT), { ...staged(), dryRun: true }],
    ['once the halt has begun', (watch) => tells(watch, halts()).says('ups', 'OB LB', OUT), staged()],
    ['once the run is through', (watch) => tells(watch, { kind: 'run-ended' }).says('ups', 'OB LB', OUT), staged()],
  ])('hastens nothing %s', (_, act, more) => {
    const watch = running(more, { 'battery.runtime': 100 });
    act(watch);
    expect(orders(watch, () => watch.runs(4))).toEqual([]);
    expect(kinds(watch)).not.toContain('hurry');
  });

  test('is sure after three seconds: a reading that is taken back hastens nothing', () => {
    const watch = running(staged(), { 'battery.runtime': 100 });
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(2))).toEqual([]);
    expect(watch.group().progress?.shortSince).toBeDefined();
    expect(orders(watch, () => watch.says('ups', 'OB LB', { 'battery.runtime': 100 }).runs(1))).toEqual([]);
    expect(watch.group().progress).not.toHaveProperty('shortSince');
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(2))).toEqual([]);
    expect(orders(watch, () => watch.runs(1))).toEqual(['hurry']);
  });

  test('that is nearly out hastens nothing yet, and at once when it is', () => {
    const watch = running(staged(), { 'battery.runtime': 17 });
    expect(kinds(watch)).toEqual(['run']);
    expect(orders(watch, () => watch.runs(10))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT))).toEqual(['hurry']);
    expect(text(watch, 'hurried')).toMatchObject({
      level: 'error',
      text: expect.stringMatching(/^rack: time runs out, what is left of the plan is skipped: .* needs 15 s$/),
      details: { run: watch.run()?.id },
    });
  });

  test('hastens no run of a few stages', () => {
    const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } })];
    const triggers = { ...new Watch().settings.triggers, runtimeBelow: 'off' as const };
    const watch = new Watch(staged({ stages, triggers })).says('ups', 'OL').says('ups', 'OB', CHARGED).runs(20);
    expect(orders(watch, () => watch.says('ups', 'OB', { ...CHARGED, ...OUT }).runs(20))).toEqual([]);
  });

  test('hastens it again after a restart: the process that was hastened is gone', () => {
    const watch = tells(running(staged(), OUT), begins('lab/a'));
    expect(kinds(watch)).toContain('hurry');
    watch.restart(1);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(5))).toEqual(['run', 'hurry']);
  });
});

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
    expect(last(watch)).toMatchObject({ stages: ['vms', 'lab'], undo: new Map([['vms/a', ['one']]]) });
    expect(phase(watch)).toBe('restoring');
    expect(text(watch, 'restoring')).toMatchObject({
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

  test('waits for arming', () => {
    const watch = tells(stopped(), { kind: 'run-ended' });
    watch.asks('disarm', { group: 'rack', for: '60s' }).says('ups', 'OL', OVER);
    expect(orders(watch, () => watch.runs(55))).toEqual([]);
    expect(orders(watch, () => watch.runs(10))).toEqual(['restore']);
  });

  test('that has no way back is left at that', () => {
    const stages = [stage('lab', { restore: [] }), stage('vms', { restore: [] })];
    const watch = tells(stopped(staged({ stages })), { kind: 'run-ended' })
      .says('ups', 'OL', OVER)
      .runs(20);
    expect([kinds(watch), phase(watch), watch.group().shed]).toEqual([['run', 'call-off'], 'restored', undefined]);
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
    expect(text(watch, 'restore_stopped')).toMatchObject({
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
    expect(last(watch)).toMatchObject({ reason: 'nothing may be done now' });
    expect(text(watch, 'restore_stopped')?.text).toBe('rack: the restore is stopped, nothing may be done now');
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
    expect(last(watch)).toMatchObject({ kind: 'restore', stages: ['vms', 'lab'] });
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
    expect(text(watch, 'restoring')?.text).toBe('rack: the outage is over, lab is brought back');
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
    expect(watch.group().shed?.byHand).toBe(true);
    watch.asks('cancel');
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map() });
    expect(orders(watch, () => tells(watch, ends('lab/a'), { kind: 'run-ended' }).runs(5))).toEqual(['restore']);
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
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map(), byHand: true });
  });

  test('stays down over a restart, and comes back after a reboot', () => {
    const watch = tells(asked(), ...through('vms/a'), ends('host', 'skipped'), { kind: 'run-ended' });
    watch.restart(1).says('ups', 'OL', CHARGED);
    expect(orders(watch, () => watch.runs(600))).toEqual([]);
    watch.reboot();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(60))).toEqual(['restore']);
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

describe('time alone can change', () => {
  const at = asInstant(0);
  const progress: Progress = { run: 'r', kind: 'outage', dryRun: false, wall: 0, phase: 'ended', steps: new Map() };
  const in_ = (now: Progress['phase'], more: Partial<Progress> = {}) => ({
    progress: { ...progress, phase: now, ...more },
  });
  test.each<[string, Pursuit, boolean]>([
    ['nothing where there is nothing', {}, false],
    ['a run that waits to be taken up', { resuming: true }, true],
    ['what has to be brought back', { shed: { stages: ['lab'], undo: new Map() } }, true],
    ['a run that is going on', in_('running'), true],
    ['one that is called off', in_('stopping'), true],
    ['one that was cut short', in_('interrupted'), true],
    ['a restore', in_('restoring'), true],
    ['nothing of a restore that is through', in_('restored'), false],
    ['nothing of a run that is through', in_('ended'), false],
    ['a halt that was issued', in_('ended', { halt: { act: 'halt', at, wall: 0 } }), true],
  ])('%s', (_, pursuit, is) => {
    expect(isPursuing(pursuit)).toBe(is);
  });
});
