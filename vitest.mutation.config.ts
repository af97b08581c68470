import { defineConfig } from 'vitest/config';

/** The folders of the files that are mutated, as `scripts/mutation.mjs` tells them; empty where all are. */
const folders = (process.env['GRIDWARDEN_MUTATION'] ?? '').split(',').filter(Boolean);

/**
 * The tests that a mutant has to get past: those beside its file, for a rule that only a distant test knows has none that
 * says what is wrong. Not the long properties either: they take half a minute for each mutant.
 */
export default defineConfig({
  test: {
    include:
      folders.length === 0 ? ['src/{domain,analysis,policy}/**/*.test.ts'] : folders.map((at) => `${at}/*.test.ts`),
    exclude: ['src/policy/groups/always.test.ts'],
    testTimeout: 20_000,
    // One process and one copy of every module: the pure folders keep nothing from one test to the next.
    isolate: false,
    fileParallelism: false,
  },
});
