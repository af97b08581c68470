import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { readConfiguration } from '../config/read.ts';
import type { Input } from '../domain/inputs.ts';
import { readingOf } from '../domain/reading.ts';
import { asInstant, type Stamp } from '../domain/time.ts';
import { BLANK, think } from '../runtime/mind.ts';
import { memoryOf } from '../store/memory.ts';
import { createTraceRecorder } from '../store/trace.ts';
import { replay } from './replay.ts';

const configuration = (span: string) => `
armed: true
mqtt: {url: mqtt://localhost}
sources: {nas: {nut: {host: localhost}}}
groups:
  rack:
    feeds: [a]
    triggers: {on_battery_for: ${span}, charge_below: off, runtime_below: off, depletion: off}
    host: {halt: true}
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
  for (const span of ['2m', '5m', '1h']) await writeFile(join(folder, `${span}.yaml`), configuration(span));
  await record();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const WALL = Date.UTC(2026, 0, 1, 12);

/** An outage of ten minutes, in the middle of which the program is restarted; it decides after two. */
async function record(): Promise<void> {
  const loaded = await readConfiguration(join(folder, '2m.yaml'), {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const configured: Input = { kind: 'configured', settings: loaded.value.settings };
  let mind = BLANK;
  let recorder = createTraceRecorder({
    folder: join(folder, 'trace'),
    boot: 'one',
    version: '1',
    log: rememberingLog().log,
  });
  let stamp: Stamp = { at: asInstant(0), wall: WALL };
  const say = (input: Input): void => {
    const thought = think(mind, input, stamp);
    mind = thought.mind;
    recorder.accept(thought.transition);
  };
  const start = (restored: Input): void => {
    say(restored);
    say(configured);
    say({ kind: 'report', report: { kind: 'listed', source: 'nas', devices: [{ name: 'a' }] } });
  };
  start({ kind: 'restored', names: [], boot: 'new' });
  const variables = (status: string) => new Map([['ups.status', status]]);
  const [mains, battery] = [variables('OL'), variables('OB')];
  for (let second = 1; second < 660; second++) {
    const at = asInstant(second * 1000);
    stamp = { at, wall: WALL + at };
    if (second === 100) {
      await recorder.stop();
      recorder = createTraceRecorder({
        folder: join(folder, 'trace'),
        boot: 'one',
        version: '1',
        log: rememberingLog().log,
      });
      const memory = memoryOf(mind.state, at);
      mind = BLANK;
      start({ kind: 'restored', names: [{ source: 'nas', id: 'a' }], memory, boot: 'same' });
    }
    const reading = readingOf(second < 20 || second >= 620 ? mains : battery, at, at);
    say({ kind: 'report', report: { kind: 'readings', source: 'nas', readings: new Map([['a', reading]]) } });
    say({ kind: 'tick' });
  }
  await recorder.stop();
}

async function replayed(config?: string, traces: readonly string[] = [folder]) {
  const lines: string[] = [];
  const out = (line: string) => void lines.push(line);
  const code = await replay({ traces, out, ...(config === undefined ? {} : { config: join(folder, config) }) });
  return { code, lines };
}

test('a timeline, then the decisions', async () => {
  const { code, lines } = await replayed();
  expect(code).toBe(0);
  expect(lines).toContain('12:00:20.000 +20.0s  outage a: a: the mains are out');
  const decisions = lines.slice(lines.indexOf('decisions:') + 1);
  expect(decisions.map((line) => line.trim().split(':').slice(0, 3).join(':'))).toEqual([
    '12:02:20.000 +140.0s  shutdown rack',
    '12:02:20.000 +140.0s  run rack',
    '12:03:20.000 +200.0s  hurry rack',
    '12:10:25.000 +625.0s  called_off rack',
    '12:10:25.000 +625.0s  call off rack',
    '1324 inputs from 2026-01-01T12:00:00.000Z to 2026-01-01T12',
  ]);
});

test('the same configuration decides the same', async () => {
  const { code, lines } = await replayed('2m.yaml');
  expect(code).toBe(0);
  expect(lines.at(-2)).toBe('both decide the same');
});

test('another one beside it, through the restart', async () => {
  const { code, lines } = await replayed('5m.yaml');
  expect(code).toBe(0);
  expect(lines.find((line) => line.includes('shutdown rack'))).toMatch(
    /^\+140\.0s {4}\+320\.0s {4}! .*\[the other 180\.0 s later\]$/,
  );
  expect(lines.find((line) => line.includes('called_off rack'))).toMatch(/^\+625\.0s {4}\+625\.0s {6}called_off/);
  const never = await replayed('1h.yaml');
  expect(never.lines.filter((line) => line.includes('[only as recorded]'))).toHaveLength(5);
  expect(never.lines.at(-2)).toBe('5 of 5 decisions differ');
});

test('what cannot be read, and what is no configuration', async () => {
  expect(await replayed(undefined, [join(folder, 'none')])).toMatchObject({ code: 1 });
  await writeFile(join(folder, 'bad.yaml'), 'armed: perhaps');
  expect(await replayed('bad.yaml')).toMatchObject({ code: 2 });
  expect(await replayed('none.yaml')).toMatchObject({ code: 2 });
  await writeFile(join(folder, 'x.ndjson'), '{"trace":1}');
  const { code, lines } = await replayed(undefined, [join(folder, 'x.ndjson')]);
  expect(code).toBe(1);
  expect(lines).toEqual([
    '',
    'no decisions',
    'the trace holds nothing',
    expect.stringMatching(/^warning: .*another version/),
  ]);
});

test('a trace that another version wrote is refused, not crashed on', async () => {
  const head = JSON.stringify({
    ...{ trace: 1, version: '9', boot: 'one', process: 1, segment: 1, continues: false, at: 1, wall: 1 },
    state: Object.fromEntries([
      ...['sources', 'devices', 'pending', 'groups', 'alone', 'durations'].map((key) => [key, { $map: [] }]),
      ['names', []],
    ]),
  });
  await writeFile(join(folder, 'y.ndjson'), `${head}\n["i",1,0,{"kind":"dream"}]\n`);
  const { code, lines } = await replayed(undefined, [join(folder, 'y.ndjson')]);
  expect(lines[0]).toContain('internal_error');
  expect(code).toBe(0);
});
