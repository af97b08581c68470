import { afterEach, describe, expect, test } from 'vitest';
import { secret } from '../../src/domain/secret.ts';
import type { Broker } from '../../src/mqtt/broker.ts';
import { createConnection, type MqttConnection } from '../../src/mqtt/connection.ts';
import { createPort } from '../../src/mqtt/port.ts';
import type { ConnectionOptions } from '../../src/mqtt/session.ts';
import { type MqttPort, mqttRunner } from '../../src/shutdown/steps/mqtt/run.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { type Client, fakeBroker, heard, join, keptLog, PUBLISH, published, remote, runBroker } from '../kit/mqtt.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A port as the steps see it. */
function portTo(broker: ConnectionOptions['broker']): { readonly port: MqttPort; readonly connection: MqttConnection } {
  const will = { topic: 'gw/state', payload: 'offline' };
  const connection = createConnection({ broker, clientId: 'gw', will }, { log: keptLog().log, random: () => 0 });
  open.push(() => connection.stop());
  const port: MqttPort = createPort(connection);
  connection.start();
  return { port, connection };
}

async function client(port: number, filter = '#', account: Parameters<typeof join>[1] = {}): Promise<Client> {
  const joined = await join(port, account);
  open.push(() => joined.mqtt.end(true));
  await joined.mqtt.subscribeAsync(filter, { qos: 2 });
  return joined;
}

const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);
const order = { topic: 'lab/power', payload: 'off', qos: 1, retain: false } as const;

/** Listens until the test is over. */
async function listening(port: MqttPort, topic: string) {
  const answers = heard<{ readonly payload: string; readonly retained: boolean }>();
  const controller = new AbortController();
  open.push(() => controller.abort());
  const granted = await port.listen(topic, answers.add, controller.signal);
  return { answers, granted, stop: () => controller.abort() };
}

/** What holds at every broker. */
function atEvery(start: () => Promise<{ readonly broker: ConnectionOptions['broker']; readonly outside: number }>) {
  test.each([0, 1, 2] as const)('a message arrives as it was written, with quality of service %i', async (qos) => {
    const { broker, outside } = await start();
    const device = await client(outside, 'lab/power');
    const { port } = portTo(broker);
    expect(await port.publish({ ...order, qos }, within(5000))).toEqual({ ok: true, value: undefined });
    expect(await device.messages.find(() => true)).toMatchObject({ text: 'off', retain: false });
    expect(port.trouble()).toBeUndefined();
  });

  test('one that is to be retained is, and it is not a state of ours', async () => {
    const { broker, outside } = await start();
    const { port, connection } = portTo(broker);
    await port.publish({ ...order, retain: true }, within(5000));
    const device = await client(outside, 'lab/power');
    expect(await device.messages.find(() => true)).toMatchObject({ text: 'off', retain: true });
    expect(connection.counters()).toMatchObject({ retained: 0, published: 1, queued: 0 });
  });

  test('what is listened to is heard from then on, and what was kept from before is told apart', async () => {
    const { broker, outside } = await start();
    const device = await client(outside, 'none');
    await device.mqtt.publishAsync('lab/state', 'old', { qos: 1, retain: true });
    const { port } = portTo(broker);
    const { answers, granted, stop } = await listening(port, 'lab/state');
    expect(granted).toEqual({ ok: true, value: undefined });
    await device.mqtt.publishAsync('lab/state', 'new', { qos: 1, retain: true });
    await answers.find(({ payload }) => payload === 'new');
    expect(answers.all).toEqual([
      { payload: 'old', retained: true },
      { payload: 'new', retained: false },
    ]);
    stop();
    await device.mqtt.publishAsync('lab/state', 'late', { qos: 1 });
    const { answers: others } = await listening(port, 'lab/end');
    await device.mqtt.publishAsync('lab/end', 'end', { qos: 1 });
    await others.find(() => true);
    expect(answers.all).toHaveLength(2);
  });

  test('two listen to one topic, and one of them stops', async () => {
    const { broker, outside } = await start();
    const device = await client(outside, 'none');
    const { port } = portTo(broker);
    const both = await Promise.all([listening(port, 'lab/state'), listening(port, 'lab/state')]);
    expect(both.every(({ granted }) => granted.ok)).toBe(true);
    both[0].stop();
    await device.mqtt.publishAsync('lab/state', 'x', { qos: 1 });
    await both[1].answers.find(() => true);
    expect(both[0].answers.all).toEqual([]);
  });
}

describe('at a broker of ours, from outside', () =>
  atEvery(async () => {
    const { broker, port } = await runBroker();
    open.push(() => broker.stop());
    return { broker: remote(port), outside: port };
  }));

describe('at a broker of ours, from inside', () =>
  atEvery(async () => {
    const { broker, port } = await runBroker();
    open.push(() => broker.stop());
    return { broker: { stream: () => broker.stream() }, outside: port };
  }));

