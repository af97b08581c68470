import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { LIMITS } from '../../src/domain/limits.ts';
import { secret } from '../../src/domain/secret.ts';
import type { Broker } from '../../src/mqtt/broker.ts';
import { type ConnectionStatus, createConnection, type MqttConnection } from '../../src/mqtt/connection.ts';
import type { Outgoing } from '../../src/mqtt/mailbox.ts';
import type { ConnectionOptions, Incoming } from '../../src/mqtt/session.ts';
import {
  type Client,
  CONNECT,
  type FakeBroker,
  fakeBroker,
  type Heard,
  heard,
  join,
  keptLog,
  type Line,
  levelOf,
  PUBLISH,
  published,
  remote,
  runBroker,
  splice,
  type Users,
} from '../kit/mqtt.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const WILL = { topic: 'gridwarden/home/bridge/state', payload: '{"state":"offline"}' };
const FAREWELL: Outgoing = { ...WILL, retain: true, qos: 1 };

interface Bridge {
  readonly connection: MqttConnection;
  readonly changes: Heard<ConnectionStatus>;
  readonly messages: Heard<Incoming>;
  readonly lines: Heard<Line>;
}

function bridge(broker: ConnectionOptions['broker'], clientId = 'bridge'): Bridge {
  const { log, lines } = keptLog();
  const connection = createConnection({ broker, clientId, will: WILL }, { log, random: () => 0 });
  const [changes, messages] = [heard<ConnectionStatus>(), heard<Incoming>()];
  connection.onChange(changes.add);
  connection.onMessage(messages.add);
  open.push(() => connection.stop());
  return { connection, changes, messages, lines };
}

async function connected(broker: ConnectionOptions['broker'], clientId?: string): Promise<Bridge> {
  const started = bridge(broker, clientId);
  started.connection.start();
  await started.changes.find((status) => status.connected);
  return started;
}

async function broker(users: Users = {}, port = 0): Promise<{ broker: Broker; port: number }> {
  const running = await runBroker(users, port);
  open.push(() => running.broker.stop());
  return running;
}

async function watcher(port: number, filter = '#', options: Parameters<typeof join>[1] = {}): Promise<Client> {
  const joined = await join(port, options);
  open.push(() => joined.mqtt.end(true));
  await joined.mqtt.subscribeAsync(filter, { qos: 1 });
  return joined;
}

async function fake(...answer: Parameters<typeof fakeBroker>): Promise<FakeBroker> {
  const running = await fakeBroker(...answer);
  open.push(() => running.close());
  return running;
}

const state = (topic: string, payload: string): Outgoing => ({ topic, payload, retain: true, qos: 1 });
const moment = (topic: string, payload: string): Outgoing => ({ topic, payload, retain: false, qos: 1 });
const lost = (status: ConnectionStatus) => !status.connected;
const CONNACK_5 = Buffer.from([0x20, 3, 0, 0, 0]);

test('a state is sent when it changes, a moment each time', async () => {
  const { port } = await broker();
  const { mqtt, messages } = await watcher(port);
  const { connection } = await connected(remote(port));
  for (const payload of ['on', 'on', 'off', 'off', 'on']) connection.publish(state('s', payload));
  for (const payload of ['1', '1']) connection.publish(moment('m', payload));
  await messages.find(({ topic }) => topic === 'm');
  await mqtt.publishAsync('end', '', { qos: 1 });
  await messages.find(({ topic }) => topic === 'end');
  expect(messages.all.map(({ topic, text }) => `${topic}=${text}`)).toEqual([
    's=on',
    's=off',
    's=on',
    'm=1',
    'm=1',
    'end=',
  ]);
  expect(connection.counters()).toMatchObject({ published: 5, dropped: 0, queued: 0, inFlight: 0, connects: 1 });
});

