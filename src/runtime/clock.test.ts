import { execFileSync } from 'node:child_process';
import { uptime } from 'node:os';
import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';

test('counts from the boot, in tenths of a millisecond', () => {
  const now = systemClock.now();
  expect(Math.abs(now - uptime() * 1000)).toBeLessThan(1000);
  expect(Math.round(now * 10) / 10).toBe(now);
});

test('a later process goes on where this one is', () => {
  const before = systemClock.now();
  // In plain JavaScript, because Node.js 20 runs no TypeScript.
  const script = `
    const { uptime } = require('node:os');
    const before = uptime() * 1000 - performance.now();
    console.log(before + performance.now());
  `;
  const later = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
  expect(later).toBeGreaterThan(before - 20);
  expect(later).toBeLessThan(systemClock.now() + 20);
});
