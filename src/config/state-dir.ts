import { readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { err, ok, type Result } from '../domain/result.ts';

/** What the choice of the state folder depends on, besides the configuration. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
  readonly home: string;
}

/** The surroundings of this process. */
export const surroundings = (): Surroundings => ({
  env: process.env,
  isRoot: process.getuid?.() === 0,
  home: homedir(),
});

/**
 * The folder for what must outlive a restart.
 *
 * @param configured the key `state_dir`
 * @returns that, else the first folder of $STATE_DIRECTORY (systemd separates several with colons), else
 * /var/lib/gridwarden as root, else `gridwarden` in the state folder of the XDG Base Directory Specification
 */
export function stateFolder(configured: string | undefined, { env, isRoot, home }: Surroundings): string {
  const ofSystemd = env['STATE_DIRECTORY']?.split(':')[0];
  if (configured !== undefined) return configured;
  if (ofSystemd) return ofSystemd;
  if (isRoot) return '/var/lib/gridwarden';
  const xdg = env['XDG_STATE_HOME'];
  // The specification: a relative path is invalid and must be ignored.
  return join(xdg?.startsWith('/') ? xdg : join(home, '.local', 'state'), 'gridwarden');
}

/** The socket in a state folder on which a running bridge takes the requests of its own machine. */
export const controlSocket = (folder: string): string => join(folder, 'control.sock');

/** A state folder that is ours alone until it is released. */
export interface StateFolder {
  readonly folder: string;
  /**
   * Lets another process use it at once. After an exit without it the next process sets the lock aside. More than once does
   * no harm; never rejects.
   */
  readonly release: () => Promise<void>;
}

/** Why a state folder cannot be ours. */
export type StateFolderError =
  | { readonly kind: 'in-use'; readonly pid: number; readonly message: string }
  | { readonly kind: 'unusable'; readonly message: string };

/** Whoever holds a folder. The start time tells a process from a later one with the same number. */
interface Holder {
  readonly pid: number;
  /** Boot and start of the process, as the system tells it; empty where it does not. */
  readonly started: string;
}

/** How long a lock without readable content may be one that is just being written. */
const WRITING_MS = 5_000;

/**
 * Creates the folder (mode 0700) and locks it, so that two processes never write one journal.
 *
 * A disk that hangs keeps this from coming back, and nothing else. A lock whose process is gone is taken over. Processes in
 * containers of their own do not see each other: a folder that is mounted into two of them is not guarded.
 */
export async function openStateFolder(folder: string): Promise<Result<StateFolder, StateFolderError>> {
  const lock = join(folder, 'lock');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Twice: the second try is for the lock of a process that is gone, set aside by the first.
    for (let attempt = 0; attempt < 2; attempt++) {
      if (await create(lock)) return ok(held(folder, lock));
      const holder = await liveHolder(lock);
      if (holder !== undefined) return err(inUse(folder, holder));
    }
    return err(inUse(folder, undefined));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return err({ kind: 'unusable', message: `the state folder ${folder} cannot be used: ${code}` });
  }
}

function inUse(folder: string, holder: Holder | undefined): StateFolderError {
  const pid = holder?.pid ?? 0;
  const by = pid === 0 ? 'another process' : `process ${pid}`;
  return { kind: 'in-use', pid, message: `the state folder ${folder} is in use by ${by}` };
}

/** @returns false where there is a lock already */
async function create(lock: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(lock, 'wx', 0o600);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  const holder: Holder = { pid: process.pid, started: startOf(process.pid) };
  try {
    await file.writeFile(JSON.stringify(holder));
  } catch {
    // A full disk must not keep the watch from starting. An empty lock holds for a few seconds at least.
  } finally {
    await file.close();
  }
  return true;
}

function held(folder: string, lock: string): StateFolder {
  const release = async (): Promise<void> => {
    try {
      if ((await holderIn(lock))?.pid === process.pid) await unlink(lock);
    } catch {
      // The folder went away, and the lock with it.
    }
  };
  return { folder, release };
}

/** Who holds a lock; undefined once the lock of a process that is gone has been set aside. */
async function liveHolder(lock: string): Promise<Holder | undefined> {
  const holder = await holderIn(lock);
  if (holder === undefined && (await isBeingWritten(lock))) return { pid: 0, started: '' };
  if (holder !== undefined && isAlive(holder)) return holder;
  const aside = `${lock}.${process.pid}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const taken = await holderIn(aside);
  if (taken !== undefined && isAlive(taken)) {
    // Somebody else was quicker with the old lock, and this is the new one: it goes back.
    await rename(aside, lock);
    return taken;
  }
  await rm(aside, { force: true });
  return undefined;
}

async function holderIn(lock: string): Promise<Holder | undefined> {
  try {
    const content: unknown = JSON.parse((await readFile(lock, 'utf8')).slice(0, 1000));
    if (typeof content !== 'object' || content === null || !('pid' in content) || !('started' in content))
      return undefined;
    const { pid, started } = content;
    return Number.isInteger(pid) && Number(pid) > 0 ? { pid: Number(pid), started: String(started) } : undefined;
  } catch {
    return undefined; // gone, half written or not ours
  }
}

async function isBeingWritten(lock: string): Promise<boolean> {
  const written = await stat(lock).catch(() => undefined);
  return written !== undefined && Math.abs(Date.now() - written.mtimeMs) < WRITING_MS;
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const now = startOf(pid);
  return started === '' || now === '' || started === now;
}

/**
 * Boot id and start time of a process, from Linux' proc file system; empty elsewhere.
 *
 * @see proc(5): field 22 of stat counts from the boot; field 2, the name, may hold spaces and brackets
 */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch {
    return '';
  }
}
