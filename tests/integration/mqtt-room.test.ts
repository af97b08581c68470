import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../../src/domain/allow-list.ts';
import type { Instructed } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { Inventory } from '../../src/domain/reading.ts';
import { asInstant, type Instant, type Millis, seconds } from '../../src/domain/time.ts';
import { parseAnnounced } from '../../src/mqtt/announced.ts';
import { createMqttRoom, type MqttRoom } from '../../src/mqtt/room.ts';
import type { MqttConfig } from '../../src/mqtt/schema.ts';
import { planData } from '../../src/policy/plan/shown.ts';
import { progressData } from '../../src/policy/pursuit/shown.ts';
import { createLoop } from '../../src/runtime/loop.ts';
import type { MqttPort } from '../../src/shutdown/steps/mqtt/run.ts';
import { type Client, type HeardMessage, heard, join, keptLog, remote, runBroker, splice } from '../kit/mqtt.ts';
import { says } from '../kit/mqtt-house.ts';
import { settings } from '../kit/settings.ts';

const BASE = 'gridwarden/home';
const BRIDGE = `${BASE}/bridge/state`;
const COMMAND = `${BASE}/ups/rack/command`;
const RESPONSE = `${BASE}/ups/rack/response`;
const CONFIG = 'homeassistant/device/gridwarden_home_rack/config';
const ONLINE = '{"state":"online"}';
const OFFLINE = '{"state":"offline"}';

const INVENTORY: Inventory = {
  writable: [{ variable: 'ups.delay.start', accepts: { kind: 'range', ranges: [[0, 60]] } }],
  commands: [{ name: 'beeper.mute' }, { name: 'beeper.enable' }, { name: 'load.off' }],
};

const PUBLISHING = {
  discovery: 'device',
  discoveryPrefix: 'homeassistant',
  base: 'gridwarden',
  forgetAfter: seconds(3600),
} as const;

/** The room with a loop behind it, and a device that obeys `beeper.mute` and refuses everything else. */
interface Bridge {
  readonly room: MqttRoom;
  /** Orders that have reached the device. */
  readonly orders: readonly string[];
  readonly log: ReturnType<typeof keptLog>['lines'];
  /** Where the embedded broker listens. */
  readonly ports: ReturnType<typeof heard<number>>;
  readonly saved: () => string;
  /** Lets time go by as far as the room can tell. */
  readonly skip: (span: Millis) => void;
}

async function runBridge(config: MqttConfig, allow: readonly string[] = [...DEFAULT_ALLOW, 'set:*']): Promise<Bridge> {
  let offset = 0;
  const clock = { now: (): Instant => asInstant(performance.now() + offset), wall: () => Date.now() };
  const { log, lines } = keptLog();
  const orders: string[] = [];
  const ports = heard<number>();
  let saved = '';
  const obey = (order: Extract<Intent, { kind: 'instruct' }>['order']): Instructed => {
    const name = order.kind === 'command' ? order.command : `${order.variable}=${order.value}`;
    orders.push(name);
    return name === 'beeper.mute' ? { kind: 'done', tracked: true } : { kind: 'refused', code: 'CMD-NOT-SUPPORTED' };
  };
  const loop = createLoop({
    clock,
    act: (intent) => {
      if (intent.kind === 'answer') room.answer(intent);
      if (intent.kind !== 'instruct') return;
      const outcome = obey(intent.order);
      setImmediate(() => loop.push({ kind: 'instructed', request: intent.request, outcome }));
    },
    sinks: [{ name: 'mqtt', accept: (transition) => room.accept(transition) }],
    blame: (part, thrown) => {
      throw new Error(`${part} threw`, { cause: thrown });
    },
  });
  const room: MqttRoom = await createMqttRoom({
    config,
    node: 'home',
    version: '1.0.0',
    started: 0,
    clock,
    log,
    memory: {
      load: () => Promise.resolve(undefined),
      save: (text) => {
        saved = text;
      },
    },
    planData,
    progressData,
    ask: (request) => void loop.push({ kind: 'request', request }),
    listening: ({ port }) => ports.add(port),
    failed: (why) => expect.unreachable(why),
    random: () => 0,
  });
  loop.push({ kind: 'configured', settings: settings({ allow }) });
  loop.push({ kind: 'report', report: { kind: 'listed', source: 'nas', devices: [{ name: 'rack' }] } });
  loop.push({ kind: 'report', report: says({ 'ups.status': 'OL', 'ups.delay.start': '10' }) });
  const address = { source: 'nas', name: 'rack' };
  loop.push({ kind: 'report', report: { kind: 'inventory', address, inventory: INVENTORY } });
  return {
    room,
    orders,
    log: lines,
    ports,
    saved: () => saved,
    skip: (span) => {
      offset += span;
    },
  };
}

