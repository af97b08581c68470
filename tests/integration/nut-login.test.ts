import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { createResolver } from '../../src/sources/nut/address.ts';
import { explainLogin, type LoginState, mayLogIn } from '../../src/sources/nut/login.ts';
import { nutSchema } from '../../src/sources/nut/schema.ts';
import { type FakeUpsd, type FakeUpsdOptions, startFakeUpsd } from '../kit/fake-upsd.ts';
import { isReadings, isSourceTrouble, realClock, says, startWatching, type Watching } from './nut-watching.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

const ups = { variables: { 'ups.status': 'OL' } };
const users = {
  sec: { password: 'ps', upsmon: 'secondary' as const },
  setter: { password: 'st', actions: ['SET' as const] },
};
const SEC = { username: 'sec', password: 'ps' };

async function upsd(options: Partial<FakeUpsdOptions> = {}): Promise<FakeUpsd> {
  const server = await startFakeUpsd({ ups: { one: ups, two: ups }, users, noDelay: true, ...options });
  closing.push(() => server.stop());
  return server;
}

function watching(
  server: FakeUpsd,
  names: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
  deps: Parameters<typeof startWatching>[1] = {},
): Watching {
  const begun = startWatching({ port: server.port, ...SEC, ...settings }, deps);
  closing.push(begun.stop);
  begun.source.logInTo(names);
  return begun;
}

/** Pretended from before the source starts: a real timer would not follow. */
const TIMERS = { toFake: ['setTimeout' as const, 'clearTimeout' as const] };
/** Reading that asks little and is patient, for time that jumps. */
const CALM = { status_interval: '10s', interval: '60s', timeout: '30s' };

const stands = (watch: Watching, name = 'one') => watch.source.logins().get(name);
const until = (watch: Watching, kind: LoginState['kind'], name = 'one') =>
  vi.waitFor(() => expect(stands(watch, name)?.kind).toBe(kind), { timeout: 5000, interval: 10 });
const asked = (server: FakeUpsd, pattern: RegExp) => server.requests.filter(({ line }) => pattern.test(line));

test('each UPS is logged in to on a connection of its own, and the one that is read stays out', async () => {
  const server = await upsd();
  const watch = watching(server, ['one', 'TWO']);
  await until(watch, 'logged-in');
  await until(watch, 'logged-in', 'TWO');
  expect(server.connections).toBe(3);
  const [reading] = asked(server, /^LIST UPS/);
  const logins = asked(server, /^LOGIN/);
  expect(logins.map(({ line }) => line).toSorted()).toEqual(['LOGIN TWO', 'LOGIN one']);
  expect(new Set([reading, ...logins].map((request) => request?.connection)).size).toBe(3);
  expect(watch.logged).toContain('info logged in to one of nas as a secondary: its primary waits for this host');
});

test('names that are not wanted any more are logged out of, the others stay', async () => {
  const server = await upsd();
  const watch = watching(server, ['one', 'two']);
  await server.waitForConnections(3);
  await until(watch, 'logged-in');
  await until(watch, 'logged-in', 'two');
  watch.source.logInTo(['two']);
  await server.waitForConnections(2);
  watch.source.logInTo(['two']);
  expect([...watch.source.logins().keys()]).toEqual(['two']);
  expect(asked(server, /^LOGIN/).length).toBe(2);
  expect(asked(server, /^LOGOUT/).map(({ connection }) => connection)).toEqual(
    asked(server, /^LOGIN one/).map(({ connection }) => connection),
  );
});

