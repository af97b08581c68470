import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import type { Input } from '../domain/inputs.ts';
import type { Transition } from '../domain/ports.ts';
import { type Reading, readingOf } from '../domain/reading.ts';
import { EMPTY_STATE, type State, UNHEARD } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import type { TraceEvent } from '../domain/wire.ts';
import { createTraceRecorder, type TraceParts } from './trace.ts';
import { openTrace, readSegment, segmentsIn, traceFiles } from './trace-files.ts';
import { createTraceReader, createTraceWriter } from './trace-lines.ts';

const TICK: Input = { kind: 'tick' };
const WALL = 1_767_225_600_000;
const step = (ms: number, input: Input = TICK, before: State = EMPTY_STATE): Transition => ({
  stamp: { at: asInstant(ms), wall: WALL + ms },
  input,
  before,
  after: before,
  intents: [],
  facts: [],
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trace-'));
});
afterEach(async () => {
  await chmod(folder, 0o700).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const recorderAt = (more: Partial<TraceParts> = {}) => {
  const { log, lines } = rememberingLog();
  return { recorder: createTraceRecorder({ folder, boot: 'one', version: '1', log, ...more }), lines };
};

async function eventsOf(...paths: string[]) {
  const complaints: string[] = [];
  const trace = await openTrace(paths, ({ message }) => complaints.push(message.replace(`${folder}/`, '')));
  if (!trace.ok) throw new Error(trace.error.message);
  const events: TraceEvent[] = [];
  for await (const event of trace.value.events()) events.push(event);
  return { events, complaints };
}

const inputsIn = (events: readonly TraceEvent[]) => events.filter(({ kind }) => kind === 'input').length;

describe('the recorder', () => {
  test('keeps a bounded number of segments, the old ones packed', async () => {
    const { recorder } = recorderAt({ segmentSize: 2000, segments: 4 });
    for (let index = 0; index < 1000; index++) recorder.accept(step(index * 1000));
    await recorder.stop();
    const names = (await readdir(folder)).toSorted();
    expect(names).toHaveLength(4);
    expect(names.slice(0, -1).every((name) => name.endsWith('.ndjson.gz'))).toBe(true);
    expect(names.at(-1)).toMatch(/^\d{8}\.ndjson$/);
    const { events, complaints } = await eventsOf(folder);
    expect(complaints).toEqual([]);
    expect(events.filter(({ kind }) => kind === 'snapshot')).toHaveLength(1);
    expect(events.at(-1)?.stamp).toEqual(step(999_000).stamp);
  });

  test('writes within two seconds, so that a kill loses no more', async () => {
    const { recorder } = recorderAt();
    recorder.accept(step(1));
    await new Promise((settle) => setTimeout(settle, 1500));
    expect(inputsIn((await eventsOf(folder)).events)).toBe(1);
    await recorder.stop();
    recorder.accept(step(2));
    await recorder.stop();
    expect(inputsIn((await eventsOf(folder)).events)).toBe(1);
  });

  test('a later process begins a segment of its own', async () => {
    for (const begun of [0, 10_000]) {
      const { recorder } = recorderAt();
      recorder.accept(step(begun));
      await recorder.stop();
    }
    expect((await readdir(folder)).toSorted()).toEqual(['00000001.ndjson.gz', '00000002.ndjson']);
    expect((await eventsOf(folder)).events.map(({ kind }) => kind)).toEqual(['snapshot', 'input', 'snapshot', 'input']);
  });

  test('a disk that takes nothing is told once; the next segment makes the trace whole again', async () => {
    const where = join(folder, 'trace');
    // A file in the place of the folder.
    await writeFile(where, '');
    const { recorder, lines } = recorderAt({ folder: where });
    const flushed = () => new Promise((settle) => setTimeout(settle, 1300));
    recorder.accept(step(1000));
    await flushed();
    expect(lines).toEqual([expect.stringMatching(/^warn the trace has a gap: /)]);
    recorder.accept(step(2000));
    recorder.accept(step(13_000));
    await flushed();
    await rm(where);
    recorder.accept(step(14_000));
    recorder.accept(step(30_000));
    await flushed();
    await recorder.stop();
    expect(lines.at(-1)).toBe('info the trace is written again');
    expect(lines).toHaveLength(2);
    const { events } = await eventsOf(where);
    expect(events.map(({ kind, stamp }) => [kind, stamp.at])).toEqual([
      ['snapshot', 30_000],
      ['input', 30_000],
    ]);
  });

  test('a disk that hangs costs the record, not memory', () => {
    // Nothing is ever written: the flush never comes, because no turn of the event loop passes.
    const { recorder, lines } = recorderAt();
    const noticed: Input = { kind: 'noticed', type: 'x', text: 'x'.repeat(1_000_000) };
    for (let index = 0; index < 60; index++) recorder.accept(step(index, noticed));
    expect(lines).toEqual(['warn the trace has a gap: the disk does not answer']);
    return recorder.stop();
  });
});

describe('the lines', () => {
  const reading = (asked: number, variables: ReadonlyMap<string, string>): Reading =>
    readingOf(variables, asInstant(asked), asInstant(asked + 0.5));
  const sweep = (...readings: readonly (readonly [string, Reading])[]): Input => ({
    kind: 'report',
    report: { kind: 'readings', source: 'nas', readings: new Map(readings) },
  });
  const HEAD = { version: '1', boot: 'one', process: 1, segment: 1, continues: false };

  const there = (inputs: readonly Input[]) => {
    const writer = createTraceWriter();
    const stamps = inputs.map((_, index) => ({ at: asInstant(1000.7 * index + Math.PI), wall: WALL + index }));
    const [first] = stamps;
    if (first === undefined) throw new Error('no input');
    const text = [
      writer.open(HEAD, EMPTY_STATE, first),
      ...inputs.map((input, index) => writer.line(input, stamps[index] ?? first)),
    ].join('');
    const events = [...createTraceReader().events(text, (why) => expect(why).toBe(''))].slice(1);
    for (const [index, event] of events.entries()) expect(event.stamp).toEqual(stamps[index]);
    return { text, back: events.flatMap((event) => (event.kind === 'input' ? [event.input] : [])) };
  };

  const variables = new Map([
    ['ups.status', 'OL'],
    ['battery.charge', '100'],
  ]);

  test.each<{ what: string; readings: readonly (readonly [string, Reading])[][] }>([
    { what: 'nothing new', readings: [[['a', reading(1, variables)]], [['a', reading(2.25, variables)]]] },
    {
      what: 'a new value',
      readings: [[['a', reading(1, variables)]], [['a', reading(2, new Map(variables).set('battery.charge', '9'))]]],
    },
    {
      what: 'a new name',
      readings: [[['a', reading(1, variables)]], [['a', reading(2, new Map(variables).set('ups.load', '9'))]]],
    },
    {
      what: 'another order',
      readings: [[['a', reading(1, variables)]], [['a', reading(2, new Map([...variables].reverse()))]]],
    },
    {
      what: 'the same in a new object',
      readings: [[['a', reading(1, variables)]], [['a', reading(2, new Map(variables))]]],
    },
    {
      what: 'a gone device',
      readings: [
        [
          ['a', reading(1, variables)],
          ['b', reading(1, variables)],
        ],
        [['b', reading(2, variables)]],
      ],
    },
    {
      what: 'moments of their own',
      readings: [
        [
          ['a', reading(1, variables)],
          ['b', reading(1.5, variables)],
        ],
      ],
    },
    {
      what: 'words of its own',
      readings: [
        [['a', { ...reading(1, variables), flags: ['OB'] }]],
        [['a', { ...reading(2, variables), flags: ['LB'] }]],
      ],
    },
  ])('$what', ({ readings }) => {
    const inputs = readings.map((one) => sweep(...one));
    const { back } = there(inputs);
    expect(back).toEqual(inputs);
    const order = (input: Input | undefined) =>
      input?.kind === 'report' && input.report.kind === 'readings'
        ? [...input.report.readings].map(([name, one]) => [name, [...one.variables]])
        : [];
    expect(back.map(order)).toEqual(inputs.map(order));
  });

  test('a reading that says nothing new has the very variables of the one before', () => {
    const { back } = there([
      sweep(['a', reading(1, variables)]),
      sweep(['a', reading(2, variables)]),
      sweep(['a', reading(3, new Map(variables))]),
    ]);
    const [first, second, third] = back.map((input) =>
      input.kind === 'report' && input.report.kind === 'readings'
        ? input.report.readings.get('a')?.variables
        : undefined,
    );
    expect(second).toBe(first);
    expect(third).not.toBe(second);
  });

  test('what clients send is left out, as far as no decision reads it', () => {
    const given = { group: 'rack', password: 'hush', for: ['hush'], confirm: 'h'.repeat(500) };
    const ask = { kind: 'verb', verb: 'cancel', given } as const;
    const request = { id: '1', from: 'mqtt', ask, transaction: { deep: 'hush' } } as const;
    const state: State = { ...EMPTY_STATE, pending: new Map([['1', { request, since: asInstant(1) }]]) };
    const head = createTraceWriter().open(HEAD, state, step(1).stamp);
    const { text, back } = there([{ kind: 'request', request }]);
    expect(head + text).not.toMatch(/hush|hhhh/);
    expect(back).toEqual([
      { kind: 'request', request: { id: '1', from: 'mqtt', ask: { ...ask, given: { group: 'rack' } } } },
    ]);
  });

  test('a snapshot is what the first sweep may refer to', () => {
    const before = reading(1, variables);
    const state: State = {
      ...EMPTY_STATE,
      devices: new Map([
        [
          'a',
          {
            ...UNHEARD,
            id: 'a',
            label: 'a',
            address: { source: 'nas', name: 'a' },
            link: { kind: 'up' },
            reading: before,
            derived: new Map(),
          },
        ],
      ]),
    };
    const writer = createTraceWriter();
    const text =
      writer.open(HEAD, state, step(1).stamp) + writer.line(sweep(['a', reading(2, variables)]), step(2).stamp);
    expect(text.match(/battery\.charge/g)).toHaveLength(1);
    const [snapshot, input] = [...createTraceReader().events(text, () => undefined)];
    expect(snapshot).toEqual({ kind: 'snapshot', state, stamp: step(1).stamp, boot: 'one' });
    expect(input).toMatchObject({ input: sweep(['a', reading(2, variables)]) });
  });
});

describe('what is no trace', () => {
  const good = () => {
    const writer = createTraceWriter();
    const head = { version: '1', boot: 'one', process: 1, segment: 1, continues: false };
    return writer.open(head, EMPTY_STATE, step(1).stamp) + writer.line(TICK, step(2).stamp);
  };

  test.each(['', '{}', '[1]', '{"trace":2}', '{"trace":1,"boot":"x"}', '1', 'x'])('a head %s', async (head) => {
    await writeFile(join(folder, 'x'), head);
    const { events, complaints } = await eventsOf(join(folder, 'x'));
    expect(events).toEqual([]);
    expect(complaints).toHaveLength(1);
  });

  test.each([
    ...[
      '["t",1',
      '{}',
      '1',
      '["x",1,0]',
      '["i",1,0,1]',
      '["i",1,0,{}]',
      '["t","a",0]',
      '["t",1,null,"a"]'.replace('null', '"x"'),
    ],
    ...[
      '["r",1,0,"nas",{"asked":1,"at":1}]',
      '["r",1,0,"nas",{"names":["a"],"asked":1,"at":1}]',
      '["r",1,0,"nas",null]',
    ],
    ...['["r",1,0,"nas",{"names":["a"],"asked":[],"at":1,"changes":[[0,{"whole":[]}]]}]'],
    ...['["r",1,0,"nas",{"names":["a"],"asked":1,"at":1,"changes":[[0,{"values":{"a":"b"}}]]}]'],
    ...['["r",1,0,"nas",{"names":["a"],"asked":1,"at":1,"changes":[[0,{}]]}]'],
  ])('a line %s ends it', async (line) => {
    await writeFile(join(folder, 'x'), `${good()}${line}\n${'["t",1,0]'}\n`);
    const { events, complaints } = await eventsOf(join(folder, 'x'));
    expect(inputsIn(events)).toBe(1);
    expect(complaints).toEqual([expect.stringMatching(/^x: line 3 cannot be read/)]);
  });

  test('files and folders', async () => {
    expect(await traceFiles(folder)).toMatchObject({ ok: false, error: { kind: 'missing' } });
    expect(await openTrace([folder], () => undefined)).toMatchObject({ ok: false });
    expect(await readSegment(join(folder, 'none'))).toMatchObject({ error: { kind: 'missing' } });
    expect(await readSegment(folder)).toMatchObject({ error: { kind: 'unreadable' } });
    await writeFile(join(folder, 'bomb'), gzipSync(Buffer.alloc(65 * 1024 * 1024)));
    expect(await readSegment(join(folder, 'bomb'))).toMatchObject({ error: { kind: 'unreadable' } });
    const bad = await eventsOf(join(folder, 'bomb'));
    expect(bad.complaints).toHaveLength(1);
    await mkdir(join(folder, 'trace'));
    await writeFile(join(folder, 'trace', '00000002.ndjson'), good());
    await writeFile(join(folder, 'trace', '00000001.ndjson'), good());
    await writeFile(join(folder, 'trace', '00000003.ndjson.gz'), gzipSync(good()));
    const files = await traceFiles(folder);
    expect(files).toEqual({
      ok: true,
      value: ['00000001.ndjson', '00000002.ndjson', '00000003.ndjson.gz'].map((name) => join(folder, 'trace', name)),
    });
    expect((await readFile(join(folder, 'trace', '00000001.ndjson'), 'utf8')).length).toBeGreaterThan(10);
    expect((await eventsOf(folder)).events).toHaveLength(6);
  });

  test('names of segments', () => {
    expect(
      segmentsIn(['00000002.ndjson', 'lock', '00000001.ndjson.gz', '00000002.ndjson.gz', '00000003.ndjson.gz.tmp']),
    ).toEqual([
      { name: '00000001.ndjson.gz', number: 1 },
      { name: '00000002.ndjson', number: 2 },
    ]);
  });
});
