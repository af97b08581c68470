import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ItemProgress } from '../../src/domain/progress.ts';
import type { Inventory, Variables } from '../../src/domain/reading.ts';
import { asMillis, type Millis, seconds } from '../../src/domain/time.ts';
import type { Outcome } from '../../src/shutdown/step.ts';
import { killpowerDevices } from '../../src/shutdown/steps/ups/flag.ts';
import type { UpsPorts } from '../../src/shutdown/steps/ups/ports.ts';
import { upsRunner } from '../../src/shutdown/steps/ups/run.ts';
import type { UpsOrder } from '../../src/shutdown/steps/ups/schema.ts';
import { createResolver } from '../../src/sources/nut/address.ts';
import { forceShutdown, isPrimary } from '../../src/sources/nut/primary.ts';
import { nutSchema } from '../../src/sources/nut/schema.ts';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import type { UpsDefinition } from '../kit/fake-upsd-ups.ts';
import { rememberingLog } from '../kit/log.ts';
import { attend } from '../kit/step-context.ts';
import { isReadings, startWatching, type Watching } from './nut-watching.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const LOGIN = { username: 'admin', password: 'adm' };
const UPS: UpsDefinition = {
  variables: {
    'ups.status': 'OB',
    'ups.delay.shutdown': '20',
    'outlet.1.status': 'on',
    'outlet.2.delay.shutdown': '20',
  },
  rw: { 'ups.delay.shutdown': { ranges: [[12, 600]] }, 'outlet.2.delay.shutdown': { maxLength: 4 } },
  commands: [
    'shutdown.return',
    'outlet.1.load.off',
    'outlet.1.load.off.delay',
    'outlet.2.shutdown.return',
    'outlet.3.load.off',
  ],
};

interface Rig {
  readonly server: FakeUpsd;
  readonly watch: Watching;
  readonly ports: UpsPorts;
  readonly carryOut: (
    order: UpsOrder,
    within?: number,
  ) => Promise<Outcome & { readonly items: readonly ItemProgress[] }>;
  readonly probe: (order: UpsOrder) => Promise<readonly (readonly [what: string, ok: boolean])[]>;
  /** SET and INSTCMD lines, in order. */
  readonly orders: () => readonly string[];
}

/** The runner on the real source of NUT, as the program puts them together. */
async function rig(
  ups: UpsDefinition = UPS,
  { rest = seconds(60), login = true }: { readonly rest?: Millis; readonly login?: boolean } = {},
): Promise<Rig> {
  const server = await startFakeUpsd({
    ups: { one: ups },
    users: { admin: { password: 'adm', actions: ['SET'], instcmds: 'ALL', upsmon: 'primary' } },
  });
  const settings = { port: server.port, ...(login && LOGIN) };
  const watch = startWatching(settings);
  closing.push(() => server.stop(), watch.stop);
  await watch.until(isReadings);
  await watch.untilAny(({ kind }) => kind === 'inventory');
  const config = nutSchema.parse({ host: '127.0.0.1', ...settings });
  const resolver = createResolver(config.host);
  const ports: UpsPorts = {
    instruct: (device, order, signal) => watch.source.instruct(device, order, signal),
    read: (device) => {
      let [variables, inventory]: [Variables, Inventory | undefined] = [new Map(), undefined];
      if (device !== 'one') return undefined;
      for (const report of watch.reports) {
        if (report.kind === 'readings') variables = report.readings.get(device)?.variables ?? variables;
        if (report.kind === 'inventory') inventory = report.inventory;
      }
      return { variables, login, ...(inventory !== undefined && { inventory }) };
    },
    restOfPlan: () => rest,
    forceShutdown: (device, options) =>
      forceShutdown(config, device, { ...options, log: rememberingLog().log, own: 0, resolver }),
    mayForceShutdown: async (device, signal) => {
      const may = await isPrimary(config, device, { resolver, signal });
      return may.ok ? may : { ok: false, error: may.error.detail };
    },
  };
  const runner = upsRunner(ports);
  return {
    server,
    watch,
    ports,
    carryOut: async (order, within = 15_000) => {
      const controller = new AbortController();
      const { context, items } = attend({ signal: controller.signal });
      const timer = setTimeout(() => controller.abort(), within);
      const outcome = await runner.run({ device: 'one', order }, context);
      clearTimeout(timer);
      return { ...outcome, items };
    },
    probe: async (order) =>
      (await runner.probe({ device: 'one', order }, new AbortController().signal)).map(({ what, ok }) => [what, ok]),
    orders: () => server.requests.map(({ line }) => line).filter((line) => /^(?:SET VAR|INSTCMD)/.test(line)),
  };
}

