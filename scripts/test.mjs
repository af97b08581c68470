// `npm test`: the check, then every test; system tests run where their server is present and say so where it is not.
import { spawnSync } from 'node:child_process';
import { install, root, run } from './ready.mjs';

install();
run('node', ['scripts/check.mjs']);
run('node', ['scripts/build.mjs']);
const { status } = spawnSync(`${root}/node_modules/.bin/vitest`, ['run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
