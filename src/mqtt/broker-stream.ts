import { lookup } from 'node:dns';
import { readFile, stat } from 'node:fs/promises';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { LIMITS } from '../domain/limits.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { type Millis, seconds } from '../domain/time.ts';
import { type BrokerTrouble, brokerTrouble, troubleOfError } from './broker-trouble.ts';
import type { RemoteBroker } from './schema.ts';

/** PEM texts and bounds for TLS, as Node takes them. */
export interface TlsSettings {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

/** Where a URL leads. */
export interface Address {
  readonly protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss';
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Of a web socket, with its query; `/` otherwise. */
  readonly path: string;
}

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;

/** @throws Error for a URL that the configuration schema would have refused */
export function addressOf(text: string): Address {
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== 'mqtt' && protocol !== 'mqtts' && protocol !== 'ws' && protocol !== 'wss') {
    throw new Error(`not the URL of a broker: ${url.protocol}`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? PORTS[protocol] : Number(url.port);
  return { protocol, host, port, path: `${url.pathname || '/'}${url.search}` };
}

/** Reads the certificate files anew at each attempt, so that renewed ones are used without a restart. */
export async function readTls(
  broker: Pick<RemoteBroker, 'ca' | 'cert' | 'key' | 'verify'>,
): Promise<Result<TlsSettings, BrokerTrouble>> {
  const texts: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = broker[name];
    if (path === undefined) continue;
    const text = await readBounded(path);
    if (!text.ok) return text;
    texts[name] = text.value;
  }
  return ok({ ...texts, rejectUnauthorized: broker.verify, minVersion: 'TLSv1.2' });
}

async function readBounded(path: string): Promise<Result<Buffer, BrokerTrouble>> {
  try {
    const { size } = await stat(path);
    if (size > LIMITS.configBytes) return err(brokerTrouble('file', `${path} is too large for a certificate`));
    return ok(await readFile(path));
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'not readable';
    return err(brokerTrouble('file', `cannot read ${path}: ${code}`));
  }
}

/**
 * Opens a connection over which MQTT may be spoken: for TLS only once the broker's certificate has been accepted, so that
 * no password reaches a stranger.
 *
 * @param clientId for the wording of a failure only
 * @param signal its abort closes what was opened; the trouble then means nothing
 */
export function openStream(
  { protocol, host, port }: Address,
  settings: TlsSettings | undefined,
  { resolve, clientId, deadline }: { resolve: net.LookupFunction; clientId: string; deadline: Millis },
  signal: AbortSignal,
): Promise<Result<Duplex, BrokerTrouble>> {
  const target = { host, port, lookup: resolve, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const named = net.isIP(host) === 0 ? { servername: host } : {};
  const secure = protocol === 'mqtts' || protocol === 'wss';
  const socket = secure ? tls.connect({ ...target, ...named, ...settings }) : net.connect(target);
  // Small messages must not wait for the acknowledgement of the one before.
  socket.setNoDelay(true);
  return new Promise((settle) => {
    const end = (outcome: Result<Duplex, BrokerTrouble>) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener(secure ? 'secureConnect' : 'connect', onOpen);
      socket.removeListener('close', onClose);
      if (!outcome.ok) socket.destroy();
      settle(outcome);
    };
    const onOpen = () => end(ok(socket));
    const onClose = () => end(err(brokerTrouble('closed', 'the broker closed the connection')));
    const onAbort = () => end(err(brokerTrouble('closed', 'given up')));
    const timer = setTimeout(() => end(err(brokerTrouble('timed-out', 'the host does not answer'))), deadline);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(secure ? 'secureConnect' : 'connect', onOpen);
    socket.once('close', onClose);
    // Stays: a socket that fails later must not bring the process down.
    socket.on('error', (error) => end(err(troubleOfError(error, clientId))));
    if (signal.aborted) onAbort();
  });
}

/** How long the name server may take before the last good address is used. */
const PATIENCE = seconds(2);

/**
 * A name look-up that remembers: the name server may be what the outage, or a stage of load shedding, has switched off.
 *
 * @param ask the look-up itself; replaced in tests
 */
export function rememberingLookup(ask: net.LookupFunction = lookup, patience: Millis = PATIENCE): net.LookupFunction {
  const good = new Map<string, Parameters<Parameters<net.LookupFunction>[2]>>();
  return (host, options, callback) => {
    const key = `${host} ${options.all === true} ${options.family ?? 0}`;
    const known = good.get(key);
    let over = false;
    const answer = (...found: Parameters<typeof callback>) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      callback(...found);
    };
    const timer = known === undefined ? undefined : setTimeout(() => answer(...known), patience);
    ask(host, options, (error, address, family) => {
      if (error !== null) return known === undefined ? answer(error, address, family) : answer(...known);
      good.clear();
      good.set(key, [null, address, family]);
      answer(null, address, family);
    });
  };
}
