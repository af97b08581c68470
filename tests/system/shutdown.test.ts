import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Gridwarden, gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const BATTERY = { 'ups.status': 'OB DISCHRG', 'battery.charge': '90', 'battery.runtime': '1700', 'input.voltage': '0' };
/** The last trigger of all: the device itself says that it is low. */
const LOW = { ...BATTERY, 'ups.status': 'OB DISCHRG LB' };
const BRIDGE = 'gridwarden/home/bridge';
const RUNS = 'gridwarden/home/group/rack/runs';
const TRIGGERS = { settle: '1s', hold: '1s', mains_hold: '1s', charge_below: 20, dead_after: '5s' };

type Payload = Record<string, unknown>;

/** A program that only leaves a line in a file, and takes a while. */
const leaves = (file: string, word: string, seconds = 0) => ({
  command: ['/bin/sh', '-c', 'echo "$1" >> "$2"; sleep "$3"', 'act', word, file, `${seconds}`],
});

describeWith(['upsd', 'mosquitto'], 'a shutdown on a real upsd', () => {
  let upsd: Upsd;
  let broker: Mosquitto;
  let program: Gridwarden;
  let house: Observer;
  let folder: string;
  let file: string;

  /** Sheds at once, then stops two things one after the other and one beside them, then halts. */
  const config = (more: { readonly halts?: boolean; readonly dryRun?: boolean } = {}) => ({
    armed: true,
    dry_run: more.dryRun === true,
    mqtt: { url: broker.url },
    sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
    triggers: TRIGGERS,
    groups: {
      rack: {
        feeds: ['a'],
        stages: [
          {
            name: 'shed',
            when: { on_battery_for: '1s' },
            steps: [{ exec: leaves(file, 'shed', 1) }],
            restore: [{ exec: leaves(file, 'shed back') }],
          },
          {
            name: 'stop',
            steps: [
              { exec: { name: 'one', ...leaves(file, 'one', 1) } },
              { exec: { name: 'two', after: ['one'], ...leaves(file, 'two') } },
              { exec: { name: 'beside', ...leaves(file, 'beside', 2) } },
            ],
            restore: [{ exec: leaves(file, 'stop back') }],
          },
        ],
        ...(more.halts === false ? {} : { host: { halt: true, command: ['/bin/sh', '-c', `echo halt >> ${file}`] } }),
      },
    },
    commands: { allow: ['bridge.*'] },
  });

  const start = async (more: Parameters<typeof config>[0] = {}) => {
    program = await startGridwarden({ config: config(more) });
    house = await observe(broker.port);
    await house.until('gridwarden/home/group/rack', ({ state }) => state === 'calm', 15_000);
  };

  beforeEach(async () => {
    upsd = await startUpsd({ maxage: 3, ups: { a: { dev: MAINS } } });
    broker = await startMosquitto();
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-acts-'));
    file = join(folder, 'acts');
  });
  afterEach(async () => {
    await house?.close();
    await program?.dispose();
    await broker?.dispose();
    await upsd?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const acts = async () => (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const fact = (type: string, fits: (fact: Payload) => boolean = () => true, within = 20_000) =>
    house.next<Payload>(`${BRIDGE}/event`, (one) => one['event_type'] === type && fits(one), within);
  const step = (type: string, key: string) => fact(`step_${type}`, (one) => one['step'] === key);
  const runs = (...args: readonly string[]) => gridwarden(['runs', ...args, '--config', program.configFile]);
  /** The list of the group once its newest run is said to have come to this: the journal is written beside all else. */
  const listed = (how: RegExp) =>
    vi.waitUntil(async () => {
      const { lines } = await runs('rack');
      return how.test(lines[1] ?? '') && lines;
    }, 10_000);
  const ask = (verb: string, payload: object) =>
    house.ask(`${BRIDGE}/request/${verb}`, payload, `${BRIDGE}/response/${verb}`);

  test('sheds, stops in order, halts last; everything is told', async () => {
    await start();
    const [shed, halt, ended] = [step('done', 'shed/exec'), step('done', 'host'), fact('run_ended')];
    await upsd.set('a', BATTERY);
    await shed;
    expect(await acts()).toEqual(['shed']);
    await upsd.set('a', LOW);
    await halt;
    await ended;
    const done = await acts();
    expect([done[0], done.at(-1), done.length]).toEqual(['shed', 'halt', 5]);
    expect(done.indexOf('two')).toBeGreaterThan(done.indexOf('one'));
    const told = house.messages.flatMap(({ topic, text }) =>
      topic === `${BRIDGE}/event` && text.includes('"step_') ? [JSON.parse(text) as Payload] : [],
    );
    expect(told.filter(({ event_type }) => event_type === 'step_done')).toHaveLength(5);
    await house.until(RUNS, ({ outcome }) => outcome === 'carried-out');
    const lines = await listed(/^ {2}1\. .* UTC, outage: carried out after \d+ s$/);
    expect([lines[0], lines.length, lines[3]]).toEqual(['group rack: one run', 4, '       steps: 5 done']);
  });

  test('mains call it off before the next step begins, and what was shed is brought back in reverse', async () => {
    await start({ halts: false });
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    const [off, back] = [fact('called_off'), fact('restore_ended')];
    await upsd.set('a', MAINS);
    await off;
    await back;
    const done = await acts();
    expect(done.slice(-2)).toEqual(['stop back', 'shed back']);
    const plan = await ask('plan', { group: 'rack' });
    expect(JSON.stringify(plan.data)).toContain('"basis":"measured"');
    const shown = await house.until(RUNS, (all) => (all['runs'] as Payload[])[0]?.['restored'] !== null);
    const why = 'the mains have held again';
    expect(shown).toMatchObject({ outcome: 'called-off', runs: [{ kind: 'outage', why, failed: [] }] });
    await listed(/, brought back by /);
    const seen = await runs('rack', '1');
    expect(seen.lines[1]).toMatch(/outage: called off after \d+ s, the mains have held again, brought back by /);
    const steps = seen.lines.flatMap((line) => / (\S+) done after /.exec(line)?.[1] ?? []);
    expect([steps[0], ...steps.slice(-2)]).toEqual(['shed/exec', 'stop/restore/exec', 'shed/restore/exec']);
    expect(steps).toHaveLength(done.length);
    // Whether the bridge runs or not.
    await program.kill();
    expect(await runs('rack', '1')).toEqual(seen);
  });

  test('kill -9 in the middle: it goes on at the step that was running, and ends as it would have', async () => {
    await start();
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    // It acts only after its line is in the journal.
    await vi.waitUntil(async () => (await acts()).includes('one'));
    await program.kill();
    const ended = fact('run_ended');
    await program.start();
    await ended;
    const done = await acts();
    expect(new Set(done)).toEqual(new Set(['shed', 'one', 'beside', 'two', 'halt']));
    expect(done.filter((word) => word === 'shed')).toHaveLength(1);
    expect(done.at(-1)).toBe('halt');
    const lines = await listed(/outage: carried out after \d+ s$/);
    expect([lines.length, lines[3]]).toEqual([4, '       steps: 5 done']);
  });

  test('killed in the middle, and the outage is over on return: it is called off and brought back', async () => {
    await start();
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    // It acts only after its line is in the journal.
    await vi.waitUntil(async () => (await acts()).includes('one'));
    await program.kill();
    await upsd.set('a', MAINS);
    const back = fact('restore_ended');
    await program.start();
    await back;
    const done = await acts();
    expect(done.slice(-2)).toEqual(['stop back', 'shed back']);
    expect(done).not.toContain('halt');
  });

  test('a stop in the middle does not cancel it', async () => {
    await start();
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    await program.stop();
    expect((await acts()).at(-1)).toBe('halt');
  });

  test('a process that is stopped and continued goes on; the halt is reached', async () => {
    await start();
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    program.process.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const halt = step('done', 'host');
    program.process.signal('SIGCONT');
    await halt;
    expect((await acts()).at(-1)).toBe('halt');
  });

  test('a broker that dies in the middle delays nothing', async () => {
    await start();
    const running = step('begun', 'stop/one');
    await upsd.set('a', LOW);
    await running;
    await house.close();
    await broker.stop();
    await program.waitForLog(/host done/, 10_000, 0);
    expect((await acts()).at(-1)).toBe('halt');
  });

  test('a dry run looks, tells, and touches nothing', async () => {
    await start({ dryRun: true });
    const halted = step('done', 'host');
    await upsd.set('a', LOW);
    await halted;
    expect(await acts()).toEqual([]);
    expect(program.lines().some(({ msg }) => /dry run.*stop\/one done.*would run/.test(msg))).toBe(true);
    await house.until(RUNS, ({ outcome }) => outcome === 'carried-out');
    expect(await listed(/outage \(dry run\): carried out/)).toHaveLength(4);
  });

  test('past its point of no return no reload takes it back; a flag of a halt that failed goes with the outage', async () => {
    const flag = join(folder, 'killpower');
    const groups = {
      cut: {
        feeds: ['a'],
        stages: [
          { name: 'cut', steps: [{ ups: { action: 'killpower', flag } }] },
          { name: 'late', steps: [{ exec: leaves(file, 'late', 2) }] },
        ],
        host: { halt: true, command: ['/bin/false'] },
      },
    };
    program = await startGridwarden({ config: { ...config(), groups } });
    house = await observe(broker.port);
    await house.until('gridwarden/home/group/cut', ({ state }) => state === 'calm', 15_000);
    const [raised, ended] = [step('done', 'cut/ups'), fact('run_ended')];
    await upsd.set('a', LOW);
    await raised;
    expect(await readFile(flag, 'utf8')).toContain('a');
    const refused = await program.reload(config());
    expect(refused.msg).toContain('past its point of no return');
    await ended;
    expect(await acts()).toEqual(['late']);
    await upsd.set('a', MAINS);
    await vi.waitUntil(async () => (await readFile(flag, 'utf8').catch(() => undefined)) === undefined, 10_000);
  });

  test('a person shuts it down by name, twice; cancels; and it is brought back', async () => {
    await start({ halts: false });
    const seen = await ask('drill', { group: 'rack' });
    expect(seen).toMatchObject({
      data: { groups: { rack: { 'shed/exec': { ok: true }, 'stop/restore/exec': { ok: true } } } },
    });
    expect(await acts()).toEqual([]);
    expect(await ask('shutdown', { group: 'rack' })).toMatchObject({ status: 'error', code: 'not-confirmed' });
    const running = step('begun', 'stop/one');
    expect(await ask('shutdown', { group: 'rack', confirm: 'rack' })).toMatchObject({ status: 'ok' });
    await running;
    expect(await ask('shutdown', { group: 'rack', confirm: 'rack' })).toMatchObject({ code: 'not-now' });
    const ended = fact('run_ended');
    await ended;
    expect((await acts()).filter((word) => word.endsWith('back'))).toEqual([]);
    const back = fact('restore_ended');
    expect(await ask('cancel', { group: 'rack' })).toMatchObject({ status: 'ok' });
    await back;
    expect((await acts()).slice(-2)).toEqual(['stop back', 'shed back']);
  });
});
