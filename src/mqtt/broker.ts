import { createHash, timingSafeEqual } from 'node:crypto';
import net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import type { Aedes, AuthenticateError, Client, PublishPacket } from 'aedes';
import type { Log } from '../domain/ports.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { asMillis, seconds } from '../domain/time.ts';
import type { EmbeddedBroker, EmbeddedUser } from './schema.ts';

/** Whom a broker tells about its listener. */
export interface BrokerDeps {
  readonly log: Log;
  /** The listener is open, with the port that the system chose where 0 was asked for. */
  readonly onListening: (address: ListenAddress) => void;
  /** The listener cannot be opened, or failed; told once per reason. It is tried again, and `stream` works meanwhile. */
  readonly onFailure: (trouble: string) => void;
}

/**
 * A broker inside this process, for MQTT 3.1, 3.1.1 and 5.
 *
 * It keeps retained messages in memory, and no session beyond its connection: nothing is stored for a client that is
 * away, so that no client can fill the memory. Within its rights a client may publish anywhere, as at any broker, except
 * under `$SYS` and under the client id of our own connection.
 */
export interface Broker {
  /** Resolves when `stream` may be used; the listener may come later. */
  readonly start: () => Promise<void>;
  /** Closes listener and connections, within two seconds. */
  readonly stop: () => Promise<void>;
  /** A connection from inside, which needs no password. Closed at once while the broker does not run. */
  readonly stream: () => Duplex;
  /** Where it listens. Absent while it does not. */
  readonly address: () => ListenAddress | undefined;
  /** Connected clients, our own included. */
  readonly clients: () => number;
}

/** Bounds of a broker that may stand in a network with strangers. */
const BOUNDS = {
  /** Connections from outside. */
  clients: 100,
  /** Bytes of one packet: discovery and state messages of large bridges reach some hundred kilobytes. */
  packet: 1024 * 1024,
  /** Bytes of all messages that clients from outside let the broker retain. */
  retained: 64 * 1024 * 1024,
  /** Topics that clients from outside let the broker retain. */
  topics: 20_000,
  /** How long a connection may last without CONNECT. */
  connect: seconds(10),
  /** Packets that a client may send before it has read CONNACK: MQTT 5 allows it, and bridges begin with a burst. */
  early: 1000,
  /** How long a client may leave its socket full. Publishers wait for it meanwhile. */
  drain: seconds(5),
  /** Whose refused log-ins are remembered, so that each is logged once. */
  refused: 100,
} as const;

const RETRY_FIRST = asMillis(500);
const RETRY_MOST = seconds(30);
const STOP_WITHIN = seconds(2);

/** CONNACK return codes of MQTT 3.1.1, 3.2.2.3; the library translates them for MQTT 5 (0x85, 0x86, 0x87). */
const ID_REJECTED = 2;
const BAD_PASSWORD = 4;
const NOT_AUTHORISED = 5;

/** The library is loaded with `start`, not before. */
export function createBroker({ listen, users }: EmbeddedBroker, deps: BrokerDeps): Broker {
  const broker = new TcpBroker(listen, users, deps);
  return {
    start: () => broker.start(),
    stop: () => broker.stop(),
    stream: () => broker.stream(),
    address: () => broker.address,
    clients: () => broker.clients(),
  };
}

class TcpBroker {
  address: ListenAddress | undefined;
  readonly #listen: ListenAddress;
  readonly #deps: BrokerDeps;
  readonly #rules: Rules;
  readonly #sockets = new Set<net.Socket>();
  #aedes: Aedes | undefined;
  #server: net.Server | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #told: string | undefined;

  constructor(listen: ListenAddress, users: Readonly<Record<string, EmbeddedUser>>, deps: BrokerDeps) {
    this.#listen = listen;
    this.#deps = deps;
    this.#rules = new Rules(users, deps.log);
  }

