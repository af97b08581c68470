import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { LIMITS } from '../../src/domain/limits.ts';
import type { ItemProgress } from '../../src/domain/progress.ts';
import { rememberingHosts } from '../../src/shutdown/reach.ts';
import type { Outcome } from '../../src/shutdown/step.ts';
import { learnIdentity } from '../../src/shutdown/steps/ssh/learn.ts';
import { sshRunner } from '../../src/shutdown/steps/ssh/run.ts';
import { type SshConfig, sshSchema } from '../../src/shutdown/steps/ssh/schema.ts';
import { DEAF, OBEDIENT, startDockerd } from '../kit/dockerd.ts';
import { startLibvirtd } from '../kit/libvirtd.ts';
import { describeWith, FISH_PROGRAM, TCSH_PROGRAM, VIRSH_PROGRAM } from '../kit/presence.ts';
import { RunningProcess, run } from '../kit/process.ts';
import { GENTLE, type Sshd, type SshdOptions, SUDDEN, startSshd } from '../kit/sshd.ts';
import { attend } from '../kit/step-context.ts';

const open: { dispose(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.dispose()));
});

const ROOT = { root: { shell: '/bin/bash' } };

async function start(options: Partial<SshdOptions> = {}): Promise<Sshd> {
  const sshd = await startSshd({ users: { gw: ROOT.root }, ...options });
  open.push(sshd);
  return sshd;
}

const configFor = ({ port }: Pick<Sshd, 'port'>, more: object = {}): SshConfig =>
  sshSchema.parse({ host: '127.0.0.1', port, user: 'gw', ...more }).config;

const runnerFor = ({ knownHosts, keyFolder }: Sshd, more: object = {}) =>
  sshRunner({ resolve: rememberingHosts(), knownHosts, keyFolder, ...more });

interface Ran extends Outcome {
  readonly items: readonly ItemProgress[];
  readonly took: number;
}

async function carryOut(sshd: Sshd, more: object, runner = runnerFor(sshd), deadline = 15_000): Promise<Ran> {
  const begun = performance.now();
  const { context, items } = attend({ signal: AbortSignal.timeout(deadline) });
  const outcome = await runner.run(configFor(sshd, more), context);
  return { ...outcome, items, took: performance.now() - begun };
}

const ends = ({ items }: Ran): readonly string[] =>
  items.filter(({ state }) => state !== 'running').map(({ item, state }) => `${item}: ${state}`);

describeWith(['sshd'], 'ssh step: shells', () => {
  test.each([
    ['bash', '/bin/bash'],
    ['dash', '/bin/dash'],
    ['tcsh', TCSH_PROGRAM],
    ['fish', FISH_PROGRAM],
    ['BusyBox ash', 'ash'],
  ])('%s: data stays data, and the host goes down', async (_name, shell) => {
    const programs = { shutdown: SUDDEN, systemctl: 'printf "%s\\n" "$@" >>"$STATE/systemctl"' };
    const sshd = await start({ users: { gw: { shell } }, programs });
    const unit = `it's $HOME \\ \\\\ "a"!1 \`id\` ; * ü.service`;
    const ran = await carryOut(sshd, {
      actions: [{ stop_units: [unit] }, { command: 'echo as written' }],
      shutdown: true,
    });
    expect(ran).toMatchObject({ kind: 'done', text: '127.0.0.1: shut down: it no longer answers' });
    expect(ran.output).toBe('as written');
    expect(await sshd.noted('systemctl')).toBe(`stop\n${unit}\n`);
    expect(await sshd.noted('shutdown')).toMatch(/shutdown -h now\n$/);
    expect(sshd.running).toBe(false);
  });

  const TEXT = { users: { gw: { shell: 'echo "% not available"; exit 1' } } };

  test('a device that only answers with text is no shell, whatever it answers', async () => {
    const ran = await carryOut(await start(TEXT), { shutdown: true });
    expect(ran.kind).toBe('failed');
    expect(ran.text).toMatch(/no POSIX shell answers \(exit code 1: % not available\)/);
    expect(ran.items).toEqual([]);
  });

  const DEVICE = `case "$2" in "show version") echo "SwitchOS 7"; exit 1;; "halt!") kill -TERM 1;; *) echo "% what?";; esac`;
  const device = () => start({ users: { gw: { shell: DEVICE } } });

  test('a device without a shell gets its commands as written once its probe was answered', async () => {
    const sshd = await device();
    const probe = { command: 'show version', expect: 'SwitchOS' };
    const ran = await carryOut(sshd, { shell: 'none', probe, shutdown: 'halt!' });
    expect(ran).toMatchObject({ kind: 'done' });
    expect(sshd.running).toBe(false);
  });

  test('auto takes such a device too, where its probe says so', async () => {
    const sshd = await device();
    const probe = { command: 'show version', expect: 'SwitchOS' };
    expect(await carryOut(sshd, { probe, shutdown: 'halt!' })).toMatchObject({ kind: 'done' });
  });

  test('another answer is a failure, and nothing is sent', async () => {
    const sshd = await device();
    const probe = { command: 'show version', expect: 'RouterOS' };
    const ran = await carryOut(sshd, { shell: 'none', probe, shutdown: 'halt!' });
    expect(ran).toMatchObject({ kind: 'failed', items: [] });
    expect(ran.text).toMatch(/not answered with what is expected/);
    expect(sshd.running).toBe(true);
  });
});