describe('shutdown.return', () => {
  test('the delay is set, read back and covers the plan: the UPS is told', async () => {
    const { carryOut, orders } = await rig();
    expect(await carryOut({ action: 'shutdown_return', delay: seconds(90) })).toMatchObject({
      kind: 'done',
      text: 'one switches off in 1 min 30 s and returns with mains',
    });
    expect(orders()).toEqual(['SET VAR one ups.delay.shutdown "90"', 'INSTCMD one shutdown.return']);
  });

  test('its own delay covers the plan: nothing is set', async () => {
    const { carryOut, orders } = await rig(UPS, { rest: seconds(20) });
    expect(await carryOut({ action: 'shutdown_return' })).toMatchObject({ kind: 'done' });
    expect(orders()).toEqual(['INSTCMD one shutdown.return']);
  });

  test.each<[string, Millis, UpsOrder, UpsDefinition, RegExp]>([
    ['its own delay is too short', seconds(21), { action: 'shutdown_return' }, UPS, /off in 20 s, and 21 s are needed/],
    [
      'the delay that was asked for is too short',
      seconds(60),
      { action: 'shutdown_return', delay: seconds(30) },
      UPS,
      /off in 30 s, and 1 min are needed/,
    ],
    [
      'it tells no delay',
      seconds(1),
      { action: 'shutdown_return' },
      { ...UPS, variables: { 'ups.status': 'OB', 'ups.delay.shutdown': '-1' } },
      /its delay \(ups.delay.shutdown\) is not known: it does not tell it/,
    ],
    [
      'its delay cannot be set',
      seconds(60),
      { action: 'shutdown_return', delay: seconds(90) },
      { ...UPS, rw: {} },
      /off in 20 s, and 1 min are needed/,
    ],
    [
      'its delay cannot be set so long',
      seconds(60),
      { action: 'shutdown_return', delay: seconds(900) },
      UPS,
      /off in 20 s, and 1 min are needed/,
    ],
  ])('%s: it is not told, and the late hook has to', async (_name, rest, order, ups, text) => {
    const { carryOut, orders } = await rig(ups, { rest });
    const outcome = await carryOut(order);
    expect(outcome.kind).toBe('failed');
    expect(outcome.text).toMatch(text);
    expect(outcome.text).toMatch(/^one was not told to switch off: .*; the late killpower hook must do it$/);
    expect(orders().filter((line) => line.startsWith('INSTCMD'))).toEqual([]);
  });

  test('a UPS that confirms and keeps another delay is believed, not the order', async () => {
    const { server, carryOut, orders } = await rig();
    server.onSet = () => {
      setTimeout(() => server.set('one', 'ups.delay.shutdown', '30'), 20);
      return 'success';
    };
    expect(await carryOut({ action: 'shutdown_return', delay: seconds(90) })).toMatchObject({
      kind: 'failed',
      text: 'one was not told to switch off: it would be off in 30 s, and 1 min are needed; the late killpower hook must do it',
    });
    expect(orders()).toEqual(['SET VAR one ups.delay.shutdown "90"']);
  });

  test('a longer delay that could not be made shorter does no harm', async () => {
    const { server, carryOut } = await rig({ ...UPS, variables: { ...UPS.variables, 'ups.delay.shutdown': '300' } });
    server.onSet = () => 'refused';
    expect(await carryOut({ action: 'shutdown_return', delay: seconds(90) })).toMatchObject({
      kind: 'done',
      text: 'one switches off in 5 min and returns with mains',
    });
  });

  test('a setting that is not confirmed may have been made: the shorter delay counts', async () => {
    const ups = { ...UPS, variables: { ...UPS.variables, 'ups.delay.shutdown': '300' } };
    const { server, carryOut } = await rig(ups, { rest: seconds(100) });
    server.onSet = () => {
      server.closeAll();
      return 'success';
    };
    const outcome = await carryOut({ action: 'shutdown_return', delay: seconds(90) });
    expect(outcome).toMatchObject({ kind: 'failed', text: expect.stringContaining('off in 1 min 30 s') });
  });

  test('what the UPS refuses is a failure', async () => {
    const { server, carryOut } = await rig(UPS, { rest: seconds(1) });
    server.onInstcmd = () => 'failed';
    expect(await carryOut({ action: 'shutdown_return' })).toMatchObject({
      kind: 'failed',
      text: 'one: shutdown.return refused with FAILED',
    });
  });

  test('a UPS that does not know it is not asked', async () => {
    const { carryOut, orders } = await rig({ ...UPS, commands: ['beeper.mute'] }, { rest: seconds(1) });
    const outcome = await carryOut({ action: 'shutdown_return' });
    expect(outcome).toMatchObject({ kind: 'failed', text: 'one does not know shutdown.return' });
    expect(orders()).toEqual([]);
  });

  test('an answer that does not come ends with the step', async () => {
    const { server, carryOut } = await rig(UPS, { rest: seconds(1) });
    server.onInstcmd = () => 'pending';
    const before = performance.now();
    expect(await carryOut({ action: 'shutdown_return' }, 500)).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/^one: shutdown.return not known whether it was done: /),
    });
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test('without a login', async () => {
    const { carryOut, probe } = await rig(UPS, { rest: seconds(1), login: false });
    expect(await carryOut({ action: 'shutdown_return' })).toMatchObject({
      kind: 'failed',
      text: 'one: shutdown.return its source has no login to give it orders',
    });
    expect(await probe({ action: 'shutdown_return' })).toContainEqual(['login for one', false]);
    expect(await probe({ action: 'fsd', wait: seconds(15) })).toEqual([
      ['UPS one', true],
      ['login for one', false],
    ]);
  });

  test('a rehearsal sets nothing', async () => {
    const { probe, orders } = await rig();
    const basics = [
      ['UPS one', true],
      ['login for one', true],
      ['shutdown.return', true],
    ];
    expect(await probe({ action: 'shutdown_return' })).toEqual([...basics, ['delay against plan', false]]);
    expect(await probe({ action: 'shutdown_return', delay: seconds(60) })).toEqual([
      ...basics,
      ['ups.delay.shutdown of 1 min', true],
      ['delay against plan', true],
    ]);
    expect(await probe({ action: 'shutdown_return', delay: seconds(601) })).toEqual([
      ...basics,
      ['ups.delay.shutdown of 10 min 1 s', false],
      ['delay against plan', false],
    ]);
    expect(orders()).toEqual([]);
  });
});