test.each<[string, Readonly<Record<string, unknown>>, LoginState]>([
  ['a user without the right', { username: 'setter', password: 'st' }, { kind: 'refused', code: 'ACCESS-DENIED' }],
  ['a wrong password', { username: 'sec', password: 'x' }, { kind: 'refused', code: 'ACCESS-DENIED' }],
  ['no TLS where it is preferred', { tls: 'prefer' }, { kind: 'withheld' }],
  ['login: never', { login: 'never' }, { kind: 'never' }],
  ['no user', { username: undefined, password: undefined }, { kind: 'no-credentials' }],
])('%s: it is read all the same, and told why at most once', async (_name, settings, state) => {
  const server = await upsd();
  const watch = watching(server, ['one'], settings);
  await watch.until(isReadings);
  await until(watch, state.kind);
  expect(stands(watch)).toEqual(state);
  server.set('one', 'ups.status', 'FSD OL');
  await watch.until(says('one', 'ups.status', 'FSD OL'));
  server.closeAll();
  await watch.until(isReadings, watch.reports.length + 1);
  await server.waitForConnections(1);
  expect(stands(watch)).toEqual(state);
  expect(watch.logged.filter((line) => line.startsWith('warn not logged in')).length).toBeLessThanOrEqual(1);
  if (state.kind !== 'refused') expect(asked(server, /^LOGIN/)).toEqual([]);
  const config = nutSchema.parse({ host: '127.0.0.1', port: server.port, ...SEC, ...settings });
  const probe = { resolver: createResolver('127.0.0.1'), signal: new AbortController().signal };
  expect(await mayLogIn(config, 'one', probe)).toEqual(state);
});

test('whether it may can be asked, and leaves no login behind', async () => {
  const server = await upsd();
  const ask = (name: string, port = server.port) => {
    const config = nutSchema.parse({ host: '127.0.0.1', port, ...SEC });
    return mayLogIn(config, name, { resolver: createResolver('127.0.0.1'), signal: new AbortController().signal });
  };
  expect(await ask('one')).toEqual({ kind: 'logged-in' });
  await server.waitForConnections(0);
  expect(await ask('three')).toEqual({ kind: 'refused', code: 'UNKNOWN-UPS' });
  expect(await ask('one\nFSD one')).toEqual({ kind: 'refused', code: 'UNKNOWN-UPS' });
  expect(asked(server, /^FSD/)).toEqual([]);
  await server.fault({ refuseConnect: true });
  expect(await ask('one')).toMatchObject({ kind: 'trying', trouble: { kind: 'unreachable' } });
});

test('a right that was refused is asked for again only when the server comes back, or after minutes', async () => {
  const server = await upsd();
  vi.useFakeTimers(TIMERS);
  const watch = watching(server, ['one'], { username: 'setter', password: 'st', ...CALM });
  await until(watch, 'refused');
  await pretend(240_000, 500);
  await delay(100);
  const [first, ...more] = asked(server, /^LOGIN/);
  expect(more).toEqual([]);
  await pretend(70_000, 500);
  await server.waitForRequest(/^LOGIN/, { since: (first?.seq ?? 0) + 1 });
});

test('a UPS that the server does not know yet is logged in to once it does', async () => {
  const server = await upsd();
  const watch = watching(server, ['three']);
  await until(watch, 'refused', 'three');
  server.addUps('three', ups);
  server.closeAll();
  await until(watch, 'logged-in', 'three');
});

test.each([
  ['is cut at LOGIN', { closeAt: { request: 1 }, only: /^LOGIN/ }],
  ['gets no answer to LOGIN', { loseAnswer: true, only: /^LOGIN/ }],
  ['gets bytes for an answer', { garbage: true, only: /^LOGIN/ }],
])('a login that %s does not touch reading, and is not tried at full speed', async (_name, faults) => {
  const server = await upsd();
  await server.fault(faults);
  const watch = watching(server, ['one']);
  await server.waitForRequest(/^LOGIN/);
  await delay(1500);
  expect(watch.reports.some(isSourceTrouble)).toBe(false);
  expect(asked(server, /^LOGIN/).length).toBeLessThan(8);
  await server.heal();
});

test('a login that is lost alone is made again at once', async () => {
  const server = await upsd();
  const watch = watching(server, ['one']);
  await until(watch, 'logged-in');
  const [first] = asked(server, /^LOGIN/);
  server.removeUps('one');
  server.addUps('one', ups);
  const again = await server.waitForRequest(/^LOGIN one/, { since: (first?.seq ?? 0) + 1 });
  expect(again.connection).not.toBe(first?.connection);
  expect(watch.reports.some(isSourceTrouble)).toBe(false);
});

