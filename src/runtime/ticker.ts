import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS } from '../domain/limits.ts';
import type { Clock } from '../domain/ports.ts';

/** Gives the loop its one tick a second until the signal aborts. A tick that comes late is not made up for. */
export async function runTicker(clock: Clock, tick: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const next = clock.now() + LIMITS.tick;
    tick();
    await sleep(Math.max(1, next - clock.now()), undefined, { signal, ref: true }).catch(() => undefined);
  }
}
