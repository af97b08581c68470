import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { seconds } from '../../src/domain/time.ts';
import { lookForProgram, runProgram } from '../../src/shutdown/program.ts';
import { execRunner } from '../../src/shutdown/steps/exec/run.ts';
import { filesystemsRunner } from '../../src/shutdown/steps/filesystems/run.ts';
import type { FilesystemsConfig, Unmount } from '../../src/shutdown/steps/filesystems/schema.ts';
import { describeWith } from '../kit/presence.ts';
import { attend } from '../kit/step-context.ts';

let folder = '';
let children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-steps-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await vi.waitFor(
    () => {
      for (const path of mounted().reverse()) execFileSync('/bin/umount', ['-l', path], { stdio: 'pipe' });
      rmSync(folder, { recursive: true, force: true });
    },
    { timeout: 10_000, interval: 200 },
  );
});

/** The mount points beneath our folder, outermost first. */
const mounted = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path.startsWith(`${folder}/`));

const made = (name: string) => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
};

const tmpfs = (name: string) => {
  const path = made(name);
  execFileSync('/bin/mount', ['-t', 'tmpfs', 'none', path]);
  return path;
};

/** A program that uses what it uses once this is back. */
const holding = async (argv: readonly string[], options: { readonly cwd?: string } = {}) => {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid;
};
const SLEEP = 'echo; exec sleep 60';

/** A file system whose other side never says a word: whoever touches it waits. */
const deaf = async (name: string) => {
  const path = made(name);
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  await holding(['bash', '-c', `exec 3<>/dev/fuse; mount -i -t fuse none ${path} -o ${options}; ${SLEEP}`]);
  return path;
};

const disk = (name: string, image: string) => {
  const path = made(name);
  execFileSync('/bin/sh', ['-c', 'truncate -s 16M "$0" && mkfs.ext4 -q "$0" && mount -o loop "$0" "$1"', image, path]);
  return path;
};

/** Nobody can write to it, or be killed while trying, until it thaws; at the latest after 20 s, whatever becomes of us. */
const frozen = async (path: string, run: () => Promise<void>) => {
  execFileSync('fsfreeze', ['-f', path]);
  const guard = spawn('/bin/sh', ['-c', 'sleep 20; fsfreeze -u "$0"', path], { detached: true, stdio: 'ignore' });
  try {
    await run();
  } finally {
    execFileSync('fsfreeze', ['-u', path]);
    process.kill(-(guard.pid ?? 0), 'SIGKILL');
  }
};

/** The longest time for which this process did nothing else, as a part of the whole: 1 where it was blocked. */
const watched = async <T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly blocked: number }> => {
  const began = performance.now();
  let last = performance.now();
  let longest = 0;
  const look = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 10);
  const value = await run();
  look();
  clearInterval(timer);
  return { value, blocked: longest / (performance.now() - began) };
};

const { run, probe } = filesystemsRunner();
const mount = (path: string, own: Partial<Unmount> = {}): Unmount => ({ path, options: [], lazy: false, ...own });
const ran = async (own: Partial<FilesystemsConfig>, signal = AbortSignal.timeout(60_000)) => {
  const { context, items } = attend({ signal });
  const outcome = await run({ sync: 'off', unmount: [], ...own }, context);
  const told = items.map(({ item, state }) => `${item.replace(`${folder}/`, '')} ${state}`);
  return { ...outcome, text: outcome.text.replaceAll(`${folder}/`, ''), told };
};

