import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ended } from '../../../tests/kit/quality.ts';
import { reading, WALL } from '../../../tests/kit/story.ts';
import { NO_QUALITY, type Quality, type QualityCounters } from '../../domain/quality.ts';
import type { QualityPreset } from '../../domain/settings.ts';
import { asInstant } from '../../domain/time.ts';
import { followQuality, pauseQuality, tickQuality } from './follow.ts';

describe('whatever comes', () => {
  const step = fc.record({
    after: fc.nat(7_200_000),
    jump: fc.constantFrom(0, 0, 0, 0, -4_000_000, 90_000_000),
    act: fc.constantFrom('read', 'read', 'read', 'tick', 'pause'),
    volts: fc.constantFrom('', '0', '100', '121', '180', '200', '207', '209', '230', '253', '260', '270', '1e9'),
    hertz: fc.constantFrom('', '0', '45', '50', '50.4', '60'),
    load: fc.constantFrom('', '50', '97', '130'),
    status: fc.constantFrom('OL', 'OL BOOST', 'OB', 'OB LB', '', 'OL OVER'),
    outage: fc.constantFrom('', '', 'began', 'ended'),
    preset: fc.constantFrom<QualityPreset>('tight', 'normal', 'loose'),
  });
  const clocked = fc.array(step, { maxLength: 400 });

  type Steps = typeof clocked extends fc.Arbitrary<infer T> ? T : never;

  const play = (steps: Steps, check: (before: Quality, now: Quality) => void): void => {
    let [quality, at, wall] = [NO_QUALITY, 0, WALL];
    for (const { after, jump, act, volts, hertz, load, status, outage, preset } of steps) {
      at += after;
      wall += after + jump;
      const stamp = { at: asInstant(at), wall };
      const before = quality;
      if (act === 'tick') quality = tickQuality(before, stamp);
      else if (act === 'pause') quality = pauseQuality(before, stamp.at);
      else {
        const said = { 'input.voltage': volts, 'input.frequency': hertz, 'ups.load': load };
        const fed = status.includes('OB') ? 'battery' : 'mains';
        const seen = { fed, outageBegan: outage === 'began', preset } as const;
        const more = outage === 'ended' ? ended(after) : {};
        quality = followQuality(before, { reading: reading(status, said), ...seen, ...more }, stamp).quality;
      }
      check(before, quality);
    }
  };

  test('counters only grow', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        play(steps, (before, now) => {
          for (const key of Object.keys(now.counters) as (keyof QualityCounters)[]) {
            expect(now.counters[key].count).toBeGreaterThanOrEqual(before.counters[key].count);
            expect(now.counters[key].totalMs).toBeGreaterThanOrEqual(before.counters[key].totalMs);
            expect(now.counters[key].longestMs).toBeGreaterThanOrEqual(before.counters[key].longestMs);
          }
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('it stays small and plain, and a grade is one', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        play(steps, (_, { memory, grid }) => {
          expect(memory.hours.length).toBeLessThan(168);
          expect(memory.samples.length).toBeLessThan(10);
          for (const each of [grid.day, grid.week]) {
            if (each === undefined) continue;
            expect(each.score).toBeGreaterThanOrEqual(0);
            expect(each.score).toBeLessThanOrEqual(100);
            expect(each.outsideMs).toBeLessThanOrEqual(each.observedMs);
          }
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('a reading that says what the last one said at the same moment changes nothing', () => {
    fc.assert(
      fc.property(clocked, (steps) => {
        let last = NO_QUALITY;
        play(steps, (_, now) => {
          last = now;
        });
        const stamp = { at: asInstant(1e12), wall: WALL + 1e12 };
        const seen = { fed: 'battery', outageBegan: false, preset: 'normal' } as const;
        const first = followQuality(last, { reading: reading('OB'), ...seen }, stamp).quality;
        expect(followQuality(first, { reading: reading('OB'), ...seen }, stamp).quality).toBe(first);
      }),
      { seed: 1, numRuns: 40 },
    );
  });
});
