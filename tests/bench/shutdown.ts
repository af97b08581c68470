import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { cpuSeconds, peakMegabytes, residentMegabytes } from './cost.ts';
import { TYPICAL } from './devices.ts';
import { better, type Figure, isMissed, median } from './figures.ts';
import { type Hosts, startHosts } from './hosts.ts';
import { Listener } from './listener.ts';

const HOSTS = 100;
/** Seconds that the slowest host, the last of the stage, is at work; the others one second at least. */
const SLOWEST = 5;
const secondsOf = (index: number, count: number): number =>
  index === count - 1 ? SLOWEST : 1 + ((index * 37) % HOSTS) * ((SLOWEST - 1) / HOSTS);

const ACTS = 10;
const ATTEMPTS = 3;
const WITHIN_MS = 30_000;
/** In memory on every Linux. */
const TMPFS = '/dev/shm';
const EVENTS = 'gridwarden/home/bridge/event';
const GROUP = 'gridwarden/home/group/rack';
const OTHER = 'gridwarden/home/ups/b';
const LOW = { 'ups.status': 'OB DISCHRG LB' };
const MAINS = { 'ups.status': 'OL' };

/** Has the program tell on SIGUSR2 for how long it came to nothing else at most since it was last asked. */
const LOOP_DELAY = `
  import { monitorEventLoopDelay } from 'node:perf_hooks';
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  process.on('SIGUSR2', () => {
    process.stdout.write('loop delay ' + delay.max / 1e6 + '\\n');
    delay.reset();
  });`;

interface World {
  readonly upsd: Upsd;
  readonly broker: Mosquitto;
  readonly hosts: Hosts;
}

interface Event {
  readonly event_type: string;
  readonly time: string;
}

/** A hundred hosts over SSH in one stage, what goes on beside them, and the way from a decision to its first act. */
export async function measureShutdown(tell: (text: string) => void): Promise<readonly Figure[]> {
  const upsd = await startUpsd({ ups: { a: { dev: TYPICAL }, b: { dev: TYPICAL } } });
  const broker = await startMosquitto();
  const hosts = await startHosts(HOSTS);
  const world: World = { upsd, broker, hosts };
  try {
    const figures: Figure[] = [];
    for (const measure of [stages, ...firstActs]) {
      let best = await measure(world);
      for (let attempt = 2; attempt <= ATTEMPTS && best.some(isMissed); attempt += 1) {
        for (const { what, measured, unit } of best.filter(isMissed))
          tell(`${what}: ${measured} ${unit}, missed, again`);
        best = better(best, await measure(world));
      }
      figures.push(...best);
    }
    return figures;
  } finally {
    await hosts.dispose();
    await broker.dispose();
    await upsd.stop();
  }
}

/** Armed, with one stage on UPS `a`; `b` is only watched. */
const configFor = ({ upsd, broker }: World, steps: readonly object[]): object => ({
  armed: true,
  mqtt: { url: broker.url },
  sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
  triggers: { settle: '0s', hold: '1s', mains_hold: '1s' },
  groups: { rack: { feeds: ['a'], stages: [{ name: 'stop', steps }] } },
});

/** The program while `use` runs, and a client that hears what it publishes. */
async function running<T>(
  { broker }: World,
  config: object,
  use: (program: Gridwarden, house: Observer) => Promise<T>,
): Promise<T> {
  const preload = `--import=data:text/javascript,${encodeURIComponent(LOOP_DELAY)}`;
  const program = await startGridwarden({ config, env: { NODE_OPTIONS: preload } });
  const house = await observe(broker.port);
  try {
    await house.until(GROUP, ({ state }) => state === 'calm', WITHIN_MS);
    return await use(program, house);
  } finally {
    await house.close();
    await program.dispose();
  }
}

/** One outage from the decision until everything is calm again. */
async function outage({ upsd }: World, house: Observer, during = async () => {}): Promise<readonly [Event, Event]> {
  const next = (type: string) => house.next<Event>(EVENTS, ({ event_type }) => event_type === type, WITHIN_MS);
  const [decided, ended] = [next('shutdown'), next('run_ended')];
  await upsd.set('a', LOW);
  const began = await decided;
  await during();
  const over = await ended;
  await upsd.set('a', MAINS);
  await house.until(GROUP, ({ state }) => state === 'calm', WITHIN_MS);
  return [began, over];
}

async function stages(world: World): Promise<readonly Figure[]> {
  const alone = await stage(world, 1);
  const all = await stage(world, HOSTS);
  const peer = await byOpenSsh(world);
  const beyond = (took: number): number => took - alone.first;
  const figure = (what: string, unit: Figure['unit'], measured: number, target?: number): Figure => ({
    what,
    size: HOSTS,
    unit,
    measured,
    ...(target === undefined ? {} : { target }),
  });
  return [
    figure('decision to the end of the stage, beyond the slowest host alone', 's', beyond(all.again), 1),
    figure('the same, as a multiple of the slowest host alone', 'x', all.again / alone.first),
    figure('the same, before anything was measured', 's', beyond(all.first)),
    figure('100 processes of OpenSSH, beyond one', 's', peer),
    figure('CPU time of the program for the stage', 's', all.cpu),
    figure('longest time in which it came to nothing else', 'ms', all.delay),
    figure('upsd shows OB of another UPS to message meanwhile, worst', 's', all.reaction, 1),
    figure('resident memory before', 'MB', all.before),
    figure('resident memory, peak', 'MB', all.peak, 160),
  ];
}