test('what MQTT 5 carries beside a message arrives on both ways', async () => {
  const { port } = await broker();
  const other = await watcher(port, 'answer');
  const { connection, messages } = bridge(remote(port));
  connection.subscribe([{ filter: 'ask', qos: 1, retained: false }]);
  connection.start();
  const properties = { responseTopic: 'answer', correlationData: Buffer.from([0, 255]) };
  await other.mqtt.publishAsync('ask', 'early', { qos: 1, retain: true });
  connection.publish(state('up', '1'));
  const up = await watcher(port, 'up');
  await up.messages.find(() => true);
  await other.mqtt.publishAsync('ask', 'hello', { qos: 1, properties });
  const asked = await messages.find(() => true);
  expect(asked).toMatchObject({
    topic: 'ask',
    retain: false,
    tooLarge: false,
    responseTopic: 'answer',
    correlation: 'AP8=',
  });
  expect(asked.payload?.toString()).toBe('hello');

  connection.publish({ ...moment('answer', 'hi'), properties: { correlationData: 'AP8=', contentType: 'text/plain' } });
  const answer = await new Promise<{ properties?: { correlationData?: Buffer; contentType?: string } | undefined }>(
    (settle) => other.mqtt.once('message', (_topic, _payload, packet) => settle(packet)),
  );
  expect(answer.properties).toMatchObject({ correlationData: Buffer.from([0, 255]), contentType: 'text/plain' });
});

test('a message beyond the limit comes without its payload', async () => {
  const { port } = await broker();
  const other = await watcher(port, 'none');
  const { connection, messages } = bridge(remote(port));
  connection.subscribe([{ filter: 'ask', qos: 1, retained: true }]);
  connection.start();
  await other.mqtt.publishAsync('ask', 'x'.repeat(LIMITS.requestBytes + 1), { qos: 1, retain: true });
  expect(await messages.find(() => true)).toEqual({ topic: 'ask', payload: undefined, retain: true, tooLarge: true });
});

test('everything is sent again, in order, to a broker that came back empty', async () => {
  const first = await broker();
  const { connection, changes } = await connected(remote(first.port));
  for (const topic of ['z', 'a', 'm']) connection.publish(state(topic, '1'));
  connection.publish(state('a', '2'));
  connection.publish(state('gone', '1'));
  connection.clearRetained('gone');
  await expect.poll(() => connection.counters().published).toBe(6);
  await first.broker.stop();
  expect(await changes.find(lost)).toEqual({ connected: false, trouble: 'the broker is shutting down' });
  const second = await broker({}, first.port);
  const { messages } = await watcher(second.port);
  await messages.find(({ topic }) => topic === 'm');
  expect(messages.all.map(({ topic, text }) => `${topic}=${text}`)).toEqual(['z=1', 'a=2', 'm=1']);
  expect(connection.counters()).toMatchObject({ connects: 2, retained: 3 });
});

test('a broker that is away costs no memory: the newest state and the newest moments arrive', async () => {
  const first = await broker();
  const { connection, changes } = await connected(remote(first.port));
  await first.broker.stop();
  await changes.find(lost);
  for (let count = 1; count <= 1000; count += 1) {
    connection.publish(state('s', String(count)));
    connection.publish(state('t', String(-count)));
    connection.publish(moment('m', String(count)));
  }
  expect(connection.counters()).toMatchObject({ queued: LIMITS.outbox + 2, dropped: 1000 - LIMITS.outbox });
  const second = await broker({}, first.port);
  const { messages } = await watcher(second.port);
  await messages.find(({ topic, text }) => topic === 'm' && text === '1000');
  expect(messages.all.filter(({ topic }) => topic !== 'm').map(({ text }) => text)).toEqual(['1000', '-1000']);
  const moments = messages.all.filter(({ topic }) => topic === 'm').map(({ text }) => Number(text));
  expect(moments).toEqual(Array.from({ length: LIMITS.outbox }, (_, index) => 1001 - LIMITS.outbox + index));
});

