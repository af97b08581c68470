import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TYPICAL } from '../../tests/bench/devices.ts';
import { rememberingLog } from '../../tests/kit/log.ts';
import { group, TRIGGERS } from '../../tests/kit/settings.ts';
import { asks, configured, deviceLost, inventory, listed, sourceLost, TICK } from '../../tests/kit/story.ts';
import { HALT } from '../../tests/kit/watch.ts';
import type { Input } from '../domain/inputs.ts';
import type { Transition } from '../domain/ports.ts';
import { type Reading, readingOf, type Variables, withStatus } from '../domain/reading.ts';
import type { Settings } from '../domain/settings.ts';
import { EMPTY_STATE } from '../domain/state.ts';
import { asInstant, type Instant, type Stamp, seconds } from '../domain/time.ts';
import type { TraceEvent } from '../domain/wire.ts';
import { openJournal } from '../store/journal.ts';
import { memoryOf, shifted } from '../store/memory.ts';
import { createTraceRecorder } from '../store/trace.ts';
import { openTrace } from '../store/trace-files.ts';
import { BLANK, type Mind, think } from './mind.ts';
import { createReplay, type Recall } from './replay.ts';

const WALL = Date.UTC(2026, 0, 1);
const DAY = 86_400;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same numbers for every run: a generator of Lehmer's. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

async function eventsOf(path: string): Promise<TraceEvent[]> {
  const complaints: string[] = [];
  const trace = await openTrace([path], ({ message }) => complaints.push(message));
  if (!trace.ok) throw new Error(trace.error.message);
  const events: TraceEvent[] = [];
  for await (const event of trace.value.events()) events.push(event);
  expect(complaints).toEqual([]);
  return events;
}

test('a day of unchanged readings, one a second, stays small and replays quickly and exactly', async () => {
  const where = join(folder, 'quiet');
  const recorder = createTraceRecorder({ folder: where, boot: 'one', version: '1', log: rememberingLog().log });
  const random = dice(7);
  const tenths = (ms: number): Instant => asInstant(Math.floor(ms * 10) / 10);
  let [mind, count]: [Mind, number] = [BLANK, 0];
  const digests: string[] = [];
  const say = (input: Input, at: Instant): void => {
    // The wall clock is set by 40 ms now and then.
    const thought = think(mind, input, { at, wall: Math.floor(WALL + at) + 40 * Math.floor(at / 20_000_000) });
    mind = thought.mind;
    recorder.accept(thought.transition);
    for (const fact of thought.transition.facts) digests.push(fact.text);
    count += 1;
  };
  say({ kind: 'restored', names: [], boot: 'new' }, tenths(1000));
  say(configured({ groups: [group('rack', ['ups'])] }), tenths(1000.2));
  say(listed('nas', 'ups'), tenths(1010.7));
  const variables: Variables = new Map(Object.entries(TYPICAL));
  let reading: Reading | undefined;
  for (let second = 2; second < DAY; second++) {
    say(TICK, tenths(second * 1000 + 1.5 * random()));
    const asked = tenths(second * 1000 + 300 + 100 * random());
    const at = tenths(asked + 0.3 + 2 * random());
    reading = reading === undefined ? readingOf(variables, asked, at) : withStatus(reading, 'OL', asked, at);
    const report = { kind: 'readings' as const, source: 'nas', readings: new Map([['ups', reading]]) };
    say({ kind: 'report', report }, tenths(at + 0.2 * random()));
    if (second % 10_000 === 0) await new Promise(setImmediate);
  }
  await recorder.stop();
  // The segment of a running day is packed when the next one begins.
  const next = createTraceRecorder({ folder: where, boot: 'one', version: '1', log: rememberingLog().log });
  next.accept(think(BLANK, TICK, { at: asInstant(1e9), wall: WALL }).transition);
  await next.stop();
  const packed = (await readdir(where)).filter((name) => name.endsWith('.gz'));
  const sizes = await Promise.all(packed.map(async (name) => (await stat(join(where, name))).size));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  expect(packed.length).toBe(1);

  const begun = performance.now();
  const trace = await openTrace([join(where, packed[0] ?? '')], ({ message }) => expect(message).toBe(''));
  if (!trace.ok) throw new Error(trace.error.message);
  const replay = createReplay();
  const again: string[] = [];
  let inputs = 0;
  let last: Transition | undefined;
  for await (const event of trace.value.events()) {
    if (event.kind === 'input') inputs += 1;
    last = replay.take(event);
    for (const fact of last?.facts ?? []) again.push(fact.text);
  }
  const took = performance.now() - begun;
  expect(inputs).toBe(count);
  expect(again).toEqual(digests);
  expect(last?.after).toEqual(mind.state);
  expect(size).toBeLessThan(1_500_000);
  // 2 s on a machine that does nothing else; the bench measures it.
  expect(took).toBeLessThan(8000);
  if (process.env['SHOW_FIGURES']) process.stdout.write(`${size} bytes packed, replayed in ${Math.round(took)} ms\n`);
}, 60_000);

