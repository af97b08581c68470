import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { asMillis, seconds } from '../../../domain/time.ts';
import { unlessAborted, within } from '../../pause.ts';
import { runProgram } from '../../program.ts';

/** One mount as this process sees it. */
export interface Mount {
  /** Absolute, without links. */
  readonly path: string;
  /** Such as `ext4`, `nfs4`. */
  readonly type: string;
}

/**
 * The lines of /proc/self/mountinfo, in their order: of several at one path the last is on top.
 *
 * @see proc_pid_mountinfo(5)
 */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ');
    const path = before.split(' ')[4];
    const type = after?.split(' ')[0];
    return path === undefined || type === undefined ? [] : [{ path: unescaped(path), type }];
  });
}

/** Space, tab, line feed and backslash stand there as `\040`, in octal digits of their bytes. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** What is mounted now. Undefined: nobody can tell. */
export async function readMounts(signal: AbortSignal): Promise<readonly Mount[] | undefined> {
  const text = await unlessAborted(
    readFile('/proc/self/mountinfo', 'utf8').catch(() => undefined),
    signal,
  );
  return text === undefined ? undefined : parseMounts(text);
}

/** Reading links touches the disk that they are on. */
const READLINK = ['readlink', '-f', '--'] as const;
const READLINK_SPAN = seconds(2);

/** The path by which the list of mounts knows what the configuration names; with links followed only if it has to be. */
export async function mountedPath(
  given: string,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = posix.normalize(given).replace(/(?<=.)\/+$/, '');
  if (mounts.some((mount) => mount.path === path)) return path;
  const end = await within(READLINK_SPAN, signal, (bounded) =>
    runProgram([...READLINK, path], { signal: bounded, grace: asMillis(0) }),
  );
  const target = end.stdout.replace(/\n$/, '');
  return mounts.some((mount) => mount.path === target) ? target : undefined;
}

/** Whether a path is the mount point or lies beneath it. */
export const isWithin = (path: string, mount: string): boolean =>
  path === mount || path.startsWith(mount.endsWith('/') ? mount : `${mount}/`);
