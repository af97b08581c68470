import { describe, expect, test } from 'vitest';
import { alikeOr, isAlike } from './alike.ts';

const both = (one: unknown, other: unknown) => [isAlike(one, other), isAlike(other, one)];

test.each([
  ['one and the same', 1, 1],
  ['texts', 'a', 'a'],
  ['nothing', undefined, undefined],
  ['objects, whatever the order of their keys', { a: 1, b: 'x' }, { b: 'x', a: 1 }],
  ['lists', [1, 'x'], [1, 'x']],
  ['what lies deeper', { a: [{ b: { c: 1 } }] }, { a: [{ b: { c: 1 } }] }],
  ['absent and undefined', { a: 1 }, { a: 1, b: undefined }],
])('the same: %s', (_, one, other) => {
  expect(both(one, other)).toEqual([true, true]);
});

test.each([
  ['numbers', 1, 2],
  ['texts', 'a', 'b'],
  ['a number and a text', 1, '1'],
  ['an empty object and what is none', {}, 0],
  ['an empty object and null', {}, null],
  ['an empty object and nothing', {}, undefined],
  ['one key', { a: 1, b: 1 }, { a: 1, b: 2 }],
  ['one key more', { a: 1 }, { a: 1, b: 2 }],
  ['one key of another name', { a: 1 }, { b: 1 }],
  ['a key that is false and one that is absent', { a: false }, {}],
  ['lists of another length', [1], [1, 2]],
  ['what lies deeper', { a: [{ b: { c: 1 } }] }, { a: [{ b: { c: 2 } }] }],
])('not the same: %s', (_, one, other) => {
  expect(both(one, other)).toEqual([false, false]);
});

describe('what was found anew', () => {
  const before = { ready: true, reasons: ['a'] };

  test('is the very value of before where it says the same', () => {
    expect(alikeOr(before, { ready: true, reasons: ['a'] })).toBe(before);
  });

  test.each([undefined, { ready: true, reasons: [] }])('is itself where there was %j', (was) => {
    expect(alikeOr<object>(was, before)).toBe(before);
  });
});