test('a broker that acknowledges slowly gets the newest state, not all of them', async () => {
  const held: (() => void)[] = [];
  let holding = true;
  const slow = await fake((packet, socket) => {
    if (packet.type === CONNECT) socket.write(CONNACK_5);
    if (packet.type !== PUBLISH) return;
    const acknowledge = () => socket.write(Buffer.concat([Buffer.from([0x40, 2]), published(packet).id]));
    if (holding) held.push(acknowledge);
    else acknowledge();
  });
  const { connection } = await connected(remote(slow.port));
  for (let count = 0; count < 32; count += 1) connection.publish(moment('fill', String(count)));
  for (let count = 1; count <= 1000; count += 1) connection.publish(state('s', String(count)));
  await slow.packets.find((packet) => packet.type === PUBLISH && published(packet).text === '31');
  expect(connection.counters()).toMatchObject({ inFlight: 32, queued: 1 });
  holding = false;
  for (const acknowledge of held) acknowledge();
  const isState = (packet: Parameters<typeof published>[0]) =>
    packet.type === PUBLISH && published(packet).topic === 's';
  expect(published(await slow.packets.find(isState)).text).toBe('1000');
  expect(slow.packets.all.filter(isState)).toHaveLength(1);
});

test('moments that the broker had not acknowledged are sent again', async () => {
  let connects = 0;
  const unreliable = await fake((packet, socket) => {
    if (packet.type === CONNECT) {
      connects += 1;
      socket.write(CONNACK_5);
    } else if (packet.type === PUBLISH && connects === 1) socket.destroy();
  });
  const { connection } = await connected(remote(unreliable.port));
  connection.publish(moment('m', 'once more'));
  await unreliable.packets.find((packet) => packet.type === PUBLISH && connects === 2);
  const texts = unreliable.packets.all.filter(({ type }) => type === PUBLISH).map((packet) => published(packet).text);
  expect(texts).toEqual(['once more', 'once more']);
});

test('the broker publishes the will when we vanish, and the farewell when we stop', async () => {
  const { port } = await broker();
  const { messages } = await watcher(port);
  const sockets: net.Socket[] = [];
  const proxy = net.createServer((socket) => {
    sockets.push(socket);
    splice(socket, net.connect(port, '127.0.0.1'));
  });
  await new Promise<void>((settle) => proxy.listen(0, '127.0.0.1', settle));
  open.push(() => proxy.close());
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const { connection, changes } = await connected(remote(address.port));
  connection.publish(state(WILL.topic, 'online'));
  await messages.find(({ text }) => text === 'online');
  for (const socket of sockets) socket.destroy();
  await messages.find(({ text }) => text === WILL.payload);
  await changes.find(lost);

  const heardBefore = messages.all.length;
  await new Promise<void>((settle) => connection.onChange((status) => status.connected && settle()));
  connection.publish(state('last', 'word'));
  await connection.stop({ farewell: [{ ...FAREWELL, payload: 'farewell' }] });
  await messages.find(({ text }) => text === 'farewell');
  expect(messages.all.slice(heardBefore).map(({ text }) => text)).toEqual(['online', 'word', 'farewell']);
  expect(connection.status()).toEqual({ connected: false });
});

test('stop ends within a second where the broker does not answer any more', async () => {
  const mute = await fake((packet, socket) => void (packet.type === CONNECT && socket.write(CONNACK_5)));
  const { connection } = await connected(remote(mute.port));
  const before = performance.now();
  await connection.stop({ farewell: [FAREWELL] });
  expect(performance.now() - before).toBeGreaterThan(900);
  expect(performance.now() - before).toBeLessThan(2000);
  expect(mute.packets.all.map(({ type }) => type)).toEqual([CONNECT, PUBLISH]);
});

test('stop does not wait for a broker that is not there', async () => {
  const mute = await fake();
  const { connection } = bridge(remote(mute.port));
  connection.start();
  await mute.packets.find(({ type }) => type === CONNECT);
  const before = performance.now();
  await connection.stop({ farewell: [FAREWELL] });
  expect(performance.now() - before).toBeLessThan(500);
});

test('two clients with one id are told apart by name', async () => {
  const { port } = await broker();
  const { changes } = await connected(remote(port), 'shared');
  const other = await watcher(port, '#', { clientId: 'shared' });
  expect(await changes.find(lost)).toEqual({ connected: false, trouble: 'another client uses the id "shared"' });
  expect(await other.ends.find(() => true)).toBe(0x8e);
});

