import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { secret } from '../../src/domain/secret.ts';
import { asMillis, seconds } from '../../src/domain/time.ts';
import { createResolver } from '../../src/sources/nut/address.ts';
import { type ForceOptions, forceShutdown, isPrimary } from '../../src/sources/nut/primary.ts';
import type { NutConfig } from '../../src/sources/nut/schema.ts';
import { rememberingLog } from '../kit/log.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { startUpsmon, type Upsmon } from '../kit/upsmon.ts';

const USERS = `[prim]
  password = "p\\#\\"m"
  upsmon primary
[fsd]
  password = ff
  actions = FSD
[setter]
  password = st
  actions = SET
[sec]
  password = ps
  upsmon secondary
`;
const LOGIN = { username: 'prim', password: secret('p#"m') };

const configOf = (port: number, more: Partial<NutConfig> = {}): NutConfig => ({
  host: '127.0.0.1',
  port,
  user: LOGIN,
  login: 'auto',
  tls: 'off',
  statusInterval: asMillis(250),
  interval: seconds(2),
  intervalOnBattery: seconds(1),
  timeout: seconds(2),
  ...more,
});

/** One order, and what it told on its way. */
async function force(config: NutConfig, ups: string, more: Partial<ForceOptions> = {}) {
  const counts: number[] = [];
  const { log, lines } = rememberingLog();
  const before = performance.now();
  const outcome = await forceShutdown(config, ups, {
    log,
    signal: new AbortController().signal,
    wait: seconds(15),
    own: 0,
    resolver: createResolver(config.host),
    onLogins: (left) => counts.push(left),
    ...more,
  });
  return { outcome, counts, lines, took: performance.now() - before };
}

/** A secondary as small as can be. */
async function logIn(port: number, ups: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write(`USERNAME sec\nPASSWORD ps\nLOGIN ${ups}\n`);
  let answers = '';
  while (answers.split('\n').length < 4) answers += String((await once(socket, 'data'))[0]);
  expect(answers).toBe('OK\nOK\nOK\n');
  return socket;
}

