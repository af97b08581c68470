import { defineConfig } from 'vitest/config';

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
        // Real servers with deadlines of their own: one file at a time, after everything else.
        test: {
          ...TIMEOUTS,
          name: 'system',
          include: ['tests/system/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
