import { describe, expect, test } from 'vitest';
import { Group } from '../../../tests/kit/past.ts';
import { group } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { ProgressEvent, StepProgress } from '../../domain/progress.ts';
import type { GroupSettings, StageSettings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { progressData, timeLeftOf } from './shown.ts';

const step = (key: string, text = `do ${key}`): Step => ({ ...HALT, kind: 'exec', key, text, deadline: seconds(60) });

const LAB: StageSettings = {
  name: 'lab',
  steps: [step('lab/vms'), step('lab/nas')],
  restore: [step('lab/restore/nas'), step('lab/restore/vms')],
};
const LATE: StageSettings = { name: 'late', steps: [step('late/pump')], restore: [] };

const DRAINED = { 'battery.charge': 5, 'battery.runtime': 304 };

/** A group whose whole plan was decided on, with what its executor tells. */
class Running extends Watch {
  constructor(more: Partial<GroupSettings> = {}) {
    super(rack(['ups'], { stages: [LAB, LATE], ...more }));
    this.says('ups', 'OL', { 'battery.charge': 100, 'battery.runtime': 1800 }).runs(20);
    this.changes('ups', 'OB', DRAINED).runs(20);
    if (this.run()?.whole !== true) throw new Error('nothing was decided');
  }

  hears(event: ProgressEvent): this {
    const run = this.group().progress?.run ?? '';
    return this.tell({ kind: 'progressed', group: 'rack', run, event });
  }

  ends(
    key: string,
    state: StepProgress['state'] & ('done' | 'failed' | 'timed-out' | 'skipped'),
    text = 'so it is',
  ): this {
    return this.hears({ kind: 'ended', step: key, state, text, took: asMillis(2340), output: 'said' });
  }

  /** As it is published. */
  get shown() {
    return JSON.parse(JSON.stringify(progressData(this.group(), this.state, this.stamp.at)));
  }

  /** Steps by key and state. */
  get states(): readonly string[] {
    return this.shown.steps.map(({ key, state }: { key: string; state: string }) => `${key} ${state}`);
  }
}

test('where nothing ever ran every key is there all the same', () => {
  const calm = new Watch(rack()).says('ups', 'OL').runs(5);
  const idle = progressData(calm.group(), calm.state, calm.stamp.at);
  expect(idle).toEqual({
    state: 'idle',
    run: null,
    kind: null,
    dry_run: null,
    since: null,
    reason: null,
    now: null,
    percent: null,
    counts: null,
    time_left: null,
    hurried: null,
    halt: null,
    past_return: null,
    shed: null,
    steps: [],
    lines: [],
  });
  expect(Object.keys(new Running().shown)).toEqual(Object.keys(idle));
});

describe('a run', () => {
  test('shows all that is to come before anything has begun', () => {
    const running = new Running();
    expect(running.shown).toMatchObject({
      state: 'running',
      run: running.run()?.id,
      kind: 'outage',
      dry_run: false,
      since: expect.stringMatching(/^2026-01-01T00:00:\d\d\.000Z$/),
      reason: expect.stringMatching(/^ups: battery charge 5 %/),
      now: null,
      percent: 0,
      counts: { planned: 4, done: 0, failed: 0, skipped: 0, running: 0, waiting: 4 },
      hurried: null,
      halt: null,
      past_return: false,
      shed: null,
    });
    expect(running.states).toEqual(['lab/vms waiting', 'lab/nas waiting', 'late/pump waiting', 'host waiting']);
  });

  test('shows a step down to its items, and what it came to', () => {
    const running = new Running().hears({ kind: 'begun', step: 'lab/vms' });
    running.hears({ kind: 'item', step: 'lab/vms', item: 'web', state: 'done' });
    running.hears({ kind: 'item', step: 'lab/vms', item: 'db', state: 'running', text: 'asked' });
    expect(running.shown).toMatchObject({ now: 'do lab/vms', shed: { stages: ['lab'], held: null } });
    expect(running.shown.steps[0]).toEqual({
      key: 'lab/vms',
      stage: 'lab',
      text: 'do lab/vms',
      state: 'running',
      since: expect.stringMatching(/Z$/),
      took: null,
      result: null,
      output: null,
      items: [
        { item: 'web', state: 'done', text: null },
        { item: 'db', state: 'running', text: 'asked' },
      ],
    });
    expect(running.shown.lines[0]).toBe('lab/vms running, 1 of 2 through: db');
    running.hears({ kind: 'item', step: 'lab/vms', item: 'db', state: 'done' });
    expect(running.shown.lines.slice(0, 2)).toEqual(['lab/vms running, 2 of 2 through', 'lab/nas waiting']);
    running.ends('lab/vms', 'done', '2 stopped');
    expect(running.shown.steps[0]).toMatchObject({ state: 'done', took: 2.3, result: '2 stopped', output: null });
    expect(running.shown.lines[0]).toBe('lab/vms done after 2 s: 2 stopped');
  });

  test('counts, and shows the output of failures only', () => {
    const running = new Running();
    for (const key of ['lab/vms', 'lab/nas']) running.hears({ kind: 'begun', step: key });
    running.ends('lab/vms', 'timed-out').ends('lab/nas', 'failed');
    running.hears({ kind: 'ended', step: 'late/pump', state: 'skipped', text: 'no time' });
    running.hears({ kind: 'begun', step: 'host', act: 'halt' });
    expect(running.shown).toMatchObject({
      percent: 75,
      counts: { planned: 4, done: 0, failed: 2, skipped: 1, running: 1, waiting: 0 },
      past_return: true,
      halt: { act: 'halt', since: expect.stringMatching(/Z$/) },
    });
    const outputs = running.shown.steps.map(({ output }: { output: string | null }) => output);
    expect(outputs).toEqual(['said', 'said', null, null]);
    expect(running.shown.steps.at(-1)).toMatchObject({ key: 'host', stage: null, text: 'halt this host' });
  });

  test('tells the time that is left to ten seconds, while power runs out', () => {
    const running = new Running();
    expect(running.shown.time_left).toBe(300);
    expect(timeLeftOf(running.group(), running.state, running.stamp.at)).toBeCloseTo(seconds(304), -2);
    running.changes('ups', 'OL', DRAINED).runs(2);
    expect(running.shown.time_left).toBeNull();
    const others = [group('other', ['x']), ...running.settings.groups];
    const among = { ...running.state, settings: { ...running.settings, groups: others } };
    expect(timeLeftOf(running.group(), among, running.stamp.at)).toBeUndefined();
    const out = new Running();
    const two = { ...out.state, settings: { ...out.settings, groups: others } };
    expect(timeLeftOf(out.group(), two, out.stamp.at)).toBeCloseTo(seconds(304), -2);
    const { settings: _, ...unconfigured } = running.state;
    expect(timeLeftOf(running.group(), unconfigured, running.stamp.at)).toBeUndefined();
  });

  test('that is over counts what it had begun to do: no more of it will begin', () => {
    const running = new Running().hears({ kind: 'begun', step: 'lab/vms' });
    running.changes('ups', 'OL', DRAINED).runs(8);
    expect(running.shown).toMatchObject({
      state: 'stopping',
      reason: expect.stringMatching(/^ups: battery charge 5 %/),
      counts: { planned: 2, running: 1, waiting: 0 },
    });
    running.ends('lab/vms', 'done').hears({ kind: 'run-ended' });
    expect(running.shown).toMatchObject({ state: 'ended', percent: 50, now: null });
    expect(running.states).toEqual(['lab/vms done', 'lab/nas not-begun']);
  });

  test('of a group that halts nothing ends with its last step', () => {
    const own = new Group({ ...rack(), groups: [group('rack', ['ups'], { stages: [LAB] })] }).fires();
    expect(own.run()?.whole).toBe(true);
    const { steps, counts } = progressData(own.group(), own.state, own.stamp.at);
    expect(steps).toMatchObject([{ key: 'lab/vms' }, { key: 'lab/nas' }]);
    expect(counts).toMatchObject({ planned: 2, waiting: 2 });
  });

  test('says what its steps do in the words of its own group', () => {
    const running = new Running();
    const groups = [group('other', ['x']), ...running.settings.groups];
    const among = { ...running.state, settings: { ...running.settings, groups } };
    const { steps } = progressData(running.group(), among, running.stamp.at);
    expect(steps).toMatchObject([
      { text: 'do lab/vms' },
      { text: 'do lab/nas' },
      { text: 'do late/pump' },
      { text: 'halt this host' },
    ]);
  });

  test('of before a change of the configuration still shows the steps that are no more', () => {
    const running = new Running().hears({ kind: 'begun', step: 'lab/vms' }).ends('lab/vms', 'done');
    running.reloads(rack(['ups'], { stages: [LATE] }));
    expect(running.states).toEqual(['lab/vms done', 'late/pump waiting', 'host waiting']);
    expect(running.shown.steps[0].text).toBe('lab/vms');
    const bare = progressData(running.group(), { devices: running.state.devices }, running.stamp.at);
    expect(bare).toMatchObject({ reason: expect.stringMatching(/^ups: /), time_left: null });
    const gone = progressData(running.group(), { devices: new Map() }, running.stamp.at);
    expect(gone).toMatchObject({ reason: expect.stringMatching(/^ups: /) });
  });
});

test('what led to other runs is not told of one of which nobody knows it, nor where there is none', () => {
  const own = new Group().fires().carriesOut().mains().fires();
  const { past, progress, ...rest } = own.group();
  if (past === undefined || progress === undefined) throw new Error('nothing ran');
  const reasonOf = (group: GroupState) => progressData(group, own.state, own.stamp.at)['reason'];
  expect(reasonOf(own.group())).toMatch(/^ups: battery charge 5 %/);
  expect(reasonOf({ ...own.group(), past: past.slice(1) })).toBeNull();
  expect(reasonOf({ ...rest, past })).toBeNull();
});

test('a run that was cut short may still begin what it has not', () => {
  const running = new Running().hears({ kind: 'begun', step: 'lab/vms' }).restart();
  expect([running.shown.state, running.states]).toEqual([
    'interrupted',
    ['lab/vms running', 'lab/nas waiting', 'late/pump waiting', 'host waiting'],
  ]);
});

describe('a restore', () => {
  const restoring = () => {
    const running = new Running({ restoreAbove: 3 }).hears({ kind: 'begun', step: 'lab/vms' });
    running.changes('ups', 'OL', DRAINED).runs(8);
    return running.ends('lab/vms', 'done').hears({ kind: 'run-ended' }).runs(2);
  };

  test('counts its own steps before any of them has begun', () => {
    const running = restoring();
    expect(running.shown).toMatchObject({ state: 'restoring', percent: 0, counts: { planned: 2, waiting: 2 } });
    expect(running.shown.shed).toEqual({ stages: ['lab'], held: null });
  });

  test('of stages without a way back is through, with nothing to count', () => {
    const { progress, ...rest } = restoring().group();
    if (progress === undefined) throw new Error('no run');
    const over: GroupState = { ...rest, progress: { ...progress, phase: 'restored' } };
    const { state, stamp } = new Running();
    const bare = { ...state, settings: { ...state.settings, groups: [] } } as typeof state; // as after a reload
    expect(progressData(over, bare, stamp.at)).toMatchObject({
      state: 'restored',
      percent: 100,
      counts: { planned: 0 },
    });
  });

  test('of what a person has shut down says so', () => {
    const { shed, ...rest } = restoring().group();
    if (shed === undefined) throw new Error('nothing to bring back');
    const { state, stamp } = new Running();
    const shown = progressData({ ...rest, shed: { ...shed, held: 'by-hand' } }, state, stamp.at);
    expect(shown['shed']).toEqual({ stages: ['lab'], held: 'by-hand' });
  });

  test('is made of the steps of its own stages', () => {
    const other: StageSettings = {
      ...LAB,
      name: 'other',
      steps: [step('other/x')],
      restore: [step('other/restore/x')],
    };
    const running = new Running({ restoreAbove: 3, stages: [LAB, other] }).hears({ kind: 'begun', step: 'lab/vms' });
    running.changes('ups', 'OL', DRAINED).runs(8);
    running.ends('lab/vms', 'done').hears({ kind: 'run-ended' }).runs(2);
    expect(running.states.filter((line) => line.includes('/restore/'))).toEqual([
      'lab/restore/nas waiting',
      'lab/restore/vms waiting',
    ]);
  });

  test('of what an earlier run has shed shows nothing of a run that has begun none of it', () => {
    const running = new Running({ restoreAbove: 3 }).hears({ kind: 'begun', step: 'lab/vms' });
    const { run } = running.shown;
    running.changes('ups', 'OL', DRAINED).runs(8).changes('ups', 'OB', DRAINED).runs(20);
    expect([running.shown.run === run, running.shown.state]).toEqual([false, 'running']);
    running.changes('ups', 'OL', DRAINED).runs(8).hears({ kind: 'run-ended' }).runs(2);
    running.hears({ kind: 'begun', step: 'lab/restore/nas' });
    expect(running.states).toEqual(['lab/restore/nas running', 'lab/restore/vms waiting']);
  });

  test('shows nothing of what is decided and not done meanwhile', () => {
    const running = restoring().hears({ kind: 'begun', step: 'lab/restore/nas' });
    running
      .reloads({ ...running.settings, armed: false })
      .changes('ups', 'OB LB', DRAINED)
      .runs(10);
    expect(running.run()).toMatchObject({ effect: 'none', whole: true });
    expect(running.states).toEqual([
      'lab/vms done',
      'lab/nas not-begun',
      'lab/restore/nas running',
      'lab/restore/vms not-begun',
    ]);
  });

  test('counts its own steps, those to come as well', () => {
    const running = restoring().hears({ kind: 'begun', step: 'lab/restore/nas' });
    expect(running.shown).toMatchObject({
      state: 'restoring',
      now: 'do lab/restore/nas',
      percent: 0,
      counts: { planned: 2, running: 1, waiting: 1 },
    });
    expect(running.states).toEqual([
      'lab/vms done',
      'lab/nas not-begun',
      'lab/restore/nas running',
      'lab/restore/vms waiting',
    ]);
    running.ends('lab/restore/nas', 'done').hears({ kind: 'begun', step: 'lab/restore/vms' });
    running.ends('lab/restore/vms', 'failed');
    running.hears({ kind: 'restore-ended' });
    expect(running.shown).toMatchObject({
      state: 'restored',
      percent: 100,
      counts: { planned: 2, done: 1, failed: 1 },
      shed: { stages: ['lab'], held: 'failed' },
    });
  });

  test('that is cut short goes on counting its own steps, and nothing of the run before it will begin', () => {
    const running = restoring().hears({ kind: 'begun', step: 'lab/restore/nas' }).restart();
    const { progress, ...rest } = running.group();
    if (progress === undefined) throw new Error('no run');
    const cut: GroupState = { ...rest, progress: { ...progress, phase: 'interrupted' } };
    const shown = progressData(cut, running.state, running.stamp.at);
    expect(shown).toMatchObject({ counts: { planned: 2, waiting: 0 } });
    expect(shown['lines']).toContain('lab/nas not-begun');
  });

  test('before a new run takes over is none of it', () => {
    const running = restoring().hears({ kind: 'begun', step: 'lab/restore/nas' }).ends('lab/restore/nas', 'done');
    const { progress, ...rest } = running.group();
    if (progress === undefined) throw new Error('no run');
    const again: GroupState = { ...rest, progress: { ...progress, phase: 'running' } };
    const shown = progressData(again, running.state, running.stamp.at);
    expect(shown).toMatchObject({ counts: { planned: 2, done: 1, waiting: 1 }, percent: 50 });
  });

  test('that is stopped goes on counting its own steps', () => {
    const running = restoring().hears({ kind: 'begun', step: 'lab/restore/nas' });
    running.changes('ups', 'OB', { 'battery.charge': 90, 'battery.runtime': 1800 }).runs(2);
    expect(running.shown).toMatchObject({ state: 'stopping', counts: { planned: 2, running: 1, waiting: 0 } });
  });
});
