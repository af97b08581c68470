import { afterEach, describe, expect, test } from 'vitest';
import { asInstant } from '../../src/domain/time.ts';
import { type FakeUpsd, type FakeUpsdOptions, startFakeUpsd } from '../kit/fake-upsd.ts';
import type { UpsDefinition } from '../kit/fake-upsd-ups.ts';
import {
  isDeviceTrouble,
  isInventory,
  isListed,
  isReadings,
  isSourceTrouble,
  says,
  startWatching,
  type Watching,
} from './nut-watching.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const smart: UpsDefinition = {
  variables: {
    'battery.charge': '100',
    'battery.runtime': '1800',
    'device.model': 'Smart "750" \\ #1',
    'input.sensitivity': 'high',
    'input.transfer.low': '208',
    'ups.delay.shutdown': '20',
    'ups.id': 'rack',
    'ups.status': 'OL',
  },
  desc: 'Rack "A"',
  rw: {
    'input.sensitivity': { enum: ['low', 'high'] },
    'input.transfer.low': {
      ranges: [
        [200, 210],
        [215, 220],
      ],
    },
    'ups.delay.shutdown': { type: 'NUMBER' },
    'ups.id': { maxLength: 8 },
  },
  commands: { 'beeper.mute': 'Mute the beeper', 'load.off': '' },
};

async function upsd(options: Partial<FakeUpsdOptions> = {}): Promise<FakeUpsd> {
  const server = await startFakeUpsd({ ups: { smart }, ...options });
  closing.push(() => server.stop());
  return server;
}

function watching(server: FakeUpsd, settings: Readonly<Record<string, unknown>> = {}): Watching {
  const begun = startWatching({ port: server.port, ...settings });
  closing.push(begun.stop);
  return begun;
}

describe.each(['2.8.0', '2.7.4'] as const)('upsd %s', (version) => {
  test('is listed, read whole and its devices asked what they can be told', async () => {
    const server = await upsd({ version });
    const watch = watching(server);
    const { inventory } = await watch.until(isInventory);
    expect(watch.reports[0]).toEqual({
      kind: 'listed',
      source: 'nas',
      devices: [{ name: 'smart', description: 'Rack "A"' }],
    });
    const first = watch.reports[1];
    expect(first?.kind === 'readings' && Object.fromEntries(first.readings.get('smart')?.variables ?? [])).toEqual(
      smart.variables,
    );
    expect(first?.kind === 'readings' && first.readings.get('smart')?.flags).toEqual(['OL']);
    expect(inventory.writable).toEqual([
      { variable: 'input.sensitivity', accepts: { kind: 'enum', values: ['low', 'high'] } },
      {
        variable: 'input.transfer.low',
        accepts: {
          kind: 'range',
          ranges: [
            [200, 210],
            [215, 220],
          ],
        },
      },
      { variable: 'ups.delay.shutdown', accepts: { kind: 'number' } },
      { variable: 'ups.id', accepts: { kind: 'text', maxLength: 8 } },
    ]);
    expect(inventory.commands).toEqual([{ name: 'beeper.mute', description: 'Mute the beeper' }, { name: 'load.off' }]);
    expect(server.requests.some(({ line }) => /^LOGIN/.test(line))).toBe(false);
  });
});

test('unchanged sweeps are the same object; a status is told before the variables are read', async () => {
  const server = await upsd();
  const watch = watching(server, { interval: '60s', interval_on_battery: '60s' });
  const first = (await watch.until(isReadings)).readings.get('smart');
  const next = (await watch.until(isReadings, 2)).readings.get('smart');
  expect(next?.variables).toBe(first?.variables);
  expect(next?.at).toBeGreaterThan(first?.at ?? 0);
  expect(next?.asked).toBeLessThanOrEqual(next?.at ?? 0);

  const since = watch.reports.length;
  server.set('smart', 'battery.charge', '97');
  server.set('smart', 'ups.status', 'OB DISCHRG');
  const told = (await watch.until(says('smart', 'ups.status', 'OB DISCHRG'), since)).readings.get('smart');
  expect(told?.flags).toEqual(['OB', 'DISCHRG']);
  expect(told?.variables.get('battery.charge')).toBe('100');
  const whole = (await watch.until(says('smart', 'battery.charge', '97'), since)).readings.get('smart');
  expect(whole?.flags).toEqual(['OB', 'DISCHRG']);
});

