import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { memoryAt, POWER_AT, QUALITY_AT, stateWith } from '../../tests/kit/memories.ts';
import type { Transition } from '../domain/ports.ts';
import { EMPTY_STATE, type State } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { type JournalParts, openJournal } from './journal.ts';
import { entryLine, headLine, readJournal, WHOLE_LINE } from './journal-lines.ts';
import { createLedger } from './ledger.ts';
import { awaitingProof } from './memory.ts';

const step = (before: State, after: State, ms: number, more: Partial<Transition> = {}): Transition => ({
  stamp: { at: asInstant(ms), wall: 1_767_225_600_000 + ms },
  input: { kind: 'tick' },
  before,
  after,
  intents: [],
  facts: [],
  ...more,
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const partsAt = (boot: string, now = 0): JournalParts & { lines: string[] } => {
  const { log, lines } = rememberingLog();
  const clock = { now: () => asInstant(now), wall: () => 1_767_225_600_000 };
  return { folder, boot, version: '1.2.3', clock, log, lines };
};

describe('from one process to the next', () => {
  test('nothing is there at first', async () => {
    const parts = partsAt('one');
    const { journal, boot, memory } = await openJournal(parts);
    await journal.stop();
    expect({ boot, memory, lines: parts.lines }).toEqual({ boot: 'new', memory: undefined, lines: [] });
  });

  test('the same boot gets it as it was, a kill -9 included', async () => {
    const { journal } = await openJournal(partsAt('one'));
    const state = stateWith('a', POWER_AT(3000));
    journal.accept(step(EMPTY_STATE, state, 4000));
    await journal.write({ act: 'halt' });
    // No stop: this process is gone.
    const later = await openJournal(partsAt('one', 10_000));
    expect(later.boot).toBe('same');
    expect(later.memory?.at).toBe(4000);
    expect(later.memory?.devices.get('a')?.power).toEqual(POWER_AT(3000));
    expect(await readFile(join(folder, 'journal'), 'utf8')).toContain('"act":"halt"');
    await Promise.all([journal.stop(), later.journal.stop()]);
  });

  test('a disk that answers only later: not known now, and not lost either, but for what is newer', async () => {
    const { journal } = await openJournal(partsAt('one'));
    const [old, kept] = [stateWith('a', POWER_AT(3000)), stateWith('b', POWER_AT(3000))];
    journal.accept(step(EMPTY_STATE, { ...old, devices: new Map([...old.devices, ...kept.devices]) }, 4000));
    await journal.stop();
    let answer: () => void = () => undefined;
    const answers = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const parts = partsAt('one', 9000);
    const blind = await openJournal({ ...parts, answers });
    expect([blind.memory, blind.boot]).toEqual([undefined, 'new']);
    expect(parts.lines).toEqual([expect.stringContaining('does not answer: nothing of an earlier run is known')]);
    const written = blind.journal.write({ act: 'halt' });
    blind.journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(9000)), 9000));
    answer();
    await written;
    await blind.journal.stop();
    const { memory } = await openJournal(partsAt('one', 20_000));
    expect(memory?.devices.get('a')?.power).toEqual(POWER_AT(9000));
    expect(memory?.devices.get('b')?.power).toEqual(POWER_AT(3000));
  });

  test('another boot gets it by its own clock, and keeps it as waiting for proof', async () => {
    const { journal } = await openJournal(partsAt('one'));
    journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(3000)), 4000));
    await journal.stop();
    const second = await openJournal(partsAt('two', 50));
    expect(second.boot).toBe('new');
    expect(second.memory?.at).toBe(0);
    expect(second.memory?.devices.get('a')?.power).toEqual(POWER_AT(-1000));
    // It dies before it has heard of any device.
    second.journal.accept(
      step(EMPTY_STATE, EMPTY_STATE, 60, { facts: [{ type: 'reloaded', level: 'notice', text: 'x' }] }),
    );
    await second.journal.stop();
    const third = await openJournal(partsAt('two', 90));
    expect(third.boot).toBe('same');
    expect(third.memory?.devices.get('a')).toMatchObject({ power: {}, earlier: POWER_AT(-1000) });
    await third.journal.stop();
  });

  test('a clock behind the last moment is that of another boot, whatever its identity', async () => {
    const { journal } = await openJournal(partsAt('one'));
    journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(3000)), 4000));
    await journal.stop();
    const later = await openJournal(partsAt('one', 3999));
    expect(later.boot).toBe('new');
    await later.journal.stop();
  });

  test('what a device that is gone had is forgotten', async () => {
    const { journal } = await openJournal(partsAt('one'));
    const state = stateWith('a', POWER_AT(3000));
    journal.accept(step(EMPTY_STATE, state, 4000));
    journal.accept(step(state, EMPTY_STATE, 5000));
    await journal.stop();
    const later = await openJournal(partsAt('one', 10_000));
    expect(later.memory?.devices.size).toBe(0);
    await later.journal.stop();
  });
});