describeWith(['sshd'], 'ssh step: identity', () => {
  test('an unknown host is refused before anything secret is sent', async () => {
    const sshd = await start({ users: { gw: { shell: '/bin/bash', password: 'x' } } });
    await writeFile(sshd.knownHosts, '');
    const ran = await carryOut(sshd, { shutdown: true, password: 'x' });
    expect(ran).toMatchObject({ kind: 'failed' });
    expect(ran.text).toMatch(/identity is not known: it shows SHA256:[\w+/]{43}, \S+known_hosts has nothing of it/);
    expect(sshd.lines().filter((line) => /Accepted|Failed/.test(line))).toEqual([]);
  });

  test('a changed and a revoked one too', async () => {
    const [one, two] = [await start(), await start()];
    const stranger = (await readFile(two.knownHosts, 'utf8')).replace(String(two.port), String(one.port));
    const own = await readFile(one.knownHosts, 'utf8');
    await writeFile(one.knownHosts, stranger);
    expect((await carryOut(one, { shutdown: true })).text).toMatch(/identity has changed/);
    await writeFile(one.knownHosts, `${own}@revoked ${own}`);
    expect((await carryOut(one, { shutdown: true })).text).toMatch(/calls revoked/);
  });

  test('a host with several keys is judged by the one that is known, in a hashed file', async () => {
    const sshd = await start({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
    for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa']) {
      const all = await readFile(sshd.knownHosts, 'utf8');
      const file = `${sshd.knownHosts}-${type}`;
      await writeFile(file, `${all.split('\n').find((line) => line.includes(type))}\n`);
      await run('/usr/bin/ssh-keygen', ['-q', '-H', '-f', file]);
      expect(await readFile(file, 'utf8')).toMatch(/^\|1\|/);
      expect(await carryOut(sshd, { known_hosts: file, actions: ['sync'] })).toMatchObject({ kind: 'done' });
    }
  });

  test('is learnt when a person asks for it, and only then', async () => {
    const [sshd, other] = [await start(), await start()];
    const file = join(sshd.folder, 'made', 'known_hosts');
    const signal = AbortSignal.timeout(10_000);
    const learnt = await learnIdentity(configFor(sshd, { actions: ['sync'] }), file, signal);
    const [, shown] =
      /(SHA256:\S+)/.exec(await run('/usr/bin/ssh-keygen', ['-l', '-f', join(sshd.folder, 'host_ed25519')])) ?? [];
    expect(learnt).toEqual({ ok: true, value: { fingerprint: shown, as: 'new' } });
    expect(await readFile(file, 'utf8')).toBe((await readFile(sshd.knownHosts, 'utf8')).replace(/(AAAA\S+) .*/, '$1'));
    expect(await learnIdentity(configFor(sshd, { actions: ['sync'] }), file, signal)).toMatchObject({
      value: { as: 'known' },
    });
    expect(await carryOut(sshd, { known_hosts: file, actions: ['sync'] })).toMatchObject({ kind: 'done' });
    const renamed = (await readFile(file, 'utf8')).replace(String(sshd.port), String(other.port));
    await writeFile(file, renamed);
    const refused = await learnIdentity(configFor(other, { actions: ['sync'] }), file, signal);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'identity' } });
    expect(await readFile(file, 'utf8')).toBe(renamed);
  });
});

