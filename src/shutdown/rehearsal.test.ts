import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { asInstant, seconds } from '../domain/time.ts';
import { carryOutAlone, type Part, partsOf, type Rehearsable, rehearse, restoresOf } from './rehearsal.ts';
import { createRunners, type Runners, type RunnerTable } from './runners.ts';
import { type StepConfig, stepSchema, stepsOf } from './schema.ts';
import { execRunner } from './steps/exec/run.ts';
import { hostRunner, thisHost } from './steps/host/run.ts';
import { hostSchema } from './steps/host/schema.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwarden-rehearsal-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const now = () => asInstant(performance.now());
const never = new AbortController().signal;
const listOf = (prefix: string, ...blocks: readonly object[]): readonly StepConfig[] =>
  stepsOf(
    blocks.map((block) => stepSchema.parse(block)),
    prefix,
    'ups',
  );

const unwanted = (): never => {
  throw new Error('no step of this kind is configured');
};
const NONE: RunnerTable = {
  vms: unwanted,
  containers: unwanted,
  filesystems: unwanted,
  exec: () => execRunner(),
  ssh: unwanted,
  http: unwanted,
  mqtt: unwanted,
  wake: unwanted,
  ups: unwanted,
};
const host = hostRunner({ ...thisHost({}), shutdown: '/bin/false', poweroff: '/bin/false', systemdRuns: '/nowhere' });
const runnersWith = (table: Partial<RunnerTable> = {}): Runners => createRunners({ ...NONE, ...table }, host);

/** A group whose last step needs a program that is not there. */
const RACK: Rehearsable = {
  stages: [
    {
      steps: listOf('shed/', { exec: { name: 'a', command: ['/bin/true'] } }),
      restore: listOf('shed/restore/', { exec: { command: ['/bin/echo', 'back'] } }),
    },
    { steps: listOf('last/', { exec: { command: ['/nowhere/flush'] } }), restore: [] },
  ],
  host: hostSchema.parse({ halt: true, command: ['/bin/true'] }),
};

const keysOf = (parts: readonly Part[]) => parts.map(({ key }) => key);

test('the parts of a group are its stages, each with its restore, and the halt', () => {
  expect(keysOf(partsOf('rack', RACK))).toEqual(['shed/a', 'shed/restore/exec', 'last/exec', 'host']);
  expect(keysOf(partsOf('rack', { ...RACK, host: hostSchema.parse({ halt: false }) }))).not.toContain('host');
  expect(partsOf('empty', { stages: [] })).toEqual([]);
});

