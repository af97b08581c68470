import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { freePort } from './ports.ts';
import { MOSQUITTO_PROGRAM } from './presence.ts';
import { RunningProcess, run } from './process.ts';

/** What kind of broker to start. Without anything: one plain listener that lets everybody do everything. */
export interface MosquittoOptions {
  /** Port of the plain listener on 127.0.0.1; default: a free one. */
  readonly port?: number;
  /** A second listener with TLS; `require-certificate`: it refuses clients that show no certificate of its authority. */
  readonly tls?: boolean | 'require-certificate';
  /** Name to password. Given: nobody else gets in. */
  readonly users?: Readonly<Record<string, string>>;
  /** Text of an `acl_file`. */
  readonly acl?: string;
  /** Retained messages and sessions survive `stop` (not `kill`) and `start`. */
  readonly persistence?: boolean;
  /** Further configuration lines at the end; listener options there belong to the last listener (TLS if there is one). */
  readonly extra?: readonly string[];
}

/** A real mosquitto on the loopback interface, in a temporary folder of its own. */
export interface Mosquitto {
  readonly port: number;
  /** `mqtt://127.0.0.1:<port>` */
  readonly url: string;
  /** Absent without `tls`. */
  readonly tlsPort: number | undefined;
  /** Absent without `tls`. */
  readonly certificates: Certificates | undefined;
  /** The broker's own log since the first start, debug lines included. */
  log(): readonly string[];
  /** A log line written after this call that matches. */
  waitForLog(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** Ends it and keeps the folder; `start` brings the same broker back on the same ports. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** After `stop` or `kill`. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it, if it runs, and removes its folder. */
  dispose(): Promise<void>;
}

const START_MS = 10_000;

/** Starts a broker and waits until it accepts connections. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-mosquitto-'));
  const port = options.port ?? (await freePort());
  const tlsPort = options.tls ? await freePort() : undefined;
  const certificates = options.tls ? await makeCertificates(folder) : undefined;
  const configuration = join(folder, 'mosquitto.conf');
  await writeFile(configuration, await configurationText(options, folder, port, tlsPort, certificates));

  let broker: RunningProcess;
  let earlier: readonly string[] = [];
  const start = async () => {
    broker = new RunningProcess(MOSQUITTO_PROGRAM, ['-c', configuration], { name: 'mosquitto' });
    await broker.waitForLine(/mosquitto version \S+ running/, START_MS);
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (!broker.running) return;
    await broker.stop(signal);
    earlier = [...earlier, ...broker.lines()];
  };
  await start();

  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    tlsPort,
    certificates,
    log: () => (broker.running ? [...earlier, ...broker.lines()] : earlier),
    waitForLog: (pattern, timeoutMs) => broker.waitForLine(pattern, timeoutMs, broker.mark()),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    start,
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    dispose: async () => {
      await end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function configurationText(
  options: MosquittoOptions,
  folder: string,
  port: number,
  tlsPort: number | undefined,
  certificates: Certificates | undefined,
): Promise<string> {
  const lines = [
    // As root it would otherwise become the user "mosquitto", who may not read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    // Not stdout, which mosquitto buffers when it is a pipe.
    'log_dest stderr',
    'log_type all',
    'set_tcp_nodelay true',
    `allow_anonymous ${options.users === undefined}`,
    ...(options.persistence ? ['persistence true', `persistence_location ${folder}/`] : ['persistence false']),
  ];
  if (options.users !== undefined) lines.push(`password_file ${await passwordFile(folder, options.users)}`);
  if (options.acl !== undefined) {
    const file = join(folder, 'acl');
    await writeFile(file, `${options.acl}\n`, { mode: 0o600 });
    lines.push(`acl_file ${file}`);
  }
  lines.push(`listener ${port} 127.0.0.1`);
  if (certificates !== undefined) {
    lines.push(`listener ${tlsPort} 127.0.0.1`, `cafile ${certificates.caFile}`);
    lines.push(`certfile ${certificates.serverCert}`, `keyfile ${certificates.serverKey}`);
    lines.push(`require_certificate ${options.tls === 'require-certificate'}`);
  }
  return `${[...lines, ...(options.extra ?? [])].join('\n')}\n`;
}

async function passwordFile(folder: string, users: Readonly<Record<string, string>>): Promise<string> {
  const file = join(folder, 'passwords');
  await writeFile(file, '', { mode: 0o600 });
  for (const [name, password] of Object.entries(users)) {
    await run('/usr/bin/mosquitto_passwd', ['-b', file, name, password]);
  }
  return file;
}