/** A TCP line to a port that can be cut. */
async function runLine(port: number) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    const onward = net.connect(port, '127.0.0.1');
    splice(socket, onward);
    for (const end of [socket, onward]) sockets.add(end);
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const close = (): void => {
    cut();
    server.close();
  };
  return { port: address.port, cut, close };
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A client that hears everything that is published while it lives. */
async function watcher(port: number): Promise<Client> {
  const client = await join(port);
  closing.push(() => client.mqtt.end(true));
  await client.mqtt.subscribeAsync('#', { qos: 1, rh: 2 });
  return client;
}

describe('beside a broker', () => {
  let broker: Awaited<ReturnType<typeof runBroker>>;
  let line: Awaited<ReturnType<typeof runLine>>;
  let bridge: Bridge;

  beforeAll(async () => {
    broker = await runBroker();
    line = await runLine(broker.port);
    const looker = await join(broker.port);
    await looker.mqtt.subscribeAsync('#', { qos: 1 });
    bridge = await runBridge({ ...remote(line.port), ...PUBLISHING });
    for (const last of [CONFIG, `${BASE}/ups/rack/power_quality`]) {
      await looker.messages.find(({ topic }) => topic === last);
    }
    await looker.mqtt.endAsync(true);
  });
  afterAll(async () => {
    await bridge.room.stop();
    line.close();
    await broker.broker.stop();
  });

  /** Asks for something and waits for the answer: whatever was sent before has been dealt with then. */
  async function settled(client: Client): Promise<void> {
    const transaction = `settled ${Math.random()}`;
    await client.mqtt.publishAsync(`${BASE}/bridge/request/health`, JSON.stringify({ transaction }), { qos: 1 });
    await client.messages.find(({ topic, text }) => topic.includes('/response/') && text.includes(transaction));
  }

  test('all that it keeps at the broker is there for whoever comes', async () => {
    const client = await join(broker.port);
    closing.push(() => client.mqtt.end(true));
    await client.mqtt.subscribeAsync('#', { qos: 1 });
    await settled(client);
    const kept = client.messages.all.filter(({ retain }) => retain).map(({ topic }) => topic);
    expect(kept.sort()).toEqual(
      [
        BRIDGE,
        `${BASE}/bridge/info`,
        `${BASE}/ups/rack`,
        `${BASE}/ups/rack/availability`,
        `${BASE}/ups/rack/power_quality`,
        'homeassistant/device/gridwarden_home_bridge/config',
        CONFIG,
      ].sort(),
    );
  });

  test('the birth of Home Assistant brings everything once more, and within 10 s only once', async () => {
    const client = await watcher(broker.port);
    const announced = (): number => client.messages.all.filter(({ topic }) => topic === CONFIG).length;
    const born = () => client.mqtt.publishAsync('homeassistant/status', 'online', { qos: 1 });
    bridge.skip(seconds(60));
    await born();
    await born();
    await client.messages.find(({ topic }) => topic === CONFIG);
    await born();
    await settled(client);
    expect(announced()).toBe(1);
    const sent = client.messages.all
      .map(({ topic }) => topic)
      .filter((topic) => !/status$|request|response|event/.test(topic));
    expect(sent.sort()).toEqual(
      [
        BRIDGE,
        `${BASE}/bridge/info`,
        `${BASE}/ups/rack`,
        `${BASE}/ups/rack/availability`,
        `${BASE}/ups/rack/power_quality`,
        'homeassistant/device/gridwarden_home_bridge/config',
        CONFIG,
      ].sort(),
    );

    bridge.skip(seconds(10));
    await born();
    await settled(client);
    await settled(client);
    expect(announced()).toBe(2);
  });

  test('a Home Assistant that went down and came up is born anew, however soon', async () => {
    const client = await watcher(broker.port);
    const announced = (): number => client.messages.all.filter(({ topic }) => topic === CONFIG).length;
    bridge.skip(seconds(60));
    for (const word of ['online', 'offline', 'online']) {
      await client.mqtt.publishAsync('homeassistant/status', word, { qos: 1 });
      await settled(client);
      await settled(client);
    }
    expect(announced()).toBe(2);
  });

  test('a word of somebody else that it is offline is overwritten, and nothing else is sent for it', async () => {
    const client = await watcher(broker.port);
    await client.mqtt.publishAsync(BRIDGE, OFFLINE, { qos: 1, retain: true });
    await client.messages.find(({ topic, text }) => topic === BRIDGE && text === ONLINE);
    await settled(client);
    const states = client.messages.all.filter(({ topic }) => !/request|response|event/.test(topic));
    expect(states.map(({ topic, text }) => [topic, text])).toEqual([
      [BRIDGE, OFFLINE],
      [BRIDGE, ONLINE],
    ]);
  });

  test('when the line is cut, the broker says offline; when it is back, the bridge says online', async () => {
    const client = await watcher(broker.port);
    const { connects } = bridge.room.counters();
    line.cut();
    await client.messages.find(({ topic, text }) => topic === BRIDGE && text === OFFLINE);
    await client.messages.find(({ topic, text }) => topic === BRIDGE && text === ONLINE);
    await settled(client);
    expect(bridge.room.counters().connects).toBe(connects + 1);
    expect(client.messages.all.filter(({ topic }) => topic === CONFIG)).toHaveLength(1);
  });

  test('commands, settings and requests that are to be retained are ignored, when they are sent and when they are found', async () => {
    const client = await watcher(broker.port);
    const orders = bridge.orders.length;
    const asked = [
      [COMMAND, 'beeper.mute'],
      [`${BASE}/ups/rack/set/ups.delay.start`, '20'],
      [`${BASE}/bridge/request/health`, '{}'],
    ] as const;
    for (const [topic, payload] of asked) {
      await client.mqtt.publishAsync(topic, payload, { qos: 1, retain: true });
      await bridge.log.find(({ text }) => text.includes(topic) && text.includes('retained'));
    }
    line.cut();
    await client.messages.find(({ topic, text }) => topic === BRIDGE && text === ONLINE);
    await settled(client);
    for (const [topic] of asked) await client.mqtt.publishAsync(topic, '', { qos: 1, retain: true });
    expect(bridge.orders.length).toBe(orders);
    expect(client.messages.all.filter(isAnswer)).toHaveLength(1);
  });

  test('an answer goes to the response topic as well, with the correlation data', async () => {
    const client = await watcher(broker.port);
    const properties = { responseTopic: 'node-red/answers', correlationData: Buffer.from([0, 255, 7]) };
    await client.mqtt.publishAsync(COMMAND, '{"command":"beeper.mute","transaction":[1]}', { qos: 1, properties });
    const answer = await client.messages.find(({ topic }) => topic === 'node-red/answers');
    const usual = await client.messages.find(({ topic }) => topic === RESPONSE);
    expect(answer.correlation).toBe(Buffer.from([0, 255, 7]).toString());
    expect(usual.correlation).toBeUndefined();
    expect(answer.text).toBe(usual.text);
    expect(JSON.parse(answer.text)).toEqual({
      command: 'beeper.mute',
      status: 'ok',
      data: { confirmed: true },
      transaction: [1],
    });
    expect(answer.retain).toBe(false);
  });

  test('no answer goes where it could be taken for a command', async () => {
    const client = await watcher(broker.port);
    const orders = bridge.orders.length;
    const properties = { responseTopic: COMMAND };
    await client.mqtt.publishAsync(COMMAND, 'load.off', { qos: 1, properties });
    await client.messages.find(({ topic }) => topic === RESPONSE);
    await settled(client);
    expect(client.messages.all.filter(({ topic }) => topic === COMMAND)).toHaveLength(1);
    expect(bridge.orders.length).toBe(orders);
  });

  test('whatever is asked has exactly one answer', async () => {
    const client = await watcher(broker.port);
    const asked: readonly (readonly [topic: string, payload: string | Buffer, code: string])[] = [
      [COMMAND, 'beeper.mute', 'ok'],
      [COMMAND, '{"command":"BEEPER.MUTE"}', 'ok'],
      [COMMAND, 'beeper.enable', 'refused'],
      [COMMAND, 'beeper.nonsense', 'unknown-command'],
      [COMMAND, 'load.off', 'not-allowed'],
      [COMMAND, 'two words', 'wrong-payload'],
      [COMMAND, '{"command":', 'wrong-payload'],
      [COMMAND, Buffer.from([0xff, 0xff]), 'wrong-payload'],
      [COMMAND, 'x'.repeat(LIMITS.requestBytes + 1), 'wrong-payload'],
      [`${BASE}/ups/nobody/command`, 'beeper.mute', 'unknown-device'],
      [`${BASE}/ups/rack/set/ups.delay.start`, '20', 'refused'],
      [`${BASE}/ups/rack/set/ups.delay.start`, '61', 'wrong-value'],
      [`${BASE}/ups/rack/set/ups.id`, 'x', 'not-writable'],
      [`${BASE}/bridge/request/health`, '', 'ok'],
      [`${BASE}/bridge/request/nonsense`, '', 'unknown-verb'],
    ];
    const codes: string[] = [];
    for (const [topic, payload] of asked) {
      const before = client.messages.all.filter(isAnswer).length;
      await client.mqtt.publishAsync(topic, payload, { qos: 1 });
      await client.messages.find(() => client.messages.all.filter(isAnswer).length > before);
      const answer = JSON.parse(client.messages.all.filter(isAnswer).at(-1)?.text ?? '{}');
      codes.push(answer.code ?? answer.status);
    }
    expect(codes).toEqual(asked.map(([, , code]) => code));
    await settled(client);
    expect(client.messages.all.filter(isAnswer)).toHaveLength(asked.length + 1);
  });
});