describeWith(['sshd'], 'ssh step: login', () => {
  test('a key that is not accepted', async () => {
    const [sshd, other] = [await start(), await start()];
    const ran = await carryOut(sshd, { key: join(other.keyFolder, 'id_ed25519'), actions: ['sync'] });
    expect(ran.text).toBe('127.0.0.1: login as gw was refused (tried: key)');
  });

  test('keys that cannot be used are told by name', async () => {
    const sshd = await start();
    const none = `${sshd.folder}/none`;
    expect((await carryOut(sshd, { key: none, actions: ['sync'] })).text).toBe(`127.0.0.1: key ${none} does not exist`);
    const runner = runnerFor(sshd, { keyFolder: '/nonexistent' });
    expect((await carryOut(sshd, { actions: ['sync'] }, runner)).text).toMatch(/there is no key to log in with/);
    const agentless = await carryOut(sshd, { agent: true, actions: ['sync'] }, runner);
    expect(agentless.text).toMatch(/no SSH agent is there/);
  });

  test('a key with a passphrase', async () => {
    const sshd = await start();
    const key = join(sshd.folder, 'locked');
    await copyFile(join(sshd.keyFolder, 'id_ed25519'), key);
    await run('/usr/bin/ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', key]);
    const ran = (more: object) => carryOut(sshd, { key, actions: ['sync'], ...more });
    expect(await ran({ passphrase: 'open sesame' })).toMatchObject({ kind: 'done' });
    expect((await ran({})).text).toBe(`127.0.0.1: key ${key} needs a passphrase`);
    expect((await ran({ passphrase: 'wrong words' })).text).toBe(
      `127.0.0.1: key ${key} does not open with that passphrase`,
    );
  });

  test('the password, asked for in both ways', async () => {
    const users = { gw: { shell: '/bin/bash', password: 'correct horse' } };
    const lines = [
      'UsePAM yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication yes',
      'PubkeyAuthentication no',
    ];
    for (const sshd of [await start({ users, lines: ['PubkeyAuthentication no'] }), await start({ users, lines })]) {
      expect(await carryOut(sshd, { password: 'correct horse', actions: ['sync'] })).toMatchObject({ kind: 'done' });
      const wrong = await carryOut(sshd, { password: 'battery staple', actions: ['sync'] });
      expect(wrong.text).toBe('127.0.0.1: login as gw was refused (tried: key, password)');
    }
  });

  test('an agent', async () => {
    const sshd = await start();
    const socket = join(sshd.folder, 'agent');
    const agent = new RunningProcess('/usr/bin/ssh-agent', ['-D', '-a', socket]);
    open.push({ dispose: async () => void (await agent.kill()) });
    await agent.waitForLine(/SSH_AUTH_SOCK/, 5000);
    const runner = runnerFor(sshd, { keyFolder: '/nonexistent', agent: socket });
    expect((await carryOut(sshd, { agent: true, actions: ['sync'] }, runner)).text).toMatch(/login as gw was refused/);
    await run('/usr/bin/ssh-add', ['-q', join(sshd.keyFolder, 'id_ed25519')], { env: { SSH_AUTH_SOCK: socket } });
    expect(await carryOut(sshd, { agent: true, actions: ['sync'] }, runner)).toMatchObject({ kind: 'done' });
  });
});

