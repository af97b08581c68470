import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd, type UpsSpec } from '../kit/upsd.ts';

const RACK: UpsSpec = {
  dev: { 'ups.status': 'OL', 'battery.charge': '100', 'ups.delay.shutdown': '20', 'ups.model': 'Smart 1500' },
  desc: 'Rack UPS',
};
const DESK: UpsSpec = { dev: { 'ups.status': 'OL CHRG', 'battery.charge': '87' } };
/** dummy-ups is started anew, and upsd looks for a driver only every two seconds. */
const DRIVER_BACK_MS = 15_000;
/** Between two looks at what the server lists lie 30 s and a tenth. */
const LISTED_MS = 35_000;

const BRIDGE = 'gridwarden/home/bridge';
const topic = (id: string, rest = ''): string => `gridwarden/home/ups/${id}${rest}`;

type State = Record<string, unknown>;

describeWith(['upsd'], 'the program on a real upsd', () => {
  let upsd: Upsd;
  let program: Gridwarden;
  let house: Observer;
  beforeAll(async () => {
    upsd = await startUpsd({ tls: true, maxage: 3, ups: { rack: RACK, desk: DESK } });
    program = await startGridwarden({
      config: {
        mqtt: { embedded: { listen: '127.0.0.1:0' } },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm' } } },
        commands: { allow: ['load.*', 'set:*', 'bridge.*'] },
      },
    });
    house = await observe(program.brokerPort);
  });
  afterAll(async () => {
    await house?.close();
    await program?.dispose();
    await upsd?.stop();
  });

  const online = (id: string, within?: number) =>
    house.until<State>(topic(id, '/availability'), ({ state }) => state === 'online', within);
  const offline = (id: string, within?: number) =>
    house.until<State>(topic(id, '/availability'), ({ state }) => state === 'offline', within);
  const event = (id: string, type: string, within?: number) =>
    house.next<State>(topic(id, '/event'), ({ event_type }) => event_type === type, within);

  test('every UPS that the server lists is there, by its own name', async () => {
    await Promise.all([online('rack'), online('desk')]);
    expect(await house.until(topic('rack'), () => true)).toMatchObject({
      'ups.status': 'OL',
      'battery.charge': 100,
      'ups.model': 'Smart 1500',
      flags: ['OL'],
    });
    expect(await house.until(topic('desk'), () => true)).toMatchObject({ 'ups.status': 'OL CHRG' });
    const announced = await house.until<{ device: { name: string } }>(
      'homeassistant/device/gridwarden_home_rack/config',
      () => true,
    );
    expect(announced.device.name).toBe('Rack UPS');
    const info = await house.until<State>(`${BRIDGE}/info`, ({ devices }) => String(devices) === 'desk,rack');
    expect(info).toMatchObject({ armed: false });
    expect(await program.get('/ready')).toMatchObject({ status: 200 });
  });

  test('a change of status arrives, as state and as event', async () => {
    const [state, told] = [
      house.next<State>(topic('rack'), (now) => now['ups.status'] === 'OB DISCHRG'),
      event('rack', 'onbatt'),
    ];
    const before = performance.now();
    await upsd.set('rack', { 'ups.status': 'OB DISCHRG', 'battery.charge': '99' });
    expect((await state)['flags']).toEqual(['OB', 'DISCHRG']);
    // The default sweep comes every 250 ms; the rest is for a machine that is busy with other things.
    expect(performance.now() - before).toBeLessThan(1000);
    expect(await told).toMatchObject({ level: 'warning', device: 'rack' });
    const back = event('rack', 'online');
    await upsd.set('rack', { 'ups.status': 'OL', 'battery.charge': '100' });
    await back;
    await house.until<State>(topic('rack'), (now) => now['ups.status'] === 'OL' && now['battery.charge'] === 100);
  });

  test('a setting reaches the driver, which confirms it', async () => {
    const shown = house.next<State>(topic('rack'), (now) => now['ups.delay.shutdown'] === 30);
    const answer = await house.ask(topic('rack', '/set/ups.delay.shutdown'), { value: 30 }, topic('rack', '/response'));
    expect(answer).toMatchObject({ status: 'ok', data: { confirmed: true }, variable: 'ups.delay.shutdown' });
    expect(await upsd.ask('GET VAR rack ups.delay.shutdown')).toBe('VAR rack ups.delay.shutdown "30"');
    await shown;
    expect(house.answersTo(answer.transaction)).toBe(1);
  });

  test('a command that the driver fails is answered with its error', async () => {
    const answer = await house.ask(topic('rack', '/command'), { command: 'load.off' }, topic('rack', '/response'));
    // dummy-ups lists the command and carries it out never.
    expect(answer).toMatchObject({ status: 'error', code: 'refused', command: 'load.off' });
    expect(answer.error).toMatch(/UNKNOWN/);
    await house.ask(`${BRIDGE}/request/health`, {}, `${BRIDGE}/response/health`);
    expect(house.answersTo(answer.transaction)).toBe(1);
  });

  test('a killed driver makes its UPS unavailable, and no other; it comes back through WAIT', async () => {
    const from = house.messages.length;
    // upsd may say WAIT for a moment before it knows that nobody is there.
    const lost = house.next<State>(topic('rack', '/event'), ({ trouble }) => trouble === 'driver-not-connected');
    await upsd.killDriver('rack');
    await lost;
    await offline('rack');
    expect(await program.get('/metrics')).toMatchObject({
      text: expect.stringMatching(/^gridwarden_trouble\{[^}]*kind="driver-not-connected"[^}]*\} 1$/m),
    });
    const back = event('rack', 'commok', DRIVER_BACK_MS);
    await upsd.startDriver('rack');
    await back;
    await online('rack');
    const since = house.messages.slice(from);
    const states = since.filter(({ topic: at }) => at === topic('rack'));
    expect(states.filter(({ text }) => text.includes('"WAIT'))).toEqual([]);
    expect(since.filter(({ topic: at }) => at === topic('desk', '/availability'))).toEqual([]);
  });

  test('a frozen driver is told apart as stale data', async () => {
    const lost = event('desk', 'commbad', DRIVER_BACK_MS);
    upsd.freezeDriver('desk');
    expect(await lost).toMatchObject({ trouble: 'data-stale' });
    await offline('desk');
    const back = event('desk', 'commok', DRIVER_BACK_MS);
    upsd.thawDriver('desk');
    await back;
    await online('desk');
  });

  test('the death of upsd is told, and its return', async () => {
    const lost = house.next<State>(`${BRIDGE}/event`, ({ event_type }) => event_type === 'source_lost');
    await upsd.killServer();
    expect(await lost).toMatchObject({ source: 'nas', trouble: 'unreachable' });
    await Promise.all([offline('rack'), offline('desk')]);
    expect(await program.get('/ready')).toMatchObject({ status: 503 });
    const answer = await house.ask(topic('rack', '/command'), { command: 'load.off' }, topic('rack', '/response'));
    expect(answer).toMatchObject({ status: 'error', code: 'unavailable' });
    const back = house.next<State>(`${BRIDGE}/event`, ({ event_type }) => event_type === 'source_back', DRIVER_BACK_MS);
    await upsd.startServer();
    await back;
    await Promise.all([online('rack'), online('desk')]);
  });

  test('a UPS that appears in ups.conf is found, one that goes from it is removed', async () => {
    const found = event('late', 'appeared', LISTED_MS);
    await upsd.reconfigure({ rack: RACK, desk: DESK, late: { dev: { 'ups.status': 'OL' } } });
    await house.until<State>(`${BRIDGE}/info`, ({ devices }) => String(devices) === 'desk,late,rack', LISTED_MS);
    await found;
    await online('late');
    const cleared = house.client.messages.find(
      ({ topic: at, text }) => at === topic('late', '/availability') && text === '',
      DRIVER_BACK_MS,
    );
    await upsd.reconfigure({ rack: RACK, desk: DESK });
    await house.until<State>(`${BRIDGE}/info`, ({ devices }) => String(devices) === 'desk,rack');
    await cleared;
    expect(house.latest(topic('late', '/availability'))).toBeUndefined();
    expect(house.latest('homeassistant/device/gridwarden_home_late/config')).toBeUndefined();
    await online('rack');
  }, 60_000);

  test('TLS: by authority and by fingerprint, and never with the wrong one', async () => {
    const nut = { host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm', tls: 'require' };
    const wrong = 'AB'.repeat(32);
    const encrypted = await startGridwarden({
      config: {
        node: 'tls',
        mqtt: { embedded: { listen: '127.0.0.1:0' } },
        sources: {
          by_ca: { nut: { ...nut, ca: upsd.caFile, ups: ['rack'] } },
          by_pin: { nut: { ...nut, fingerprint: upsd.fingerprint, ups: ['desk'] } },
          wrong: { nut: { ...nut, fingerprint: wrong } },
          unknown: { nut },
        },
      },
    });
    try {
      for (const source of ['by_ca', 'by_pin']) {
        const line = await encrypted.waitForLog(new RegExp(`^connected to the NUT server of ${source}`), 10_000, 0);
        expect(line).toMatchObject({ encrypted: true });
      }
      const refused = await encrypted.waitForLog(/^source wrong cannot be reached/, 10_000, 0);
      expect(refused.msg).toContain('not the pinned one');
      expect(refused.msg).toContain(upsd.fingerprint?.replaceAll(':', ''));
      const untrusted = await encrypted.waitForLog(/^source unknown cannot be reached/, 10_000, 0);
      expect(untrusted.msg).toMatch(/SELF_SIGNED|self-signed/i);
      const here = await observe(encrypted.brokerPort);
      await here.until<State>('gridwarden/tls/bridge/info', ({ devices }) => String(devices) === 'desk,rack');
      await here.close();
    } finally {
      await encrypted.dispose();
    }
  });
});