test('on 3.1.1, where the broker cannot say it, the third time gives the hint', async () => {
  const closing = await fake((packet, socket) => {
    if (packet.type === CONNECT) socket.end(Buffer.from([0x20, 2, 0, 0]));
  });
  const { changes } = await connected(remote(closing.port, { version: 3 }), 'shared');
  const { trouble } = await changes.find((status) => status.trouble?.includes('again and again') === true);
  expect(trouble).toContain('does another client use the id "shared"?');
});

test.each([
  { how: 'refuses it as 3.1.1 does', connack: [0x20, 2, 0, 1] },
  { how: 'refuses it as MQTT 5 does', connack: [0x20, 3, 0, 0x84, 0] },
  { how: 'just closes the connection', connack: [] },
])('a broker that knows no MQTT 5 and $how is spoken to in 3.1.1, at once and again', async ({ connack }) => {
  const { broker: real } = await broker();
  const old = await fake((packet, socket) => {
    if (packet.type !== CONNECT) return;
    if (levelOf(packet) === 5) {
      socket.end(Buffer.from(connack));
      return;
    }
    socket.removeAllListeners('data');
    const inside = real.stream();
    inside.write(Buffer.concat([Buffer.from([0x10, packet.body.length]), packet.body]));
    splice(socket, inside);
  });
  const { connection, changes, lines } = await connected(remote(old.port));
  expect(changes.all).toEqual([{ connected: true, version: 4 }]);
  connection.publish(state('s', 'on'));
  await expect.poll(() => connection.counters().published).toBe(1);
  expect(lines.all.filter(({ level }) => level === 'warn')).toEqual([]);

  await real.stop();
  await changes.find(lost);
  await real.start();
  await new Promise<void>((settle) => connection.onChange((status) => status.connected && settle()));
  expect(
    old.packets.all
      .filter(({ type }) => type === CONNECT)
      .map(levelOf)
      .slice(0, 3),
  ).toEqual([5, 4, 4]);
});

test('a fixed version is not changed', async () => {
  const old = await fake(
    (packet, socket) => void (packet.type === CONNECT && socket.end(Buffer.from([0x20, 2, 0, 1]))),
  );
  const { connection, changes } = bridge(remote(old.port, { version: 5 }));
  connection.start();
  const { trouble } = await changes.find(lost);
  expect(trouble).toBe('the broker does not speak this version of MQTT');
  expect(old.packets.all.map(levelOf)).toEqual([5]);
});

test.each([
  { version: 5, password: 'no-such-word', trouble: 'the broker does not accept the user name or password' },
  { version: 3, password: 'no-such-word', trouble: 'the broker does not accept the user name or password' },
  { version: 5, password: undefined, trouble: 'the broker does not authorise this user' },
  { version: 3, password: undefined, trouble: 'the broker does not authorise this user' },
] as const)('a refused log-in is said in words: version $version, password $password', async (given) => {
  const { port } = await broker({ house: ['act', 'write'] });
  const account = given.password === undefined ? {} : { username: 'house', password: secret(given.password) };
  const { connection, changes, lines } = bridge(remote(port, { version: given.version, ...account }));
  connection.start();
  expect(await changes.find(lost)).toEqual({ connected: false, trouble: given.trouble });
  expect(JSON.stringify(lines.all)).not.toContain('no-such-word');
});

test('the right password is accepted', async () => {
  const { port } = await broker({ house: ['act', 'write'] });
  await connected(remote(port, { username: 'house', password: secret('act') }));
});

test('a broker that is not there is said once, however often it is tried', async () => {
  const { port, close } = await fakeBroker();
  await close();
  const { connection, changes, lines } = bridge(remote(port));
  connection.start();
  expect(await changes.find(lost)).toEqual({ connected: false, trouble: 'nothing listens there (connection refused)' });
  await broker({}, port);
  await changes.find((status) => status.connected);
  expect(changes.all).toHaveLength(2);
  expect(lines.all.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^no connection to the broker mqtt:\/\/127\.0\.0\.1:\d+: /),
    expect.stringMatching(/^connected to the broker mqtt:\/\/127\.0\.0\.1:\d+ \(MQTT 5\)$/),
  ]);
});

