import { expect, test } from 'vitest';
import { asInstant } from '../domain/time.ts';
import {
  instant,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  pair,
  partialOf,
  recordOf,
  type Shape,
  span,
  text,
} from './shape.ts';

const point = object<{ readonly charge: number; readonly label?: string }>({ charge: number, label: optional(text) });

const rows: readonly {
  readonly shape: Pick<Shape<unknown>, 'read'>;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}[] = [
  { shape: number, good: [0, -1.5], bad: ['1', null, undefined, Number.NaN, Number.POSITIVE_INFINITY] },
  { shape: instant, good: [0, -5], bad: ['1', Number.NaN] },
  { shape: span, good: [0, 5], bad: [-1, Number.NaN] },
  { shape: text, good: ['', 'a'], bad: [1, null, 'x'.repeat(5000)] },
  { shape: oneOf<'a' | 1 | true>('a', 1, true), good: ['a', 1, true], bad: ['b', '1', false, undefined] },
  { shape: list(number), good: [[], [1, 2]], bad: [{}, ['a'], Array(5001).fill(1)] },
  { shape: pair(number, text), good: [[1, 'a']], bad: [[1], [1, 2], ['a', 'a'], {}, [1, 'a', 1]] },
  {
    shape: point,
    good: [{ charge: 1 }, { charge: 1, label: 'a' }],
    bad: [{}, { charge: 'x' }, { charge: 1, label: 2 }, [], null, new Map(), new Set()],
  },
  { shape: mapOf(number), good: [new Map([['a', 1]])], bad: [{}, []] },
  { shape: recordOf(number), good: [{ a: 1 }], bad: [[], new Map(), null] },
  { shape: partialOf(['a', 'b'], number), good: [{}, { a: 1 }], bad: [[], 1] },
];

test.each(rows)('reads $good', ({ shape, good, bad }) => {
  for (const value of good) expect(shape.read(value)).toEqual(value);
  for (const value of bad) expect(shape.read(value)).toBeUndefined();
});

test('what is not known is dropped, and a bad entry costs only itself', () => {
  expect(point.read({ charge: 1, more: 2, ['__proto__']: 3 })).toEqual({ charge: 1 });
  expect(point.read(Object.create({ charge: 1 }))).toBeUndefined();
  expect(
    mapOf(number).read(
      new Map<unknown, unknown>([
        ['a', 1],
        ['b', 'x'],
        [3, 1],
        ['c'.repeat(5000), 1],
      ]),
    ),
  ).toEqual(new Map([['a', 1]]));
  expect(recordOf(number).read({ a: 1, b: 'x' })).toEqual({ a: 1 });
  expect(partialOf(['a'], number).read({ a: 1, b: 2 })).toEqual({ a: 1 });
});

test('only instants move', () => {
  const shape = object<{ readonly at: ReturnType<typeof asInstant>; readonly n: number; readonly gone?: string }>({
    at: instant,
    n: number,
    gone: optional(text),
  });
  expect(shape.moved({ at: asInstant(1), n: 1 }, 5)).toEqual({ at: 6, n: 1 });
  expect(list(instant).moved([asInstant(1)], 5)).toEqual([6]);
  expect(pair(number, instant).moved([1, asInstant(1)], 5)).toEqual([1, 6]);
  expect(recordOf(instant).moved({ a: asInstant(1) }, 5)).toEqual({ a: 6 });
  expect(mapOf(instant).moved(new Map([['a', asInstant(1)]]), 5)).toEqual(new Map([['a', 6]]));
  expect(partialOf(['a'], instant).moved({ a: asInstant(1) }, 5)).toEqual({ a: 6 });
});
