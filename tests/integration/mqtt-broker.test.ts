import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ListenAddress } from '../../src/domain/schema.ts';
import { type Broker, createBroker } from '../../src/mqtt/broker.ts';
import { type Client, heard, join, keptLog, runBroker, type Users } from '../kit/mqtt.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function broker(users: Users = {}): Promise<{ broker: Broker; port: number }> {
  const running = await runBroker(users);
  open.push(() => running.broker.stop());
  return running;
}

async function client(...options: Parameters<typeof join>): Promise<Client> {
  const joined = await join(...options);
  open.push(() => joined.mqtt.end(true));
  return joined;
}

const USERS: Users = { viewer: ['look', 'read'], house: ['act', 'write'] };

test.each([
  { older: 4, newer: 5 },
  { older: 5, newer: 4 },
] as const)(
  'a will of a version $older client reaches a version $newer client when the socket breaks',
  async (pair) => {
    const { port } = await broker();
    const watcher = await client(port, { protocolVersion: pair.newer });
    await watcher.mqtt.subscribeAsync('#', { qos: 1 });
    const will = { topic: 'gone', payload: Buffer.from('offline'), qos: 1, retain: true } as const;
    const victim = await client(port, { protocolVersion: pair.older, will });
    victim.mqtt.stream.destroy();
    expect(await watcher.messages.find(({ topic }) => topic === 'gone')).toMatchObject({ text: 'offline' });

    const late = await client(port);
    await late.mqtt.subscribeAsync('gone');
    expect(await late.messages.find(() => true)).toMatchObject({ text: 'offline', retain: true });
  },
);

test('a will is not published after a proper good-bye', async () => {
  const { port } = await broker();
  const watcher = await client(port);
  await watcher.mqtt.subscribeAsync('#', { qos: 1 });
  const leaver = await client(port, { will: { topic: 'gone', payload: Buffer.from('offline'), qos: 1, retain: true } });
  await leaver.mqtt.publishAsync('bye', 'now', { qos: 1 });
  await leaver.mqtt.endAsync();
  await watcher.mqtt.publishAsync('last', '', { qos: 1 });
  await watcher.messages.find(({ topic }) => topic === 'last');
  expect(watcher.messages.all.map(({ topic }) => topic)).toEqual(['bye', 'last']);
});

test('retained messages come on subscribing, unless the subscriber wants none', async () => {
  const { port } = await broker();
  const first = await client(port);
  await first.mqtt.publishAsync('state/a', 'on', { qos: 1, retain: true });
  const second = await client(port);
  await second.mqtt.subscribeAsync('state/#', { qos: 1, rh: 2 });
  await first.mqtt.publishAsync('state/b', 'live', { qos: 1, retain: true });
  await second.messages.find(({ topic }) => topic === 'state/b');
  expect(second.messages.all).toMatchObject([{ topic: 'state/b', retain: false }]);

  const third = await client(port, { protocolVersion: 4 });
  await third.mqtt.subscribeAsync('state/#', { qos: 1 });
  await third.messages.find(({ topic }) => topic === 'state/b');
  expect(third.messages.all).toMatchObject([{ topic: 'state/a', text: 'on', retain: true }, { topic: 'state/b' }]);
});

test('response topic and correlation data go through', async () => {
  const { port } = await broker();
  const [asker, answerer] = [await client(port), await client(port)];
  await answerer.mqtt.subscribeAsync('ask', { qos: 1 });
  const properties = { responseTopic: 'answer/here', correlationData: Buffer.from('7') };
  await asker.mqtt.publishAsync('ask', '{}', { qos: 1, properties });
  expect(await answerer.messages.find(() => true)).toMatchObject({ responseTopic: 'answer/here', correlation: '7' });
});

test('a second client with the same id takes over and the first one hears why', async () => {
  const { port } = await broker();
  const first = await client(port, { clientId: 'twin' });
  const second = await client(port, { clientId: 'twin' });
  expect(await first.ends.find(() => true)).toBe(0x8e);
  await second.mqtt.publishAsync('still', 'here', { qos: 1 });
});

