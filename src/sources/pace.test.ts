import { expect, test } from 'vitest';
import { asMillis, seconds } from '../domain/time.ts';
import { createAlarm, createBackoff, deadline, jittered, pause } from './pace.ts';

test('a jittered span stays within a tenth of itself', () => {
  expect(jittered(asMillis(1000), () => 0)).toBe(900);
  expect(jittered(asMillis(1000), () => 0.5)).toBe(1000);
  expect(jittered(asMillis(1000), () => 0.999_999)).toBeCloseTo(1100, 0);
});

test('a back-off begins at once, doubles, and ends at the most that is allowed', () => {
  const backoff = createBackoff(asMillis(250), () => 0);
  const waits = Array.from({ length: 10 }, () => backoff.next(seconds(30)));
  expect(waits).toEqual([0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(backoff.next(seconds(5))).toBe(5000);
  backoff.reset();
  expect(backoff.next(seconds(30))).toBe(0);
});

test('chance takes at most a quarter off a wait, and never adds', () => {
  const backoff = createBackoff(asMillis(1000), () => 0.999_999);
  expect(backoff.next(seconds(30))).toBe(0);
  expect(backoff.next(seconds(30))).toBeCloseTo(750, 0);
});

test('a back-off of very many failures is still a number', () => {
  const backoff = createBackoff(asMillis(250), () => 0);
  for (let failure = 0; failure < 5000; failure += 1) backoff.next(seconds(30));
  expect(backoff.next(seconds(30))).toBe(30_000);
});

test('an alarm ends the wait that is on, or the next one, but only one', async () => {
  const alarm = createAlarm();
  const waiting = alarm.wait(seconds(60));
  alarm.ring();
  await waiting;
  alarm.ring();
  await alarm.wait(seconds(60));
  const begun = performance.now();
  await alarm.wait(asMillis(30));
  expect(performance.now() - begun).toBeGreaterThan(25);
});

test('a pause ends with its signal, also with one that has ended', async () => {
  const stop = new AbortController();
  const paused = pause(seconds(60), stop.signal);
  stop.abort();
  await paused;
  await pause(seconds(60), stop.signal);
  await pause(asMillis(1), new AbortController().signal);
});

test('a deadline ends by itself, with its parent, or not at all once it was let go', async () => {
  const parent = new AbortController();
  const short = deadline(asMillis(5), parent.signal);
  await new Promise((resolve) => short.signal.addEventListener('abort', resolve));
  const [kept, released] = [deadline(seconds(60), parent.signal), deadline(seconds(60), parent.signal)];
  released.end();
  parent.abort();
  expect(kept.signal.aborted).toBe(true);
  expect(released.signal.aborted).toBe(false);
  expect(deadline(seconds(60), parent.signal).signal.aborted).toBe(true);
});
