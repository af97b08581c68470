import { readFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as requestClear } from 'node:http';
import { request as requestTls } from 'node:https';
import { err, ok, type Result } from '../../../domain/result.ts';
import { unlessAborted } from '../../pause.ts';
import { codeOf, lookupOf, type ResolveHost } from '../../reach.ts';
import type { HttpRequest, HttpStepConfig } from './schema.ts';

/** One request, ready to be written. Its headers hold secrets. */
export interface Asked {
  readonly url: URL;
  readonly method: HttpRequest['method'];
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: none. */
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** At most `MOST_ANSWER` bytes of it. */
  readonly body: string;
  /** False: there was more. */
  readonly whole: boolean;
}

/** Why there is no answer. After `no-answer` the other side may have done what was asked. */
export interface HttpTrouble {
  readonly kind: 'no-address' | 'ca' | 'unsendable' | 'no-answer';
  /** A sentence part for people, without secrets. */
  readonly text: string;
}

/** Sends one request, once: redirects are answers, and connections are not kept. */
export type Send = (asked: Asked, signal: AbortSignal) => Promise<Result<Answer, HttpTrouble>>;

/** Bytes of an answer that are read: the guests of a large node are some hundred kilobytes. */
const MOST_ANSWER = 1024 * 1024;

/** Host name or address of a URL, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

export const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80));

/** How certificates are checked, as Node takes it. */
export interface Trust {
  readonly ca?: Buffer;
  readonly rejectUnauthorized: boolean;
}

/** Reads the authority of the server, at each attempt anew. */
export async function readTrust(
  { ca, verify }: Pick<HttpStepConfig, 'ca' | 'verify'>,
  signal: AbortSignal,
): Promise<Result<Trust, HttpTrouble>> {
  if (ca === undefined) return ok({ rejectUnauthorized: verify });
  const read = readFile(ca).then(
    (text) => ok(text),
    (thrown: Error) => err(codeOf(thrown)),
  );
  const text = (await unlessAborted(read, signal)) ?? err('no answer in time');
  if (!text.ok) return err({ kind: 'ca', text: `its authority ${ca} cannot be read: ${text.error}` });
  return ok({ ca: text.value, rejectUnauthorized: verify });
}

/** Sends by HTTP/1.1, to the address that is known for the host. */
export function sender(config: Pick<HttpStepConfig, 'ca' | 'verify'>, resolve: ResolveHost): Send {
  return async (asked, signal) => {
    const trust = await readTrust(config, signal);
    if (!trust.ok) return trust;
    const addresses = await resolve(hostOf(asked.url), signal);
    if (signal.aborted) return err(late());
    if (addresses.length === 0) return err({ kind: 'no-address', text: 'its name cannot be resolved' });
    return exchange(asked, trust.value, addresses, signal);
  };
}

const late = (): HttpTrouble => ({ kind: 'no-answer', text: 'no answer in time' });

function exchange(
  asked: Asked,
  trust: Trust,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Result<Answer, HttpTrouble>> {
  return new Promise((resolve) => {
    let request: ClientRequest | undefined;
    const end = (result: Result<Answer, HttpTrouble>): void => {
      signal.removeEventListener('abort', abort);
      // An error that comes later still has its listener.
      request?.destroy();
      resolve(result);
    };
    const abort = (): void => end(err(late()));
    const broken = (error: Error): void => end(err({ kind: 'no-answer', text: codeOf(error) }));
    signal.addEventListener('abort', abort, { once: true });
    try {
      request = open(asked, trust, addresses);
    } catch {
      // What Node throws here may quote the header; its name is all that may be said, and is not worth the risk.
      end(err({ kind: 'unsendable', text: 'the request has a header that cannot be sent' }));
      return;
    }
    request.on('error', broken);
    request.on('close', () => broken(new Error('closed without an answer')));
    request.on('response', (response) => collect(response, end, broken));
    request.end(asked.body);
  });
}

function open({ url, method, headers, body }: Asked, trust: Trust, addresses: readonly string[]): ClientRequest {
  const options = {
    host: hostOf(url),
    port: portOf(url),
    path: `${url.pathname}${url.search}`,
    method,
    // Node sends no length with a DELETE by itself.
    headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
    lookup: lookupOf(addresses),
    // An agent of its own, which keeps no connection.
    agent: false as const,
  };
  return url.protocol === 'https:' ? requestTls({ ...options, ...trust }) : requestClear(options);
}

function collect(
  response: IncomingMessage,
  end: (result: Result<Answer, HttpTrouble>) => void,
  broken: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (whole: boolean): void =>
    end(ok({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8'), whole }));
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, MOST_ANSWER - bytes));
    bytes += chunk.length;
    if (bytes > MOST_ANSWER) finish(false);
  });
  response.on('end', () => finish(true));
  response.on('error', broken);
}
