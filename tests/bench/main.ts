/**
 * `npm run bench [1] [10] [100] [1000]`: measures, prints a table, and ends with 1 when a target is missed.
 *
 * Noise makes these figures only worse, so what misses its target is measured up to three times and the best counts;
 * then a miss is a miss.
 */
import { cpus, loadavg } from 'node:os';
import { absences } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { type Figure, isMissed, table } from './figures.ts';
import { measureReal } from './real.ts';
import { measureThousand } from './thousand.ts';

const SIZES = [1, 10, 100, 1000];

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const remark = (text: string): void => void process.stderr.write(`${text}\n`);

process.exitCode = await bench(process.argv.slice(2));

async function bench(asked: readonly string[]): Promise<number> {
  const wrong = asked.filter((size) => !SIZES.includes(Number(size)));
  const missing = absences(['upsd', 'mosquitto']);
  if (wrong.length > 0 || missing.length > 0) {
    remark([...wrong.map((size) => `${size}: write one of ${SIZES.join(', ')}`), ...missing].join('\n'));
    return 2;
  }
  const sizes = asked.length === 0 ? SIZES : asked.map(Number);
  say(await machine());
  const figures: Figure[] = [];
  for (const size of sizes) {
    remark(`measuring with ${size} UPSes`);
    figures.push(...(size === 1000 ? await measureThousand() : await measureReal(size, remark)));
  }
  say(`\n${table(figures)}`);
  const missed = figures.filter(isMissed);
  for (const { what, size } of missed) remark(`missed: ${what}, ${size} UPSes`);
  return missed.length === 0 ? 0 : 1;
}

async function machine(): Promise<string> {
  const upsd = (await run('/lib/nut/upsd', ['-V'])).split('\n').find((line) => line.includes('upsd')) ?? '';
  const processors = cpus();
  const load = loadavg()[0]?.toFixed(1);
  return `${processors.length} x ${processors[0]?.model.trim()}, Node.js ${process.version}, ${upsd.trim()}, load ${load} before`;
}
