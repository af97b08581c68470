import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IClientOptions, IClientPublishOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import { LIMITS } from '../domain/limits.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { seconds } from '../domain/time.ts';
import { type Address, addressOf, openStream, readTls, type TlsSettings } from './broker-stream.ts';
import { type BrokerTrouble, brokerTrouble, troubleOfCode, troubleOfError } from './broker-trouble.ts';
import type { Fate } from './errands.ts';
import type { Outgoing } from './mailbox.ts';
import type { RemoteBroker } from './schema.ts';

export interface ConnectionOptions {
  /** A broker elsewhere, or a way into the one of this process (asked anew for each attempt). */
  readonly broker: RemoteBroker | { readonly stream: () => Duplex };
  /** Always the same for one bridge: a reconnection then takes over from its own dead predecessor. */
  readonly clientId: string;
  /** Published by the broker, retained, when we vanish. */
  readonly will: { readonly topic: string; readonly payload: string };
}

export interface Subscription {
  /** May hold wildcards. */
  readonly filter: string;
  readonly qos: 0 | 1;
  /**
   * False for commands: towards an MQTT 5 broker, messages it has retained are never delivered, and one that is to be
   * retained is told by its mark.
   */
  readonly retained: boolean;
}

/** A message from the broker. */
export interface Incoming {
  readonly topic: string;
  /** Undefined when `tooLarge`. */
  readonly payload: Buffer | undefined;
  /** Whether the broker had kept it. */
  readonly retain: boolean;
  /** Payload and properties exceed `LIMITS.requestBytes`; they were thrown away. */
  readonly tooLarge: boolean;
  /** MQTT 5: where the sender wants the answer; unchecked. */
  readonly responseTopic?: string;
  /** MQTT 5: base64, to be given back with the answer. */
  readonly correlation?: string;
}

/** What a session tells while it lives. */
interface SessionListeners {
  readonly onMessage: (message: Incoming) => void;
  /** The broker has this one: acknowledged, or written where there is no acknowledgement. */
  readonly onDelivered: (message: Outgoing) => void;
  /** The broker does not take this message. */
  readonly onRefused: (message: Outgoing, why: string) => void;
  /** The broker does not let us hear this filter. */
  readonly onDeaf: (filter: string, why: string) => void;
}

/** One accepted connection, until it ends. */
export interface Session {
  readonly version: 4 | 5;
  /** Whether another message may be sent now. */
  readonly hasRoom: () => boolean;
  readonly send: (message: Outgoing) => void;
  readonly subscribe: (subscriptions: readonly Subscription[]) => void;
  /** Subscribes to one filter, with what the broker has retained. Resolves with its answer or the end of the session. */
  readonly hear: (filter: string) => Promise<Fate>;
  readonly unhear: (filter: string) => void;
  /** Sent and not yet acknowledged, in order of sending. */
  readonly inFlight: ReadonlySet<Outgoing>;
  /** Why it ended. Never rejects. */
  readonly ended: Promise<BrokerTrouble>;
  /** Says good-bye, so that the broker drops the will. */
  readonly close: () => void;
  /** Ends it at once; the broker publishes the will. */
  readonly cut: (trouble: BrokerTrouble) => void;
}

const CONNECT_WITHIN = seconds(10);
/** A broker that acknowledges nothing for so long is as good as gone, even if it answers pings. */
const ACKNOWLEDGE_WITHIN = seconds(20);
/** Unacknowledged messages; beyond it the newest state waits in the mailbox instead of an older one in a socket. */
const WINDOW = 32;
/** Bytes of one packet that we are ready to read; what a command may hold is `LIMITS.requestBytes`. */
const PACKET = 256 * 1024;
/** Messages that the broker may send before we have acknowledged the first. */
const RECEIVE = 64;

/**
 * Connects once.
 *
 * @param resolve the name look-up for brokers elsewhere
 * @param signal its abort gives the attempt up; an accepted session is ended by its `close` or `cut`
 */
export async function openSession(
  options: ConnectionOptions,
  version: 4 | 5,
  listeners: SessionListeners,
  resolve: LookupFunction,
  signal: AbortSignal,
): Promise<Result<Session, BrokerTrouble>> {
  // Through `default`: bundled, a CommonJS library has no other name.
  const { MqttClient, connect } = (await import('mqtt')).default;
  const settings = clientOptions(options, version);
  const { broker } = options;
  if ('stream' in broker) return accepted(new MqttClient(() => broker.stream(), settings), options, listeners, signal);

  const address = addressOf(broker.url);
  const secure = address.protocol === 'mqtts' || address.protocol === 'wss';
  const tls = secure ? await Promise.race([readTls(broker), hungDisk(signal)]) : undefined;
  if (tls?.ok === false) return tls;
  if (address.protocol === 'ws' || address.protocol === 'wss') {
    return accepted(connect({ ...settings, ...webSocket(address, tls?.value, resolve) }), options, listeners, signal);
  }
  const bounds = { resolve, clientId: options.clientId, deadline: CONNECT_WITHIN };
  const stream = await openStream(address, tls?.value, bounds, signal);
  if (!stream.ok) return stream;
  return accepted(new MqttClient(() => stream.value, settings), options, listeners, signal);
}

