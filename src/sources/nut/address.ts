import { type LookupAddress, promises } from 'node:dns';
import { isIP } from 'node:net';
import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, type Millis } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { deadline } from '../pace.ts';
import { unreachable } from './connection.ts';

/** Finds the addresses of one host, and does not forget them when the name server is what lost power. */
export interface Resolver {
  /** At least one address. Comes back within `most`. */
  readonly resolve: (most: Millis, signal: AbortSignal) => Promise<Result<readonly LookupAddress[], Trouble>>;
  /** These addresses led to a server: they are the ones to try when the name cannot be resolved. */
  readonly keep: (addresses: readonly LookupAddress[]) => void;
}

/** The form of `dns.promises.lookup` that is used; handed in by tests. */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>;

/** How long a name server may think while there are addresses that worked before. */
const PATIENCE = asMillis(1000);

export function createResolver(host: string, lookup: Lookup = systemLookup): Resolver {
  const family = isIP(host);
  let good: readonly LookupAddress[] | undefined = family === 0 ? undefined : [{ address: host, family }];
  // A lookup of the system cannot be cancelled and holds one of four threads: never a second one for the same host.
  let running: Promise<Result<readonly LookupAddress[], Trouble>> | undefined;

  const look = async (): Promise<Result<readonly LookupAddress[], Trouble>> => {
    try {
      const found = await lookup(host);
      return found.length > 0 ? ok(found) : err({ kind: 'unreachable', detail: 'DNS: no address' });
    } catch (thrown) {
      return err({ kind: 'unreachable', detail: `DNS: ${unreachable(asError(thrown)).detail}` });
    } finally {
      running = undefined;
    }
  };

  return {
    keep: (addresses) => {
      good = addresses;
    },
    resolve: async (most, signal) => {
      if (family !== 0 && good !== undefined) return ok(good);
      running ??= look();
      const { signal: late, end } = deadline(good === undefined ? most : asMillis(Math.min(most, PATIENCE)), signal);
      const found = await Promise.race([running, expiry(late)]);
      end();
      return !found.ok && good !== undefined ? ok(good) : found;
    },
  };
}

const systemLookup: Lookup = (host) => promises.lookup(host, { all: true });

const expiry = (late: AbortSignal): Promise<Result<never, Trouble>> =>
  new Promise((resolve) => {
    const expire = (): void => resolve(err({ kind: 'timed-out', detail: 'DNS: no answer' }));
    if (late.aborted) expire();
    else late.addEventListener('abort', expire, { once: true });
  });

/** What was thrown, as an error. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
