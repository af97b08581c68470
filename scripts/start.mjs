// `npm start`: installs and builds what is missing, then runs. Arguments go to `gridwarden run`.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { install, root, run } from './ready.mjs';

const newest = (folder) =>
  readdirSync(folder, { recursive: true }).reduce(
    (latest, name) => Math.max(latest, statSync(join(folder, name)).mtimeMs),
    0,
  );

install();
const entry = `${root}/dist/gridwarden.js`;
const built = existsSync(entry) ? statSync(entry).mtimeMs : 0;
if (built < Math.max(newest(`${root}/src`), statSync(`${root}/package-lock.json`).mtimeMs))
  run('node', ['scripts/build.mjs']);

// The folder from which npm was called is where a configuration is looked for.
const cwd = process.env.INIT_CWD ?? process.cwd();
// A disk that hangs holds a thread of the pool for each file: names are still to be resolved then.
const env = { UV_THREADPOOL_SIZE: '16', ...process.env };
const child = spawn(process.execPath, [entry, 'run', '--or-demo', ...process.argv.slice(2)], {
  cwd,
  env,
  stdio: 'inherit',
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)));
