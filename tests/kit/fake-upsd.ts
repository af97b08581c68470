/**
 * An upsd for tests: speaks RFC 9271 as upsd 2.8.0 was measured to speak it, and misbehaves on command.
 *
 * It listens on loopback only.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  FakeUpsdWorld,
  type Hooks,
  type Outcome,
  type UserDefinition,
  type WorldOptions,
} from './fake-upsd-commands.ts';
import { Connection } from './fake-upsd-connection.ts';
import type { Faults } from './fake-upsd-faults.ts';
import { FakeUps, type UpsCondition, type UpsDefinition } from './fake-upsd-ups.ts';

/** A PEM certificate with its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface FakeUpsdOptions {
  /** LIST UPS keeps this order. */
  readonly ups: Readonly<Record<string, UpsDefinition>>;
  readonly users?: Readonly<Record<string, UserDefinition>>;
  /** Absent: ERR FEATURE-NOT-CONFIGURED; `unsupported`: an upsd built without TLS. */
  readonly tls?: Certificate | 'unsupported';
  /** Default 2.8.0. 2.7.4 has protocol 1.2: no TRACKING, PROTVER, PRIMARY, INSTCMD parameter. */
  readonly version?: '2.7.4' | '2.8.0';
  /** Default 0: any free one. */
  readonly port?: number;
  /** What GET DESC knows, by variable name in lower case. */
  readonly descriptions?: Readonly<Record<string, string>>;
  /** How often GET TRACKING says PENDING after the outcome is known, default 1: real drivers take about a second. */
  readonly pendingAnswers?: number;
  /** A client silent for so long is dropped, default 60 000 ms as upsd does; 0: never. */
  readonly idleMs?: number;
  /** Default false, as upsd: where a client pipelines, answers may wait 40 ms for its delayed ACK. */
  readonly noDelay?: boolean;
}

export interface RecordedRequest {
  /** Counts all requests of the server from 0; `since` of `waitForRequest` speaks of it. */
  readonly seq: number;
  /** Which connection, counted from 1 in the order they were accepted. */
  readonly connection: number;
  /** The line as it came, without LF; what follows PASSWORD is replaced by `***`. */
  readonly line: string;
  /** `performance.now()` of its arrival. */
  readonly at: number;
}

export interface WaitOptions {
  /** Only requests with this `seq` or a later one; default 0, so what has already come counts. */
  readonly since?: number;
  /** Default 5000. */
  readonly timeoutMs?: number;
}

/** The running fake: where it is, what it heard, and what it is told to do. Names of UPSes are as configured. */
export interface FakeUpsd {
  readonly host: string;
  readonly port: number;
  /** The newest 50,000 requests at most. */
  readonly requests: readonly RecordedRequest[];
  /** How many requests have come in all: the `since` that means "from now on". */
  readonly requestCount: number;
  /** Open now. */
  readonly connections: number;
  /** Accepted since the start. */
  readonly accepted: number;
  /** Decide what becomes of an instruction; unset: success. A promise leaves it PENDING until it settles. */
  onInstcmd: Hooks['onInstcmd'];
  /** The same for SET VAR. The variable changes when, and only when, the outcome is success. */
  onSet: Hooks['onSet'];
  set(ups: string, variable: string, value: string): void;
  remove(ups: string, variable: string): void;
  /** Shown before the others, as upsd does with a UPS that a reload brings. */
  addUps(name: string, definition: UpsDefinition): void;
  /** Connections logged in to it are closed, as upsd does on reload. */
  removeUps(name: string): void;
  /** `arrived`: which variables a UPS in `wait` shows besides ups.status, default none, as measured. */
  state(ups: string, condition: UpsCondition, arrived?: readonly string[]): void;
  /** Latches or, as only a restart of upsd would, releases FSD. */
  fsd(ups: string, latched: boolean): void;
  /** Ends the PENDING of a tracking id. */
  settle(trackingId: string, outcome: Outcome): void;
  /** All tracking ids given out, oldest first. */
  trackingIds(): readonly string[];
  /** Switches faults on, beside those that are on. In force when it returns; resolves when the listener agrees. */
  fault(faults: Faults): Promise<void>;
  /** Switches the named faults off, or all. */
  heal(...names: (keyof Faults)[]): Promise<void>;
  /** @throws Error (rejects) past the deadline, naming the last requests */
  waitForRequest(pattern: RegExp, options?: WaitOptions): Promise<RecordedRequest>;
  /** Resolves when exactly so many connections are open. */
  waitForConnections(count: number, timeoutMs?: number): Promise<void>;
  /** Destroys every connection; the listener stays. */
  closeAll(): void;
  /** Sends bytes to every connection without being asked. */
  push(text: string): void;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const MAX_REQUESTS = 50_000;
const WAIT_MS = 5000;
const IDLE_MS = 60_000;

/** Makes a self-signed certificate for localhost and 127.0.0.1 with openssl. Takes some 20 ms: make one a file. */
export function selfSignedCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'fake-upsd-'));
  try {
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', keyFile, '-out', certFile];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' });
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every request that came, and those who wait for one. */
class RequestLog {
  readonly entries: RecordedRequest[] = [];
  count = 0;
  readonly #waiting = new Set<(request: RecordedRequest) => void>();

