import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../domain/ports.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../domain/time.ts';

export interface BindingOptions {
  /** Why it cannot be bound, for people. Once, and again only when the reason changes. */
  readonly onFailure: (text: string) => void;
  /** First pause before the next try, doubled up to `LONGEST_PAUSE`. Absent: one second. */
  readonly retryAfter?: Millis;
  readonly log: Log;
}

export interface ListenerOptions extends BindingOptions {
  readonly listen: ListenAddress;
  /** Each time the port has been bound; the address as the system gave it. */
  readonly onListening: (at: ListenAddress) => void;
}

const LONGEST_PAUSE = seconds(30);

/**
 * Goes on trying to bind a server for as long as it cannot: a port that is taken, or an address that the network has not
 * given us yet, is weather.
 *
 * @param tryOnce resolves with why it failed, undefined when bound or aborted
 * @returns when bound or aborted
 */
export async function keepBinding(
  tryOnce: () => Promise<string | undefined>,
  { onFailure, retryAfter, log }: BindingOptions,
  signal: AbortSignal,
): Promise<void> {
  let pause = retryAfter ?? seconds(1);
  let told: string | undefined;
  while (!signal.aborted) {
    const failure = await tryOnce();
    if (signal.aborted || failure === undefined) return;
    if (failure !== told) onFailure(failure);
    told = failure;
    log.debug(`not bound, next try in ${formatSpan(pause)}`, { failure });
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    pause = asMillis(Math.min(LONGEST_PAUSE, pause * 2));
  }
}

/** One try; the system is asked before it returns. Resolves with why it failed, undefined when bound or aborted. */
export function bind(server: Server, where: ListenOptions, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (failure?: Error): void => {
      server.off('listening', done);
      server.off('error', done);
      signal.removeEventListener('abort', gone);
      resolve(failure?.message);
    };
    const gone = (): void => {
      // The name may still be resolving, and nothing stops that: whatever comes of it is closed again.
      server.once('listening', () => server.close());
      server.once('error', () => undefined);
      done();
    };
    server.once('listening', done);
    server.once('error', done);
    signal.addEventListener('abort', gone, { once: true });
    server.listen(where);
  });
}

/** Where a server listens, or undefined while it does not. */
export function addressOf(server: Server): ListenAddress | undefined {
  const address = server.address();
  return address === null || typeof address === 'string' ? undefined : { host: address.address, port: address.port };
}
