import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupState, Run } from '../../domain/groups.ts';
import type { PastRun } from '../../domain/past-run.ts';
import type { Progress, StepLook, StepProgress } from '../../domain/progress.ts';
import { EMPTY_STATE, type GroupMemory } from '../../domain/state.ts';
import { asInstant, asMillis } from '../../domain/time.ts';
import { adopted } from './adopt.ts';
import { unjudged } from './judge.ts';

const RACK = group('rack', ['a', 'b'], { halt: HALT });
const FRESH = unjudged(RACK, new Map());

const RUN: Run = {
  id: 'rack-1',
  kind: 'outage',
  cause: [],
  since: asInstant(1000),
  wall: 1000,
  stages: ['lab'],
  whole: true,
  effect: 'act',
};
const step = (state: StepProgress['state']): StepProgress => ({ state, since: asInstant(1500), wall: 1500, items: [] });
const BEGUN: Progress = {
  run: 'rack-1',
  kind: 'outage',
  dryRun: false,
  wall: 1000,
  phase: 'running',
  steps: new Map([['lab/a', step('running')]]),
  shortSince: asInstant(1600),
};
const CUT: StepProgress = { ...step('running'), state: 'failed', text: 'cut short: the process ended' };
const MEMBERS: GroupMemory['members'] = new Map([
  ['b', { holds: { charge_below: { since: asInstant(900), confirmed: true } }, stageHolds: { lab: {} } }],
  ['gone', { holds: {}, stageHolds: {} }],
]);
const NOBODY: GroupMemory['members'] = new Map();
const PAST: readonly PastRun[] = [
  { run: 'rack-1', kind: 'outage', dryRun: false, wall: 1000, reason: 'low', steps: [], restore: [] },
];
/** What a person has ordered. */
const ORDERS = {
  silenced: { until: asInstant(9000), causes: [], stages: [] },
  disarmedUntil: asInstant(8000),
} as const;

/** The group as a process takes it over from an earlier one that has kept this of it. */
function taken(boot: 'same' | 'new', kept: GroupMemory, id = 'rack'): GroupState {
  const memory = {
    devices: new Map(),
    groups: new Map([[id, kept]]),
    alone: new Map(),
    durations: new Map(),
    at: asInstant(2000),
    boot,
  };
  return adopted({ ...EMPTY_STATE, memory }, RACK);
}

describe('of an earlier process of this boot', () => {
  test('everything is taken over, of the feeds that there are', () => {
    const shed = { stages: ['lab'], undo: new Map(), held: 'by-hand' } as const;
    const rest = { run: RUN, progress: BEGUN, past: PAST, shed, shortSince: asInstant(700), ...ORDERS };
    expect(taken('same', { ...rest, members: MEMBERS })).toStrictEqual({
      ...FRESH,
      ...rest,
      progress: { ...BEGUN, phase: 'interrupted' },
      resuming: true,
      // What holds goes on; of what was heard nothing is known.
      members: new Map([['b', { device: 'b', class: 'unknown', verdicts: [], meets: [], ...MEMBERS.get('b') }]]),
    });
  });

  test('what was told of it is known, but for that it is not ready, which is told at every start', () => {
    const told = { ready: false, short: true, lost: true };
    expect(taken('same', { members: MEMBERS, told }).told).toEqual({ ready: true, short: true, lost: true });
    expect(taken('new', { members: MEMBERS, told }).told).toEqual({ ready: true, short: false, lost: false });
  });

  test.each<[string, Progress, Progress]>([
    [
      'a run that nobody goes on with is cut short',
      BEGUN,
      { ...BEGUN, phase: 'ended', steps: new Map([['lab/a', CUT]]) },
    ],
    ['one that has ended is left as it is', { ...BEGUN, phase: 'ended' }, { ...BEGUN, phase: 'ended' }],
    ['one that is restored is left as it is', { ...BEGUN, phase: 'restored' }, { ...BEGUN, phase: 'restored' }],
    [
      'a restore is cut short',
      { ...BEGUN, phase: 'restoring' },
      { ...BEGUN, phase: 'ended', steps: new Map([['lab/a', CUT]]) },
    ],
  ])('%s', (_, progress, left) => {
    expect(taken('same', { progress, members: NOBODY })).toStrictEqual({ ...FRESH, progress: left });
  });

  test('a run that has ended goes on as one that has', () => {
    const ended = { ...BEGUN, phase: 'ended' } as const;
    expect(taken('same', { run: RUN, progress: ended, members: NOBODY }).progress).toStrictEqual(ended);
  });

  test('a run of an earlier boot still waits, and nobody hurries it', () => {
    const progress = { ...BEGUN, hurried: 'the time left is what the halt needs' };
    expect(taken('same', { earlierRun: RUN, progress, members: NOBODY })).toStrictEqual({
      ...FRESH,
      earlierRun: RUN,
      resuming: true,
      progress: { ...BEGUN, phase: 'interrupted' },
    });
  });
});