test('a login never falls silent for so long that upsd drops it', async () => {
  const server = await upsd({ idleMs: 0 });
  vi.useFakeTimers(TIMERS);
  const watch = watching(server, ['one'], CALM);
  await until(watch, 'logged-in');
  const login = asked(server, /^LOGIN/)[0]?.connection;
  let heard = server.requestCount;
  for (let half = 0; half < 6; half += 1) {
    await pretend(25_000, 500);
    const since = server.requests.filter(({ seq, connection }) => seq >= heard && connection === login);
    expect(since.length).toBeGreaterThan(0);
    heard = server.requestCount;
  }
  expect(stands(watch)).toEqual({ kind: 'logged-in' });
});

test('nobody is logged in while nobody reads', async () => {
  const server = await upsd();
  await server.fault({ noAnswer: true, only: /^LIST UPS/ });
  const watch = watching(server, ['one']);
  await watch.until(isSourceTrouble);
  expect(asked(server, /^LOGIN/)).toEqual([]);
  expect(stands(watch)).toEqual({ kind: 'trying' });
  await server.heal();
  await until(watch, 'logged-in');
});

test('a logout for a halt lasts minutes, not for ever, and not if it is asked for again', async () => {
  const server = await upsd();
  let now = 0;
  const clock = { ...realClock, now: () => asLater(now) };
  vi.useFakeTimers(TIMERS);
  const watch = watching(server, ['one', 'two'], CALM, { clock });
  await until(watch, 'logged-in');
  await until(watch, 'logged-in', 'two');
  await watch.source.logOut();
  await server.waitForConnections(1);
  expect(stands(watch)).toEqual({ kind: 'logged-out' });
  watch.source.logInTo(['one']);
  const pass = (span: number) => pretend(span, 1000, (step) => (now += step));
  await pass(200_000);
  await watch.source.logOut();
  await pass(200_000);
  expect(stands(watch)).toEqual({ kind: 'logged-out' });
  expect(asked(server, /^LOGIN/).length).toBe(2);
  await pass(110_000);
  await until(watch, 'logged-in');
  expect(server.connections).toBe(2);
});

test('a logout comes back within a second, whatever the server does', async () => {
  const server = await upsd();
  const watch = watching(server, ['one']);
  await until(watch, 'logged-in');
  await server.fault({ noAnswer: true });
  const begun = performance.now();
  await Promise.all([watch.source.logOut(), watch.source.logOut()]);
  expect(performance.now() - begun).toBeLessThan(1000);
});

test('the end of the source logs out', async () => {
  const server = await upsd();
  const watch = watching(server, ['one']);
  await until(watch, 'logged-in');
  await watch.stop();
  await server.waitForConnections(0);
  expect(asked(server, /^LOGOUT/).length).toBe(2);
  expect(stands(watch)).toEqual({ kind: 'trying' });
});

test.each<[LoginState, string]>([
  [{ kind: 'logged-in' }, 'logged in: its primary waits for this host'],
  [{ kind: 'trying' }, 'not tried yet'],
  [{ kind: 'trying', trouble: { kind: 'unreachable', detail: 'ECONNREFUSED' } }, 'unreachable: ECONNREFUSED'],
  [{ kind: 'refused', code: 'UNKNOWN-UPS' }, 'the server refuses it (UNKNOWN-UPS)'],
  [{ kind: 'logged-out' }, 'logged out, because this host halts'],
])('%j reads %j', (state, text) => {
  expect(explainLogin(state)).toBe(text);
});

const asLater = (span: number): ReturnType<typeof realClock.now> => (realClock.now() + span) as never; // a brand

/** Lets pretended time pass in steps, with a little real time for the sockets in each. */
async function pretend(span: number, step: number, each: (step: number) => void = () => undefined): Promise<void> {
  for (let passed = 0; passed < span; passed += step) {
    await delay(2);
    each(step);
    await vi.advanceTimersByTimeAsync(step);
  }
}
