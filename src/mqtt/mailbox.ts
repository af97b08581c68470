/** One message for the broker. */
export interface Outgoing {
  readonly topic: string;
  /** Empty with `retain`: the broker forgets the topic. */
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  readonly properties?: OutgoingProperties;
}

/** What MQTT 5 carries beside the payload; left out towards a 3.1.1 broker. */
interface OutgoingProperties {
  /** `application/json` and the like. */
  readonly contentType?: string;
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
  readonly put: (message: Outgoing) => void;
  /** Lets the broker forget a retained topic, then forgets it here. */
  readonly clear: (topic: string) => void;
  /** A connection has begun: every state is due again in the order of first mention, since the broker may have lost it. */
  readonly restart: () => void;
  /** One state is due again: it counts as not sent. Nothing where nothing is kept. */
  readonly again: (topic: string) => void;
  /** The next message to send, or undefined. */
  readonly take: () => Outgoing | undefined;
  /** The broker has it. */
  readonly delivered: (message: Outgoing) => void;
  /** The connection ended before the broker acknowledged these: moments go back to the front, in their order. */
  readonly returned: (messages: readonly Outgoing[]) => void;
  /** How many wait. */
  readonly waiting: () => number;
  /** Moments thrown away since the start because too many waited. */
  readonly dropped: () => number;
  /** Retained topics kept. */
  readonly topics: () => number;
}

type Entry =
  | { readonly kind: 'state'; readonly topic: string }
  | { readonly kind: 'moment'; readonly message: Outgoing };

/** @param limit how many moments may wait; the oldest goes first */
export function createMailbox(limit: number): Mailbox {
  const desired = new Map<string, Outgoing>();
  const sent = new Map<string, Outgoing>();
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
  const takeState = (topic: string): Outgoing | undefined => {
    due.delete(topic);
    const message = desired.get(topic);
    const last = sent.get(topic);
    if (message === undefined || (last?.payload === message.payload && last.qos === message.qos)) return undefined;
    sent.set(topic, message);
    return message;
  };

  return {
    put(message) {
      if (message.retain) return want(message);
      queue.push({ kind: 'moment', message: { ...message } });
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
    take() {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
        const message = entry.kind === 'state' ? takeState(entry.topic) : entry.message;
        if (message !== undefined) return message;
      }
      return undefined;
    },
    delivered(message) {
      if (!message.retain || message.payload !== '' || desired.get(message.topic) !== message) return;
      desired.delete(message.topic);
      sent.delete(message.topic);
    },
    returned(messages) {
      const moments = messages.filter(({ retain, qos }) => !retain && qos > 0);
      queue = [...moments.map((message): Entry => ({ kind: 'moment', message })), ...queue];
      trim();
    },
    waiting: () => queue.length,
    dropped: () => dropped,
    topics: () => desired.size,
  };
}
