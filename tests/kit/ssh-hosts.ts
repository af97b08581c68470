import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { GENTLE, type Sshd, SUDDEN, startSshd } from './sshd.ts';

/** How a host takes its shutdown: as it should, without an answer, never, or not at all because it is not there. */
export type HostKind = 'gentle' | 'sudden' | 'hangs' | 'gone';

/** A machine with an SSH server, under a name of its own. */
export interface SshHost {
  readonly name: string;
  readonly kind: HostKind;
  /** Absent: nobody is there. */
  readonly sshd?: Sshd;
  /** The keys of an `ssh` block that say how it is reached. */
  readonly reach: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly key: string;
    readonly known_hosts: string;
  };
}

/** Some machines, all of which let the same key in. */
export interface SshHosts {
  readonly hosts: readonly SshHost[];
  /** Their lines of /etc/hosts. */
  readonly names: string;
  dispose(): Promise<void>;
}

const PROGRAMS: Readonly<Record<Exclude<HostKind, 'gone'>, string>> = {
  gentle: GENTLE,
  sudden: SUDDEN,
  hangs: 'echo "$0 $*" >>"$STATE/shutdown"; exec sleep 600',
};

/**
 * Starts a real sshd for each of them.
 *
 * @param folder for the keys and the identities
 */
export async function startSshHosts(folder: string, kinds: Readonly<Record<string, HostKind>>): Promise<SshHosts> {
  const known_hosts = join(folder, 'known_hosts');
  const entries = Object.entries(kinds);
  const hosts = await Promise.all(
    entries.map(async ([name, kind]): Promise<SshHost> => {
      const key = join(folder, `key-of-${name}`);
      const reach = { host: name, user: 'gw', key, known_hosts };
      if (kind === 'gone') return { name, kind, reach: { ...reach, port: await freePort() } };
      const programs = { shutdown: PROGRAMS[kind], systemctl: 'printf "%s " "$@" >>"$STATE/systemctl"' };
      const sshd = await startSshd({ users: { gw: { shell: '/bin/bash' } }, programs });
      await copyFile(join(sshd.keyFolder, 'id_ed25519'), key);
      await chmod(key, 0o600);
      return { name, kind, sshd, reach: { ...reach, port: sshd.port } };
    }),
  );
  const identities = await Promise.all(
    hosts.map(async ({ name, sshd }) =>
      sshd === undefined ? '' : (await readFile(sshd.knownHosts, 'utf8')).replaceAll('127.0.0.1', name),
    ),
  );
  await writeFile(known_hosts, identities.join(''));
  // Whoever is not there has no key either.
  const [first] = hosts.filter(({ sshd }) => sshd !== undefined);
  for (const { kind, reach } of hosts) if (kind === 'gone' && first) await copyFile(first.reach.key, reach.key);
  return {
    hosts,
    names: hosts.map(({ name }) => `127.0.0.1 ${name}\n`).join(''),
    dispose: async () => void (await Promise.all(hosts.map(({ sshd }) => sshd?.dispose()))),
  };
}