describeWith(['mounts'], 'file systems of this machine', () => {
  test('are written, then unmounted in order, and gone', async () => {
    const [a, b] = [tmpfs('a'), tmpfs('b with space')];
    const outcome = await ran({ sync: seconds(30), unmount: [mount(b), mount(`${a}/`)] });
    expect(outcome).toMatchObject({ kind: 'done', text: '3 of 3 done' });
    const order = ['sync running', 'sync done', 'b with space running', 'b with space done', 'a/ running', 'a/ done'];
    expect(outcome.told).toEqual(order);
    expect(mounted()).toEqual([]);
  });

  test('that are not mounted are done', async () => {
    const outcome = await ran({ unmount: [mount(made('plain')), mount('/nowhere/at/all')] });
    expect(outcome).toMatchObject({ kind: 'done', text: expect.stringContaining('plain (was not mounted)') });
    expect(outcome).not.toHaveProperty('output');
  });

  test('named by a link are found', async () => {
    const path = tmpfs('real');
    execFileSync('ln', ['-s', path, join(folder, 'link')]);
    expect(await ran({ unmount: [mount(join(folder, 'link'))] })).toMatchObject({ kind: 'done', text: '1 of 1 done' });
    expect(mounted()).toEqual([]);
  });

  test('on top of one another go all', async () => {
    for (const name of ['a', 'a', 'a']) tmpfs(name);
    expect(await ran({ unmount: [mount(join(folder, 'a'))] })).toMatchObject({ kind: 'done' });
    expect(mounted()).toEqual([]);
  });

  test('get the options of the file', async () => {
    const path = tmpfs('a');
    const bad = await ran({ unmount: [mount(path, { options: ['-Z'] })] });
    expect(bad).toMatchObject({ kind: 'failed', output: expect.stringContaining('invalid option') });
    expect(await ran({ unmount: [mount(path, { options: ['-f'] })] })).toMatchObject({ kind: 'done' });
  });

  test('beneath another keep that busy', async () => {
    const [a, inner] = [tmpfs('a'), tmpfs('a/inner')];
    const outcome = await ran({ unmount: [mount(a)] });
    expect(outcome.text).toBe('0 of 1 done; failed: a (is busy, with a/inner mounted in it)');
    expect(await ran({ unmount: [mount(inner), mount(a)] })).toMatchObject({ kind: 'done' });
  });

  test('that are not begun when the time is over are told', async () => {
    const [a, b] = [await deaf('a'), tmpfs('b')];
    const outcome = await ran({ unmount: [mount(a), mount(b)] }, AbortSignal.timeout(500));
    expect(outcome).toMatchObject({ kind: 'failed', text: expect.stringContaining('its time was over') });
    expect(outcome.told).toEqual(['a running', 'a failed', 'b skipped']);
    expect(mounted()).toContain(b);
  });
});

