import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outputTail, quoteOf, tailOf } from './output-tail.ts';

describe('what is shown', () => {
  test.each([
    ['nothing', '', ''],
    ['plain lines', 'one\ntwo\n', 'one\ntwo'],
    ['lines of Windows', 'one\r\ntwo\r\n', 'one\ntwo'],
    ['progress on one line', '10 %\r20 %\r\r30 %', '10 %\n20 %\n30 %'],
    ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['a title of a window', '\u001b]0;title\u0007text', 'text'],
    ['an order without end', 'before\u001b]0;title\nafter', 'before\nafter'],
    ['a query of a terminal', '\u001b[?25l\u001b(Bx', 'x'],
    ['an escape at the end', 'x\u001b', 'x\ufffd'],
    ['a bell and a NUL', 'a\u0007b\0c', 'a\ufffdb\ufffdc'],
    ['C1', 'a\u009b31mb', 'a\ufffd31mb'],
    ['words turned round', 'a\u202eb', 'a\ufffdb'],
    ['a tab and other letters', 'a\tö€😀', 'a\tö€😀'],
    ['indented lines', '\n\n  a\n  b  ', '  a\n  b'],
  ])('%s', (_, text, expected) => {
    expect(tailOf(text)).toBe(expected);
  });

  test('is the end, and no half of a character', () => {
    expect(tailOf('0123456789', [], 4)).toBe('6789');
    expect(tailOf('x😀abc', [], 4)).toBe('abc');
    expect(tailOf('x'.repeat(100_000)).length).toBe(8000);
  });
});

describe('a quote within a sentence', () => {
  test.each([
    ['one line of many', 'one\r\n\ttwo\n', [], 'one two'],
    ['orders for terminals', '\u001b[31mred\u0007', [], 'red\ufffd'],
    ['secrets, before it is cut', `${'x'.repeat(195)} hunter22`, ['hunter22'], `${'x'.repeat(195)} ***`],
    ['its beginning', `begin ${'x'.repeat(300)}`, [], `begin ${'x'.repeat(194)}`],
    ['no half of a character', `${'x'.repeat(199)}😀`, [], 'x'.repeat(199)],
  ])('%s', (_, text, secrets, expected) => {
    expect(quoteOf(text, secrets)).toBe(expected);
  });
});

describe('two streams', () => {
  test('keep their lines whole', () => {
    const tail = outputTail();
    tail.add('out ', 'stdout');
    tail.add('err ', 'stderr');
    tail.add('one\n', 'stdout');
    tail.add('two\n', 'stderr');
    expect(tail.text()).toBe('out one\nerr two');
  });

  test('are shown with what is not finished yet, and go on', () => {
    const tail = outputTail();
    tail.add('a', 'stdout');
    tail.add('b', 'stderr');
    expect(tail.text()).toBe('a\nb');
    tail.add('c\n', 'stdout');
    expect(tail.text()).toBe('ac\nb');
  });
});

describe('secrets', () => {
  test.each([
    ['one', 'token is hunter22!', ['hunter22'], 'token is ***!'],
    ['one that is part of another', 'abcdefgh abcd', ['abcd', 'abcdefgh'], '*** ***'],
    ['each line of a key', 'x LINE-ONE y\nLINE-TWO', ['LINE-ONE\nLINE-TWO\n'], 'x *** y\n***'],
    ['too short to be told from words', 'yes, 1', ['yes', '1'], 'yes, 1'],
  ])('%s', (_, text, secrets, expected) => {
    expect(tailOf(text, secrets)).toBe(expected);
  });

  test('are hidden although they come in pieces among the words of the other stream', () => {
    const tail = outputTail(['hunter22']);
    tail.add('hun', 'stdout');
    tail.add('!\n', 'stderr');
    tail.add('ter22\n', 'stdout');
    expect(tail.text()).toBe('!\n***');
  });

  test('leave nothing that says more than one letter of them, wherever the output is cut', () => {
    const secret = 'abcdefgh';
    const pieces = fc.array(fc.constantFrom(secret, '-', '--\n', '\u001b[0m'), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (words, most, step) => {
        const tail = outputTail([secret], most);
        const text = words.join('');
        for (let at = 0; at < text.length; at += step) tail.add(text.slice(at, at + step));
        expect(tail.text()).not.toMatch(/[a-h]/);
        expect(tail.text().length).toBeLessThanOrEqual(most);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
