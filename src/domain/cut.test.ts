import { expect, test } from 'vitest';
import { cut } from './cut.ts';

test.each([
  ['abc', 'abc'],
  ['abcd', 'abcd'],
  ['abcde', 'abc…'],
  ['🔋🔋🔋🔋', '🔋🔋🔋🔋'],
  ['🔋🔋🔋🔋🔋', '🔋🔋🔋…'],
])('of "%s" four characters are "%s"', (text, is) => {
  expect(cut(text, 4)).toBe(is);
});
