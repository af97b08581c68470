import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUSYBOX_PROGRAM, DOCKERD_PROGRAM } from './presence.ts';
import { RunningProcess, run } from './process.ts';

/** A real Docker in a temporary folder of its own, without network, whose one image is a busybox. */
export interface Dockerd {
  /** For programs that are to use it. */
  readonly env: { readonly DOCKER_HOST: string };
  /** Runs the real docker; what it says. */
  docker(...words: readonly string[]): Promise<string>;
  /** Starts a container that runs a shell text, and gives its whole id. */
  add(name: string, script: string, ...options: readonly string[]): Promise<string>;
  /** Names of the containers that run, in order. */
  running(): Promise<readonly string[]>;
  signal(signal: NodeJS.Signals): void;
  dispose(): Promise<void>;
}

/** A shell text that ends at once when it is told to. */
export const OBEDIENT = 'trap "exit 0" TERM; while true; do sleep 0.1; done';
/** A shell text that has to be killed. */
export const DEAF = 'trap "" TERM; while true; do sleep 0.1; done';
export const IMAGE = 'busybox-of-tests';

const DOCKER = '/usr/bin/docker';
const START_MS = 20_000;

/** Starts a dockerd and waits until it answers. */
export async function startDockerd(): Promise<Dockerd> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-dockerd-'));
  const host = `unix://${folder}/docker.sock`;
  const env = { DOCKER_HOST: host, DOCKER_CONFIG: join(folder, 'config') };
  const words = ['--storage-driver=vfs', '--iptables=false', '--bridge=none', '--host', host];
  const folders = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')];
  const pid = join(folder, 'pid');
  const daemon = new RunningProcess(DOCKERD_PROGRAM, [...words, ...folders, '--pidfile', pid], { name: 'dockerd' });
  await daemon.waitForLine(/API listen on/, START_MS);
  const docker = (...given: readonly string[]) => run(DOCKER, given, { env });
  await docker('import', await busyboxTree(folder), IMAGE);
  return {
    env,
    docker,
    add: async (name, script, ...options) => {
      const network = options.includes('--network') ? [] : ['--network', 'none'];
      await docker('run', '-d', ...network, '--name', name, ...options, IMAGE, '/bin/sh', '-c', script);
      return (await docker('inspect', '--format', '{{.Id}}', name)).trim();
    },
    running: async () => {
      const said = await docker('ps', '--format', '{{.Names}}');
      return said
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    },
    signal: (signal) => daemon.signal(signal),
    dispose: async () => {
      daemon.signal('SIGCONT');
      const ids = (await docker('ps', '-aq')).split('\n').filter((line) => line !== '');
      if (ids.length > 0) await docker('rm', '-f', ...ids);
      await daemon.stop('SIGTERM', 20_000);
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Makes a tar file of a machine that has nothing but busybox.
 *
 * @returns its path
 */
export async function busyboxTree(folder: string): Promise<string> {
  const root = join(folder, `tree-${randomBytes(4).toString('hex')}`);
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile(BUSYBOX_PROGRAM, join(root, 'bin/busybox'));
  await run('/usr/bin/chmod', ['755', join(root, 'bin/busybox')]);
  for (const name of ['sh', 'sleep', 'true']) await symlink('busybox', join(root, 'bin', name));
  const tar = `${root}.tar`;
  await run('/usr/bin/tar', ['-C', root, '-c', '-f', tar, '.']);
  return tar;
}

/**
 * Writes a compose file of services that run a shell text each, every one after the one before it.
 *
 * @returns its path
 */
export async function composeFile(folder: string, services: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(folder, { recursive: true });
  const names = Object.keys(services);
  const lines = names.flatMap((name, index) => [
    `  ${name}:`,
    `    image: ${IMAGE}`,
    `    network_mode: none`,
    // compose takes a dollar for the beginning of a variable.
    `    command: ${JSON.stringify(['/bin/sh', '-c', services[name]?.replaceAll('$', '$$')])}`,
    ...(index === 0 ? [] : [`    depends_on: [${names[index - 1]}]`]),
  ]);
  const file = join(folder, 'compose.yml');
  await writeFile(file, `${['version: "2.4"', 'services:', ...lines].join('\n')}\n`);
  return file;
}

/** What an engine leaves mounted; rm would go through it. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  for (const mount of mounts.reverse()) {
    if (mount.startsWith(`${folder}/`)) await run('/usr/bin/umount', ['--lazy', mount]);
  }
}
