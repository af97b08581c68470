import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Which start of the machine this is. */
export interface Boot {
  /** The same for every process of one boot, another one after the next. At most 64 letters, digits and dashes. */
  readonly id: string;
}

/** What the identity is made of. */
export interface BootSources {
  /** The text of the kernel's own boot id; throws or is no id where there is none. */
  readonly read: () => string;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Seconds since the boot. */
  readonly uptime: () => number;
}

const SYSTEM: BootSources = {
  read: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
  wall: () => Date.now(),
  uptime,
};

const MINUTE = 60_000;

/**
 * The identity of this boot: the kernel's random one, else the minute in which the machine started.
 *
 * The latter moves when the wall clock is set, or when the start was at the turn of a minute: what is the same boot then
 * passes for a new one. That is the harmless mistake of the two, for nothing fires in a new boot before it is proved again.
 *
 * @see random(4), /proc/sys/kernel/random/boot_id
 */
export function bootIdentity(sources: BootSources = SYSTEM): Boot {
  try {
    const id = sources.read().trim();
    if (/^[A-Za-z0-9-]{8,64}$/.test(id)) return { id };
  } catch {
    // No such file: not Linux, or a container that hides it.
  }
  const started = Math.round((sources.wall() - sources.uptime() * 1000) / MINUTE);
  return { id: `started-${started}` };
}
