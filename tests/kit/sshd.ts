import { mkdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { BUSYBOX_PROGRAM, SSHD_PROGRAM, UNSHARE_PROGRAM } from './presence.ts';
import { RunningProcess, run } from './process.ts';

/** Somebody who may log in. */
export interface SshUser {
  /** The program that reads their commands: a path, `ash` of BusyBox, or the text of a script of ours. */
  readonly shell: string;
  /** Accepted beside the key; default: none is. */
  readonly password?: string;
  /** Default 0: another name of root, so that a shutdown is theirs to do. */
  readonly uid?: number;
}

export interface SshdOptions {
  readonly users: Readonly<Record<string, SshUser>>;
  /** Text of scripts, by name: found first in PATH, so instead of the real programs. `$STATE` is a folder for what they note. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Lines of the sudoers file there. */
  readonly sudoers?: readonly string[];
  /** Kinds of host keys; default ed25519. */
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  /** Further lines for its configuration. */
  readonly lines?: readonly string[];
  readonly port?: number;
}

/** A real sshd on 127.0.0.1, with users, sudoers and processes of its own: when it ends, all that it runs ends. */
export interface Sshd {
  readonly port: number;
  readonly folder: string;
  /** A known_hosts file that knows it. */
  readonly knownHosts: string;
  /** Folder with `id_ed25519`, which every user accepts. */
  readonly keyFolder: string;
  readonly running: boolean;
  /** What a fake program has noted in a file of `$STATE`; empty: nothing yet. */
  noted(name: string): Promise<string>;
  lines(): readonly string[];
  /** Everything at once, as a plug that is pulled. */
  kill(): Promise<void>;
  dispose(): Promise<void>;
}

const START_MS = 10_000;

/** A `shutdown` that notes how it was called and ends the whole machine before it can answer. */
export const SUDDEN = 'echo "$0 $*" >>"$STATE/shutdown"; kill -TERM 1; sleep 5';

/** One that answers first and ends the machine a moment later. */
export const GENTLE = 'echo "$0 $*" >>"$STATE/shutdown"; (sleep 1; kill -TERM 1) >/dev/null 2>&1 </dev/null & exit 0';

/** A view of the file system with users of its own; sshd is process 1, so its end is that of all others. */
const IN_OWN_WORLD = `for f in passwd shadow group; do mount --bind "$1/etc/$f" "/etc/$f" || exit 1; done
[ ! -e "$1/etc/sudoers" ] || mount --bind "$1/etc/sudoers" /etc/sudoers || exit 1
exec ${SSHD_PROGRAM} -D -e -f "$1/sshd_config"`;

/** Starts one and waits until it listens. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-sshd-'));
  // Users who are not root have to get through.
  await chmod(folder, 0o755);
  mkdirSync('/run/sshd', { recursive: true });
  const port = options.port ?? (await freePort());
  for (const name of ['etc', 'bin', 'state', 'keys']) await mkdir(join(folder, name));
  await chmod(join(folder, 'state'), 0o777);
  await writeUsers(folder, options);
  for (const [name, text] of Object.entries(options.programs ?? {})) {
    await writeScript(join(folder, 'bin', name), `STATE=${join(folder, 'state')}\n${text}`);
  }
  const hostKeys = await makeKeys(folder, options.hostKeys ?? ['ed25519']);
  const knownHosts = join(folder, 'known_hosts');
  const publics = await Promise.all(hostKeys.map((file) => readFile(`${file}.pub`, 'utf8')));
  await writeFile(knownHosts, publics.map((text) => `[127.0.0.1]:${port} ${text}`).join(''));
  await writeFile(join(folder, 'sshd_config'), configuration(folder, port, hostKeys, options));

  const args = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--', 'sh', '-c', IN_OWN_WORLD, 'sh'];
  const sshd = new RunningProcess(UNSHARE_PROGRAM, [...args, folder], { name: 'sshd' });
  const kill = async () => {
    if (sshd.running) await sshd.kill();
  };
  const dispose = async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await sshd.waitForLine(/Server listening on 127/, START_MS);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port,
    folder,
    knownHosts,
    keyFolder: join(folder, 'keys'),
    get running() {
      return sshd.running;
    },
    noted: (name) => readFile(join(folder, 'state', name), 'utf8').catch(() => ''),
    lines: () => sshd.lines(),
    kill,
    dispose,
  };
}

/** Keys of the host, and one of a user whom everybody here lets in. */
async function makeKeys(folder: string, kinds: readonly string[]): Promise<readonly string[]> {
  const make = async (file: string, kind: string) => {
    await run('/usr/bin/ssh-keygen', [
      '-q',
      '-t',
      kind,
      '-N',
      '',
      '-f',
      file,
      ...(kind === 'rsa' ? ['-b', '2048'] : []),
    ]);
    return file;
  };
  const client = join(folder, 'keys', 'id_ed25519');
  await make(client, 'ed25519');
  await writeFile(join(folder, 'authorized_keys'), await readFile(`${client}.pub`, 'utf8'));
  return await Promise.all(kinds.map((kind) => make(join(folder, `host_${kind}`), kind)));
}

async function writeUsers(folder: string, { users, sudoers }: SshdOptions): Promise<void> {
  const etc = join(folder, 'etc');
  const lines = { passwd: '', shadow: '', group: '' };
  for (const file of ['passwd', 'shadow', 'group'] as const) lines[file] = await readFile(`/etc/${file}`, 'utf8');
  for (const [name, { shell, password, uid = 0 }] of Object.entries(users)) {
    const hash = password === undefined ? '*' : (await run('/usr/bin/openssl', ['passwd', '-6', password])).trim();
    lines.passwd += `${name}:x:${uid}:${uid}::${folder}:${await shellProgram(folder, name, shell)}\n`;
    lines.shadow += `${name}:${hash}:20000:0:99999:7:::\n`;
  }
  await writeFile(join(etc, 'passwd'), lines.passwd);
  await writeFile(join(etc, 'shadow'), lines.shadow, { mode: 0o600 });
  await writeFile(join(etc, 'group'), lines.group);
  if (sudoers !== undefined) await writeFile(join(etc, 'sudoers'), `${sudoers.join('\n')}\n`, { mode: 0o440 });
}

async function shellProgram(folder: string, name: string, shell: string): Promise<string> {
  if (shell.startsWith('/')) return shell;
  const file = join(folder, 'bin', shell === 'ash' ? 'ash' : `shell-of-${name}`);
  if (shell === 'ash') await symlink(BUSYBOX_PROGRAM, file).catch(() => undefined);
  else await writeScript(file, shell);
  return file;
}

const writeScript = (file: string, text: string): Promise<void> =>
  writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });

function configuration(folder: string, port: number, hostKeys: readonly string[], { lines = [] }: SshdOptions): string {
  // The first mention of a key counts.
  return `${[
    ...lines,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((file) => `HostKey ${file}`),
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication yes',
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'LogLevel VERBOSE',
    'MaxStartups 100',
    `SetEnv PATH=${join(folder, 'bin')}:/usr/bin:/bin`,
  ].join('\n')}\n`;
}
