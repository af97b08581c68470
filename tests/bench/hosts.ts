import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kit/process.ts';
import { type Sshd, startSshd } from '../kit/sshd.ts';

/** So many machines that are reached over SSH. */
export interface Hosts {
  /** The step that lets one of them work for so many seconds. */
  readonly step: (index: number, seconds: number) => object;
  /** Has OpenSSH's own client let one of them work for so many seconds; resolves when it has. */
  readonly ssh: (index: number, seconds: number) => Promise<void>;
  /** How many logins there have been. */
  readonly logins: () => number;
  readonly dispose: () => Promise<void>;
}

/** An sshd listens at 16 addresses at most, one of which is its own. */
const EACH = 15;

/** Hosts with an address and a line in one known_hosts each. A few sshds on this machine answer for all of them. */
export async function startHosts(count: number): Promise<Hosts> {
  const addresses = Array.from({ length: count }, (_, index) => `127.0.1.${index + 1}`);
  const sshds: Sshd[] = [];
  let known = '';
  for (let from = 0; from < count; from += EACH) {
    const own = addresses.slice(from, from + EACH);
    const sshd = await startSshd({
      users: { gw: { shell: '/bin/sh' } },
      lines: [`MaxStartups ${2 * EACH}`, ...own.map((address) => `ListenAddress ${address}`)],
    });
    sshds.push(sshd);
    const line = await readFile(sshd.knownHosts, 'utf8');
    known += own.map((address) => line.replace('127.0.0.1', address)).join('');
  }
  const of = (index: number): Sshd => sshds[Math.floor(index / EACH)] as Sshd; // one for each that was asked for
  const knownHosts = join(of(0).folder, 'all_known_hosts');
  await writeFile(knownHosts, known);
  const key = (index: number): string => join(of(index).keyFolder, 'id_ed25519');
  const command = (seconds: number): string => `sleep ${seconds.toFixed(2)}`;
  return {
    step: (index, seconds) => ({
      ssh: {
        name: `h${index + 1}`,
        host: addresses[index],
        port: of(index).port,
        user: 'gw',
        key: key(index),
        known_hosts: knownHosts,
        actions: [{ command: command(seconds) }],
      },
    }),
    ssh: async (index, seconds) => {
      const options = ['-F', 'none', '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'BatchMode=yes', '-i', key(index)];
      const whom = ['-p', `${of(index).port}`, `gw@${addresses[index]}`];
      await run('/usr/bin/ssh', [...options, ...whom, command(seconds)]);
    },
    logins: () => sshds.flatMap((sshd) => sshd.lines()).filter((line) => line.includes('Accepted publickey')).length,
    dispose: async () => {
      for (const sshd of sshds) await sshd.dispose();
    },
  };
}
