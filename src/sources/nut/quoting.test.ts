import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isBareWord, isPrintable, onlyQuoted, quoted, readQuoted, wordsOf } from './quoting.ts';

const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });

test('what is quoted reads back', () => {
  fc.assert(
    fc.property(printable, (text) => {
      expect(onlyQuoted(quoted(text))).toBe(text);
    }),
  );
});

test('words read back whatever they hold', () => {
  fc.assert(
    fc.property(fc.array(printable), (texts) => {
      expect(wordsOf(texts.map(quoted).join(' '))).toEqual(texts);
    }),
  );
});

test('no quoted text holds a quote, a backslash or a hash that is not escaped', () => {
  fc.assert(
    fc.property(printable, (text) => {
      expect(quoted(text).slice(1, -1).replace(/\\./g, '')).not.toMatch(/["\\#]/);
    }),
  );
});

test('any line at all is read or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (line) => {
      wordsOf(line);
      readQuoted(line, 0);
    }),
  );
});

test.each([
  ['UPS d1 "APC \\"Smart\\" 750 \\\\ lab \\#1"', ['UPS', 'd1', 'APC "Smart" 750 \\ lab #1']],
  ['  a\tb  ', ['a', 'b']],
  ['', []],
  ['"" ""', ['', '']],
  ['"a\\', undefined],
  ['"a', undefined],
  ['"a"b', undefined],
  ['a"b c"', ['a"b', 'c"']],
])('%j is %j', (line, words) => {
  expect(wordsOf(line)).toEqual(words);
});

test('a line of quotes and backslashes takes no longer than another', () => {
  const line = `"${'\\"'.repeat(500_000)}`;
  const begun = performance.now();
  expect(readQuoted(line, 0)).toBeUndefined();
  expect(wordsOf('"\\'.repeat(500_000))).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(1000);
});

test.each([
  ['ups', true],
  ['Rack-1.a_b', true],
  ['a@b', true],
  ['', false],
  ['two words', false],
  ['a"b', false],
  ['a\\b', false],
  ['a#b', false],
  ['a=b', false],
  ['a\nb', false],
  ['\u00fcps', false],
  ['x'.repeat(129), false],
])('%j as a bare word: %j', (name, is) => {
  expect(isBareWord(name)).toBe(is);
});

test('printable is what upsd does not drop', () => {
  expect(isPrintable('a "b" \\ #~')).toBe(true);
  for (const text of ['\n', '\r', '\u0000', '\t', '\u007f', '\u00e9']) expect(isPrintable(text)).toBe(false);
});
