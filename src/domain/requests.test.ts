import { expect, test } from 'vitest';
import { LIMITS } from './limits.ts';
import { isShallow, type Json } from './requests.ts';

const nested = (levels: number): Json => Array.from({ length: levels }).reduce<Json>((inner) => [inner], 1);

test('a value as deep as is allowed may be read, a deeper one may not', () => {
  expect([nested(0), nested(LIMITS.requestDepth), null, 'x', {}].every((value) => isShallow(value))).toBe(true);
  expect(isShallow(nested(LIMITS.requestDepth + 1))).toBe(false);
});

test('lists and objects are each a level, and every part of them counts', () => {
  expect([isShallow([1, { a: 2 }], 2), isShallow([1, { a: 2 }], 1)]).toEqual([true, false]);
  expect([isShallow({ a: null, b: [[1]] }, 3), isShallow({ a: null, b: [[1]] }, 2)]).toEqual([true, false]);
});
