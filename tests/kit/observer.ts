import type { IClientOptions } from 'mqtt';
import { type Client, type HeardMessage, join } from './mqtt.ts';

/** A parsed payload; text that is no JSON stays text. */
export type Payload = unknown;

/** The answer to a request. */
export interface Answered {
  readonly status: string;
  readonly code?: string;
  readonly error?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly transaction?: unknown;
}

const WAIT_MS = 10_000;
let transactions = 0;

/** A client that hears everything, remembers the newest state of each topic, and asks. */
export interface Observer {
  /** In order of arrival. */
  readonly messages: readonly HeardMessage[];
  /** The newest payload of a topic; undefined: none, or cleared. */
  latest(topic: string): Payload;
  /** The newest payload of a topic once it fits, which it may do already. */
  until<T = Record<string, unknown>>(topic: string, fits: (payload: T) => boolean, within?: number): Promise<T>;
  /** A message that arrives after this call. */
  next<T = Record<string, unknown>>(topic: string, fits?: (payload: T) => boolean, within?: number): Promise<T>;
  publish(topic: string, payload: string | object, options?: { readonly retain?: boolean }): Promise<void>;
  /** Sends an object with a transaction of its own, and waits for the answer that carries it. */
  ask(topic: string, payload: object, answersAt: string, within?: number): Promise<Answered>;
  /** How many answers a transaction has had. */
  answersTo(transaction: unknown): number;
  /** The MQTT client. */
  readonly client: Client;
  close(): Promise<void>;
}

/** Connects and subscribes to `#`; what mosquitto has retained has then arrived. */
export async function observe(port: number, options: IClientOptions = {}): Promise<Observer> {
  const client = await join(port, options);
  const { mqtt, messages } = client;
  const newest = new Map<string, Payload>();
  const followers = new Set<(topic: string) => void>();
  mqtt.on('message', (topic, payload) => {
    const text = payload.toString();
    if (text === '') newest.delete(topic);
    else newest.set(topic, parsed(text));
    for (const follow of followers) follow(topic);
  });

  const until = <T>(topic: string, fits: (payload: T) => boolean, within: number, already: boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const payload = newest.get(topic) as T | undefined; // whoever waits knows what this topic carries
        if (payload === undefined || !fits(payload)) return false;
        finish();
        resolve(payload);
        return true;
      };
      const follow = (changed: string) => void (changed === topic && look());
      const late = setTimeout(() => {
        finish();
        const last = JSON.stringify(newest.get(topic))?.slice(0, 1000) ?? 'nothing';
        reject(new Error(`${topic} did not become what was waited for within ${within} ms; it has ${last}`));
      }, within);
      const finish = () => {
        clearTimeout(late);
        followers.delete(follow);
      };
      followers.add(follow);
      if (already) look();
    });

  const retained = await subscribeToAll(client);
  if (!retained) throw new Error('the broker let us subscribe to nothing');
  return {
    messages: messages.all,
    client,
    latest: (topic) => newest.get(topic),
    until: (topic, fits, within = WAIT_MS) => until(topic, fits, within, true),
    next: (topic, fits = () => true, within = WAIT_MS) => until(topic, fits, within, false),
    publish: async (topic, payload, { retain = false } = {}) => {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
      await mqtt.publishAsync(topic, text, { qos: 1, retain });
    },
    ask: async (topic, payload, answersAt, within = WAIT_MS) => {
      transactions += 1;
      const transaction = `t-${transactions}`;
      const answer = until<Answered>(answersAt, (given) => given.transaction === transaction, within, false);
      await mqtt.publishAsync(topic, JSON.stringify({ ...payload, transaction }), { qos: 1 });
      return await answer;
    },
    answersTo: (transaction) =>
      messages.all.filter(({ topic, text }) => /\/response(?:\/|$)/.test(topic) && hasTransaction(text, transaction))
        .length,
    close: async () => {
      await mqtt.endAsync(true);
    },
  };
}

/** Subscribes, and waits for a message of our own that comes back behind everything that was retained. */
async function subscribeToAll({ mqtt, messages }: Client): Promise<boolean> {
  const granted = await mqtt.subscribeAsync('#', { qos: 1 });
  const fence = `observer/${process.pid}/${messages.all.length}/${Math.random()}`;
  const back = messages.find(({ topic }) => topic === fence);
  await mqtt.publishAsync(fence, '', { qos: 1 });
  await back;
  return granted.every(({ qos }) => qos < 128);
}

const hasTransaction = (text: string, transaction: unknown): boolean => {
  const payload = parsed(text);
  return (
    typeof payload === 'object' && payload !== null && 'transaction' in payload && payload.transaction === transaction
  );
};

function parsed(text: string): Payload {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
