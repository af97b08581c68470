import type { LookupAddress } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { LIMITS } from '../../domain/limits.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Millis } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { deadline } from '../pace.ts';
import { asError, type Resolver } from './address.ts';
import { unreachable } from './connection.ts';
import { errorCode, malformed } from './parse.ts';
import { ASK } from './questions.ts';
import type { NutConfig } from './schema.ts';

/** A socket that is ready for the first request. */
export interface Dialled {
  readonly socket: Socket;
  readonly encrypted: boolean;
}

export type DialOptions = Pick<NutConfig, 'host' | 'port' | 'tls' | 'ca' | 'fingerprint' | 'timeout'>;

/**
 * Connects to a NUT server, encrypted as configured.
 *
 * With `ca` the certificate must be signed by it and, unless a fingerprint is pinned as well, name the host. With a
 * fingerprint alone nothing else counts: certificates of upsd are usually self-signed. With neither, `require` trusts
 * the authorities that Node trusts, and `prefer` any certificate: it keeps listeners out, not impostors. A
 * handshake that fails is never followed by a try in the clear.
 *
 * @returns `timed-out` or `unreachable` for the network and for TLS, `refused` for a server without the TLS that is
 *   required, `malformed` for one that goes on in the clear
 */
export async function dial(
  options: DialOptions,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<Result<Dialled, Trouble>> {
  const found = await resolver.resolve(options.timeout, signal);
  if (!found.ok) return found;
  const socket = await withDeadline(options.timeout, signal, 'connect', (late) =>
    connectPlain(options, found.value, late),
  );
  if (!socket.ok) return socket;
  resolver.keep(found.value);
  if (options.tls === 'off') return ok({ socket: socket.value, encrypted: false });
  const result = await withDeadline(options.timeout, signal, 'STARTTLS', (late) =>
    encrypt(socket.value, options, late),
  );
  if (!result.ok) socket.value.destroy();
  return result;
}

async function withDeadline<T>(
  span: Millis,
  signal: AbortSignal,
  what: string,
  run: (late: AbortSignal) => Promise<Result<T, Trouble>>,
): Promise<Result<T, Trouble>> {
  const { signal: late, end } = deadline(span, signal);
  try {
    const result = await run(late);
    if (result.ok || !late.aborted) return result;
    return err({ kind: 'timed-out', detail: `${what}: no answer within ${span} ms` });
  } finally {
    end();
  }
}

async function connectPlain(
  { host, port }: DialOptions,
  addresses: readonly LookupAddress[],
  late: AbortSignal,
): Promise<Result<Socket, Trouble>> {
  const socket = connect({
    host,
    port,
    noDelay: true,
    lookup: (_host, { all }, done) => {
      const [first] = addresses;
      if (all === true) done(null, [...addresses]);
      else done(null, first?.address ?? '', first?.family);
    },
  });
  const failed = await arrival(socket, 'connect', late);
  if (failed === undefined) return ok(socket);
  socket.destroy();
  return err(failed);
}

async function encrypt(socket: Socket, options: DialOptions, late: AbortSignal): Promise<Result<Dialled, Trouble>> {
  socket.write(`${ASK.startTls.line}\n`);
  const answer = await firstLine(socket, late);
  if (!answer.ok) return answer;
  const code = errorCode(answer.value);
  if (code !== undefined && options.tls === 'prefer') return ok({ socket, encrypted: false });
  if (code !== undefined) return err({ kind: 'refused', detail: `STARTTLS: ${code.slice(0, 100)}` });
  if (answer.value !== ASK.startTls.head) return err(malformed('not an answer to STARTTLS', answer.value));
  return handshake(socket, options, late);
}

/** The one line that answers STARTTLS. Anything beyond it came in the clear from somebody who should not have spoken. */
async function firstLine(socket: Socket, late: AbortSignal): Promise<Result<string, Trouble>> {
  let text = '';
  while (!text.includes('\n') && text.length <= LIMITS.nutLine) {
    let chunk: Buffer | undefined;
    const failed = await arrival(socket, 'data', late, (data) => {
      chunk = data;
    });
    if (failed !== undefined) return err(failed);
    text += chunk?.toString('latin1') ?? '';
  }
  const end = text.indexOf('\n');
  if (end === -1) return err(malformed('line too long', text));
  if (end !== text.length - 1) return err(malformed('more than one line after STARTTLS', text.slice(end + 1)));
  return ok(text.slice(0, end).replace(/\r$/, ''));
}

async function handshake(socket: Socket, options: DialOptions, late: AbortSignal): Promise<Result<Dialled, Trouble>> {
  const { host, fingerprint } = options;
  const ca = options.ca === undefined ? undefined : await readCa(options.ca);
  if (ca?.ok === false) return ca;
  const trusted = ca !== undefined || (options.tls === 'require' && fingerprint === undefined);
  const secure = connectTls({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca: ca.value }),
    ...(fingerprint !== undefined && { checkServerIdentity: () => undefined }),
    rejectUnauthorized: trusted,
  });
  const failed = (await arrival(secure, 'secureConnect', late)) ?? wrongPin(secure, fingerprint);
  if (failed === undefined) return ok({ socket: secure, encrypted: true });
  secure.destroy();
  return err({ ...failed, detail: `TLS: ${failed.detail}`.slice(0, 200) });
}

function wrongPin(secure: TLSSocket, fingerprint: string | undefined): Trouble | undefined {
  if (fingerprint === undefined) return undefined;
  // Without a certificate (anonymous suites) this is an empty object, whatever its type says.
  const given = (secure.getPeerCertificate().fingerprint256 ?? '').replaceAll(':', '').toUpperCase();
  if (given === fingerprint) return undefined;
  return { kind: 'unreachable', detail: `the certificate has the fingerprint ${given || 'none'}, not the pinned one` };
}

async function readCa(path: string): Promise<Result<Buffer, Trouble>> {
  try {
    const text = await readFile(path);
    if (text.length <= LIMITS.configBytes) return ok(text);
    return err({ kind: 'unreachable', detail: 'ca: the file is too long' });
  } catch (thrown) {
    return err({ kind: 'unreachable', detail: `ca: ${unreachable(asError(thrown)).detail}` });
  }
}

/**
 * Waits for one event of a socket.
 *
 * @returns undefined when it came; what came instead otherwise. The socket keeps a listener for errors, so that a late
 *   one is never thrown.
 */
function arrival(
  socket: Socket,
  event: 'connect' | 'secureConnect' | 'data',
  late: AbortSignal,
  take?: (data: Buffer) => void,
): Promise<Trouble | undefined> {
  return new Promise((resolve) => {
    const settle = (trouble: Trouble | undefined): void => {
      socket.pause();
      socket.off(event, came).off('close', closed).off('error', broke);
      socket.on('error', () => undefined);
      late.removeEventListener('abort', aborted);
      resolve(trouble);
    };
    const came = (data: Buffer): void => {
      take?.(data);
      settle(undefined);
    };
    const closed = (): void => settle({ kind: 'unreachable', detail: 'closed by the server' });
    const broke = (error: Error): void => settle(unreachable(error));
    const aborted = (): void => settle({ kind: 'timed-out', detail: 'no answer in time' });
    socket.once(event, came).once('close', closed).once('error', broke);
    late.addEventListener('abort', aborted, { once: true });
    if (late.aborted) aborted();
    else if (event === 'data') socket.resume();
  });
}
