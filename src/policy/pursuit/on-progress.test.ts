import { describe, expect, test } from 'vitest';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Progress, ProgressEvent } from '../../domain/progress.ts';
import type { Settings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { measured, onProgress, textOf } from './on-progress.ts';

/** A step that is abandoned after 30 s. */
const step = (key: string): Step => ({ ...HALT, key, kind: 'exec', text: `stop ${key}`, deadline: seconds(30) });
const STAGES = ['lab', 'vms'].map((name) => ({
  name,
  steps: [step(`${name}/a`)],
  restore: [step(`${name}/restore/a`)],
}));
const RACK = rack(['ups'], { stages: STAGES });

const running = (more: Partial<Settings> = RACK) => new Watch(more).says('ups', 'OL').says('ups', 'OB LB').runs(10);
function tells(watch: Watch, ...events: readonly ProgressEvent[]): Watch {
  const run = watch.group().progress?.run ?? '';
  for (const event of events) watch.tell({ kind: 'progressed', group: 'rack', run, event });
  return watch;
}
type Ended = Extract<ProgressEvent, { kind: 'ended' }>;
const ended = (more: Partial<Ended> = {}): Ended => ({
  kind: 'ended',
  step: 'lab/a',
  state: 'done',
  text: 'done',
  ...more,
});
const begun = (key: string): ProgressEvent => ({ kind: 'begun', step: key });
const steps = (watch: Watch) => watch.group().progress?.steps;
const told = (watch: Watch) => watch.facts.map(({ type, level, text }) => `${level} ${type}: ${text}`);

describe('a step', () => {
  test('is known from before it acts to its end', () => {
    const watch = tells(running(), { kind: 'begun', step: 'lab/a' });
    const begun = { state: 'running', since: watch.stamp.at, wall: watch.stamp.wall, items: [] };
    expect(steps(watch)?.get('lab/a')).toEqual(begun);
    tells(watch.passes(3), ended({ took: asMillis(2500), output: 'bye' }));
    const end = { state: 'done', text: 'done', took: 2500, output: 'bye' };
    expect(steps(watch)?.get('lab/a')).toEqual({ ...begun, ...end });
    expect(told(watch).slice(-2)).toEqual([
      'notice step_begun: rack: lab/a: stop lab/a',
      'notice step_done: rack: lab/a done after 3 s: done',
    ]);
    expect(watch.facts.at(-1)?.details).toMatchObject({ step: 'lab/a', state: 'done', took: 2.5 });
  });

  test('that was skipped has never begun', () => {
    const watch = tells(running(), ended({ state: 'skipped', text: 'no time' }));
    const { at: since, wall } = watch.stamp;
    expect(steps(watch)?.get('lab/a')).toEqual({ state: 'skipped', since, wall, text: 'no time', items: [] });
    expect(told(watch).at(-1)).toBe('warning step_skipped: rack: lab/a skipped: no time');
  });

  test.each([
    ['failed', 'error step_failed'],
    ['timed-out', 'error step_timed_out'],
  ] as const)('that has %s is told as an error', (state, begins) => {
    expect(told(tells(running(), ended({ state }))).at(-1)).toContain(begins);
  });

  test('that is begun again is behind all others', () => {
    const watch = tells(running(), begun('lab/a'), begun('vms/a'), ended(), begun('lab/a'));
    expect([...(steps(watch)?.entries() ?? [])].map(([key, { state }]) => [key, state])).toEqual([
      ['vms/a', 'running'],
      ['lab/a', 'running'],
    ]);
  });

  test('is made of items, the newest state of each in the order in which they were told', () => {
    const item = (name: string, state: 'running' | 'done', text?: string): ProgressEvent => ({
      kind: 'item',
      step: 'lab/a',
      item: name,
      state,
      ...(text === undefined ? {} : { text }),
    });
    const watch = tells(running(), item('early', 'done'), { kind: 'begun', step: 'lab/a' });
    tells(watch, item('x', 'running'), item('y', 'running', 'slow'), item('x', 'done'));
    expect(steps(watch)?.get('lab/a')?.items).toEqual([
      { item: 'x', state: 'done' },
      { item: 'y', state: 'running', text: 'slow' },
    ]);
    tells(watch, ...Array.from({ length: LIMITS.stepItems }, (_, index) => item(`z${index}`, 'running')));
    expect(steps(watch)?.get('lab/a')?.items).toHaveLength(LIMITS.stepItems);
    tells(watch, item('x', 'running', 'again'));
    expect(steps(watch)?.get('lab/a')?.items[0]).toEqual({ item: 'x', state: 'running', text: 'again' });
  });

  test('is that of its own group, where another has one of the same key', () => {
    const other = { ...(RACK.groups?.[0] ?? new Watch(RACK).settings.groups[0]), id: 'other', stages: [] };
    const groups = [other, ...(RACK.groups ?? [])] as NonNullable<Settings['groups']>; // the kit always has a group
    const watch = tells(running({ ...RACK, groups }), { kind: 'begun', step: 'lab/a' });
    expect(told(watch).at(-1)).toBe('notice step_begun: rack: lab/a: stop lab/a');
  });

  test('of nobody the configuration knows is called by its key', () => {
    const own = new Watch(RACK).settings.groups[0];
    if (own === undefined) throw new Error('no group');
    const { halt: _, ...without } = own;
    expect([textOf(own, 'lab/restore/a'), textOf(own, 'host'), textOf(without, 'host'), textOf(own, 'x/y')]).toEqual([
      'stop lab/restore/a',
      'halt this host',
      'host',
      'x/y',
    ]);
  });
});

test('what is told of another run changes nothing but what it leaves; of no group, nothing at all', () => {
  const watch = tells(running(), { kind: 'begun', step: 'lab/a' });
  const before = watch.state.groups;
  const facts = watch.facts.length;
  for (const event of [{ kind: 'begun', step: 'vms/a', act: 'halt' }, ended(), { kind: 'run-ended' }] as const) {
    watch.tell({ kind: 'progressed', group: 'rack', run: 'older', event });
    watch.tell({ kind: 'progressed', group: 'none', run: 'older', event });
  }
  expect(watch.state.groups.get('rack')?.progress).toBe(before.get('rack')?.progress);
  expect([watch.facts.length, watch.state.durations.size]).toEqual([facts, 0]);
  watch.tell({ kind: 'progressed', group: 'rack', run: 'older', event: { kind: 'undo', step: 'lab/a', undo: [1] } });
  expect(watch.group().shed).toEqual({ stages: ['lab', 'vms'], undo: new Map([['lab/a', [1]]]) });
});

test('nothing of a step goes on once it is over', () => {
  const watch = tells(running(), begun('lab/a'));
  const items = (state: 'done' | 'failed' | 'timed-out') => {
    for (const [item, is] of [
      ['one', 'done'],
      ['two', 'running'],
    ] as const) {
      tells(watch, { kind: 'item', step: 'lab/a', item, state: is });
    }
    return tells(watch, ended({ step: 'lab/a', state }))
      .group()
      .progress?.steps.get('lab/a')?.items;
  };
  expect(items('done')).toEqual([
    { item: 'one', state: 'done' },
    { item: 'two', state: 'done' },
  ]);
  const cut = { item: 'two', state: 'failed', text: 'not through when its step ended' };
  expect(items('timed-out')).toEqual([{ item: 'one', state: 'done' }, cut]);
});

test('a run that was called off says so at its end', () => {
  const text = (watch: Watch) => tells(watch, { kind: 'run-ended' }).facts.at(-1)?.text;
  expect(text(at('stopping'))).toBe('rack: called off, and what had begun is through: 1 running');
  expect(text(at('running'))).toBe('rack: all that was ordered is through: 1 running');
});

test('a restore that is through names what is not back', () => {
  const text = (watch: Watch) => decided(watch, { kind: 'restore-ended' }).facts[0];
  const level = 'error';
  const words = 'rack: the restore is through, but not all is brought back';
  expect(text(at('restoring'))).toMatchObject({ level, text: `${words}: lab is not` });
  const failed = at('restoring');
  tells(failed, begun('lab/restore/a'), ended({ step: 'lab/restore/a', state: 'failed' }));
  tells(failed, begun('vms/restore/a'), ended({ step: 'vms/restore/a', state: 'timed-out' }));
  expect(text(failed)).toMatchObject({ level, text: `${words}: lab/restore/a, vms/restore/a failed` });
});

test('what a person wanted back is not wanted back once a run takes it away again', () => {
  const watch = tells(running(), begun('lab/a'));
  const { shed, ...rest } = watch.group();
  if (shed === undefined) throw new Error('nothing is shed');
  watch.state = { ...watch.state, groups: new Map([['rack', { ...rest, shed: { ...shed, asked: true } }]]) };
  expect(tells(watch, begun('lab/a')).group().shed).toEqual({ stages: ['lab'], undo: new Map() });
});

/** A group whose last run has come to some phase, with something to bring back or not. */
function at(phase: Progress['phase'], shed = true): Watch {
  const watch = tells(running(), { kind: 'begun', step: 'lab/a' });
  const { progress, shed: left, ...group } = watch.group();
  if (progress === undefined || left === undefined) throw new Error('no run');
  const next = { ...group, progress: { ...progress, phase }, ...(shed ? { shed: left } : {}) };
  watch.state = { ...watch.state, groups: new Map([['rack', next]]) };
  return watch;
}

describe('the end', () => {
  test.each<[Progress['phase'], Progress['phase']]>([
    ['running', 'ended'],
    ['stopping', 'ended'],
    ['ended', 'ended'],
    ['interrupted', 'interrupted'],
    ['restoring', 'restoring'],
    ['restored', 'restored'],
  ])('of a run that is %s leaves it %s, and is told where that is new', (phase, after) => {
    const { group, facts, intents } = decided(at(phase), { kind: 'run-ended' });
    const told = phase === after ? [] : ['run_ended'];
    expect([group?.progress?.phase, facts.map(({ type }) => type), intents]).toEqual([after, told, []]);
  });

  test.each<[Progress['phase'], boolean, Progress['phase'], boolean, boolean]>([
    ['restoring', true, 'restored', true, false],
    ['restoring', false, 'restored', false, true],
    ['stopping', true, 'ended', true, false],
    ['stopping', false, 'restored', false, true],
    ['running', true, 'running', true, false],
    ['ended', true, 'ended', true, false],
    ['interrupted', true, 'interrupted', true, false],
  ])(
    'of a restore of one that is %s (shed: %s) leaves it %s (shed: %s), told: %s',
    (phase, shed, after, left, told) => {
      const { group, facts } = decided(at(phase, shed), { kind: 'restore-ended' });
      expect([group?.progress?.phase, group?.shed !== undefined]).toEqual([after, left]);
      const back = facts.filter(
        ({ level, text }) => level === 'notice' && text.endsWith('what was shut down is brought back'),
      );
      expect(back).toHaveLength(told ? 1 : 0);
      if (after !== 'restored') expect(facts).toEqual([]);
    },
  );
});

/** What this event alone comes to, before anything else is judged. */
function decided({ state, stamp }: Watch, event: ProgressEvent, run?: string) {
  const own = run ?? state.groups.get('rack')?.progress?.run ?? '';
  const decision = onProgress(state, { kind: 'progressed', group: 'rack', run: own, event }, stamp);
  return { ...decision, group: decision.state.groups.get('rack') };
}

test('what changes nothing leaves the very same state', () => {
  const watch = at('restored');
  for (const event of [{ kind: 'run-ended' }, { kind: 'item', step: 'lab/x', item: 'a', state: 'done' }] as const) {
    expect(decided(watch, event)).toMatchObject({ facts: [], intents: [] });
    expect(decided(watch, event).state).toBe(watch.state);
  }
  const learned = decided(watch, ended({ took: seconds(2) }), 'older');
  expect([learned.state, learned.facts]).toEqual([watch.state, []]);
});

test('a step that is told by a group without a configuration, or by none, is nothing', () => {
  const { state, stamp } = at('running');
  const event: ProgressEvent = { kind: 'begun', step: 'vms/a' };
  const { settings: _, ...unset } = state;
  const run = state.groups.get('rack')?.progress?.run ?? '';
  for (const [from, group] of [
    [unset, 'rack'],
    [{ ...state, groups: new Map() }, 'rack'],
    [state, 'none'],
  ] as const) {
    const decision = onProgress(from, { kind: 'progressed', group, run, event }, stamp);
    expect([decision.state === from, decision.facts, decision.intents]).toEqual([true, [], []]);
  }
});

test('a measurement alone is remembered, and leaves the groups as they are', () => {
  const watch = tells(at('running'), ended({ took: seconds(1) }));
  const again = decided(watch, ended({ took: seconds(1) }));
  expect(again.state.durations.get('rack/lab/a')).toEqual([1000, 1000]);
  const shown = decided(watch, { kind: 'item', step: 'lab/a', item: 'x', state: 'done' });
  expect(shown.state.durations).toBe(watch.state.durations);
  expect(shown.group?.progress?.steps.get('lab/a')?.items).toEqual([{ item: 'x', state: 'done' }]);
  const [first] = shown.group?.progress?.steps.get('lab/a')?.items ?? [];
  expect(first).not.toHaveProperty('text');
});

test('a step that ends without a measurement or an output has none', () => {
  const step = decided(at('running'), ended()).group?.progress?.steps.get('lab/a');
  expect([step !== undefined && 'took' in step, step !== undefined && 'output' in step]).toEqual([false, false]);
  const { details } = decided(at('running'), ended()).facts[0] ?? {};
  expect(Object.keys(details ?? {})).toEqual(['run', 'step', 'state']);
});

test('an event that the compiler excludes is a bug, and throws', () => {
  const impossible = { kind: 'other' } as unknown as ProgressEvent; // what no type allows
  for (const run of [undefined, 'older']) {
    expect(() => decided(at('running'), impossible, run)).toThrow('impossible case');
  }
});

describe('a run', () => {
  test('that comes to its end says what became of its steps, those of its restore aside', () => {
    const skipped = ended({ step: 'vms/a', state: 'skipped' });
    const watch = tells(running(), ended(), skipped, ended({ step: 'lab/restore/a' }), { kind: 'run-ended' });
    expect(told(watch).at(-1)).toBe('warning run_ended: rack: all that was ordered is through: 1 done, 1 skipped');
    expect(told(tells(running(), { kind: 'run-ended' })).at(-1)).toContain('through: nothing was left to do');
  });

  test('remembers when and how the machine was to be ended, unless it was a rehearsal', () => {
    const halts = { kind: 'begun', step: 'host', act: 'reboot' } as const;
    const watch = tells(running(), halts);
    expect(watch.group().progress?.halt).toEqual({ act: 'reboot', ...watch.stamp });
    const dry = tells(running({ ...RACK, dryRun: true }), halts);
    expect([dry.group().progress?.halt, dry.group().shed]).toEqual([undefined, undefined]);
    expect(told(dry).at(-1)).toBe('notice step_begun: rack (dry run): host: reboot this host, the mains have held');
    const run = watch.run()?.id;
    expect(watch.facts.at(-1)?.details).toEqual({ run, step: 'host', act: 'reboot' });
    expect(tells(watch, { kind: 'begun', step: 'lab/a' }).facts.at(-1)?.details).toEqual({ run, step: 'lab/a' });
  });
});

describe('what has to be brought back', () => {
  test('is every stage of which a step has begun, in that order, and what the steps have left', () => {
    const watch = tells(running(), begun('vms/a'), begun('lab/a'), begun('vms/b'), begun('host'));
    tells(watch, { kind: 'undo', step: 'vms/a', undo: 1 }, { kind: 'undo', step: 'vms/a', undo: 2 });
    expect(watch.group().shed).toEqual({ stages: ['vms', 'lab'], undo: new Map([['vms/a', 2]]) });
  });

  test('is what is left once a stage is through, with what its steps have left', () => {
    const watch = tells(running(), begun('vms/a'), begun('lab/a'));
    tells(watch, { kind: 'undo', step: 'vms/a', undo: 1 }, { kind: 'undo', step: 'lab/a', undo: 2 });
    tells(watch, { kind: 'stage-restored', stage: 'vms' });
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map([['lab/a', 2]]) });
    tells(watch, { kind: 'stage-restored', stage: 'other' });
    expect(watch.group().shed?.stages).toEqual(['lab']);
    expect(tells(watch, { kind: 'stage-restored', stage: 'lab' }).group().shed).toBeUndefined();
  });

  test('of a run that a person has asked for is marked as such', () => {
    const watch = new Watch(RACK).says('ups', 'OL', { 'battery.charge': 90 }).runs(20);
    watch.asks('shutdown', { group: 'rack', confirm: 'rack' });
    expect(tells(watch, begun('lab/a')).group().shed).toEqual({ stages: ['lab'], undo: new Map(), held: 'by-hand' });
    expect(tells(running(), begun('lab/a')).group().shed).not.toHaveProperty('held');
  });

  test('is nothing where nothing has begun', () => {
    const watch = tells(running(), ended(), { kind: 'undo', step: 'lab/a', undo: 1 }, begun('lab/restore/a'));
    expect(watch.group().shed).toBeUndefined();
    expect(tells(watch, { kind: 'stage-restored', stage: 'lab' }).group().shed).toBeUndefined();
  });

  test('is nothing of a dry run, nor of a group that has never run anything', () => {
    expect(tells(running({ ...RACK, dryRun: true }), begun('lab/a')).group().shed).toBeUndefined();
    const calm = new Watch(RACK).says('ups', 'OL').runs(3);
    for (const event of [begun('lab/a'), { kind: 'restore-ended' }] as const) {
      const { state, facts } = decided(calm, event, 'older');
      expect([state, facts]).toEqual([calm.state, []]);
    }
  });

  test('outlives the next run', () => {
    const watch = tells(running(), begun('lab/a'), { kind: 'undo', step: 'lab/a', undo: 1 });
    watch.says('ups', 'OL').runs(8).says('ups', 'OB LB').runs(10);
    expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map([['lab/a', 1]]) });
    expect(watch.group().progress?.steps.size).toBe(0);
  });
});

