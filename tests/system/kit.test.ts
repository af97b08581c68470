import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoted } from '../kit/dev-file.ts';
import { parseDump } from '../kit/dump.ts';
import { type HomeAssistant, startHomeAssistant } from '../kit/home-assistant.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type FlowNode, startNodeRed } from '../kit/node-red.ts';
import { describeWith } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const CORPUS = join(import.meta.dirname, '../../../shared/corpus/nut');

const DISCOVERY_TOPIC = 'homeassistant/device/kit/config';
const CHARGE = {
  platform: 'sensor',
  name: 'Charge',
  unique_id: 'kit_charge',
  device_class: 'battery',
  unit_of_measurement: '%',
  state_topic: 'kit/state',
  value_template: "{{ value_json['charge'] }}",
};
const DISCOVERY = {
  device: { identifiers: ['kit'], name: 'Kit', manufacturer: 'Gridwarden' },
  origin: { name: 'Gridwarden' },
  components: {
    charge: CHARGE,
    load: {
      platform: 'sensor',
      name: 'Load',
      unique_id: 'kit_load',
      enabled_by_default: false,
      unit_of_measurement: '%',
      state_topic: 'kit/state',
      value_template: "{{ value_json['load'] }}",
    },
    test: { platform: 'button', name: 'Test', unique_id: 'kit_test', command_topic: 'kit/press' },
  },
};

const FLOWS: readonly FlowNode[] = [
  { id: 'a000000000000001', type: 'tab', label: 'Kit' },
  {
    id: 'a000000000000002',
    type: 'mqtt-broker',
    name: 'UPS broker',
    // Node-RED replaces these itself.
    broker: '$' + '{KIT_HOST}',
    port: '$' + '{KIT_PORT}',
    clientid: '',
    autoConnect: true,
    protocolVersion: '5',
    keepalive: '60',
    cleansession: true,
  },
  {
    id: 'a000000000000003',
    type: 'mqtt in',
    z: 'a000000000000001',
    topic: 'kit/event',
    qos: '1',
    datatype: 'json',
    broker: 'a000000000000002',
    wires: [['a000000000000004']],
  },
  {
    id: 'a000000000000004',
    type: 'debug',
    z: 'a000000000000001',
    active: true,
    console: true,
    complete: 'payload.event_type',
    targetType: 'msg',
    wires: [],
  },
  {
    id: 'a000000000000005',
    type: 'inject',
    z: 'a000000000000001',
    props: [{ p: 'payload' }],
    payload: 'pressed',
    payloadType: 'str',
    wires: [['a000000000000006']],
  },
  {
    id: 'a000000000000006',
    type: 'mqtt out',
    z: 'a000000000000001',
    topic: 'kit/out',
    qos: '1',
    broker: 'a000000000000002',
    wires: [],
  },
];