describe('an outlet', () => {
  test('is switched off at once, and seen to be off', async () => {
    const { server, carryOut, orders } = await rig();
    server.onInstcmd = () => {
      server.set('one', 'outlet.1.status', 'off');
      return 'success';
    };
    expect(await carryOut({ action: 'outlet_off', outlet: '1' })).toMatchObject({
      kind: 'done',
      text: 'outlet 1 of one is off',
    });
    expect(orders()).toEqual(['INSTCMD one outlet.1.load.off']);
  });

  test.each<[string, Millis | undefined, readonly string[], string]>([
    ['1', seconds(45), ['INSTCMD one outlet.1.load.off.delay "45"'], 'outlet 1 of one switches off in 45 s'],
    [
      '2',
      seconds(45),
      ['SET VAR one outlet.2.delay.shutdown "45"', 'INSTCMD one outlet.2.shutdown.return'],
      'outlet 2 of one switches off in 45 s',
    ],
    ['2', undefined, ['INSTCMD one outlet.2.shutdown.return'], 'outlet 2 of one was told to switch off'],
    ['3', undefined, ['INSTCMD one outlet.3.load.off'], 'outlet 3 of one was told to switch off'],
  ])('%s after %s ms: %j', async (outlet, delay, lines, text) => {
    const { carryOut, orders } = await rig();
    const order: UpsOrder = { action: 'outlet_off', outlet, ...(delay !== undefined && { delay }) };
    expect(await carryOut(order)).toMatchObject({ kind: 'done', text });
    expect(orders()).toEqual(lines);
  });

  test('is never switched off at once where a delay is wanted', async () => {
    const { carryOut, orders, probe } = await rig();
    const order: UpsOrder = { action: 'outlet_off', outlet: '3', delay: seconds(45) };
    expect(await carryOut(order)).toMatchObject({
      kind: 'failed',
      text: 'one: it cannot switch outlet 3 off after a delay',
    });
    expect(await probe(order)).toContainEqual(['outlet 3', false]);
    expect(orders()).toEqual([]);
  });

  test('whose delay stays shorter is not switched off', async () => {
    const { server, carryOut, orders } = await rig();
    server.onSet = () => 'failed';
    expect(await carryOut({ action: 'outlet_off', outlet: '2', delay: seconds(45) })).toMatchObject({
      kind: 'failed',
      text: 'outlet 2 of one was not switched off: its delay is 20 s',
    });
    expect(orders().filter((line) => line.startsWith('INSTCMD'))).toEqual([]);
  });

  test('that is not there', async () => {
    const { carryOut } = await rig();
    const outcome = await carryOut({ action: 'outlet_off', outlet: '9' });
    expect(outcome).toMatchObject({ kind: 'failed', text: 'one: it cannot switch outlet 9 off' });
  });
});

