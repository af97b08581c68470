import { describe, expect, test } from 'vitest';
import { began, ended, Line } from '../../../tests/kit/quality.ts';

describe('interruptions', () => {
  test('are counted as they begin, with their duration as they end', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB', began);
    expect(line.quality.counters.interruptions).toEqual({ count: 1, totalMs: 0, longestMs: 0 });
    line.reads(40, {}, 'OL', ended(30)).reads(50, {}, 'OB', began).reads(60, {}, 'OL', ended(10));
    expect(line.quality.counters.interruptions).toEqual({ count: 2, totalMs: 40_000, longestMs: 30_000 });
  });

  test('the end of a test counts for nothing', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB').reads(40, {}, 'OL', ended(30));
    expect(line.quality.counters.interruptions).toEqual({ count: 0, totalMs: 0, longestMs: 0 });
    expect(line.quality.memory.hour.outsideMs).toBe(0);
  });

  test('the end of a test counts for nothing after an outage either', () => {
    const line = new Line().volts(0, 10, 230).reads(10, {}, 'OB', began).reads(40, {}, 'OL', ended(30));
    line.reads(50, {}, 'OB').reads(110, {}, 'OL', ended(60));
    expect(line.quality.counters.interruptions).toEqual({ count: 1, totalMs: 30_000, longestMs: 30_000 });
  });
});