describeWith(['sshd'], 'ssh step: the final command', () => {
  test('one that answers first: the host is waited for', async () => {
    const sshd = await start({ programs: { shutdown: GENTLE } });
    expect(await carryOut(sshd, { shutdown: true })).toMatchObject({ kind: 'done' });
    expect(sshd.running).toBe(false);
  });

  test('one that fails is told with its exit code', async () => {
    const sshd = await start({ programs: { shutdown: 'echo "must be root" >&2; exit 3' } });
    const ran = await carryOut(sshd, { shutdown: true });
    expect(ran).toMatchObject({
      kind: 'failed',
      text: '127.0.0.1: the final command failed: exit code 3: must be root',
    });
    expect(ran.took).toBeLessThan(10_000);
  });

  test('a host that still answers at the deadline was not shut down', async () => {
    const ran = await carryOut(await start(), { shutdown: 'true' }, undefined, 4000);
    expect(ran.kind).toBe('failed');
    expect(ran.text).toMatch(/was told to shut down, but port \d+ still answers/);
    expect(ran.took).toBeLessThan(8000);
  });

  test('a connection that drops while the host stays is no success', async () => {
    const sshd = await start({ programs: { shutdown: 'kill -9 $PPID; sleep 5' } });
    const ran = await carryOut(sshd, { shutdown: true }, undefined, 5000);
    expect(ran.text).toMatch(/still answers/);
  });

  test('a host that stays after the connection dropped is told once more', async () => {
    const once = `echo told >>"$STATE/shutdown"; [ "$(wc -l <"$STATE/shutdown")" = 1 ] && { kill -9 "$(awk '/^PPid/ {print $2}' /proc/$PPID/status)"; exit; }`;
    const sshd = await start({ programs: { shutdown: `${once}; ${SUDDEN}` } });
    const ran = await carryOut(sshd, { shutdown: true }, undefined, 25_000);
    expect(ran).toMatchObject({ kind: 'done', text: '127.0.0.1: shut down: it no longer answers' });
    expect(sshd.running).toBe(false);
  }, 40_000);

  test('a failed action does not stop it, but the step has failed', async () => {
    const sshd = await start({ programs: { shutdown: SUDDEN } });
    const ran = await carryOut(sshd, { actions: [{ command: 'exit 7' }, 'sync'], shutdown: true });
    expect(ran.kind).toBe('failed');
    expect(ran.text).toBe(
      '127.0.0.1: shut down: it no longer answers, but 1 of 2 actions failed: command exit 7: exit code 7',
    );
    expect(ends(ran)).toEqual(['command exit 7: failed', 'sync: done', 'shutdown: done']);
    expect(sshd.running).toBe(false);
  });

  test('an action that loses the connection does not stop it either', async () => {
    const sshd = await start({ programs: { shutdown: SUDDEN } });
    const ran = await carryOut(sshd, { actions: [{ command: 'kill -9 $PPID; sleep 3' }], shutdown: true });
    expect(ran.text).toMatch(
      /^127.0.0.1: shut down: it no longer answers, but 1 of 1 actions failed: .* the connection dropped/,
    );
  });
});

describeWith(['sshd'], 'ssh step: what hangs', () => {
  test('a shell', async () => {
    const sshd = await start({ users: { gw: { shell: 'sleep 1000' } } });
    const ran = await carryOut(sshd, { shutdown: true, connect_timeout: '1s' });
    expect(ran).toMatchObject({ kind: 'failed', text: '127.0.0.1: the shell there does not answer' });
    expect(ran.took).toBeLessThan(8000);
  });

  test('an action, until the deadline', async () => {
    const ran = await carryOut(await start(), { actions: [{ command: 'sleep 1000' }] }, undefined, 1500);
    expect(ran.text).toBe('127.0.0.1: time was up during command sleep 1000');
    expect(ran.took).toBeLessThan(8000);
  });

  /** Neither hears what it is told, nor the end of its connection. */
  const HUNG = 'trap "" TERM HUP; while :; do sleep 1; done';

  test.each([
    ['a command', [{ command: HUNG }], ['command trap "" TERM HUP; while :; do sleep 1; done: failed']],
    [
      'services, one of which stops',
      [{ stop_units: ['db', 'web', 'mail'] }],
      ['unit db: failed', 'unit web: done', 'unit mail: failed', 'stop_units db web mail: failed'],
    ],
    [
      'several, and those after them have their turn',
      [{ command: HUNG }, { sync: { wait: '1s' } }, { command: HUNG }, { command: 'echo here' }],
      ['sync: done', 'command echo here: done'],
    ],
  ] as const)('%s before the final command, which goes out in time', async (_name, actions, expected) => {
    const systemctl = `[ "$2" = web ] || { ${HUNG}; }`;
    const sshd = await start({ programs: { shutdown: SUDDEN, systemctl } });
    const ran = await carryOut(sshd, { actions, shutdown: true, deadline: '15s' }, undefined, 15_000);
    expect(ran.kind).toBe('failed');
    expect(ran.text).toMatch(
      /^127.0.0.1: shut down: it no longer answers, but \d of \d actions failed: .*did not end in time/,
    );
    expect(ends(ran)).toEqual(expect.arrayContaining([...expected, 'shutdown: done']));
    expect(sshd.running).toBe(false);
  });

  test('so many that the connection has no room for the final command', async () => {
    const sshd = await start({ programs: { shutdown: SUDDEN }, lines: ['MaxSessions 2'] });
    const actions = [{ command: HUNG }, { command: HUNG }, { command: HUNG }];
    const ran = await carryOut(sshd, { actions, shutdown: true, deadline: '15s' }, undefined, 15_000);
    expect(ran.text).toMatch(
      /^127.0.0.1: shut down: it no longer answers, but 3 of 3 actions failed: .*could not be started/,
    );
    expect(sshd.running).toBe(false);
  });

  test('a server that says nothing, and one that is not there', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const sshd = await start();
    const runner = runnerFor(sshd);
    const { context } = attend({ signal: AbortSignal.timeout(10_000) });
    const config = configFor({ port }, { actions: ['sync'], connect_timeout: '1s' });
    expect((await runner.run(config, context)).text).toBe('127.0.0.1: it answers, but does not finish the login');
    await new Promise((resolve) => silent.close(resolve));
    expect((await runner.run(config, context)).text).toBe(`127.0.0.1: port ${port}: the connection was refused`);
  });
});

