import { afterEach, describe, expect, test } from 'vitest';
import type { Order } from '../../src/domain/intents.ts';
import { asMillis } from '../../src/domain/time.ts';
import { createResolver } from '../../src/sources/nut/address.ts';
import { instructDevice } from '../../src/sources/nut/instruct.ts';
import { nutSchema } from '../../src/sources/nut/schema.ts';
import { openSession } from '../../src/sources/nut/session.ts';
import { type FakeUpsd, type FakeUpsdOptions, startFakeUpsd } from '../kit/fake-upsd.ts';
import { isReadings, says, startWatching, type Watching } from './nut-watching.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const login = { username: 'admin', password: 'a "secret" \\ #1' };
const beeper: Order = { kind: 'command', command: 'beeper.mute' };
const never = new AbortController().signal;

async function rig(
  options: Partial<FakeUpsdOptions> = {},
  settings: Readonly<Record<string, unknown>> = login,
): Promise<{ readonly server: FakeUpsd; readonly watch: Watching }> {
  const server = await startFakeUpsd({
    ups: {
      one: {
        variables: { 'ups.status': 'OL', 'ups.id': 'old', 'ups.delay.shutdown': '20' },
        rw: { 'ups.id': { maxLength: 30 }, 'ups.delay.shutdown': { ranges: [[0, 100]] } },
        commands: ['beeper.mute', 'load.off.delay'],
      },
    },
    users: { admin: { password: login.password, actions: ['SET'], instcmds: ['ALL'] } },
    ...options,
  });
  const watch = startWatching({ port: server.port, interval: '60s', ...settings });
  closing.push(() => server.stop(), watch.stop);
  await watch.until(isReadings);
  return { server, watch };
}

describe('upsd 2.8.0', () => {
  test('a command that the driver confirms is done, and the device read at once', async () => {
    const { server, watch } = await rig();
    server.onInstcmd = () => {
      server.set('one', 'ups.id', 'after');
      return 'success';
    };
    expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'done', tracked: true });
    await watch.until(says('one', 'ups.id', 'after'));
    expect(server.requests.filter(({ line }) => line.startsWith('INSTCMD')).map(({ line }) => line)).toEqual([
      'INSTCMD one beeper.mute',
    ]);
  });

  test('a value of any printable text arrives as it was given', async () => {
    const { watch } = await rig();
    const value = 'rack "A" \\ #1 = x';
    const order: Order = { kind: 'set', variable: 'ups.id', value };
    expect(await watch.source.instruct('one', order, never)).toEqual({ kind: 'done', tracked: true });
    await watch.until(says('one', 'ups.id', value));
  });

  test('a command with a parameter is sent with it', async () => {
    const { server, watch } = await rig();
    const order: Order = { kind: 'command', command: 'load.off.delay', value: '30' };
    expect(await watch.source.instruct('one', order, never)).toEqual({ kind: 'done', tracked: true });
    expect(server.requests.some(({ line }) => line === 'INSTCMD one load.off.delay "30"')).toBe(true);
  });

  test('what the driver fails at is refused with its code', async () => {
    const { server, watch } = await rig();
    server.onInstcmd = () => 'failed';
    expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'refused', code: 'FAILED' });
  });

  test.each<{ readonly order: Order; readonly code: string }>([
    { order: { kind: 'command', command: 'no.such' }, code: 'CMD-NOT-SUPPORTED' },
    { order: { kind: 'set', variable: 'no.such', value: '1' }, code: 'VAR-NOT-SUPPORTED' },
    { order: { kind: 'set', variable: 'ups.status', value: 'OB' }, code: 'READONLY' },
    { order: { kind: 'set', variable: 'ups.delay.shutdown', value: '101' }, code: 'INVALID-VALUE' },
  ])('what upsd refuses is refused with $code', async ({ order, code }) => {
    const { watch } = await rig();
    expect(await watch.source.instruct('one', order, never)).toEqual({ kind: 'refused', code });
  });

  test('a wrong password is told when it matters', async () => {
    const { watch } = await rig({}, { ...login, password: 'wrong' });
    expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'refused', code: 'ACCESS-DENIED' });
  });

  test('a connection that ends while the driver thinks leaves it open, and nothing is sent again', async () => {
    const { server, watch } = await rig();
    server.onInstcmd = () => new Promise(() => undefined);
    const outcome = watch.source.instruct('one', beeper, never);
    await server.waitForRequest(/^GET TRACKING/);
    server.closeAll();
    expect(await outcome).toMatchObject({ kind: 'no-answer' });
    await watch.until(isReadings, watch.reports.length);
    expect(server.requests.filter(({ line }) => line.startsWith('INSTCMD')).length).toBe(1);
  });

  test('a command whose answer is lost is not known, and nothing is sent again', async () => {
    const { server, watch } = await rig();
    await server.fault({ closeAt: 1, only: /^INSTCMD/ });
    expect(await watch.source.instruct('one', beeper, never)).toMatchObject({ kind: 'no-answer' });
    await server.heal();
    await watch.until(isReadings, watch.reports.length);
    expect(server.requests.filter(({ line }) => line.startsWith('INSTCMD')).length).toBe(1);
  });

  test('a driver that is still thinking at the deadline has not answered', async () => {
    const { server } = await rig();
    server.onInstcmd = () => new Promise(() => undefined);
    const config = nutSchema.parse({ host: '127.0.0.1', port: server.port, ...login });
    const session = await openSession(config, createResolver(config.host), never, () => undefined);
    if (!session.ok) throw new Error(session.error.detail);
    closing.push(() => session.value.connection.close());
    expect(await instructDevice(session.value, 'one', beeper, never, asMillis(400))).toEqual({
      kind: 'no-answer',
      why: 'the driver has not confirmed within 400 ms',
    });
  });

  test('a stop ends the wait for the driver', async () => {
    const { server, watch } = await rig();
    server.onInstcmd = () => new Promise(() => undefined);
    const stop = new AbortController();
    const outcome = watch.source.instruct('one', beeper, stop.signal);
    await server.waitForRequest(/^GET TRACKING/);
    stop.abort();
    expect(await outcome).toEqual({ kind: 'no-answer', why: 'stopped before the driver confirmed' });
  });

  test('nothing is sent while the server is away', async () => {
    const { server, watch } = await rig();
    const since = watch.reports.length;
    await server.fault({ refuseConnect: true });
    server.closeAll();
    await watch.untilAny(({ kind }) => kind === 'source-trouble', since);
    expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'no-answer', why: 'not connected' });
  });
});

