import { expect, test } from 'vitest';
import { parseSystemdSpan } from './systemd-span.ts';

test.each([
  ['20', 20_000],
  ['20s', 20_000],
  ['1min 30s', 90_000],
  ['1h', 3_600_000],
  ['2 days', 172_800_000],
  ['1.5min', 90_000],
  ['500ms', 500],
  ['15000us', 15],
  ['infinity', Number.POSITIVE_INFINITY],
  ['0', Number.POSITIVE_INFINITY],
  ['', undefined],
  ['soon', undefined],
  ['5 parsecs', undefined],
  ['20s!', undefined],
])('%s', (text, ms) => {
  expect(parseSystemdSpan(text)).toBe(ms);
});
