import { describe, expect, test } from 'vitest';
import { Errands, type Fate } from './errands.ts';
import type { Outgoing } from './mailbox.ts';

const message = (payload: string, qos: Outgoing['qos'] = 1): Outgoing => ({ topic: 't', payload, retain: false, qos });
const never = new AbortController().signal;

/** An errand with what became of it so far. */
function errand(errands: Errands, payload: string, qos: Outgoing['qos'] = 1) {
  const controller = new AbortController();
  const fates: Fate[] = [];
  const over = errands.put(message(payload, qos), controller.signal).then((fate) => fates.push(fate));
  return { abort: () => controller.abort(), fates, over };
}

const taken = (errands: Errands): Outgoing => {
  const next = errands.take();
  if (next === undefined) throw new Error('nothing waits');
  return next;
};

test('they go in their order, each once, even when they are alike', async () => {
  const errands = new Errands();
  const all = [errand(errands, 'a'), errand(errands, 'b'), errand(errands, 'b')];
  expect(errands.waiting).toBe(3);
  const sent = [taken(errands), taken(errands), taken(errands)];
  expect(sent.map(({ payload }) => payload)).toEqual(['a', 'b', 'b']);
  expect(errands.take()).toBeUndefined();
  for (const one of sent.toReversed()) errands.end(one, { kind: 'done' });
  await Promise.all(all.map(({ over }) => over));
  expect(all.map(({ fates }) => fates)).toEqual([[{ kind: 'done' }], [{ kind: 'done' }], [{ kind: 'done' }]]);
});

describe('given up', () => {
  test('before it was sent, it never is', async () => {
    const errands = new Errands();
    const one = errand(errands, 'a');
    one.abort();
    await one.over;
    expect(one.fates).toEqual([{ kind: 'unsent', why: expect.any(String) }]);
    expect(errands.take()).toBeUndefined();
  });

  test('after it was sent, nobody knows, and it is not sent again', async () => {
    const errands = new Errands();
    const one = errand(errands, 'a');
    const sent = taken(errands);
    one.abort();
    await one.over;
    expect(one.fates).toEqual([{ kind: 'unanswered', why: expect.any(String) }]);
    expect(errands.returned([sent])).toEqual([]);
    errands.end(sent, { kind: 'done' });
    expect(errands.waiting).toBe(0);
    expect(one.fates).toHaveLength(1);
  });

  test('from the beginning, it is not begun', async () => {
    const errands = new Errands();
    expect(await errands.put(message('a'), AbortSignal.abort())).toMatchObject({ kind: 'unsent' });
    expect(errands.waiting).toBe(0);
  });
});

test('what the broker had not acknowledged goes again before the rest, unless once was asked for', async () => {
  const errands = new Errands();
  const [once, again] = [errand(errands, 'once', 2), errand(errands, 'again')];
  const sent = [taken(errands), taken(errands)];
  errand(errands, 'later');
  const other = message('of the mailbox');
  expect(errands.returned([...sent, other])).toEqual([other]);
  await once.over;
  expect(once.fates).toEqual([{ kind: 'unanswered', why: expect.any(String) }]);
  expect([taken(errands).payload, taken(errands).payload]).toEqual(['again', 'later']);
  expect(again.fates).toEqual([]);
});

test('a stop ends them all, and every later one', async () => {
  const errands = new Errands();
  const [sent, waiting] = [errand(errands, 'sent'), errand(errands, 'waiting')];
  errands.take();
  errands.stop();
  await Promise.all([sent.over, waiting.over]);
  expect([sent.fates[0]?.kind, waiting.fates[0]?.kind]).toEqual(['unanswered', 'unsent']);
  expect(await errands.put(message('late'), never)).toMatchObject({ kind: 'unsent' });
});