test('what the broker refuses is logged once a topic', async () => {
  const { port } = await broker({ viewer: ['look', 'read'] });
  const { connection, lines } = bridge(remote(port, { username: 'viewer', password: secret('look') }));
  connection.subscribe([
    { filter: '$share/group/topic', qos: 1, retained: true },
    { filter: 'fine', qos: 1, retained: true },
  ]);
  connection.start();
  connection.publish(state('denied', '1'));
  connection.publish(moment('bad/+/topic', ''));
  await expect.poll(() => connection.counters().dropped).toBe(2);
  connection.publish(state('denied', '2'));
  await expect.poll(() => connection.counters().dropped).toBe(3);
  await lines.find(({ text }) => text === 'the broker refuses a subscription');
  expect(connection.counters()).toMatchObject({ published: 0, inFlight: 0, queued: 0 });
  const refusals = lines.all.filter(({ level }) => level === 'warn').map(({ text, details }) => ({ text, ...details }));
  expect(refusals).toHaveLength(3);
  expect(refusals).toEqual(
    expect.arrayContaining([
      {
        text: 'the broker refuses a subscription',
        topic: '$share/group/topic',
        why: 'the broker does not share subscriptions',
      },
      { text: 'the broker refuses a message', topic: 'bad/+/topic', why: 'it is no topic to publish to' },
      { text: 'the broker refuses a message', topic: 'denied', why: 'the broker does not authorise this user' },
    ]),
  );
});

test('a message larger than the broker takes is left out instead of cutting the connection again and again', async () => {
  const { port } = await broker();
  const { connection, lines } = await connected(remote(port));
  connection.publish(state('huge', 'x'.repeat(1_100_000)));
  connection.publish(state('small', 'x'));
  await expect.poll(() => connection.counters().published).toBe(1);
  expect(connection.counters()).toMatchObject({ connects: 1, dropped: 1 });
  expect(lines.all.at(-1)).toMatchObject({ level: 'warn', details: { topic: 'huge' } });
});

test('a packet without end is cut off, in 3.1.1 too', async () => {
  const endless = await fake((packet, socket) => {
    if (packet.type !== CONNECT) return;
    socket.write(Buffer.from([0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0x7f]));
    const more = () => socket.writable && socket.write(Buffer.alloc(65_536, 97), more);
    more();
  });
  const { changes } = await connected(remote(endless.port, { version: 3 }));
  expect(await changes.find(lost)).toMatchObject({ trouble: 'the broker sends a message that is too large' });
});

test('the connection into our own process works like one over the network', async () => {
  const { broker: real, port } = await broker({ house: ['act', 'write'] });
  const { connection, changes } = await connected({ stream: () => real.stream() });
  connection.publish(state('s', 'on'));
  const { messages } = await watcher(port, '#', { username: 'house', password: 'act' });
  await messages.find(({ topic, text }) => topic === 's' && text === 'on');
  expect(changes.all).toEqual([{ connected: true, version: 5 }]);
  await connection.stop({ farewell: [FAREWELL] });
  expect(await messages.find(({ topic }) => topic === WILL.topic)).toMatchObject({ text: WILL.payload });
});

test.each([0, 1] as const)('a burst of 2,000 states of quality %i at the very beginning arrives', async (qos) => {
  const { broker: real } = await broker();
  const { connection, changes } = bridge({ stream: () => real.stream() });
  for (let count = 1; count <= 2000; count += 1) connection.publish({ ...state(`s/${count}`, 'x'.repeat(200)), qos });
  connection.start();
  await expect.poll(() => connection.counters().published, { timeout: 15_000 }).toBe(2000);
  expect(changes.all).toEqual([{ connected: true, version: 5 }]);
});

test('nothing is opened before start, and nothing after stop', async () => {
  const { connection } = bridge(remote(1));
  connection.publish(state('s', '1'));
  expect(connection.counters()).toMatchObject({ queued: 1, connects: 0 });
  await connection.stop();
  connection.start();
  expect(connection.status()).toEqual({ connected: false });
});
