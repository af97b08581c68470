/**
 * `npm run bench [1] [10] [100] [1000] [judgement]`: measures, prints a table, and ends with 1 when a target is missed.
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
import { measureThousand } from './thousand.ts';

const SIZES = [1, 10, 100, 1000];
/** The decision alone, which needs no server. */
const JUDGEMENT = 'judgement';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const remark = (text: string): void => void process.stderr.write(`${text}\n`);

process.exitCode = await bench(process.argv.slice(2));

async function bench(asked: readonly string[]): Promise<number> {
  const wrong = asked.filter((what) => what !== JUDGEMENT && !SIZES.includes(Number(what)));
  const sizes = asked.length === 0 ? SIZES : asked.filter((what) => what !== JUDGEMENT).map(Number);
  const missing = sizes.length === 0 ? [] : absences(['upsd', 'mosquitto']);
  if (wrong.length > 0 || missing.length > 0) {
    remark([...wrong.map((size) => `${size}: write one of ${SIZES.join(', ')}, ${JUDGEMENT}`), ...missing].join('\n'));
    return 2;
  }
  say(`${machine()}${sizes.length === 0 ? '' : `, ${await upsdVersion()}`}`);
  const judges = asked.length === 0 || asked.includes(JUDGEMENT);
  const figures: Figure[] = judges ? [...(await measureJudgement(remark))] : [];
  for (const size of sizes) {
    remark(`measuring with ${size} UPSes`);
    figures.push(...(size === 1000 ? await measureThousand() : await measureReal(size, remark)));
  }
  say(`\n${table(figures)}`);
  const missed = figures.filter(isMissed);
  for (const { what, size } of missed) remark(`missed: ${what}, ${size} UPSes`);
  return missed.length === 0 ? 0 : 1;
}

function machine(): string {
  const processors = cpus();
  const load = loadavg()[0]?.toFixed(1);
  return `${processors.length} x ${processors[0]?.model.trim()}, Node.js ${process.version}, load ${load} before`;
}

async function upsdVersion(): Promise<string> {
  const lines = (await run('/lib/nut/upsd', ['-V'])).split('\n');
  return lines.find((line) => line.includes('upsd'))?.trim() ?? '';
}
