import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type FakeUpsd, type FakeUpsdOptions, startFakeUpsd } from '../kit/fake-upsd.ts';
import type { CloseAt, Faults } from '../kit/fake-upsd-faults.ts';
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
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

const plain = { variables: { 'battery.charge': '100', 'ups.model': 'say "750" \\ #1', 'ups.status': 'OL' } };
const ups = { one: { ...plain, commands: ['beeper.mute'] }, two: plain };

async function upsd(options: Partial<FakeUpsdOptions> = {}): Promise<FakeUpsd> {
  const server = await startFakeUpsd({ ups, ...options });
  closing.push(() => server.stop());
  return server;
}

function watching(server: FakeUpsd, settings: Readonly<Record<string, unknown>> = {}): Watching {
  const begun = startWatching({ port: server.port, ...settings });
  closing.push(begun.stop);
  return begun;
}

test.each<{ readonly name: string; readonly faults: Faults }>([
  { name: 'byte by byte', faults: { split: 1 } },
  { name: 'in pieces of seven bytes', faults: { split: 7 } },
  { name: 'line by line', faults: { perLine: true } },
  { name: 'all at once', faults: { merge: true } },
  { name: 'late', faults: { slow: 60 } },
])('packets that come $name make no difference', async ({ faults }) => {
  const server = await upsd();
  await server.fault(faults);
  const watch = watching(server, { timeout: '3s' });
  const { readings } = await watch.until(isReadings);
  expect(Object.fromEntries(readings.get('one')?.variables ?? [])).toEqual(plain.variables);
  await watch.untilAny((report) => isInventory(report) && report.address.name === 'one');
  server.set('two', 'battery.charge', '99');
  await watch.until(says('two', 'battery.charge', '99'));
  expect(watch.reports.some(isSourceTrouble)).toBe(false);
  expect(server.accepted).toBe(1);
});

const breaking: readonly { readonly name: string; readonly faults: Faults; readonly kind: string }[] = [
  { name: 'half a line and then nothing', faults: { halfLineThenSilence: 10 }, kind: 'timed-out' },
  { name: 'no answer at all', faults: { noAnswer: true }, kind: 'timed-out' },
  { name: 'one answer left out', faults: { loseAnswer: true, only: /^GET VAR one/ }, kind: 'malformed' },
  { name: 'the last answer left out', faults: { loseAnswer: true, only: /^GET VAR two/ }, kind: 'timed-out' },
  { name: 'answers in the wrong order', faults: { wrongOrder: true }, kind: 'malformed' },
  { name: 'a list without an end', faults: { endlessList: true }, kind: 'malformed' },
  { name: 'a line of a megabyte', faults: { hugeLine: true }, kind: 'malformed' },
  { name: 'a line just too long', faults: { hugeLine: 5000 }, kind: 'malformed' },
  { name: 'bytes that are no text', faults: { garbage: true }, kind: 'malformed' },
];

