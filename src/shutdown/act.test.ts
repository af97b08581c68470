import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { seconds } from '../domain/time.ts';
import { actWithin, contextOf, REHEARSAL, rehearsalWithin, rehearsed } from './act.ts';
import type { Outcome } from './step.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const pass = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const deadline = seconds(10);
/** Ends in this way as soon as its signal aborts. */
const untilAborted = (outcome: Outcome) => (signal: AbortSignal) =>
  new Promise<Outcome>((resolve) => signal.addEventListener('abort', () => resolve(outcome), { once: true }));

describe('an act', () => {
  test('in time is as it says, with nothing left behind', async () => {
    const abandon = new AbortController().signal;
    const outcome = { kind: 'done', text: '  three\n\tVMs  ', output: 'o'.repeat(9000), undo: ['a'] } as const;
    const acted = await actWithin({ deadline, abandon }, () => Promise.resolve(outcome));
    expect(acted).toEqual({ state: 'done', text: 'three VMs', output: 'o'.repeat(8000), undo: ['a'] });
    expect(getEventListeners(abandon, 'abort')).toEqual([]);
  });

  test('has the end of its output kept, and its text in 500 characters', async () => {
    const outcome = { kind: 'failed', text: 'x'.repeat(600), output: `${'a'.repeat(8000)}end` } as const;
    const acted = await actWithin({ deadline, abandon: new AbortController().signal }, async () => outcome);
    expect([acted.text.length, acted.output?.slice(-3), acted.output?.length]).toEqual([500, 'end', 8000]);
  });

  test('that is through after its deadline is done all the same', async () => {
    const acted = actWithin(
      { deadline, abandon: new AbortController().signal },
      untilAborted({ kind: 'done', text: 'just so' }),
    );
    await pass(10);
    expect(await acted).toEqual({ state: 'done', text: 'just so' });
  });

  test.each([
    ['at its deadline', undefined, 10, 'not through after 10 s; ended'],
    ['when it is abandoned', 'no time', 3, 'abandoned: no time; ended'],
  ])('ends %s', async (_, why, second, text) => {
    const abandoning = new AbortController();
    const acted = actWithin(
      { deadline, abandon: abandoning.signal },
      untilAborted({ kind: 'failed', text: 'ended', undo: ['a'] }),
    );
    await pass(3);
    if (why !== undefined) abandoning.abort(why);
    await pass(second - 3);
    expect(await acted).toEqual({ state: 'timed-out', text, undo: ['a'] });
    expect(getEventListeners(abandoning.signal, 'abort')).toEqual([]);
  });

  test('that is abandoned after its deadline keeps the first reason, and its grace', async () => {
    const abandoning = new AbortController();
    let isOver = false;
    const acted = actWithin({ deadline, abandon: abandoning.signal }, () => new Promise(() => undefined));
    void acted.then(() => {
      isOver = true;
    });
    await pass(11);
    abandoning.abort('no time');
    await pass(0.9);
    expect(isOver).toBe(false);
    await pass(0.1);
    expect(await acted).toEqual({ state: 'timed-out', text: 'not through after 10 s; it does not come back' });
  });

  test('that was abandoned before is not begun', async () => {
    const run = vi.fn();
    expect(await actWithin({ deadline, abandon: AbortSignal.abort('no time') }, run)).toEqual({
      state: 'timed-out',
      text: 'abandoned: no time',
    });
    expect(run).not.toHaveBeenCalled();
  });

  test('with hundreds of listeners warns of none', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    await actWithin({ deadline, abandon: new AbortController().signal }, (signal) => {
      for (let count = 0; count < 300; count += 1) signal.addEventListener('abort', () => count);
      return Promise.resolve({ kind: 'done', text: '' });
    });
    await pass(1);
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });
});

test('a rehearsal says what would be done, and what it would have trouble with', () => {
  const found = (what: string, ok: boolean) => ({ what, ok, text: ok ? 'there' : 'not there' });
  expect(rehearsed('stop a', [found('x', true)])).toEqual({ kind: 'done', text: 'would stop a' });
  expect(rehearsed('stop a', [found('x', false), found('y', true), found('z', false)])).toEqual({
    kind: 'failed',
    text: 'would stop a, and would have trouble: x: not there; z: not there',
  });
  expect([rehearsalWithin(seconds(5)), rehearsalWithin(seconds(600))]).toEqual([seconds(5), REHEARSAL]);
});

test('a context hands on what is told, and what was left where something was', () => {
  const [items, kept]: [unknown[], unknown[]] = [[], []];
  const told = { item: (item: unknown) => items.push(item), undo: (undo: unknown) => kept.push(undo) };
  const { signal } = new AbortController();
  const context = contextOf(signal, told, undefined);
  context.progress({ item: 'a', state: 'done' });
  context.note(['a']);
  expect([items, kept, 'undo' in context]).toEqual([[{ item: 'a', state: 'done' }], [['a']], false]);
  expect(contextOf(signal, told, null).undo).toBeNull();
});