  async start(): Promise<void> {
    if (this.#aedes !== undefined) throw new Error('the broker runs already');
    const { Aedes } = await import('aedes');
    const rules = this.#rules;
    const aedes = new Aedes({
      maximumPacketSize: BOUNDS.packet,
      connectTimeout: BOUNDS.connect,
      drainTimeout: BOUNDS.drain,
      queueLimit: BOUNDS.early,
      // The least that it can be capped to, in seconds; 3.1.1 sessions are made clean in `preConnect`.
      sessionExpiryIntervalLimit: 1,
      pendingSessionsLimit: BOUNDS.clients,
      preConnect: (_client, packet, done) => {
        if (packet.protocolVersion !== 5) packet.clean = true;
        done(null, true);
      },
      authenticate: (client, name, password, done) => {
        const refusal = rules.admit(client, name, password);
        if (refusal === undefined) done(null, true);
        else done(refusal, false);
      },
      authorizePublish: (client, packet, done) => done(rules.mayPublish(client, packet)),
      authorizeForward: (client, packet) => (fits(client, packet) ? packet : null),
    });
    // What a client does wrong closes its connection; there is nothing else to do about it.
    aedes.on('clientError', (client, error) => this.#deps.log.debug('client', { id: client.id, error: error.message }));
    aedes.on('connectionError', (_client, error) => this.#deps.log.debug('connection', { error: error.message }));
    aedes.addListener('error', (error: Error) => this.#deps.log.error('broker', { error: error.message }));
    await aedes.listen();
    this.#aedes = aedes;
    this.#open();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#retry);
    const aedes = this.#aedes;
    const server = this.#server;
    this.#aedes = undefined;
    this.#server = undefined;
    this.address = undefined;
    const closed = new Promise<void>((settle) => {
      if (server?.listening === true) server.close(() => settle());
      else settle();
    });
    await Promise.race([new Promise<void>((settle) => (aedes ? aedes.close(settle) : settle())), expiry(STOP_WITHIN)]);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#rules.forgetRetained();
  }

  stream(): Duplex {
    const [ours, theirs] = duplexPair();
    linkEnds(ours, theirs);
    if (this.#aedes === undefined) {
      theirs.destroy();
      return ours;
    }
    this.#rules.trust(theirs);
    this.#aedes.handle(theirs);
    return ours;
  }

  clients(): number {
    return this.#aedes?.connectedClients ?? 0;
  }

  #open(): void {
    const server = net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: seconds(60) });
    this.#server = server;
    server.maxConnections = BOUNDS.clients;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', (error) => this.#again(server, error));
    server.on('listening', () => {
      const bound = server.address();
      if (this.#server !== server || bound === null || typeof bound === 'string') return;
      this.#failures = 0;
      this.#told = undefined;
      this.address = { host: this.#listen.host, port: bound.port };
      this.#deps.onListening(this.address);
    });
    server.listen(this.#listen.port, this.#listen.host);
  }

  #accept(socket: net.Socket): void {
    if (this.#aedes === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#aedes.handle(socket);
  }

  /** A taken port or a missing address may come free: the listener is tried again for as long as the broker runs. */
  #again(server: net.Server, error: Error): void {
    if (this.#server !== server || this.#aedes === undefined) return;
    this.address = undefined;
    server.close();
    if (this.#told !== error.message) this.#deps.onFailure(error.message);
    this.#told = error.message;
    this.#retry = setTimeout(() => this.#open(), Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this.#failures));
    this.#failures = Math.min(this.#failures + 1, 10);
  }
}

/** Who may do what. */
class Rules {
  readonly #users: ReadonlyMap<string, { readonly digest: Buffer; readonly rights: 'read' | 'write' }>;
  readonly #log: Log;
  readonly #trusted = new WeakSet<Duplex>();
  /** Kept for as long as the library keeps the client: a delayed will is published after the client has gone. */
  readonly #rights = new WeakMap<Client, 'read' | 'write' | 'own'>();
  readonly #refused = new Set<string>();
  readonly #retained = new Map<string, number>();
  #bytes = 0;
  #ownId: string | undefined;

  constructor(users: Readonly<Record<string, EmbeddedUser>>, log: Log) {
    const known = Object.entries(users).map(
      ([name, { password, rights }]) => [name, { digest: digestOf(password.reveal()), rights }] as const,
    );
    this.#users = new Map(known);
    this.#log = log;
  }

  /** Marks our own end of a pair: the stream itself is the proof, there is no secret to lose. */
  trust(stream: Duplex): void {
    this.#trusted.add(stream);
  }

  /** Why a client may not come in; undefined: it may. */
  admit(client: Client, name: string | undefined, password: Buffer | undefined): AuthenticateError | undefined {
    if (this.#trusted.has(client.conn)) {
      this.#ownId = client.id;
      this.#rights.set(client, 'own');
      return undefined;
    }
    // Whoever took our id would throw our own connection out.
    if (client.id === this.#ownId) return this.#refuse(client, name, ID_REJECTED, 'it uses our own client id');
    if (this.#users.size === 0) {
      this.#rights.set(client, 'write');
      return undefined;
    }
    const user = name === undefined ? undefined : this.#users.get(name);
    // Always one comparison of equal length, so that the time tells neither names nor passwords.
    const same = timingSafeEqual(digestOf(password ?? ''), user?.digest ?? digestOf(''));
    if (user !== undefined && same) {
      this.#rights.set(client, user.rights);
      return undefined;
    }
    if (name === undefined) return this.#refuse(client, name, NOT_AUTHORISED, 'it gives no user name');
    return this.#refuse(client, name, BAD_PASSWORD, 'wrong user name or password');
  }

  mayPublish(client: Client | null, packet: PublishPacket): Error | null {
    const rights = client === null ? undefined : this.#rights.get(client);
    if (rights === undefined || rights === 'read') return new Error('this user may not publish');
    if (packet.topic.startsWith('$SYS')) return new Error('$SYS is reserved');
    return packet.retain && rights !== 'own' ? this.#retain(packet) : null;
  }

  /** A new start begins with nothing retained. */
  forgetRetained(): void {
    this.#retained.clear();
    this.#bytes = 0;
  }

  #retain({ topic, payload }: PublishPacket): Error | null {
    const before = this.#retained.get(topic);
    const bytes = payload.length === 0 ? 0 : topic.length + payload.length;
    const total = this.#bytes - (before ?? 0) + bytes;
    const full = before === undefined && this.#retained.size >= BOUNDS.topics;
    if (bytes > 0 && (total > BOUNDS.retained || full)) return new Error('too much is retained already');
    this.#bytes = total;
    if (bytes === 0) this.#retained.delete(topic);
    else this.#retained.set(topic, bytes);
    return null;
  }

  #refuse(client: Client, name: string | undefined, returnCode: number, why: string): AuthenticateError {
    const from = client.conn instanceof net.Socket ? client.conn.remoteAddress : undefined;
    const key = `${from} ${name} ${why}`.slice(0, 300);
    if (!this.#refused.has(key)) {
      if (this.#refused.size >= BOUNDS.refused) this.#refused.clear();
      this.#refused.add(key);
      this.#log.warn('the broker refuses a client', { from, user: name?.slice(0, 128), why });
    }
    return Object.assign(new Error(why), { returnCode });
  }
}

const digestOf = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest();

/** The library leaves the largest packet a client is ready for to us: what is larger is not delivered. MQTT 5.0, 3.1.2.11.4 */
function fits(client: Client, { topic, payload, properties }: PublishPacket): boolean {
  const { maximumPacketSize } = client;
  if (maximumPacketSize === undefined) return true;
  const extras = (properties?.responseTopic?.length ?? 0) + (properties?.correlationData?.length ?? 0);
  return 3 * topic.length + payload.length + extras + 64 <= maximumPacketSize;
}

/** Makes the ends of a pair close together, as sockets do; what was written before is still read. */
function linkEnds(one: Duplex, other: Duplex): void {
  for (const [gone, left] of [
    [one, other],
    [other, one],
  ] as const) {
    gone.on('error', () => undefined);
    gone.once('close', () => {
      if (left.destroyed) return;
      if (left.readableEnded) {
        left.destroy();
        return;
      }
      left.once('end', () => left.destroy());
      left.push(null);
    });
  }
}

const expiry = (span: number): Promise<void> => new Promise((settle) => setTimeout(settle, span).unref());
