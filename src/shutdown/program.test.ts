import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { asMillis, seconds } from '../domain/time.ts';
import { describeEnd, lookForFolder, lookForProgram, type ProgramOptions, runProgram } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'program-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (script: string, options: Partial<ProgramOptions> = {}) =>
  runProgram(['/bin/sh', '-c', script], { signal: AbortSignal.timeout(15_000), ...options });

const isThere = (pid: number) => {
  try {
    // A zombie has ended; whoever has to reap it may be slow.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const script = (name: string, text: string, mode = 0o755) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};

describe('a program that ends by itself', () => {
  test('is told with its code and both its streams', async () => {
    const end = await shell('echo out; echo err >&2; exit 3');
    expect(end).toMatchObject({ kind: 'exited', code: 3, stdout: 'out\n' });
    expect(end.output.split('\n').sort()).toEqual(['err', 'out']);
    expect(describeEnd(end)).toMatch(/^ended with code 3 after \d+ ms$/);
  });

  test('gets its words as they are', async () => {
    const words = ['', '$(id)', 'a b', "'", '--', '*', 'ö=1'];
    const end = await runProgram(['/usr/bin/printf', '%s|', ...words], { signal: AbortSignal.timeout(5000) });
    expect(end.stdout).toBe(words.map((word) => `${word}|`).join(''));
  });

  test('has PATH, LANG and what it is given, and no other environment', async () => {
    const env = { TOKEN: 'x y', LANG: 'C.UTF-8' };
    const end = await runProgram(['env'], { env, signal: AbortSignal.timeout(5000) });
    expect(end.stdout.trim().split('\n').sort()).toEqual([
      'LANG=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TOKEN=x y',
    ]);
  });

  test('reads an end of file', async () => {
    expect(await shell('read line || echo nothing')).toMatchObject({ kind: 'exited', code: 0, stdout: 'nothing\n' });
  });

  test('runs in /, or where it is told to', async () => {
    expect((await shell('pwd')).stdout).toBe('/\n');
    expect((await shell('pwd', { directory: folder })).stdout).toBe(`${folder}\n`);
  });

  test('is the leader of a group and a session of its own', async () => {
    const end = await shell('echo $$; exec ps -o pgid=,sid= -p $$');
    const [pid, ids = ''] = end.stdout.trim().split('\n');
    expect(ids.trim().split(/\s+/)).toEqual([pid, pid]);
  });

  test('may leave something in the background that holds its streams', async () => {
    const end = await shell('(sleep 3; echo late; echo more >&2; touch "$0") & echo $!', { directory: folder });
    expect(end).toMatchObject({ kind: 'exited', code: 0 });
    expect(isThere(Number(end.stdout))).toBe(true);
    await vi.waitFor(() => expect(isThere(Number(end.stdout))).toBe(false), 10_000);
  });

  test('is told when a signal of somebody else ended it', async () => {
    const end = await shell('kill -USR1 $$');
    expect(end).toMatchObject({ kind: 'killed', signal: 'SIGUSR1' });
    expect(describeEnd(end)).toMatch(/^was ended by SIGUSR1 after /);
  });

  test('does not show its secrets', async () => {
    const end = await shell('echo "$TOKEN"', { env: { TOKEN: 'hunter22' }, secrets: ['hunter22'] });
    expect(end.output).toBe('***');
  });

  test('with others on one signal leaves no listener behind', async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    await Promise.all(Array.from({ length: 10 }, () => runProgram(['true'], { signal: controller.signal })));
    expect(added.mock.calls.length).toBe(10);
    expect(removed.mock.calls.length).toBe(10);
  });
});

describe('a program that cannot be started', () => {
  const options = () => ({ signal: AbortSignal.timeout(5000) });
  test.each([
    ['is not there', () => ['/nowhere/at all'], 'ENOENT'],
    ['is not in PATH', () => ['no-such-program'], 'ENOENT'],
    ['has an equals sign in its name', () => ['/nowhere/a=b'], 'ENOENT'],
    ['has an interpreter that is not there', () => [script('lost', '#!/nowhere/sh\n')], 'ENOENT'],
    ['is a folder', () => [folder], 'EACCES'],
    ['is not executable', () => [script('plain', '#!/bin/sh\n', 0o644)], 'EACCES'],
    ['has too many words', () => ['/bin/true', 'x'.repeat(200_000)], 'other'],
    ['has a word that no program can be given', () => ['/bin/true', 'a\0b'], 'other'],
  ])('because it %s', async (_, argv, why) => {
    const end = await runProgram(argv(), options());
    expect(end).toMatchObject({ kind: 'not-started', why, stdout: '' });
    expect(describeEnd(end)).toMatch(/^did not start: /);
  });

  test('because its folder is not there', async () => {
    const end = await shell('true', { directory: '/nowhere' });
    expect(end).toMatchObject({ kind: 'not-started', why: 'ENOENT', text: 'there is no folder /nowhere to run in' });
  });

  test('because its time was over before', async () => {
    const mark = join(folder, 'never');
    const end = await shell(`touch ${mark}`, { signal: AbortSignal.abort(), directory: folder });
    expect(end).toMatchObject({ kind: 'not-started', why: 'other' });
    expect(existsSync(mark)).toBe(false);
  });

  test('is not taken for one that ends with the same code', async () => {
    expect(await shell('exit 127')).toMatchObject({ kind: 'exited', code: 127 });
    expect(await shell('echo env: x; exit 126')).toMatchObject({ kind: 'exited', code: 126 });
  });

  test('must have a name', async () => {
    await expect(runProgram([], options())).rejects.toThrow('without a name');
  });

  test('a secret of its environment is in no word about it', async () => {
    const end = await shell('true', { env: { TOKEN: 'hunter22\0' } });
    expect(JSON.stringify(end)).not.toContain('hunter22');
    expect(end.kind).toBe('not-started');
  });
});

describe('at its deadline', () => {
  const abandoned = async (text: string, options: Partial<ProgramOptions> = {}, after = 300) => {
    const end = await shell(text, { signal: AbortSignal.timeout(after), ...options });
    const pids = end.stdout.trim().split('\n').map(Number);
    return { end, left: pids.filter(isThere) };
  };

  test('it ends by SIGTERM, at once', async () => {
    const grace = seconds(20);
    const text = 'trap "echo bye >&2; exit 0" TERM; echo $$; while :; do sleep 0.05; done';
    const { end, left } = await abandoned(text, { grace });
    expect(end).toMatchObject({ kind: 'abandoned', alive: false, output: expect.stringContaining('bye') });
    expect(end.ms).toBeLessThan(grace / 2);
    expect(left).toEqual([]);
    expect(describeEnd(end)).toMatch(/^did not end within \d+ ms and was killed$/);
  });

  test('it ends by SIGKILL 2 s later when it ignores SIGTERM', async () => {
    const { end, left } = await abandoned('trap "" TERM; echo $$; while :; do sleep 0.05; done');
    expect(end).toMatchObject({ kind: 'abandoned', alive: false });
    expect(end.ms).toBeGreaterThan(2000);
    expect(left).toEqual([]);
  });

  test('it is not asked first where there is no grace', async () => {
    const { end, left } = await abandoned('trap "" TERM; echo $$; while :; do sleep 0.05; done', {
      grace: asMillis(0),
    });
    expect(end).toMatchObject({ kind: 'abandoned', alive: false });
    // Less than the deadline and the usual grace.
    expect(end.ms).toBeLessThan(2300);
    expect(left).toEqual([]);
  });

  test('its children end with it, those too that ignore SIGTERM and outlive it', async () => {
    const { end, left } = await abandoned(
      'sh -c "trap \'\' TERM; echo \\$\\$; sleep 60; sleep 60" & echo $$; sleep 60',
    );
    expect(end.stdout.trim().split('\n')).toHaveLength(2);
    expect(end).toMatchObject({ kind: 'abandoned', alive: false });
    expect(left).toEqual([]);
  });

  test('one that has stopped itself ends', async () => {
    const { end, left } = await abandoned('echo $$; kill -STOP $$');
    expect(end).toMatchObject({ kind: 'abandoned', alive: false });
    expect(left).toEqual([]);
  });

  test('one that has fled its group keeps nobody waiting', async () => {
    const { end, left } = await abandoned('setsid sleep 60 & echo $!; sleep 60', {}, 1000);
    expect(end.kind).toBe('abandoned');
    expect(left).toHaveLength(1);
    for (const pid of left) process.kill(pid);
  });
});

test('a flood is read within bounds and lets others work', async () => {
  const before = process.memoryUsage().rss;
  let last = performance.now();
  let longest = 0;
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const end = await shell('yes "$(seq -s " " 200)"', { signal: AbortSignal.timeout(1500) });
  clearInterval(watch);
  expect(end).toMatchObject({ kind: 'abandoned', alive: false });
  expect(end.output.length).toBe(8000);
  expect(end.stdout.length).toBe(256 * 1024);
  expect(longest).toBeLessThan(end.ms / 2);
  expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
});

test('it keeps no process from ending', () => {
  const text = `
    import { runProgram } from ${JSON.stringify(join(import.meta.dirname, 'program.ts'))};
    const end = await runProgram(['/bin/sh', '-c', 'sleep 60 & echo $!'], { signal: new AbortController().signal });
    process.stdout.write(end.stdout);`;
  const bundle = join(folder, 'bundle.mjs');
  const esbuild = join(import.meta.dirname, '../../node_modules/.bin/esbuild');
  execFileSync(esbuild, ['--bundle', '--platform=node', '--format=esm', `--outfile=${bundle}`], {
    input: text,
    stdio: 'pipe',
  });
  const pid = Number(execFileSync(process.execPath, [bundle], { encoding: 'utf8' }));
  // The program that it has left is still there: nobody has waited for it.
  expect(isThere(pid)).toBe(true);
  process.kill(pid);
});

describe('looking for a program', () => {
  const look = (path: string) => lookForProgram(path, AbortSignal.timeout(5000));
  test.each([
    ['there', () => '/bin/sh', true],
    ['not there', () => '/nowhere/x', false],
    ['a folder', () => folder, false],
    ['not executable', () => script('unready', '', 0o644), false],
  ])('%s', async (_, path, ok) => {
    expect(await look(path())).toEqual({ what: path(), ok, text: expect.stringMatching(/\w/) });
  });

  test('and for a folder', async () => {
    const ok = await lookForFolder(folder, AbortSignal.timeout(5000));
    expect(ok).toEqual({ what: folder, ok: true, text: 'is there' });
    expect(await lookForFolder('/bin/sh', AbortSignal.timeout(5000))).toMatchObject({ ok: false });
  });

  test('whose disk does not answer', async () => {
    const finding = await lookForProgram('/bin/sh', AbortSignal.abort());
    expect(finding).toMatchObject({ ok: false, text: expect.stringContaining('did not answer') });
  });
});