describeWith(['upsd'], 'upsd with dummy-ups', () => {
  let upsd: Upsd;
  beforeAll(async () => {
    upsd = await startUpsd({
      tls: true,
      maxage: 3,
      ups: {
        rack: { dev: { 'ups.status': 'OL', 'battery.charge': '100', 'ups.id': 'a "b" \\ #1' }, desc: 'Rack "A" #1' },
        desk: { dev: 'ups.status: OL CHRG #COMMENT: charging\nbattery.charge:  87\nups.serial:\ndriver.name: x\n' },
      },
    });
  });
  afterAll(async () => {
    await upsd?.stop();
  });

  test('serves what the .dev files say', async () => {
    expect(await upsd.ask('GET UPSDESC rack')).toBe('UPSDESC rack "Rack \\"A\\" \\#1"');
    expect(await upsd.ask('GET VAR rack ups.id')).toBe('VAR rack ups.id "a \\"b\\" \\\\ \\#1"');
    expect(await upsd.ask('GET VAR rack driver.parameter.pollinterval')).toMatch(/"2"$/);
    expect(await upsd.ask('GET VAR desk ups.status')).toBe('VAR desk ups.status "OL CHRG"');
    expect(await upsd.ask('GET VAR desk battery.charge')).toBe('VAR desk battery.charge " 87"');
    expect(await upsd.ask('GET VAR desk ups.serial')).toBe('ERR VAR-NOT-SUPPORTED');
  });

  test('shows a change at once', async () => {
    const before = performance.now();
    await upsd.set('rack', { 'ups.status': 'OB LB', 'input.voltage': '0.0' });
    expect(await upsd.ask('GET VAR rack ups.status')).toBe('VAR rack ups.status "OB LB"');
    expect(await upsd.ask('GET VAR rack input.voltage')).toBe('VAR rack input.voltage "0.0"');
    expect(performance.now() - before).toBeLessThan(500);
    await upsd.set('rack', { 'input.voltage': '' });
    expect(await upsd.ask('GET VAR rack input.voltage')).toBe('ERR VAR-NOT-SUPPORTED');
    await expect(upsd.set('rack', { 'ups.id': 'a#b' })).rejects.toThrow(/cannot change ups.id/);
  });

  test('loses a killed driver and finds it again', async () => {
    await upsd.killDriver('rack');
    expect(await upsd.ask('GET VAR rack ups.status')).toBe('ERR DRIVER-NOT-CONNECTED');
    await upsd.startDriver('rack', { 'ups.status': 'OL BOOST' });
    expect(await upsd.ask('GET VAR rack ups.status')).toBe('VAR rack ups.status "OL BOOST"');
  });

  test('calls a frozen driver stale until it is thawed', async () => {
    const stale = upsd.waitForLog(/Data for UPS \[desk\] is stale/, 15_000);
    upsd.freezeDriver('desk');
    await stale;
    expect(await upsd.ask('GET VAR desk ups.status')).toBe('ERR DATA-STALE');
    upsd.thawDriver('desk');
    await upsd.waitUntilServed(['desk']);
    expect(await upsd.ask('GET VAR desk ups.status')).toBe('VAR desk ups.status "OL CHRG"');
  });

  test('is back on the same port after its death', async () => {
    await upsd.killServer();
    await expect(upsd.ask('VER')).rejects.toThrow(/ECONNREFUSED/);
    await upsd.startServer();
    expect(await upsd.ask('GET VAR rack ups.status')).toMatch(/"OL BOOST"$/);
  });

  test('speaks TLS with the certificate it says it has', async () => {
    const plain = await opened(connect(upsd.port, '127.0.0.1'), 'connect');
    plain.write('STARTTLS\n');
    expect(await firstData(plain)).toBe('OK STARTTLS\n');
    const ca = await readFile(upsd.caFile ?? '');
    const secure: TLSSocket = await opened(connectTls({ socket: plain, ca, host: '127.0.0.1' }), 'secureConnect');
    expect(secure.getPeerCertificate().fingerprint256).toBe(upsd.fingerprint);
    secure.write('GET VAR rack ups.status\n');
    expect(await firstData(secure)).toBe('VAR rack ups.status "OL BOOST"\n');
    secure.destroy();
  });
});

describeWith(['upsd'], 'a hundred UPSes', () => {
  const names = Array.from({ length: 100 }, (_, index) => `u${index + 1}`);
  let upsd: Upsd;
  beforeAll(async () => {
    const spec = { dev: { 'ups.status': 'OL', 'battery.charge': '100' } };
    upsd = await startUpsd({ ups: Object.fromEntries(names.map((name) => [name, spec])) });
  });
  afterAll(async () => {
    await upsd?.stop();
  });

  test('all answer, all can be changed', async () => {
    await Promise.all(names.map((name) => upsd.set(name, { 'ups.status': 'OB' })));
    expect(await upsd.ask('GET VAR u1 ups.status')).toMatch(/"OB"$/);
    expect(await upsd.ask('GET VAR u100 ups.status')).toMatch(/"OB"$/);
  });
});

