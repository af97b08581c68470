import { err, ok, type Result } from '../domain/result.ts';
import type { MqttConnection } from './connection.ts';
import type { Fate } from './errands.ts';

/** Why the broker did not do something. `detail` is a sentence part for people, without secrets, such as `not authorised`. */
export interface BrokerRefusal {
  /** No connection in time; the broker will not; or it was sent, and nobody knows whether it arrived. */
  readonly kind: 'away' | 'refused' | 'late';
  readonly detail: string;
}

/** One message, to any topic. */
export interface PortMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** A message that came on a topic that is listened to. */
export interface PortAnswer {
  /** Empty where it is longer than `LIMITS.requestBytes`. */
  readonly payload: string;
  /** The broker had kept it from before. */
  readonly retained: boolean;
}

/** The broker for whoever sends a message of their own and waits for another. Nothing rejects, and every wait ends with the signal. */
export interface MqttPort {
  /** Why there is no connection, as a sentence part for people; undefined while there is one. */
  readonly trouble: () => string | undefined;
  /**
   * Sends one message, once: comes back when the broker has acknowledged it or, with quality of service 0, when it is
   * written. Waits for a connection. Where one ends before the broker has acknowledged it, the message goes again at the
   * next, unless its quality of service is 2.
   */
  readonly publish: (message: PortMessage, signal: AbortSignal) => Promise<Result<undefined, BrokerRefusal>>;
  /**
   * Listens to one topic, without wildcards, until the signal aborts. Comes back when the broker has granted it: what is
   * published from then on is heard. The subscription is made again after a loss of the connection.
   */
  readonly listen: (
    topic: string,
    heard: (answer: PortAnswer) => void,
    signal: AbortSignal,
  ) => Promise<Result<undefined, BrokerRefusal>>;
}

/** What is listened to under one topic. */
interface Listened {
  readonly heard: Set<(answer: PortAnswer) => void>;
  /** Those who have not been told yet whether they hear anything. */
  readonly asking: Set<(fate: Fate) => void>;
}

/** A port over a connection, for as long as that is there. */
export function createPort(connection: MqttConnection): MqttPort {
  const topics = new Map<string, Listened>();
  const trouble = (): string | undefined => {
    const status = connection.status();
    return status.connected ? undefined : (status.trouble ?? 'there is no connection to the broker yet');
  };
  const ask = async (topic: string, { asking }: Listened): Promise<void> => {
    const fate = await connection.hear(topic);
    // The next connection asks again.
    if (fate.kind === 'unsent') return;
    for (const tell of [...asking]) tell(fate);
  };
  connection.onChange(({ connected }) => {
    if (connected) for (const [topic, listened] of topics) void ask(topic, listened);
  });
  connection.onMessage(({ topic, payload, retain }) => {
    const answer = { payload: payload?.toString() ?? '', retained: retain };
    for (const hear of [...(topics.get(topic)?.heard ?? [])]) hear(answer);
  });
  const leave = (topic: string, listened: Listened, hear: (answer: PortAnswer) => void): void => {
    listened.heard.delete(hear);
    if (listened.heard.size > 0) return;
    topics.delete(topic);
    connection.unhear(topic);
  };

  return {
    trouble,
    publish: async (message, signal) => refusalOf(await connection.deliver(message, signal), trouble()),
    listen: async (topic, heard, signal) => {
      if (signal.aborted) return refusalOf({ kind: 'unsent', why: 'there was no time left' }, trouble());
      const listened = topics.get(topic) ?? { heard: new Set(), asking: new Set() };
      topics.set(topic, listened);
      // Of its own, so that the same listener can be there twice.
      const hear = (answer: PortAnswer): void => heard(answer);
      listened.heard.add(hear);
      const fate = await new Promise<Fate>((answered) => {
        const settle = (told: Fate): void => {
          listened.asking.delete(settle);
          answered(told);
        };
        listened.asking.add(settle);
        const stop = (): void => {
          leave(topic, listened, hear);
          settle({ kind: 'unsent', why: 'the broker has not granted it in time' });
        };
        signal.addEventListener('abort', stop, { once: true });
        void ask(topic, listened);
      });
      return refusalOf(fate, trouble());
    },
  };
}

const KINDS = { refused: 'refused', unanswered: 'late', unsent: 'away' } as const;

/** Where there is no connection, the reason for that says more than the time that ran out. */
function refusalOf(fate: Fate, trouble: string | undefined): Result<undefined, BrokerRefusal> {
  if (fate.kind === 'done') return ok(undefined);
  const detail = fate.kind === 'unsent' ? (trouble ?? fate.why) : fate.why;
  return err({ kind: KINDS[fate.kind], detail });
}