/** One stage of so many hosts, twice: the second time it is known how long each takes. */
async function stage(world: World, count: number) {
  const { broker, hosts } = world;
  const steps = Array.from({ length: count }, (_, index) => hosts.step(index, secondsOf(index, count)));
  const logins = hosts.logins();
  return await running(world, configFor(world, steps), async (program, house) => {
    // Soon after its start it looks at all of them.
    while (hosts.logins() < logins + count) await sleep(100);
    await sleep(2000);
    const { pid = 0 } = program.process;
    const before = await residentMegabytes(pid);
    const first = spanOf(await outage(world, house));
    await sleep(2000);
    const listener = await Listener.open(broker.url, OTHER);
    await delayOf(program);
    const cpu = await cpuSeconds(pid);
    const reactions: number[] = [];
    const watched = async () => {
      for (const end = performance.now() + SLOWEST * 800; performance.now() < end; ) {
        reactions.push(await reaction(world, listener));
      }
    };
    const again = spanOf(await outage(world, house, watched));
    await listener.close();
    return {
      first,
      again,
      cpu: (await cpuSeconds(pid)) - cpu,
      delay: await delayOf(program),
      reaction: Math.max(...reactions),
      before,
      peak: await peakMegabytes(pid),
    };
  });
}

const spanOf = ([began, over]: readonly [Event, Event]): number =>
  (Date.parse(over.time) - Date.parse(began.time)) / 1000;

/** Seconds until a change of the other UPS is on the broker, there or back. */
async function reaction({ upsd }: World, listener: Listener): Promise<number> {
  const to = async (status: string): Promise<number> => {
    const seen = listener.all([OTHER], (text) => text.includes(`"ups.status":"${status}"`), WITHIN_MS);
    const begun = performance.now();
    await upsd.set('b', { 'ups.status': status });
    const [at = Number.NaN] = await seen;
    return (at - begun) / 1000;
  };
  // Not a wait for anything: it makes the phase random.
  await sleep(Math.random() * 100);
  return Math.max(await to('OB'), await to('OL'));
}

/** Milliseconds for which the program came to nothing else at most, since this was last asked. */
async function delayOf(program: Gridwarden): Promise<number> {
  const mark = program.mark();
  program.process.signal('SIGUSR2');
  const line = await program.process.waitForLine(/^loop delay/, WITHIN_MS, mark);
  return Number(line.split(' ').at(-1));
}

/** What 100 clients at once take longer than one: what this machine, which is all the hosts as well, needs for it. */
async function byOpenSsh({ hosts }: World): Promise<number> {
  const spans: number[] = [];
  for (const count of [1, HOSTS]) {
    const begun = performance.now();
    await Promise.all(Array.from({ length: count }, (_, index) => hosts.ssh(index, secondsOf(index, count))));
    spans.push((performance.now() - begun) / 1000);
  }
  const [one = Number.NaN, all = Number.NaN] = spans;
  return all - one;
}

/** The program that an act begins: it notes itself, and ends with this code. */
const noting = (file: string, code: number): readonly string[] => [
  '/bin/sh',
  '-c',
  'date +%s%N >>"$1"; exit "$2"',
  'act',
  file,
  `${code}`,
];

/** Milliseconds from each of these moments to what was noted for it. */
async function sinceThen(moments: readonly number[], file: string): Promise<readonly number[]> {
  const noted = (await readFile(file, 'utf8')).trim().split('\n');
  return moments.map((moment, index) => Number(BigInt(noted[index] ?? '0') / 1000n) / 1000 - moment);
}

const firstActs = [0, HOSTS].flatMap((count) =>
  [
    ['disk', tmpdir()],
    ['tmpfs', TMPFS],
  ].map(([where = '', folder = '']) => async (world: World): Promise<readonly Figure[]> => {
    const spans = await firstAct(world, folder, count);
    const about = { size: count, unit: 'ms' } as const;
    const alone = count === 0 ? await bareActs(folder) : undefined;
    return [
      {
        ...about,
        what: `decision to first act, journal on ${where}, median of ${ACTS}`,
        measured: median(spans),
        target: 20,
      },
      { ...about, what: 'the same, worst', measured: Math.max(...spans) },
      ...(alone === undefined
        ? []
        : [{ ...about, what: 'a line on the disk and a program by itself, median', measured: median(alone) }]),
    ];
  }),
);

/** Milliseconds from each decision to the moment that the first act notes; so many hosts begin beside it. */
async function firstAct(world: World, where: string, count: number): Promise<readonly number[]> {
  const folder = await mkdtemp(join(where, 'bench-'));
  const file = join(folder, 'acts');
  // It fails, so nobody learns how short it is: whatever the order, it stays the first to begin.
  const act = { exec: { command: noting(file, 1) } };
  const beside = Array.from({ length: count }, (_, index) => world.hosts.step(index, 0));
  const config = { ...configFor(world, [act, ...beside]), state_dir: join(folder, 'state') };
  try {
    return await running(world, config, async (_, house) => {
      const decisions: number[] = [];
      for (let run = 0; run < ACTS; run += 1) decisions.push(Date.parse((await outage(world, house))[0].time));
      return await sinceThen(decisions, file);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What this machine needs at this moment for a line on the disk and then the start of the same program. */
async function bareActs(where: string): Promise<readonly number[]> {
  const folder = await mkdtemp(join(where, 'bench-'));
  const file = join(folder, 'acts');
  const journal = await open(join(folder, 'journal'), 'a');
  try {
    const moments: number[] = [];
    for (let run = 0; run < ACTS; run += 1) {
      await sleep(500);
      moments.push(Date.now());
      await journal.appendFile('x'.repeat(4096));
      await journal.datasync();
      await promisify(execFile)('/usr/bin/env', ['--', ...noting(file, 0)]);
    }
    return await sinceThen(moments, file);
  } finally {
    await journal.close();
    await rm(folder, { recursive: true, force: true });
  }
}
