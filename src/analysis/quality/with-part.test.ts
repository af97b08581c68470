import { expect, test } from 'vitest';
import { withPart } from './with-part.ts';

interface Whole {
  readonly one?: number;
  readonly other?: number;
}

test('a part is replaced, or added', () => {
  const whole: Whole = { one: 1 };
  expect(withPart(whole, 'one', 2)).toStrictEqual({ one: 2 });
  expect(withPart(whole, 'other', 2)).toStrictEqual({ one: 1, other: 2 });
});

test('a part that is undefined is taken out', () => {
  expect(withPart<Whole, 'one'>({ one: 1, other: 2 }, 'one', undefined)).toStrictEqual({ other: 2 });
});

test('where a part is what it was, so is the whole', () => {
  const whole: Whole = { one: 1 };
  expect(withPart(whole, 'one', 1)).toBe(whole);
  expect(withPart(whole, 'other', undefined)).toBe(whole);
});
