import { expect, test } from 'vitest';
import { LIMITS } from '../domain/limits.ts';
import type { Clock } from '../domain/ports.ts';
import { asInstant } from '../domain/time.ts';
import { systemClock } from './clock.ts';
import { runTicker } from './ticker.ts';

/** A clock that stands still but for what `pass` adds. */
function standing(): Clock & { readonly pass: (ms: number) => void } {
  let now = 0;
  return {
    now: () => asInstant(now),
    wall: () => now,
    pass: (ms) => {
      now += ms;
    },
  };
}

test('a tick that took long is followed by the next one, not by those that were missed', async () => {
  const clock = standing();
  const stop = new AbortController();
  const ticks: number[] = [];
  const tick = () => {
    ticks.push(clock.now());
    clock.pass(10 * LIMITS.tick);
    if (ticks.length === 4) stop.abort();
  };
  await runTicker(clock, tick, stop.signal);
  expect(ticks).toEqual([0, 10_000, 20_000, 30_000]);
});

test('the next tick waits for what is left of its time', async () => {
  const clock = standing();
  const stop = new AbortController();
  const began: number[] = [];
  const tick = () => {
    began.push(performance.now());
    clock.pass(LIMITS.tick - 30);
    if (began.length === 3) stop.abort();
  };
  await runTicker(clock, tick, stop.signal);
  for (const at of [1, 2]) expect((began[at] ?? 0) - (began[at - 1] ?? 0)).toBeGreaterThan(28);
});

test('ends at once with its signal, and does not begin with one that has ended', async () => {
  const stop = new AbortController();
  let ticks = 0;
  const ended = runTicker(systemClock, () => ticks++, stop.signal);
  const began = performance.now();
  stop.abort();
  await ended;
  expect(performance.now() - began).toBeLessThan(500);
  await runTicker(systemClock, () => ticks++, stop.signal);
  expect(ticks).toBe(1);
});

test('the monotonic clock goes on, and the wall clock is that of everybody', () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1000);
});
