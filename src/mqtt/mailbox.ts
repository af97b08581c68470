import type { Millis } from '../domain/time.ts';

/** One message for the broker. */
export interface Outgoing {
  readonly topic: string;
  /** Empty with `retain`: the broker forgets the topic. */
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  /** After this the broker, and while the broker is away we, throw it away. MQTT 5 only; absent: it stays. */
  readonly expires?: Millis;
  readonly properties?: OutgoingProperties;
}

/** What MQTT 5 carries beside the payload; left out towards a 3.1.1 broker. */
interface OutgoingProperties {
  /** `application/json` and the like. */
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Base64, as it came with the request. */
  readonly correlationData?: string;
}

/**
 * What waits for the broker.
 *
 * Retained messages are states: one a topic, the newest wins, sent only where the broker has something else. All others
 * are moments: each is sent once, in order, and at most `limit` of them wait.
 */
export interface Mailbox {
  /** @param at milliseconds on a monotonic clock */
  readonly put: (message: Outgoing, at: number) => void;
  /** Lets the broker forget a retained topic, then forgets it here. */
  readonly clear: (topic: string) => void;
  /** A connection has begun: every state is due again in the order of first mention, since the broker may have lost it. */
  readonly restart: () => void;
  /** One state is due again: it counts as not sent. Nothing where nothing is kept. */
  readonly again: (topic: string) => void;
  /** The next message to send, or undefined. */
  readonly take: (at: number) => Outgoing | undefined;
  /** The broker has it. */
  readonly delivered: (message: Outgoing) => void;
  /** The connection ended before the broker acknowledged these: moments go back to the front, in their order. */
  readonly returned: (messages: readonly Outgoing[], at: number) => void;
  /** How many wait. */
  readonly waiting: () => number;
  /** Moments thrown away since the start: too many waited, or they expired while waiting. */
  readonly dropped: () => number;
  /** Retained topics kept. */
  readonly topics: () => number;
}

type Entry =
  | { readonly kind: 'state'; readonly topic: string }
  | { readonly kind: 'moment'; readonly message: Outgoing; readonly at: number };

/** @param limit how many moments may wait; the oldest goes first */
export function createMailbox(limit: number): Mailbox {
  const desired = new Map<string, Outgoing>();
  const sent = new Map<string, { readonly message: Outgoing; readonly at: number }>();
  const due = new Set<string>();
  let queue: Entry[] = [];
  let dropped = 0;

  // Copies, because messages are told apart by identity and a caller may send the same object twice.
  const want = (message: Outgoing) => {
    desired.set(message.topic, { ...message });
    if (due.has(message.topic)) return;
    due.add(message.topic);
    queue.push({ kind: 'state', topic: message.topic });
  };
  const trim = () => {
    for (let extra = queue.length - due.size - limit; extra > 0; extra -= 1) {
      const oldest = queue.findIndex(({ kind }) => kind === 'moment');
      queue.splice(oldest, 1);
      dropped += 1;
    }
  };
  const takeState = (topic: string, at: number): Outgoing | undefined => {
    due.delete(topic);
    const message = desired.get(topic);
    if (message === undefined || isFresh(sent.get(topic), message, at)) return undefined;
    sent.set(topic, { message, at });
    return message;
  };

  return {
    put(message, at) {
      if (message.retain) return want(message);
      queue.push({ kind: 'moment', message: { ...message }, at });
      trim();
    },
    clear: (topic) => want({ topic, payload: '', retain: true, qos: 1 }),
    restart() {
      const moments = queue.filter(({ kind }) => kind === 'moment');
      sent.clear();
      for (const topic of desired.keys()) due.add(topic);
      queue = [...[...desired.keys()].map((topic): Entry => ({ kind: 'state', topic })), ...moments];
    },
    again(topic) {
      const message = desired.get(topic);
      if (message === undefined) return;
      sent.delete(topic);
      want(message);
    },
    take(at) {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
        const message = entry.kind === 'state' ? takeState(entry.topic, at) : entry.message;
        const expired = entry.kind === 'moment' && at - entry.at > (entry.message.expires ?? Number.POSITIVE_INFINITY);
        if (expired) dropped += 1;
        else if (message !== undefined) return message;
      }
      return undefined;
    },
    delivered(message) {
      if (!message.retain || message.payload !== '' || desired.get(message.topic) !== message) return;
      desired.delete(message.topic);
      sent.delete(message.topic);
    },
    returned(messages, at) {
      const moments = messages.filter(({ retain, qos }) => !retain && qos > 0);
      queue = [...moments.map((message): Entry => ({ kind: 'moment', message, at })), ...queue];
      trim();
    },
    waiting: () => queue.length,
    dropped: () => dropped,
    topics: () => desired.size,
  };
}

/** Whether the broker has this state already. One that expires is renewed from half of its life on. */
function isFresh(
  last: { readonly message: Outgoing; readonly at: number } | undefined,
  next: Outgoing,
  at: number,
): boolean {
  if (last === undefined || last.message.payload !== next.payload || last.message.qos !== next.qos) return false;
  return next.expires === undefined || at - last.at < next.expires / 2;
}
