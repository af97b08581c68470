import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Writable } from '../../../domain/reading.ts';
import { asMillis, seconds } from '../../../domain/time.ts';
import { delayFor, delayIn } from './delay.ts';

const variable = 'ups.delay.shutdown';
const of = (accepts: Writable['accepts']): Writable => ({ variable, accepts });

test.each([
  ['20', 20_000],
  ['0', 0],
  ['020', 20_000],
  ['1.5', 1500],
  ['-1', undefined],
  ['', undefined],
  ['20 s', undefined],
  ['65534', 65_534_000],
  ['65535', undefined],
  ['16777215', undefined],
])('a delay of %j is %s ms', (text, expected) => {
  expect(delayIn(new Map([[variable, text]]), variable)).toBe(expected);
});

test('no variable, no delay', () => {
  expect(delayIn(new Map(), variable)).toBeUndefined();
});

test.each<[string, Writable['accepts'], number, string | undefined]>([
  ['any number', { kind: 'number' }, 90.2, '91'],
  ['a text that is long enough', { kind: 'text', maxLength: 3 }, 600, '600'],
  ['a text that is too short', { kind: 'text', maxLength: 2 }, 600, undefined],
  ['the next of a list', { kind: 'enum', values: ['600', '020', '180', '300'] }, 30, '180'],
  ['the same of a list, as the device writes it', { kind: 'enum', values: ['020', '180'] }, 20, '020'],
  ['more than the list has', { kind: 'enum', values: ['020', '180', 'never'] }, 200, undefined],
  ['a range', { kind: 'range', ranges: [[0, 600]] }, 90, '90'],
  ['below a range', { kind: 'range', ranges: [[12.5, 600]] }, 5, '13'],
  [
    'between ranges',
    {
      kind: 'range',
      ranges: [
        [300, 600],
        [0, 10],
      ],
    },
    60,
    '300',
  ],
  ['above every range', { kind: 'range', ranges: [[0, 10]] }, 60, undefined],
])('%s', (_name, accepts, wanted, expected) => {
  expect(delayFor(of(accepts), seconds(wanted))).toBe(expected);
});

test('what is written is never shorter than what is wanted', () => {
  const accepts = fc.oneof(
    fc.constant<Writable['accepts']>({ kind: 'number' }),
    fc.array(fc.nat(1000)).map((values): Writable['accepts'] => ({ kind: 'enum', values: values.map(String) })),
    fc
      .array(fc.tuple(fc.nat(1000), fc.nat(1000)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const))
      .map((ranges): Writable['accepts'] => ({ kind: 'range', ranges })),
  );
  fc.assert(
    fc.property(accepts, fc.nat(2_000_000), (of_, wanted) => {
      const written = delayFor(of(of_), asMillis(wanted));
      return written === undefined || Number(written) * 1000 >= wanted;
    }),
    { seed: 1 },
  );
});
