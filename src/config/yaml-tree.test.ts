import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeKey, readTree } from './yaml-tree.ts';

const resolve = () => ({ ok: true, value: 'looked up' }) as const;
const read = (text: string) => readTree(text, { resolve });
const plain = (text: string) => JSON.parse(JSON.stringify(read(text).value));
const told = (text: string) =>
  read(text).findings.map(({ at, message, hint }) => `${at.line}:${at.column} ${message}${hint ? ` (${hint})` : ''}`);

test('a text becomes plain data with the place of every value', () => {
  const text = 'a: 1\nlist:\n  - x\n  - {y: !secret s}\n';
  const { places } = read(text);
  expect(plain(text)).toEqual({ a: 1, list: ['x', { y: 'looked up' }] });
  expect(places.get(placeKey(['a']))).toEqual({
    key: { line: 1, column: 1 },
    value: { line: 1, column: 4 },
    tagged: false,
  });
  expect(places.get(placeKey(['list', 1, 'y']))).toEqual({
    key: { line: 4, column: 6 },
    value: { line: 4, column: 17 },
    tagged: true,
  });
});

test('an empty text is an empty mapping', () => {
  for (const text of ['', '# nothing\n', '---\n', 'null']) expect(plain(text)).toEqual({});
});

test('YAML 1.2: only true and false are truth values, keys are texts, a byte order mark is nothing', () => {
  expect(plain('\uFEFFa: yes\nb: on\nc: true\n5: 010\n')).toEqual({ a: 'yes', b: 'on', c: true, '5': 10 });
});

test('secrets are taken as they are written', () => {
  expect(JSON.parse(JSON.stringify(readTree('pin: 0123\nyes: 1e5\nempty:\n', {}).value))).toEqual({
    pin: '0123',
    yes: '1e5',
    empty: '',
  });
});

test('an alias stands for what its anchor names', () => {
  expect(plain('a: &x {b: 1}\nc: *x\nd: [*x, *x]')).toEqual({ a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }, { b: 1 }] });
});

test.each([
  ['a: 1\na: 2', '2:1 is given twice: it is already on line 1'],
  ['{a: 1, "a": 2}', '1:8 is given twice: it is already on line 1'],
  ['a: *x', '1:4 an alias must follow the anchor that it names (a text that begins with * needs quotes)'],
  ['a: &x {b: *x}', '1:11 an alias must follow the anchor that it names (a text that begins with * needs quotes)'],
  ['__proto__: 1', '1:1 unknown key'],
  ['a: [*]', '1:5 a * or & needs a name behind it (put the text in quotes)'],
  ['a: b: c', '1:4 a second "key: value" on one line (a text that contains ": " needs quotes)'],
  ['a: {b', '1:6 is not indented rightly (the keys of one block begin in the same column, and every { or [ is closed)'],
  ['a: "b', '1:6 a colon, comma, quote or bracket is missing here'],
  ['a:\n\tb: 1', '2:1 a tab cannot indent (use spaces)'],
  ['a: @x', '1:4 a text cannot begin with this character (put the text in quotes)'],
  [
    'a: !include x.yaml',
    '1:4 unknown tag: only !secret name and !env_var NAME are known (a text that begins with ! needs quotes)',
  ],
  [
    'a: !secret {b: 1}',
    '1:4 unknown tag: only !secret name and !env_var NAME are known (a text that begins with ! needs quotes)',
  ],
  [
    'a: !!binary aGk=',
    '1:4 unknown tag: only !secret name and !env_var NAME are known (a text that begins with ! needs quotes)',
  ],
  ['[a]: 1', '1:1 a key must be plain text'],
  ['a: 1\n---\nb: 2', '2:1 a second document begins here (remove the line ---)'],
])('%j is told as %s', (text, finding) => {
  expect(told(text)).toContain(finding);
});

test('the text is never quoted where it is not YAML', () => {
  for (const text of [
    'a: "hunter2\\q"',
    'a: "x" hunter2',
    'a: |hunter2',
    'a: !hunter2 x',
    'a: {hunter2: ]',
    '%hunter2',
  ]) {
    expect(told(text).join()).not.toContain('hunter2');
    expect(told(text)).not.toEqual([]);
  }
});

test.each([
  ['brackets without end', '['.repeat(400_000)],
  ['braces without end', '{a: '.repeat(200_000)],
  ['lists in lists', '- '.repeat(400_000)],
  ['questions in questions', '? '.repeat(400_000)],
  ['pairs in pairs', 'a: '.repeat(300_000)],
  ['questions in a list', `[${'? '.repeat(400_000)}]`],
  ['pairs in a list', `[${'a: '.repeat(300_000)}]`],
  ['empty lists as keys', '[]: '.repeat(200_000)],
  ['pairs over lines of a list', `[${'a:\n '.repeat(200_000)}]`],
  ['tags without end', '!a '.repeat(300_000)],
  ['ever wider', Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['deep mappings', Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['too many values', `a: [${'1,'.repeat(30_000)}]`],
  ['a hundred thousand aliases', `a: &x 1\nb: [${'*x,'.repeat(100_000)}]`],
  [
    'aliases of aliases',
    Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? '1'
            : Array(9)
                .fill(`*a${i - 1}`)
                .join()
        }]`,
    ).join('\n'),
  ],
])('%s are refused in time', (_, text) => {
  const begun = performance.now();
  const { value, findings } = read(text);
  expect(value).toBeUndefined();
  expect(findings).not.toEqual([]);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test('no text breaks the reader', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '&x ',
      '*x',
      '!secret ',
      '!env_var ',
      '"',
      "'",
      '#',
      '|',
      '>',
    ],
    ...[
      '? ',
      '---\n',
      '...',
      '%YAML 1.1\n',
      '\t',
      '\r',
      '\0',
      '\uD800',
      '<<',
      '__proto__',
      '~',
      '0x1f',
      '.inf',
      '!!set',
      '@',
    ],
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const { value, findings } = read(text);
      return value !== undefined || findings.length > 0;
    }),
    { numRuns: 2000 },
  );
});
