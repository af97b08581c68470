import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Sshd, startSshd } from '../kit/sshd.ts';

/** So many machines that are reached over SSH. */
export interface Hosts {
  /** The step that lets one of them work for so many seconds. */
  readonly step: (index: number, seconds: number) => object;
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
  return {
    step: (index, seconds) => ({
      ssh: {
        name: `h${index + 1}`,
        host: addresses[index],
        port: of(index).port,
        user: 'gw',
        key: join(of(index).keyFolder, 'id_ed25519'),
        known_hosts: knownHosts,
        actions: [{ command: `sleep ${seconds.toFixed(2)}` }],
      },
    }),
    logins: () => sshds.flatMap((sshd) => sshd.lines()).filter((line) => line.includes('Accepted publickey')).length,
    dispose: async () => {
      for (const sshd of sshds) await sshd.dispose();
    },
  };
}
