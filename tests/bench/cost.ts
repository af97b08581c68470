import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ticks of the kernel's accounting in a second: 100 on every Linux that Node runs on. */
const TICKS = 100;

/** CPU of a process over a span, in percent of one core. */
export async function cpuPercent(pid: number, spanMs: number): Promise<number> {
  const [before, begun] = [await cpuSeconds(pid), performance.now()];
  await sleep(spanMs);
  const after = await cpuSeconds(pid);
  return ((after - before) * 100_000) / (performance.now() - begun);
}

/**
 * CPU time of a process so far, in seconds.
 *
 * @see proc(5): fields 14 and 15 of stat; field 2, the name, may hold spaces and brackets
 */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory of a process in MB (10^6 bytes). */
export const residentMegabytes = (pid: number): Promise<number> => megabytes(pid, /^VmRSS:\s+(\d+) kB$/m);

/** The most that it has been. */
export const peakMegabytes = (pid: number): Promise<number> => megabytes(pid, /^VmHWM:\s+(\d+) kB$/m);

async function megabytes(pid: number, line: RegExp): Promise<number> {
  const [, kib] = line.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}