describe('how long steps take', () => {
  const durations = (watch: Watch) => [...watch.state.durations];

  test.each<[string, Partial<Ended>, Partial<Settings>, readonly number[] | undefined]>([
    ['done', { took: seconds(4) }, RACK, [4000]],
    ['not through at its deadline', { state: 'timed-out', took: seconds(32) }, RACK, [32_000]],
    [
      'not through at its deadline, whose timer came early',
      { state: 'timed-out', took: asMillis(29_999) },
      RACK,
      [29_999],
    ],
    ['not through, 10 ms early', { state: 'timed-out', took: asMillis(29_990) }, RACK, [29_990]],
    ['not through, 11 ms early', { state: 'timed-out', took: asMillis(29_989) }, RACK, undefined],
    ['failed at its deadline', { state: 'failed', took: seconds(30) }, RACK, undefined],
    ['abandoned before', { state: 'timed-out', took: seconds(4) }, RACK, undefined],
    ['failed', { state: 'failed', took: seconds(4) }, RACK, undefined],
    ['done by another group', {}, RACK, undefined],
    ['done in a dry run', { took: seconds(4) }, { ...RACK, dryRun: true }, undefined],
    ['the halt', { step: 'host', took: seconds(4) }, RACK, undefined],
  ])('is learned of a step that was %s: %#', (_, more, settings, learned) => {
    const watch = tells(running(settings), ended(more));
    expect(durations(watch)).toEqual(learned === undefined ? [] : [['rack/lab/a', learned]]);
  });

  test('is learned of a step that the configuration no longer has', () => {
    const watch = tells(running(), ended({ step: 'gone/x', took: seconds(2) }));
    expect(durations(watch)).toEqual([['rack/gone/x', [2000]]]);
  });

  test('is the last five, and the next plan counts with the worst of them', () => {
    const watch = running();
    const need = watch.group().plan.need;
    for (const took of [90, 1, 2, 70, 4, 5]) tells(watch, ended({ took: seconds(took) }));
    expect(durations(watch)).toEqual([['rack/lab/a', [1, 2, 70, 4, 5].map(seconds)]]);
    watch.runs(1);
    expect(watch.group().plan.need).toBe(need + seconds(70 - 15));
  });

  test('is kept by step', () => {
    const first = measured(new Map([['b', [seconds(1)]]]), 'a', seconds(2));
    expect(measured(first, 'b', seconds(3))).toEqual(
      new Map([
        ['b', [seconds(1), seconds(3)]],
        ['a', [seconds(2)]],
      ]),
    );
  });
});