describeWith(['mosquitto'], 'at mosquitto', () => {
  const mosquitto = async (more: Parameters<typeof startMosquitto>[0] = {}) => {
    const running = await startMosquitto(more);
    open.push(() => running.dispose());
    return running;
  };

  describe.each([5, 3] as const)('with version %i', (version) =>
    atEvery(async () => {
      const { port } = await mosquitto();
      return { broker: remote(port, { version }), outside: port };
    }),
  );

  test('after a restart of the broker it is listened to again, and what waited is sent', async () => {
    const running = await mosquitto();
    const { port, connection } = portTo(remote(running.port));
    const { answers } = await listening(port, 'lab/state');
    await running.stop();
    await expect.poll(() => port.trouble(), { timeout: 5000 }).toBeDefined();
    const waiting = port.publish(order, within(20_000));
    await running.start();
    expect(await waiting).toEqual({ ok: true, value: undefined });
    const device = await client(running.port, 'none');
    await expect
      .poll(
        async () => {
          await device.mqtt.publishAsync('lab/state', 'again', { qos: 1 });
          return answers.all.length;
        },
        { timeout: 8000 },
      )
      .toBeGreaterThan(0);
    expect(connection.counters().connects).toBe(2);
  });

  test('what its access list denies is refused, with the reason', async () => {
    const users = { gridwarden: 'pw', house: 'act' };
    const running = await mosquitto({ users, acl: 'user gridwarden\ntopic readwrite gw/#\n' });
    const { port } = portTo(remote(running.port, { username: 'gridwarden', password: secret('pw') }));
    expect(await port.publish({ ...order, topic: 'gw/order' }, within(5000))).toEqual({ ok: true, value: undefined });
    const refused = await port.publish(order, within(5000));
    expect(refused).toEqual({
      ok: false,
      error: { kind: 'refused', detail: expect.stringMatching(/may not|authoris/) },
    });
  });

  test('a step goes through it: order, answer, done', async () => {
    const running = await mosquitto();
    const device = await client(running.port, 'lab/power');
    device.mqtt.on('message', () => device.mqtt.publish('lab/state', 'off', { qos: 1 }));
    const { port } = portTo(remote(running.port));
    const runner = mqttRunner(port);
    const config = { ...order, await: { topic: 'lab/state', payload: 'off' } };
    const items: string[] = [];
    const outcome = await runner.run(config, {
      signal: within(5000),
      progress: ({ state }) => items.push(state),
      note: () => undefined,
    });
    expect(outcome).toMatchObject({ kind: 'done', text: 'lab/state answered' });
    expect(items).toEqual(['running', 'done']);
  });
});

describe('a broker that', () => {
  test('is not there: every wait ends with its signal and says why', async () => {
    const { port } = portTo(remote(await freePort()));
    await expect.poll(() => port.trouble()).toMatch(/connection refused/);
    const away = { ok: false, error: { kind: 'away', detail: expect.stringMatching(/connection refused/) } };
    expect(await port.publish(order, within(200))).toEqual(away);
    expect(await port.listen('lab/state', () => undefined, within(200))).toEqual(away);
    expect(await port.publish(order, AbortSignal.abort())).toEqual(away);
    expect(await port.listen('lab/state', () => undefined, AbortSignal.abort())).toEqual(away);
  });

  test('acknowledges nothing: nobody knows whether the message arrived', async () => {
    const silent = await fakeBroker(({ type }, socket) => {
      if (type === 1) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
    });
    open.push(() => silent.close());
    const { port } = portTo(remote(silent.port, { version: 5 }));
    const sent = port.publish(order, within(700));
    await silent.packets.find(({ type }) => type === PUBLISH);
    expect(await sent).toMatchObject({ ok: false, error: { kind: 'late' } });
    expect(await port.listen('lab/state', () => undefined, within(200))).toMatchObject({ error: { kind: 'away' } });
  });

  test.each([
    { qos: 1, times: 2, outcome: { ok: true } },
    { qos: 2, times: 1, outcome: { ok: false, error: { kind: 'late' } } },
  ] as const)(
    'dies before it acknowledges quality of service $qos: sent $times times',
    async ({ qos, times, outcome }) => {
      const sent: string[] = [];
      const dying = await fakeBroker((packet, socket) => {
        if (packet.type === 1) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
        if (packet.type !== PUBLISH) return;
        const { text, id } = published(packet);
        sent.push(text);
        if (sent.length === 1) socket.destroy();
        else socket.write(Buffer.from([0x40, 2, ...id]));
      });
      open.push(() => dying.close());
      const { port, connection } = portTo(remote(dying.port, { version: 5 }));
      expect(await port.publish({ ...order, qos }, within(8000))).toMatchObject(outcome);
      await expect.poll(() => connection.counters().connects, { timeout: 5000 }).toBe(2);
      expect(sent).toEqual(Array.from({ length: times }, () => 'off'));
    },
  );

  test('is given up while a message waits', async () => {
    const { port, connection } = portTo(remote(await freePort()));
    const waiting = port.publish(order, within(60_000));
    await connection.stop();
    expect(await waiting).toMatchObject({ ok: false, error: { kind: 'away' } });
    expect(await port.publish(order, within(60_000))).toMatchObject({ ok: false, error: { kind: 'away' } });
  });
});

test('what the bridge listens to anyway goes on being heard when a step stops listening', async () => {
  const { broker, port: outside }: { broker: Broker; port: number } = await runBroker();
  open.push(() => broker.stop());
  const { port, connection } = portTo(remote(outside));
  const messages = heard<string>();
  connection.onMessage(({ payload }) => messages.add(String(payload)));
  connection.subscribe([{ filter: 'gw/ask', qos: 1, retained: false }]);
  const { answers, granted, stop } = await listening(port, 'gw/ask');
  expect(granted.ok).toBe(true);
  const device = await client(outside, 'none');
  await device.mqtt.publishAsync('gw/ask', '1', { qos: 1 });
  await answers.find(({ payload }) => payload === '1');
  stop();
  await device.mqtt.publishAsync('gw/ask', '2', { qos: 1 });
  await messages.find((text) => text === '2');
});
