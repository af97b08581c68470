import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { killpowerFlag } from '../../src/shutdown/steps/ups/flag.ts';
import { PROGRAM } from '../kit/gridwarden.ts';
import { describeWith } from '../kit/presence.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridwarden-killpower-'));
  await mkdir(join(folder, 'nut'));
  await mkdir(join(folder, 'drivers'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const flag = () => join(folder, 'killpower');
const config = () => join(folder, 'gridwarden.yaml');

/** A driver that notes how it was called, in the place of one that speaks to a UPS. */
async function driver(name: string, script = 'exit 0'): Promise<void> {
  const file = join(folder, 'drivers', name);
  await writeFile(file, `#!/bin/sh\necho "$@" >>${folder}/called\n${script}\n`);
  await chmod(file, 0o755);
}

const called = () => readFile(join(folder, 'called'), 'utf8').catch(() => '');

async function upsConf(...names: readonly string[]): Promise<void> {
  const sections = names.map((name) => `[${name}]\n  driver = fake-ups\n  port = auto\n`);
  await writeFile(join(folder, 'nut', 'ups.conf'), `driverpath = ${join(folder, 'drivers')}\n${sections.join('')}`);
}

async function configure(
  ups: object = { rack_a: { source: 'nas', name: 'rack' } },
  sources: object = {},
): Promise<void> {
  const steps = [{ ups: { action: 'killpower', device: 'rack_a', flag: flag() } }];
  await writeFile(
    config(),
    JSON.stringify({
      mqtt: { url: 'mqtt://127.0.0.1:1' },
      sources: { nas: { nut: { host: '127.0.0.1' } }, ...sources },
      ups,
      groups: { rack: { feeds: ['rack_a'], stages: [{ name: 'last', steps }] } },
      state_dir: join(folder, 'state'),
    }),
  );
}

interface Ran {
  readonly code: number | null;
  readonly text: string;
}

const run = (file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  new Promise((ended) => {
    const child = spawn(file, args, { env: { ...process.env, NUT_CONFPATH: join(folder, 'nut'), ...env } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (some) => (text += some));
    child.once('close', (code) => ended({ code, text }));
  });

const gridwarden = (...words: readonly string[]) => run(process.execPath, [PROGRAM, ...words, '--config', config()]);

describeWith(['upsd'], 'gridwarden killpower', () => {
  test('a step leaves the flag, and at the end the UPS is told by the upsdrvctl of NUT', async () => {
    await configure();
    await upsConf('rack', 'other');
    await driver('fake-ups');
    expect(await gridwarden('killpower', '--test')).toEqual({ code: 1, text: '' });
    const nothing = await gridwarden('killpower');
    expect(nothing).toEqual({ code: 0, text: `nothing to do: ${flag()} asks for no UPS of ours\n` });

    const step = await gridwarden('drill', '--execute', 'rack', 'last/ups', '--yes', 'last/ups');
    expect(step).toMatchObject({ code: 0, text: expect.stringContaining('asks for rack_a to be switched off') });
    expect(await gridwarden('killpower', '--test')).toEqual({ code: 0, text: '' });
    const done = await gridwarden('killpower');
    expect(done).toEqual({
      code: 0,
      text: 'rack_a was told to cut the power, by upsdrvctl shutdown rack\n',
    });
    // The other UPS of this server stays on.
    expect(await called()).toBe('-a rack -k\n');
  });

  test.each([
    ['empty', ''],
    ["upsmon's", 'upsmon-shutdown-file'],
    ['cut off', 'gridwarden killpower 1\nrack_a'],
    ['of another version', 'gridwarden killpower 2\nrack_a\n'],
  ])('a flag that is %s cuts no power', async (_, text) => {
    await configure();
    await upsConf('rack');
    await driver('fake-ups');
    await writeFile(flag(), text);
    expect(await gridwarden('killpower', '--test')).toEqual({ code: 1, text: '' });
    expect(await gridwarden('killpower')).toMatchObject({ code: 0, text: expect.stringMatching(/^nothing to do: /) });
    expect(await called()).toBe('');
  });

  test('a driver that cannot switch off is told, and the others are told all the same', async () => {
    await configure({ rack_a: { source: 'nas', name: 'rack' }, rack_b: { source: 'nas', name: 'second' } });
    await upsConf('rack', 'second');
    await driver('fake-ups', '[ "$2" = second ] || { echo "shutdown not supported" >&2; exit 1; }');
    await writeFile(flag(), killpowerFlag(['rack_a', 'rack_b', 'rack_c']));
    const ran = await gridwarden('killpower');
    expect(ran.code).toBe(1);
    expect(ran.text).toMatch(
      /^rack_a: upsdrvctl shutdown rack: shutdown not supported; rack_b was told to cut the power, by [^;]+; rack_c: ups\.conf has no such UPS \(it has rack, second\)\n$/,
    );
    expect(await called()).toMatch(/-a second -k/);
  });

  test('no UPS of the same name is taken for one of another machine', async () => {
    await configure({ rack_a: { source: 'far', name: 'rack' } }, { far: { nut: { host: '192.0.2.7' } } });
    await upsConf('rack', 'ups');
    await driver('fake-ups');
    await writeFile(flag(), killpowerFlag(['rack_a', 'ups']));
    const ran = await gridwarden('killpower');
    expect(ran.code).toBe(1);
    expect(ran.text).toMatch(
      /^rack_a: its source far is on another machine \(192\.0\.2\.7\), .*; ups: whether it is a UPS of this machine is not clear/,
    );
    expect(await called()).toBe('');
  });

  test('what is missing is told: ups.conf, the configuration', async () => {
    await configure();
    await writeFile(flag(), killpowerFlag(['rack_a']));
    expect(await gridwarden('killpower')).toEqual({
      code: 1,
      text: 'rack_a: there is no ups.conf: this machine is not the server of any UPS\n',
    });
    await rm(config());
    expect(await gridwarden('killpower')).toEqual({
      code: 1,
      text: `${config()}: is not there, so only /etc/killpower was looked at\n`,
    });
  });

  test('the script for systemd: only for a halt, and only with a flag of ours', async () => {
    await configure();
    await upsConf('rack');
    await driver('fake-ups');
    const script = (await readFile('config/gridwarden-killpower', 'utf8'))
      .replace(/^GRIDWARDEN=.*$/m, `GRIDWARDEN=${PROGRAM}`)
      .replace(/^CONFIG=.*$/m, `CONFIG=${config()}`);
    const hook = join(folder, 'hook');
    await writeFile(hook, script, { mode: 0o755 });
    expect(existsSync(PROGRAM)).toBe(true);
    expect(await run(hook, ['poweroff'])).toEqual({ code: 0, text: '' });
    await writeFile(flag(), killpowerFlag(['rack_a']));
    for (const how of ['reboot', 'kexec']) expect(await run(hook, [how])).toEqual({ code: 0, text: '' });
    expect(await called()).toBe('');
    const halted = await run(hook, ['poweroff']);
    expect(halted).toMatchObject({ code: 0, text: expect.stringMatching(/^rack_a was told to cut the power/) });
    expect(await called()).toBe('-a rack -k\n');
  });
});

describeWith(['upsd', 'network-namespace'], 'gridwarden killpower at the very end of a shutdown', () => {
  /** The world as it is then: no network, and nothing can be written but what the driver of the test notes. */
  const LATE = 'mount --bind "$1" "$1" && mount -o remount,bind,ro / && ! touch /var/tmp/x 2>/dev/null && shift';

  test.each([
    ['upsdrvctl', '', 'by upsdrvctl shutdown rack'],
    ['the driver itself where there is no upsdrvctl', 'mount -t tmpfs none /usr/sbin &&', 'by fake-ups -a rack -k'],
  ])('%s is run from a root file system that is read-only', async (_, more, by) => {
    await configure();
    await upsConf('rack');
    await driver('fake-ups');
    await writeFile(flag(), killpowerFlag(['rack_a']));
    const words = [process.execPath, PROGRAM, 'killpower', '--config', config()];
    const late = await run('/usr/bin/unshare', [
      ...['--mount', '--net', '--', '/bin/sh', '-c', `${more} ${LATE} && exec "$@"`, 'sh', folder, ...words],
    ]);
    expect(late).toEqual({ code: 0, text: `rack_a was told to cut the power, ${by}\n` });
    expect(await called()).toBe('-a rack -k\n');
  });
});
