import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeFile, type Dockerd, OBEDIENT, startDockerd } from '../kit/dockerd.ts';
import type { LogLine } from '../kit/gridwarden.ts';
import { type Libvirtd, startLibvirtd } from '../kit/libvirtd.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { World } from '../kit/own-world.ts';
import { describeWith } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { type SshHosts, startSshHosts } from '../kit/ssh-hosts.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const LOW = { 'ups.status': 'OB DISCHRG LB', 'battery.charge': '90', 'battery.runtime': '1700', 'input.voltage': '0' };
const USERS = `[gw]
  password = pp
  actions = SET
  instcmds = ALL
  upsmon primary
`;
const HOSTS = {
  'nas.test': 'gentle',
  'db.test': 'gentle',
  'web.test': 'sudden',
  'mail.test': 'sudden',
  'lab-1.test': 'gentle',
  'lab-2.test': 'gentle',
  'lab-3.test': 'sudden',
  'cam.test': 'sudden',
  'pve.test': 'gentle',
  'build.test': 'gentle',
  'stuck.test': 'hangs',
  'away.test': 'gone',
} as const;
/** Both groups have these, and shut them down once. */
const SHARED = ['nas.test', 'db.test'];

interface Shown {
  readonly state: string;
  readonly percent: number | null;
  readonly counts: Readonly<Record<string, number>> | null;
  readonly steps: readonly {
    readonly key: string;
    readonly state: string;
    readonly result: string | null;
    readonly items: readonly { readonly item: string; readonly state: string }[];
  }[];
}

const ANOTHER_BOOT = '0b0074b0-0000-4000-8000-000000000002';

