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

async function opened() {
  const result = await openStateFolder(folder);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** Leaves a lock as another process would have written it. */
async function leaveLock(content: object | string): Promise<void> {
  await (await opened()).release();
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

test('the folder is made for its owner alone and locked until it is released', async () => {
  const state = await opened();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const lock = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'));
  expect(lock.pid).toBe(process.pid);
  const second = await openStateFolder(folder);
  expect(second).toMatchObject({ ok: false, error: { kind: 'in-use', pid: process.pid } });
  await state.release();
  await state.release();
  expect(readdirSync(folder)).toEqual([]);
  await (await opened()).release();
});

test('the lock of a living process is respected', async () => {
  const { pid } = await otherProcess();
  await leaveLock({ pid, started: '' });
  expect(await openStateFolder(folder)).toEqual({
    ok: false,
    error: { kind: 'in-use', pid, message: `the state folder ${folder} is in use by process ${pid}` },
  });
});

test('the lock of a process that is gone is taken over', async () => {
  const child = await otherProcess();
  await leaveLock({ pid: child.pid, started: '' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const state = await opened();
  expect(readdirSync(folder)).toEqual(['lock']);
  await state.release();
});

test.runIf(process.platform === 'linux')('a later process of the same number does not hold the lock', async () => {
  const { pid } = await otherProcess();
  await leaveLock({ pid, started: 'another-boot 12345' });
  await (await opened()).release();
});

test.each(['', '{', '[]', '{"pid":-1,"started":""}', 'null'])(
  'an unreadable lock %j counts only while it may be being written',
  async (content) => {
    await leaveLock(content);
    expect(await openStateFolder(folder)).toMatchObject({ ok: false, error: { kind: 'in-use' } });
    utimesSync(join(folder, 'lock'), 1, 1);
    await (await opened()).release();
  },
);

test('a lock that somebody else has taken is not removed', async () => {
  const { pid } = await otherProcess();
  const state = await opened();
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, started: '' }));
  await state.release();
  expect(existsSync(join(folder, 'lock'))).toBe(true);
});

test('a path that cannot be a folder is told', async () => {
  await (await opened()).release();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await openStateFolder(join(file, 'x'))).toMatchObject({ ok: false, error: { kind: 'unusable' } });
});