test.each([
  { who: 'a wrong password', options: { username: 'house', password: 'no' }, code: 0x86 },
  { who: 'an unknown user', options: { username: 'nobody', password: 'act' }, code: 0x86 },
  { who: 'a name without a password', options: { username: 'house' }, code: 0x86 },
  { who: 'no name', options: {}, code: 0x87 },
  { who: 'a wrong password, 3.1.1', options: { username: 'house', password: 'no', protocolVersion: 4 }, code: 4 },
  { who: 'no name, 3.1.1', options: { protocolVersion: 4 }, code: 5 },
] as const)('where there are users, $who is refused', async ({ options, code }) => {
  const { port } = await broker(USERS);
  await expect(join(port, options)).rejects.toMatchObject({ code });
});

test('read hears everything and publishes nothing', async () => {
  const { port } = await broker(USERS);
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true } as const;
  const viewer = await client(port, { username: 'viewer', password: 'look', will });
  const house = await client(port, { username: 'house', password: 'act' });
  await viewer.mqtt.subscribeAsync('#', { qos: 1 });
  await expect(viewer.mqtt.publishAsync('ups/a/command', 'off', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  await house.mqtt.publishAsync('ups/a/command', 'beep', { qos: 1 });
  await viewer.messages.find(({ text }) => text === 'beep');
  expect(viewer.messages.all).toHaveLength(1);

  const old = await client(port, { username: 'viewer', password: 'look', protocolVersion: 4 });
  const cut = new Promise<void>((settle) => old.mqtt.once('close', () => settle()));
  old.mqtt.publish('ups/a/command', 'off', { qos: 1 });
  await cut;
  viewer.mqtt.stream.destroy();
  await house.mqtt.subscribeAsync('#', { qos: 1 });
  await house.mqtt.publishAsync('end', '', { qos: 1 });
  await house.messages.find(({ topic }) => topic === 'end');
  expect(house.messages.all.map(({ topic }) => topic)).toEqual(['end']);
});

test('nobody writes to the topics of the broker itself', async () => {
  const { port } = await broker();
  const visitor = await client(port);
  await expect(visitor.mqtt.publishAsync('$SYS/broker', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
});

test('our own connection needs no password and nobody can take its id', async () => {
  const { broker: running, port } = await broker(USERS);
  const { MqttClient } = await import('mqtt');
  const own = new MqttClient(() => running.stream(), { clientId: 'bridge', protocolVersion: 5, reconnectPeriod: 0 });
  open.push(() => own.end(true));
  await new Promise((settle) => own.once('connect', settle));
  const thief = join(port, { clientId: 'bridge', username: 'house', password: 'act' });
  await expect(thief).rejects.toMatchObject({ code: 0x85 });
  await own.publishAsync('still', 'here', { qos: 1 });
});

test('a message larger than a client is ready for is left out, and the connection stays', async () => {
  const { port } = await broker();
  const small = await client(port, { properties: { maximumPacketSize: 1000 } });
  await small.mqtt.subscribeAsync('#', { qos: 1 });
  const sender = await client(port);
  await sender.mqtt.publishAsync('large', 'x'.repeat(5000), { qos: 1 });
  await sender.mqtt.publishAsync('small', 'x', { qos: 1 });
  await small.messages.find(({ topic }) => topic === 'small');
  expect(small.messages.all).toHaveLength(1);
});

test('a packet beyond the limit ends its connection, and what is retained is bounded', async () => {
  const { port } = await broker();
  const greedy = await client(port);
  const megabyte = 'x'.repeat(1_000_000);
  let refused = -1;
  for (let count = 0; count < 80 && refused < 0; count += 1) {
    await greedy.mqtt.publishAsync(`fill/${count}`, megabyte, { qos: 1, retain: true }).catch(() => {
      refused = count;
    });
  }
  expect(refused).toBe(67);
  await greedy.mqtt.publishAsync('fill/0', '', { qos: 1, retain: true });
  await greedy.mqtt.publishAsync('fill/67', megabyte, { qos: 1, retain: true });

  greedy.mqtt.publish('huge', Buffer.alloc(1_100_000));
  // The library knows the limit from CONNACK but leaves it to us.
  expect(await greedy.ends.find(() => true)).toBe(0x95);
});

test('nothing is kept for a 3.1.1 client that asks for a lasting session', async () => {
  const { port } = await broker();
  const options = { clientId: 'lasting', clean: false, protocolVersion: 4 } as const;
  const first = await client(port, options);
  await first.mqtt.subscribeAsync('queue', { qos: 1 });
  await first.mqtt.endAsync();
  const sender = await client(port);
  await sender.mqtt.publishAsync('queue', 'while away', { qos: 1 });
  const again = await client(port, options);
  await again.mqtt.subscribeAsync('queue', { qos: 1 });
  await sender.mqtt.publishAsync('queue', 'now', { qos: 1 });
  await again.messages.find(({ text }) => text === 'now');
  expect(again.messages.all).toHaveLength(1);
});

test('a client that reads nothing is cut off, and the others go on', async () => {
  const { broker: running, port } = await broker();
  const frozen = net.connect(port, '127.0.0.1').pause();
  open.push(() => frozen.destroy());
  frozen.on('error', () => undefined);
  frozen.write(
    Buffer.concat([Buffer.from([0x10, 13, 0, 4]), Buffer.from('MQTT'), Buffer.from([4, 2, 0, 0, 0, 1, 0x61])]),
  );
  frozen.write(Buffer.concat([Buffer.from([0x82, 10, 0, 1, 0, 5]), Buffer.from('flood'), Buffer.from([0])]));
  const others = await client(port);
  await others.mqtt.subscribeAsync('flood');
  const sender = await client(port);
  const payload = 'x'.repeat(300_000);
  for (let count = 0; count < 160; count += 1) sender.mqtt.publish('flood', payload);
  await sender.mqtt.publishAsync('flood', 'end');
  await others.messages.find(({ text }) => text === 'end', 12_000);
  expect(others.messages.all).toHaveLength(161);
  expect(running.clients()).toBe(2);
});

test('bytes that are no MQTT end their connection only', async () => {
  const { port } = await broker();
  const stranger = net.connect(port, '127.0.0.1');
  const closed = new Promise((settle) => stranger.once('close', settle));
  stranger.on('error', () => undefined);
  stranger.write('GET / HTTP/1.1\r\n\r\n');
  await closed;
  const normal = await client(port);
  await normal.mqtt.publishAsync('a', 'b', { qos: 1 });
});

test('a taken port is reported, tried again, and does not stop the connection from inside', async () => {
  const other = net.createServer();
  await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
  const taken = other.address();
  if (taken === null || typeof taken === 'string') throw new Error('no port');

  const [failures, listening] = [heard<string>(), heard<ListenAddress>()];
  const running = createBroker(
    { listen: { host: '127.0.0.1', port: taken.port }, users: {} },
    { log: keptLog().log, onFailure: failures.add, onListening: listening.add },
  );
  open.push(() => running.stop());
  await running.start();
  expect(await failures.find(() => true)).toContain('EADDRINUSE');
  expect(running.address()).toBeUndefined();
  const { MqttClient } = await import('mqtt');
  const own = new MqttClient(() => running.stream(), { clientId: 'own', protocolVersion: 5, reconnectPeriod: 0 });
  open.push(() => own.end(true));
  await new Promise((settle) => own.once('connect', settle));
  await own.publishAsync('kept', 'yes', { qos: 1, retain: true });

  await new Promise((settle) => other.close(settle));
  expect(await listening.find(() => true)).toEqual({ host: '127.0.0.1', port: taken.port });
  const visitor = await client(taken.port);
  await visitor.mqtt.subscribeAsync('kept');
  expect(await visitor.messages.find(() => true)).toMatchObject({ text: 'yes' });
  expect(failures.all).toHaveLength(1);
});

test('stop says so to the clients and frees the port, and it can start again', async () => {
  const { broker: running, port } = await broker();
  const visitor = await client(port);
  await visitor.mqtt.publishAsync('a', 'b', { qos: 1 });
  await running.stop();
  expect(await visitor.ends.find(() => true)).toBe(0x8b);
  const closed = new Promise((settle) => running.stream().once('close', settle).resume());
  await closed;
  await running.start();
  expect(running.clients()).toBe(0);
});
