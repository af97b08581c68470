import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GROUP } from '../../tests/kit/judged.ts';
import { group } from '../../tests/kit/settings.ts';
import type { GroupState } from '../domain/groups.ts';
import type { PastRun } from '../domain/past-run.ts';
import { EMPTY_STATE, type State } from '../domain/state.ts';
import { asInstant, asMillis } from '../domain/time.ts';
import { bootIdentity } from '../runtime/boot.ts';
import { systemClock } from '../runtime/clock.ts';
import { openJournal } from '../store/journal.ts';
import { SILENT } from './learned.ts';
import { listLines, runLines, runs } from './runs.ts';

const WALL = Date.UTC(2026, 2, 1, 12, 5);
const RACK = group('rack', ['a'], { label: 'Server rack' });
const DRY: PastRun = {
  run: 'rack-0',
  kind: 'request',
  dryRun: true,
  wall: WALL - 60_000,
  reason: '',
  outcome: 'called-off',
  until: WALL - 58_000,
  why: 'a person has cancelled it',
  steps: [],
  restore: [],
};
const OUT: PastRun = {
  run: 'rack-1',
  kind: 'outage',
  dryRun: false,
  wall: WALL,
  reason: 'Rack A: battery charge 5 % is below 20 %',
  outcome: 'carried-out',
  until: WALL + 123_000,
  restored: WALL + 3_600_000,
  steps: [
    { key: 'lab/vms', state: 'done', wall: WALL + 1000, took: asMillis(12_000), text: '3 machines' },
    { key: 'lab/nas', state: 'timed-out', wall: WALL + 1000, took: asMillis(60_000), text: 'still there' },
    { key: 'lab/switch', state: 'skipped', wall: WALL + 61_000, text: 'no time' },
    { key: 'host', state: 'running', wall: WALL + 62_000 },
  ],
  restore: [{ key: 'lab/restore/nas', state: 'failed', wall: WALL + 3_500_000, took: asMillis(3000), text: 'asleep' }],
};

test('the runs of a group, newest first, each with why, how it ended and what failed', () => {
  expect(listLines(RACK, [OUT, DRY])).toEqual([
    'group rack (Server rack): the last 2 runs, the newest first',
    '  1. 2026-03-01 12:05:00 UTC, outage: carried out after 2 min 3 s, brought back by 2026-03-01 13:05:00 UTC',
    '       Rack A: battery charge 5 % is below 20 %',
    '       steps: 1 done, 1 timed-out, 1 skipped, 1 running; of the restore 1 failed',
    '       NOT OK  lab/nas timed-out after 1 min: still there',
    '       NOT OK  lab/restore/nas failed after 3 s: asleep',
    '  2. 2026-03-01 12:04:00 UTC, request of a person (dry run): called off after 2 s, a person has cancelled it',
    '       steps: none',
  ]);
  expect(listLines(group('desk', ['b']), [])).toEqual(['group desk: no run is known']);
  expect(listLines(RACK, [DRY])[0]).toBe('group rack (Server rack): one run');
});

test('one run step by step, with its id and the moment of each', () => {
  expect(runLines(RACK, OUT)).toEqual([
    'group rack (Server rack): rack-1',
    '  2026-03-01 12:05:00 UTC, outage: carried out after 2 min 3 s, brought back by 2026-03-01 13:05:00 UTC',
    '  Rack A: battery charge 5 % is below 20 %',
    '  steps: 1 done, 1 timed-out, 1 skipped, 1 running; of the restore 1 failed',
    '    12:05:01  lab/vms done after 12 s: 3 machines',
    '    12:05:01  lab/nas timed-out after 1 min: still there',
    '    12:06:01  lab/switch skipped: no time',
    '    12:06:02  host running',
    '  brought back:',
    '    13:03:20  lab/restore/nas failed after 3 s: asleep',
  ]);
  const { outcome: _, until: __, ...open } = DRY;
  expect(runLines(RACK, open)[1]).toContain('has not ended yet');
});

