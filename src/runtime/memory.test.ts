import { mkdir, mkdtemp, readdir, readFile, rm, stat, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { RunningProcess } from '../../tests/kit/process.ts';
import { readIfThere, writeAtomically } from './atomic-file.ts';
import { createMemory } from './memory.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** So long that a write takes a while. */
const LENGTH = 4_000_000;

/** Writes one letter over and over, then the next, until it is killed. */
const WRITER = `
  import { writeAtomically } from './atomic-file.ts';
  const [, , path = '', length = ''] = process.argv;
  for (let round = 0; ; round += 1) {
    await writeAtomically(path, 'abcdefghij'.charAt(round % 10).repeat(Number(length)));
  }
`;

const text = () => readFile(join(folder, 'state'), 'utf8');

/** Resolves as soon as the temporary file has been begun for the given time: each write makes it and renames it. */
async function nthWrite(count: number): Promise<void> {
  let events = 0;
  for await (const { eventType, filename } of watch(folder, { signal: AbortSignal.timeout(10_000) })) {
    if (eventType === 'rename' && filename?.endsWith('.tmp')) events += 1;
    if (events >= 2 * count - 1) return;
  }
}

describe('a memory', () => {
  test('gives back what was saved, for the owner alone', async () => {
    const { log, lines } = rememberingLog();
    const memory = createMemory(join(folder, 'state'), log);
    expect(await memory.load()).toBeUndefined();
    memory.save('one');
    await memory.flushed();
    expect(await memory.load()).toBe('one');
    expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['state']);
    expect(lines).toEqual([]);
  });

  test('writes one text at a time, the newest last; those in between need not be written', async () => {
    const memory = createMemory(join(folder, 'state'), rememberingLog().log);
    let most = 0;
    let done = false;
    const watching = (async () => {
      while (!done) most = Math.max(most, (await readdir(folder)).filter((name) => name.endsWith('.tmp')).length);
    })();
    for (let count = 0; count < 500; count += 1) {
      memory.save(String(count));
      if (count % 50 === 0) await new Promise(setImmediate);
    }
    await memory.flushed();
    done = true;
    await watching;
    expect(await text()).toBe('499');
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual(['state']);
  });

  test('tells a failure once until it works again, and never the caller', async () => {
    const { log, lines } = rememberingLog();
    const path = join(folder, 'later', 'state');
    const memory = createMemory(path, log);
    for (const content of ['one', 'two']) {
      memory.save(content);
      await memory.flushed();
    }
    expect(lines).toEqual([expect.stringMatching(/^warn cannot write .*: ENOENT/)]);
    await mkdir(join(folder, 'later'));
    memory.save('three');
    await memory.flushed();
    expect(await memory.load()).toBe('three');
    await rm(join(folder, 'later'), { recursive: true });
    memory.save('four');
    await memory.flushed();
    expect(lines).toHaveLength(2);
  });

  test('on a disk that answers only later is empty at once, and is written then', async () => {
    const { log, lines } = rememberingLog();
    let answer: () => void = () => undefined;
    const answers = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const memory = createMemory(join(folder, 'state'), log, answers);
    expect(await memory.load()).toBeUndefined();
    memory.save('one');
    await new Promise(setImmediate);
    expect(await readdir(folder)).toEqual([]);
    answer();
    await memory.flushed();
    expect([await text(), lines]).toEqual(['one', []]);
  });

  test('that cannot be read says so and is empty', async () => {
    const { log, lines } = rememberingLog();
    await mkdir(join(folder, 'state'));
    expect(await createMemory(join(folder, 'state'), log).load()).toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/^warn cannot read .*: EISDIR/)]);
  });
});

describe('an atomic write', () => {
  test('that fails leaves the old text and nothing else', async () => {
    await mkdir(join(folder, 'state'));
    await writeFile(join(folder, 'state', 'inside'), 'kept');
    await expect(writeAtomically(join(folder, 'state'), 'new')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['state']);
    expect(await readIfThere(join(folder, 'state', 'inside'))).toBe('kept');
  });

  test('leaves an old text or a new one, never half of one, when the process is killed in it', async () => {
    const program = join(folder, 'writer.mjs');
    await build({
      stdin: { contents: WRITER, resolveDir: import.meta.dirname, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
    });
    const path = join(folder, 'state');
    await writeAtomically(path, 'z'.repeat(LENGTH));
    const interrupted: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const writing = nthWrite(round + 1);
      const writer = new RunningProcess(process.execPath, [program, path, String(LENGTH)], { name: 'writer' });
      await writing;
      await writer.kill();
      const content = await readFile(path, 'utf8');
      expect(content).toHaveLength(LENGTH);
      expect(new Set(content).size).toBe(1);
      interrupted.push(...(await readdir(folder)).filter((name) => name.endsWith('.tmp')));
      await rm(`${path}.tmp`, { force: true });
    }
    expect(interrupted, 'some of the kills came in the middle of a write').not.toEqual([]);
  });
});
