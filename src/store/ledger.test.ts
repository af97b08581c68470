import { describe, expect, test } from 'vitest';
import { GROUP } from '../../tests/kit/judged.ts';
import type { GroupState } from '../domain/groups.ts';
import type { PastRun } from '../domain/past-run.ts';
import type { Progress, Shed } from '../domain/progress.ts';
import { EMPTY_STATE, type Memory, type State } from '../domain/state.ts';
import { asInstant, seconds } from '../domain/time.ts';
import { entryLine, headLine, readJournal, WHOLE_LINE } from './journal-lines.ts';
import { createLedger, type Entry } from './ledger.ts';
import { memoryOf, shifted } from './memory.ts';

/** A run in its middle, with every field that is remembered, and every instant of it the one that is given. */
const progressAt = (ms: number): Progress => {
  const since = asInstant(ms);
  return {
    run: 'servers-1',
    kind: 'quorum',
    dryRun: false,
    wall: 1,
    phase: 'restoring',
    steps: new Map([
      ['lab/a', { state: 'timed-out', since, wall: 1, took: seconds(30), text: 'late', items: [] }],
      ['lab/restore/a', { state: 'running', since, wall: 1, items: [] }],
    ]),
    hurried: 'no time',
    halt: { act: 'reboot', at: since, wall: 1 },
  };
};
const SHED: Shed = {
  stages: ['lab', 'vms'],
  undo: new Map([
    ['lab/a', { vms: ['one', { $map: 1 }], count: -0.5, none: null }],
    ['vms/a', ['x']],
  ]),
  held: 'by-hand',
};
/** Every field that is remembered. */
const PAST: readonly PastRun[] = [
  {
    run: 'servers-1',
    kind: 'fsd',
    dryRun: true,
    wall: 1,
    reason: 'a: says so',
    outcome: 'interrupted',
    until: 2,
    why: 'a person has cancelled it',
    restored: 3,
    steps: [{ key: 'lab/a', state: 'timed-out', wall: 1, took: seconds(30), text: 'late' }],
    restore: [{ key: 'lab/restore/a', state: 'running', wall: 1 }],
  },
];
const RUNNING: GroupState = { ...GROUP, progress: progressAt(5000), past: PAST, shed: SHED };
const withGroup = (group?: GroupState): State =>
  group === undefined ? EMPTY_STATE : { ...EMPTY_STATE, groups: new Map([[group.id, group]]) };

const step = (before: State, after: State, ms = 6000) => ({
  stamp: { at: asInstant(ms), wall: 1 },
  input: { kind: 'tick' as const },
  before,
  after,
  intents: [],
  facts: [],
});
const keys = (entries: readonly Entry[]) =>
  entries.map((entry) =>
    entry.kind === 'keep' ? `${entry.key}${entry.value === undefined ? ' gone' : ''}` : entry.kind,
  );

/** What a file of these entries gives back. */
function read(...parts: readonly (readonly Entry[])[]): Memory {
  const head = headLine({ boot: 'one', at: asInstant(0), wall: 1, version: '1' });
  const [whole = [], ...later] = parts;
  const text = [head, ...whole.map(entryLine), WHOLE_LINE, ...later.flat().map(entryLine)].join('');
  const contents = readJournal(text);
  if (contents === undefined) throw new Error('not read');
  expect(contents.complaints).toEqual([]);
  return contents.memory;
}
const kept = (memory: Memory) => {
  const { progress, past, shed } = memory.groups.get('servers') ?? {};
  return { progress, past, shed };
};