test('upsd 2.7.4 does it without a word from the driver', async () => {
  const { watch } = await rig({ version: '2.7.4' });
  expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'done', tracked: false });
  const order: Order = { kind: 'set', variable: 'ups.id', value: 'new' };
  expect(await watch.source.instruct('one', order, never)).toEqual({ kind: 'done', tracked: false });
  await watch.until(says('one', 'ups.id', 'new'));
});

test('upsd 2.7.4 would ignore a parameter, so it is not sent', async () => {
  const { server, watch } = await rig({ version: '2.7.4' });
  const order: Order = { kind: 'command', command: 'load.off.delay', value: '30' };
  expect(await watch.source.instruct('one', order, never)).toEqual({
    kind: 'refused',
    code: 'PARAMETER-NOT-SUPPORTED',
  });
  expect(server.requests.some(({ line }) => line.startsWith('INSTCMD'))).toBe(false);
});

test('without a login nothing is sent', async () => {
  const { server, watch } = await rig({}, {});
  expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'no-credentials' });
  expect(server.requests.some(({ line }) => /^(?:INSTCMD|USERNAME|PASSWORD)/.test(line))).toBe(false);
});

test.each<{ readonly name?: string; readonly order: Order }>([
  { order: { kind: 'command', command: 'beeper.mute\nFSD one' } },
  { order: { kind: 'command', command: 'beeper.mute one' } },
  { order: { kind: 'command', command: '"beeper.mute"' } },
  { order: { kind: 'command', command: 'load.off.delay', value: '3\n0' } },
  { order: { kind: 'command', command: 'load.off.delay', value: '3\r0' } },
  { order: { kind: 'set', variable: 'ups.id', value: 'a\u0000b' } },
  { order: { kind: 'set', variable: 'ups.id', value: 'b\u007f' } },
  { order: { kind: 'set', variable: 'ups.id', value: 'caf\u00e9' } },
  { order: { kind: 'set', variable: 'ups.id', value: 'x'.repeat(256) } },
  { order: { kind: 'set', variable: 'ups.id\nFSD one', value: '1' } },
  { name: 'one\nFSD one', order: beeper },
  { name: 'two', order: beeper },
])('$name $order.command $order.variable $order.value never reaches the server', async ({ name = 'one', order }) => {
  const { server, watch } = await rig();
  expect(await watch.source.instruct(name, order, never)).toMatchObject({ kind: 'refused' });
  expect(server.requests.some(({ line }) => /^(?:INSTCMD|SET VAR|FSD)/.test(line))).toBe(false);
});
