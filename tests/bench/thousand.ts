import { setTimeout as sleep } from 'node:timers/promises';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { startGridwarden } from '../kit/gridwarden.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { cpuPercent, residentMegabytes } from './cost.ts';
import { namesOf, TYPICAL } from './devices.ts';
import { type Figure, median } from './figures.ts';
import { Listener } from './listener.ts';

const SERVERS = 10;
const EACH = 100;
const CHANGES = 40;
const IDLE_MS = 20_000;
const SEEN_MS = 30_000;

/** A thousand UPSes on ten servers. The servers are fakes in this process, which leaves the program a core of its own. */
export async function measureThousand(): Promise<readonly Figure[]> {
  const variables = TYPICAL;
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, (_, index) =>
      startFakeUpsd({ ups: Object.fromEntries(namesOf(EACH).map((name) => [`s${index}_${name}`, { variables }])) }),
    ),
  );
  const broker = await startMosquitto();
  const listener = await Listener.open(broker.url, 'gridwarden/home/ups/+');
  const all = servers.flatMap((_, index) => namesOf(EACH).map((name) => topicOf(index, name)));
  const there = listener.all(all, () => true, SEEN_MS);
  const sources = servers.map(({ port }, index) => [`s${index}`, { nut: { host: '127.0.0.1', port } }] as const);
  const program = await startGridwarden({
    config: { mqtt: { url: broker.url }, sources: Object.fromEntries(sources) },
  });
  try {
    await there;
    const { pid = 0 } = program.process;
    // Ten times a hundred announcements and inventories are over, and a scrape has been answered.
    await sleep(5000);
    await program.get('/metrics');
    const cpu = await cpuPercent(pid, IDLE_MS);
    const spans = await reactions(servers, listener);
    const together = await storm(servers, listener, all);
    const memory = await residentMegabytes(pid);
    const size = SERVERS * EACH;
    return [
      { what: 'server shows OB to message on the broker, median of 40', size, unit: 's', measured: median(spans) },
      { what: 'the same, worst of 40', size, unit: 's', measured: Math.max(...spans), target: 1 },
      { what: 'all change at once, the last message', size, unit: 's', measured: together },
      { what: 'CPU of one core, idle on mains', size, unit: '%', measured: cpu, target: 50 },
      { what: 'resident memory after all that', size, unit: 'MB', measured: memory },
    ];
  } finally {
    await listener.close();
    await program.dispose();
    await broker.dispose();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function reactions(servers: readonly FakeUpsd[], listener: Listener): Promise<readonly number[]> {
  const spans: number[] = [];
  for (let count = 0; count < CHANGES; count += 1) {
    const index = Math.floor(Math.random() * servers.length);
    const name = `u${1 + Math.floor(Math.random() * EACH)}`;
    // Not a wait for anything: it makes the phase random.
    await sleep(100 + Math.random() * 500);
    const seen = listener.all([topicOf(index, name)], (payload) => payload.includes('"ups.status":"OB"'), SEEN_MS);
    const begun = performance.now();
    servers[index]?.set(`s${index}_${name}`, 'ups.status', 'OB');
    const [at = Number.NaN] = await seen;
    spans.push((at - begun) / 1000);
    const back = listener.all([topicOf(index, name)], (payload) => payload.includes('"ups.status":"OL"'), SEEN_MS);
    servers[index]?.set(`s${index}_${name}`, 'ups.status', 'OL');
    await back;
  }
  return spans;
}

/** Seconds until the last of all devices is shown on battery. */
async function storm(servers: readonly FakeUpsd[], listener: Listener, all: readonly string[]): Promise<number> {
  const seen = listener.all(all, (payload) => payload.includes('"ups.status":"OB"'), SEEN_MS);
  const begun = performance.now();
  for (const [index, server] of servers.entries()) {
    for (const name of namesOf(EACH)) server.set(`s${index}_${name}`, 'ups.status', 'OB');
  }
  return (Math.max(...(await seen)) - begun) / 1000;
}

const topicOf = (index: number, name: string): string => `gridwarden/home/ups/s${index}_${name}`;