describeWith(['sshd'], 'ssh step: sudo', () => {
  const users = { gw: { shell: '/bin/bash', uid: 1500 } };
  const secure = (sshd: { folder: string }) => `Defaults secure_path=${sshd.folder}/bin:/usr/bin:/bin`;

  async function withSudoers(...lines: readonly string[]): Promise<Sshd> {
    const sshd = await start({
      users,
      sudoers: ['# to be filled'],
      programs: { shutdown: SUDDEN, systemctl: 'id -u >"$STATE/uid"' },
    });
    await writeFile(
      join(sshd.folder, 'etc', 'sudoers'),
      `${secure(sshd)}\n${lines.join('\n').replaceAll('BIN', `${sshd.folder}/bin`)}\n`,
    );
    return sshd;
  }

  test('allowed for the exact commands', async () => {
    const sshd = await withSudoers('gw ALL=(root) NOPASSWD: BIN/shutdown -h now, BIN/systemctl stop web.service');
    const step = { sudo: true, actions: [{ stop_units: ['web.service'] }], shutdown: true };
    const findings = await runnerFor(sshd).probe(configFor(sshd, step), AbortSignal.timeout(10_000));
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(findings.map(({ what }) => what)).toContain('sudo systemctl stop web.service');
    expect(await sshd.noted('uid')).toBe('');
    expect(await carryOut(sshd, step)).toMatchObject({ kind: 'done' });
    expect(await sshd.noted('uid')).toBe('0\n');
  });

  test('denied: seen by the probe, told by the run, which does not hang', async () => {
    const sshd = await withSudoers('gw ALL=(root) ALL', 'gw ALL=(root) NOPASSWD: BIN/systemctl stop web.service');
    const step = { sudo: true, actions: [{ stop_units: ['web.service'] }], shutdown: true };
    const findings = await runnerFor(sshd).probe(configFor(sshd, step), AbortSignal.timeout(10_000));
    expect(findings.filter(({ ok }) => !ok).map(({ what }) => what)).toEqual(['sudo shutdown -h now']);
    const ran = await carryOut(sshd, step);
    expect(ran.text).toMatch(/the final command failed: exit code 1: sudo: a password is required/);
    expect(sshd.running).toBe(true);
  });
});

describeWith(['sshd'], 'ssh step: output and many hosts', () => {
  test('the tail of what was said is kept, and is harmless', async () => {
    const flood = 'i=0; while [ $i -lt 20000 ]; do printf "\\033[31mline %s\\a\\n" $i; i=$((i+1)); done';
    const ran = await carryOut(await start(), { actions: [{ command: flood }] });
    expect(ran.output?.length).toBeGreaterThan(LIMITS.stepOutput - 100);
    expect(ran.output?.length).toBeLessThanOrEqual(LIMITS.stepOutput);
    expect(ran.output).toMatch(/line 19998\ufffd\nline 19999\ufffd$/);
  });

  test('twenty hosts side by side take little longer than one', async () => {
    const hosts = await Promise.all(Array.from({ length: 21 }, () => start({ programs: { shutdown: SUDDEN } })));
    const all = await Promise.all(hosts.map((sshd) => readFile(sshd.knownHosts, 'utf8')));
    await writeFile(hosts[0]!.knownHosts, all.join(''));
    const runner = sshRunner({
      resolve: rememberingHosts(),
      knownHosts: hosts[0]!.knownHosts,
      keyFolder: '/nonexistent',
    });
    const down = (sshd: Sshd) =>
      carryOut(sshd, { key: `${sshd.keyFolder}/id_ed25519`, actions: ['sync'], shutdown: true }, runner);
    const [one, ...rest] = hosts;
    const alone = await down(one!);
    const ran = await Promise.all(rest.map(down));
    expect([alone, ...ran].map(({ kind }) => kind)).toEqual(hosts.map(() => 'done'));
    // One after the other they would take twenty times as long.
    expect(Math.max(...ran.map(({ took }) => took))).toBeLessThan(8 * alone.took);
    expect(hosts.map(({ running }) => running)).toEqual(hosts.map(() => false));
  });
});

