import { uptime } from 'node:os';
import type { Clock } from '../domain/ports.ts';
import { asInstant } from '../domain/time.ts';

/**
 * How long the machine had been up when this process began, in milliseconds: `/proc/uptime` on Linux, to 10 ms. Taken
 * once, so that the clock never jumps.
 */
const BOOTED_BEFORE = uptime() * 1000 - performance.now();

/** The clock counts tenths of a millisecond: nothing here is measured finer, and a trace of whole tenths stays small. */
const TENTHS = 10;

/**
 * The clocks of this machine.
 *
 * The monotonic one counts milliseconds since the boot, so that instants of one process mean the same to the next one
 * of the same boot. Within a process it stands still while the machine sleeps, and never jumps. `/proc/uptime` counts
 * the sleep as well: after one, a new process is ahead of the old one by as long as the machine has slept.
 *
 * @see proc_uptime(5), clock_gettime(2): CLOCK_BOOTTIME and CLOCK_MONOTONIC
 */
export const systemClock: Clock = {
  now: () => asInstant(Math.floor((BOOTED_BEFORE + performance.now()) * TENTHS) / TENTHS),
  wall: () => Date.now(),
};