describe('the disk', () => {
  test('a file that has grown is begun anew, and the old one kept', async () => {
    const { journal } = await openJournal(partsAt('one'));
    const state = stateWith('a', POWER_AT(3000));
    journal.accept(step(EMPTY_STATE, state, 4000));
    for (let index = 0; index < 12; index++) await journal.write({ text: 'x'.repeat(100_000) });
    await journal.stop();
    expect((await stat(join(folder, 'journal.1'))).size).toBeGreaterThan(1024 * 1024);
    expect((await stat(join(folder, 'journal'))).size).toBeLessThan(300_000);
    const later = await openJournal(partsAt('one', 10_000));
    expect(later.memory?.devices.get('a')?.power).toEqual(POWER_AT(3000));
    await later.journal.stop();
  });

  test('a damaged newest file gives way to the one before', async () => {
    const { journal } = await openJournal(partsAt('one'));
    journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(3000)), 4000));
    await journal.stop();
    const good = await readFile(join(folder, 'journal'));
    await writeFile(join(folder, 'journal.1'), good);
    await writeFile(join(folder, 'journal'), good.subarray(0, 150));
    const parts = partsAt('one', 10_000);
    const later = await openJournal(parts);
    expect(later.memory?.devices.size).toBe(1);
    expect(parts.lines).toEqual([expect.stringContaining('cannot be read from its beginning on')]);
    await later.journal.stop();
  });

  test.skipIf(process.platform !== 'linux')(
    'a full disk is told once, and loses nothing once it has room',
    async () => {
      // A folder that is not there is as good as a full disk: nothing can be created in it.
      const parts = { ...partsAt('one'), folder: join(folder, 'later') };
      const { journal } = await openJournal(parts);
      journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(3000)), 4000));
      const written = journal.write({ act: 'halt' });
      await new Promise((settle) => setTimeout(settle, 50));
      journal.accept(step(EMPTY_STATE, EMPTY_STATE, 20_000));
      expect(parts.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
      await mkdir(parts.folder);
      await written;
      await journal.stop();
      const text = await readFile(join(parts.folder, 'journal'), 'utf8');
      expect(text).toContain('"act":"halt"');
      expect(readJournal(text)?.memory.devices.get('a')?.power).toEqual(POWER_AT(3000));
      expect(parts.lines.at(-1)).toMatch(/^info .* is written again$/);
    },
  );

  test('a stop does not wait for a disk that takes nothing', async () => {
    const { journal } = await openJournal({ ...partsAt('one'), folder: join(folder, 'never') });
    journal.accept(step(EMPTY_STATE, stateWith('a', POWER_AT(3000)), 4000));
    const begun = performance.now();
    await journal.stop();
    await journal.stop();
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  test('what is too large or may not be read is told, not read', async () => {
    await writeFile(join(folder, 'journal'), Buffer.alloc(64 * 1024 * 1024 + 1));
    const parts = partsAt('one');
    const { journal, memory } = await openJournal(parts);
    expect(memory).toBeUndefined();
    expect(parts.lines).toEqual([expect.stringContaining('is larger than 64 MiB')]);
    await journal.stop();
    await rm(join(folder, 'journal'));
    await rm(join(folder, 'journal.1'), { force: true });
    await mkdir(join(folder, 'journal'));
    const again = partsAt('one');
    const second = await openJournal(again);
    expect(again.lines[0]).toContain('cannot read');
    await second.journal.stop();
  });
});