test('what this machine has measured beside the bridge is reckoned with in a replay as well', async () => {
  const where = join(folder, 'measured');
  const recorder = createTraceRecorder({ folder: where, boot: 'one', version: '1', log: rememberingLog().log });
  const steps = [{ ...HALT, key: 'lab/a', kind: 'exec' as const }];
  const given = { group: 'rack', step: 'lab/a', state: 'done', took: 25 };
  const inputs: readonly Input[] = [
    configured({ groups: [group('rack', ['ups'], { stages: [{ name: 'lab', steps, restore: [] }] })] }),
    asks('console-1', { kind: 'verb', verb: 'measured', given }, 'console'),
  ];
  let mind = BLANK;
  for (const [second, input] of inputs.entries()) {
    const thought = think(mind, input, { at: asInstant(second * 1000), wall: WALL });
    mind = thought.mind;
    recorder.accept(thought.transition);
  }
  await recorder.stop();
  const replay = createReplay();
  let last: Transition | undefined;
  for (const event of await eventsOf(where)) last = replay.take(event) ?? last;
  expect(mind.state.durations).toEqual(new Map([['rack/lab/a', [25_000]]]));
  expect(last?.after.durations).toEqual(mind.state.durations);
});

/** A program with journal and trace, as the real one is put together. */
async function boot(id: string, begun: Instant, transitions: Transition[]) {
  let now: Stamp = { at: begun, wall: WALL + begun };
  const clock = { now: () => now.at, wall: () => now.wall };
  const { log } = rememberingLog();
  const { journal, memory, boot: which } = await openJournal({ folder, boot: id, version: '1', clock, log });
  const trace = createTraceRecorder({
    folder: join(folder, 'trace'),
    boot: id,
    version: '1',
    log,
    segmentSize: 20_000,
    segments: 1000,
  });
  let mind = BLANK;
  const say = (input: Input, at: number, wall = WALL + at): void => {
    now = { at: asInstant(at), wall };
    const thought = think(mind, input, now);
    mind = thought.mind;
    transitions.push(thought.transition);
    trace.accept(thought.transition);
    journal.accept(thought.transition);
  };
  say({ kind: 'restored', names: [], ...(memory === undefined ? {} : { memory }), boot: which }, begun);
  return { say, stop: () => Promise.all([trace.stop(), journal.stop()]) };
}

const STATUSES = ['OL', 'OL', 'OB', 'OB LB', 'OL CHRG', 'OL', 'OB', 'CAL OB', '', 'FSD OB', 'OL'];

function inputsOf(random: () => number, at: number): readonly Input[] {
  const roll = random();
  if (roll < 0.01) return [sourceLost('nas')];
  if (roll < 0.02) return [deviceLost('nas', 'b', 'data-stale')];
  if (roll < 0.03) return [configured({ digest: `${Math.floor(at)}`, groups: [group('rack', ['a', 'b'])] })];
  if (roll < 0.04) return [inventory('nas', 'a', { commands: [{ name: 'beeper.mute' }] })];
  if (roll < 0.05) return [asks(`r${at}`, { kind: 'command', device: 'a', command: 'beeper.mute' })];
  if (roll < 0.06) return [asks(`c${at}`, { kind: 'verb', verb: 'cancel', given: { group: 'rack', note: 'private' } })];
  if (roll < 0.07) return [listed('nas', 'b', 'a')];
  if (roll < 0.08) return [{ kind: 'noticed', type: 'listener_failed', text: 'x', details: { $map: [1] } }];
  return [TICK];
}

