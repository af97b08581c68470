import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createResolver } from '../../src/sources/nut/address.ts';
import { type LoginState, mayLogIn } from '../../src/sources/nut/login.ts';
import { forceShutdown } from '../../src/sources/nut/primary.ts';
import { nutSchema } from '../../src/sources/nut/schema.ts';
import { isSourceTrouble, says, startWatching, type Watching } from '../integration/nut-watching.ts';
import { rememberingLog } from '../kit/log.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { startUpsmon, type Upsmon } from '../kit/upsmon.ts';

const USERS = `[prim]
  password = pp
  upsmon primary
[sec]
  password = "p\\#\\"s"
  upsmon secondary
[setter]
  password = st
  actions = SET
`;
const SEC = { username: 'sec', password: 'p#"s' };
/** The default rhythm of reading, not that of other tests. */
const USUAL = { status_interval: '250ms', interval: '2s', interval_on_battery: '1s', timeout: '3s' };

const stands = (watch: Watching, ups = 'rack') => watch.source.logins().get(ups);
const until = (watch: Watching, kind: LoginState['kind'], ups = 'rack') =>
  vi.waitFor(() => expect(stands(watch, ups)?.kind).toBe(kind), { timeout: 8000, interval: 20 });

/** Everything upsd answers to one line. */
async function askAll(port: number, line: string): Promise<readonly string[]> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(`${line}\nLOGOUT\n`);
  let answers = '';
  for await (const chunk of socket) answers += String(chunk);
  return answers.split('\n').slice(0, -2);
}

