import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS } from '../domain/limits.ts';
import type { Log } from '../domain/ports.ts';
import { asMillis, seconds } from '../domain/time.ts';
import { addressOf, rememberingLookup } from './broker-stream.ts';
import { type BrokerTrouble, brokerTrouble } from './broker-trouble.ts';
import { Errands, type Fate } from './errands.ts';
import { createMailbox, type Outgoing } from './mailbox.ts';
import type { RemoteBroker } from './schema.ts';
import { type ConnectionOptions, type Incoming, openSession, type Session, type Subscription } from './session.ts';

export interface ConnectionStatus {
  readonly connected: boolean;
  /** 4 is 3.1.1. Absent while not connected. */
  readonly version?: 4 | 5;
  /** Why there is no connection, as a sentence part for people. Absent while connected, before the first attempt, after stop. */
  readonly trouble?: string;
}

export interface ConnectionCounters {
  /** Messages that the broker has acknowledged (quality of service 1) or that were written (0). */
  readonly published: number;
  /** Messages the broker never got: too many waited, they expired, or the broker refused them. */
  readonly dropped: number;
  /** Messages waiting now. */
  readonly queued: number;
  /** Messages sent and not yet acknowledged now. */
  readonly inFlight: number;
  /** Successful connections since the start. */
  readonly connects: number;
  /** Retained topics kept. */
  readonly retained: number;
}

/** The one connection to the broker. Comes back by itself, for as long as it takes, until stopped. */
export interface MqttConnection {
  /** Begins to connect. Subscriptions, listeners and messages may be given before. */
  readonly start: () => void;
  /**
   * Retained: keeps it as the state of its topic and sends it when the broker has something else. Otherwise: sends it
   * once. Never waits and never fails; while the broker is away, the newest states and `LIMITS.outbox` moments are kept.
   */
  readonly publish: (message: Outgoing) => void;
  /**
   * Sends one message before all others, once, and resolves with what became of it; waits for a connection until the
   * signal aborts. A retained one is not kept as the state of its topic.
   */
  readonly deliver: (message: Outgoing, signal: AbortSignal) => Promise<Fate>;
  /** Subscribes to one topic for this connection alone, and resolves with what became of that. */
  readonly hear: (topic: string) => Promise<Fate>;
  readonly unhear: (topic: string) => void;
  /** Lets the broker forget a retained topic. */
  readonly clearRetained: (topic: string) => void;
  /** Sends every state again, changed or not, or that of one topic: a Home Assistant has started, or somebody has overwritten it. */
  readonly refresh: (topic?: string) => void;
  /** Adds subscriptions, for this connection and every later one. A filter counts once; the last given holds. */
  readonly subscribe: (subscriptions: readonly Subscription[]) => void;
  readonly onMessage: (listener: (message: Incoming) => void) => void;
  /** Told of each change once. */
  readonly onChange: (listener: (status: ConnectionStatus) => void) => void;
  readonly status: () => ConnectionStatus;
  readonly counters: () => ConnectionCounters;
  /**
   * Sends what waits and the farewell, then disconnects; after a second at most the connection is cut, and the broker
   * publishes the will instead. Whoever calls again waits for the same end.
   */
  readonly stop: (last?: { readonly farewell?: readonly Outgoing[] }) => Promise<void>;
}

interface Ended {
  readonly trouble: BrokerTrouble;
  /** How long the broker had accepted us, in milliseconds. Absent: never. */
  readonly lasted?: number;
}

const STOP_WITHIN = seconds(1);
const RETRY_FIRST = asMillis(500);
const RETRY_MOST = seconds(15);
/** Connections that end sooner do not count as a success: the next attempt waits longer. */
const STEADY = seconds(15);
/** So many short connections in a row, each cut by the broker without a word, look like two clients with one id. */
const SHORT_IN_A_ROW = 3;
/** Topics remembered as refused, so that each is logged once. */
const REFUSED = 1000;

/** The MQTT library is loaded with the first attempt, not before. */
export function createConnection(
  options: ConnectionOptions,
  deps: { readonly log: Log; readonly random?: () => number },
): MqttConnection {
  const connection = new BrokerConnection(options, deps.log, deps.random ?? Math.random);
  return {
    start: () => connection.start(),
    publish: (message) => connection.publish(message),
    deliver: (message, signal) => connection.deliver(message, signal),
    hear: (topic) => connection.hear(topic),
    unhear: (topic) => connection.unhear(topic),
    clearRetained: (topic) => connection.clearRetained(topic),
    refresh: (topic) => connection.refresh(topic),
    subscribe: (subscriptions) => connection.subscribe(subscriptions),
    onMessage: (listener) => void connection.messageListeners.push(listener),
    onChange: (listener) => void connection.changeListeners.push(listener),
    status: () => connection.status,
    counters: () => connection.counters(),
    stop: (last) => connection.stop(last?.farewell ?? []),
  };
}

