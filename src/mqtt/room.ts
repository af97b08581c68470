import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Intent } from '../domain/intents.ts';
import type { Clock, Log, Transition } from '../domain/ports.ts';
import type { Request } from '../domain/requests.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { type Instant, seconds } from '../domain/time.ts';
import { parseAnnounced, serializeAnnounced } from './announced.ts';
import { Announcer } from './announcer.ts';
import { type Broker, createBroker } from './broker.ts';
import { type ConnectionCounters, type ConnectionStatus, createConnection, type MqttConnection } from './connection.ts';
import type { PlanData, ProgressData } from './group-publisher.ts';
import { createPort, type MqttPort } from './port.ts';
import { AVAILABILITY, Publisher } from './publisher.ts';
import { requestOf, responseText } from './requests.ts';
import type { EmbeddedBroker, MqttConfig } from './schema.ts';
import type { Incoming } from './session.ts';
import { incomingOf, type Topics, topicsOf } from './topics.ts';

export interface MqttParts {
  readonly config: MqttConfig;
  readonly node: string;
  readonly version: string;
  /** Wall time of the start of the program. */
  readonly started: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What Home Assistant was told, across restarts. */
  readonly memory: { readonly load: () => Promise<string | undefined>; readonly save: (text: string) => void };
  readonly ask: (request: Request) => void;
  /** What the topic of a plan holds. */
  readonly planData: PlanData;
  /** What the topic of a shutdown holds. */
  readonly progressData: ProgressData;
  /** A port of the embedded broker was bound, or could not be. */
  readonly listening: (address: ListenAddress) => void;
  readonly failed: (why: string) => void;
  readonly random?: () => number;
}

/** Everything MQTT: publishes the state, takes requests, carries answers. */
export interface MqttRoom {
  readonly accept: (transition: Transition) => void;
  readonly answer: (intent: Extract<Intent, { kind: 'answer' }>) => void;
  readonly status: () => ConnectionStatus;
  readonly counters: () => ConnectionCounters;
  /** For steps that send a message of their own. Its waits end with `stop` as well. */
  readonly port: MqttPort;
  /** Says that it is going, and goes. */
  readonly stop: () => Promise<void>;
}

/** Home Assistant may say several times that it was born; it is answered once in this time. */
const REBIRTH = seconds(10);
/** Home Assistant asks every integration to wait a little after its start, so that not all speak at once. */
const BIRTH_DELAY = seconds(2);

export async function createMqttRoom(parts: MqttParts): Promise<MqttRoom> {
  const { config, node, clock, log, memory, random = Math.random } = parts;
  const topics = topicsOf(config.base, node);
  const broker = 'embedded' in config ? embedded(config.embedded, parts) : undefined;
  const connection = createConnection(
    {
      broker: 'embedded' in config ? { stream: () => streamOf(broker) } : config,
      clientId: ('embedded' in config ? undefined : config.clientId) ?? `gridwarden_${node}`,
      will: { topic: topics.bridgeState, payload: AVAILABILITY.offline },
    },
    { log, random },
  );
  const told = await memory.load();
  const remembered = told === undefined ? [] : parseAnnounced(told);
  if (remembered === undefined)
    log.warn('the memory of what Home Assistant was told is damaged: removals before now are lost');
  const announcer = new Announcer(
    { mode: config.discovery, prefix: config.discoveryPrefix },
    remembered ?? [],
    clock.now(),
  );
  const publisher = publisherOf(parts, topics, announcer, connection);
  const leaving = new AbortController();
  const births = birthsOf(parts, announcer, publisher, connection, leaving.signal);
  const listen = listener(parts, topics, births, connection);
  const port = createPort(connection);
  connection.onMessage((message) => listen(message));
  connection.onChange(({ connected }) => {
    if (!connected) announcer.unheard();
  });
  connection.subscribe(subscriptionsOf(topics, config.discoveryPrefix));
  connection.publish({ topic: topics.bridgeState, payload: AVAILABILITY.online, retain: true, qos: 1 });
  await broker?.start();
  connection.start();

  let saved = announcer.version;
  let size = announcer.size;
  const remember = (): void => {
    if (announcer.version === saved) return;
    saved = announcer.version;
    size = announcer.size;
    memory.save(serializeAnnounced(announcer.remembered()));
  };
  return {
    accept: (transition) => {
      publisher.accept(transition);
      // All of it each time, which is megabytes with a hundred devices: once a tick, not once a change. What is announced for
      // the first time is remembered at once: a process that is killed right then would leave it to nobody.
      if (transition.input.kind === 'tick' || announcer.size > size) remember();
    },
    answer: ({ request, answer }) => {
      const payload = responseText(request, answer);
      const { answerTopic } = request;
      if (answerTopic !== undefined) {
        connection.publish({ topic: answerTopic, payload, retain: false, qos: 1, properties: JSON_CONTENT });
      }
      const { returnTo } = request;
      if (returnTo === undefined) return;
      const properties = {
        ...JSON_CONTENT,
        ...(returnTo.correlation === undefined ? {} : { correlationData: returnTo.correlation }),
      };
      connection.publish({ topic: returnTo.topic, payload, retain: false, qos: 1, properties });
    },
    status: () => connection.status(),
    port,
    counters: () => connection.counters(),
    stop: async () => {
      leaving.abort();
      remember();
      const farewell = [{ topic: topics.bridgeState, payload: AVAILABILITY.offline, retain: true, qos: 1 as const }];
      await connection.stop({ farewell });
      await broker?.stop();
    },
  };
}