describe('FSD', () => {
  test('is set, and who is logged in is counted and named', async () => {
    const { server, carryOut, watch } = await rig();
    const secondary = startSecondary(server);
    await server.waitForRequest(/^LOGIN one/);
    const outcome = await carryOut({ action: 'fsd', wait: asMillis(600) });
    secondary.close();
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: 'FSD is set on one, but after 600 ms 1 are still logged in (127.0.0.1)',
      items: [{ item: 'secondaries', state: 'running', text: '1 logged in' }],
    });
    expect(watch.logged.join('\n')).not.toContain('adm');
  });

  test('ends when everybody has logged out', async () => {
    const { server, carryOut } = await rig();
    const secondary = startSecondary(server);
    await server.waitForRequest(/^LOGIN one/);
    const ending = carryOut({ action: 'fsd', wait: seconds(10) });
    await server.waitForRequest(/^GET NUMLOGINS one/);
    setTimeout(() => secondary.close(), 200);
    const outcome = await ending;
    expect(outcome).toMatchObject({ kind: 'done', text: 'FSD is set on one, and every secondary has logged out' });
    expect(outcome.items.map(({ state, text }) => [state, text])).toEqual([
      ['running', '1 logged in'],
      ['done', '0 logged in'],
    ]);
  });

  test('whose server goes away is set, and nobody knows who is down', async () => {
    const { server, carryOut } = await rig();
    startSecondary(server);
    await server.waitForRequest(/^LOGIN one/);
    const ending = carryOut({ action: 'fsd', wait: seconds(10) });
    await server.waitForRequest(/^GET NUMLOGINS one/);
    setTimeout(() => server.closeAll(), 200);
    expect(await ending).toMatchObject({
      kind: 'failed',
      text: 'FSD is set on one, but nobody saw whether the last 1 have logged out: closed by the server',
    });
  });

  test('a rehearsal asks whether the login is that of a primary', async () => {
    const { probe, server } = await rig();
    expect(await probe({ action: 'fsd', wait: seconds(15) })).toContainEqual(['FSD on one', true]);
    expect(server.requests.some(({ line }) => line.startsWith('FSD'))).toBe(false);
  });
});

/** A machine that is logged in to `one`. */
function startSecondary(server: FakeUpsd): { readonly close: () => void } {
  const socket = connect({ port: server.port, host: server.host });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('USERNAME admin\nPASSWORD adm\nLOGIN one\n');
  return { close: () => socket.destroy() };
}

describe('killpower', () => {
  test('two steps side by side leave one flag with both UPSes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gridwarden-ups-'));
    closing.push(() => rm(folder, { recursive: true }));
    const flag = join(folder, 'killpower');
    const { ports } = await rig();
    const runner = upsRunner(ports);
    const { context } = attend();
    const outcomes = await Promise.all(
      ['rack_a', 'rack_b'].map((device) => runner.run({ device, order: { action: 'killpower', flag } }, context)),
    );
    expect(outcomes.map(({ text }) => text)).toEqual([
      `${flag} asks for rack_a to be switched off after the halt`,
      `${flag} asks for rack_b to be switched off after the halt`,
    ]);
    expect(killpowerDevices(await readFile(flag, 'utf8'))).toEqual(['rack_a', 'rack_b']);
  });

  test('a folder that is not there is told, by a rehearsal too', async () => {
    const { carryOut, probe } = await rig();
    const order: UpsOrder = { action: 'killpower', flag: '/nowhere/killpower' };
    expect(await carryOut(order)).toMatchObject({
      kind: 'failed',
      text: '/nowhere/killpower cannot be written: ENOENT',
    });
    expect(await probe(order)).toEqual([['/nowhere/killpower', false]]);
  });
});

test('a UPS that no source lists', async () => {
  const { ports } = await rig();
  const runner = upsRunner(ports);
  const { context } = attend();
  const orders: readonly UpsOrder[] = [
    { action: 'shutdown_return' },
    { action: 'outlet_off', outlet: '1' },
    { action: 'fsd', wait: seconds(1) },
  ];
  for (const order of orders) {
    expect(await runner.run({ device: 'other', order }, context)).toEqual({
      kind: 'failed',
      text: 'no source lists other',
    });
    expect(await runner.probe({ device: 'other', order }, context.signal)).toEqual([
      { what: 'UPS other', ok: false, text: 'no source lists it' },
    ]);
    expect(await runner.run({ order }, context)).toEqual({ kind: 'failed', text: 'the step names no UPS' });
  }
});
