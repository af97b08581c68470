import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isKillpowerFlag, KILLPOWER_MAGIC, killpowerDevices, killpowerFlag, mayRaiseFlag, raiseFlag } from './flag.ts';

test.each([
  [`${KILLPOWER_MAGIC}\nrack_a\n`, ['rack_a']],
  [`${KILLPOWER_MAGIC}\nrack_a\nrack_b\n`, ['rack_a', 'rack_b']],
  ['', undefined],
  [`${KILLPOWER_MAGIC}\n`, undefined],
  [`${KILLPOWER_MAGIC}\nrack_a`, undefined],
  [`${KILLPOWER_MAGIC}\nrack a\n`, undefined],
  [`${KILLPOWER_MAGIC}\n\n`, undefined],
  [`${KILLPOWER_MAGIC}1\nrack_a\n`, undefined],
  ['upsmon-shutdown-file', undefined],
  [`x${KILLPOWER_MAGIC}\nrack_a\n`, undefined],
])('the text %j asks for %j', (text, devices) => {
  expect(killpowerDevices(text)).toEqual(devices);
  expect(isKillpowerFlag(text)).toBe(devices !== undefined);
});

describe('on a disk', () => {
  let folder: string;
  let flag: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-flag-'));
    flag = join(folder, 'killpower');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('a flag is written for its owner only, and leaves no draft', async () => {
    expect(await mayRaiseFlag(flag)).toEqual({ ok: true, value: undefined });
    expect(await readdir(folder)).toEqual([]);
    expect(await raiseFlag(flag, 'rack_a')).toEqual({ ok: true, value: undefined });
    expect(await readFile(flag, 'utf8')).toBe(killpowerFlag(['rack_a']));
    expect((await stat(flag)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['killpower']);
  });

  test('a second UPS is added, the same one is not', async () => {
    await raiseFlag(flag, 'rack_a');
    await raiseFlag(flag, 'rack_b');
    await raiseFlag(flag, 'rack_a');
    expect(killpowerDevices(await readFile(flag, 'utf8'))).toEqual(['rack_a', 'rack_b']);
  });

  test.each(['upsmon-shutdown-file', '', 'x'.repeat(20_000)])('a foreign file is left as it is', async (text) => {
    await writeFile(flag, text);
    const refused = { ok: false, error: 'there is a file that is not ours' };
    expect(await mayRaiseFlag(flag)).toEqual(refused);
    expect(await raiseFlag(flag, 'rack_a')).toEqual(refused);
    expect(await readFile(flag, 'utf8')).toBe(text);
  });

  test('a link is replaced, and what it leads to is not written', async () => {
    const other = join(folder, 'other');
    await symlink(other, flag);
    expect(await raiseFlag(flag, 'rack_a')).toMatchObject({ ok: true });
    expect(await readdir(folder)).toEqual(['killpower']);
  });

  test('a folder that is not there', async () => {
    const path = join(folder, 'none', 'killpower');
    expect(await mayRaiseFlag(path)).toEqual({ ok: false, error: 'its folder cannot be written to: ENOENT' });
    expect(await raiseFlag(path, 'rack_a')).toEqual({ ok: false, error: 'ENOENT' });
  });

  test('a folder in its place', async () => {
    expect(await raiseFlag(folder, 'rack_a')).toMatchObject({ ok: false });
    expect(await readdir(folder)).toEqual([]);
  });
});
