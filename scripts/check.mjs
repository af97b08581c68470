// `npm run check`: format and lint, types, unused code, architecture law. Fast, and without any server.
import { install, tool } from './ready.mjs';

install();
tool('biome', ['check', '--error-on-warnings', '.']);
tool('tsc', ['-p', '.']);
tool('knip', []);
tool('vitest', ['run', 'tests/architecture.test.ts', '--reporter=dot']);
