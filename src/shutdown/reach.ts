import { promises } from 'node:dns';
import { connect, isIP, type LookupFunction } from 'node:net';
import { err, ok, type Result } from '../domain/result.ts';
import { asMillis } from '../domain/time.ts';
import { pause, unlessAborted } from './pause.ts';

/**
 * The addresses of a host, best first; those that were found last where its name cannot be resolved any more: the name
 * server may be what has lost power. Empty: none was ever found. Never rejects, and ends with the signal.
 */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** The form of `dns.promises.lookup` that is used; handed in by tests. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** How long a name server may think while there are addresses from before. */
const PATIENCE = asMillis(1000);

const systemLookup: Lookup = async (host) => {
  const found = await promises.lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/**
 * Resolves names and keeps what it found for as long as the process lives. One for the whole program: every rehearsal
 * on mains refreshes what the steps will need without a name server.
 */
export function rememberingHosts(lookup: Lookup = systemLookup): ResolveHost {
  const known = new Map<string, readonly string[]>();
  // A lookup of the system cannot be cancelled and holds one of four threads: never a second one for the same host.
  const running = new Map<string, Promise<readonly string[] | undefined>>();
  const look = async (host: string): Promise<readonly string[] | undefined> => {
    try {
      const found = await lookup(host);
      if (found.length > 0) known.set(host, found);
      return found;
    } catch {
      return undefined;
    } finally {
      running.delete(host);
    }
  };
  return async (host, signal) => {
    if (isIP(host) !== 0) return [host];
    const looking = running.get(host) ?? look(host);
    running.set(host, looking);
    if (!known.has(host)) await unlessAborted(looking, signal);
    else await unlessAborted(Promise.race([looking, pause(PATIENCE, signal)]), signal);
    return known.get(host) ?? [];
  };
}

/** For sockets: whatever name is asked, these are its addresses. */
export const lookupOf =
  (addresses: readonly string[]): LookupFunction =>
  (host, { all }, done) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const [first] = found;
    if (first === undefined) done(new Error(`no address of ${host}`), '', 0);
    else if (all === true) done(null, found);
    else done(null, first.address, first.family);
  };

/** What went wrong on a socket, in the words of the system; at most 200 characters. */
export const codeOf = (error: Error & { readonly code?: string }): string =>
  (error.code ?? error.message).slice(0, 200);

/**
 * Whether a TCP port accepts a connection, which is closed at once.
 *
 * @returns an error in words for people, such as `ECONNREFUSED`
 */
export async function accepts(
  { host, port }: { readonly host: string; readonly port: number },
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<Result<undefined, string>> {
  const addresses = await resolve(host, signal);
  if (addresses.length === 0) return err('its name cannot be resolved');
  if (signal.aborted) return err('no answer in time');
  return new Promise((settle) => {
    const socket = connect({ host, port, lookup: lookupOf(addresses) });
    const end = (result: Result<undefined, string>): void => {
      signal.removeEventListener('abort', late);
      socket.destroy();
      settle(result);
    };
    const late = (): void => end(err('no answer in time'));
    socket.once('connect', () => end(ok(undefined)));
    socket.on('error', (error) => end(err(codeOf(error))));
    signal.addEventListener('abort', late, { once: true });
  });
}