/** Programs that keep what runs in files of `$STATE/<folder>`, one a guest, and are as the real ones where it matters. */
const GUESTS = {
  podman: '[ "$1" = ps ]',
  docker: `case "$1" in
ps) for f in "$STATE"/docker/*; do [ -e "$f" ] && echo "$(basename "$f") name-of-$(basename "$f")"; done; exit 0;;
stop) shift 3; for i; do [ "$i" = stubborn ] || rm "$STATE/docker/$i"; done;;
kill) shift; for i; do rm "$STATE/docker/$i"; done;;
compose) [ "$2" = version ] || echo "$*" >>"$STATE/compose"; [ -z "$4" ] || [ -e "$3" ] || { echo "no such file: $3" >&2; exit 14; };;
esac`,
  virsh: `case "$1" in
list) ls "$STATE/virsh";;
shutdown) [ "$2" = "my stubborn vm" ] || rm "$STATE/virsh/$2"; echo "Domain '$2' is being shutdown";;
destroy) rm "$STATE/virsh/$2";;
esac`,
  qm: `case "$1" in
list) echo "      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID"; for f in "$STATE"/qm/*; do [ -e "$f" ] && echo "       $(basename "$f") web                  running    2048              32.00 1234"; done; echo "       999 off                  stopped    2048              32.00 0"; exit 0;;
shutdown) sleep 0.5; [ "$2" = 101 ] && { sleep "$4"; echo "VM quit/powerdown failed - got timeout" >&2; exit 255; }; rm "$STATE/qm/$2";;
stop) rm "$STATE/qm/$2";;
esac`,
  pct: `case "$1" in
list) echo "VMID       Status     Lock         Name"; for f in "$STATE"/pct/*; do [ -e "$f" ] && echo "$(basename "$f")        running                 dns"; done; exit 0;;
shutdown) rm "$STATE/pct/$2";;
esac`,
  xe: `case "$1" in
vm-list) echo "$*" >"$STATE/xe-list"; for f in "$STATE"/xe/*; do [ -e "$f" ] && printf 'uuid ( RO)           : %s\\n     name-label ( RW): my vm\\n\\n\\n' "$(basename "$f")"; done; exit 0;;
vm-shutdown) rm "$STATE/xe/\${2#uuid=}";;
esac`,
  'vim-cmd': `case "$1" in
vmsvc/getallvms) echo "Vmid   Name   File   Guest OS   Version   Annotation"; echo "7      my vm   [datastore1] my vm/my vm.vmx   otherGuest   vmx-19   first line"; echo "of two"; echo "8      other   [datastore1] o/o.vmx   otherGuest   vmx-19";;
vmsvc/power.getstate) echo "Retrieved runtime info"; [ -e "$STATE/esxi/$2" ] && echo "Powered on" || echo "Powered off";;
vmsvc/power.shutdown) [ "$2" = 8 ] && { echo "Tools are not running" >&2; exit 1; }; rm "$STATE/esxi/$2";;
vmsvc/power.off) rm "$STATE/esxi/$2";;
esac`,
  midclt: `case "$2" in
app.query) printf '['; s=; for f in "$STATE"/apps/*; do [ -e "$f" ] && printf '%s{"id":"%s","name":"%s","state":"RUNNING"}' "$s" "$(basename "$f")" "$(basename "$f")" && s=,; done; echo ']';;
app.stop) rm "$STATE/apps/$3"; echo 17;;
vm.query) echo "Method does not exist" >&2; exit 1;;
esac`,
  synopkg: `case "$1" in
list) echo Docker; echo Hyper; echo Off;;
is_onoff) [ -e "$STATE/syno/$2" ];;
stop) rm "$STATE/syno/$2";;
esac`,
};

