import { readdir, readFile, readlink } from 'node:fs/promises';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { unlessAborted, within } from '../../pause.ts';
import { runProgram } from '../../program.ts';
import { plainName } from '../ask.ts';
import { listed } from '../schema.ts';
import { isWithin } from './mounts.ts';

/** A process that uses a file system. */
export interface Holder {
  readonly pid: number;
  /** As the system calls it: at most 15 characters. */
  readonly name: string;
}

const SPAN: Millis = seconds(2);
/** More are named by nobody. */
const MOST = 20;

/**
 * The processes that keep a mount busy, as far as they are found in two seconds: by their folder, their root, their
 * open files and the files they have mapped. Without being root only those of this user are seen.
 */
export async function holdersOf(mount: string, signal: AbortSignal): Promise<readonly Holder[]> {
  const found = new Map<number, Holder>();
  await within(SPAN, signal, (bounded) => unlessAborted(search(mount, found, bounded), bounded));
  return [...found.values()].slice(0, MOST);
}

async function search(mount: string, found: Map<number, Holder>, signal: AbortSignal): Promise<void> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const add = async (pid: string) => found.set(Number(pid), { pid: Number(pid), name: await nameOf(pid) });
  const byMaps = mappedBy(pids, mount, signal);
  for (const pid of pids) {
    if (signal.aborted || found.size >= MOST) return;
    if (await hasOpen(pid, mount)) await add(pid);
  }
  for (const pid of await byMaps) await add(pid);
}

/** Links of /proc are read without the disk that they point to. */
async function hasOpen(pid: string, mount: string): Promise<boolean> {
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = ['cwd', 'root', ...open.map((fd) => `fd/${fd}`)];
  const targets = await Promise.all(links.map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')));
  return targets.some((target) => isWithin(target, mount));
}

/**
 * The processes that have mapped a file of the mount. Read by a child: the maps of a process that waits for a disk may
 * not be readable either, and whoever reads them waits with it.
 */
async function mappedBy(pids: readonly string[], mount: string, signal: AbortSignal): Promise<readonly string[]> {
  const files = pids.map((pid) => `/proc/${pid}/maps`);
  const end = await runProgram([...GREP, ` ${mount}/`, ...files], { signal, grace: asMillis(0) });
  return end.stdout.split('\n').flatMap((line) => /^\/proc\/(\d+)\/maps$/.exec(line)?.[1] ?? []);
}

/** Names the files in which the words stand, as they are, and passes over those that it cannot read. */
const GREP = ['grep', '-l', '-s', '-F', '--'];

const nameOf = async (pid: string): Promise<string> =>
  plainName((await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trimEnd());

/**
 * Who keeps a mount busy, for people.
 *
 * @param below paths of other mounts beneath it
 */
export function whoHolds(holders: readonly Holder[], below: readonly string[]): string {
  const names = holders.map(({ pid, name }) => (pid === process.pid ? `this program (${pid})` : `${name} (${pid})`));
  const parts = [
    ...(names.length > 0 ? [`used by ${listed(names)}`] : []),
    ...(below.length > 0 ? [`with ${listed(below)} mounted in it`] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : 'by nothing that can be seen from here';
}
