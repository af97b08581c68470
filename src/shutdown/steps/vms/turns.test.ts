import { expect, test } from 'vitest';
import { meant, turnsOf } from './turns.ts';

const vms = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
const names = (turns: readonly (readonly { readonly name: string }[])[]) =>
  turns.map((turn) => turn.map(({ name }) => name).join(' '));

test.each<[readonly string[], readonly string[], readonly string[]]>([
  [[], [], ['a b c d']],
  [['c', 'a'], ['b'], ['c', 'a', 'd', 'b']],
  [['gone', 'b'], ['nowhere'], ['b', 'a c d']],
  [
    ['a', 'b'],
    ['d', 'c'],
    ['a', 'b', 'd', 'c'],
  ],
])('first %j, last %j: %j', (first, last, turns) => {
  expect(names(turnsOf(vms, { first, last }))).toEqual(turns);
});

test('who is meant', () => {
  expect(names([meant(vms, { except: ['b'] })])).toEqual(['a c d']);
  expect(names([meant(vms, { only: ['b', 'd', 'x'], except: ['d'] })])).toEqual(['b']);
});