describeWith(['upsd'], 'logged in to a real upsd as a secondary', () => {
  let upsd: Upsd;
  const watches: Watching[] = [];
  beforeEach(async () => {
    const dev = { 'ups.status': 'OL', 'battery.charge': '100' };
    upsd = await startUpsd({ ups: { rack: { dev }, shelf: { dev }, lab: { dev } }, users: USERS, tls: true });
  });
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((watch) => watch.stop()));
    await upsd?.stop();
  });

  function watching(names: readonly string[], settings: Readonly<Record<string, unknown>> = {}): Watching {
    const watch = startWatching({ port: upsd.port, ...USUAL, ...SEC, ...settings });
    watches.push(watch);
    watch.source.logInTo(names);
    return watch;
  }
  const loggedIn = (ups: string) => upsd.ask(`GET NUMLOGINS ${ups}`);
  const counts = (ups: string, count: number) =>
    vi.waitFor(async () => expect(await loggedIn(ups)).toBe(`NUMLOGINS ${ups} ${count}`), {
      timeout: 5000,
      interval: 20,
    });

  test('each UPS counts us and names us, those that are not wanted do not', async () => {
    const watch = watching(['rack', 'SHELF']);
    await until(watch, 'logged-in');
    await until(watch, 'logged-in', 'SHELF');
    expect(await askAll(upsd.port, 'LIST CLIENT rack')).toEqual([
      'BEGIN LIST CLIENT rack',
      'CLIENT rack 127.0.0.1',
      'END LIST CLIENT rack',
    ]);
    expect([await loggedIn('rack'), await loggedIn('shelf'), await loggedIn('lab')]).toEqual([
      'NUMLOGINS rack 1',
      'NUMLOGINS shelf 1',
      'NUMLOGINS lab 0',
    ]);
    watch.source.logInTo(['lab']);
    await counts('lab', 1);
    await counts('rack', 0);
    await counts('shelf', 0);
    await watch.stop();
    await counts('lab', 0);
  });

  test('over TLS as well', async () => {
    const watch = watching(['rack'], { tls: 'require', fingerprint: upsd.fingerprint });
    await until(watch, 'logged-in');
    await counts('rack', 1);
    await watch.source.logOut();
    await counts('rack', 0);
  });

  test('nobody who only reads is ever logged in', async () => {
    const [reader, never] = [watching([]), watching(['rack', 'shelf'], { login: 'never' })];
    for (const watch of [reader, never]) await watch.until(says('rack', 'battery.charge', '100'));
    await delay(1500);
    expect(await loggedIn('rack')).toBe('NUMLOGINS rack 0');
    expect(await loggedIn('shelf')).toBe('NUMLOGINS shelf 0');
    expect(stands(never)).toEqual({ kind: 'never' });
    expect(upsd.log().some((line) => line.includes('logged into'))).toBe(false);
  });

  test('a user without the right reads on, and is told once', async () => {
    const watch = watching(['rack'], { username: 'setter', password: 'st' });
    await until(watch, 'refused');
    expect(stands(watch)).toEqual({ kind: 'refused', code: 'ACCESS-DENIED' });
    await upsd.set('rack', { 'ups.status': 'OB' });
    await watch.until(says('rack', 'ups.status', 'OB'));
    expect(watch.reports.some(isSourceTrouble)).toBe(false);
    expect(watch.logged.filter((line) => line.startsWith('warn'))).toEqual([
      'warn not logged in to rack of nas as a secondary: the user may not (upsmon secondary in upsd.users), or the password is wrong',
    ]);
  });

  test('a driver that is away is no obstacle, and does not end a login', async () => {
    await upsd.killDriver('rack');
    const watch = watching(['rack', 'shelf']);
    await until(watch, 'logged-in');
    await until(watch, 'logged-in', 'shelf');
    await upsd.killDriver('shelf');
    expect(await askAll(upsd.port, 'LIST CLIENT rack')).toContain('CLIENT rack 127.0.0.1');
    expect(await askAll(upsd.port, 'LIST CLIENT shelf')).toContain('CLIENT shelf 127.0.0.1');
  });

  test('upsd is killed and comes back: logged in again', async () => {
    const watch = watching(['rack', 'shelf']);
    await until(watch, 'logged-in');
    await upsd.killServer();
    await watch.until(isSourceTrouble);
    await until(watch, 'trying');
    await delay(3000);
    await upsd.startServer();
    const back = performance.now();
    await counts('rack', 1);
    await counts('shelf', 1);
    expect(performance.now() - back).toBeLessThan(4000);
    expect(stands(watch)).toEqual({ kind: 'logged-in' });
  });

  test('an upsd that hangs delays no halt', async () => {
    const watch = watching(['rack', 'shelf']);
    await until(watch, 'logged-in');
    await until(watch, 'logged-in', 'shelf');
    upsd.freezeServer();
    const begun = performance.now();
    await watch.source.logOut();
    expect(performance.now() - begun).toBeLessThan(1000);
    upsd.thawServer();
    await counts('rack', 0);
    await counts('shelf', 0);
  });

  test('a login outlives the minute after which upsd drops the silent', { timeout: 90_000 }, async () => {
    const watch = watching(['rack']);
    const silent = connect({ port: upsd.port, host: '127.0.0.1' });
    const dropped = new Promise((settle) => silent.once('close', settle));
    await until(watch, 'logged-in');
    await dropped;
    await delay(5000);
    expect(await loggedIn('rack')).toBe('NUMLOGINS rack 1');
    expect(watch.logged.filter((line) => line.includes('logged in to')).length).toBe(1);
  });

  test('whether it may can be asked, and leaves no login behind', async () => {
    const ask = (user: object, ups = 'rack') => {
      const config = nutSchema.parse({ host: '127.0.0.1', port: upsd.port, ...user });
      return mayLogIn(config, ups, { resolver: createResolver('127.0.0.1'), signal: new AbortController().signal });
    };
    expect(await ask(SEC)).toEqual({ kind: 'logged-in' });
    await counts('rack', 0);
    expect(await ask({ username: 'prim', password: 'pp' })).toEqual({ kind: 'logged-in' });
    expect(await ask({ username: 'setter', password: 'st' })).toEqual({ kind: 'refused', code: 'ACCESS-DENIED' });
    expect(await ask({ username: 'sec', password: 'ps' })).toEqual({ kind: 'refused', code: 'ACCESS-DENIED' });
    expect(await ask(SEC, 'nowhere')).toEqual({ kind: 'refused', code: 'UNKNOWN-UPS' });
    expect(await ask({})).toEqual({ kind: 'no-credentials' });
  });

  test('a forced shutdown of our own waits for the others alone', async () => {
    const watch = watching(['rack'], { username: 'prim', password: 'pp' });
    await until(watch, 'logged-in');
    const config = nutSchema.parse({ host: '127.0.0.1', port: upsd.port, username: 'prim', password: 'pp' });
    const outcome = await forceShutdown(config, 'rack', {
      log: rememberingLog().log,
      signal: new AbortController().signal,
      wait: config.timeout,
      own: 1,
      resolver: createResolver('127.0.0.1'),
    });
    expect(outcome).toEqual({ kind: 'done', left: 0, who: [] });
    await watch.until(says('rack', 'ups.status', 'FSD OL'));
  });

  test('no password in the log', async () => {
    const watch = watching(['rack', 'nowhere']);
    await until(watch, 'logged-in');
    await until(watch, 'refused', 'nowhere');
    expect(watch.logged.join('\n')).not.toContain('p#');
  });
});

