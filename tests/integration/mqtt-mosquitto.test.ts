import { afterAll, beforeAll, expect, test } from 'vitest';
import { secret } from '../../src/domain/secret.ts';
import { type ConnectionStatus, createConnection, type MqttConnection } from '../../src/mqtt/connection.ts';
import type { Incoming } from '../../src/mqtt/session.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Heard, heard, join, keptLog, type Line, remote } from '../kit/mqtt.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';

const WILL = { topic: 'gw/bridge/state', payload: 'offline' };
const ACL = 'user gridwarden\ntopic readwrite gw/#\nuser house\ntopic readwrite #\n';

describeWith(['mosquitto'], 'with mosquitto', () => {
  let mosquitto: Mosquitto;
  let webPort: number;

  beforeAll(async () => {
    webPort = await freePort();
    const extra = [`listener ${webPort} 127.0.0.1`, 'protocol websockets'];
    mosquitto = await startMosquitto({
      tls: 'require-certificate',
      users: { gridwarden: 'pw', house: 'act' },
      acl: ACL,
      extra,
    });
  });
  afterAll(() => mosquitto.dispose());

  interface Bridge {
    readonly connection: MqttConnection;
    readonly changes: Heard<ConnectionStatus>;
    readonly messages: Heard<Incoming>;
    readonly lines: Heard<Line>;
  }

  function bridge(more: Parameters<typeof remote>[1] = {}): Bridge {
    const { log, lines } = keptLog();
    const account = { username: 'gridwarden', password: secret('pw') };
    const broker = remote(mosquitto.port, { ...account, ...more });
    const connection = createConnection({ broker, clientId: 'gw', will: WILL }, { log, random: () => 0 });
    const [changes, messages] = [heard<ConnectionStatus>(), heard<Incoming>()];
    connection.onChange(changes.add);
    connection.onMessage(messages.add);
    connection.start();
    return { connection, changes, messages, lines };
  }

  test.each([
    { version: 5, wire: 5 },
    { version: 3, wire: 4 },
  ] as const)('states, commands and the will work with version $version', async ({ version, wire }) => {
    const house = await join(mosquitto.port, { username: 'house', password: 'act' });
    await house.mqtt.subscribeAsync('gw/#', { qos: 1 });
    await house.mqtt.publishAsync('gw/command', 'old', { qos: 1, retain: true });
    const { connection, changes, messages } = bridge({ version });
    connection.subscribe([{ filter: 'gw/command', qos: 1, retained: false }]);
    await changes.find(({ connected }) => connected);
    expect(changes.all).toEqual([{ connected: true, version: wire }]);
    for (let count = 1; count <= 500; count += 1)
      connection.publish({ topic: `gw/${count}`, payload: 'x', retain: true, qos: 1 });
    await house.messages.find(({ topic }) => topic === 'gw/500');
    await house.mqtt.publishAsync('gw/command', 'new', { qos: 1 });
    const heardNew = await messages.find(({ payload }) => payload?.toString() === 'new');
    expect(heardNew.retain).toBe(false);
    // A 3.1.1 broker cannot be asked to keep its retained messages to itself; they are marked instead.
    expect(messages.all.map(({ retain }) => retain)).toEqual(version === 5 ? [false] : [true, false]);
    await connection.stop({ farewell: [{ ...WILL, payload: 'farewell', retain: true, qos: 1 }] });
    await house.messages.find(({ text }) => text === 'farewell');
    expect(house.messages.all.some(({ text }) => text === WILL.payload)).toBe(false);
    for (let count = 1; count <= 500; count += 1) house.mqtt.publish(`gw/${count}`, '', { retain: true });
    await house.mqtt.endAsync();
  });

  test('what the access list denies is logged once', async () => {
    const { connection, lines } = bridge();
    connection.publish({ topic: 'elsewhere', payload: '1', retain: true, qos: 1 });
    connection.publish({ topic: 'elsewhere', payload: '2', retain: false, qos: 1 });
    await expect.poll(() => connection.counters().dropped).toBe(2);
    expect(lines.all.filter(({ level }) => level === 'warn')).toMatchObject([{ details: { topic: 'elsewhere' } }]);
    await connection.stop();
  });

  test('a wrong password is said, a restart is survived, and its retained states come back', async () => {
    const wrong = bridge({ password: secret('no') });
    const { trouble } = await wrong.changes.find(() => true);
    expect(trouble).toMatch(/does not (accept the user name or password|authorise this user)/);
    await wrong.connection.stop();

    const { connection, changes } = bridge();
    connection.publish({ topic: 'gw/state', payload: 'kept', retain: true, qos: 1 });
    await expect.poll(() => connection.counters().published).toBe(1);
    await mosquitto.kill();
    await changes.find(({ connected }) => !connected);
    await mosquitto.start();
    await expect.poll(() => connection.counters().published, { timeout: 8000 }).toBe(2);
    const house = await join(mosquitto.port, { username: 'house', password: 'act' });
    await house.mqtt.subscribeAsync('gw/state');
    expect(await house.messages.find(() => true)).toMatchObject({ text: 'kept', retain: true });
    await Promise.all([house.mqtt.endAsync(), connection.stop()]);
  });

  test('TLS and web sockets carry it as well', async () => {
    const { caFile: ca = '', clientCert: cert = '', clientKey: key = '' } = mosquitto.certificates ?? {};
    const url = `mqtts://localhost:${mosquitto.tlsPort}`;
    const secure = bridge({ url, ca, cert, key });
    expect(await secure.changes.find(() => true)).toEqual({ connected: true, version: 5 });
    await secure.connection.stop();
    const bare = bridge({ url, ca });
    expect((await bare.changes.find(() => true)).trouble).toMatch(/does not accept our certificate, or wants one/);
    await bare.connection.stop();
    const web = bridge({ url: `ws://127.0.0.1:${webPort}/` });
    expect(await web.changes.find(() => true)).toEqual({ connected: true, version: 5 });
    web.connection.publish({ topic: 'gw/web', payload: 'x', retain: true, qos: 1 });
    await expect.poll(() => web.connection.counters().published).toBe(1);
    await web.connection.stop();
    const nowhere = bridge({ url: `ws://127.0.0.1:${await freePort()}/` });
    expect((await nowhere.changes.find(() => true)).trouble).toBe('nothing listens there (connection refused)');
    await nowhere.connection.stop();
  });
});
