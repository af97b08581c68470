import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, type Millis, seconds } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { deadline } from '../pace.ts';
import { createResolver } from './address.ts';
import { askInChunks, type Connection } from './connection.ts';
import { malformed, readListing, readValue, troubleOfCode } from './parse.ts';
import { ASK, type Reply } from './questions.ts';
import { openSession } from './session.ts';

/** What a NUT server has, for a person who wants to configure it. */
export interface Discovered {
  /** The server's own words. */
  readonly version: string;
  readonly upses: readonly {
    readonly name: string;
    readonly description?: string;
    /** `ups.status`; absent for a device that has none or gives no data now. */
    readonly status?: string;
    readonly model?: string;
  }[];
}

/** The time-out holds for each step; the whole takes at most four times as long. */
export interface DiscoverOptions {
  readonly timeout?: Millis;
  readonly signal?: AbortSignal;
}

const ASKED = ['ups.status', 'ups.model', 'device.model'] as const;

/** Asks a server once, in the clear and without a login, and says goodbye. */
export async function discoverServer(
  host: string,
  port: number,
  { timeout = seconds(3), signal = new AbortController().signal }: DiscoverOptions = {},
): Promise<Result<Discovered, Trouble>> {
  const whole = deadline(asMillis(timeout * 4), signal);
  const opened = await openSession(
    { host, port, tls: 'off', timeout },
    createResolver(host),
    whole.signal,
    () => undefined,
  );
  if (!opened.ok) {
    whole.end();
    return opened;
  }
  const { connection, version } = opened.value;
  const stop = (): void => void connection.close();
  whole.signal.addEventListener('abort', stop, { once: true });
  if (whole.signal.aborted) stop();
  const upses = await look(connection);
  whole.signal.removeEventListener('abort', stop);
  whole.end();
  await connection.close();
  return upses.ok ? ok({ version, upses: upses.value }) : upses;
}

async function look(connection: Connection): Promise<Result<Discovered['upses'], Trouble>> {
  const listing = await connection.ask([ASK.listing]);
  if (!listing.ok) return listing;
  const [reply] = listing.value;
  if (reply?.kind === 'error') return err(troubleOfCode(reply.code));
  if (reply?.kind !== 'list') return err(malformed('not a list of UPSes'));
  const devices = readListing(reply.block).devices;
  const replies = await askInChunks(
    connection,
    devices.flatMap(({ name }) => ASKED.map((asked) => ASK.variable(name, asked))),
  );
  if (!replies.ok) return replies;
  return ok(
    devices.map((device, index) => {
      const [status, ups, model] = replies.value.slice(index * ASKED.length, (index + 1) * ASKED.length).map(textOf);
      const named = ups || model;
      return { ...device, ...(status !== undefined && { status }), ...(named && { model: named }) };
    }),
  );
}

const textOf = (reply: Reply): string | undefined => (reply.kind === 'line' ? readValue(reply.rest) : undefined);