describe('how far a run has come, what became of earlier ones, and what has to be brought back', () => {
  test('is written as it changes, and by itself', () => {
    const ledger = createLedger();
    expect(keys(ledger.take(step(EMPTY_STATE, withGroup(RUNNING))))).toEqual([
      'group/servers',
      'progress/servers',
      'past/servers',
      'shed/servers',
    ]);
    const next = { ...RUNNING, progress: { ...progressAt(5000), phase: 'restored' as const } };
    expect(keys(ledger.take(step(withGroup(RUNNING), withGroup(next))))).toEqual(['progress/servers']);
    const { shed: _, ...without } = next;
    expect(keys(ledger.take(step(withGroup(next), withGroup(without))))).toEqual(['shed/servers gone']);
    const later = { ...without, past: [...PAST, ...PAST] };
    expect(keys(ledger.take(step(withGroup(without), withGroup(later))))).toEqual(['past/servers']);
    const { progress: __, past: ___, ...bare } = later;
    expect(keys(ledger.take(step(withGroup(later), withGroup(bare))))).toEqual([
      'progress/servers gone',
      'past/servers gone',
    ]);
    expect(keys(ledger.take(step(withGroup(bare), withGroup({ ...bare, slack: seconds(1) }))))).toEqual([]);
  });

  test('goes with the group', () => {
    const ledger = createLedger();
    ledger.take(step(EMPTY_STATE, withGroup(RUNNING)));
    expect(keys(ledger.take(step(withGroup(RUNNING), EMPTY_STATE))).toSorted()).toEqual([
      'group/servers gone',
      'past/servers gone',
      'progress/servers gone',
      'shed/servers gone',
    ]);
    expect(keys(ledger.whole())).toEqual(['alive']);
  });

  test('is without what is only watched: a step that says more is nothing new', () => {
    const ledger = createLedger();
    ledger.take(step(EMPTY_STATE, withGroup(RUNNING)));
    const steps = new Map([...progressAt(5000).steps].map(([key, one]) => [key, { ...one, output: 'x'.repeat(8000) }]));
    const watched = { ...RUNNING, progress: { ...progressAt(5000), steps } };
    expect(ledger.take(step(withGroup(RUNNING), withGroup(watched)))).toEqual([]);
    expect(kept(memoryOf(withGroup(watched), asInstant(6000)))).toEqual({
      progress: progressAt(5000),
      past: PAST,
      shed: SHED,
    });
  });

  test('comes back from what was written, and from what a new file begins with', () => {
    const ledger = createLedger();
    const written = ledger.take(step(EMPTY_STATE, withGroup(RUNNING)));
    expect(kept(read([], written))).toEqual({ progress: progressAt(5000), past: PAST, shed: SHED });
    expect(kept(read(ledger.whole()))).toEqual({ progress: progressAt(5000), past: PAST, shed: SHED });
    // And once more, through the ledger of the next process.
    const next = createLedger(read(ledger.whole()));
    expect(kept(read(next.whole()))).toEqual({ progress: progressAt(5000), past: PAST, shed: SHED });
    const nothing: readonly Entry[] = ['progress/servers', 'past/servers', 'shed/servers'].map((key) => ({
      kind: 'keep',
      key,
      at: asInstant(7000),
    }));
    expect(kept(read(ledger.whole(), nothing))).toEqual({ progress: undefined, past: undefined, shed: undefined });
  });

  test('moves to the clock of another boot, with all its instants', () => {
    const memory = memoryOf(withGroup(RUNNING), asInstant(6000));
    expect(kept(shifted(memory, -6000))).toEqual({ progress: progressAt(-1000), past: PAST, shed: SHED });
  });

  test('of a group of which nothing else can be read is still there', () => {
    const ledger = createLedger();
    ledger.take(step(EMPTY_STATE, withGroup(RUNNING)));
    const own = ledger.whole().filter((entry) => entry.kind !== 'keep' || entry.key !== 'group/servers');
    expect(read(own).groups.get('servers')).toEqual({
      members: new Map(),
      progress: progressAt(5000),
      past: PAST,
      shed: SHED,
    });
  });

  test.each([
    ['group/servers', '{"members":1}', ['progress', 'past', 'shed']],
    ['progress/servers', '{"run":1}', ['group', 'past', 'shed']],
    ['past/servers', '[{"run":1}]', ['group', 'progress', 'shed']],
    [
      'progress/servers',
      '{"run":"r","kind":"outage","dryRun":false,"wall":1,"phase":"on","steps":{"$map":[]}}',
      ['group', 'past', 'shed'],
    ],
    ['shed/servers', '{"stages":[1],"undo":{"$map":[]}}', ['group', 'progress', 'past']],
  ])('damage of %s costs only that: %#', (key, value, left) => {
    const ledger = createLedger();
    ledger.take(step(EMPTY_STATE, withGroup(RUNNING)));
    const head = headLine({ boot: 'one', at: asInstant(0), wall: 1, version: '1' });
    const damaged = entryLine({ kind: 'keep', key, value, at: asInstant(7000) });
    const contents = readJournal([head, ...ledger.whole().map(entryLine), WHOLE_LINE, damaged].join(''));
    expect(contents?.complaints).toEqual([`what it holds under ${key} is not understood`]);
    const group = contents?.memory.groups.get('servers');
    const found = [
      ...(group !== undefined && group.members.size > 0 ? ['group'] : []),
      ...(group?.progress === undefined ? [] : ['progress']),
      ...(group?.past === undefined ? [] : ['past']),
      ...(group?.shed === undefined ? [] : ['shed']),
    ];
    expect(found).toEqual(left);
  });

  test('a step that is damaged is one that has not begun', () => {
    const one = '{"state":"done","since":1,"wall":1,"items":[]}';
    const steps = `{"$map":[["lab/a",${one}],["lab/b",{"state":"gone"}]]}`;
    const value = `{"run":"r","kind":"outage","dryRun":false,"wall":1,"phase":"ended","steps":${steps}}`;
    const memory = read([{ kind: 'keep', key: 'progress/servers', value, at: asInstant(1) }]);
    expect([...(memory.groups.get('servers')?.progress?.steps.keys() ?? [])]).toEqual(['lab/a']);
  });
});

test('orders are on record without plans and without what was left for a restore', () => {
  const intents = [
    { kind: 'restore', group: 'servers', run: 'r', stages: ['lab'], undo: new Map([['lab/a', 'secret']]) },
    { kind: 'hurry', group: 'servers', run: 'r', reason: 'no time' },
    { kind: 'halt', group: 'servers', run: 'r', act: 'reboot', reason: 'alive' },
    { kind: 'stop-restore', group: 'servers', run: 'r', reason: 'battery' },
  ] as const;
  const text = createLedger()
    .take({ ...step(EMPTY_STATE, EMPTY_STATE), intents })
    .map(entryLine)
    .join('');
  expect(text.match(/"intent"/g)).toHaveLength(4);
  expect(text).toContain('"act":"reboot"');
  expect(text).not.toMatch(/undo|secret/);
});