test('a changed status alone keeps the object when the whole answer says the same', async () => {
  const server = await upsd();
  const watch = watching(server, { interval: '60s', interval_on_battery: '60s' });
  await watch.until(isReadings);
  const from = server.requestCount;
  server.set('smart', 'ups.status', 'OL CHRG');
  const told = await watch.until(says('smart', 'ups.status', 'OL CHRG'));
  await server.waitForRequest(/^LIST VAR smart/, { since: from });
  const later = await watch.until(isReadings, watch.reports.indexOf(told) + 2);
  expect(later.readings.get('smart')?.variables).toBe(told.readings.get('smart')?.variables);
});

test('on battery the whole sweep comes faster', async () => {
  const server = await upsd();
  const watch = watching(server, { interval: '60s', interval_on_battery: '250ms' });
  await watch.until(isReadings);
  server.set('smart', 'ups.status', 'OB');
  await watch.until(says('smart', 'ups.status', 'OB'));
  server.set('smart', 'battery.charge', '50');
  await watch.until(says('smart', 'battery.charge', '50'));
  server.set('smart', 'battery.charge', '49');
  await watch.until(says('smart', 'battery.charge', '49'));
});

test('a device without a status is alive', async () => {
  const server = await upsd({ ups: { pdu: { variables: { 'outlet.1.status': 'on' } } } });
  const watch = watching(server, { interval: '60s' });
  const first = (await watch.until(isReadings)).readings.get('pdu');
  const later = (await watch.until(isReadings, 2)).readings.get('pdu');
  expect(later?.flags).toEqual([]);
  expect(later?.at).toBeGreaterThan(first?.at ?? 0);
  expect(watch.reports.some(isDeviceTrouble)).toBe(false);
});

describe.each([
  { condition: 'stale', kind: 'data-stale', again: false },
  { condition: 'driver-gone', kind: 'driver-not-connected', again: true },
  { condition: 'wait', kind: 'waiting', again: true },
] as const)('a device that is $condition', ({ condition, kind, again }) => {
  test('is told once, gives no reading, and comes back whole', async () => {
    const server = await upsd({ ups: { smart, other: smart } });
    const watch = watching(server);
    await watch.until(isInventory);
    await watch.untilAny((report) => isInventory(report) && report.address.name === 'other');
    server.state('smart', condition, ['battery.charge']);
    const { trouble, address } = await watch.until(isDeviceTrouble);
    expect({ kind: trouble.kind, name: address.name }).toEqual({ kind, name: 'smart' });
    const quiet = watch.reports.length;
    for (let sweeps = 0, at = quiet; sweeps < 5; sweeps += 1) {
      at = watch.reports.indexOf(await watch.until(says('other', 'ups.status', 'OL'), at)) + 1;
    }
    const during = watch.reports.slice(quiet);
    expect(during.filter(isDeviceTrouble)).toEqual([]);
    expect(during.some((report) => isReadings(report) && report.readings.has('smart'))).toBe(false);

    const since = watch.reports.length;
    server.state('smart', 'ok');
    const back = await watch.untilAny((report) => isReadings(report) && report.readings.has('smart'), since);
    expect(isReadings(back) && back.readings.get('smart')?.variables.size).toBe(8);
    if (again) await watch.untilAny((report) => isInventory(report) && report.address.name === 'smart', since);
  });
});

