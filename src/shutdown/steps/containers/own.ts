import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** What this process can see of the container it runs in. Absent: unreadable. */
export interface Traces {
  /** `/proc/self/mountinfo` */
  readonly mountinfo?: string;
  /** `/proc/self/cgroup` */
  readonly cgroup?: string;
  readonly hostname?: string;
}

/** The parts of an engine's own files that are mounted into each of its containers. */
const ENGINE_FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];
const FULL_ID = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/** Reads the traces of this process. */
export async function tracesOfThisProcess(): Promise<Traces> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => undefined);
  const [mountinfo, cgroup] = await Promise.all([read('/proc/self/mountinfo'), read('/proc/self/cgroup')]);
  return {
    hostname: hostname(),
    ...(mountinfo !== undefined && { mountinfo }),
    ...(cgroup !== undefined && { cgroup }),
  };
}

/**
 * The ids of the container that this process runs in, whole (64 digits) or, from the host name, their first 12.
 * Empty: nothing says that it runs in one.
 *
 * In the mounts only the files that an engine puts into a container count, by where they come from: on the machine
 * itself the mounts of every container can be seen.
 *
 * @see man 5 proc_pid_mountinfo
 */
export function ownIds({ mountinfo = '', cgroup = '', hostname: host = '' }: Traces): readonly string[] {
  const mounted = mountinfo.split('\n').flatMap((line) => {
    const [, , , root = '', point = ''] = line.split(' ');
    return ENGINE_FILES.includes(point) ? (root.match(FULL_ID) ?? []) : [];
  });
  return [...new Set([...mounted, ...(cgroup.match(FULL_ID) ?? []), ...(/^[0-9a-f]{12}$/.test(host) ? [host] : [])])];
}

/** Whether a container is one of these. @param id whole */
export const isOwn = (id: string, own: readonly string[]): boolean =>
  own.some((one) => (one.length === 12 ? id.startsWith(one) : id === one));