const corpus = existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => name.endsWith('.dev')) : [];
const corpusTitle = corpus.length > 0 ? 'dumps of real devices' : `dumps of real devices [SKIPPED: no ${CORPUS}]`;
describeWith(['upsd'], corpusTitle, () => {
  test.skipIf(corpus.length === 0)('come back as they were written', async () => {
    const texts = await Promise.all(corpus.slice(0, 20).map((name) => readFile(join(CORPUS, name), 'utf8')));
    const upsd = await startUpsd({ ups: Object.fromEntries(texts.map((dev, index) => [`d${index}`, { dev }])) });
    try {
      for (const [index, text] of texts.entries()) {
        const { variables } = parseDump(text);
        for (const [name, own] of variables) {
          if (own === '' || name.startsWith('driver.')) continue;
          // Every NUT driver gives these the value of their ups.* counterpart.
          const value =
            (/^device\.(mfr|model|serial)$/.test(name) && variables.get(name.replace('device', 'ups'))) || own;
          // NUT's own limits: 127 characters, ASCII only.
          const kept = [...value]
            .filter((char) => char <= '\x7f')
            .join('')
            .slice(0, 127);
          expect(await upsd.ask(`GET VAR d${index} ${name}`)).toBe(`VAR d${index} ${name} ${quoted(kept)}`);
        }
      }
    } finally {
      await upsd.stop();
    }
  });
});

describeWith(['mosquitto'], 'mosquitto', () => {
  test('lets users in by password and keeps retained messages over a restart', async () => {
    const broker = await startMosquitto({
      users: { ups: 'secret' },
      acl: 'user ups\ntopic readwrite gridwarden/#',
      persistence: true,
    });
    try {
      await expect(connectAsync(broker.url, { reconnectPeriod: 0 })).rejects.toThrow(/Not authorized/);
      const options = { username: 'ups', password: 'secret' };
      const writer = await connectAsync(broker.url, options);
      const logged = broker.waitForLog(/Received PUBLISH from .*gridwarden\/x/, 5_000);
      await writer.publishAsync('gridwarden/x', 'kept', { retain: true, qos: 1 });
      await logged;
      await writer.endAsync();
      await broker.restart();
      const reader = await connectAsync(broker.url, options);
      const message = new Promise((resolve) => {
        reader.once('message', (topic, payload) => resolve(`${topic}=${payload}`));
      });
      await reader.subscribeAsync('gridwarden/#');
      expect(await message).toBe('gridwarden/x=kept');
      await reader.endAsync();
    } finally {
      await broker.dispose();
    }
  });

  test('takes client certificates over TLS', async () => {
    const broker = await startMosquitto({ tls: 'require-certificate' });
    try {
      const { caFile, clientCert, clientKey } = broker.certificates!;
      const [ca, cert, key] = await Promise.all([caFile, clientCert, clientKey].map((file) => readFile(file)));
      const url = `mqtts://127.0.0.1:${broker.tlsPort}`;
      await expect(connectAsync(url, { ca: ca!, reconnectPeriod: 0 })).rejects.toThrow();
      const client = await connectAsync(url, { ca: ca!, cert: cert!, key: key! });
      expect(client.connected).toBe(true);
      await client.endAsync();
    } finally {
      await broker.dispose();
    }
  });
});

describeWith(['promtool'], 'promtool', () => {
  test('is Prometheus', async () => {
    expect(await run('promtool', ['--version'])).toMatch(/^promtool, version \d/);
  });
});

