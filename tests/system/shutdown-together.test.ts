import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { World } from '../kit/own-world.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { startUpsmon, type Upsmon } from '../kit/upsmon.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const LOW = { 'ups.status': 'OB DISCHRG LB', 'battery.charge': '90', 'battery.runtime': '1700', 'input.voltage': '0' };
const TRIGGERS = { settle: '1s', hold: '1s', mains_hold: '1s', charge_below: 20, dead_after: '5s' };
const USERS = `[prim]
  password = pp
  actions = SET
  upsmon primary
[sec]
  password = ps
  upsmon secondary
`;
/** More than silence may last on battery. */
const PATIENCE_MS = 8000;

let upsd: Upsd;
let world: World;

const configFor = (groups: object, login: object = {}, triggers: object = {}) => ({
  armed: true,
  mqtt: { url: 'mqtt://127.0.0.1:1' },
  sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port, ...login } } },
  triggers: { ...TRIGGERS, ...triggers },
  groups,
});
const exec = (command: readonly string[]) => ({ exec: { command, deadline: '1m' } });
const acted = (word: string, within = 20_000) =>
  vi.waitUntil(async () => (await world.acts()).includes(word), { timeout: within, interval: 20 });

describeWith(['upsd', 'mounts'], 'two UPSes of which one is enough', () => {
  beforeEach(async () => {
    upsd = await startUpsd({ maxage: 3, ups: { a: { dev: MAINS }, b: { dev: MAINS }, c: { dev: MAINS } } });
    world = await World.make();
    await world.configure(
      configFor({
        pair: {
          feeds: ['a', 'b'],
          min_healthy: 1,
          stages: [{ name: 'stop', steps: [exec(world.leaves('pair'))] }],
          host: { halt: true },
        },
        only: { feeds: ['a'], stages: [{ name: 'stop', steps: [exec(world.leaves('only'))] }] },
        other: { feeds: ['c'], stages: [{ name: 'stop', steps: [exec(world.leaves('other'))] }] },
      }),
    );
    await world.start();
    for (const about of ['a', 'b', 'c']) await world.fact('appeared', { about });
  });
  afterEach(async () => {
    await world?.dispose();
    await upsd?.stop();
  });

  test('one is lost and it holds, both and it goes; who has nothing to do with it is left alone', async () => {
    await upsd.set('a', LOW);
    await world.fact('run_ended', { about: 'only' });
    expect(await world.acts()).toEqual(['only']);
    await upsd.set('b', LOW);
    await world.fact('run_ended', { about: 'pair' });
    expect(await world.acts()).toEqual(['only', 'pair', 'halt']);
  }, 40_000);

  test('the second falls silent while the first is lost: it goes', async () => {
    await upsd.set('a', LOW);
    await world.fact('run_ended', { about: 'only' });
    expect(await world.acts()).toEqual(['only']);
    await upsd.killDriver('b');
    await world.fact('run_ended', { about: 'pair', within: 40_000 });
    expect(await world.acts()).toEqual(['only', 'pair', 'halt']);
  }, 60_000);

  test('all fall silent on mains: that is told, and nothing is done', async () => {
    await upsd.killServer();
    await delay(PATIENCE_MS);
    expect(world.lines().some(({ event }) => event === 'source_lost')).toBe(true);
    expect(await world.acts()).toEqual([]);
    // It has not only been asleep.
    await upsd.startServer();
    await Promise.all([upsd.set('a', LOW), upsd.set('b', LOW)]);
    await acted('halt');
  }, 60_000);
});

describeWith(['upsd', 'upsmon', 'mounts'], 'with a real upsmon', () => {
  let upsmon: Upsmon | undefined;
  beforeEach(async () => {
    upsd = await startUpsd({ ups: { a: { dev: MAINS } }, users: USERS });
    world = await World.make();
  });
  afterEach(async () => {
    await upsmon?.dispose();
    await world?.dispose();
    await upsd?.stop();
  });
  /** Wall time. */
  const haltBegan = async () => Date.parse(`${(await world.fact('step_begun', { says: 'rack: host: ' }))['time']}`);
  const monitors = () => [{ ups: 'a', port: upsd.port }];
  const loggedIn = (count: number) =>
    vi.waitFor(async () => expect(await upsd.ask('GET NUMLOGINS a')).toBe(`NUMLOGINS a ${count}`), 10_000);

  test('as its secondary: its forced shutdown is obeyed, and it waits until our halt is issued', async () => {
    const stages = [{ name: 'stop', steps: [exec(world.waits('one'))] }];
    const group = { rack: { feeds: ['a'], stages, host: { halt: true } } };
    // Nothing but the forced shutdown fires here.
    const login = { username: 'sec', password: 'ps' };
    await world.configure(configFor(group, login, { low_battery: false }));
    upsmon = await startUpsmon({ monitors: monitors(), login: 'prim pp primary', finalDelay: 0 });
    await world.start();
    await loggedIn(2);
    const forced = upsd.waitForLog(/FSD/i, 15_000).then(() => performance.now());
    await upsd.set('a', LOW);
    const since = await forced;
    await acted('one');
    // One reading is enough.
    expect(performance.now() - since).toBeLessThan(1500);
    expect([upsmon.running, await world.acts()]).toEqual([true, ['one']]);
    await world.release('one');
    expect(await upsmon.shutDown).toBeGreaterThanOrEqual(await haltBegan());
    await acted('halt');
    expect(await world.acts()).toEqual(['one', 'halt']);
    expect((await world.fact('shutdown')).msg).toMatch(/forced|FSD/i);
  }, 60_000);

  test('as its primary: it is shut down and has logged out before our own halt', async () => {
    const steps = [{ ups: { name: 'others', action: 'fsd', wait: '15s' } }];
    const group = { rack: { feeds: ['a'], stages: [{ name: 'power', steps }], host: { halt: true } } };
    const login = { username: 'prim', password: 'pp' };
    await world.configure(configFor(group, login));
    upsmon = await startUpsmon({ monitors: monitors(), login: 'sec ps secondary', finalDelay: 0 });
    await world.start();
    await loggedIn(2);
    await upsd.set('a', LOW);
    await world.fact('run_ended', { within: 40_000 });
    expect(await upsmon.shutDown).toBeLessThanOrEqual(await haltBegan());
    expect(await world.acts()).toEqual(['halt']);
    const { msg } = await world.fact('step_done', { says: 'power/others' });
    expect(msg).toMatch(/FSD is set on a, and every secondary has logged out/);
  }, 60_000);
});