function* sweeps(random: () => number, at: () => number): Generator<Input> {
  const seats = new Map<string, Reading>();
  for (;;) {
    for (const name of random() < 0.9 ? ['a', 'b'] : ['b', 'a']) {
      const asked = asInstant(at() - random());
      const before = seats.get(name);
      const status = STATUSES[Math.floor(random() * STATUSES.length)] ?? 'OL';
      const roll = random();
      const told = { asked, at: asInstant(at()) };
      if (before === undefined || roll < 0.1) {
        const charge = `${Math.floor(random() * 100)}`;
        const entries = {
          ...(roll < 0.05 ? { 'ups.serial': '1' } : {}),
          'battery.charge': charge,
          'ups.status': status,
        };
        seats.set(name, readingOf(new Map(Object.entries(entries)), told.asked, told.at));
      } else if (roll < 0.2) seats.set(name, withStatus(before, status, told.asked, told.at));
      else if (roll < 0.25) seats.set(name, { ...before, ...told, variables: new Map(before.variables) });
      else seats.set(name, { ...before, ...told });
    }
    yield { kind: 'report', report: { kind: 'readings', source: 'nas', readings: new Map(seats) } };
  }
}

test('a day with reloads, rotation, restart, crash and reboot replays to the very same decisions', async () => {
  const random = dice(11);
  const transitions: Transition[] = [];
  let at = 0;
  const lives = [
    { id: 'one', begun: 5000, crash: false },
    { id: 'one', begun: 800_000, crash: true },
    { id: 'one', begun: 1_600_000, crash: false },
    { id: 'two', begun: 30_000, crash: false },
  ];
  for (const { id, begun, crash } of lives) {
    const life = await boot(id, asInstant(begun), transitions);
    at = begun;
    life.say(configured({ armed: true, groups: [group('rack', ['a', 'b'])] }), at);
    life.say(listed('nas', 'a', 'b'), at);
    const readings = sweeps(random, () => at);
    for (let second = 0; second < 700; second++) {
      // Instants that no clock of ours has, stalls, and a wall clock that jumps.
      at += second === 350 ? 30_000 : 1000 + random();
      const wall = WALL + Math.floor(at) + (second > 500 ? 3_600_000 : 0);
      for (const input of inputsOf(random, at)) life.say(input, at, wall);
      life.say(readings.next().value, at, wall);
    }
    await life.stop();
    if (crash) expect(transitions.length).toBeGreaterThan(100);
  }
  expect((await readdir(join(folder, 'trace'))).length).toBeGreaterThan(8);

  const events = await eventsOf(folder);
  const inputs = events.filter((event) => event.kind === 'input');
  expect(inputs.length).toBe(transitions.length);
  expect(events.length - inputs.length).toBe(lives.length);
  const replay = createReplay();
  const again = events.flatMap((event) => replay.take(event) ?? []);
  let previous: { readonly was: unknown; readonly is: unknown } | undefined;
  for (const [index, was] of transitions.entries()) {
    const is = again[index];
    expect(is?.stamp).toEqual(was.stamp);
    if (was.input.kind !== 'request') expect(is?.input).toEqual(was.input);
    expect(is?.facts).toEqual(was.facts);
    expect(is?.intents.map(({ kind }) => kind)).toEqual(was.intents.map(({ kind }) => kind));
    // "Nothing new" has to stay one comparison.
    const [seen, now] = [was, is].map((one) => one?.after.devices.get('a')?.reading?.variables);
    if (previous !== undefined) expect(now === previous.is).toBe(seen === previous.was);
    previous = { was: seen, is: now };
  }
  expect(again.at(-1)?.after.devices).toEqual(transitions.at(-1)?.after.devices);
  expect(again.at(-1)?.after.groups).toEqual(transitions.at(-1)?.after.groups);
  expect(JSON.stringify(events)).not.toContain('private');
});

const recall: Recall = (left, at, boot) => {
  const memory = memoryOf(left, at);
  return boot === 'same' ? memory : shifted(memory, -memory.at);
};

