import { expect, test } from 'vitest';
import type { PastRun, PastStep } from '../domain/past-run.ts';
import { seconds } from '../domain/time.ts';
import { runsPayload } from './group-runs.ts';

const WALL = Date.UTC(2026, 2, 1, 12, 5);
const RUN: PastRun = {
  run: 'rack-1',
  kind: 'outage',
  dryRun: false,
  wall: WALL,
  reason: 'a: battery charge 5 % is below 20 %',
  steps: [],
  restore: [],
};
const bad = (key: string, more: Partial<PastStep> = {}): PastStep => ({ key, state: 'failed', wall: WALL, ...more });
const payload = (...past: readonly PastRun[]) => JSON.parse(runsPayload(past));

test('one that goes on has every key, null for what is not known yet', () => {
  expect(payload(RUN)).toEqual({
    since: '2026-03-01T12:05:00.000Z',
    outcome: null,
    runs: [
      {
        run: 'rack-1',
        kind: 'outage',
        dry_run: false,
        since: '2026-03-01T12:05:00.000Z',
        until: null,
        outcome: null,
        reason: 'a: battery charge 5 % is below 20 %',
        why: null,
        restored: null,
        counts: { done: 0, failed: 0, skipped: 0 },
        failed: [],
      },
    ],
  });
  expect(payload({ ...RUN, reason: '' }).runs[0].reason).toBeNull();
});

test('one that is over says what failed, in its restore as well, and counts its own steps', () => {
  const steps = [bad('lab/a', { state: 'done' }), bad('lab/b', { text: 'no', took: seconds(2) }), bad('host')];
  const skipped = bad('lab/c', { state: 'skipped' });
  const restore = [bad('lab/restore/a', { state: 'timed-out', text: 'late' }), bad('lab/restore/b', { state: 'done' })];
  const over = { ...RUN, outcome: 'carried-out' as const, until: WALL + 1000, restored: WALL + 2000 };
  expect(payload({ ...over, steps: [...steps, skipped], restore }).runs[0]).toMatchObject({
    until: '2026-03-01T12:05:01.000Z',
    restored: '2026-03-01T12:05:02.000Z',
    counts: { done: 1, failed: 2, skipped: 1 },
    failed: [
      { step: 'lab/b', state: 'failed', text: 'no' },
      { step: 'host', state: 'failed', text: null },
      { step: 'lab/restore/a', state: 'timed-out', text: 'late' },
    ],
  });
});

test('together they stay below what the recorder of Home Assistant keeps: the oldest are left out', () => {
  const long = '😀'.repeat(255);
  const steps = Array.from({ length: 200 }, (_, index) => bad(`lab/${index}`, { text: long }));
  const worst = { ...RUN, reason: long, why: long, outcome: 'called-off' as const, steps };
  const past = Array.from({ length: 10 }, (_, index): PastRun => ({ ...worst, run: `rack-${index}` }));
  const text = runsPayload(past);
  expect(Buffer.byteLength(text)).toBeLessThan(16 * 1024);
  const { runs } = JSON.parse(text);
  expect(runs.map(({ run }: { run: string }) => run)).toEqual(past.slice(0, runs.length).map(({ run }) => run));
  expect(runs.length).toBeGreaterThanOrEqual(1);
  expect(runs[0].failed).toHaveLength(10);
  const control = '\u0001'.repeat(255);
  const hostile = Array.from({ length: 20 }, () => bad(control, { text: control }));
  expect(payload({ ...worst, reason: control, why: control, steps: hostile }).runs).toHaveLength(1);
});
