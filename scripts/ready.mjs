// Makes a clone ready to run: installs what the lock file names when node_modules does not match it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program of this project to its end; ends this one with its code when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

export function install() {
  const marker = `${root}/node_modules/.package-lock.json`;
  const fresh = existsSync(marker) && statSync(marker).mtimeMs >= statSync(`${root}/package-lock.json`).mtimeMs;
  if (!fresh) run('npm', ['ci', '--no-audit', '--no-fund'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A tool of node_modules/.bin. */
export const tool = (name, args, options) => run(`${root}/node_modules/.bin/${name}`, args, options);

export const version = () => JSON.parse(readFileSync(`${root}/package.json`, 'utf8')).version;