describe('a rehearsal', () => {
  test('looks at every part of every group, tells each as it ends, and gives them back in their order', async () => {
    const told: string[] = [];
    const groups = new Map([
      ['rack', RACK],
      ['desk', { stages: [], host: hostSchema.parse({ halt: true, command: ['/bin/true'] }) }],
    ]);
    const found = await rehearse(groups, runnersWith(), {
      now,
      signal: never,
      told: ({ part }) => told.push(`${part.group}/${part.key}`),
    });
    expect(found.map(({ part, ok }) => `${part.group}/${part.key} ${ok}`)).toEqual([
      'rack/shed/a true',
      'rack/shed/restore/exec true',
      'rack/last/exec false',
      'rack/host true',
      'desk/host true',
    ]);
    expect(told.toSorted()).toEqual(found.map(({ part }) => `${part.group}/${part.key}`).toSorted());
    expect(found[2]?.findings).toEqual([{ what: '/nowhere/flush', ok: false, text: 'there is no such program' }]);
  });

  test('a look that throws is not ok, and keeps no other from being looked at', async () => {
    const group = { stages: [{ steps: listOf('s/', { vms: {} }, { exec: { command: ['/bin/true'] } }), restore: [] }] };
    const found = await rehearse(new Map([['g', group]]), runnersWith(), { now, signal: never });
    expect(found.map(({ ok }) => ok)).toEqual([false, true]);
    expect(found[0]?.findings).toEqual([
      { what: 'rehearsal', ok: false, text: 'internal error: no step of this kind is configured' },
    ]);
  });

  test('a look that hangs is given up after 30 s', async () => {
    vi.useFakeTimers();
    try {
      const hung = { run: () => new Promise<never>(() => undefined), probe: () => new Promise<never>(() => undefined) };
      const group = { stages: [{ steps: listOf('s/', { vms: {} }), restore: [] }] };
      let clock = 0;
      const found = rehearse(new Map([['g', group]]), runnersWith({ vms: () => hung }), {
        now: () => asInstant(clock),
        signal: never,
      });
      clock = 32_000;
      await vi.advanceTimersByTimeAsync(32_000);
      expect(await found).toMatchObject([
        {
          ok: false,
          took: seconds(32),
          findings: [{ what: 'rehearsal', ok: false, text: 'not through after 30 s; it does not come back' }],
        },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('one that is ended early leaves no part out', async () => {
    const ended = new AbortController();
    ended.abort('it was stopped');
    const found = await rehearse(new Map([['rack', RACK]]), runnersWith(), { now, signal: ended.signal });
    expect(found.map(({ findings }) => findings[0]?.text)).toEqual(Array(4).fill('abandoned: it was stopped'));
  });
});

describe('one part carried out alone', () => {
  const partOf = (block: object): Part => {
    const [part] = partsOf('g', { stages: [{ steps: listOf('s/', block), restore: [] }] });
    if (part === undefined) throw new Error('no part');
    return part;
  };
  const tried = (part: Part, runners: Runners, given: object = {}) =>
    carryOutAlone(part, runners, { now, signal: never, progress: () => undefined, ...given });

  test('really does it, and tells how it ended', async () => {
    const file = join(folder, 'done');
    writeFileSync(join(folder, 'do.sh'), `#!/bin/sh\necho said; touch ${file}\n`, { mode: 0o755 });
    const end = await tried(partOf({ exec: { command: [join(folder, 'do.sh')] } }), runnersWith());
    expect(end).toMatchObject({ state: 'done', output: 'said' });
    expect(end.took).toBeGreaterThan(0);
    expect(end).not.toHaveProperty('undo');
  });

  test('is ended at its deadline', async () => {
    const end = await tried(partOf({ exec: { command: ['/bin/sleep', '30'], deadline: '1s' } }), runnersWith());
    expect(end.state).toBe('timed-out');
    expect(end.took).toBeLessThan(5000);
  });

  test('gets what is to be restored, and gives back what is left even when it is cut short', async () => {
    const seen: unknown[] = [];
    const vms: RunnerTable['vms'] = () => ({
      probe: async () => [],
      run: async (_, context) => {
        seen.push(context.undo);
        context.note({ ran: ['web'] });
        context.progress({ item: 'web', state: 'running' });
        await new Promise((end) => context.signal.addEventListener('abort', end));
        return { kind: 'failed', text: 'cut short' };
      },
    });
    const items: string[] = [];
    const end = await tried(partOf({ vms: {} }), runnersWith({ vms }), {
      signal: AbortSignal.timeout(20),
      undo: { ran: ['old'] },
      progress: ({ item }: { readonly item: string }) => items.push(item),
    });
    expect(end).toMatchObject({ state: 'timed-out', undo: { ran: ['web'] } });
    expect([seen, items]).toEqual([[{ ran: ['old'] }], ['web']]);
  });

  test('is the halt where that was asked for', async () => {
    const file = join(folder, 'halted');
    const group = { stages: [], host: hostSchema.parse({ halt: true, command: ['/bin/touch', file] }) };
    const [halt] = partsOf('g', group);
    if (halt === undefined) throw new Error('no halt');
    expect(await tried(halt, runnersWith())).toMatchObject({ state: 'done' });
  });
});

test('what brings a step back: the same name, the same kind, or what wakes its machine', () => {
  const lab = { host: 'lab.lan', user: 'gw', shutdown: true };
  const stage = {
    steps: listOf('s/', { vms: {} }, { exec: { name: 'x', command: ['/bin/true'] } }, { ssh: lab }),
    restore: listOf(
      's/restore/',
      { wake: { mac: '00:11:22:33:44:55', until: { host: 'lab.lan' } } },
      { wake: { mac: '00:11:22:33:44:55', until: { host: 'other.lan' } } },
      { vms: { name: 'again', action: 'start' } },
      { http: { name: 'x', url: 'http://127.0.0.1/' } },
    ),
  };
  const group: Rehearsable = { stages: [stage] };
  const restores = (key: string) => {
    const part = partsOf('g', group).find((one) => one.key === key);
    return part === undefined ? 'no such part' : keysOf(restoresOf(part, 'g', group));
  };
  expect(restores('s/vms')).toEqual(['s/restore/again']);
  expect(restores('s/x')).toEqual(['s/restore/x']);
  expect(restores('s/ssh')).toEqual(['s/restore/wake']);
  expect(restores('s/restore/again')).toEqual([]);
});