  record(connection: number, line: string): void {
    const shown = line.replace(/^(\s*"?password"?\s+).*/i, '$1***');
    const request = { seq: this.count, connection, line: shown, at: performance.now() };
    this.count += 1;
    if (this.entries.length >= MAX_REQUESTS) this.entries.splice(0, MAX_REQUESTS / 5);
    this.entries.push(request);
    for (const hear of [...this.#waiting]) hear(request);
  }

  wait(pattern: RegExp, { since = 0, timeoutMs = WAIT_MS }: WaitOptions = {}): Promise<RecordedRequest> {
    const fits = (request: RecordedRequest): boolean => request.seq >= since && request.line.search(pattern) >= 0;
    const found = this.entries.find(fits);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const hear = (request: RecordedRequest): void => {
        if (!fits(request)) return;
        clearTimeout(timer);
        this.#waiting.delete(hear);
        resolve(request);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(hear);
        const last = this.entries.slice(-5).map((request) => JSON.stringify(request.line));
        reject(new Error(`no request matched ${pattern} within ${timeoutMs} ms; the last were ${last.join(', ')}`));
      }, timeoutMs);
      this.#waiting.add(hear);
    });
  }
}

class FakeUpsdServer implements FakeUpsd {
  readonly host = HOST;
  readonly #world: FakeUpsdWorld;
  readonly #log = new RequestLog();
  readonly #open = new Set<Connection>();
  readonly #onCount = new Set<() => void>();
  readonly #secureContext: SecureContext | undefined;
  readonly #noDelay: boolean;
  readonly #idleTimer: NodeJS.Timeout | undefined;
  #listener: Server | undefined;
  #faults: Faults = {};
  #port: number;
  #accepted = 0;
  #stopped = false;

