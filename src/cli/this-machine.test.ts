import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadedFrom } from '../config/read.ts';
import { lookAtThisMachine } from './this-machine.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gridwarden-machine-'));
  vi.stubEnv('NUT_CONFPATH', join(root, 'etc/nut'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

const process = (pid: number, ...words: readonly string[]) => put(`proc/${pid}/cmdline`, `${words.join('\0')}\0`);

/** What is found, each as `ok what: text`. */
async function seen(group: object = { host: { halt: true } }): Promise<readonly string[]> {
  const loaded = loadedFrom({
    mqtt: { url: 'mqtt://b' },
    sources: { nas: { nut: { host: 'localhost' } }, far: { nut: { host: '192.0.2.7' } } },
    ups: { rack: { source: 'nas', name: 'Rack' }, remote: { source: 'far' } },
    groups: { g: { feeds: ['rack'], ...group } },
  });
  if (loaded === undefined) throw new Error('the configuration of the test is invalid');
  const found = await lookAtThisMachine(loaded.configuration, { root });
  return found.map(({ what, ok, text }) => `${ok ? 'ok' : 'NOT OK'} ${what}: ${text}`);
}

test('a machine without anything of the kind', async () => {
  process(1, '/sbin/init');
  process(7, '/usr/bin/vi', 'upsmon.conf');
  expect(await seen()).toEqual(['ok another shutdown manager: none is seen']);
});

test.each([
  ['upsmon', ['/sbin/upsmon']],
  ['apcupsd', ['/sbin/apcupsd', '-b']],
  ['pwrstatd', ['/usr/sbin/pwrstatd']],
  ['upsmon', ['/bin/sh', '/usr/local/bin/upsmon']],
])('%s that runs, as %j', async (program, words) => {
  process(4711, ...words);
  expect(await seen()).toEqual([
    `NOT OK another shutdown manager: ${program}: runs (process 4711) and may halt this machine before the plan is through: one of the two has to go (stop it)`,
  ]);
  expect(await seen({})).toEqual([
    `ok another shutdown manager: ${program}: runs (process 4711); no group halts this machine, so they do not meet`,
  ]);
});

test('one that the next start brings back', async () => {
  mkdirSync(join(root, 'etc/systemd/system/multi-user.target.wants'), { recursive: true });
  symlinkSync('/nowhere', join(root, 'etc/systemd/system/multi-user.target.wants/nut-monitor.service'));
  // Without systemd nothing is started by it.
  expect(await seen()).toEqual(['ok another shutdown manager: none is seen']);
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  expect(await seen()).toEqual([
    expect.stringMatching(
      /^NOT OK .*upsmon: is started with this machine \(nut-monitor.service\).*\(systemctl disable --now nut-monitor.service\)$/,
    ),
  ]);
});

const killpower = (device: string) => ({
  stages: [{ name: 's', steps: [{ ups: { action: 'killpower', device, flag: '/run/gridwarden/killpower' } }] }],
});

test('a flag that nobody reads, for a UPS that nobody can reach', async () => {
  put('lib/systemd/system-shutdown/nutshutdown', '#!/bin/sh\nupsmon -K && upsdrvctl shutdown # killpower\n', 0o755);
  put('usr/lib/systemd/system-shutdown/gridwarden', '#!/bin/sh\ngridwarden killpower\n', 0o644);
  put('etc/nut/ups.conf', '[other]\n driver = usbhid-ups\n');
  expect((await seen(killpower('rack'))).slice(1)).toEqual([
    'NOT OK killpower hook: nobody reads /run/gridwarden/killpower at the end of a shutdown: install config/gridwarden-killpower (docs/systemd.md)',
    'NOT OK killpower of rack: ups.conf has no such UPS (it has other)',
  ]);
  expect((await seen(killpower('remote')))[2]).toBe(
    'NOT OK killpower of remote: its source far is on another machine (192.0.2.7), which nothing reaches any more',
  );
  rmSync(join(root, 'etc/nut/ups.conf'));
  expect((await seen(killpower('rack')))[2]).toMatch(/there is no ups.conf/);
  expect((await seen(killpower('unnamed')))[2]).toMatch(/there is no ups.conf/);
});

test('a UPS that no entry names may be of another machine', async () => {
  put('etc/nut/ups.conf', '[unnamed]\n driver = usbhid-ups\n');
  expect((await seen(killpower('unnamed')))[2]).toMatch(/^NOT OK .*is not clear: give it an entry in ups/);
});

test('a flag that is read, for a UPS of this machine', async () => {
  put('usr/lib/systemd/system-shutdown/gridwarden', '#!/bin/sh\ngridwarden killpower\n', 0o755);
  put('etc/nut/ups.conf', '[rack]\n driver = usbhid-ups\n');
  expect((await seen(killpower('rack'))).slice(1)).toEqual([
    expect.stringMatching(/^ok killpower hook: .*system-shutdown\/gridwarden is there$/),
    "ok killpower of rack: is rack of this machine's NUT",
  ]);
});

test.each([
  ['Type=notify\nTimeoutStopSec=20\n', '', /^ok gridwarden.service: waits/],
  ['Type=notify-reload\n', '', /^ok gridwarden.service: waits/],
  ['Type=notify\nTimeoutStopSec=infinity\n', '', /^ok/],
  ['ExecStart=/x\n', '', /^NOT OK gridwarden.service: Type=simple: .* write Type=notify$/],
  ['Type=notify\nTimeoutStopSec=5\n', '', /^NOT OK gridwarden.service: TimeoutStopSec=5 is less than the 15 s/],
  ['Type=notify\nTimeoutStopSec=5\n', '[Service]\nTimeoutStopSec=1min\n', /^ok/],
  ['Type=notify\n', '[Service]\nTimeoutStopSec=2s\n', /^NOT OK .*TimeoutStopSec=2s/],
])('the unit %j with %j', async (unit, added, expected) => {
  put('usr/lib/systemd/system/gridwarden.service', 'Type=exec\n');
  put('etc/systemd/system/gridwarden.service', `[Service]\n${unit}`);
  if (added !== '') put('run/systemd/system/gridwarden.service.d/more.conf', added);
  expect((await seen())[1]).toMatch(expected);
});