describeWith(['home-assistant', 'mosquitto', 'upsd'], 'Home Assistant', () => {
  let broker: Mosquitto;
  let upsd: Upsd;
  let home: HomeAssistant;
  let publisher: MqttClient;
  beforeAll(async () => {
    const dev = { 'ups.status': 'OL', 'battery.charge': '87' };
    [broker, upsd] = await Promise.all([startMosquitto(), startUpsd({ ups: { rack: { dev }, desk: { dev } } })]);
    home = await startHomeAssistant({ mqttPort: broker.port, nut: [{ port: upsd.port, alias: 'rack' }] });
    publisher = await connectAsync(broker.url);
    await publisher.publishAsync(DISCOVERY_TOPIC, JSON.stringify(DISCOVERY), { retain: true });
  }, 180_000);
  afterAll(async () => {
    await publisher?.endAsync();
    await home?.dispose();
    await Promise.all([broker?.dispose(), upsd?.stop()]);
  });

  test('makes a device and entities of a discovery message', async () => {
    await home.waitForValue('sensor.kit_charge', 'unknown');
    await publisher.publishAsync('kit/state', JSON.stringify({ charge: 55, load: 12 }), { retain: true });
    await home.waitForValue('sensor.kit_charge', '55');
    expect(home.state('sensor.kit_charge')?.attributes['unit_of_measurement']).toBe('%');
    const device = await home.mqttDevice('kit');
    expect(device).toMatchObject({ name: 'Kit', manufacturer: 'Gridwarden' });
    const info = await home.ws({ type: 'mqtt/device/debug_info', device_id: device?.id });
    expect(JSON.stringify(info)).toContain(DISCOVERY_TOPIC);
    expect(home.complaints()).toEqual([]);
  });

  test('presses a button over MQTT', async () => {
    const pressed = new Promise((resolve) => {
      publisher.once('message', (topic, payload) => resolve(`${topic}=${payload}`));
    });
    await publisher.subscribeAsync('kit/press');
    await home.callService('button', 'press', { entity_id: 'button.kit_test' });
    expect(await pressed).toBe('kit/press=PRESS');
  });

  test('has its own NUT integration beside it', async () => {
    const unique = (await home.entities()).filter(({ platform }) => platform === 'nut').map((row) => row.unique_id);
    expect(unique).toContainEqual(expect.stringMatching(/_battery\.charge$/));
    expect(home.nutEntries).toHaveLength(1);
  });

  test('enables an entity, reloads and restarts with the same port and entities', async () => {
    expect(home.state('sensor.kit_load')).toBeUndefined();
    await home.enableEntity('sensor.kit_load');
    await home.waitForValue('sensor.kit_load', '12');
    await home.reloadEntry();
    await home.waitForValue('sensor.kit_load', '12');
    await home.restart();
    await home.waitForValue('sensor.kit_load', '12', 30_000);
    expect(home.complaints()).toEqual([]);
  }, 120_000);

  test('complains about a wrong unit', async () => {
    const wrong = { ...CHARGE, unique_id: 'kit_wrong', unit_of_measurement: 'V' };
    const logged = home.waitForLog(/ERROR .*kit_wrong/, 15_000);
    await publisher.publishAsync('homeassistant/sensor/kit_wrong/config', JSON.stringify(wrong));
    await logged;
    expect(home.complaints()).toHaveLength(1);
  });
});

describeWith(['node-red', 'mosquitto'], 'Node-RED', () => {
  test('runs a flow against the broker', async () => {
    const broker = await startMosquitto();
    const client = await connectAsync(broker.url);
    const env = { KIT_HOST: '127.0.0.1', KIT_PORT: String(broker.port) };
    const nodeRed = await startNodeRed({ flows: FLOWS, env });
    try {
      const said = nodeRed.waitForLog(/on battery/, 5_000);
      await client.publishAsync('kit/event', JSON.stringify({ event_type: 'on battery' }));
      await said;
      const injected = new Promise((resolve) => {
        client.once('message', (topic, payload) => resolve(`${topic}=${payload}`));
      });
      await client.subscribeAsync('kit/out');
      await nodeRed.inject('a000000000000005');
      expect(await injected).toBe('kit/out=pressed');
      await nodeRed.deploy(FLOWS);
    } finally {
      await nodeRed.stop();
      await client.endAsync();
      await broker.dispose();
    }
  }, 90_000);
});

async function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> {
  await new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function firstData(socket: Socket): Promise<string> {
  return await new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data)));
  });
}
