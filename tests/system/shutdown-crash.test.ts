import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { World } from '../kit/own-world.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const BATTERY = { 'ups.status': 'OB DISCHRG', 'battery.charge': '90', 'battery.runtime': '1700', 'input.voltage': '0' };
const LOW = { 'ups.status': 'OB DISCHRG LB' };
/** Says nothing of the power. */
const SILENT = { 'ups.status': '' };
const A_BOOT = '0b0074b0-0000-4000-8000-000000000001';
const ANOTHER_BOOT = '0b0074b0-0000-4000-8000-000000000002';
const DIES = pathToFileURL(resolve('tests/kit/dies-at-line.mjs')).href;

/** What a group waits for a word of its feeds, whatever it waits for it. */
const PATIENCE_MS = 7000;

const ACTS = ['shed', 'one', 'two', 'halt'] as const;
const KEYS = { shed: 'shed/exec', one: 'stop/one', two: 'stop/two', halt: 'host' } as const;

/** What a journal has of the run when its process dies. */
interface OnDisk {
  /** Keys of steps that are over. */
  readonly over: ReadonlySet<string>;
  readonly halting: boolean;
  /** Stages to be brought back, in the order of their beginning. */
  readonly shed: readonly string[];
}

async function onDisk(world: World): Promise<OnDisk> {
  const kept = new Map<string, Kept>();
  for (const line of (await readFile(join(world.stateFolder, 'journal'), 'utf8')).split('\n')) {
    if (line === '') continue;
    const { keep, value } = JSON.parse(line.slice(9)) as { readonly keep?: string; readonly value?: Kept };
    if (keep !== undefined && value !== undefined) kept.set(keep, value);
  }
  const { steps } = kept.get('progress/rack') ?? {};
  const states = new Map(steps?.$map);
  return {
    over: new Set([...states].flatMap(([key, { state }]) => (state === 'running' ? [] : [key]))),
    halting: states.has('host'),
    shed: kept.get('shed/rack')?.stages ?? [],
  };
}

/** What is kept under a key, as far as it is looked at here. */
interface Kept {
  readonly steps?: { readonly $map: readonly (readonly [string, { readonly state: string }])[] };
  readonly stages?: readonly string[];
}

