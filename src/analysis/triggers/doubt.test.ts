import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';

const FULL = { 'battery.charge': 100, 'battery.runtime': 3000, 'battery.voltage': 27 };

/** An outage whose charge plunges at once to so much, while runtime and voltage stay what they were. */
function plunging(charge: number, rest: Record<string, number> = {}, before: Record<string, number> = FULL): Watch {
  const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, depletion: 'off' } }));
  watch.says('ups', 'OL', before).runs(5);
  return watch.changes('ups', 'OB', { ...before, 'battery.charge': charge, ...rest });
}
const decidedAfter = (watch: Watch): number | undefined => {
  const began = watch.second + 1;
  watch.runs(240);
  return watch.decidedAt === undefined ? undefined : watch.decidedAt - began;
};

describe('a charge gauge that contradicts runtime and voltage', () => {
  test('is told, and delays by at most 60 s', () => {
    const watch = plunging(15);
    const after = decidedAfter(watch);
    expect(after).toBeGreaterThan(10);
    expect(after).toBeLessThanOrEqual(60 + 10);
    expect(watch.told.filter((type) => type === 'gauge_doubted')).toHaveLength(1);
  });

  test.each([10, 10.5])('at %s %% is doubted', (charge) => {
    expect(decidedAfter(plunging(charge))).toBeGreaterThan(10);
  });

  test.each([9.9, 5, 0])('at %s %% fires without delay', (charge) => {
    expect(decidedAfter(plunging(charge))).toBe(10);
  });

  test('fires as soon as it falls below 10 %', () => {
    const watch = plunging(15).runs(21);
    const before = watch.second;
    watch.says('ups', 'OB', { ...FULL, 'battery.charge': 9 }).runs(10);
    expect(watch.decidedAt).toBe(before);
  });

  test('is believed where the runtime agrees with it', () => {
    expect(decidedAfter(plunging(15, { 'battery.runtime': 400 }))).toBe(10);
  });

  test('is believed where the voltage agrees with it', () => {
    expect(decidedAfter(plunging(15, { 'battery.voltage': 23 }))).toBe(10);
  });

  test('is believed where nothing else is told', () => {
    expect(decidedAfter(plunging(15, {}, { 'battery.charge': 100 }))).toBe(10);
  });

  test('is believed where it was as low before the outage', () => {
    expect(decidedAfter(plunging(15, {}, { ...FULL, 'battery.charge': 18 }))).toBe(10);
  });

  test('that runs out far sooner than the runtime is doubted, for a minute at most', () => {
    const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, depletion: 'off' } }));
    watch.says('ups', 'OL', FULL).says('ups', 'OB', FULL);
    watch.runs(800, (second) =>
      watch.changes('ups', 'OB', { ...FULL, 'battery.charge': Math.round(100 - second / 6) }),
    );
    const below = 6 * 81;
    expect(watch.told).toContain('gauge_doubted');
    expect(watch.decidedAt).toBeGreaterThan(below + 10);
    expect(watch.decidedAt).toBeLessThanOrEqual(below + 60 + 6);
  });

  test('delays by a minute in all, however the doubt comes and goes', () => {
    const watch = plunging(15);
    const began = watch.second + 1;
    watch.runs(240, (second) => watch.changes('ups', 'OB', { ...FULL, 'battery.charge': second % 3 === 0 ? 25 : 15 }));
    // The charge itself is contrary every third second: only when that ends can it fire.
    expect(watch.decidedAt).toBeUndefined();
    watch.changes('ups', 'OB', { ...FULL, 'battery.charge': 15 }).runs(70);
    expect((watch.decidedAt ?? 0) - began).toBeLessThanOrEqual(240 + 60 + 6);
  });

  test('low battery and runtime do not wait for it', () => {
    const watch = plunging(15)
      .runs(1)
      .says('ups', 'OB LB', { ...FULL, 'battery.charge': 15 })
      .runs(10);
    expect(watch.fired).toEqual(['ups:low_battery']);
    const runtime = plunging(15, { 'battery.runtime': 60 });
    expect(decidedAfter(runtime)).toBe(10);
  });
});
