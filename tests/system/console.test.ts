import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Gridwarden, gridwarden, PROGRAM, startGridwarden } from '../kit/gridwarden.ts';
import { describeWith } from '../kit/presence.ts';
import { RunningProcess } from '../kit/process.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800' };

describeWith(['upsd'], 'the running bridge is asked from its own machine, without a broker', () => {
  let upsd: Upsd;
  let program: Gridwarden;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-console-'));
    upsd = await startUpsd({ ups: { a: { dev: MAINS } } });
    program = await startGridwarden({
      config: {
        armed: true,
        mqtt: { url: 'mqtt://127.0.0.1:1' },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
        groups: {
          rack: {
            feeds: ['a'],
            stages: [
              {
                name: 'stop',
                steps: [
                  { exec: { name: 'one', command: leaves('one', 1) } },
                  { exec: { name: 'two', after: ['one'], command: leaves('two', 0) } },
                ],
                restore: [{ exec: { name: 'one', command: leaves('one back', 0) } }],
              },
            ],
          },
        },
      },
    });
    await program.waitForLog(/control\.sock takes the requests/, 10_000, 0);
    await program.waitForLog(/a found at nas/, 10_000, 0);
  }, 60_000);
  afterAll(async () => {
    await program?.dispose();
    await upsd?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Leaves a word in a list and takes a while. */
  const leaves = (word: string, seconds: number) => [
    '/bin/sh',
    '-c',
    `echo "${word}" >>${folder}/acts; sleep ${seconds}`,
  ];
  const acts = async () => (await readFile(join(folder, 'acts'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const ask = async (...words: readonly string[]) => {
    const { code, lines } = await gridwarden([...words, '--config', program.configFile]);
    return { code, text: lines.join('\n') };
  };

  test('what a step took that was carried out beside it is reckoned with', async () => {
    const done = await ask('drill', 'rack', 'stop/one', '--execute', '--yes', 'stop/one');
    expect(done).toMatchObject({ code: 0, text: expect.stringContaining('what it took is kept') });
    expect((await ask('plan')).text).toMatch(/stop\/one: run \/bin\/sh: 1 s, at most 30 s/);
    expect(await acts()).toEqual(['one']);
  });

  test('a disarmed group is not shut down, and an armed one only by its name', async () => {
    expect(await ask('disarm', 'rack', '--for', '5m')).toMatchObject({ code: 0 });
    expect(await ask('shutdown', 'rack', '--yes', 'rack')).toMatchObject({
      code: 1,
      text: expect.stringMatching(/not armed[\s\S]*nothing was done/),
    });
    expect(await ask('arm', 'rack')).toMatchObject({ code: 0 });
    const wrong = await ask('shutdown', 'rack', '--yes', 'Rack');
    expect(wrong).toMatchObject({ code: 1, text: expect.stringMatching(/Rack is not rack: nothing was done/) });
    expect(await ask('shutdown', 'rack')).toMatchObject({ code: 1, text: expect.stringMatching(/nothing was done/) });
    expect(await acts()).toEqual(['one']);
  });

  test('a shutdown is told step by step until it is through, and is among the past ones', async () => {
    const { code, text } = await ask('shutdown', 'rack', '--yes', 'rack');
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/stop\/one running[\s\S]*stop\/one done[\s\S]*stop\/two done/),
    ]);
    expect(await acts()).toEqual(['one', 'one', 'two']);
    expect((await ask('runs', 'rack')).text).toMatch(/request of a person: carried out[\s\S]*2 done/);
  });

  test('what was shut down is brought back when a person says so, step by step', async () => {
    const { code, text } = await ask('restore', 'rack');
    expect([code, text]).toEqual([0, expect.stringMatching(/stop\/restore\/one done[\s\S]*restored: 1 done/)]);
    expect(await acts()).toEqual(['one', 'one', 'two', 'one back']);
    expect(await ask('restore', 'rack')).toMatchObject({
      code: 1,
      text: expect.stringContaining('nothing of it is shut down'),
    });
    expect(await ask('cancel')).toMatchObject({ code: 1, text: expect.stringContaining('no shutdown is going on') });
    expect(await ask('cancel', '--restore')).toMatchObject({
      code: 1,
      text: expect.stringContaining('no restore is going on'),
    });
  });

  test('one that goes on is called off: what has begun ends, and no more begins', async () => {
    await program.waitForLog(/what was shut down is brought back/, 15_000, 0);
    const before = await acts();
    const following = new RunningProcess(
      process.execPath,
      [PROGRAM, 'shutdown', 'rack', '--yes', 'rack', '--config', program.configFile],
      { name: 'shutdown' },
    );
    await following.waitForLine(/stop\/one running/, 15_000);
    expect(await ask('cancel', 'rack')).toMatchObject({ code: 0, text: expect.stringMatching(/called off: rack/) });
    await following.ended;
    expect((await acts()).slice(before.length, before.length + 2)).not.toContain('two');
  });

  test('typed to the letter it is begun, anything else does nothing; Ctrl-C ends only the telling', async () => {
    const back = () => program.lines().filter(({ msg }) => msg.endsWith('what was shut down is brought back')).length;
    await vi.waitUntil(() => back() === 2, 15_000);
    const before = await acts();
    const typing = (typed: string) => {
      const words = [PROGRAM, 'shutdown', 'rack', '--config', program.configFile];
      const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.end(typed);
      return child;
    };
    const told = typing('RACK\n');
    expect(await text(told.stdout)).toMatch(/Type rack to shut it down now: RACK is not rack: nothing was done\n$/);
    expect(await acts()).toEqual(before);

    const through = program.waitForLog(/all that was ordered is through/);
    const following = typing('rack\n');
    const ended = once(following, 'close');
    let said = '';
    for await (const some of following.stdout) {
      const had = said.includes('stop/one running');
      said += String(some);
      if (!had && said.includes('stop/one running')) following.kill('SIGINT');
    }
    expect(await ended).toEqual([0, null]);
    expect(said).toContain(`it goes on; to call it off: gridwarden cancel rack --config ${program.configFile}\n`);
    await through;
    expect((await acts()).slice(before.length)).toEqual(['one', 'two']);
  });

  test.runIf(process.getuid?.() === 0)('nobody else on this machine may ask', async () => {
    const words = ['--reuid', '65534', '--clear-groups', '--', process.execPath, PROGRAM];
    const stranger = new RunningProcess('/usr/bin/setpriv', [...words, 'cancel'], {
      env: { STATE_DIRECTORY: program.stateFolder },
      cwd: '/',
    });
    expect([(await stranger.ended).code, stranger.lines().join()]).toEqual([
      1,
      expect.stringContaining('is not for this user'),
    ]);
  });

  test('where no bridge runs that is said, with where it was looked for', async () => {
    await program.stop();
    expect(await ask('health')).toMatchObject({
      code: 1,
      text: expect.stringMatching(/no bridge runs here: nobody listens at .*control\.sock/),
    });
    const alone = await ask('drill', 'rack', 'stop/two', '--execute', '--yes', 'stop/two');
    expect(alone).toMatchObject({ code: 0, text: expect.stringMatching(/not kept/) });
  });
});