class BrokerConnection {
  readonly messageListeners: ((message: Incoming) => void)[] = [];
  readonly changeListeners: ((status: ConnectionStatus) => void)[] = [];
  status: ConnectionStatus = { connected: false };
  readonly #options: ConnectionOptions;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #mailbox = createMailbox(LIMITS.outbox);
  readonly #errands = new Errands();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #refused = new Set<string>();
  readonly #resolve = rememberingLookup();
  readonly #given = new AbortController();
  #version: 4 | 5;
  #session: Session | undefined;
  #task: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #pumping = false;
  #onIdle: (() => void) | undefined;
  #published = 0;
  #dropped = 0;
  #connects = 0;
  #short = 0;

  constructor(options: ConnectionOptions, log: Log, random: () => number) {
    this.#options = options;
    this.#log = log;
    this.#random = random;
    this.#version = 'url' in options.broker && options.broker.version === 3 ? 4 : 5;
  }

  start(): void {
    if (this.#stopped === undefined) this.#task ??= this.#run(this.#given.signal);
  }

  publish(message: Outgoing): void {
    if (this.#stopped !== undefined) return;
    this.#mailbox.put(message);
    this.#pump();
  }

  deliver(message: Outgoing, signal: AbortSignal): Promise<Fate> {
    const fate = this.#errands.put(message, signal);
    this.#pump();
    return fate;
  }

  async hear(topic: string): Promise<Fate> {
    // What we listen to anyway must not be asked for in another way.
    if (this.#session !== undefined && this.#subscriptions.has(topic)) return { kind: 'done' };
    return this.#session?.hear(topic) ?? { kind: 'unsent', why: 'there is no connection' };
  }

  unhear(topic: string): void {
    if (!this.#subscriptions.has(topic)) this.#session?.unhear(topic);
  }

  clearRetained(topic: string): void {
    if (this.#stopped !== undefined) return;
    this.#mailbox.clear(topic);
    this.#pump();
  }

  refresh(topic?: string): void {
    if (this.#stopped !== undefined) return;
    if (topic === undefined) this.#mailbox.restart();
    else this.#mailbox.again(topic);
    this.#pump();
  }

  subscribe(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) this.#subscriptions.set(subscription.filter, subscription);
    this.#session?.subscribe(subscriptions);
  }

  counters(): ConnectionCounters {
    return {
      published: this.#published,
      dropped: this.#dropped + this.#mailbox.dropped(),
      queued: this.#mailbox.waiting() + this.#errands.waiting,
      inFlight: this.#session?.inFlight.size ?? 0,
      connects: this.#connects,
      retained: this.#mailbox.topics(),
    };
  }

  stop(farewell: readonly Outgoing[]): Promise<void> {
    this.#stopped ??= this.#farewell(farewell);
    return this.#stopped;
  }

  async #farewell(farewell: readonly Outgoing[]): Promise<void> {
    const session = this.#session;
    if (session !== undefined) {
      const late = setTimeout(() => session.cut(brokerTrouble('timed-out', 'stopped')), STOP_WITHIN);
      for (const message of farewell) this.#mailbox.put(message);
      const idle = new Promise<void>((settle) => {
        this.#onIdle = settle;
      });
      this.#pump();
      await Promise.race([idle, session.ended]);
      session.close();
      await session.ended;
      clearTimeout(late);
    }
    this.#given.abort();
    await this.#task;
    this.#errands.stop();
    this.#tell({ connected: false });
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const { trouble, lasted } = await this.#round(signal);
      if (signal.aborted || this.#stopped !== undefined) return;
      const steady = lasted !== undefined && lasted >= STEADY;
      this.#short = lasted !== undefined && !steady ? this.#short + 1 : 0;
      this.#tell({ connected: false, trouble: this.#worded(trouble) });
      failures = steady ? 0 : failures + 1;
      await this.#pause(failures, signal);
    }
  }

  /** One attempt, or two where the broker may not know the version of the first. */
  async #round(signal: AbortSignal): Promise<Ended> {
    const first = await this.#attempt(signal);
    const { broker } = this.#options;
    const fixed = !('url' in broker) || broker.version !== 'auto';
    // Brokers from before MQTT 5 that do not follow 3.1.1 either just close the connection.
    const perhapsVersion = first.trouble.kind === 'version' || first.trouble.kind === 'closed';
    if (fixed || first.lasted !== undefined || !perhapsVersion || signal.aborted) return first;
    const preferred = this.#version;
    this.#version = preferred === 5 ? 4 : 5;
    const second = await this.#attempt(signal);
    // The version that works is kept, so that a reconnection does not start with a refusal.
    if (second.lasted !== undefined) return second;
    this.#version = preferred;
    return second.trouble.kind === 'version' ? first : second;
  }

  async #attempt(signal: AbortSignal): Promise<Ended> {
    const listeners = {
      onMessage: (message: Incoming) => {
        for (const listener of this.messageListeners) listener(message);
      },
      onDelivered: (message: Outgoing) => {
        this.#published += 1;
        this.#errands.end(message, { kind: 'done' });
        this.#mailbox.delivered(message);
        this.#pump();
      },
      onRefused: (message: Outgoing, why: string) => {
        this.#dropped += 1;
        this.#errands.end(message, { kind: 'refused', why });
        this.#warnOnce('message', message.topic, why);
        this.#pump();
      },
      onDeaf: (filter: string, why: string) => this.#warnOnce('subscription', filter, why),
    };
    const opened = await openSession(this.#options, this.#version, listeners, this.#resolve, signal);
    if (!opened.ok) return { trouble: opened.error };
    const session = opened.value;
    const since = performance.now();
    if (signal.aborted) session.cut(brokerTrouble('closed', 'stopped'));
    else this.#begin(session);
    const trouble = await session.ended;
    this.#session = undefined;
    this.#mailbox.returned(this.#errands.returned([...session.inFlight]));
    return { trouble, lasted: performance.now() - since };
  }

  #begin(session: Session): void {
    this.#session = session;
    this.#connects += 1;
    this.#mailbox.restart();
    // First, so that whoever listens to its own states hears what it publishes next.
    session.subscribe([...this.#subscriptions.values()]);
    this.#tell({ connected: true, version: session.version });
    this.#pump();
  }

  /** Sends while the broker keeps up. What does not fit stays in the mailbox, where newer states replace it. */
  #pump(): void {
    const session = this.#session;
    if (session === undefined || this.#pumping) return;
    this.#pumping = true;
    while (session.hasRoom()) {
      const message = this.#errands.take() ?? this.#mailbox.take();
      if (message === undefined) break;
      session.send(message);
    }
    this.#pumping = false;
    if (this.counters().queued === 0 && session.inFlight.size === 0) this.#onIdle?.();
  }

  #warnOnce(what: 'message' | 'subscription', topic: string, why: string): void {
    if (this.#refused.has(topic)) return;
    if (this.#refused.size >= REFUSED) this.#refused.clear();
    this.#refused.add(topic);
    this.#log.warn(`the broker refuses a ${what}`, { topic: topic.slice(0, 200), why });
  }

  #tell(status: ConnectionStatus): void {
    const { connected, version, trouble } = this.status;
    if (status.connected === connected && status.version === version && status.trouble === trouble) return;
    this.status = status;
    if ('url' in this.#options.broker) {
      const protocol = status.version === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
      if (status.connected)
        this.#log.info(`connected to the broker ${this.#where(this.#options.broker)} (${protocol})`);
      else if (status.trouble !== undefined) {
        this.#log.warn(`no connection to the broker ${this.#where(this.#options.broker)}: ${status.trouble}`);
      }
    }
    for (const listener of this.changeListeners) listener(status);
  }

  #where({ url }: RemoteBroker): string {
    const { protocol, host, port } = addressOf(url);
    return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** 3.1.1 has no word for "taken over": two clients that throw each other out look like a broker that keeps closing. */
  #worded({ kind, text }: BrokerTrouble): string {
    if (kind !== 'closed' || this.#short < SHORT_IN_A_ROW) return text;
    return `${text} again and again: does another client use the id "${this.#options.clientId}"?`;
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const span = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** Math.max(0, failures - 1));
    // Many bridges that lost the same broker must not come back in the same moment.
    await sleep(span * (0.5 + this.#random() / 2), undefined, { signal }).catch(() => undefined);
  }
}
