import { expect, test } from 'vitest';
import { cutShort, type Progress, rebooted } from './progress.ts';
import { asInstant } from './time.ts';

const since = asInstant(1000);
const done = { state: 'done', since, wall: 1, text: 'so', items: [] } as const;
const running = { state: 'running', since, wall: 1, items: [{ item: 'vm', state: 'running' }] } as const;
const PROGRESS: Progress = {
  run: 'rack-1',
  kind: 'outage',
  dryRun: false,
  wall: 1,
  phase: 'running',
  steps: new Map<string, Progress['steps'] extends ReadonlyMap<string, infer S> ? S : never>([
    ['lab/a', done],
    ['vms/a', running],
  ]),
  hurried: 'no time',
  halt: { act: 'halt', at: since, wall: 1 },
};

test('what runs when a process dies has failed, and all else is as it was', () => {
  const cut = cutShort(PROGRESS);
  expect([...cut.steps]).toEqual([
    ['lab/a', done],
    ['vms/a', { ...running, state: 'failed', text: 'cut short: the process ended' }],
  ]);
  expect({ ...cut, steps: PROGRESS.steps }).toEqual({ ...PROGRESS, phase: 'ended' });
});

test('after a reboot a run that goes on has nothing behind it, and one that does not is over', () => {
  const { hurried: _, halt: __, ...rest } = PROGRESS;
  expect(rebooted(PROGRESS, true)).toEqual({ ...rest, phase: 'interrupted', steps: new Map() });
  expect(rebooted(PROGRESS, false)).toEqual(cutShort(rest));
});
