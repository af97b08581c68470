import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIBVIRTD_PROGRAM, QEMU_PROGRAM, VIRSH_PROGRAM } from './presence.ts';
import { RunningProcess, run } from './process.ts';

/**
 * A real libvirtd in a temporary folder of its own, with a socket that nobody else knows.
 *
 * `test`: libvirt's own test driver, whose VMs are of paper and obey at once. It forgets everything with its last
 * connection, so one is kept. `qemu`: real QEMU without an operating system in it: it runs, can be suspended, saved and
 * destroyed, and is deaf to its power button.
 */
export interface Libvirtd {
  readonly uri: string;
  /** Where `qemu` writes what it saves. */
  readonly saves: string;
  /** Runs the real virsh; what it says, without the empty lines. */
  virsh(...words: readonly string[]): Promise<string>;
  /** Defines a VM, and starts it. */
  add(name: string): Promise<void>;
  /** Names of the VMs that run, in order. */
  running(): Promise<readonly string[]>;
  state(name: string): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  dispose(): Promise<void>;
}

const START_MS = 15_000;
/** nobody: root's libvirtd would want an account for its QEMUs, and a machine that is its own. */
const NOBODY = 65_534;

/** Starts a libvirtd and waits until it answers. */
export async function startLibvirtd(driver: 'test' | 'qemu'): Promise<Libvirtd> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-libvirtd-'));
  await writeFile(
    join(folder, 'conf'),
    `unix_sock_dir = "${folder}"\nauth_unix_rw = "none"\nlog_outputs = "3:stderr"\n`,
  );
  for (const name of ['run', 'drivers', 'config']) await mkdir(join(folder, name));
  for (const name of ['.', 'run', 'config']) await chown(join(folder, name), NOBODY, NOBODY);
  await chmod(folder, 0o755);
  const words = [LIBVIRTD_PROGRAM, '--config', join(folder, 'conf'), '--pid-file', join(folder, 'pid')];
  // Another user forgets whom it dies with, so that is said again.
  const nobody = ['--pdeathsig', 'KILL', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--'];
  const home = { HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run'), XDG_CACHE_HOME: join(folder, 'cache') };
  const daemon = new RunningProcess('setpriv', [...(driver === 'qemu' ? nobody : ['--']), ...words], {
    name: 'libvirtd',
    env: {
      ...home,
      XDG_CONFIG_HOME: join(folder, 'config'),
      // Without its other drivers it touches nothing of this machine.
      LIBVIRT_DRIVER_DIR: driver === 'test' ? join(folder, 'drivers') : undefined,
    },
  });
  const socket = join(folder, 'libvirt-sock');
  const uri = driver === 'test' ? `test+unix:///default?socket=${socket}` : `qemu+unix:///session?socket=${socket}`;
  const virsh = async (...given: readonly string[]) => {
    const said = await run(VIRSH_PROGRAM, ['-q', '-c', uri, ...given], { env: { LC_ALL: 'C' } });
    return said
      .split('\n')
      .filter((line) => line !== '')
      .join('\n');
  };
  const end = performance.now() + START_MS;
  for (;;) {
    const isThere = await virsh('list').then(
      () => true,
      () => false,
    );
    if (isThere) break;
    if (!daemon.running || performance.now() > end) throw new Error(`no libvirtd:\n${daemon.lines().join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const keeper = new RunningProcess(VIRSH_PROGRAM, ['-c', uri, 'event', '--loop', '--event', 'lifecycle']);
  if (driver === 'test') await untilKept(folder, virsh);
  let files = 0;
  return {
    uri,
    saves: join(folder, 'config/libvirt/qemu/save'),
    virsh,
    add: async (name) => {
      files += 1;
      const file = join(folder, `${files}.xml`);
      await writeFile(file, driver === 'test' ? paperVm(name) : deafVm(name));
      await virsh('define', file);
      await virsh('start', '--domain', await uuidOf(virsh, name));
    },
    running: async () => {
      const said = await virsh('list', '--name', '--state-running');
      return said
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.trim())
        .sort();
    },
    state: async (name) => await virsh('domstate', await uuidOf(virsh, name)),
    signal: (signal) => daemon.signal(signal),
    dispose: async () => {
      daemon.signal('SIGCONT');
      const ids = await virsh('list', '--uuid').catch(() => '');
      for (const id of ids.split('\n')) if (id !== '') await virsh('destroy', id).catch(() => undefined);
      await keeper.kill();
      await daemon.stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for the connection that is kept: once it is there, what one virsh defines is there for the next. */
async function untilKept(folder: string, virsh: Libvirtd['virsh']): Promise<void> {
  const file = join(folder, 'mark.xml');
  await writeFile(file, paperVm('mark'));
  const end = performance.now() + START_MS;
  do {
    if (performance.now() > end) throw new Error('the test driver forgets what it is told');
    await virsh('define', file);
  } while (!(await virsh('list', '--all', '--name')).includes('mark'));
  await virsh('undefine', 'mark');
}

/** A name may be taken for a number of libvirt's own, so the list says whose UUID it is. */
async function uuidOf(virsh: Libvirtd['virsh'], name: string): Promise<string> {
  const said = await virsh('list', '--all', '--uuid', '--name');
  const line = said.split('\n').find((one) => one.slice(37).trim() === name);
  if (line === undefined) throw new Error(`no VM ${name} in:\n${said}`);
  return line.slice(0, 36);
}

const escaped = (name: string): string => name.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);

const paperVm = (name: string): string =>
  `<domain type='test'><name>${escaped(name)}</name><memory>8192</memory><os><type>hvm</type></os></domain>`;

const deafVm = (name: string): string =>
  `<domain type='qemu'><name>${escaped(name)}</name><memory unit='MiB'>16</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
  <devices><emulator>${QEMU_PROGRAM}</emulator></devices></domain>`;