describeWith(['mounts'], 'a busy file system', () => {
  const mapper =
    'import mmap, sys, time; f = open(sys.argv[1], "rb"); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); f.close(); print(flush=True); time.sleep(60)';

  test.each<[string, (path: string) => Promise<number | undefined>, string]>([
    ['a folder', (path) => holding(['sh', '-c', SLEEP], { cwd: path }), 'sleep'],
    ['an open file', (path) => holding(['sh', '-c', `exec 5>"${path}/file"; ${SLEEP}`]), 'sleep'],
    [
      'a file that is deleted',
      (path) => holding(['sh', '-c', `exec 5>"${path}/file"; rm "${path}/file"; ${SLEEP}`]),
      'sleep',
    ],
    [
      'a root',
      (path) => {
        copyFileSync('/usr/bin/busybox', join(path, 'busybox'));
        chmodSync(join(path, 'busybox'), 0o755);
        return holding(['chroot', path, '/busybox', 'sh', '-c', 'echo; exec /busybox sleep 60']);
      },
      'busybox',
    ],
    [
      'a program of its own',
      (path) => {
        copyFileSync('/bin/sleep', join(path, 'own sleep'));
        chmodSync(join(path, 'own sleep'), 0o755);
        return holding(['sh', '-c', `echo; exec "${path}/own sleep" 60`]);
      },
      'own sleep',
    ],
    [
      'a mapped file',
      (path) => {
        writeFileSync(join(path, 'file'), 'x'.repeat(4096));
        return holding(['python3', '-c', mapper, join(path, 'file')]);
      },
      'python3',
    ],
  ])('is told with who holds it: %s', async (_, hold, name) => {
    const path = tmpfs('a b');
    const pid = await hold(path);
    // exec gives the process its name a moment after it has spoken
    await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/comm`, 'utf8').trim()).toMatch(name.slice(0, 6)));
    const began = performance.now();
    const outcome = await ran({ unmount: [mount(path)] });
    expect(outcome.kind).toBe('failed');
    expect(outcome.text).toMatch(
      new RegExp(`^0 of 1 done; failed: a b \\(is busy, used by ${name.slice(0, 6)}.* \\(${pid}\\)\\)$`),
    );
    // Less than what a mount may take in all.
    expect(performance.now() - began).toBeLessThan(12_000);
    expect(mounted()).toEqual([path]);
  });

  test('is detached where the file says so', async () => {
    const path = tmpfs('a');
    const pid = await holding(['sh', '-c', SLEEP], { cwd: path });
    const outcome = await ran({ unmount: [mount(path, { lazy: true })] });
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(outcome.text).toMatch(
      new RegExp(`^1 of 1 done; a \\(is busy, used by s.* \\(${pid}\\): detached all the same\\)$`),
    );
    expect(mounted()).toEqual([]);
  });

  test('held by this program is told as such', async () => {
    const path = tmpfs('a');
    const file = openSync(join(path, 'file'), 'w');
    const outcome = await ran({ unmount: [mount(path)] });
    closeSync(file);
    expect(outcome.text).toContain(`used by this program (${process.pid})`);
  });
});

describeWith(['mounts'], 'a disk that hangs', () => {
  test('is left to itself by sync, and what comes after is done', async () => {
    const outer = disk('outer', join(folder, 'outer.img'));
    const inner = disk('inner', join(outer, 'inner.img'));
    const other = tmpfs('other');
    await frozen(outer, async () => {
      writeFileSync(join(inner, 'file'), 'x'.repeat(100_000));
      const { value, blocked } = await watched(() => ran({ sync: seconds(2), unmount: [mount(other)] }));
      expect(value.kind).toBe('failed');
      expect(value.text).toMatch(/^1 of 2 done; failed: sync \(did not end within 2 s and cannot be killed\)$/);
      expect(blocked).toBeLessThan(0.5);
      expect(mounted()).not.toContain(other);
    });
  }, 40_000);

  test('takes no program with it that cannot be killed', async () => {
    const path = disk('disk', join(folder, 'disk.img'));
    await frozen(path, async () => {
      const signal = AbortSignal.timeout(300);
      const end = await runProgram(['/usr/bin/touch', join(path, 'x')], { signal });
      expect(end).toMatchObject({ kind: 'abandoned', alive: true });
      // It is frozen for 20 s.
      expect(end.ms).toBeLessThan(10_000);
    });
  }, 40_000);

  test('holds no umount up for long', async () => {
    const [a, b] = [await deaf('a'), tmpfs('b')];
    const { value, blocked } = await watched(() => ran({ unmount: [mount(a), mount(b)] }));
    expect(value.kind).toBe('failed');
    expect(value.text).toMatch(/^1 of 2 done; failed: a \(umount did not end within 10 s and was killed\)$/);
    expect(blocked).toBeLessThan(0.5);
    expect(mounted()).toEqual([a]);
  }, 40_000);

  test('is detached where the file says so', async () => {
    const a = await deaf('a');
    const outcome = await ran({ unmount: [mount(a, { lazy: true })] });
    expect(outcome).toMatchObject({ kind: 'done', text: expect.stringContaining('detached all the same') });
    expect(mounted()).toEqual([]);
  }, 40_000);

  test.each([
    ['a program on it', (path: string) => ({ command: [join(path, 'program')] })],
    ['a program in a folder of it', (path: string) => ({ command: ['/bin/true'], directory: path })],
  ])('%s never starts, and nothing waits for it', async (_, configOf) => {
    const config = { ...configOf(await deaf('a')), env: {}, success: [0] };
    const { context } = attend({ signal: AbortSignal.timeout(2000) });
    const { value, blocked } = await watched(() => execRunner().run(config, context));
    expect(value).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/did not end within .* and was killed$/),
    });
    expect(blocked).toBeLessThan(0.5);
  });

  test('is told as such when a program on it is looked for', async () => {
    const path = join(await deaf('a'), 'program');
    const { value, blocked } = await watched(() => lookForProgram(path, AbortSignal.timeout(2000)));
    expect(value).toEqual({ what: path, ok: false, text: 'its disk did not answer in time' });
    expect(blocked).toBeLessThan(0.5);
  });
});

describeWith(['mounts'], 'a rehearsal of file systems', () => {
  test('looks at programs, rights and mount points, and changes nothing', async () => {
    const [a, plain] = [tmpfs('a'), made('plain')];
    const findings = await probe(
      { sync: seconds(30), unmount: [mount(a), mount(plain), mount('/nowhere/x')] },
      AbortSignal.timeout(10_000),
    );
    expect(findings.filter(({ what }) => what !== 'view of the mounts')).toEqual([
      { what: '/bin/sync', ok: true, text: 'is there' },
      { what: '/bin/umount', ok: true, text: 'is there' },
      { what: 'right to unmount', ok: true, text: 'runs as root' },
      { what: a, ok: true, text: 'is mounted (tmpfs)' },
      { what: plain, ok: true, text: 'is there and not mounted now' },
      { what: '/nowhere/x', ok: false, text: 'there is no such folder' },
    ]);
    expect(mounted()).toEqual([a]);
  });

  test('without mounts looks at sync alone', async () => {
    const findings = await probe({ sync: seconds(30), unmount: [] }, AbortSignal.timeout(10_000));
    expect(findings).toEqual([{ what: '/bin/sync', ok: true, text: 'is there' }]);
  });
});