describeWith(['sshd'], 'ssh step: actions', () => {
  const FOLDERS = {
    docker: ['abc', 'stubborn', 'own'],
    virsh: ['web', "o'neill; rm -rf $HOME", 'my stubborn vm'],
    qm: ['100', '101'],
    pct: ['200'],
    xe: ['1234-abcd'],
    esxi: ['7', '8'],
    apps: ['jellyfin', 'immich'],
    syno: ['Docker', 'Hyper'],
  };

  async function withGuests(): Promise<Sshd> {
    const sshd = await start({ users: { gw: { shell: TCSH_PROGRAM } }, programs: GUESTS });
    for (const [folder, names] of Object.entries(FOLDERS)) {
      await mkdir(join(sshd.folder, 'state', folder));
      for (const name of names) await writeFile(join(sshd.folder, 'state', folder, name), '');
    }
    return sshd;
  }
  const left = (sshd: Sshd, folder: keyof typeof FOLDERS) => readdir(join(sshd.folder, 'state', folder));

  test.each([
    ['stop_containers', 'docker', ['container name-of-abc: done', 'container name-of-stubborn: done']],
    ['stop_vms', 'virsh', ["VM o'neill; rm -rf $HOME: done", 'VM web: done', 'VM my stubborn vm: done']],
    ['stop_proxmox_vms', 'qm', ['VM web: done', 'VM web: done']],
    ['stop_proxmox_cts', 'pct', ['container dns: done']],
    ['stop_esxi_vms', 'esxi', ['VM my vm: done', 'VM other: done']],
    ['truenas', 'apps', ['app immich: done', 'app jellyfin: done']],
    ['synology', 'syno', ['package Docker: done', 'package Hyper: done']],
  ] as const)('%s: asks, waits, forces what is left, never ourselves', async (kind, folder, expected) => {
    const sshd = await withGuests();
    const ran = await carryOut(
      sshd,
      { actions: [{ [kind]: { wait: '2s' } }] },
      runnerFor(sshd, { ownContainer: 'own' }),
    );
    expect(ran).toMatchObject({ kind: 'done' });
    expect(ends(ran)).toEqual([...expected, `${kind}: done`]);
    expect(await left(sshd, folder)).toEqual(folder === 'docker' ? ['own'] : []);
  });

  test('stop_xcpng_vms: only those of this host', async () => {
    const sshd = await withGuests();
    const inventory = '/etc/xensource-inventory';
    const without = await carryOut(sshd, { actions: ['stop_xcpng_vms'] });
    expect(without.text).toMatch(/stop_xcpng_vms: xe does not list the VMs: exit code \d+: .*xensource-inventory/);
    // A bind mount of the whole folder, in the view of that sshd only.
    const etc = join(sshd.folder, 'etc-of-xen');
    const make = `cp -a /etc '${etc}' && echo INSTALLATION_UUID=h1 >'${etc}/xensource-inventory' && mount --bind '${etc}' /etc`;
    const ran = await carryOut(sshd, { actions: [{ command: make }, 'stop_xcpng_vms'] });
    expect(ran).toMatchObject({ kind: 'done' });
    expect(ends(ran).slice(1)).toEqual(['VM my vm: done', 'stop_xcpng_vms: done']);
    expect(await sshd.noted('xe-list')).toMatch(/^vm-list resident-on=h1 is-control-domain=false /);
    await expect(readFile(inventory)).rejects.toThrow('ENOENT');
  });

  test('nothing that runs is nothing to do, and a program that is not there is a failure', async () => {
    const sshd = await withGuests();
    await rm(join(sshd.folder, 'state', 'virsh'), { recursive: true });
    await mkdir(join(sshd.folder, 'state', 'virsh'));
    const idle = await carryOut(sshd, { actions: ['stop_vms'] });
    expect(idle).toMatchObject({ kind: 'done' });
    expect(ends(idle)).toEqual(['stop_vms: skipped']);
    const bare = await start();
    expect((await carryOut(bare, { actions: ['stop_esxi_vms'] })).text).toBe(
      '127.0.0.1: 1 of 1 actions failed: stop_esxi_vms: vim-cmd is not there',
    );
  });

  test('a list that cannot be had is no empty list', async () => {
    const sshd = await start({ programs: { virsh: 'echo "error: failed to connect" >&2; exit 1' } });
    const ran = await carryOut(sshd, { actions: ['stop_vms'] });
    expect(ran.text).toMatch(/virsh does not list the VMs: exit code 1: error: failed to connect$/);
  });

  test('compose projects', async () => {
    const sshd = await withGuests();
    const file = join(sshd.folder, "it's compose.yml");
    await writeFile(file, '');
    const step = { actions: [{ stop_compose: { path: file, wait: '7s' } }] };
    expect(await carryOut(sshd, step)).toMatchObject({ kind: 'done' });
    expect(await sshd.noted('compose')).toBe(`compose -f ${file} stop -t 7\n`);
  });

  test('mounts: undone, busy, and detached', async () => {
    const sshd = await start();
    const path = join(sshd.folder, 'my mount');
    const mount = { command: `mkdir -p '${path}' && mount -t tmpfs none '${path}'` };
    const hold = { command: `cd '${path}' && (sleep 100 >/dev/null 2>&1 </dev/null &)` };
    const plain = await carryOut(sshd, { actions: [mount, { unmount: { path } }, { unmount: { path } }] });
    expect(ends(plain).slice(1)).toEqual([`unmount ${path}: done`, `unmount ${path}: skipped`]);
    const busy = await carryOut(sshd, { actions: [mount, hold, { unmount: { path } }] });
    expect(busy.text).toMatch(/unmount .*my mount: exit code \d+: umount: .*busy/);
    const lazy = await carryOut(sshd, { actions: [{ unmount: { path, lazy: true } }] });
    expect(lazy).toMatchObject({ kind: 'done' });
    expect(lazy.items.at(-1)?.text).toMatch(/detached although it is busy/);
  });

  test('the probe tells all of it and changes nothing', async () => {
    const sshd = await withGuests();
    const file = join(sshd.folder, 'compose.yml');
    const step = {
      actions: ['stop_containers', 'stop_vms', { stop_compose: { path: file } }, { unmount: { path: '/proc' } }],
      shutdown: 'halt-it now',
    };
    const findings = await runnerFor(sshd).probe(configFor(sshd, step), AbortSignal.timeout(10_000));
    expect(findings.map(({ what, ok, text }) => `${ok ? 'ok' : 'not'} ${what}: ${text}`)).toEqual([
      'ok ssh 127.0.0.1: answers at 127.0.0.1, is the right machine, and lets gw in',
      'ok shell of 127.0.0.1: a POSIX shell on Linux',
      'ok stop_containers docker: 3 containers run: name-of-abc, name-of-own, name-of-stubborn',
      'ok stop_containers podman: 0 containers run',
      "ok stop_vms virsh: 3 VMs run: my stubborn vm, o'neill; rm -rf $HOME, web",
      `not compose file ${file}: no such file: ${file}`,
      'ok mount point /proc: is mounted',
      'not shutdown: halt-it is not there',
    ]);
    expect(await left(sshd, 'docker')).toHaveLength(3);
    expect(await left(sshd, 'virsh')).toHaveLength(3);
  });
});

