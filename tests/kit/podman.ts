import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxTree, IMAGE, unmountBelow } from './dockerd.ts';
import { PODMAN_PROGRAM } from './presence.ts';
import { run } from './process.ts';

/** A real Podman with storage of its own, whose one image is a busybox. */
export interface UsersPodman {
  /** For programs that are to use the machine's; the user's needs nothing. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Absent: it is the machine's, with its storage elsewhere. */
  readonly user?: string;
  /** Starts a container that runs a shell text. */
  add(name: string, script: string, ...options: readonly string[]): Promise<void>;
  /**
   * Starts what `podman-compose up` would for one service of a project, with the names and labels it gives.
   * Debian's own (1.0.3) always joins a network that it makes, which needs a bridge that not every machine has.
   */
  addService(project: string, service: string, script: string): Promise<void>;
  /** Names of the containers that run, in order. */
  running(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** Where the limits of this machine are below what Podman gives a container, it cannot start one. */
const SETTINGS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n';

const CLEANED_MS = 10_000;

/** @param whose `user`: of a user who is made for it, with a folder in /run/user as if logged in, and taken away again */
export async function startPodman(whose: 'machine' | 'user' = 'machine'): Promise<UsersPodman> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-podman-'));
  await chmod(folder, 0o755);
  const account = whose === 'user' ? await addUser(folder) : undefined;
  const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/graph"\nrunroot = "${folder}/run"\n`;
  await writeFile(join(folder, 'storage.conf'), storage);
  await writeFile(join(folder, 'containers.conf'), SETTINGS);
  const env = account?.env ?? {
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    CONTAINERS_CONF: join(folder, 'containers.conf'),
  };
  const before = account === undefined ? [] : ['runuser', '-u', account.name, '--'];
  const podman = (...words: readonly string[]) => {
    const [program = '', ...rest] = [...before, PODMAN_PROGRAM, ...words];
    return run(program, rest, { env, cwd: '/' });
  };
  await podman('import', await busyboxTree(folder), IMAGE);
  const add = async (name: string, script: string, ...options: readonly string[]) => {
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];
    const given = ['--network', 'none', ...limits, '--name', name, ...options];
    await podman('run', '-d', ...given, IMAGE, '/bin/sh', '-c', script);
  };
  return {
    env,
    folder,
    ...(account !== undefined && { user: account.name }),
    add,
    addService: (project, service, script) =>
      add(
        `${project}_${service}_1`,
        script,
        ...['--label', `io.podman.compose.project=${project}`, '--label', `com.docker.compose.service=${service}`],
      ),
    running: async () => {
      const said = await podman('ps', '--format', '{{.Names}}');
      return said
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    },
    dispose: async () => {
      await podman('rm', '-f', '-t', '0', '-a');
      await account?.remove();
      await unmountBelow(folder);
      // What cleans up behind a container comes late, and would make the folder anew.
      const end = performance.now() + CLEANED_MS;
      while ((await isNamedByProcess(folder)) && performance.now() < end) await sleep(100);
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** Whether the words of a process name a path. */
async function isNamedByProcess(path: string): Promise<boolean> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const words = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return words.some((line) => line.includes(path));
}

async function addUser(folder: string) {
  const name = `gw-${randomBytes(4).toString('hex')}`;
  const home = join(folder, 'home');
  await run('/usr/sbin/useradd', ['-m', '-d', home, '-K', 'UID_MIN=20000', '-K', 'UID_MAX=29999', name]);
  const uid = (await run('/usr/bin/id', ['-u', name])).trim();
  const runtime = `/run/user/${uid}`;
  await mkdir(runtime, { recursive: true, mode: 0o700 });
  await run('/usr/bin/chown', [name, runtime]);
  return {
    name,
    env: { HOME: home, USER: name, LOGNAME: name, XDG_RUNTIME_DIR: runtime },
    remove: async () => {
      // The process that keeps the user's namespaces.
      const pause = Number(await readFile(join(runtime, 'libpod/tmp/pause.pid'), 'utf8').catch(() => 'none'));
      if (Number.isInteger(pause) && pause > 1) process.kill(pause, 'SIGKILL');
      await sleep(200);
      await unmountBelow(runtime);
      await run('/usr/sbin/userdel', ['--force', name]);
      await rm(runtime, { recursive: true, force: true });
    },
  };
}