const isAnswer = ({ topic }: HeardMessage): boolean => /\/response(?:\/|$)/.test(topic);

test('over MQTT 3.1.1, which delivers what the broker has retained, a retained command is ignored all the same', async () => {
  const { broker, port } = await runBroker();
  closing.push(() => broker.stop());
  const client = await watcher(port);
  await client.mqtt.publishAsync(COMMAND, 'beeper.mute', { qos: 1, retain: true });
  const bridge = await runBridge({ ...remote(port, { version: 3 }), ...PUBLISHING });
  closing.push(() => bridge.room.stop());
  await bridge.log.find(({ text }) => text.includes(COMMAND) && text.includes('retained'));
  await client.mqtt.publishAsync(COMMAND, '{"command":"beeper.enable","transaction":7}', { qos: 1 });
  await client.messages.find(({ topic, text }) => topic === RESPONSE && text.includes('7'));
  expect(bridge.orders).toEqual(['beeper.enable']);
});

test('over its own broker: announces, obeys, and says good-bye; what it announced is to be remembered', async () => {
  const bridge = await runBridge({ embedded: { listen: { host: '127.0.0.1', port: 0 }, users: {} }, ...PUBLISHING });
  const client = await join(await bridge.ports.find(() => true));
  closing.push(() => client.mqtt.end(true));
  await client.mqtt.subscribeAsync('#', { qos: 1 });
  await client.messages.find(({ topic }) => topic === CONFIG);
  await client.mqtt.publishAsync(COMMAND, 'beeper.mute', { qos: 1 });
  const answer = await client.messages.find(({ topic }) => topic === RESPONSE);
  expect(JSON.parse(answer.text)).toMatchObject({ status: 'ok' });

  await bridge.room.stop();
  const remembered = parseAnnounced(bridge.saved()) ?? [];
  expect(remembered.map(({ topic }) => topic)).toContain(CONFIG);
  expect(client.messages.all.filter(({ topic }) => topic === BRIDGE).at(-1)).toMatchObject({ text: OFFLINE });
});

