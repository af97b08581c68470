import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../domain/ports.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../domain/time.ts';

export interface ListenerOptions {
  readonly listen: ListenAddress;
  /** Each time the port has been bound; the address as the system gave it. */
  readonly onListening: (at: ListenAddress) => void;
  /** Why it cannot be bound, for people. Once, and again only when the reason changes. */
  readonly onFailure: (text: string) => void;
  /** First pause before the next try, doubled up to `LONGEST_PAUSE`. Absent: one second. */
  readonly retryAfter?: Millis;
  readonly log: Log;
}

const LONGEST_PAUSE = seconds(30);

/**
 * Binds a server, and goes on trying for as long as it cannot: a port that is taken, or an address that the network
 * has not given us yet, is weather.
 *
 * @returns when bound or aborted
 */
export async function keepBinding(server: Server, options: ListenerOptions, signal: AbortSignal): Promise<void> {
  let pause = options.retryAfter ?? seconds(1);
  let told: string | undefined;
  while (!signal.aborted) {
    const failure = await bind(server, options.listen, signal);
    if (signal.aborted) return;
    if (failure === undefined) {
      options.onListening(addressOf(server) ?? options.listen);
      return;
    }
    if (failure !== told) options.onFailure(failure);
    told = failure;
    options.log.debug(`not bound, next try in ${formatSpan(pause)}`, { failure });
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    pause = asMillis(Math.min(LONGEST_PAUSE, pause * 2));
  }
}

/** One try. Resolves with why it failed, undefined when bound or aborted. */
function bind(server: Server, { host, port }: ListenAddress, signal: AbortSignal): Promise<string | undefined> {
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
    server.listen({ host, port });
  });
}

/** Where a server listens, or undefined while it does not. */
export function addressOf(server: Server): ListenAddress | undefined {
  const address = server.address();
  return address === null || typeof address === 'string' ? undefined : { host: address.address, port: address.port };
}