test('a driver that comes back through WAIT is told as it goes', async () => {
  const server = await upsd();
  const watch = watching(server);
  await watch.until(isInventory);
  server.state('smart', 'driver-gone');
  await watch.until(isDeviceTrouble);
  server.state('smart', 'wait', ['battery.charge', 'ups.status']);
  await watch.untilAny((report) => isDeviceTrouble(report) && report.trouble.kind === 'waiting');
  server.state('smart', 'ok');
  const since = watch.reports.length;
  await watch.until(isReadings, since);
  await watch.until(isInventory, since);
  const kinds = watch.reports.filter(isDeviceTrouble).map(({ trouble }) => trouble.kind);
  expect(kinds).toEqual(['driver-not-connected', 'waiting']);
});

test('devices that come and go are listed; one that is unknown is looked for at once', async () => {
  const server = await upsd({ ups: { smart, other: smart } });
  const watch = watching(server);
  await watch.until(isReadings);
  const since = watch.reports.length;
  server.removeUps('other');
  const unknown = await watch.until(isDeviceTrouble, since);
  expect(unknown.trouble.kind).toBe('unknown-ups');
  const { devices } = await watch.until(isListed, since);
  expect(devices.map(({ name }) => name)).toEqual(['smart']);
});

test('a device that appears is found by the next listing', async () => {
  const server = await upsd();
  // The listing comes every 30 s; a clock that runs faster brings it nearer.
  let skipped = 0;
  const clock = { now: () => asInstant(performance.now() + skipped), wall: () => Date.now() };
  const begun = startWatching({ port: server.port }, { clock });
  closing.push(begun.stop);
  await begun.until(isReadings);
  server.addUps('fresh', smart);
  skipped = 40_000;
  const { devices } = await begun.until(isListed, 1);
  expect(devices.map(({ name }) => name)).toEqual(['fresh', 'smart']);
  await begun.until(says('fresh', 'ups.status', 'OL'));
});

test('only the named devices are read, whatever their case', async () => {
  const server = await upsd({ ups: { Smart: smart, other: smart } });
  const watch = watching(server, { ups: ['sMART', 'absent'] });
  const { devices } = await watch.until(isListed);
  expect(devices.map(({ name }) => name)).toEqual(['Smart']);
  await watch.until(isInventory);
  expect(server.requests.some(({ line }) => line.includes('other'))).toBe(false);
  expect(watch.logged.filter((line) => line.includes('absent'))).toEqual(['warn the server lists no UPS absent']);
});

test('new variables bring the inventory again', async () => {
  const server = await upsd();
  const watch = watching(server);
  await watch.until(isInventory);
  const since = watch.reports.length;
  server.set('smart', 'ups.alarm', 'Replace battery!');
  await watch.until(says('smart', 'ups.alarm', 'Replace battery!'), since);
  await watch.until(isInventory, since);
});

test('a device that can be told nothing has an empty inventory', async () => {
  const server = await upsd({ ups: { plain: { variables: { 'ups.status': 'OL' } } } });
  const watch = watching(server);
  expect((await watch.until(isInventory)).inventory).toEqual({ writable: [], commands: [] });
});

test('hundreds of devices come in one report a sweep', async () => {
  const many = Object.fromEntries(Array.from({ length: 450 }, (_, index) => [`ups${index}`, smart]));
  const server = await upsd({ ups: many });
  const watch = watching(server, { timeout: '5s' });
  expect((await watch.until(isReadings)).readings.size).toBe(450);
  expect((await watch.until(isReadings, 2)).readings.size).toBe(450);
});

test('stopping says goodbye and closes', async () => {
  const server = await upsd();
  const watch = watching(server);
  await watch.until(isReadings);
  await watch.stop();
  await server.waitForRequest(/^LOGOUT/);
  await server.waitForConnections(0);
  const count = watch.reports.length;
  server.closeAll();
  expect(watch.reports.length).toBe(count);
  expect(watch.reports.some(isSourceTrouble)).toBe(false);
});
