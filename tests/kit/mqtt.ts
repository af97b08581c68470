import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { IClientOptions, MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import type { Log } from '../../src/domain/ports.ts';
import { secret } from '../../src/domain/secret.ts';
import { seconds } from '../../src/domain/time.ts';
import { type Broker, createBroker } from '../../src/mqtt/broker.ts';
import type { EmbeddedUser, RemoteBroker } from '../../src/mqtt/schema.ts';

/** Things in order of arrival, which can be waited for. */
export interface Heard<T> {
  readonly all: readonly T[];
  readonly add: (thing: T) => void;
  /** The first that fits, already there or still to come. Rejects after `within` milliseconds. */
  readonly find: (fits: (thing: T) => boolean, within?: number) => Promise<T>;
}

export function heard<T>(): Heard<T> {
  const all: T[] = [];
  const waiting = new Set<(thing: T) => void>();
  return {
    all,
    add(thing) {
      all.push(thing);
      for (const tell of waiting) tell(thing);
    },
    find(fits, within = 8000) {
      const there = all.find(fits);
      if (there !== undefined) return Promise.resolve(there);
      return new Promise((settle, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(tell);
          reject(new Error(`not heard in ${within} ms; heard ${JSON.stringify(all).slice(0, 500)}`));
        }, within);
        const tell = (thing: T) => {
          if (!fits(thing)) return;
          clearTimeout(timer);
          waiting.delete(tell);
          settle(thing);
        };
        waiting.add(tell);
      });
    },
  };
}

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly details: object;
}

/** A log that keeps its lines. */
export function keptLog(): { readonly log: Log; readonly lines: Heard<Line> } {
  const lines = heard<Line>();
  const write =
    (level: Line['level']) =>
    (text: string, details: object = {}) =>
      lines.add({ level, text, details });
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    room: () => log,
  };
  return { log, lines };
}

export type Users = Readonly<Record<string, readonly [password: string, rights: 'read' | 'write']>>;

/** A running broker of our own on loopback. */
export async function runBroker(
  users: Users = {},
  port = 0,
): Promise<{ readonly broker: Broker; readonly port: number }> {
  const listening = heard<number>();
  const accounts = Object.entries(users).map(([name, [password, rights]]): [string, EmbeddedUser] => [
    name,
    { password: secret(password), rights },
  ]);
  const broker = createBroker(
    { listen: { host: '127.0.0.1', port }, users: Object.fromEntries(accounts) },
    { log: keptLog().log, onListening: (address) => listening.add(address.port), onFailure: () => undefined },
  );
  await broker.start();
  return { broker, port: await listening.find(() => true) };
}

export interface HeardMessage {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
  readonly responseTopic: string | undefined;
  readonly correlation: string | undefined;
}

export interface Client {
  readonly mqtt: MqttClient;
  readonly messages: Heard<HeardMessage>;
  /** Reason codes with which the broker ended the connection. */
  readonly ends: Heard<number>;
}

/** A stranger's client, which does not come back by itself. Rejects with the library's error when it is refused. */
export function join(port: number, options: IClientOptions = {}): Promise<Client> {
  const mqtt = connect({
    host: '127.0.0.1',
    port,
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
    protocol: 'mqtt',
  });
  const messages = heard<HeardMessage>();
  const ends = heard<number>();
  mqtt.on('message', (topic, payload, { retain, properties }) =>
    messages.add({
      topic,
      text: payload.toString(),
      retain,
      responseTopic: properties?.responseTopic,
      correlation: properties?.correlationData?.toString(),
    }),
  );
  mqtt.on('disconnect', ({ reasonCode }) => ends.add(reasonCode ?? 0));
  return new Promise((settle, reject) => {
    mqtt.once('connect', () => settle({ mqtt, messages, ends }));
    mqtt.once('error', reject);
    mqtt.once('close', () => reject(new Error('closed')));
  });
}

export const remote = (port: number, more: Partial<RemoteBroker> = {}): RemoteBroker => ({
  url: `mqtt://127.0.0.1:${port}`,
  version: 'auto',
  keepalive: seconds(30),
  verify: true,
  ...more,
});

/** One packet as it came over the wire. */
export interface Packet {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** A broker of which the test plays every answer. */
export interface FakeBroker {
  readonly port: number;
  readonly packets: Heard<Packet & { readonly socket: net.Socket }>;
  readonly close: () => Promise<void>;
}

export const CONNECT = 1;
export const PUBLISH = 3;

export async function fakeBroker(
  answer: (packet: Packet, socket: net.Socket) => void = () => undefined,
): Promise<FakeBroker> {
  const packets = heard<Packet & { socket: net.Socket }>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = packetSize(rest); size !== undefined && rest.length >= size.total; size = packetSize(rest)) {
        const [first = 0] = rest;
        const packet = { type: first >> 4, flags: first & 15, body: rest.subarray(size.header, size.total), socket };
        rest = rest.subarray(size.total);
        packets.add(packet);
        answer(packet, socket);
      }
    });
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((settle) => void server.close(() => settle()));
  };
  return { port: address.port, packets, close };
}

function packetSize(bytes: Buffer): { readonly header: number; readonly total: number } | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(5, bytes.length); at += 1) {
    const byte = bytes[at] ?? 0;
    length += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) return { header: at + 1, total: at + 1 + length };
  }
  return undefined;
}

/** Protocol level of a CONNECT packet: 4 or 5. */
export const levelOf = ({ body }: Packet): number => body[6] ?? 0;

/** Topic, message id and payload of an MQTT 5 PUBLISH with quality of service 1 and short properties. */
export function published({ body }: Packet): { readonly topic: string; readonly id: Buffer; readonly text: string } {
  const length = body.readUInt16BE(0);
  const properties = body[length + 4] ?? 0;
  return {
    topic: body.subarray(2, 2 + length).toString(),
    id: body.subarray(2 + length, 4 + length),
    text: body.subarray(length + 5 + properties).toString(),
  };
}

/** Joins two streams, and lets them end together. */
export function splice(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  for (const [gone, left] of [
    [one, other],
    [other, one],
  ] as const) {
    gone.on('error', () => undefined);
    gone.on('close', () => left.destroy());
  }
}