describeWith(['upsd', 'mounts'], 'kill -9 at every line of the journal', () => {
  let upsd: Upsd;
  const worlds: World[] = [];

  const configFor = (world: World) => ({
    armed: true,
    // Nobody is there: that delays nothing either.
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    log: { format: 'json' },
    sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
    triggers: { settle: '1s', hold: '1s', mains_hold: '1s', charge_below: 20, dead_after: '5s' },
    groups: {
      rack: {
        feeds: ['a'],
        stages: [
          {
            name: 'shed',
            when: { on_battery_for: '1s' },
            steps: [{ exec: { command: world.leaves('shed') } }],
            restore: [{ exec: { command: world.leaves('shed back') } }],
          },
          {
            name: 'stop',
            steps: [
              { exec: { name: 'one', command: world.leaves('one') } },
              { exec: { name: 'two', after: ['one'], command: world.leaves('two') } },
            ],
            restore: [{ exec: { command: world.leaves('stop back') } }],
          },
        ],
        host: { halt: true },
      },
    },
  });

  /** Of a few at once: a start takes half a second of a core. */
  const startAll = async (env: (world: World) => Readonly<Record<string, string>> = () => ({})) => {
    const waiting = [...worlds];
    const start = async () => {
      for (let world = waiting.shift(); world !== undefined; world = waiting.shift()) {
        await world.start({ env: env(world) });
      }
    };
    await Promise.all(Array.from({ length: 2 * availableParallelism() }, start));
  };
  /** They begin again where they were killed. */
  const putBack = async () => {
    await Promise.all(
      worlds.map(async (world) => {
        await world.kill();
        await world.putBack();
      }),
    );
  };

  const add = async () => {
    const world = await World.make();
    worlds.push(world);
    await world.configure(configFor(world));
    return world;
  };

  beforeAll(async () => {
    upsd = await startUpsd({ ups: { a: { dev: MAINS } } });
  });
  afterAll(async () => {
    await Promise.all(worlds.map((world) => world.dispose()));
    await upsd?.stop();
  });

  /** One that was killed: at which line, what it had done, and what it had put on record. */
  interface Killed {
    readonly world: World;
    readonly line: number;
    readonly acts: readonly string[];
    readonly disk: OnDisk;
  }
  const killed: Killed[] = [];
  /** The outcome of each by the line at which it was killed. */
  const outcomes = async (outcome: (one: Killed, acts: readonly string[]) => unknown) => {
    const all = killed.map(async (one) => [one.line, outcome(one, await one.world.acts())] as const);
    return Object.fromEntries(await Promise.all(all));
  };
  const runsEnd = async (among: (one: Killed) => boolean = () => true) => {
    await Promise.all(
      killed.filter(among).map(async ({ world, line }) => {
        // The last run alone has the halt in it.
        const isLast = /"event":"step_done".*host done/;
        await world.process.waitForLine(isLast, 40_000).catch((error) => {
          throw new Error(`killed at line ${line}: ${error}`);
        });
        await world.fact('run_ended');
      }),
    );
  };

  test('each dies at its line, and until then does as the one that is left alone', async () => {
    const whole = await add();
    await whole.start();
    await upsd.set('a', BATTERY);
    await whole.fact('run_ended');
    const shed = whole.process.mark();
    await upsd.set('a', LOW);
    await whole.fact('run_ended', { from: shed });
    expect(await whole.acts()).toEqual(ACTS);
    const journal = (await readFile(join(whole.stateFolder, 'journal'), 'utf8')).split('\n');
    const first = journal.findIndex((line) => line.includes('"intent":{"kind":"run"'));
    // The lines that what is decided brings stand before the order, in the same write.
    const lines =
      journal.length - journal.findLastIndex((line, at) => at < first && line.includes('"keep":"group/rack"')) - 1;
    expect(lines).toBeGreaterThan(30);
    await whole.dispose();
    worlds.length = 0;
    await upsd.set('a', MAINS);

    await Promise.all(Array.from({ length: lines }, add));
    const lineOf = (world: World) => worlds.indexOf(world);
    await startAll((world) => ({ NODE_OPTIONS: `--import=${DIES}`, DIES_AT_LINE: `${lineOf(world)}` }));
    await upsd.set('a', { ...BATTERY });
    await Promise.all(worlds.map((world) => Promise.race([world.process.ended, world.fact('run_ended')])));
    await upsd.set('a', LOW);
    const ends = await Promise.all(
      worlds.map(async (world) => {
        // A reading more or less is a line more or less: the last may find that there is nothing left to die at.
        await Promise.race([world.process.ended, world.fact('step_done', { says: 'rack: host done' })]);
        return await Promise.race([world.process.ended, delay(1000).then(() => world.process.kill())]);
      }),
    );
    expect(ends.map(({ signal }) => signal)).toEqual(worlds.map(() => 'SIGKILL'));
    for (const world of worlds) {
      await world.keep();
      killed.push({ world, line: lineOf(world), acts: await world.acts(), disk: await onDisk(world) });
    }
    for (const { acts } of killed) expect(acts).toEqual(ACTS.slice(0, acts.length));
    // It was killed before, between and after all that it does.
    expect(new Set(killed.map(({ acts }) => acts.length))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(new Set(killed.map(({ disk }) => disk.over.size))).toEqual(new Set([0, 1, 2, 3, 4]));
  }, 60_000);

  test('started again in the outage: all is done, and twice only what was not on record as done', async () => {
    await startAll();
    await runsEnd(({ disk }) => !disk.over.has('host'));
    const found = await outcomes((_, acts) => acts);
    expect(found).toEqual(
      await outcomes(({ acts, disk }) => {
        const left = ACTS.filter((word) => !disk.over.has(KEYS[word]));
        return [...acts, ...left];
      }),
    );
  }, 60_000);

  test('another boot: nothing before it has proved battery, then the whole plan', async () => {
    await upsd.set('a', SILENT);
    await putBack();
    for (const world of worlds) await world.boots(ANOTHER_BOOT);
    await startAll();
    await delay(PATIENCE_MS);
    expect(await outcomes((_, acts) => acts)).toEqual(await outcomes(({ acts }) => acts));
    await upsd.set('a', { ...BATTERY, ...LOW });
    await runsEnd();
    expect(await outcomes((_, acts) => acts)).toEqual(await outcomes(({ acts }) => [...acts, ...ACTS]));
  }, 60_000);

  test('the mains are there: what was shed is brought back in reverse, and a halt that has begun is a reboot', async () => {
    await upsd.set('a', MAINS);
    await putBack();
    // A third of them in the boot that they were killed in; of another one nothing but the restore is left.
    const isHalting = ({ disk }: Killed) => disk.halting && !disk.over.has('host');
    const isSameBoot = (one: Killed) => isHalting(one) || (one.line % 3 === 0 && !one.disk.halting);
    expect(killed.some(isHalting)).toBe(true);
    for (const one of killed) await one.world.boots(isSameBoot(one) ? A_BOOT : ANOTHER_BOOT);
    await startAll();
    await Promise.all(
      killed.map(async (one) => {
        if (isHalting(one)) await one.world.fact('run_ended', { within: 30_000 });
        else if (one.disk.shed.length > 0) await one.world.fact('restore_ended');
      }),
    );
    // The mains have held, so that it comes up again by itself.
    const after = (one: Killed) =>
      isHalting(one) ? ['reboot'] : one.disk.shed.toReversed().map((stage) => `${stage} back`);
    expect(await outcomes((_, acts) => acts)).toEqual(await outcomes((one) => [...one.acts, ...after(one)]));
  }, 60_000);
});
