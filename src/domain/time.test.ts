import fc from 'fast-check';
import { expect, test } from 'vitest';
import { after, asInstant, asMillis, between, formatSpan, parseDuration, seconds } from './time.ts';

test.each([
  ['250ms', 250],
  ['15s', 15_000],
  ['0s', 0],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['1.5s', 1500],
  ['0.001ms', 0],
])('%s is %d ms', (text, span) => {
  expect(parseDuration(text)).toBe(span);
});

test.each(['', '15', 's', '-1s', '1 s', '1S', '1e3s', '.5s', '1.2345s', '1234567890s', '1s2m', '1w'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('every whole duration is read back', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), (count) => {
      expect(parseDuration(`${count}ms`)).toBe(count);
      expect(parseDuration(`${count}s`)).toBe(seconds(count));
    }),
  );
});

test.each([
  [0, '0 ms'],
  [849.6, '850 ms'],
  [999.4, '999 ms'],
  [999.6, '1 s'],
  [12_000, '12 s'],
  [60_000, '1 min'],
  [59_600, '1 min'],
  [200_000, '3 min 20 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
])('%d ms reads "%s"', (span, text) => {
  expect(formatSpan(asMillis(span))).toBe(text);
});

test('what elapses is the difference of two instants', () => {
  const from = asInstant(1000.5);
  expect(between(from, after(from, seconds(3)))).toBe(3000);
});
