import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLines } from './lines.ts';

test('lines are the same however the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (texts, sizes) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      const lines = createLines(4096);
      const read: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value ?? 1;
        lines.push(bytes.subarray(at, at + size));
        at += size;
        for (let next = lines.next(); next !== undefined; next = lines.next()) read.push(next);
      }
      expect(read).toEqual(texts);
      expect(lines.isEmpty()).toBe(true);
    }),
  );
});

test('CRLF ends a line too, and a lone CR does not', () => {
  const lines = createLines(100);
  lines.push(Buffer.from('a\r\nb\rc\n\r\n\n'));
  expect([lines.next(), lines.next(), lines.next(), lines.next(), lines.next()]).toEqual([
    'a',
    'b\rc',
    '',
    '',
    undefined,
  ]);
});

test('a text to come is the same, another, or not here yet', () => {
  const lines = createLines(100);
  expect(lines.compare('ab\ncd\n')).toBe('early');
  lines.push(Buffer.from('x\nab\nc'));
  expect(lines.compare('ab\ncd\n')).toBe('other');
  lines.next();
  expect(lines.compare('ab\ncd\n')).toBe('early');
  lines.push(Buffer.from('d\nrest\n'));
  expect(lines.compare('ab\ncd\n')).toBe('same');
  expect(lines.compare('ab\nce\n')).toBe('other');
  lines.skip('ab\ncd\n'.length);
  expect(lines.next()).toBe('rest');
});

test('a line is too long whether it has ended or not', () => {
  const lines = createLines(5);
  lines.push(Buffer.from('12345\n'));
  expect(lines.isTooLong()).toBe(false);
  lines.push(Buffer.from('1234\n5678\n'));
  expect(lines.isTooLong()).toBe(false);
  for (let next = lines.next(); next !== undefined; next = lines.next());
  lines.push(Buffer.from('123456'));
  expect(lines.isTooLong()).toBe(true);
  lines.push(Buffer.from('\n'));
  expect(lines.isTooLong()).toBe(true);
});
