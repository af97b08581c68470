import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { World } from '../kit/own-world.ts';
import { describeWith, FAKETIME_LIBRARY } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const LOW = { 'ups.status': 'OB DISCHRG LB', 'battery.charge': '90', 'battery.runtime': '1700', 'input.voltage': '0' };
const TRIGGERS = { settle: '1s', hold: '1s', mains_hold: '1s', charge_below: 20, dead_after: '5s' };
/** From the moment of the outage: the trigger holds for a second, and nothing of the plan takes longer. */
const IN_TIME_MS = 10_000;
/** What would fire on mains has had the time to. */
const QUIET_MS = 3000;
const THROWS = pathToFileURL(resolve('tests/kit/throws-on-signal.mjs')).href;

const exec = (world: World, name: string, waits: boolean) => ({
  exec: { name, command: waits ? world.waits(name) : world.leaves(name), deadline: '1m' },
});
const back = (world: World, stage: string) => ({ exec: { command: world.leaves(`${stage} back`) } });

describeWith(['upsd', 'mounts'], 'mains that come back', () => {
  let upsd: Upsd;
  const worlds: World[] = [];
  const HELD = ['shed', 'one', 'two', 'three'] as const;

  beforeAll(async () => {
    upsd = await startUpsd({ ups: Object.fromEntries(HELD.map((name) => [name, { dev: MAINS }])) });
  });
  afterAll(async () => {
    await Promise.all(worlds.map((world) => world.dispose()));
    await upsd?.stop();
  });

  const configFor = (world: World, feed: string) => ({
    armed: true,
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
    triggers: TRIGGERS,
    groups: {
      rack: {
        feeds: [feed],
        point_of_no_return: 'final',
        stages: [
          {
            name: 'shed',
            when: { on_battery_for: '1s' },
            steps: [exec(world, 'shed', true)],
            restore: [back(world, 'shed')],
          },
          {
            name: 'stop',
            steps: [
              exec(world, 'one', true),
              { exec: { name: 'two', after: ['one'], command: world.waits('two'), deadline: '1m' } },
            ],
            restore: [back(world, 'stop')],
          },
          { name: 'final', steps: [exec(world, 'three', true)], restore: [back(world, 'final')] },
        ],
        host: { halt: true },
      },
    },
  });

  test('at every step: called off and brought back in reverse, past the point of no return a reboot', async () => {
    const outcomes = await Promise.all(
      HELD.map(async (held) => {
        const world = await World.make();
        worlds.push(world);
        await world.configure(configFor(world, held));
        await world.release(...HELD.filter((name) => name !== held));
        await world.start();
        await upsd.set(held, LOW);
        await vi.waitUntil(async () => (await world.acts()).includes(held), { timeout: 20_000, interval: 20 });
        const from = world.process.mark();
        await upsd.set(held, MAINS);
        const isPast = held === 'three';
        // Past that point they hold as well, and change nothing but the last act.
        await world.fact(isPast ? 'outage_ended' : 'called_off', { about: isPast ? held : 'rack', from });
        await world.release(held);
        await world.fact(isPast ? 'run_ended' : 'restore_ended', { from });
        return await world.acts();
      }),
    );
    expect(outcomes).toEqual([
      ['shed', 'shed back'],
      ['shed', 'one', 'stop back', 'shed back'],
      ['shed', 'one', 'two', 'stop back', 'shed back'],
      ['shed', 'one', 'two', 'three', 'reboot'],
    ]);
  }, 60_000);
});

/** A program with everything around it, all of its own. */
interface Scene {
  readonly world: World;
  readonly upsd: Upsd;
  readonly folder: string;
  /** Where a step of the plan goes, by name. */
  readonly hook: Server;
  /** How often it was asked for. */
  readonly hooked: () => number;
  /** What the program is started with. */
  readonly start: { env: Record<string, string>; deafLog?: true };
  /** Done in the end, the last first. */
  readonly undo: (() => Promise<unknown> | unknown)[];
}

async function openScene(): Promise<Scene> {
  const undo: Scene['undo'] = [];
  const upsd = await startUpsd({ maxage: 3, ups: { a: { dev: MAINS } } });
  undo.push(() => upsd.stop());
  let hooked = 0;
  const hook = createServer((request, response) => {
    if (request.method === 'POST') hooked += 1;
    response.end();
  }).listen(0, '127.0.0.1');
  // A broker that takes connections and says nothing.
  const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1');
  await Promise.all([once(hook, 'listening'), once(silent, 'listening')]);
  undo.push(() => {
    hook.closeAllConnections();
    hook.close();
    silent.close();
  });
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-faults-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const world = await World.make();
  undo.push(() => world.dispose());
  await world.names('127.0.0.1 localhost hook.test\n');
  await world.configure({
    armed: true,
    state_dir: join(folder, 'state'),
    mqtt: { url: `mqtt://127.0.0.1:${portOf(silent)}` },
    sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
    triggers: TRIGGERS,
    groups: {
      rack: {
        feeds: ['a'],
        stages: [
          {
            name: 'stop',
            steps: [
              exec(world, 'one', true),
              { http: { after: ['one'], url: `http://hook.test:${portOf(hook)}/`, deadline: '3s' } },
              { exec: { name: 'two', after: ['http'], command: world.leaves('two') } },
            ],
          },
        ],
        host: { halt: true },
      },
    },
  });
  return { world, upsd, folder, hook, hooked: () => hooked, start: { env: {} }, undo };
}