describeWith(['upsd'], 'a forced shutdown on a real upsd', () => {
  let upsd: Upsd;
  beforeAll(async () => {
    const dev = { 'ups.status': 'OB', 'battery.charge': '40' };
    const names = ['alone', 'one', 'stuck', 'ours', 'gone', 'kept'];
    upsd = await startUpsd({ ups: Object.fromEntries(names.map((name) => [name, { dev }])), users: USERS, tls: true });
  });
  afterAll(() => upsd?.stop());

  const secondaries: Socket[] = [];
  const secondary = async (ups: string): Promise<Socket> => {
    const socket = await logIn(upsd.port, ups);
    secondaries.push(socket);
    return socket;
  };
  afterEach(() => {
    for (const socket of secondaries.splice(0)) socket.destroy();
  });

  test('nobody is logged in: FSD is set, and nothing is waited for', async () => {
    const { outcome, counts, took } = await force(configOf(upsd.port), 'alone');
    expect(outcome).toEqual({ kind: 'done', left: 0, who: [] });
    expect(counts).toEqual([0]);
    expect(took).toBeLessThan(2000);
    expect(await upsd.ask('GET VAR alone ups.status')).toBe('VAR alone ups.status "FSD OB"');
    expect(await upsd.ask('GET NUMLOGINS alone')).toBe('NUMLOGINS alone 0');
  });

  test('those who are logged in are waited for, and no longer', async () => {
    const [first, second] = [await secondary('one'), await secondary('one')];
    const forcing = force(configOf(upsd.port), 'one');
    await upsd.waitForLog(/FSD/i, 5000);
    await delay(300);
    first.end('LOGOUT\n');
    await delay(700);
    second.destroy();
    const { outcome, counts, took } = await forcing;
    expect(outcome).toEqual({ kind: 'done', left: 0, who: [] });
    expect(counts).toEqual([2, 1, 0]);
    expect(took).toBeLessThan(9000);
  });

  test('who stays is named when the wait is over', async () => {
    await secondary('stuck');
    const { outcome, took } = await force(configOf(upsd.port), 'stuck', { wait: seconds(1) });
    expect(outcome).toEqual({ kind: 'done', left: 1, who: ['127.0.0.1'] });
    expect(took).toBeGreaterThan(950);
    expect(took).toBeLessThan(2500);
  });

  test('our own login is not waited for', async () => {
    await secondary('ours');
    const { outcome, took } = await force(configOf(upsd.port), 'ours', { own: 1 });
    expect(outcome).toEqual({ kind: 'done', left: 0, who: [] });
    expect(took).toBeLessThan(2000);
  });

  test('it ends with the signal, and FSD stays', async () => {
    await secondary('gone');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 500);
    const { outcome, took } = await force(configOf(upsd.port), 'gone', { signal: controller.signal });
    expect(outcome).toMatchObject({ kind: 'done', left: 1, lost: expect.any(String) });
    expect(took).toBeLessThan(1500);
    expect(await upsd.ask('GET VAR gone ups.status')).toMatch(/"FSD OB"/);
  });

  test.each<[string, Partial<NutConfig>, string, object]>([
    ['actions = FSD alone', { user: { username: 'fsd', password: secret('ff') } }, 'alone', { kind: 'done' }],
    [
      'a user without the right',
      { user: { username: 'setter', password: secret('st') } },
      'kept',
      { kind: 'refused', code: 'ACCESS-DENIED' },
    ],
    [
      'a wrong password',
      { user: { username: 'prim', password: secret('other') } },
      'kept',
      { kind: 'refused', code: 'ACCESS-DENIED' },
    ],
    ['an unknown UPS', {}, 'nowhere', { kind: 'refused', code: 'UNKNOWN-UPS' }],
    ['a name that is no word', {}, 'kept\nFSD kept', { kind: 'refused', code: 'UNKNOWN-UPS' }],
    ['TLS', { tls: 'prefer' }, 'alone', { kind: 'done' }],
  ])('%s', async (_name, more, ups, outcome) => {
    expect((await force(configOf(upsd.port, more), ups)).outcome).toMatchObject(outcome);
    expect(await upsd.ask('GET VAR kept ups.status')).toBe('VAR kept ups.status "OB"');
  });

  test('without a login nothing is tried', async () => {
    const { user: _user, ...config } = configOf(upsd.port);
    expect((await force(config, 'kept')).outcome).toEqual({ kind: 'no-credentials' });
  });

  test('no password in the log', async () => {
    const { lines } = await force(configOf(upsd.port), 'alone');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain('p#"m');
  });

  test('a server that is away is tried again', async () => {
    const { outcome, took } = await force(configOf(await freePort()), 'alone');
    expect(outcome).toEqual({ kind: 'no-answer', why: 'not connected: ECONNREFUSED' });
    expect(took).toBeGreaterThan(1900);
  });

  test('a server that loses the first connection gets a second', async () => {
    let count = 0;
    const proxy = createServer((socket) => {
      count += 1;
      socket.on('error', () => undefined);
      if (count === 1) {
        socket.destroy();
        return;
      }
      const further = connect({ port: upsd.port, host: '127.0.0.1' });
      further.on('error', () => undefined);
      socket.pipe(further).pipe(socket);
    });
    await new Promise<void>((settle) => proxy.listen(0, '127.0.0.1', settle));
    const address = proxy.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { outcome } = await force(configOf(address.port), 'alone');
    proxy.close();
    expect(outcome).toMatchObject({ kind: 'done', left: 0 });
    expect(count).toBe(2);
  });

  test('whether a user is a primary can be asked without harm', async () => {
    const ask = (more: Partial<NutConfig>, ups = 'kept') => {
      const config = configOf(upsd.port, more);
      const resolver = createResolver(config.host);
      return isPrimary(config, ups, { resolver, signal: new AbortController().signal });
    };
    const user = (username: string, password: string) => ({ user: { username, password: secret(password) } });
    expect(await ask({})).toEqual({ ok: true, value: true });
    expect(await ask(user('fsd', 'ff'))).toEqual({ ok: true, value: false });
    expect(await ask(user('sec', 'ps'))).toEqual({ ok: true, value: false });
    expect(await ask(user('prim', 'wrong'))).toEqual({ ok: true, value: false });
    expect(await ask({}, 'nowhere')).toMatchObject({ ok: false, error: { kind: 'unknown-ups' } });
    expect(await ask({ port: await freePort() })).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
    expect(await upsd.ask('GET VAR kept ups.status')).toBe('VAR kept ups.status "OB"');
  });
});

describeWith(['upsd', 'upsmon'], 'a forced shutdown and a real upsmon', () => {
  let upsd: Upsd;
  let upsmon: Upsmon;
  beforeEach(async () => {
    upsd = await startUpsd({ ups: { rack: { dev: { 'ups.status': 'OL' } } }, users: USERS });
    upsmon = await startUpsmon({ monitors: [{ ups: 'rack', port: upsd.port }], login: 'sec ps secondary' });
  });
  afterEach(async () => {
    await upsmon?.dispose();
    await upsd?.stop();
  });

  test('the secondary shuts down, and is waited for until it has logged out', async () => {
    expect(await upsd.ask('GET NUMLOGINS rack')).toBe('NUMLOGINS rack 1');
    const { outcome, counts, took } = await force(configOf(upsd.port), 'rack', { wait: seconds(18) });
    expect({ outcome, log: upsmon.lines().slice(-20) }).toMatchObject({ outcome: { kind: 'done', left: 0, who: [] } });
    expect(counts).toEqual([1, 0]);
    // It looks every 5 s and sleeps FINALDELAY, another 5 s.
    expect(took).toBeGreaterThan(3000);
    expect(await upsmon.shutDown).toBeGreaterThan(0);
    expect(upsmon.running).toBe(false);
  });
});
