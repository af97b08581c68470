import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OBEDIENT, startDockerd } from '../kit/dockerd.ts';
import { PROGRAM } from '../kit/gridwarden.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';
import { type Sshd, type SshdOptions, SUDDEN, startSshd } from '../kit/sshd.ts';
import { startUpsd } from '../kit/upsd.ts';

let folder = '';
const open: { dispose(): Promise<void> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridwarden-rehearsal-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.dispose()));
  await rm(folder, { recursive: true, force: true });
});

interface Given {
  /** What a person types, all of it at once. Default: nothing, and the input ends. */
  readonly typed?: string;
  /** Through a terminal of its own. */
  readonly terminal?: true;
  readonly env?: Readonly<Record<string, string>>;
}

interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Runs a command of the built program with the configuration of the test. */
async function gridwarden(args: readonly string[], { typed = '', terminal, env = {} }: Given = {}): Promise<Ran> {
  const words = [process.execPath, PROGRAM, ...args];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const [file, ...rest] = terminal === true ? ['/usr/bin/script', '-qec', quoted, '/dev/null'] : words;
  const child: ChildProcess = spawn(file ?? '', rest, {
    env: { ...process.env, STATE_DIRECTORY: join(folder, 'state'), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (some) => (text += some));
  child.stdin?.on('error', () => undefined);
  child.stdin?.write(typed);
  if (terminal !== true) child.stdin?.end();
  const code = await new Promise<number | null>((ended) => child.once('close', ended));
  return { code, text: text.replaceAll('\r', '') };
}

/** Writes a configuration with one group of these stages. @returns its path */
async function configure(stages: readonly object[], more: object = {}, group: object = {}): Promise<string> {
  const file = join(folder, 'gridwarden.yaml');
  const base = {
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    sources: { sim: { simulated: { speed: 1 } } },
    groups: { rack: { feeds: ['demo'], stages, ...group } },
  };
  await writeFile(file, JSON.stringify({ ...base, ...more }));
  return file;
}

async function sshd(options: Partial<SshdOptions> = {}): Promise<Sshd> {
  const started = await startSshd({
    users: { gw: { shell: '/bin/sh' } },
    programs: { shutdown: SUDDEN },
    ...options,
  });
  open.push(started);
  return started;
}

const stepFor = ({ port, keyFolder }: Pick<Sshd, 'port' | 'keyFolder'>, more: object = {}) => ({
  ssh: { host: '127.0.0.1', port, user: 'gw', key: join(keyFolder, 'id_ed25519'), shutdown: true, ...more },
});

const knownHosts = () => readFile(join(folder, 'state', 'known_hosts'), 'utf8').catch(() => '');

describeWith(['sshd'], 'the identity of another machine', () => {
  test('unknown, looked at, trusted, and then the rehearsal is content', async () => {
    const machine = await sshd();
    const config = await configure([{ name: 'last', steps: [stepFor(machine)] }]);
    const before = await gridwarden(['drill', '--config', config, 'rack']);
    expect(before).toMatchObject({ code: 1 });
    expect(before.text).toMatch(/NOT OK {2}last\/ssh: shut down 127\.0\.0\.1: looked at in/);
    expect(before.text).toMatch(
      /its identity is not known.*\(look at its key and trust it: gridwarden trust 127\.0\.0\.1\)/,
    );
    expect(before.text).toMatch(/\nnot ok: 1 of 1 steps: rack last\/ssh\n$/);

    const refused = await gridwarden(['trust', '--config', config], { typed: 'n\n' });
    expect(refused).toMatchObject({ code: 1, text: expect.stringMatching(/: not trusted\n$/) });
    expect(await gridwarden(['trust', '--config', config])).toMatchObject({ code: 1 });
    expect(await knownHosts()).toBe('');

    const shown = execFileSync('/usr/bin/ssh-keygen', ['-lf', join(machine.folder, 'host_ed25519.pub')], {
      encoding: 'utf8',
    });
    const trusted = await gridwarden(['trust', '--config', config], { typed: 'y\n', terminal: true });
    expect(trusted.code).toBe(0);
    expect(trusted.text).toContain(`127.0.0.1:${machine.port}: shows ${shown.split(' ')[1]};`);
    expect(await knownHosts()).toMatch(new RegExp(`^\\[127\\.0\\.0\\.1\\]:${machine.port} ssh-ed25519 \\S+\\n$`));

    const after = await gridwarden(['drill', '--config', config, 'rack']);
    expect(after.text).toMatch(/\nok: all 1 steps are as they should be\n$/);
    expect(after.code).toBe(0);
    expect(machine.running).toBe(true);
    expect(await machine.noted('shutdown')).toBe('');

    const again = await gridwarden(['trust', `127.0.0.1:${machine.port}`, '--config', config]);
    expect(again).toMatchObject({ code: 0, text: expect.stringMatching(/is known already/) });
  });

  test('by a script only with the very fingerprint, and for the user whose folder it is', async () => {
    const machine = await sshd();
    const config = await configure([{ name: 'last', steps: [stepFor(machine)] }]);
    await mkdir(join(folder, 'state'));
    await chown(join(folder, 'state'), 65_534, 65_534);
    const wrong = await gridwarden(['trust', '--config', config, '--yes', 'SHA256:AAAA']);
    expect(wrong).toMatchObject({ code: 1, text: expect.stringMatching(/which --yes does not name\n$/) });
    const [fingerprint = ''] = /SHA256:[A-Za-z0-9+/]+/.exec(wrong.text) ?? [];
    expect(await gridwarden(['trust', '--config', config, '--step', 'last/none'])).toMatchObject({ code: 2 });
    const right = await gridwarden(['trust', '--config', config, '--step', 'last/ssh', '--yes', fingerprint]);
    expect(right.code).toBe(0);
    expect(await stat(join(folder, 'state', 'known_hosts'))).toMatchObject({ uid: 65_534, gid: 65_534 });
  });

  test('a changed one and a revoked one are refused', async () => {
    const machine = await sshd();
    const other = await sshd();
    const config = await configure([{ name: 'last', steps: [stepFor(machine)] }]);
    await mkdir(join(folder, 'state'));
    const file = join(folder, 'state', 'known_hosts');
    const line = (await readFile(other.knownHosts, 'utf8')).replace(`:${other.port} `, `:${machine.port} `);
    await writeFile(file, line);
    const drilled = await gridwarden(['drill', '--config', config]);
    expect(drilled).toMatchObject({
      code: 1,
      text: expect.stringMatching(/its identity has changed.*\(if it was installed anew/),
    });
    const changed = await gridwarden(['trust', '--config', config], { typed: 'y\n' });
    expect(changed).toMatchObject({
      code: 1,
      text: expect.stringContaining(`not trusted: ${file} has another key of it`),
    });
    await writeFile(file, `@revoked ${await readFile(machine.knownHosts, 'utf8')}`);
    const revoked = await gridwarden(['trust', '--config', config], { typed: 'y\n' });
    expect(revoked).toMatchObject({ code: 1, text: expect.stringContaining(`${file} calls its key revoked`) });
  });
});

describeWith(['sshd'], 'sudo on another machine', () => {
  test.each([
    [
      'allowed without a password',
      'gw ALL=(root) NOPASSWD: BIN/shutdown -h now',
      0,
      /ok {6}sudo shutdown -h now: is allowed/,
    ],
    [
      'not allowed',
      'gw ALL=(root) NOPASSWD: BIN/other',
      1,
      /NOT OK {2}sudo shutdown -h now: .*\(allow gw this command/,
    ],
  ])('%s', async (_, rule, code, expected) => {
    const machine = await sshd({ users: { gw: { shell: '/bin/sh', uid: 4321 } }, sudoers: ['# to be filled'] });
    const lines = [`Defaults secure_path="${machine.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"`, rule];
    await writeFile(
      join(machine.folder, 'etc', 'sudoers'),
      `${lines.join('\n').replaceAll('BIN', `${machine.folder}/bin`)}\n`,
    );
    const step = stepFor(machine, { sudo: true, known_hosts: machine.knownHosts });
    const config = await configure([{ name: 'last', steps: [step] }]);
    const ran = await gridwarden(['drill', '--config', config]);
    expect(ran.text).toMatch(expected);
    expect(ran.code).toBe(code);
  });
});

describeWith(['sshd'], 'one step, really carried out', () => {
  const restore = [
    { wake: { mac: '00:11:22:33:44:55', broadcast: '127.0.0.1', until: { host: '127.0.0.1' }, deadline: '1s' } },
    { exec: { name: 'lamp', command: ['/bin/echo', 'lamp on'] } },
  ];

  test('after its key was typed on a terminal: what happens is shown as it does, and what brings it back is offered', async () => {
    const machine = await sshd();
    const step = stepFor(machine, { known_hosts: machine.knownHosts, actions: [{ command: 'echo bye' }] });
    const config = await configure([{ name: 'last', steps: [step], restore }]);
    const wrong = await gridwarden(['drill', '--config', config, '--execute', 'rack', 'last/ssh'], { typed: 'ssh\n' });
    expect(wrong).toMatchObject({ code: 1, text: expect.stringMatching(/ssh is not last\/ssh: nothing was done\n$/) });
    expect(machine.running).toBe(true);

    const right = await gridwarden(['drill', '--config', config, '--execute', 'rack', 'last/ssh'], {
      typed: 'last/ssh\nno\n',
      terminal: true,
    });
    expect(right.text).toMatch(
      /command echo bye: running\n {2}command echo bye: done, exit code 0\n {2}shutdown: running\n/,
    );
    expect(right.text).toMatch(/\ndone in [^:]*: 127\.0\.0\.1: shut down: it no longer answers\n {2}\| bye\n/);
    expect(right.text).toContain(
      `to do it later: gridwarden drill --config ${config} --execute rack last/restore/wake`,
    );
    expect(right.code).toBe(0);
    expect(machine.running).toBe(false);
  });

  test('a restore that was typed as well, and one that is not there in time', async () => {
    const machine = await sshd();
    const step = stepFor(machine, { known_hosts: machine.knownHosts });
    const config = await configure([{ name: 'last', steps: [step], restore }]);
    const ran = await gridwarden(['drill', '--config', config, '--execute', 'rack', 'last/ssh'], {
      typed: 'last/ssh\nlast/restore/wake\n',
    });
    expect(ran.text).toMatch(/timed-out in 1 s: /);
    expect(ran.code).toBe(1);
  });

  test('the halt of this host wants its word to the letter, and dry_run keeps everything from being done', async () => {
    const mark = join(folder, 'halted');
    const group = { host: { halt: true, command: ['/bin/touch', mark] } };
    const config = await configure([], {}, group);
    const halt = ['drill', '--config', config, '--execute', 'rack', 'host'];
    for (const typed of ['', 'Host\n', ' host\n', 'yes\n'])
      expect(await gridwarden(halt, { typed })).toMatchObject({ code: 1 });
    expect(await gridwarden([...halt, '--yes', 'y'])).toMatchObject({ code: 1 });
    await expect(stat(mark)).rejects.toThrow();
    const dry = await configure([], { dry_run: true }, group);
    expect(await gridwarden(['drill', '--config', dry, '--execute', 'rack', 'host', '--yes', 'host'])).toMatchObject({
      code: 1,
      text: expect.stringMatching(/dry_run: nothing is really carried out/),
    });
    await expect(stat(mark)).rejects.toThrow();
    await configure([], {}, group);
    expect(await gridwarden([...halt, '--yes', 'host'])).toMatchObject({ code: 0 });
    await stat(mark);
  });

  test('wrong uses are told', async () => {
    const config = await configure([{ name: 'last', steps: [{ exec: { command: ['/bin/true'] } }] }]);
    for (const [words, told] of [
      [['racks'], /there is no group racks \(there is rack\)/],
      [['rack', 'last/exec'], /last\/exec: only with --execute/],
      [['--yes', 'last/exec'], /--yes: only with --execute/],
      [['--execute', 'rack'], /name a group and a step/],
      [['--execute', 'rack', 'exec'], /has no step exec \(it has last\/exec\)/],
      [['--execute', 'rack', 'last/exec', '--undo', '{'], /--undo: is not JSON/],
    ] as const) {
      const ran = await gridwarden(['drill', '--config', config, ...words]);
      expect(ran.text).toMatch(told);
      expect(ran.code).toBe(2);
    }
  });
});

describeWith(['docker'], 'containers and mounts of this machine', () => {
  test('what is there, what is not, and what a step leaves for its restore', async () => {
    const dockerd = await startDockerd();
    open.push(dockerd);
    await dockerd.add('web', OBEDIENT);
    const mount = join(folder, 'mnt');
    await mkdir(mount);
    execFileSync('/bin/mount', ['-t', 'tmpfs', 'none', mount]);
    try {
      const filesystems = { filesystems: { unmount: [{ path: mount }] } };
      const steps = [{ containers: { engine: 'docker' } }, filesystems];
      const config = await configure([{ name: 'last', steps, restore: [{ containers: { action: 'start' } }] }]);
      const there = await gridwarden(['drill', '--config', config], { env: dockerd.env });
      expect(there.text).toMatch(/ok {6}Docker: answers; 1 container running/);
      expect(there.text).toMatch(/mnt: is mounted \(tmpfs\)/);
      const absent = await gridwarden(['drill', '--config', config], { env: { DOCKER_HOST: 'unix:///nowhere' } });
      expect(absent).toMatchObject({ code: 1, text: expect.stringMatching(/NOT OK {2}Docker: /) });
      expect(await dockerd.running()).toEqual(['web']);

      const words = ['drill', '--config', config, '--execute', 'rack'];
      const ran = await gridwarden([...words, 'last/containers', '--yes', 'last/containers'], { env: dockerd.env });
      expect(ran.code).toBe(0);
      expect(ran.text).toMatch(/ {2}web: running\n/);
      expect(await dockerd.running()).toEqual([]);
      const [, undo = ''] = /--undo '(.*)'/.exec(ran.text) ?? [];
      const back = 'last/restore/containers';
      const restored = await gridwarden([...words, back, '--yes', back, '--undo', undo], { env: dockerd.env });
      expect(restored.code).toBe(0);
      expect(await dockerd.running()).toEqual(['web']);
    } finally {
      execFileSync('/bin/umount', ['-l', mount]);
    }
  });
});

describeWith(['upsd', 'mosquitto'], 'check --live', () => {
  const DEV = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '3600' };

  test('a real server, a login, the time a plan has, and what it looks like', async () => {
    const upsd = await startUpsd({
      ups: {
        rack: { dev: DEV },
        short: { dev: { ...DEV, 'battery.runtime': '100' } },
        blind: { dev: { 'ups.status': 'OL' } },
      },
    });
    open.push({ dispose: () => upsd.stop() });
    const mosquitto = await startMosquitto();
    open.push(mosquitto);
    const nut = { host: '127.0.0.1', port: upsd.port, username: 'sec' };
    const steps = [{ exec: { command: ['/bin/true'] } }, { mqtt: { topic: 'lamp', payload: 'off' } }];
    const group = (feed: string) => ({
      feeds: [feed],
      stages: [{ name: 'last', steps }],
      host: { halt: true, command: ['/bin/true'] },
    });
    const more = (password: string) => ({
      mqtt: { url: `mqtt://127.0.0.1:${mosquitto.port}` },
      sources: { nas: { nut: { ...nut, password } } },
      groups: { rack: group('rack') },
    });
    const good = await gridwarden(['check', '--live', '--config', await configure([], more('ps'))]);
    expect(good.text).toMatch(/ok {6}source nas: answers, and lists .*rack/);
    expect(good.text).toMatch(/ok {6}login to rack: is accepted as a secondary/);
    expect(good.text).toMatch(/ok {6}UPS rack: is heard \(OL\), knows \d+ commands?/);
    expect(good.text).toMatch(/ok {6}gauges of rack: charge 100 %, runtime 1 h/);
    expect(good.text).toMatch(/ok {6}broker: connected/);
    expect(good.text).toMatch(/ok {6}time: needs 2 min 10 s of the 1 h that are there/);
    const wrong = good.text.split('\n').filter((line) => /^ *NOT OK/.test(line));
    // Whatever else may run where the test does.
    expect(wrong.filter((line) => !line.includes('another shutdown manager'))).toEqual([]);
    expect(good.text).toMatch(/\n {2}rack {20}#+>> 1 h\n/);
    expect(
      Math.max(
        ...good.text
          .slice(good.text.indexOf('needs 2 min 10 s (='))
          .split('\n')
          .map(({ length }) => length),
      ),
    ).toBeLessThanOrEqual(100);

    const bad = await configure([], {
      ...more('wrong'),
      groups: { a: group('short'), b: group('blind'), c: group('gone') },
    });
    const refused = await gridwarden(['check', '--live', '--config', bad]);
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(/NOT OK {2}login to short: the user may not .*, or the password is wrong/);
    expect(refused.text).toMatch(
      /NOT OK {2}time: the plan needs 2 min 10 s, more than 80 % of the 1 min 40 s that short lasts/,
    );
    expect(refused.text).toMatch(/NOT OK {2}gauges of blind: neither charge nor runtime/);
    expect(refused.text).toMatch(/NOT OK {2}UPS gone: no source lists it/);
    await upsd.killServer();
    const away = await gridwarden(['check', '--live', '--config', await configure([], more('ps'))]);
    expect(away).toMatchObject({
      code: 1,
      text: expect.stringMatching(/NOT OK {2}source nas: cannot be reached \(ECONNREFUSED/),
    });
  });

  test('a faulty configuration ends before anything is asked', async () => {
    const ran = await gridwarden(['check', '--live', '--config', await configure([], { node: 5 })]);
    expect(ran.code).toBe(2);
    expect(ran.text).toMatch(/node: /);
  });

  test('nothing is left behind of a look: who is logged in, and whom the server shut down', async () => {
    const upsd = await startUpsd({ ups: { rack: { dev: DEV } } });
    open.push({ dispose: () => upsd.stop() });
    const nut = { host: '127.0.0.1', port: upsd.port, username: 'mon', password: 'pm' };
    const steps = [{ ups: { action: 'fsd' } }, { ups: { name: 'off' } }];
    const config = await configure([], {
      sources: { nas: { nut } },
      groups: { rack: { feeds: ['rack'], stages: [{ name: 'last', steps }] } },
    });
    const ran = await gridwarden(['drill', '--config', config]);
    expect(ran.text).toMatch(/ok {6}FSD on rack: the login is that of a primary/);
    expect(ran.text).toMatch(/NOT OK {2}shutdown\.return: is not known to it/);
    expect(await upsd.ask('GET VAR rack ups.status')).toBe('VAR rack ups.status "OL"');
    expect(await upsd.ask('GET NUMLOGINS rack')).toBe('NUMLOGINS rack 0');
  });
});

test('a broker that is part of a bridge which does not run is away, in no more than its patience', async () => {
  const port = await freePort();
  const config = await configure([{ name: 'last', steps: [{ mqtt: { topic: 'x', payload: 'y' } }] }], {
    mqtt: { embedded: { listen: `127.0.0.1:${port}` } },
  });
  const ran = await gridwarden(['drill', '--config', config]);
  expect(ran).toMatchObject({ code: 1, text: expect.stringMatching(/NOT OK {2}broker: nothing listens there/) });
});
