// `npm run bench`: reaction, CPU, memory and start-up on a real upsd, as a table. Needs `npm run system:install`.
import { install, run, tool } from './ready.mjs';

install();
run('node', ['scripts/build.mjs']);
tool('esbuild', [
  'tests/bench/main.ts',
  '--bundle',
  '--platform=node',
  '--format=esm',
  '--packages=external',
  '--outfile=dist/bench.mjs',
  '--log-level=warning',
]);
run('node', ['dist/bench.mjs', ...process.argv.slice(2)]);