test('a step sends and hears messages of its own, which are no requests to the bridge', async () => {
  const bridge = await runBridge({ embedded: { listen: { host: '127.0.0.1', port: 0 }, users: {} }, ...PUBLISHING });
  closing.push(() => bridge.room.stop());
  const client = await join(await bridge.ports.find(() => true));
  closing.push(() => client.mqtt.end(true));
  await client.mqtt.subscribeAsync('lab/power', { qos: 1 });
  await client.mqtt.publishAsync('lab/state', 'on', { qos: 1, retain: true });
  const step: MqttPort = bridge.room.port;
  const answers = heard<{ readonly payload: string; readonly retained: boolean }>();
  const listening = new AbortController();
  closing.push(() => listening.abort());
  expect(await step.listen('lab/state', answers.add, listening.signal)).toEqual({ ok: true, value: undefined });
  const order = { topic: 'lab/power', payload: 'off', qos: 1, retain: false } as const;
  expect(await step.publish(order, AbortSignal.timeout(5000))).toEqual({ ok: true, value: undefined });
  await client.messages.find(({ topic, text }) => topic === 'lab/power' && text === 'off');
  await client.mqtt.publishAsync('lab/state', 'off', { qos: 1, retain: true });
  await answers.find(({ payload }) => payload === 'off');
  expect(answers.all.map(({ retained }) => retained)).toEqual([true, false]);
  expect(bridge.log.all.filter(({ level }) => level === 'warn')).toEqual([]);
  expect(bridge.orders).toEqual([]);
});

test('mode off: the states are there, and nothing is announced', async () => {
  const { broker, port } = await runBroker();
  closing.push(() => broker.stop());
  const client = await watcher(port);
  const bridge = await runBridge({ ...remote(port), ...PUBLISHING, discovery: 'off' });
  closing.push(() => bridge.room.stop());
  await client.messages.find(({ topic }) => topic === `${BASE}/ups/rack`);
  await client.mqtt.publishAsync(COMMAND, 'beeper.mute', { qos: 1 });
  await client.messages.find(({ topic }) => topic === RESPONSE);
  expect(client.messages.all.filter(({ topic }) => topic.startsWith('homeassistant/'))).toEqual([]);
});