describe('lines', () => {
  const HEAD = headLine({ boot: 'one', at: asInstant(1), wall: 2, version: '1' });
  const WHOLE = [HEAD, ...createLedger(memoryAt(1000)).whole().map(entryLine), WHOLE_LINE].join('');

  test('a whole memory comes back', () => {
    expect(readJournal(WHOLE)).toEqual({
      head: { boot: 'one', at: 1, wall: 2, version: '1' },
      memory: memoryAt(1000),
      complaints: [],
    });
  });

  test('a last line that was cut off is said and skipped; the first damaged line ends the reading', () => {
    const more = [
      entryLine({ kind: 'keep', key: 'power/a', at: asInstant(2000) }),
      entryLine({ kind: 'alive', at: asInstant(3000) }),
    ];
    const read = (text: string) => readJournal(text);
    expect(read(WHOLE + more.join(''))?.memory.at).toBe(3000);
    expect(read(WHOLE + more[0])?.memory.devices.get('a')?.power).toEqual({});
    const torn = read(`${WHOLE}${more[0]?.slice(0, 20)}`);
    expect(torn?.memory).toEqual(memoryAt(1000));
    expect(torn?.complaints).toEqual(['its last line was cut off']);
    const spoilt = read(`${WHOLE}00000000 ${more[0]?.slice(9)}${more[1]}`);
    expect(spoilt?.memory).toEqual(memoryAt(1000));
    expect(spoilt?.complaints).toEqual([
      expect.stringMatching(/^line \d+ is damaged: the 2 from there on are not used$/),
    ]);
  });

  test('nothing without its head and its whole memory', () => {
    expect(readJournal('')).toBeUndefined();
    expect(readJournal('\n')).toBeUndefined();
    expect(readJournal(HEAD)).toBeUndefined();
    expect(readJournal(WHOLE_LINE)).toBeUndefined();
    expect(readJournal(WHOLE.slice(HEAD.length))).toBeUndefined();
  });

  test('values that are none of ours are told, and cost only themselves', () => {
    const odd = [
      { kind: 'keep', key: 'power/a', value: '{"fed":"wind"}', at: asInstant(1) },
      { kind: 'keep', key: 'toString', value: '1', at: asInstant(1) },
      { kind: 'keep', key: 'durations', value: '{"$map":[["x",[-1]]]}', at: asInstant(1) },
    ] as const;
    const read = readJournal(WHOLE + odd.map(entryLine).join(''));
    expect(read?.complaints).toEqual(
      ['power/a', 'toString'].map((key) => `what it holds under ${key} is not understood`),
    );
    expect(read?.memory.devices.get('a')?.battery).toEqual(memoryAt(1000).devices.get('a')?.battery);
    expect(read?.memory.durations).toEqual(new Map());
  });

  test('any damage leaves something valid or nothing, and never throws', () => {
    fc.assert(
      fc.property(fc.nat(WHOLE.length), fc.string({ maxLength: 5 }), fc.nat(5), (at, put, cut) => {
        const read = readJournal(WHOLE.slice(0, at) + put + WHOLE.slice(at + cut));
        if (read !== undefined) expect(read.head.boot).toBe('one');
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('the ledger', () => {
  test('what decides is due at once, what describes once a minute or at the end', () => {
    const ledger = createLedger();
    const first = stateWith('a', POWER_AT(1));
    const device = first.devices.get('a');
    if (device === undefined) throw new Error('no device');
    const second: State = { ...first, devices: new Map([['a', { ...device, quality: QUALITY_AT(1) }]]) };
    const third: State = {
      ...first,
      devices: new Map([['a', { ...device, power: { ...device.power }, quality: QUALITY_AT(1) }]]),
    };
    const keysOf = (entries: readonly { kind: string; key?: string }[]) => entries.map(({ kind, key }) => key ?? kind);
    expect(keysOf(ledger.take(step(EMPTY_STATE, first, 0)))).toEqual(['power/a']);
    expect(keysOf(ledger.take(step(first, second, 1000)))).toEqual([]);
    // Another object with the same content is nothing new.
    expect(keysOf(ledger.take(step(second, third, 2000)))).toEqual([]);
    expect(keysOf(ledger.take(step(third, third, 60_000)))).toEqual(['quality/a', 'battery/a', 'alive']);
    expect(keysOf(ledger.take(step(third, third, 61_000)))).toEqual([]);
    expect(keysOf(ledger.take(step(third, first, 62_000)))).toEqual([]);
    expect(keysOf(ledger.rest())).toEqual(['quality/a', 'alive']);
    expect(keysOf(ledger.whole())).toEqual(['power/a', 'quality/a', 'battery/a', 'alive']);
  });

  test('what was left stands until it is replaced', () => {
    const ledger = createLedger(awaitingProof(memoryAt(1)));
    ledger.take(step(EMPTY_STATE, EMPTY_STATE, 5000));
    const lines = [
      headLine({ boot: 'b', at: asInstant(0), wall: 0, version: '' }),
      ...ledger.whole().map(entryLine),
      WHOLE_LINE,
    ];
    expect(readJournal(lines.join(''))?.memory).toEqual({ ...awaitingProof(memoryAt(1)), at: 5000 });
  });

  test('orders and facts are on record, without plans and what clients send', () => {
    const request = {
      id: 'r1',
      from: 'mqtt',
      ask: { kind: 'verb', verb: 'health', given: { password: 'x' } },
    } as const;
    const plan = { group: 'g', stages: [], expected: 0, need: 0 } as never; // not looked at
    const entries = createLedger().take(
      step(EMPTY_STATE, EMPTY_STATE, 0, {
        facts: [{ type: 'shutdown', group: 'g', level: 'error', text: 'gone' }],
        intents: [
          { kind: 'answer', request, answer: { status: 'ok', data: {} } },
          {
            kind: 'run',
            group: 'g',
            run: 'g-1',
            plan,
            stages: ['s'],
            halt: true,
            dryRun: false,
            done: [],
            undo: new Map(),
            reason: 'why',
          },
          { kind: 'call-off', group: 'g', run: 'g-1', reason: 'mains' },
          { kind: 'reload', request: 'r2' },
        ],
      }),
    );
    const text = entries.map(entryLine).join('');
    expect(text.match(/"record"/g)).toHaveLength(5);
    expect(text).not.toMatch(/password|"plan"/);
    expect(text).toContain('"stages":["s"]');
  });
});
