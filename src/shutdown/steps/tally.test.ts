import { expect, test } from 'vitest';
import type { ItemProgress } from '../../domain/progress.ts';
import { count, tallyOf } from './tally.ts';

test('what was done, failed, skipped and not known, and progress as it happens', () => {
  const told: ItemProgress[] = [];
  const tally = tallyOf((item) => told.push(item));
  for (const name of ['a', 'b', 'c', 'd']) tally.begin(name);
  tally.end('a', 'done');
  tally.end('b', 'failed', 'is stuck');
  tally.end('c', 'done', 'by force');
  tally.end('e', 'skipped', 'is ours');
  tally.heard('');
  tally.heard('one');
  tally.heard('two');
  expect(told).toHaveLength(8);
  expect(told[5]).toEqual({ item: 'b', state: 'failed', text: 'is stuck' });
  expect(tally.outcome((done) => `${done} of 4`, 6)).toEqual({
    kind: 'failed',
    text: '2 of 4; c (by force); skipped: e (is ours); failed: b (is stuck); abandoned: d',
    output: 'e\ntwo\n',
  });
});

test('a failure that was mended is none', () => {
  const tally = tallyOf(() => undefined);
  tally.end('a', 'failed', 'not yet');
  tally.end('a', 'done');
  expect(tally.outcome((done) => `${done}`, 10)).toEqual({ kind: 'done', text: '1' });
});

test.each([
  [0, '0 VMs'],
  [1, '1 VM'],
  [2, '2 VMs'],
])('%i', (number, text) => {
  expect(count(number, 'VM')).toBe(text);
});