/** The certificates may lie on a network share. */
const hungDisk = (signal: AbortSignal): Promise<Result<never, BrokerTrouble>> =>
  sleep(CONNECT_WITHIN, undefined, { ref: false, signal })
    .catch(() => undefined)
    .then(() => err(brokerTrouble('file', 'the certificate files cannot be read in time')));

/** Everything that the library could queue, store or retry by itself is switched off: the mailbox does that. */
function clientOptions({ broker, clientId, will }: ConnectionOptions, version: 4 | 5): IClientOptions {
  const remote = 'stream' in broker ? undefined : broker;
  return {
    clientId,
    protocolVersion: version,
    clean: true,
    keepalive: Math.ceil((remote?.keepalive ?? seconds(30)) / 1000),
    connectTimeout: CONNECT_WITHIN,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    ...(remote?.username !== undefined && { username: remote.username }),
    ...(remote?.password !== undefined && { password: remote.password.reveal() }),
    ...(version === 5 && {
      properties: { sessionExpiryInterval: 0, maximumPacketSize: PACKET, receiveMaximum: RECEIVE },
    }),
  };
}

function webSocket(
  { protocol, host, port, path }: Address,
  tls: TlsSettings | undefined,
  resolve: LookupFunction,
): IClientOptions {
  const hostname = host.includes(':') ? `[${host}]` : host;
  const wsOptions = { ...tls, lookup: resolve, handshakeTimeout: CONNECT_WITHIN, maxPayload: 4 * PACKET };
  return { protocol: protocol === 'wss' ? 'wss' : 'ws', hostname, port, path, wsOptions };
}

/** Waits for the broker's answer to CONNECT. */
function accepted(
  client: MqttClient,
  { clientId }: ConnectionOptions,
  listeners: SessionListeners,
  signal: AbortSignal,
): Promise<Result<Session, BrokerTrouble>> {
  return new Promise((settle) => {
    let trouble: BrokerTrouble | undefined;
    let ended: (trouble: BrokerTrouble) => void = (early) => settle(err(early));
    const fail = (reason: BrokerTrouble) => {
      if (trouble !== undefined) return;
      trouble = reason;
      signal.removeEventListener('abort', onAbort);
      ended(reason);
      client.end(true);
      client.stream.destroy();
    };
    const onAbort = () => fail(brokerTrouble('closed', 'given up'));
    signal.addEventListener('abort', onAbort, { once: true });
    client.on('error', (error) => fail(troubleOfError(error, clientId)));
    client.stream.on('error', (error: Error) => fail(troubleOfError(error, clientId)));
    client.on('close', () => fail(brokerTrouble('closed', 'the broker closed the connection')));
    client.on('disconnect', ({ reasonCode }) => fail(troubleOfCode(reasonCode ?? 128, clientId)));
    client.once('connect', (connack) => {
      signal.removeEventListener('abort', onAbort);
      if (trouble !== undefined) return;
      const session = new AcceptedSession(client, connack, listeners, fail);
      ended = (reason) => session.end(reason);
      settle(ok(session));
    });
    boundPackets(client, fail);
    if (signal.aborted) onAbort();
  });
}

/** 3.1.1 cannot ask the broker for small packets, so a packet without end is cut off here. */
function boundPackets(client: MqttClient, fail: (trouble: BrokerTrouble) => void): void {
  let bytes = 0;
  client.on('packetreceive', () => {
    bytes = 0;
  });
  client.stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > 4 * PACKET) fail(brokerTrouble('refused', 'the broker sends a message that is too large'));
  });
}

/** Owns the client of the library once the broker has said yes. */
class AcceptedSession implements Session {
  readonly version: 4 | 5;
  readonly inFlight = new Set<Outgoing>();
  readonly ended: Promise<BrokerTrouble>;
  readonly cut: (trouble: BrokerTrouble) => void;
  readonly #client: MqttClient;
  readonly #listeners: SessionListeners;
  readonly #window: number;
  readonly #bytes: number;
  readonly #retain: boolean;
  readonly #qos: number;
  #patience: NodeJS.Timeout | undefined;
  #tell: (trouble: BrokerTrouble) => void = () => undefined;
  #over = false;

  constructor(
    client: MqttClient,
    { properties }: IConnackPacket,
    listeners: SessionListeners,
    cut: (trouble: BrokerTrouble) => void,
  ) {
    this.version = client.options.protocolVersion === 5 ? 5 : 4;
    this.#client = client;
    this.#listeners = listeners;
    this.#window = Math.min(WINDOW, properties?.receiveMaximum ?? WINDOW);
    this.#bytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#retain = properties?.retainAvailable ?? true;
    this.#qos = properties?.maximumQoS ?? 2;
    this.ended = new Promise((tell) => {
      this.#tell = tell;
    });
    this.cut = cut;
    client.on('message', (topic, payload, packet) => listeners.onMessage(incoming(topic, payload, packet)));
  }