describe.each(breaking)('$name', ({ faults, kind }) => {
  test('from the start is told once, and the server is heard when it mends', async () => {
    const server = await upsd();
    await server.fault(faults);
    const watch = watching(server);
    const { trouble } = await watch.until(isSourceTrouble);
    expect(trouble.kind).toBe(kind);
    expect(trouble.detail.length).toBeLessThanOrEqual(200);
    await server.waitForRequest(/^VER/, { since: server.requestCount });
    await server.heal();
    const { readings } = await watch.until(isReadings, watch.reports.length);
    expect([...readings.keys()]).toEqual(['one', 'two']);
    expect(watch.reports.filter(isSourceTrouble).length).toBe(1);
    // The report becomes a fact, and the fact is the one line of the log.
    expect(watch.logged.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('in the middle is told, and nothing wrong is ever reported', async () => {
    const server = await upsd();
    const watch = watching(server);
    await watch.until(isReadings);
    const since = watch.reports.length;
    await server.fault(faults);
    expect((await watch.until(isSourceTrouble, since)).trouble.kind).toBe(kind);
    const healed = watch.reports.length;
    await server.heal();
    await watch.until(isListed, healed);
    await watch.until(isReadings, healed);
    for (const report of watch.reports.filter(isReadings)) {
      for (const reading of report.readings.values()) {
        expect(Object.fromEntries(reading.variables)).toEqual(plain.variables);
      }
    }
    expect(watch.reports.some(isDeviceTrouble)).toBe(false);
  });
});

const cuts: readonly CloseAt[] = [
  ...Array.from({ length: 9 }, (_, request) => ({ request })),
  ...Array.from({ length: 8 }, (_, answer) => ({ answer: answer + 1 })),
  ...[1, 60, 64, 65, 75, 130, 200, 300].map((replyBytes) => ({ replyBytes })),
];

test.each(cuts)('a connection cut at %o comes back', async (closeAt) => {
  const server = await upsd();
  await server.fault({ closeAt });
  const watch = watching(server);
  expect((await watch.until(isSourceTrouble)).trouble.kind).toBe('unreachable');
  await server.heal();
  await watch.until(isReadings, watch.reports.length);
  await watch.untilAny((report) => isInventory(report) && report.address.name === 'one');
});

test('what nobody asked for ends the connection', async () => {
  const server = await upsd();
  const watch = watching(server, { status_interval: '10s', interval: '60s' });
  await watch.untilAny((report) => isInventory(report) && report.address.name === 'two');
  server.push('VAR one ups.status "OB LB"\n');
  expect((await watch.until(isSourceTrouble)).trouble.kind).toBe('malformed');
  expect(watch.reports.some(says('one', 'ups.status', 'OB LB'))).toBe(false);
});

test('a number of 255 digits comes through as it is', async () => {
  const server = await upsd();
  await server.fault({ hugeNumber: true });
  const watch = watching(server);
  await watch.until(says('one', 'battery.charge', '9'.repeat(255)));
});

test('a server that is not there is told once, and heard when it comes', async () => {
  const server = await upsd();
  await server.fault({ refuseConnect: true });
  const watch = watching(server);
  const { trouble } = await watch.until(isSourceTrouble);
  expect(trouble).toEqual({ kind: 'unreachable', detail: 'ECONNREFUSED' });
  await server.heal();
  await watch.until(isReadings);
  expect(watch.reports.filter(isSourceTrouble).length).toBe(1);
});

test('a lost connection is made again at once', async () => {
  const server = await upsd();
  const watch = watching(server);
  await watch.until(isReadings);
  const since = watch.reports.length;
  const begun = performance.now();
  server.closeAll();
  await watch.until(isSourceTrouble, since);
  await watch.until(isReadings, since);
  expect(performance.now() - begun).toBeLessThan(200);
});

test('after a reconnect a device that is still in trouble is told again', async () => {
  const server = await upsd();
  server.state('one', 'stale');
  const watch = watching(server);
  await watch.until(isDeviceTrouble);
  const since = watch.reports.length;
  server.closeAll();
  await watch.until(isDeviceTrouble, since);
});

test('names that cannot be asked for are left out, and said so once', async () => {
  const server = await upsd({ ups: { 'two words': plain, one: plain } });
  const watch = watching(server);
  const { devices } = await watch.until(isListed);
  expect(devices.map(({ name }) => name)).toEqual(['one']);
  await watch.until(isReadings, 4);
  expect(watch.logged.filter((line) => line.includes('two words')).length).toBe(1);
});

test('a dead server delays nothing of a live one', async () => {
  const [dead, live] = [await upsd(), await upsd()];
  await dead.fault({ noAnswer: true });
  const [lost, heard] = [watching(dead, { timeout: '1s' }), watching(live)];
  await lost.until(isSourceTrouble);
  const times = heard.reports.filter(isReadings).map(({ readings }) => readings.get('one')?.at ?? 0);
  expect(times.length).toBeGreaterThan(5);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(400);
});

test.each([
  { status: 'OB', least: 3500, most: 6000 },
  { status: 'OL', least: 15_000, most: 31_000 },
])('while the last status was $status the longest wait is below $most ms', async ({ status, least, most }) => {
  const server = await upsd({ ups: { one: { variables: { 'ups.status': status } } } });
  let attempts = 0;
  const lookup = async () => {
    attempts += 1;
    if (attempts > 1) throw new Error('ENOTFOUND');
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const watch = startWatching({ port: server.port, host: 'nas.invalid', timeout: '30s' }, { lookup });
  closing.push(watch.stop);
  await watch.until(says('one', 'ups.status', status));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await server.fault({ refuseConnect: true });
  server.closeAll();
  const waits: number[] = [];
  for (let seen = attempts, waited = 0; waits.length < 11; waited += 50) {
    // Some turns of the real event loop for the sockets, then a little pretended time.
    for (let turns = 0; turns < 4; turns += 1) await turn();
    if (attempts > seen) {
      waits.push(waited);
      [seen, waited] = [attempts, 0];
    }
    await vi.advanceTimersByTimeAsync(50);
  }
  vi.useRealTimers();
  expect(Math.max(...waits)).toBeGreaterThan(least);
  expect(Math.max(...waits)).toBeLessThan(most);
  await server.heal();
});