describe('the command', () => {
  let folder = '';
  let config = '';
  let lines: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runs-'));
    config = join(folder, 'gridwarden.yaml');
    lines = [];
    const groups = { servers: { feeds: ['a'] }, desk: { feeds: ['b'] } };
    const sources = { nas: { nut: { host: 'nas' } } };
    const mqtt = { url: 'mqtt://broker' };
    await writeFile(config, JSON.stringify({ mqtt, sources, groups, state_dir: join(folder, 'state') }));
    await mkdir(join(folder, 'state'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A bridge has been here, and left a group like this. */
  async function leaves(more: Partial<GroupState>): Promise<void> {
    const parts = { folder: join(folder, 'state'), boot: bootIdentity().id, version: '1', clock: systemClock };
    const { journal } = await openJournal({ ...parts, log: SILENT });
    const after: State = { ...EMPTY_STATE, groups: new Map([['servers', { ...GROUP, id: 'servers', ...more }]]) };
    const stamp = { at: systemClock.now(), wall: WALL };
    journal.accept({ stamp, input: { kind: 'tick' }, before: EMPTY_STATE, after, intents: [], facts: [] });
    await journal.stop();
  }

  const run = (more: { readonly group?: string; readonly run?: string } = {}) => {
    lines = [];
    return runs({ config, ...more, out: (line) => lines.push(line) });
  };

  test('shows what the bridge has put on record: all groups, one, or one run by number or id', async () => {
    await leaves({ past: [OUT, DRY] });
    expect(await run()).toBe(0);
    expect(lines[0]).toBe('group servers: the last 2 runs, the newest first');
    expect(lines.slice(-2)).toEqual(['', 'group desk: no run is known']);
    expect(await run({ group: 'desk' })).toBe(0);
    expect(lines).toEqual(['group desk: no run is known']);
    for (const which of ['1', 'rack-1']) {
      expect(await run({ group: 'servers', run: which })).toBe(0);
      expect(lines).toContain('    12:05:01  lab/vms done after 12 s: 3 machines');
    }
    expect(await run({ group: 'servers', run: '3' })).toBe(1);
    expect(lines).toEqual(['there is no run 3 of servers; gridwarden runs servers shows those that are known']);
  });

  test('shows one that goes on as far as it has come', async () => {
    const { outcome: _, until: __, restored: ___, ...open } = OUT;
    const since = asInstant(1);
    const steps = new Map([['lab/vms', { state: 'running', since, wall: WALL + 1000, items: [] }]] as const);
    const { run: id, kind, dryRun, wall } = open;
    const progress = { run: id, kind, dryRun, wall, phase: 'running', steps } as const;
    await leaves({ past: [{ ...open, steps: [], restore: [] }, DRY], progress });
    expect(await run({ group: 'servers' })).toBe(0);
    expect(lines[1]).toBe('  1. 2026-03-01 12:05:00 UTC, outage: has not ended yet');
    expect(lines[3]).toBe('       steps: 1 running');
  });

  test('says so where nothing was put on record, where it cannot be read, and what is wrong with the use', async () => {
    expect(await run()).toBe(0);
    expect(lines).toEqual(['group servers: no run is known', '', 'group desk: no run is known']);
    expect(await run({ group: 'nowhere' })).toBe(2);
    expect(lines).toEqual(['there is no group nowhere (there is servers, desk)']);
    await mkdir(join(folder, 'state', 'journal'));
    expect(await run()).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^cannot read .*journal: /)]);
    await writeFile(config, 'node: 5\n');
    expect(await run()).toBe(2);
  });

  test('has nothing to show without groups', async () => {
    const sources = { nas: { nut: { host: 'nas' } } };
    await writeFile(config, JSON.stringify({ mqtt: { url: 'mqtt://b' }, sources, state_dir: join(folder, 'state') }));
    expect(await run()).toBe(0);
    expect(lines).toEqual(['no groups: nothing is ever shut down']);
  });
});
