import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { runBroker } from '../kit/mqtt.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';

/** Something of every kind: three phases, outlets, sensors, words that must be escaped, and what no table knows. */
const RICH = {
  'ups.status': 'OL CHRG ALARM BOOST STRANGE',
  'ups.alarm': 'Replace "battery" \\ now!',
  'ups.mfr': 'A "quoted" \\ maker',
  'ups.model': 'Größe 1500',
  'ups.serial': '000123',
  'ups.load': '42.5',
  'ups.realpower.nominal': '900',
  'ups.temperature': '31.2',
  'ups.delay.shutdown': '20',
  'battery.charge': '97',
  'battery.runtime': '1820',
  'battery.voltage': '27.3',
  'battery.capacity': '7',
  'input.phases': '3',
  'input.L1-N.voltage': '231',
  'input.L2-N.voltage': '229',
  'input.L3-N.voltage': '0',
  'input.L1.current': '2.1',
  'input.frequency': '50.0',
  'outlet.count': '2',
  'outlet.1.status': 'on',
  'outlet.1.power': '120',
  'outlet.2.energy': '12.5',
  'ambient.temperature': '22.4',
  'ambient.1.humidity': '45',
  'experimental.thing': 'yes',
  'battery.charge.low': 'n/a',
};

let upsd: FakeUpsd;
let program: Gridwarden;
let broker: Awaited<ReturnType<typeof runBroker>>;
beforeAll(async () => {
  upsd = await startFakeUpsd({ ups: { rich: { variables: RICH }, poor: { variables: { 'ups.status': 'OL' } } } });
  broker = await runBroker();
  program = await startGridwarden({
    config: {
      mqtt: { url: `mqtt://127.0.0.1:${broker.port}` },
      sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
    },
  });
});
afterAll(async () => {
  await program?.dispose();
  await broker?.broker.stop();
  await upsd?.stop();
});

const ready = async () => {
  const { status, text } = await program.get('/ready');
  return { status, ...JSON.parse(text) };
};

test('/health and /ready say yes when everything is there', async () => {
  await expect.poll(async () => (await ready()).status, { timeout: 10_000 }).toBe(200);
  expect(await ready()).toMatchObject({ ok: true, capabilities: { broker: { ok: true }, 'source nas': { ok: true } } });
  expect(await program.get('/health')).toMatchObject({ status: 200 });
});

describeWith(['promtool'], 'promtool', () => {
  const lint = (text: string) => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    return { status, complaints: (stdout + stderr).trim() };
  };

  test('has nothing to say against the metrics of a rich UPS', async () => {
    const { text } = await program.get('/metrics');
    expect(text).toMatch(/^gridwarden_input_voltage_volts\{[^}]*phase="L2-N"[^}]*\} 229$/m);
    expect(text).toMatch(/^gridwarden_outlet_energy_joules_total\{[^}]*\} 45000000$/m);
    expect(text).toMatch(/^gridwarden_info\{.*manufacturer="A \\"quoted\\" \\\\ maker"/m);
    expect(lint(text)).toEqual({ status: 0, complaints: '' });
  });

  test('nor while the UPS is lost, its server gone, or a device unheard of', async () => {
    upsd.state('rich', 'stale');
    await expect
      .poll(async () => (await program.get('/metrics')).text)
      .toMatch(/^gridwarden_trouble\{(?=[^}]*kind="data-stale")(?=[^}]*ups="rich").*\} 1$/m);
    expect(lint((await program.get('/metrics')).text)).toEqual({ status: 0, complaints: '' });
    upsd.state('rich', 'ok');
    await expect
      .poll(async () => (await program.get('/metrics')).text)
      .toMatch(/^gridwarden_up\{[^}]*ups="rich"[^}]*\} 1$/m);
  });
});

test('/health and /ready: a lost source', async () => {
  await upsd.fault({ refuseConnect: true });
  upsd.closeAll();
  await expect.poll(async () => (await ready()).status).toBe(503);
  expect(await ready()).toMatchObject({
    ok: false,
    capabilities: { broker: { ok: true }, 'source nas': { ok: false, detail: expect.stringContaining('unreachable') } },
  });
  expect(await program.get('/health')).toMatchObject({ status: 200 });
  await upsd.heal();
  await expect.poll(async () => (await ready()).status, { timeout: 15_000 }).toBe(200);
});

test('/health and /ready: a lost broker', async () => {
  const { port } = broker;
  await broker.broker.stop();
  await expect.poll(async () => (await ready()).status).toBe(503);
  expect(await ready()).toMatchObject({
    ok: false,
    capabilities: { broker: { ok: false }, 'source nas': { ok: true } },
  });
  expect(await program.get('/health')).toMatchObject({ status: 200 });
  broker = await runBroker({}, port);
  await expect.poll(async () => (await ready()).status, { timeout: 15_000 }).toBe(200);
});

test('what was never reached is not ready, and says so', async () => {
  const nowhere = await freePort();
  const lonely = await startGridwarden({
    config: {
      mqtt: { url: `mqtt://127.0.0.1:${nowhere}` },
      sources: { nas: { nut: { host: '127.0.0.1', port: nowhere } } },
    },
  });
  try {
    await expect.poll(async () => (await lonely.get('/ready')).text).toContain('unreachable: ECONNREFUSED');
    const answer = await lonely.get('/ready');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('nothing listens there (connection refused)');
    expect((await lonely.get('/none')).status).toBe(404);
  } finally {
    await lonely.dispose();
  }
});
