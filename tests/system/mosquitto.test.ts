import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../src/domain/limits.ts';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { heard } from '../kit/mqtt.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';

const ACL = `user gridwarden
topic readwrite gridwarden/#
topic read homeassistant/#
topic write homeassistant/device/gridwarden_home_desk/config
topic write homeassistant/device/gridwarden_home_bridge/config
topic write elsewhere/answer
user house
topic readwrite #
`;
const HOUSE = { username: 'house', password: 'act' };
const ACCOUNT = { username: 'gridwarden', password: 'pw' };

const BRIDGE = 'gridwarden/home/bridge';
const RACK = 'gridwarden/home/ups/rack';
const DESK = 'gridwarden/home/ups/desk';
const DESK_CONFIG = 'homeassistant/device/gridwarden_home_desk/config';
/** Attempts to reach the broker come at most 15 s apart. */
const RETURN_MS = 20_000;

type State = Record<string, unknown>;

const isOnline = ({ state }: State): boolean => state === 'online';

describeWith(['mosquitto'], 'the program on mosquitto', () => {
  let upsd: FakeUpsd;
  let broker: Mosquitto;
  beforeAll(async () => {
    const variables = { 'ups.status': 'OL', 'battery.charge': '100', 'ups.model': 'Smart 1500' };
    const commands = ['beeper.mute', 'load.off'];
    upsd = await startFakeUpsd({
      ups: { rack: { variables, commands }, desk: { variables, commands } },
      users: { admin: { password: 'adm', actions: ['SET'], instcmds: 'ALL' } },
    });
    broker = await startMosquitto({ tls: 'require-certificate', users: { gridwarden: 'pw', house: 'act' }, acl: ACL });
  });
  afterAll(async () => {
    await broker?.dispose();
    await upsd?.stop();
  });

  // Without persistence: nothing that an earlier test retained is left.
  beforeEach(async () => {
    await broker.kill();
    await broker.start();
  });

  const sources = () => ({
    nas: { nut: { host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm' } },
  });

  test.each([5, 3] as const)(
    'version %s: states, commands, the will of a killed one, and its return',
    async (version) => {
      const house = await observe(broker.port, HOUSE);
      await house.publish(`${DESK}/command`, 'load.off', { retain: true });
      const program = await startGridwarden({
        config: { mqtt: { url: broker.url, ...ACCOUNT, version }, sources: sources(), commands: { allow: ['*'] } },
      });
      try {
        await house.until(`${BRIDGE}/state`, isOnline);
        await house.until(DESK_CONFIG, () => true);
        await house.until(`${DESK}/availability`, isOnline);
        expect(await house.until(DESK, () => true)).toMatchObject({ 'ups.status': 'OL', 'ups.model': 'Smart 1500' });
        await house.publish(`${DESK}/command`, '', { retain: true });

        const muted = upsd.waitForRequest(/^INSTCMD desk beeper\.mute/);
        const answer = await house.ask(`${DESK}/command`, { command: 'beeper.mute' }, `${DESK}/response`);
        expect(answer).toMatchObject({ status: 'ok', command: 'beeper.mute' });
        await muted;
        // The retained one came first, if at all: it has not been carried out.
        expect(upsd.requests.filter(({ line }) => /^INSTCMD .*load\.off/.test(line))).toEqual([]);

        const dead = house.next<State>(`${BRIDGE}/state`, ({ state }) => state === 'offline');
        await program.kill();
        await dead;
        const alive = house.next(`${BRIDGE}/state`, isOnline);
        await program.start();
        await alive;
        await house.until(`${DESK}/availability`, isOnline);
      } finally {
        await program.dispose();
        await house.close();
      }
    },
  );

  test('an MQTT 5 answer also goes where the sender wants it, once', async () => {
    const house = await observe(broker.port, HOUSE);
    const program = await startGridwarden({
      config: { mqtt: { url: broker.url, ...ACCOUNT }, sources: sources() },
    });
    try {
      await house.until(DESK_CONFIG, () => true);
      const correlationData = Buffer.from([0, 255, 1]);
      const properties = { responseTopic: 'elsewhere/answer', correlationData };
      const heardCorrelation = heard<Buffer | undefined>();
      house.client.mqtt.on('message', (topic, _payload, packet) => {
        if (topic === properties.responseTopic) heardCorrelation.add(packet.properties?.correlationData);
      });
      house.client.mqtt.publish(`${DESK}/command`, 'beeper.mute', { qos: 1, properties });
      expect(await heardCorrelation.find(() => true)).toEqual(correlationData);
      expect(await house.until(properties.responseTopic, () => true)).toMatchObject({ status: 'ok' });
      await house.ask(`${BRIDGE}/request/health`, {}, `${BRIDGE}/response/health`);
      expect(heardCorrelation.all).toHaveLength(1);
      expect(house.messages.filter(({ topic }) => topic === `${DESK}/response`)).toHaveLength(1);
    } finally {
      await program.dispose();
      await house.close();
    }
  });

  test('what the access list denies is told once, and everything else goes on', async () => {
    const house = await observe(broker.port, HOUSE);
    const topic = 'homeassistant/device/gridwarden_home_rack/config';
    const denied = new RegExp(`Denied PUBLISH from gridwarden_home .*'${topic}'`);
    const first = broker.waitForLog(denied, 10_000);
    const program = await startGridwarden({
      config: { mqtt: { url: broker.url, ...ACCOUNT }, sources: sources() },
    });
    try {
      await first;
      // Home Assistant starts, and everything is said again.
      const second = broker.waitForLog(denied, 10_000);
      await house.publish('homeassistant/status', 'online');
      await second;
      await house.ask(`${BRIDGE}/request/health`, {}, `${BRIDGE}/response/health`);
      const told = program.lines().filter(({ msg, topic: about }) => JSON.stringify([msg, about]).includes(topic));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatchObject({ level: 40 });
      await house.until(DESK_CONFIG, () => true);
      await house.until(`${RACK}/availability`, isOnline);
    } finally {
      await program.dispose();
      await house.close();
    }
  });

  test('TLS with a client certificate; without one, /ready says what is wrong', async () => {
    const { caFile: ca, clientCert: cert, clientKey: key } = broker.certificates ?? {};
    const url = `mqtts://localhost:${broker.tlsPort}`;
    const house = await observe(broker.port, HOUSE);
    const program = await startGridwarden({
      config: { mqtt: { url, ...ACCOUNT, ca }, sources: sources() },
    });
    try {
      await program.waitForLog(/does not accept our certificate, or wants one/, 10_000, 0);
      const unready = await program.get('/ready');
      expect(unready.status).toBe(503);
      expect(unready.text).toMatch(/does not accept our certificate, or wants one/);
      const alive = house.next(`${BRIDGE}/state`, isOnline);
      await program.reload({ mqtt: { url, ...ACCOUNT, ca, cert, key }, sources: sources() });
      await alive;
      await house.until(`${RACK}/availability`, isOnline);
      await expect.poll(async () => (await program.get('/ready')).status).toBe(200);
    } finally {
      await program.dispose();
      await house.close();
    }
  });

  test('a broker that forgets everything at its restart is told everything again', async () => {
    const before = await observe(broker.port, HOUSE);
    const program = await startGridwarden({
      config: { mqtt: { url: broker.url, ...ACCOUNT }, sources: sources() },
    });
    try {
      await before.until(`${RACK}/availability`, isOnline);
      await before.until(DESK_CONFIG, () => true);
      const topics = [
        `${BRIDGE}/state`,
        `${BRIDGE}/info`,
        DESK_CONFIG,
        'homeassistant/device/gridwarden_home_bridge/config',
        ...['rack', 'desk'].flatMap((id) => [`gridwarden/home/ups/${id}`, `gridwarden/home/ups/${id}/availability`]),
      ];
      const known = topics.map((topic) => before.latest(topic));
      expect(known).not.toContain(undefined);
      await broker.kill();
      upsd.set('rack', 'battery.charge', '64');
      await broker.start();
      const after = await observe(broker.port, HOUSE);
      const states = await Promise.all(topics.map((topic) => after.until(topic, () => true, RETURN_MS)));
      const expected = known.map((payload, index) =>
        topics[index] === RACK ? { ...(payload as State), 'battery.charge': 64 } : payload,
      );
      await after.until<State>(RACK, (state) => state['battery.charge'] === 64);
      expect(states.map((payload, index) => (topics[index] === RACK ? after.latest(RACK) : payload))).toEqual(expected);
      // It hears again as well.
      const answer = await after.ask(`${DESK}/command`, { command: 'beeper.mute' }, `${DESK}/response`);
      expect(answer.status).toBe('ok');
      await after.close();
    } finally {
      await program.dispose();
      await before.client.mqtt.endAsync(true);
    }
  }, 60_000);
});

describeWith(['mosquitto'], 'a broker that is away', () => {
  const names = Array.from({ length: 100 }, (_, index) => `u${index + 1}`);
  const last = names.at(-1) ?? '';
  const rounds = { OL: /^u100: on mains/, OB: /^u100: on battery/ } as const;

  let upsd: FakeUpsd;
  let broker: Mosquitto;
  let program: Gridwarden;
  let house: Observer;
  beforeAll(async () => {
    const ups = { variables: { 'ups.status': 'OL', 'battery.charge': '100' } };
    upsd = await startFakeUpsd({ ups: Object.fromEntries(names.map((name) => [name, ups])) });
    broker = await startMosquitto();
    const nut = { host: '127.0.0.1', port: upsd.port, status_interval: '100ms' };
    program = await startGridwarden({
      config: { mqtt: { url: broker.url, discovery: 'off' }, sources: { nas: { nut } } },
    });
    house = await observe(broker.port);
    await house.until(`gridwarden/home/ups/${last}/availability`, isOnline);
  });
  afterAll(async () => {
    await house?.client.mqtt.endAsync(true);
    await program?.dispose();
    await broker?.dispose();
    await upsd?.stop();
  });

  /** Everything changes once, and the program has seen it. */
  async function change(status: 'OL' | 'OB', charge: number): Promise<void> {
    const seen = program.waitForLog(rounds[status]);
    for (const name of names) {
      upsd.set(name, 'battery.charge', String(charge));
      upsd.set(name, 'ups.status', status);
    }
    await seen;
  }

  const facts = async (): Promise<number> => {
    const { text } = await program.get('/metrics');
    const counts = [...text.matchAll(/^gridwarden_facts_total\{type="(?:onbatt|online)"\} (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };

  const resident = async (): Promise<number> => {
    const { text } = await program.get('/metrics');
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
  };

  /** Changes everything until it is enough, brings the broker back, and counts what it is told. */
  async function away(enough: (superseded: number) => boolean): Promise<void> {
    const before = await facts();
    await house.client.mqtt.endAsync(true);
    await broker.kill();
    await program.waitForLog(/no (?:connection to the )?broker/, 10_000, 0);
    let round = 0;
    for (; !enough(round * names.length) || round % 2 === 0; round += 1) {
      await change(round % 2 === 0 ? 'OB' : 'OL', 99 - (round % 90));
    }
    expect((await facts()) - before).toBeGreaterThanOrEqual((round - 1) * names.length);
    const from = broker.log().length;
    await broker.start();
    house = await observe(broker.port);
    const charge = 99 - ((round - 1) % 90);
    for (const name of names) {
      const state = await house.until<State>(
        `gridwarden/home/ups/${name}`,
        (now) => now['battery.charge'] === charge,
        RETURN_MS,
      );
      expect(state['ups.status']).toBe('OB');
    }
    // What waits is sent before the answer to this.
    await house.ask(`${BRIDGE}/request/health`, {}, `${BRIDGE}/response/health`);
    const sent = broker.log().slice(from);
    const publishes = (topic: string) =>
      sent.filter((line) => line.includes(`PUBLISH from gridwarden_home`) && line.includes(`'${topic}'`));
    for (const name of names) expect(publishes(`gridwarden/home/ups/${name}`)).toHaveLength(1);
    const moments = sent.filter((line) => /PUBLISH from gridwarden_home .*\/event'/.test(line));
    expect(moments.length).toBeGreaterThan(0);
    // And one more: the request itself is told.
    expect(moments.length).toBeLessThanOrEqual(LIMITS.outbox + 1);
  }

  test('gets exactly the newest of 1,000 superseded states, and a bounded number of events', async () => {
    await away((superseded) => superseded >= 1000);
  }, 60_000);

  const soak = process.env['GRIDWARDEN_SOAK'] !== undefined;
  test.skipIf(!soak)(
    `for ten minutes: the same, and no more memory${soak ? '' : ' [SKIPPED: set GRIDWARDEN_SOAK to run it]'}`,
    async () => {
      await away((superseded) => superseded >= 1000);
      const before = await resident();
      const end = performance.now() + 600_000;
      await away(() => performance.now() > end);
      expect((await resident()) - before).toBeLessThan(40 * 1024 * 1024);
    },
    900_000,
  );
});
