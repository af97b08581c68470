import { describe, expect, test } from 'vitest';
import type { Result } from '../../domain/result.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { Exchange } from './exchange.ts';
import { ASK, type Question, type Reply } from './questions.ts';

type Answer = Result<readonly Reply[], Trouble>;

/** An exchange that has been asked some bursts, and what they were answered. */
function asked(...bursts: readonly (readonly Question[])[]) {
  const exchange = new Exchange();
  const answers: (Answer | undefined)[] = bursts.map(() => undefined);
  for (const [index, questions] of bursts.entries()) {
    exchange.expect(questions, (answer) => {
      answers[index] = answer;
    });
  }
  return { exchange, answers, take: (text: string) => exchange.take(Buffer.from(text)) };
}

const list = 'BEGIN LIST VAR u\nVAR u a.b "1"\nEND LIST VAR u\n';

test('answers go to their questions in order, several bursts at a time', () => {
  const { answers, take, exchange } = asked([ASK.version, ASK.variables('u')], [ASK.variable('u', 'ups.status')]);
  expect(take(`Network UPS Tools\n${list}VAR u ups.st`)).toEqual({ advanced: true });
  expect(answers[0]).toEqual({
    ok: true,
    value: [
      { kind: 'line', rest: 'Network UPS Tools' },
      { kind: 'list', block: list },
    ],
  });
  expect(answers[1]).toBeUndefined();
  take('atus "OL"\n');
  expect(answers[1]).toEqual({ ok: true, value: [{ kind: 'line', rest: '"OL"' }] });
  expect(exchange.isIdle).toBe(true);
});

test('a list that is the same as last time is the same string, however it is cut', () => {
  for (let cut = 1; cut < list.length; cut += 1) {
    const { answers, take } = asked([ASK.variables('u', list)]);
    take(list.slice(0, cut));
    take(list.slice(cut));
    expect(answers[0]).toEqual({ ok: true, value: [{ kind: 'list', block: list }] });
  }
});

test.each([
  'BEGIN LIST VAR u\nVAR u a.b "2"\nEND LIST VAR u\n',
  'BEGIN LIST VAR u\nEND LIST VAR u\n',
  'BEGIN LIST VAR u\nVAR u a.b "1"\nVAR u a.c "1"\nEND LIST VAR u\n',
])('a list that differs is read, however it is cut', (other) => {
  for (let cut = 1; cut < other.length; cut += 1) {
    const { answers, take } = asked([ASK.variables('u', list)]);
    take(other.slice(0, cut));
    take(other.slice(cut));
    expect(answers[0]).toEqual({ ok: true, value: [{ kind: 'list', block: other }] });
  }
});

test('an error takes the place of any answer, also of one that is known', () => {
  const { answers, take } = asked([ASK.variables('u', list), ASK.variable('u', 'a.b'), ASK.version]);
  take('ERR DATA-STALE\nERR VAR-NOT-SUPPORTED no such thing\nERR UNKNOWN-COMMAND\n');
  expect(answers[0]).toEqual({
    ok: true,
    value: ['DATA-STALE', 'VAR-NOT-SUPPORTED', 'UNKNOWN-COMMAND'].map((code) => ({ kind: 'error', code })),
  });
});

test('names are echoed in another case by some servers', () => {
  const { answers, take } = asked([ASK.variables('Rack')]);
  take('BEGIN LIST VAR rack\nVAR rack a.b "1"\nEND LIST VAR RACK\n');
  expect(answers[0]?.ok).toBe(true);
});

describe('ends at', () => {
  test.each([
    ['the answer to another question', [ASK.variable('u', 'a')], 'VAR u b "1"\n'],
    ['another device in a list', [ASK.variables('u')], 'BEGIN LIST VAR u\nVAR v a.b "1"\n'],
    ['an error inside a list', [ASK.variables('u')], 'BEGIN LIST VAR u\nERR DATA-STALE\n'],
    ['a list within a list', [ASK.variables('u')], 'BEGIN LIST VAR u\nBEGIN LIST VAR u\n'],
    ['the end of another list', [ASK.variables('u')], 'BEGIN LIST VAR u\nEND LIST VAR v\n'],
    ['a list for a line', [ASK.variable('u', 'a')], 'BEGIN LIST VAR u\n'],
    ['a line for a list', [ASK.variables('u')], 'VAR u a "1"\n'],
    ['more than was asked for', [ASK.version], 'one\ntwo'],
    ['an unasked answer', [], 'one\n'],
    ['a line too long', [ASK.version], 'x'.repeat(5000)],
    ['a line too long that has ended', [ASK.version], `${'x'.repeat(5000)}\n`],
    ['a list too long', [ASK.variables('u')], `BEGIN LIST VAR u\n${'VAR u a.b "1"\n'.repeat(5001)}`],
  ])('%s', (_name, questions, text) => {
    const { take } = asked(...(questions.length > 0 ? [questions] : []));
    expect(take(text).trouble?.kind).toBe('malformed');
  });

  test('more bytes than one burst may bring', () => {
    const { take } = asked(Array.from({ length: 100 }, () => ASK.variables('u')));
    const row = `VAR u a.b "${'x'.repeat(2000)}"\n`;
    const one = `BEGIN LIST VAR u\n${row.repeat(100)}END LIST VAR u\n`;
    let taken = 0;
    while (take(one).trouble === undefined) taken += 1;
    expect(taken).toBeGreaterThan(35);
    expect(taken).toBeLessThan(45);
  });
});

test('giving up ends every burst that waits', () => {
  const { answers, exchange } = asked([ASK.version], [ASK.listing]);
  const trouble: Trouble = { kind: 'timed-out', detail: 'x' };
  exchange.abandon(trouble);
  expect(answers).toEqual([
    { ok: false, error: trouble },
    { ok: false, error: trouble },
  ]);
  expect(exchange.isIdle).toBe(true);
});