describe('of an earlier boot', () => {
  const { shortSince: _, ...begun } = BEGUN;

  test('a run waits, what a person has ordered goes on, and conditions begin anew', () => {
    const undo = new Map([['lab/a', 'running']]);
    const rest = { run: RUN, progress: BEGUN, past: PAST, shortSince: asInstant(700), ...ORDERS };
    const shed = { stages: ['lab'], undo, held: 'by-hand' } as const;
    expect(taken('new', { ...rest, shed, members: MEMBERS })).toStrictEqual({
      ...FRESH,
      earlierRun: RUN,
      resuming: true,
      progress: { ...begun, phase: 'interrupted', steps: new Map() },
      // What a person had shut down is brought back once this machine is started again.
      shed: { stages: ['lab'], undo },
      past: PAST,
      ...ORDERS,
    });
  });

  test('a run that still waited goes on waiting', () => {
    expect(taken('new', { earlierRun: RUN, members: NOBODY })).toStrictEqual({
      ...FRESH,
      earlierRun: RUN,
      resuming: true,
    });
  });

  test('a run that nobody goes on with is cut short', () => {
    expect(taken('new', { progress: BEGUN, members: NOBODY })).toStrictEqual({
      ...FRESH,
      progress: { ...begun, phase: 'ended', steps: new Map([['lab/a', CUT]]) },
    });
  });
});

test('a group of which no earlier process has kept anything is new', () => {
  expect(adopted(EMPTY_STATE, RACK)).toStrictEqual(FRESH);
  expect(taken('same', { run: RUN, members: NOBODY }, 'other')).toStrictEqual(FRESH);
});

describe('a reload', () => {
  const exec = (key: string) => ({ ...HALT, kind: 'exec', key }) as const;
  const LOOK: StepLook = { ok: false, text: 'gone', took: asMillis(40) };
  const lab = { name: 'lab', steps: [exec('lab/a'), exec('lab/b')], restore: [exec('lab/restore/a')] };
  const looked = () =>
    new Watch(rack(['ups'], { stages: [lab] })).says('ups', 'OL', { 'battery.charge': 90 }).tell({
      kind: 'looked',
      groups: new Map([['rack', new Map(['lab/a', 'lab/b', 'lab/restore/a', 'host'].map((key) => [key, LOOK]))]]),
    });
  const keys = (watch: Watch) => [...(watch.group().looked?.keys() ?? [])];

  test('forgets what was seen of steps that it has taken away', () => {
    const less = { ...lab, steps: [exec('lab/a')] };
    expect(keys(looked().reloads(rack(['ups'], { stages: [less] })))).toEqual(['lab/a', 'lab/restore/a', 'host']);
    expect(keys(looked().reloads(rack(['ups'], { stages: [] })))).toEqual(['host']);
    const [unhalted] = (rack(['ups'], { stages: [lab] }).groups ?? []).map(({ halt: _, ...rest }) => rest);
    const groups = unhalted === undefined ? [] : [unhalted];
    expect(keys(looked().reloads({ ...rack(), groups }))).toEqual(['lab/a', 'lab/b', 'lab/restore/a']);
  });

  test('and nothing else', () => {
    const watch = looked();
    const before = watch.group();
    expect(watch.reloads(rack(['ups'], { stages: [lab] })).group().looked).toBe(before.looked);
    expect(watch.reloads(rack(['ups'], { stages: [lab], label: 'Rack' })).group().readiness.reasons).toHaveLength(4);
  });

  test('of a group at whose steps nobody has looked yet keeps the group', () => {
    const { state, settings } = new Watch().says('ups', 'OL');
    const [own] = settings.groups;
    if (own === undefined) throw new Error('no group');
    expect(adopted(state, own)).toBe(state.groups.get('rack'));
  });
});