describe('a replay afresh', () => {
  /** A group that has decided, as a snapshot in the middle of a trace has it. */
  const after = (...more: readonly Input[]): Mind => {
    let mind = BLANK;
    const halt = {
      kind: 'host',
      key: 'host',
      text: 'halt',
      after: [],
      deadline: seconds(30),
      usual: seconds(10),
      carriesSource: false,
    } as const;
    const triggers = { ...TRIGGERS, onBatteryFor: seconds(5) };
    const rack = group('rack', ['a'], { triggers, halt });
    const inputs = [configured({ armed: true, groups: [rack] }), listed('nas', 'a'), ...more];
    for (const input of inputs) mind = think(mind, input, stampAt(1)).mind;
    for (let second = 2; second < 20; second++) {
      mind = think(mind, saysAt(second), stampAt(second)).mind;
      mind = think(mind, TICK, stampAt(second)).mind;
    }
    return mind;
  };
  const stampAt = (second: number): Stamp => ({ at: asInstant(second * 1000), wall: WALL + second * 1000 });
  const OB: Variables = new Map([['ups.status', 'OB']]);
  const saysAt = (second: number): Input => {
    const { at } = stampAt(second);
    return {
      kind: 'report',
      report: { kind: 'readings', source: 'nas', readings: new Map([['a', readingOf(OB, at, at)]]) },
    };
  };
  const { state } = after();
  const snapshot: TraceEvent = { kind: 'snapshot', state, stamp: stampAt(20), boot: 'one' };

  test('begins without the decisions that were going on, and with its own settings', () => {
    expect(state.groups.get('rack')?.run).toBeDefined();
    const others = { ...state.settings, groups: [group('other', ['a'])] } as Settings;
    expect(createReplay().take(snapshot)).toBeUndefined();
    const same = createReplay({ recall }).take(snapshot);
    expect(same?.input).toEqual({ kind: 'configured', settings: state.settings });
    expect(same?.before.groups.size).toBe(0);
    expect(same?.after.devices.get('a')?.power.outage).toBeDefined();
    const other = createReplay({ recall, settings: others });
    expect([...(other.take(snapshot)?.after.groups.keys() ?? [])]).toEqual(['other']);
    const input = { kind: 'input', input: configured(), stamp: stampAt(21) } as const;
    expect(other.take(input)?.after.settings).toBe(others);
    expect(createReplay({ recall }).take(input)?.input).toBe(input.input);
  });

  test('keeps its own decisions over a gap, and not over a reboot', () => {
    const replay = createReplay({ recall });
    replay.take({ kind: 'snapshot', state: EMPTY_STATE, stamp: stampAt(0), boot: 'one' });
    replay.take({
      kind: 'input',
      input: { kind: 'configured', settings: state.settings as Settings },
      stamp: stampAt(1),
    });
    expect(replay.take({ ...snapshot, stamp: stampAt(20) })?.before.groups.has('rack')).toBe(true);
    expect(replay.take({ ...snapshot, boot: 'two' })?.before.groups.size).toBe(0);
  });

  test('gives a later process what it has decided itself', () => {
    const memory = memoryOf(state, asInstant(20_000));
    const restored = (boot: 'same' | 'new'): TraceEvent => ({
      kind: 'input',
      input: { kind: 'restored', names: [], memory, boot },
      stamp: stampAt(30),
    });
    const first = createReplay({ recall });
    first.take({ kind: 'snapshot', state: EMPTY_STATE, stamp: stampAt(0), boot: 'one' });
    const memoryIn = (transition: Transition | undefined) =>
      transition?.input.kind === 'restored' ? transition.input.memory : undefined;
    const begun = memoryIn(first.take(restored('same')));
    expect(begun?.devices).toBe(memory.devices);
    expect(begun?.groups.size).toBe(0);
    const nothing = { kind: 'input', input: { kind: 'restored', names: [], boot: 'new' }, stamp: stampAt(1) } as const;
    expect(createReplay({ recall }).take(nothing)?.input).toBe(nothing.input);
    first.take({
      kind: 'input',
      input: { kind: 'configured', settings: state.settings as Settings },
      stamp: stampAt(31),
    });
    first.take({ kind: 'snapshot', state: EMPTY_STATE, stamp: stampAt(40), boot: 'one' });
    const own = memoryIn(first.take(restored('same')));
    expect(own?.at).toBe(31_000);
    expect([...(own?.groups.keys() ?? [])]).toEqual(['rack']);
  });
});