  constructor(options: FakeUpsdOptions) {
    const { tls, idleMs = IDLE_MS } = options;
    this.#port = options.port ?? 0;
    this.#noDelay = options.noDelay ?? false;
    this.#secureContext = tls === undefined || tls === 'unsupported' ? undefined : createSecureContext(tls);
    const worldOptions: WorldOptions = {
      version: options.version ?? '2.8.0',
      users: options.users ?? {},
      descriptions: options.descriptions ?? {},
      pendingAnswers: options.pendingAnswers ?? 1,
      startTls: () => {
        if (this.#secureContext || this.#faults.tlsBroken) return 'ok';
        return tls === 'unsupported' ? 'FEATURE-NOT-SUPPORTED' : 'FEATURE-NOT-CONFIGURED';
      },
      sessions: () => [...this.#open].map((connection) => connection.session),
    };
    this.#world = new FakeUpsdWorld(worldOptions);
    for (const [name, definition] of Object.entries(options.ups)) this.#world.upses.push(new FakeUps(name, definition));
    if (idleMs > 0) this.#idleTimer = setInterval(() => this.#dropIdle(idleMs), Math.min(2000, idleMs / 2)).unref();
  }

  get port(): number {
    return this.#port;
  }
  get requests(): readonly RecordedRequest[] {
    return this.#log.entries;
  }
  get requestCount(): number {
    return this.#log.count;
  }
  get connections(): number {
    return this.#open.size;
  }
  get accepted(): number {
    return this.#accepted;
  }
  get onInstcmd(): Hooks['onInstcmd'] {
    return this.#world.hooks.onInstcmd;
  }
  set onInstcmd(hook: Hooks['onInstcmd']) {
    this.#world.hooks.onInstcmd = hook;
  }
  get onSet(): Hooks['onSet'] {
    return this.#world.hooks.onSet;
  }
  set onSet(hook: Hooks['onSet']) {
    this.#world.hooks.onSet = hook;
  }

  async listen(): Promise<void> {
    const listener = createServer((socket) => this.#accept(socket));
    this.#listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.#port, HOST, resolve);
    });
    const address = listener.address();
    if (typeof address === 'object' && address) this.#port = address.port;
  }

  set(ups: string, variable: string, value: string): void {
    this.#ups(ups).set(variable, value);
  }

  remove(ups: string, variable: string): void {
    if (!this.#ups(ups).remove(variable)) throw new Error(`${ups} has no ${variable}`);
  }

  addUps(name: string, definition: UpsDefinition): void {
    if (this.#world.ups(name)) throw new Error(`${name} is there already`);
    this.#world.upses.unshift(new FakeUps(name, definition));
    this.#showHugeNumber();
  }

  removeUps(name: string): void {
    this.#world.upses.splice(this.#world.upses.indexOf(this.#ups(name)), 1);
    for (const connection of this.#open) if (connection.session.login === name) connection.destroy();
  }

  state(ups: string, condition: UpsCondition, arrived: readonly string[] = []): void {
    this.#ups(ups).show({ condition, arrived });
  }

  fsd(ups: string, latched: boolean): void {
    this.#ups(ups).show({ fsd: latched });
  }

  settle(trackingId: string, outcome: Outcome): void {
    if (!this.#world.settle(trackingId, outcome)) throw new Error(`no tracking id ${trackingId}`);
  }

  trackingIds(): readonly string[] {
    return this.#world.trackingIds();
  }

  async fault(faults: Faults): Promise<void> {
    await this.#change({ ...this.#faults, ...faults });
  }

  async heal(...names: (keyof Faults)[]): Promise<void> {
    const kept = Object.entries(this.#faults).filter(
      ([name]) => names.length > 0 && !names.some((one) => one === name),
    );
    await this.#change(Object.fromEntries(kept));
  }

  waitForRequest(pattern: RegExp, options?: WaitOptions): Promise<RecordedRequest> {
    return this.#log.wait(pattern, options);
  }

  waitForConnections(count: number, timeoutMs = WAIT_MS): Promise<void> {
    if (this.#open.size === count) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#open.size !== count) return;
        clearTimeout(timer);
        this.#onCount.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#onCount.delete(look);
        reject(new Error(`${this.#open.size} connections after ${timeoutMs} ms, not ${count}`));
      }, timeoutMs);
      this.#onCount.add(look);
    });
  }

  closeAll(): void {
    for (const connection of this.#open) connection.destroy();
  }

  push(text: string): void {
    for (const connection of this.#open) connection.push(text);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#idleTimer);
    this.closeAll();
    await this.#closeListener();
  }

  #ups(name: string): FakeUps {
    const ups = this.#world.ups(name);
    if (!ups) throw new Error(`the fake upsd has no UPS ${name}`);
    return ups;
  }

  #accept(socket: Socket): void {
    this.#accepted += 1;
    const connection = new Connection(socket, this.#accepted, {
      world: this.#world,
      faults: () => this.#faults,
      secureContext: this.#secureContext,
      noDelay: this.#noDelay,
      record: (number, line) => this.#log.record(number, line),
      closed: (gone) => {
        this.#open.delete(gone);
        this.#counted();
      },
    });
    this.#open.add(connection);
    connection.faultsChanged();
    this.#counted();
  }

  #counted(): void {
    for (const look of [...this.#onCount]) look();
  }

  #dropIdle(idleMs: number): void {
    const limit = performance.now() - idleMs;
    for (const connection of this.#open) if (connection.heardAt < limit) connection.destroy();
  }

  async #change(faults: Faults): Promise<void> {
    const refused = this.#faults.refuseConnect ?? false;
    this.#faults = faults;
    this.#showHugeNumber();
    for (const connection of this.#open) connection.faultsChanged();
    if (faults.refuseConnect && !refused) await this.#closeListener();
    else if (!faults.refuseConnect && refused && !this.#stopped) await this.listen();
  }

  #showHugeNumber(): void {
    const { hugeNumber } = this.#faults;
    const huge = hugeNumber === true ? 'battery.charge' : hugeNumber || undefined;
    for (const ups of this.#world.upses) ups.show({ huge });
  }

  /** Stops listening at once. Open connections stay, so their end is not waited for. */
  async #closeListener(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (!listener) return;
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
    if (this.#stopped) await closed;
  }
}

/** Starts a fake upsd on loopback; resolves once it accepts connections. */
export async function startFakeUpsd(options: FakeUpsdOptions): Promise<FakeUpsd> {
  const server = new FakeUpsdServer(options);
  await server.listen();
  return server;
}
