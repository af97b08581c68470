import { expect, test } from 'vitest';
import type { Json } from '../domain/requests.ts';
import { err, ok } from '../domain/result.ts';
import { asMillis } from '../domain/time.ts';
import type { Bridge } from './ask.ts';
import { follow } from './follow.ts';

type Seen = { readonly [key: string]: Json };

const step = (key: string, state: string, more: Seen = {}): Json => ({
  ...{ key, stage: null, text: `stop ${key}`, state, since: null, took: null, result: null, output: null, items: [] },
  ...more,
});

const seen = (state: string, steps: readonly Json[], more: Seen = {}): Seen => ({
  ...{ state, run: 'run-1', hurried: null, halt: null, past_return: false, shed: null, steps, lines: [] },
  ...more,
});

const done = (key: string) => step(key, 'done', { took: 2, result: 'it is off' });

/** Follows a bridge that shows these one after the other, where there is one, and then is gone. */
async function followed(
  shown: readonly (Seen | undefined)[],
  onAsked: (count: number) => void = () => undefined,
  stopping = new AbortController(),
  of: { readonly subject?: 'shutdown' | 'restore'; readonly patience?: number } = {},
) {
  const lines: string[] = [];
  let count = 0;
  const bridge: Bridge = {
    option: ' --config x.yaml',
    ask: async (verb, given) => {
      const now = shown[count];
      count += 1;
      onAsked(count);
      expect([verb, given]).toEqual(['progress', { group: 'rack' }]);
      return now === undefined ? err({ kind: 'nobody', text: 'nobody listens' }) : ok({ rack: now });
    },
  };
  const code = await follow({
    bridge,
    group: 'rack',
    run: 'run-1',
    subject: of.subject ?? 'shutdown',
    patience: asMillis(of.patience ?? 0),
    signal: stopping.signal,
    out: (line) => lines.push(line),
  });
  return { code, lines };
}

test('each change is told once, and the end with what became of all', async () => {
  const item = (state: string) => ({ item: 'vm 1', state, text: null });
  const { code, lines } = await followed([
    seen('running', [step('a', 'running', { items: [item('running')] }), step('b', 'waiting')]),
    seen('running', [step('a', 'running', { items: [item('done')] }), step('b', 'waiting')]),
    seen('ended', [done('a'), done('b')]),
  ]);
  expect(lines).toEqual([
    'a running: stop a',
    '  vm 1: running',
    '  vm 1: done',
    'a done in 2 s: it is off',
    'b done in 2 s: it is off',
    'ended: 2 done',
  ]);
  expect(code).toBe(0);
});

test.each([
  [
    'failed',
    seen('ended', [step('a', 'failed', { took: 0, result: 'no' }), done('b')]),
    ['a failed: no', 'b done in 2 s: it is off', 'ended: 1 failed, 1 done'],
  ],
  [
    'not begun',
    seen('ended', [done('a'), step('b', 'not-begun')]),
    ['a done in 2 s: it is off', 'ended: 1 done, 1 not-begun'],
  ],
])('a step that was %s makes it 1', async (_, last, lines) => {
  expect(await followed([last])).toEqual({ code: 1, lines });
});

test('time that runs out, the point of no return and the halt are told', async () => {
  const more = { hurried: 'no time is left', past_return: true, halt: { act: 'halt', since: '' } };
  const { lines } = await followed([seen('running', [], more), seen('ended', [done('host')], more)]);
  expect(lines.slice(0, 3)).toEqual([
    'hurried: no time is left',
    'past its point of no return: it can no longer be called off',
    'the halt of this machine is ordered',
  ]);
});

test('a restore is followed to its end', async () => {
  const shown = [
    seen('restoring', [done('a'), step('restore/a', 'running')]),
    seen('restored', [done('a'), done('restore/a')]),
  ];
  expect(await followed(shown)).toMatchObject({ code: 0, lines: expect.arrayContaining(['restored: 2 done']) });
});

test('of a restore only its own steps count', async () => {
  const steps = [step('a/x', 'failed'), step('a/restore/x', 'done')];
  const whole = await followed([seen('restored', steps)], undefined, undefined, { subject: 'restore' });
  expect([whole.code, whole.lines.at(-1)]).toEqual([0, 'restored: 1 done']);
  const open = [step('a/x', 'done'), step('a/restore/x', 'not-begun')];
  const away = { shed: { stages: ['a'], held: null } };
  const stopped = await followed([seen('ended', open, away), seen('ended', open)], undefined, undefined, {
    subject: 'restore',
  });
  expect([stopped.code, stopped.lines.at(-1)]).toEqual([1, 'ended: 1 not-begun']);
});

test('a bridge that is started anew is followed on', async () => {
  const shown = [seen('running', [step('a', 'running')]), undefined, seen('ended', [done('a')])];
  const { code, lines } = await followed(shown, undefined, undefined, { patience: 60_000 });
  expect([code, lines]).toEqual([0, ['a running: stop a', 'a done in 2 s: it is off', 'ended: 1 done']]);
});

test('a bridge that is gone is told; with the halt of its machine under way that is no failure', async () => {
  expect(await followed([])).toEqual({ code: 1, lines: ['nobody listens'] });
  const { code, lines } = await followed([seen('running', [], { halt: { act: 'halt', since: '' } })]);
  expect([code, lines.at(-1)]).toEqual([0, 'nobody listens; this machine is being ended']);
});

test.each([
  ['another run', seen('running', [], { run: 'run-2' }), 'another shutdown of the group has begun'],
  ['what nobody knows any more', seen('idle', [], { run: null }), 'the bridge knows nothing of it any more'],
  ['what is not understood', { state: 'running' }, 'its answer is not understood'],
])('%s ends it with 1', async (_, shown, line) => {
  expect(await followed([shown])).toEqual({ code: 1, lines: [line] });
});

test('who has enough of it ends nothing but the telling', async () => {
  const stopping = new AbortController();
  const shown = [seen('running', [step('a', 'running')]), seen('running', [done('a')])];
  const { code, lines } = await followed(shown, (count) => count === 2 && stopping.abort(), stopping);
  expect([code, lines]).toEqual([
    0,
    ['a running: stop a', 'it goes on; to call it off: gridwarden cancel rack --config x.yaml'],
  ]);
});
