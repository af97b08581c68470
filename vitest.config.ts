import { defineConfig } from 'vitest/config';

/** System tests that mostly wait, for servers with minutes of their own: several files at a time. */
const WAITING = [
  'console',
  'containers-step',
  'judgement',
  'killpower',
  'kit',
  'local-steps',
  'nut-primary',
  'nut-secondary',
  'rehearsal',
  'secrets',
  'serial-ups',
  'shutdown',
  'shutdown-crash',
  'shutdown-faults',
  'shutdown-in-container',
  'shutdown-together',
  'ssh-step',
  'upsd',
  'upsmon-oracle',
  'vms-step',
].map((name) => `tests/system/${name}.test.ts`);

const TIMEOUTS = { testTimeout: 20_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...TIMEOUTS,
          name: 'house',
          include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
          exclude: ['tests/system/**', '**/node_modules/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...TIMEOUTS,
          name: 'system-waiting',
          include: WAITING,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Real servers with deadlines of their own: one file at a time, after everything else.
        test: {
          ...TIMEOUTS,
          name: 'system',
          include: ['tests/system/**/*.test.ts'],
          exclude: WAITING,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
