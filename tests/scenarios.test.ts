import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createReplay } from '../src/runtime/replay.ts';
import { openTrace } from '../src/store/trace-files.ts';
import { playScenario, shown } from './kit/scenario.ts';

/** What the scenarios expect is written anew instead of compared. Read what has changed before keeping it. */
const REWRITE = process.env['UPDATE_SCENARIOS'] === '1';
const FOLDER = join(import.meta.dirname, 'scenarios');
const names = readdirSync(FOLDER);

const EXPECTED = '.expected.txt';
const texts = names.filter((name) => name.endsWith('.txt') && !name.endsWith(EXPECTED));
const traces = names.filter((name) => /\.ndjson(\.gz)?$/.test(name));

test.each(texts)('%s', (name) => {
  const path = join(FOLDER, name);
  const text = readFileSync(path, 'utf8');
  const played = playScenario(text);
  if (REWRITE && played !== text) writeFileSync(path, played);
  else expect(played).toBe(text);
});

async function playTrace(path: string): Promise<string> {
  const lines: string[] = [];
  const trace = await openTrace([path], ({ message }) => lines.push(`# ${message}`));
  if (!trace.ok) throw new Error(trace.error.message);
  const replay = createReplay();
  let begun: number | undefined;
  for await (const event of trace.value.events()) {
    begun ??= event.stamp.wall;
    const transition = replay.take(event);
    if (transition !== undefined) lines.push(...shown(transition, (event.stamp.wall - begun) / 1000));
  }
  return `${lines.join('\n')}\n`;
}

test.each(traces)('%s', async (name) => {
  const path = join(FOLDER, name);
  const beside = path.replace(/\.ndjson(\.gz)?$/, EXPECTED);
  const played = await playTrace(path);
  if (REWRITE) writeFileSync(beside, played);
  else expect(played).toBe(readFileSync(beside, 'utf8'));
});

test('nothing lies there that is not played', () => {
  const played = new Set([...texts, ...traces, ...traces.map((name) => name.replace(/\.ndjson(\.gz)?$/, EXPECTED))]);
  expect(names.filter((name) => !played.has(name))).toEqual([]);
});