describeWith(['sshd', 'docker', 'libvirt'], 'ssh step: real guests', () => {
  test('containers of a real Docker and VMs of a real libvirt', async () => {
    const [dockerd, libvirtd] = await Promise.all([startDockerd(), startLibvirtd('test')]);
    open.push(dockerd, libvirtd);
    await dockerd.add('obedient', OBEDIENT);
    await dockerd.add('deaf', DEAF);
    const own = await dockerd.add('own', OBEDIENT);
    await libvirtd.add('web');
    const before = await libvirtd.running();
    expect(before).toContain('web');
    const sshd = await start({
      programs: {
        docker: `DOCKER_HOST=${dockerd.env.DOCKER_HOST} exec /usr/bin/docker "$@"`,
        podman: '[ "$1" = ps ]',
        virsh: `LIBVIRT_DEFAULT_URI='${libvirtd.uri}' exec ${VIRSH_PROGRAM} "$@"`,
        shutdown: SUDDEN,
      },
    });
    const actions = [{ stop_containers: { wait: '2s' } }, { stop_vms: { wait: '5s' } }];
    const runner = runnerFor(sshd, { ownContainer: own });
    const findings = await runner.probe(configFor(sshd, { actions, shutdown: true }), AbortSignal.timeout(15_000));
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(findings.map(({ text }) => text)).toContain('2 containers run: deaf, obedient');
    const ran = await carryOut(sshd, { actions, shutdown: true }, runner);
    expect(ran).toMatchObject({ kind: 'done' });
    expect(ends(ran)).toEqual([
      'container obedient: done',
      'container deaf: done',
      'stop_containers: done',
      ...before.map((name) => `VM ${name}: done`),
      'stop_vms: done',
      'shutdown: done',
    ]);
    expect(await dockerd.running()).toEqual(['own']);
    expect(await libvirtd.running()).toEqual([]);
  }, 60_000);
});