describeWith(['upsd', 'upsmon'], 'a real upsmon as our primary', () => {
  let upsd: Upsd;
  let upsmon: Upsmon;
  let watch: Watching;
  beforeEach(async () => {
    upsd = await startUpsd({ ups: { rack: { dev: { 'ups.status': 'OL' } } }, users: USERS });
    const monitors = [{ ups: 'rack', port: upsd.port }];
    upsmon = await startUpsmon({ monitors, login: 'prim pp primary', finalDelay: 0 });
  });
  afterEach(async () => {
    await watch?.stop();
    await upsmon?.dispose();
    await upsd?.stop();
  });

  /** The battery gives out; resolves when FSD has come in as a reading, with the wall time at which upsd had it. */
  async function outage(settings: Readonly<Record<string, unknown>>, logins: number): Promise<number> {
    watch = startWatching({ port: upsd.port, ...USUAL, ...SEC, ...settings });
    watch.source.logInTo(['rack']);
    await watch.until(says('rack', 'ups.status', 'OL'));
    await vi.waitFor(async () => expect(await upsd.ask('GET NUMLOGINS rack')).toBe(`NUMLOGINS rack ${logins}`), 5000);
    const set = upsd.waitForLog(/FSD/i, 12_000).then(() => Date.now());
    await upsd.set('rack', { 'ups.status': 'OB LB' });
    const at = await set;
    await watch.until(says('rack', 'ups.status', 'FSD OB LB'));
    return at;
  }

  test('its FSD comes in within a look at the status, it waits for us, and goes on once we are out', async () => {
    const forced = await outage({}, 2);
    expect(Date.now() - forced).toBeLessThan(450);
    // Alone it would be gone within a second, and after HOSTSYNC, 15 s, it waits no longer.
    await delay(7000);
    expect({ running: upsmon.running, log: upsmon.lines().slice(-10) }).toMatchObject({ running: true });
    const out = Date.now();
    await watch.source.logOut();
    expect(Date.now() - out).toBeLessThan(1000);
    const gone = await upsmon.shutDown;
    expect(gone).toBeGreaterThanOrEqual(out);
    expect(gone).toBeLessThan(out + 2000);
    // Reading goes on until the end.
    await watch.until(says('rack', 'ups.status', 'FSD OB LB'), watch.reports.length);
  });

  test('it does not wait for who only reads', async () => {
    const forced = await outage({ login: 'never' }, 1);
    expect(await upsmon.shutDown).toBeLessThan(forced + 2000);
  });
});