const JSON_CONTENT = { contentType: 'application/json' } as const;

function embedded(config: EmbeddedBroker, { log, listening, failed }: MqttParts): Broker {
  return createBroker(config, { log: log.room('broker'), onListening: listening, onFailure: failed });
}

function streamOf(broker: Broker | undefined): ReturnType<Broker['stream']> {
  if (broker === undefined) throw new Error('a connection to the embedded broker without one');
  return broker.stream();
}

function publisherOf(
  { config, node, version, started, planData, progressData }: MqttParts,
  topics: Topics,
  announcer: Announcer,
  connection: MqttConnection,
) {
  return new Publisher({
    topics,
    node,
    version,
    started: new Date(started).toISOString(),
    forgetAfter: config.forgetAfter,
    announcer,
    planData,
    progressData,
    outlet: {
      retain: (topic, payload) =>
        connection.publish({ topic, payload, retain: true, qos: 1, properties: JSON_CONTENT }),
      clear: (topic) => connection.clearRetained(topic),
      again: (topic) => connection.refresh(topic),
      pass: (topic, payload) => connection.publish({ topic, payload, retain: false, qos: 1, properties: JSON_CONTENT }),
    },
  });
}

/** Commands are never delivered from a broker's memory: a retained `load.off` would fire at every reconnection. */
const subscriptionsOf = (topics: Topics, prefix: string) => [
  ...topics.incoming.map((filter) => ({ filter, qos: 1 as const, retained: false })),
  { filter: topics.bridgeState, qos: 1 as const, retained: true },
  { filter: `${prefix}/status`, qos: 0 as const, retained: true },
];

/** The comings and goings of Home Assistant. */
interface Births {
  readonly born: () => Promise<void>;
  readonly gone: () => void;
}

function birthsOf(
  { clock, random = Math.random }: MqttParts,
  announcer: Announcer,
  publisher: Publisher,
  connection: MqttConnection,
  signal: AbortSignal,
): Births {
  let last: { readonly at: Instant; readonly gone: AbortController } | undefined;
  return {
    born: async () => {
      if (last !== undefined && clock.now() - last.at < REBIRTH) return;
      const gone = new AbortController();
      last = { at: clock.now(), gone };
      const ended = AbortSignal.any([signal, gone.signal]);
      await sleep(random() * BIRTH_DELAY, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      publisher.born(clock.now());
      connection.refresh();
    },
    // Its next birth is one of its own, however soon it comes.
    gone: () => {
      last?.gone.abort();
      last = undefined;
      announcer.unheard();
    },
  };
}

/** Reads what arrives: requests, the birth of Home Assistant, and our own state where somebody else has overwritten it. */
function listener({ config, log, ask }: MqttParts, topics: Topics, births: Births, connection: MqttConnection) {
  return (message: Incoming): void => {
    const { topic, payload, retain, responseTopic, correlation } = message;
    const text = payload?.toString();
    if (topic === topics.bridgeState) {
      // The will of a dead predecessor can arrive after our own word that we live. What the broker remembered is not
      // that: our word follows it.
      if (text !== AVAILABILITY.online && !retain) connection.refresh(topics.bridgeState);
      return;
    }
    if (topic === `${config.discoveryPrefix}/status`) {
      if (text === 'online') void births.born();
      else births.gone();
      return;
    }
    // What a step listens to is none of ours.
    if (incomingOf(topics, topic) === undefined) return;
    if (retain) {
      log.warn(`a retained message on ${topic} was ignored: commands must not be retained`);
      return;
    }
    const arrived = {
      topic,
      payload,
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(correlation === undefined ? {} : { correlation }),
    };
    const request = requestOf(`mqtt-${randomUUID()}`, arrived, topics, config.discoveryPrefix);
    if (request !== undefined) ask(request);
  };
}
