import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateFolder, stateFolder } from './state-dir.ts';

let folder = '';
let others: ChildProcess[] = [];

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'gridwarden-state-')), 'state');
});
afterEach(() => {
  for (const other of others) other.kill('SIGKILL');
  others = [];
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

/** A process that lives until the test ends. */
async function otherProcess(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  others.push(child);
  await once(child, 'spawn');
  return child as ChildProcess & { readonly pid: number }; // it has spawned
}

function opened() {
  const result = openStateFolder(folder);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** Leaves a lock as another process would have written it. */
function leaveLock(content: object | string): void {
  opened().release();
  writeFileSync(join(folder, 'lock'), typeof content === 'string' ? content : JSON.stringify(content));
}

const HOME = { env: {}, isRoot: false, home: '/home/me' };

test.each([
  ['the configuration', '/srv/x', { ...HOME, env: { STATE_DIRECTORY: '/a' } }, '/srv/x'],
  ['systemd', undefined, { ...HOME, isRoot: true, env: { STATE_DIRECTORY: '/var/lib/a:/var/lib/b' } }, '/var/lib/a'],
  ['root', undefined, { ...HOME, isRoot: true }, '/var/lib/gridwarden'],
  [
    'root with an empty variable',
    undefined,
    { ...HOME, isRoot: true, env: { STATE_DIRECTORY: '' } },
    '/var/lib/gridwarden',
  ],
  ['a user', undefined, HOME, '/home/me/.local/state/gridwarden'],
  ['a user with a folder for states', undefined, { ...HOME, env: { XDG_STATE_HOME: '/s' } }, '/s/gridwarden'],
  [
    'a relative folder for states',
    undefined,
    { ...HOME, env: { XDG_STATE_HOME: 's' } },
    '/home/me/.local/state/gridwarden',
  ],
])('the folder is that of %s', (_, configured, surroundings, expected) => {
  expect(stateFolder(configured, surroundings)).toBe(expected);
});

test('the folder is made for its owner alone and locked until it is released', () => {
  const state = opened();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const lock = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'));
  expect(lock.pid).toBe(process.pid);
  const second = openStateFolder(folder);
  expect(second).toMatchObject({ ok: false, error: { kind: 'in-use', pid: process.pid } });
  state.release();
  state.release();
  expect(readdirSync(folder)).toEqual([]);
  opened().release();
});

test('the lock of a living process is respected', async () => {
  const { pid } = await otherProcess();
  leaveLock({ pid, started: '' });
  expect(openStateFolder(folder)).toEqual({
    ok: false,
    error: { kind: 'in-use', pid, message: `the state folder ${folder} is in use by process ${pid}` },
  });
});

test('the lock of a process that is gone is taken over', async () => {
  const child = await otherProcess();
  leaveLock({ pid: child.pid, started: '' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const state = opened();
  expect(readdirSync(folder)).toEqual(['lock']);
  state.release();
});

test.runIf(process.platform === 'linux')('a later process of the same number does not hold the lock', async () => {
  const { pid } = await otherProcess();
  leaveLock({ pid, started: 'another-boot 12345' });
  opened().release();
});

test.each(['', '{', '[]', '{"pid":-1,"started":""}', 'null'])(
  'an unreadable lock %j counts only while it may be being written',
  (content) => {
    leaveLock(content);
    expect(openStateFolder(folder)).toMatchObject({ ok: false, error: { kind: 'in-use' } });
    utimesSync(join(folder, 'lock'), 1, 1);
    opened().release();
  },
);

test('a lock that somebody else has taken is not removed', async () => {
  const { pid } = await otherProcess();
  const state = opened();
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, started: '' }));
  state.release();
  expect(existsSync(join(folder, 'lock'))).toBe(true);
});

test('a path that cannot be a folder is told', () => {
  opened().release();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(openStateFolder(join(file, 'x'))).toMatchObject({ ok: false, error: { kind: 'unusable' } });
});
