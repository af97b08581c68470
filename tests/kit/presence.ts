import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';

/** Where `scripts/system-install.sh` puts the servers that Debian has no package for. */
const SYSTEM_DIR = process.env['GRIDWARDEN_SYSTEM_DIR'] || '/var/cache/gridwarden-system';

/** The Debian tree Home Assistant is installed in; its `complete` file names the version. */
export const HOME_ASSISTANT_ROOT = join(SYSTEM_DIR, 'home-assistant');

/** Node-RED's own start script. */
export const NODE_RED_PROGRAM = join(SYSTEM_DIR, 'node-red/node_modules/node-red/red.js');

export const UPSD_PROGRAM = '/lib/nut/upsd';
export const DUMMY_UPS_PROGRAM = '/lib/nut/dummy-ups';
export const NUTDRV_QX_PROGRAM = '/lib/nut/nutdrv_qx';
export const SOCAT_PROGRAM = '/usr/bin/socat';
export const UPSMON_PROGRAM = '/lib/nut/upsmon';
export const UNSHARE_PROGRAM = '/usr/bin/unshare';
export const LIBVIRTD_PROGRAM = '/usr/sbin/libvirtd';
export const VIRSH_PROGRAM = '/usr/bin/virsh';
export const QEMU_PROGRAM = '/usr/bin/qemu-system-x86_64';
export const DOCKERD_PROGRAM = '/usr/sbin/dockerd';
export const PODMAN_PROGRAM = '/usr/bin/podman';
export const BUSYBOX_PROGRAM = '/usr/bin/busybox';
export const MOSQUITTO_PROGRAM = '/usr/sbin/mosquitto';
export const SSHD_PROGRAM = '/usr/sbin/sshd';
export const TCSH_PROGRAM = '/usr/bin/tcsh';
export const FISH_PROGRAM = '/usr/bin/fish';
export const IP_PROGRAM = '/usr/sbin/ip';
export const FAKETIME_LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** A real server a system test can ask for. */
export type Server =
  | 'mounts'
  | 'upsd'
  | 'upsmon'
  | 'serial-ups'
  | 'mosquitto'
  | 'promtool'
  | 'home-assistant'
  | 'node-red'
  | 'systemd-notify'
  | 'network-namespace'
  | 'libvirt'
  | 'qemu'
  | 'docker'
  | 'podman'
  | 'sshd'
  | 'faketime';

/** Per server why it cannot be used here; undefined: it can. */
const ABSENCE: Readonly<Record<Server, () => string | undefined>> = {
  mounts: () =>
    forRoot('a file system to mount', '/usr/sbin/fsfreeze', '/usr/sbin/mkfs.ext4', '/dev/fuse', '/dev/loop-control') ??
    (spawnSync(UNSHARE_PROGRAM, ['--mount', '--', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
      ? undefined
      : 'mounts of our own are not allowed in every container'),
  upsd: () => absentFile('NUT', UPSD_PROGRAM, DUMMY_UPS_PROGRAM),
  'serial-ups': () => absentFile('NUT', UPSD_PROGRAM, NUTDRV_QX_PROGRAM) ?? absentFile('socat', SOCAT_PROGRAM),
  upsmon: () =>
    absentFile('upsmon', UPSMON_PROGRAM, UNSHARE_PROGRAM) ??
    (spawnSync(UNSHARE_PROGRAM, ['--mount', '--', 'true']).status === 0
      ? undefined
      : 'upsmons side by side need a mount namespace each, which only root gets, and not in every container'),
  mosquitto: () => absentFile('mosquitto', MOSQUITTO_PROGRAM, '/usr/bin/mosquitto_passwd'),
  promtool: () => absentFile('promtool', '/usr/bin/promtool'),
  'home-assistant': () => {
    const marker = join(HOME_ASSISTANT_ROOT, 'complete');
    if (!existsSync(marker)) return absentFile('Home Assistant', marker);
    return process.getuid?.() === 0 ? undefined : 'Home Assistant runs in a chroot, and only root may enter one';
  },
  // Python hears what it says: Node has no Unix datagram sockets.
  'systemd-notify': () => absentFile('systemd-notify', '/usr/bin/systemd-notify', '/usr/bin/python3'),
  'network-namespace': () =>
    absentFile('iproute2', IP_PROGRAM, UNSHARE_PROGRAM) ??
    (spawnSync(UNSHARE_PROGRAM, ['--net', '--', 'true']).status === 0
      ? undefined
      : 'network namespaces are for root only, and not in every container'),
  libvirt: () => forRoot('libvirt', LIBVIRTD_PROGRAM, VIRSH_PROGRAM),
  qemu: () => forRoot('QEMU', QEMU_PROGRAM),
  docker: () => forRoot('Docker', DOCKERD_PROGRAM, '/usr/bin/docker', '/usr/bin/docker-compose', BUSYBOX_PROGRAM),
  podman: () => forRoot('Podman', PODMAN_PROGRAM, '/usr/bin/podman-compose', '/usr/bin/newuidmap', BUSYBOX_PROGRAM),
  sshd: () =>
    forRoot('OpenSSH', SSHD_PROGRAM, '/usr/bin/ssh-keygen', '/usr/bin/ssh-agent', '/usr/bin/sudo', UNSHARE_PROGRAM) ??
    absentFile('a shell to log in to', TCSH_PROGRAM, FISH_PROGRAM, BUSYBOX_PROGRAM) ??
    (spawnSync(UNSHARE_PROGRAM, ['--mount', '--pid', '--fork', '--', 'true']).status === 0
      ? undefined
      : 'an sshd with users of its own needs mount and process namespaces, which not every container has'),
  faketime: () => absentFile('libfaketime', FAKETIME_LIBRARY),
  'node-red': () => absentFile('Node-RED', join(SYSTEM_DIR, 'node-red/complete'), NODE_RED_PROGRAM),
};

/** Why these servers cannot be used here, one line each; empty when all can. */
export function absences(servers: readonly Server[]): readonly string[] {
  return servers.flatMap((server) => ABSENCE[server]() ?? []);
}

/**
 * A suite that needs real servers. Without them it is skipped, and its title and standard error say why;
 * with `GRIDWARDEN_SYSTEM=required` in the environment it fails instead.
 *
 * @param suite declares the tests; called in every case, so it must not touch the servers outside of hooks and tests
 */
export function describeWith(servers: readonly Server[], name: string, suite: () => void): void {
  const reasons = absences(servers);
  if (reasons.length === 0) {
    describe(name, suite);
    return;
  }
  const reason = `${reasons.join('; ')}; \`npm run system:install\` installs what is missing`;
  if (process.env['GRIDWARDEN_SYSTEM'] === 'required') {
    describe(name, () => {
      test('has the servers it needs', () => {
        throw new Error(`GRIDWARDEN_SYSTEM=required, but ${reason}`);
      });
    });
    return;
  }
  process.stderr.write(`SKIPPED "${name}": ${reason}\n`);
  describe.skip(`${name} [SKIPPED: ${reason}]`, suite);
}

function forRoot(server: string, ...files: readonly string[]): string | undefined {
  return absentFile(server, ...files) ?? (process.getuid?.() === 0 ? undefined : `${server} is started by root only`);
}

function absentFile(server: string, ...files: readonly string[]): string | undefined {
  const absent = files.find((file) => !existsSync(file));
  return absent === undefined ? undefined : `${server} is not installed (no ${absent})`;
}