describeWith(['upsd', 'mosquitto', 'sshd', 'docker', 'libvirt', 'mounts'], 'everything that hangs on two UPSes', () => {
  let folder: string;
  let upsd: Upsd;
  let broker: Mosquitto;
  let house: Observer;
  let hosts: SshHosts;
  let docker: Dockerd;
  let libvirt: Libvirtd;
  let world: World;
  let hook: Server;
  let app: string;
  const asked: string[] = [];
  /** What ran before the outage. */
  let before: { readonly containers: readonly string[]; readonly vms: readonly string[] };
  const mounts: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-everything-'));
    [upsd, broker, hosts, docker, libvirt, world] = await Promise.all([
      startUpsd({ ups: { a: { dev: MAINS }, b: { dev: MAINS } }, users: USERS }),
      startMosquitto(),
      startSshHosts(folder, HOSTS),
      startDockerd(),
      startLibvirtd('test'),
      World.make(),
    ]);
    hook = createServer((request: IncomingMessage, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('fine');
    }).listen(0, '127.0.0.1');
    await once(hook, 'listening');
    app = await composeFile(join(folder, 'app'), { database: OBEDIENT, site: OBEDIENT });
    await run('/usr/bin/docker-compose', ['-f', app, 'up', '-d'], { env: docker.env });
    for (const name of ['proxy', 'dns']) await docker.add(name, OBEDIENT);
    for (const name of ['vm-one', 'vm-two']) await libvirt.add(name);
    for (const name of ['data', 'busy']) {
      const path = join(folder, name);
      await mkdir(path);
      execFileSync('/bin/mount', ['-t', 'tmpfs', 'none', path]);
      mounts.push(path);
    }
    await world.names(`127.0.0.1 localhost\n${hosts.names}`);
  }, 120_000);
  afterAll(async () => {
    await house?.close();
    await world?.dispose();
    hook?.closeAllConnections();
    hook?.close();
    for (const path of mounts) execFileSync('/bin/umount', ['-l', path]);
    await Promise.all([libvirt?.dispose(), docker?.dispose(), hosts?.dispose(), broker?.dispose(), upsd?.stop()]);
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const ssh = (name: string) => {
    const host = hosts.hosts.find((one) => one.name === name);
    const actions = name === 'db.test' ? [{ stop_units: ['postgresql.service'] }, { sync: { wait: '5s' } }] : [];
    const deadline = name === 'stuck.test' ? '8s' : '20s';
    return {
      ssh: {
        name: name.replace('.test', ''),
        ...host?.reach,
        connect_timeout: '3s',
        actions,
        shutdown: true,
        deadline,
      },
    };
  };

  const configuration = () => ({
    armed: true,
    mqtt: { url: broker.url },
    sources: { nut: { nut: { host: '127.0.0.1', port: upsd.port, username: 'gw', password: 'pp' } } },
    triggers: { settle: '1s', hold: '1s', mains_hold: '1s', charge_below: 20, dead_after: '5s' },
    groups: {
      rack: {
        feeds: ['a'],
        stages: [
          {
            name: 'shed',
            steps: [
              { vms: { uri: libvirt.uri, wait: '5s' } },
              { containers: { engine: 'docker', compose: [{ file: app, wait: '5s' }], except: ['dns'], wait: '5s' } },
              { http: { url: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/off` } }, // it listens
              { mqtt: { topic: 'house/ups', payload: 'off', await: { topic: 'house/ups/ack', payload: 'yes' } } },
              { exec: { after: ['vms', 'containers', 'http', 'mqtt'], command: world.leaves('shed') } },
            ],
            restore: [
              { vms: { uri: libvirt.uri, action: 'start' } },
              { containers: { engine: 'docker', action: 'start', compose: [{ file: app }] } },
              { exec: { after: ['vms', 'containers'], command: world.leaves('shed back') } },
            ],
          },
          {
            name: 'hosts',
            steps: Object.keys(HOSTS).map(ssh),
            restore: [{ exec: { command: world.leaves('hosts back') } }],
          },
          {
            name: 'disks',
            steps: [
              { filesystems: { unmount: mounts.map((path) => ({ path })) } },
              { exec: { after: ['filesystems'], command: world.leaves('disks') } },
            ],
          },
          {
            name: 'power',
            steps: [
              { ups: { name: 'others', action: 'fsd', wait: '2s' } },
              { ups: { name: 'flag', after: ['others'], action: 'killpower', flag: join(folder, 'killpower') } },
              { ups: { name: 'cycle', after: ['flag'], action: 'shutdown_return', delay: '2m' } },
              { exec: { after: ['cycle'], command: world.leaves('power') } },
            ],
          },
        ],
        host: { halt: true },
      },
      annex: {
        feeds: ['b'],
        stages: [{ name: 'hosts', steps: [...SHARED.map(ssh), { exec: { command: world.leaves('annex') } }] }],
        host: { halt: true },
      },
    },
  });

  const shutdownOf = (group: string) => `gridwarden/home/group/${group}/shutdown`;
  /** Everything that the topic of a group has said since a message. */
  const shown = (group: string, from: number) =>
    house.messages
      .slice(from)
      .flatMap(({ topic, text }) => (topic === shutdownOf(group) && text !== '' ? [JSON.parse(text) as Shown] : []));
  const stateOf = ({ steps }: Shown) => Object.fromEntries(steps.map(({ key, state }) => [key, state]));
  const resultOf = ({ steps }: Shown, key: string) => steps.find((step) => step.key === key)?.result;

  test('is shut down in order, by every kind of step, and told down to its items', async () => {
    before = { containers: await docker.running(), vms: await libvirt.running() };
    await world.configure(configuration());
    await world.start({ env: docker.env });
    house = await observe(broker.port);
    house.client.mqtt.on('message', (topic, payload) => {
      if (topic === 'house/ups' && payload.toString() === 'off') void house.publish('house/ups/ack', 'yes');
    });
    await house.until('gridwarden/home/group/rack', ({ state }) => state === 'calm', 15_000);
    await house.until('gridwarden/home/group/annex', ({ state }) => state === 'calm', 15_000);
    // Within the view that the program has of the file systems, somebody works on a disk.
    const words = [
      '--target',
      `${world.process.pid}`,
      '--mount',
      '--',
      'sh',
      '-c',
      'cd "$0" && echo && exec sleep 300',
    ];
    const holder = spawn('/usr/bin/nsenter', [...words, join(folder, 'busy')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');

    const from = house.messages.length;
    const ended = ['rack', 'annex'].map((group) => world.fact('run_ended', { about: group, within: 60_000 }));
    await Promise.all([upsd.set('a', LOW), upsd.set('b', LOW)]);
    await Promise.all(ended);
    const last = await house.until<Shown>(shutdownOf('rack'), ({ state }) => state === 'ended');
    const annex = await house.until<Shown>(shutdownOf('annex'), ({ state }) => state === 'ended');
    holder.kill();

    // One stage after the other, and the halt, of both together, once and last of all.
    expect(stagesOf(world.lines(), 'rack')).toEqual(['shed', 'hosts', 'disks', 'power', 'host']);
    expect(await world.acts()).toEqual(['annex', 'shed', 'disks', 'power', 'halt']);

    const failed = { 'hosts/stuck': 'timed-out', 'hosts/away': 'failed', 'disks/filesystems': 'failed' };
    const steps = last.steps.map(({ key }) => [key, 'done']);
    // The simulated driver knows no such command: the flag is what cuts its power.
    expect(stateOf(last)).toEqual({ ...Object.fromEntries(steps), ...failed, 'power/cycle': 'failed' });
    expect(last.counts).toMatchObject({ planned: 24, done: 20, failed: 4, skipped: 0 });
    expect(stateOf(annex)).toEqual({ 'hosts/nas': 'done', 'hosts/db': 'done', 'hosts/exec': 'done', host: 'done' });

    for (const { name, kind, sshd } of hosts.hosts) {
      if (sshd === undefined) continue;
      expect([name, sshd.running]).toEqual([name, kind === 'hangs']);
      // Once each, whoever wanted it.
      expect([name, (await sshd.noted('shutdown')).trim().split('\n').length]).toEqual([name, 1]);
    }
    expect(await hosts.hosts.find(({ name }) => name === 'db.test')?.sshd?.noted('systemctl')).toBe(
      'stop postgresql.service ',
    );
    for (const key of SHARED.map((name) => `hosts/${name.replace('.test', '')}`)) {
      expect(resultOf(last, key)).toMatch(/it no longer answers \(by the run of annex\)$/);
    }
    expect(resultOf(last, 'disks/filesystems')).toMatch(/^2 of 3 done; failed: \S+busy \(is busy, used by sleep /);
    expect(await docker.running()).toEqual(['dns']);
    expect(await libvirt.running()).toEqual([]);
    expect(asked).toEqual(['POST /off']);
    expect(upsd.log().filter((line) => /forced shutdown|FSD/i.test(line)).length).toBeGreaterThan(0);
    expect(await upsd.ask('GET VAR a ups.status')).toMatch(/FSD/);
    expect(existsSync(join(folder, 'killpower'))).toBe(true);

    // Down to the single machine, while it happens.
    const items = shown('rack', from).flatMap(({ steps: all }) =>
      all.flatMap(({ key, items: within }) => within.map(({ item, state }) => `${key} ${item} ${state}`)),
    );
    for (const item of ['shed/vms vm-one', 'shed/containers app_site_1', 'hosts/web shutdown']) {
      expect(items).toContain(`${item} done`);
    }
    // What is within a step is told once a second, so that only what lasts is seen on its way.
    expect(items).toContain('hosts/stuck shutdown running');
    const percents = shown('rack', from).map(({ percent }) => percent ?? 0);
    expect(percents).toEqual(percents.toSorted((one, other) => one - other));
    expect(percents.at(-1)).toBe(100);
  }, 100_000);

  test('comes back with the mains, after the machine has started again: the last stage first', async () => {
    await world.kill();
    await Promise.all([upsd.set('a', MAINS), upsd.set('b', MAINS)]);
    // The forced shutdown has ended its server as well.
    await upsd.killServer();
    await upsd.startServer();
    await world.boots(ANOTHER_BOOT);
    await world.start({ env: docker.env });
    await world.fact('restore_ended', { about: 'rack', within: 40_000 });
    expect((await world.acts()).slice(5)).toEqual(['hosts back', 'shed back']);
    expect(await docker.running()).toEqual(before.containers);
    expect(await libvirt.running()).toEqual(before.vms);
    expect(existsSync(join(folder, 'killpower'))).toBe(false);
    const restored = await house.until<Shown>(shutdownOf('rack'), ({ state }) => state === 'restored');
    expect(stateOf(restored)).toMatchObject({ 'shed/restore/vms': 'done', 'shed/restore/containers': 'done' });
  }, 60_000);
});

/** The stages of a group in the order of its log; each as often as one of its steps begins or ends after another's. */
function stagesOf(lines: readonly LogLine[], group: string): readonly string[] {
  const stages = lines.flatMap(({ event, msg }) => {
    if (event?.startsWith('step_') !== true) return [];
    const [, stage] = new RegExp(`^${group}: ([^/: ]+)`).exec(msg) ?? [];
    return stage === undefined ? [] : [stage];
  });
  return stages.filter((stage, at) => stage !== stages[at - 1]);
}