const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port; // it listens

/** What goes wrong around the program. */
interface Fault {
  readonly name: string;
  /** Prepared before the program starts. */
  readonly before?: (scene: Scene) => Promise<unknown> | unknown;
  /** Happens on mains. */
  readonly onMains?: (scene: Scene) => Promise<unknown> | unknown;
  /** Happens while the first step of the plan runs. */
  readonly midPlan?: (scene: Scene) => Promise<unknown> | unknown;
  /** What has to be in the log by then. */
  readonly logged?: RegExp;
}

/** The place of the state becomes a file system of its own. */
async function mount({ folder, undo, world }: Scene, ...words: readonly string[]): Promise<void> {
  const path = join(folder, 'state');
  await mkdir(path);
  execFileSync('/bin/mount', [...words, path]);
  undo.push(async () => {
    await world.kill();
    execFileSync('/bin/umount', ['-l', path]);
  });
}

async function disk(scene: Scene): Promise<void> {
  const image = join(scene.folder, 'image');
  execFileSync('/bin/sh', ['-c', 'truncate -s 16M "$0" && mkfs.ext4 -q "$0"', image]);
  await mount(scene, '-o', 'loop', image);
}

/** Whoever writes to it waits, and cannot be killed. @returns what lets it go on */
function freeze({ folder, undo }: Scene): () => void {
  const path = join(folder, 'state');
  execFileSync('fsfreeze', ['-f', path]);
  // It thaws in the end, whatever becomes of us.
  const guard = spawn('/bin/sh', ['-c', 'sleep 60; fsfreeze -u "$0"', path], { detached: true, stdio: 'ignore' });
  let isFrozen = true;
  const thaw = () => {
    // It has thawed by itself where that comes late.
    if (!isFrozen || guard.exitCode !== null) return;
    isFrozen = false;
    process.kill(-(guard.pid ?? 0), 'SIGKILL');
    execFileSync('fsfreeze', ['-u', path]);
  };
  undo.push(thaw);
  return thaw;
}

function fill({ folder }: Scene): void {
  const filler = join(folder, 'state', 'filler');
  execFileSync('/bin/sh', ['-c', 'dd if=/dev/zero of="$0" bs=4096 2>/dev/null || true', filler]);
}

const readOnly = ({ folder }: Scene) => execFileSync('/bin/mount', ['-o', 'remount,abort', join(folder, 'state')]);

const setClock = ({ folder }: Scene, offset: string) => writeFile(join(folder, 'clock'), `${offset}\n`);

