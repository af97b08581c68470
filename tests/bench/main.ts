/**
 * `npm run bench [1] [10] [100] [1000] [judgement] [shutdown]`: measures, prints a table, and ends with 1 when a target is missed.
 *
 * Noise makes these figures only worse, so what misses its target is measured up to three times and the best counts;
 * then a miss is a miss.
 */
import { cpus, loadavg } from 'node:os';
import { absences } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { type Figure, isMissed, table } from './figures.ts';
import { measureJudgement } from './judgement.ts';
import { measureReal } from './real.ts';
import { measureShutdown } from './shutdown.ts';
import { measureThousand } from './thousand.ts';

const SIZES = [1, 10, 100, 1000];
/** The decision alone, which needs no server. */
const JUDGEMENT = 'judgement';
/** A hundred hosts over SSH, and the way from the decision to the first act. */
const SHUTDOWN = 'shutdown';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const remark = (text: string): void => void process.stderr.write(`${text}\n`);

process.exitCode = await bench(process.argv.slice(2));

async function bench(asked: readonly string[]): Promise<number> {
  const named = [JUDGEMENT, SHUTDOWN];
  const wrong = asked.filter((what) => !named.includes(what) && !SIZES.includes(Number(what)));
  const sizes = asked.length === 0 ? SIZES : asked.filter((what) => !named.includes(what)).map(Number);
  const has = (what: string): boolean => asked.length === 0 || asked.includes(what);
  const missing = [
    ...(sizes.length > 0 || has(SHUTDOWN) ? absences(['upsd', 'mosquitto']) : []),
    ...(has(SHUTDOWN) ? absences(['sshd']) : []),
  ];
  if (wrong.length > 0 || missing.length > 0) {
    remark([...wrong.map((what) => `${what}: write one of ${[...SIZES, ...named].join(', ')}`), ...missing].join('\n'));
    return 2;
  }
  say(`${machine()}${sizes.length === 0 ? '' : `, ${await upsdVersion()}`}`);
  const figures: Figure[] = has(JUDGEMENT) ? [...(await measureJudgement(remark))] : [];
  for (const size of sizes) {
    remark(`measuring with ${size} UPSes`);
    figures.push(...(size === 1000 ? await measureThousand() : await measureReal(size, remark)));
  }
  if (figures.length > 0) say(`\n${table(figures, 'UPSes')}`);
  const shutdown = has(SHUTDOWN) ? await measureShutdown(remark) : [];
  if (shutdown.length > 0) say(`\n${table(shutdown, 'hosts')}`);
  say(`\nload ${load()} after`);
  const missed = [...figures, ...shutdown].filter(isMissed);
  for (const { what, size } of missed) remark(`missed: ${what}, ${size}`);
  return missed.length === 0 ? 0 : 1;
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} x ${processors[0]?.model.trim()}, Node.js ${process.version}, load ${load()} before`;
}

function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}

async function upsdVersion(): Promise<string> {
  const lines = (await run('/lib/nut/upsd', ['-V'])).split('\n');
  return lines.find((line) => line.includes('upsd'))?.trim() ?? '';
}
