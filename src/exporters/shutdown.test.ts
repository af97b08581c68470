import { expect, test } from 'vitest';
import { GROUP } from '../../tests/kit/judged.ts';
import { WALL } from '../../tests/kit/story.ts';
import type { GroupState } from '../domain/groups.ts';
import type { Progress, StepResult } from '../domain/progress.ts';
import { EMPTY_STATE, type State } from '../domain/state.ts';
import { asInstant, asMillis, type Millis, seconds } from '../domain/time.ts';
import { createPrometheus, type Prometheus } from './prometheus.ts';

const { progress: RUNNING, shed: _, ...CALM } = GROUP;
if (RUNNING === undefined) throw new Error('no progress');

const stateOf = (group: GroupState, durations: State['durations'] = new Map()): State => ({
  ...EMPTY_STATE,
  groups: new Map([['servers', group]]),
  durations,
});

const exporter = (left?: Millis): Prometheus => createPrometheus({ version: '1', timeLeft: () => left });

function tells(
  prometheus: Prometheus,
  after: State,
  event?: { readonly run: string; readonly state: StepResult },
): void {
  const stamp = { at: asInstant(1000), wall: WALL };
  const ended = { kind: 'ended', step: 'lab/vms', text: '' } as const;
  const input =
    event === undefined
      ? ({ kind: 'tick' } as const)
      : ({ kind: 'progressed', group: 'servers', run: event.run, event: { ...ended, state: event.state } } as const);
  prometheus.accept({ stamp, input, before: EMPTY_STATE, after, intents: [], facts: [] });
}

/** The samples of the metrics of groups whose names go on like this. */
async function linesOf(prometheus: Prometheus, ...names: readonly string[]): Promise<readonly string[]> {
  const lines = (await prometheus.metrics()).split('\n');
  return names.flatMap((name) => lines.filter((line) => line.startsWith(`gridwarden_group_${name}{`)));
}

test('the phase is one of a set, idle where nothing ever ran', async () => {
  const phase = async (group: GroupState) => {
    const prometheus = exporter();
    tells(prometheus, stateOf(group));
    const lines = await linesOf(prometheus, 'shutdown_phase');
    expect(lines).toHaveLength(7);
    return lines.filter((line) => line.endsWith(' 1'));
  };
  expect(await phase(CALM)).toEqual(['gridwarden_group_shutdown_phase{group="servers",state="idle"} 1']);
  expect(await phase(GROUP)).toEqual(['gridwarden_group_shutdown_phase{group="servers",state="running"} 1']);
});

test('halt, what is shed, and the time that is left', async () => {
  const names = ['halt_timestamp_seconds', 'shed_stages', 'time_left_seconds'];
  const running = exporter(seconds(90));
  tells(running, stateOf(GROUP));
  expect(await linesOf(running, ...names)).toEqual([
    `gridwarden_group_halt_timestamp_seconds{group="servers"} ${(WALL + 12_000) / 1000}`,
    'gridwarden_group_shed_stages{group="servers"} 1',
    'gridwarden_group_time_left_seconds{group="servers"} 90',
  ]);
  const calm = exporter();
  tells(calm, stateOf(CALM));
  expect(await linesOf(calm, ...names)).toEqual(['gridwarden_group_shed_stages{group="servers"} 0']);
});

test('what steps take: the last and the worst time, of groups that there are', async () => {
  const durations = new Map([
    ['servers/lab/vms', [asMillis(30_500), asMillis(12_000)]],
    ['servers/lab/restore/nas', [asMillis(2000)]],
    ['servers/lab/never', []],
    ['gone/lab/vms', [asMillis(1000)]],
  ]);
  const prometheus = exporter();
  tells(prometheus, stateOf(GROUP, durations));
  expect(await linesOf(prometheus, 'step_last_seconds', 'step_worst_seconds')).toEqual([
    'gridwarden_group_step_last_seconds{group="servers",step="lab/vms"} 12',
    'gridwarden_group_step_last_seconds{group="servers",step="lab/restore/nas"} 2',
    'gridwarden_group_step_worst_seconds{group="servers",step="lab/vms"} 30.5',
    'gridwarden_group_step_worst_seconds{group="servers",step="lab/restore/nas"} 2',
  ]);
});

test('steps are counted by how they end; rehearsed ones are none, and nothing else is', async () => {
  const prometheus = exporter();
  const now = stateOf(GROUP);
  const rehearsing: Progress = { ...RUNNING, run: 'servers-2', dryRun: true };
  for (const state of ['done', 'done', 'timed-out'] as const) tells(prometheus, now, { run: 'servers-1', state });
  tells(prometheus, stateOf({ ...GROUP, progress: rehearsing }), { run: 'servers-2', state: 'done' });
  // The last step of the run before.
  tells(prometheus, stateOf({ ...GROUP, progress: rehearsing }), { run: 'servers-1', state: 'failed' });
  tells(prometheus, EMPTY_STATE, { run: 'servers-1', state: 'failed' });
  prometheus.accept({
    stamp: { at: asInstant(1000), wall: WALL },
    input: { kind: 'progressed', group: 'servers', run: 'servers-1', event: { kind: 'begun', step: 'lab/vms' } },
    before: now,
    after: now,
    intents: [],
    facts: [],
  });
  expect(await linesOf(prometheus, 'steps_total')).toEqual([
    'gridwarden_group_steps_total{group="servers",result="done"} 2',
    'gridwarden_group_steps_total{group="servers",result="failed"} 1',
    'gridwarden_group_steps_total{group="servers",result="timed-out"} 1',
    'gridwarden_group_steps_total{group="servers",result="skipped"} 0',
  ]);
  tells(prometheus, EMPTY_STATE);
  expect(await linesOf(prometheus, 'steps_total')).toEqual([]);
});

test('the time that is left is asked for with the newest state and its moment', async () => {
  const asked: (readonly [string, number, number])[] = [];
  const prometheus = createPrometheus({
    version: '1',
    timeLeft: ({ id }, { groups }, now) => {
      asked.push([id, groups.size, now]);
      return undefined;
    },
  });
  tells(prometheus, stateOf(GROUP));
  await prometheus.metrics();
  expect(asked).toEqual([['servers', 1, 1000]]);
});