/** The wall clock can be set, which the other clocks of the system do not notice. */
async function ownClock(scene: Scene): Promise<void> {
  await setClock(scene, '+0');
  Object.assign(scene.start.env, {
    LD_PRELOAD: FAKETIME_LIBRARY,
    FAKETIME_TIMESTAMP_FILE: join(scene.folder, 'clock'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  });
}

/** The program has looked at its steps, and knows what it will need. */
const looked = ({ hook }: Scene) => once(hook, 'connection', { signal: AbortSignal.timeout(30_000) });

const noNames = ({ world }: Scene) => world.names('127.0.0.1 localhost\n');

const unread = ({ start }: Scene): void => {
  start.deafLog = true;
};

const FAULTS: readonly Fault[] = [
  {
    name: 'names that are not resolved any more',
    onMains: async (scene) => {
      await looked(scene);
      await noNames(scene);
    },
  },
  {
    name: 'all at once',
    before: async (scene) => {
      unread(scene);
      await ownClock(scene);
      await disk(scene);
    },
    onMains: async (scene) => {
      await looked(scene);
      await noNames(scene);
      freeze(scene);
    },
    midPlan: async (scene) => {
      await scene.upsd.killServer();
      await setClock(scene, '-3600');
    },
  },
  {
    name: 'a state folder on a disk that hangs',
    before: disk,
    onMains: async (scene) => {
      await looked(scene);
      freeze(scene);
    },
  },
  {
    name: 'a state folder on a disk that hangs from the start',
    before: async (scene) => {
      await disk(scene);
      freeze(scene);
    },
    logged: /the state folder .* does not answer: the watch begins without it/,
  },
  {
    name: 'a state folder on a full disk',
    before: (scene) => mount(scene, '-t', 'tmpfs', '-o', 'size=256k', 'none'),
    onMains: fill,
    logged: /cannot write .*journal: ENOSPC/,
  },
  {
    name: 'a state folder that turns read-only',
    before: disk,
    onMains: readOnly,
    logged: /cannot write .*journal: (EROFS|EIO)/,
  },
  { name: 'a disk that hangs in mid-plan', before: disk, midPlan: freeze },
  { name: 'a log that nobody reads', before: unread },
  { name: 'a clock that is set back an hour', before: ownClock, onMains: (scene) => setClock(scene, '-3600') },
  { name: 'a clock that is set back in mid-plan', before: ownClock, midPlan: (scene) => setClock(scene, '-3600') },
  { name: 'a clock that is set forward in mid-plan', before: ownClock, midPlan: (scene) => setClock(scene, '+3600') },
  { name: 'a server that is killed in mid-plan', midPlan: ({ upsd }) => upsd.killServer() },
  { name: 'a server that hangs in mid-plan', midPlan: ({ upsd }) => upsd.freezeServer() },
];

describeWith(['upsd', 'mounts', 'faketime'], 'whatever fails around it', () => {
  const scenes: Scene[] = [];
  const open = async () => {
    const scene = await openScene();
    scenes.push(scene);
    return scene;
  };
  afterAll(async () => {
    const failures: unknown[] = [];
    // One that fails keeps no other from being done: mounts would be left behind.
    for (const { undo } of scenes) {
      for (const one of undo.toReversed()) await (async () => await one())().catch((thrown) => failures.push(thrown));
    }
    expect(failures).toEqual([]);
  });

  const begun = async ({ world }: Scene) => {
    await vi.waitUntil(async () => (await world.acts()).includes('one'), { timeout: 15_000, interval: 20 });
  };

  const CALM = '$name: nothing on mains, and in an outage the halt in time';
  test.concurrent.for(FAULTS)(CALM, { timeout: 80_000 }, async (fault, { expect: expects }) => {
    const scene = await open();
    const { world, upsd, start } = scene;
    await fault.before?.(scene);
    await world.start(start);
    await fault.onMains?.(scene);
    await delay(QUIET_MS);
    expects(await world.acts()).toEqual([]);
    const began = performance.now();
    await upsd.set('a', LOW);
    await begun(scene);
    await fault.midPlan?.(scene);
    await world.release('one');
    await vi.waitUntil(async () => (await world.acts()).at(-1) === 'halt', { timeout: 15_000, interval: 20 });
    expects(performance.now() - began).toBeLessThan(IN_TIME_MS);
    expects(await world.acts()).toEqual(['one', 'two', 'halt']);
    expects(scene.hooked()).toBe(1);
    if (fault.logged !== undefined) expects(world.process.lines().join('\n')).toMatch(fault.logged);
    if (start.deafLog === true) expects(world.process.lines()).toEqual([]);
  });

  test('a disk that answers only later: what was on it is kept, and it is not taken from who has it', async () => {
    const scene = await open();
    const { world, folder } = scene;
    await disk(scene);
    await world.start();
    const journal = join(folder, 'state', 'journal');
    const written = () => readFile(journal, 'utf8').catch(() => '');
    await vi.waitUntil(async () => (await written()).includes('"power/a"'), { timeout: 15_000 });
    await world.kill();
    const before = await written();
    const thaw = freeze(scene);
    await world.start();
    const first = world.process;
    await first.waitForLine(/the watch begins without it/, 15_000, 0);
    await world.launch();
    const second = world.process;
    await second.waitForLine(/the watch begins without it/, 15_000, 0);
    thaw();
    const [winner, loser] = await Promise.race(
      [first, second].map(async (one, index, both) => {
        await one.waitForLine(/the state folder .* answers"/, 15_000, 0);
        return [one, both[1 - index] as typeof one]; // there are two
      }),
    );
    expect(await loser?.ended).toMatchObject({ code: 1 });
    expect(loser?.lines().join()).toContain('is in use by');
    await vi.waitUntil(async () => (await written()) !== before, { timeout: 15_000 });
    expect(await written()).toContain('"power/a"');
    await winner?.kill();
  }, 90_000);

  test('a bug that ends it in mid-plan: started again it goes on, and the halt is reached', async () => {
    const scene = await open();
    const { world, upsd } = scene;
    await world.start({ env: { NODE_OPTIONS: `--import=${THROWS}` } });
    await upsd.set('a', LOW);
    await begun(scene);
    world.process.signal('SIGUSR2');
    expect(await world.process.ended).toMatchObject({ code: 1 });
    expect(world.lines().map(({ msg }) => msg)).toContain('a bug has ended the program');
    await world.release('one');
    await world.start();
    await world.fact('run_ended');
    expect(await world.acts()).toEqual(['one', 'one', 'two', 'halt']);
  }, 40_000);
});