  /** Told once, before the library forgets what it had sent. */
  end(trouble: BrokerTrouble): void {
    this.#over = true;
    clearTimeout(this.#patience);
    this.#tell(trouble);
  }

  hasRoom(): boolean {
    const { connected, disconnecting } = this.#client;
    return !this.#over && connected && !disconnecting && this.inFlight.size < this.#window;
  }

  send(message: Outgoing): void {
    const problem = this.#unfit(message);
    if (problem !== undefined) {
      this.#listeners.onRefused(message, problem);
      return;
    }
    this.inFlight.add(message);
    this.#await();
    this.#client.publish(message.topic, message.payload, this.#publishOptions(message), (error) => {
      const code = error && 'code' in error ? error.code : undefined;
      // Without a code the connection is going: whoever hears of its end also gets what is in flight.
      if (this.#over || (error && code === undefined)) return;
      this.inFlight.delete(message);
      this.#await();
      if (code === undefined) this.#listeners.onDelivered(message);
      else this.#listeners.onRefused(message, troubleOfCode(code, '').text);
    });
  }

  subscribe(subscriptions: readonly Subscription[]): void {
    if (this.#over || subscriptions.length === 0) return;
    this.#subscribe(subscriptions, (refused) => {
      for (const [filter, why] of refused) this.#listeners.onDeaf(filter, why);
    });
  }

  hear(filter: string): Promise<Fate> {
    const answered = new Promise<Fate>((settle) => {
      this.#subscribe([{ filter, qos: 1, retained: true }], (refused) => {
        const why = refused.get(filter);
        settle(why === undefined ? { kind: 'done' } : { kind: 'refused', why });
      });
    });
    return Promise.race([answered, this.ended.then(({ text }): Fate => ({ kind: 'unsent', why: text }))]);
  }

  unhear(filter: string): void {
    if (!this.#over) this.#client.unsubscribe(filter);
  }

  /** @param told which filters the broker refuses, and why; not called once the session is over */
  #subscribe(subscriptions: readonly Subscription[], told: (refused: ReadonlyMap<string, string>) => void): void {
    const request = Object.fromEntries(
      subscriptions.map(({ filter, qos, retained }) => [
        filter,
        { qos, rh: retained ? 0 : 2, nl: false, rap: !retained },
      ]),
    );
    const filters = Object.keys(request);
    this.#client.subscribe(request, (error, _asked, suback) => {
      if (this.#over) return;
      if (suback === undefined) {
        if (error !== null) told(new Map(filters.map((filter) => [filter, error.message])));
        return;
      }
      const refused = suback.granted.flatMap((code, index) => {
        // 3.1.1 knows one code of failure, 128, without a reason.
        const why = code === 128 ? 'the broker refuses it' : troubleOfCode(Number(code), '').text;
        return Number(code) >= 128 ? [[filters[index] ?? '', why] as const] : [];
      });
      told(new Map(refused));
    });
  }

  close(): void {
    if (!this.#over) this.#client.end(false);
  }

  /** A message that the broker would answer by cutting the connection must not be sent: it would be sent again for ever. */
  #unfit({ topic, payload, properties }: Outgoing): string | undefined {
    if (!isTopic(topic)) return 'it is no topic to publish to';
    const bytes = Buffer.byteLength(payload) + 3 * topic.length + 64 + JSON.stringify(properties ?? {}).length;
    return bytes > this.#bytes ? `the message is larger than the broker takes (${this.#bytes} bytes)` : undefined;
  }

  #publishOptions({ retain, qos, properties = {} }: Outgoing): IClientPublishOptions {
    const { contentType, correlationData } = properties;
    return {
      qos: this.#qos >= qos ? qos : this.#qos === 1 ? 1 : 0,
      retain: retain && this.#retain,
      ...(this.version === 5 && {
        properties: {
          ...(contentType !== undefined && { contentType }),
          ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
        },
      }),
    };
  }

  /** Runs while something is unacknowledged, anew from each acknowledgement. */
  #await(): void {
    clearTimeout(this.#patience);
    if (this.inFlight.size === 0) return;
    this.#patience = setTimeout(
      () => this.cut(brokerTrouble('timed-out', 'the broker acknowledges nothing')),
      ACKNOWLEDGE_WITHIN,
    );
  }
}

/** Whether a message may be published there: MQTT 5.0, 1.5.4 and 4.7. Brokers cut the connection for less. */
const isTopic = (topic: string): boolean =>
  topic !== '' && Buffer.byteLength(topic) <= 65_535 && !/[+#\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(topic);

function incoming(topic: string, payload: Buffer, { retain, properties = {} }: IPublishPacket): Incoming {
  const { responseTopic, correlationData } = properties;
  const bytes = payload.length + (responseTopic?.length ?? 0) + (correlationData?.length ?? 0);
  if (bytes > LIMITS.requestBytes) return { topic, payload: undefined, retain, tooLarge: true };
  return {
    topic,
    payload,
    retain,
    tooLarge: false,
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlation: correlationData.toString('base64') }),
  };
}
