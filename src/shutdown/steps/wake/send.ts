import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { err, ok, type Result } from '../../../domain/result.ts';
import { codeOf } from '../../reach.ts';
import type { WakeConfig } from './schema.ts';

type Target = Pick<WakeConfig, 'broadcast' | 'port'>;

/** The broadcast address of whatever network the packet leaves by. */
const EVERYWHERE = '255.255.255.255';

/**
 * The own addresses to send from; undefined: as the system chooses.
 *
 * A packet to 255.255.255.255 leaves by one network only, that of the default route or of the address it is sent from.
 * So it is sent from each.
 */
function origins({ broadcast }: Target): readonly (string | undefined)[] {
  if (broadcast !== EVERYWHERE) return [undefined];
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  return own.length === 0 ? [undefined] : own;
}

/**
 * Sends one datagram to a broadcast address.
 *
 * @returns on how many networks it went out; the first error, in the words of the system, where on none
 */
export async function sendBroadcast(
  packet: Buffer,
  target: Target,
  signal: AbortSignal,
): Promise<Result<number, string>> {
  const results = await Promise.all(
    origins(target).map((origin) =>
      withSocket(
        target,
        origin,
        (socket, settle) => socket.send(packet, target.port, target.broadcast, settle),
        signal,
      ),
    ),
  );
  const sent = results.filter(({ ok }) => ok).length;
  const failed = results.find((result) => !result.ok);
  return sent === 0 && failed?.ok === false ? failed : ok(sent);
}

/** Whether the system would let such a datagram out: asks for the right and the route, and sends nothing. */
export async function mayBroadcast(target: Target, signal: AbortSignal): Promise<Result<number, string>> {
  const results = await Promise.all(
    origins(target).map((origin) =>
      withSocket(target, origin, (socket, settle) => socket.connect(target.port, target.broadcast, settle), signal),
    ),
  );
  const open = results.filter(({ ok }) => ok).length;
  const failed = results.find((result) => !result.ok);
  return open === 0 && failed?.ok === false ? failed : ok(open);
}

type Settle = (error?: Error | null) => void;

/** Opens a socket that may broadcast, does one thing with it and closes it. */
function withSocket(
  { broadcast }: Target,
  origin: string | undefined,
  act: (socket: Socket, settle: Settle) => void,
  signal: AbortSignal,
): Promise<Result<undefined, string>> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(broadcast) ? 'udp6' : 'udp4');
    let closed = false;
    const end = (result: Result<undefined, string>): void => {
      if (closed) return;
      closed = true;
      signal.removeEventListener('abort', late);
      socket.close();
      resolve(result);
    };
    const late = (): void => end(err('no time was left'));
    const settle: Settle = (error) => end(error ? err(codeOf(error)) : ok(undefined));
    socket.on('error', settle);
    signal.addEventListener('abort', late, { once: true });
    socket.bind({ port: 0, ...(origin !== undefined && { address: origin }) }, () => {
      if (closed) return;
      try {
        socket.setBroadcast(true);
        act(socket, settle);
      } catch (thrown) {
        settle(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    });
    if (signal.aborted) late();
  });
}
