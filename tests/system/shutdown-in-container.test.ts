import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Dockerd, IMAGE, OBEDIENT, startDockerd } from '../kit/dockerd.ts';
import { PROGRAM } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { GENTLE, type Sshd, startSshd } from '../kit/sshd.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800' };
const LOW = { 'ups.status': 'OB DISCHRG LB', 'battery.charge': '9', 'battery.runtime': '60' };
const BRIDGE = 'gridwarden/home/bridge';
type Payload = Record<string, unknown>;

/** Node 20 of Debian, of a version manager, or of nodejs.org: the libraries are those of the system in any case. */
const BINDS = [process.execPath, '/lib', '/lib64', dirname(PROGRAM), resolve('node_modules')];

describeWith(['upsd', 'mosquitto', 'docker', 'sshd'], 'a container that shuts its machine down', () => {
  let upsd: Upsd;
  let broker: Mosquitto;
  let dockerd: Dockerd;
  let machine: Sshd;
  let house: Observer;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-container-'));
    dockerd = await startDockerd();
    [upsd, broker, machine] = await Promise.all([
      startUpsd({ ups: { rack: { dev: MAINS } } }),
      startMosquitto(),
      startSshd({
        users: { gw: { shell: '/bin/bash' } },
        programs: {
          docker: `DOCKER_HOST=${dockerd.env.DOCKER_HOST} exec /usr/bin/docker "$@"`,
          podman: '[ "$1" = ps ]',
          shutdown: GENTLE,
        },
      }),
    ]);
    await dockerd.add('web', OBEDIENT);
  }, 60_000);
  afterEach(async () => {
    await house?.close();
    await Promise.all([dockerd?.dispose(), machine?.dispose(), broker?.dispose(), upsd?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** As docs/docker.md has it: an unprivileged user, the configuration read-only, a volume for the state. */
  const start = async (known_hosts = machine.knownHosts) => {
    const [etc, state] = [join(folder, 'etc'), join(folder, 'state')];
    await Promise.all([mkdir(etc), mkdir(state)]);
    await Promise.all([
      copyFile(join(machine.keyFolder, 'id_ed25519'), join(etc, 'id_ed25519')),
      copyFile(known_hosts, join(state, 'known_hosts')),
    ]);
    const ssh = { host: '127.0.0.1', port: machine.port, user: 'gw', key: join(etc, 'id_ed25519') };
    const config = {
      armed: true,
      mqtt: { url: broker.url },
      http: { listen: '127.0.0.1:0' },
      sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
      triggers: { settle: '1s', hold: '1s', mains_hold: '1s' },
      groups: {
        lab: {
          feeds: ['rack'],
          stages: [{ name: 'guests', steps: [{ ssh: { ...ssh, actions: [{ stop_containers: { wait: '5s' } }] } }] }],
          host: { halt: true, ssh },
        },
      },
    };
    await writeFile(join(etc, 'gridwarden.yaml'), JSON.stringify(config));
    for (const [path, mode] of [
      [folder, 0o755],
      [state, 0o777],
      [join(etc, 'id_ed25519'), 0o644],
    ] as const)
      await chmod(path, mode);
    const binds = [...BINDS, etc].flatMap((path) => ['-v', `${path}:${path}:ro`]);
    const words = ['--network', 'host', '--user', '1000:1000', ...binds, '-v', `${state}:${state}`];
    const env = ['-e', `STATE_DIRECTORY=${state}`];
    const program = [process.execPath, PROGRAM, 'run', '--config', join(etc, 'gridwarden.yaml')];
    await dockerd.docker('run', '-d', '--name', 'gridwarden', ...words, ...env, IMAGE, ...program);
    house = await observe(broker.port);
    await house
      .until('gridwarden/home/group/lab', ({ state: now }) => now === 'calm', 20_000)
      .catch(async (thrown) => {
        throw new Error(await dockerd.docker('logs', 'gridwarden'), { cause: thrown });
      });
  };
  const fact = (type: string, step?: string) =>
    house.next<Payload>(
      `${BRIDGE}/event`,
      (one) => one['event_type'] === type && (step === undefined || one['step'] === step),
      30_000,
    );

  test('stops the other containers over SSH, passes itself over, and halts the machine last', async () => {
    await start();
    const [guests, halt] = [fact('step_done', 'guests/ssh'), fact('step_done', 'host')];
    await upsd.set('rack', LOW);
    await guests;
    expect(await dockerd.running()).toEqual(['gridwarden']);
    expect((await halt)['text']).toContain('127.0.0.1: shut down');
    expect(await machine.noted('shutdown')).toMatch(/shutdown -h now\n$/);
  }, 90_000);

  test('halts nothing where another machine answers in its place, and says so', async () => {
    const other = join(folder, 'other');
    await run('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const [kind, key] = (await run('/usr/bin/cat', [join(folder, 'key.pub')])).split(' ');
    await writeFile(other, `[127.0.0.1]:${machine.port} ${kind} ${key}\n`);
    await start(other);
    const [guests, halt] = [fact('step_failed', 'guests/ssh'), fact('step_failed', 'host')];
    await upsd.set('rack', LOW);
    expect((await guests)['text']).toMatch(/identity/);
    expect((await halt)['text']).toMatch(/identity/);
    expect([await dockerd.running(), await machine.noted('shutdown')]).toEqual([['gridwarden', 'web'], '']);
  }, 90_000);
});
