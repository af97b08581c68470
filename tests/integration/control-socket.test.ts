import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askAt } from '../../src/cli/ask.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { Answer, Request } from '../../src/domain/requests.ts';
import { asMillis, seconds } from '../../src/domain/time.ts';
import { type Control, type ControlOptions, createControl } from '../../src/http/control.ts';
import { bindFile } from '../../src/http/socket-file.ts';
import { rememberingLog } from '../kit/log.ts';
import { RunningProcess } from '../kit/process.ts';

const DONE: Answer = { status: 'ok', data: { done: true } };

/** A promise to be kept from outside. */
function later<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((keep) => {
    resolve = keep;
  });
  return { promise, resolve };
}

/** A folder of the test, and the path of a socket in it. */
function place(): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'gridwarden-control-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, path: join(folder, 'control.sock') };
}

/** A socket of a test; every request is answered at once unless `ask` says otherwise. */
function opened(path: string, more: Partial<ControlOptions> = {}) {
  const failures: string[] = [];
  const asked: Request[] = [];
  const listening = later<void>();
  const failed = later<string>();
  const control: Control = createControl({
    path,
    log: rememberingLog().log,
    retryAfter: asMillis(5),
    ask: (one) => {
      asked.push(one);
      control.answer({ kind: 'answer', request: one, answer: DONE });
      return true;
    },
    onListening: listening.resolve,
    onFailure: (why) => {
      failures.push(why);
      failed.resolve(why);
    },
    ...more,
  });
  control.start();
  onTestFinished(() => control.stop());
  return { control, failures, asked, listening: listening.promise, failed: failed.promise };
}

const ask = (path: string, verb = 'plan', given = {}) => askAt({ path, within: seconds(10) }, verb, given);

interface Raw {
  readonly path: string;
  readonly body: string;
  readonly url?: string;
  readonly type?: string;
  readonly method?: string;
}

/** What comes back for any bytes. */
async function post({ path, body, url = '/verbs/plan', type = 'application/json', method = 'POST' }: Raw) {
  const sent = request({ socketPath: path, method, path: url, headers: { 'content-type': type }, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const part of response) text += String(part);
  return { status: Number(response.statusCode), answer: JSON.parse(text) as Answer };
}

test('a verb and what is given with it come in as a request of this machine, and its answer goes back', async () => {
  const { path } = place();
  const { asked, listening } = opened(path);
  await listening;
  expect(await ask(path, 'cancel', { group: 'rack' })).toEqual({ ok: true, value: { done: true } });
  expect(await post({ path, body: '{}', url: '/verbs/health' })).toEqual({ status: 200, answer: DONE });
  expect(asked).toEqual([
    { id: 'console-1', from: 'console', ask: { kind: 'verb', verb: 'cancel', given: { group: 'rack' } } },
    { id: 'console-2', from: 'console', ask: { kind: 'verb', verb: 'health', given: {} } },
  ]);
});

test('the socket is for its user alone from its first moment on, and no other file suffers by it', async () => {
  const { folder, path } = place();
  const umask = process.umask(0o022);
  onTestFinished(() => void process.umask(umask));
  const server = createHttpServer();
  const listen = server.listen.bind(server);
  let first = 0;
  server.listen = (...where: unknown[]) => {
    const bound = listen(...(where as [object])); // whatever it is called with
    first = statSync(path).mode & 0o777;
    return bound;
  };
  expect(await bindFile(server, path, new AbortController().signal)).toBeUndefined();
  onTestFinished(() => void server.close());
  expect([first & 0o077, statSync(path).mode & 0o777]).toEqual([0, 0o600]);
  writeFileSync(join(folder, 'other'), '');
  expect(statSync(join(folder, 'other')).mode & 0o777).toBe(0o644);
});

test('the socket of a process that is gone is replaced', async () => {
  const { path } = place();
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listens'))`;
  const gone = new RunningProcess(process.execPath, ['-e', script]);
  await gone.waitForLine(/listens/, 10_000);
  await gone.kill();
  expect(statSync(path).isSocket()).toBe(true);
  expect(await ask(path)).toMatchObject({ error: { kind: 'nobody' } });
  const { listening, failures } = opened(path);
  await listening;
  expect(await ask(path)).toMatchObject({ ok: true });
  expect(failures).toEqual([]);
});

test('the socket of a process that lives stays, is told once, and is followed once it is gone', async () => {
  const { path } = place();
  const first = opened(path);
  await first.listening;
  const second = opened(path);
  expect(await second.failed).toBe(`another process listens on ${path}`);
  expect(await ask(path)).toMatchObject({ ok: true });
  expect([first.asked.length, second.asked.length]).toEqual([1, 0]);
  await first.control.stop();
  await second.listening;
  expect(second.failures).toEqual([`another process listens on ${path}`]);
  expect(await ask(path)).toMatchObject({ ok: true });
  expect(second.asked).toHaveLength(1);
});

test.each([
  ['a file', (path: string) => writeFileSync(path, 'mine')],
  ['a link to a socket elsewhere', (path: string) => symlinkSync('/elsewhere.sock', path)],
])('%s in its place stays, and is told', async (_, put) => {
  const { path } = place();
  put(path);
  const { failed, control } = opened(path);
  expect(await failed).toBe(`${path} is no socket: take it away`);
  await control.stop();
  rmSync(path);
});

test.runIf(process.getuid?.() === 0)('the socket of another user stays, and is told', async () => {
  const { folder, path } = place();
  chmodSync(folder, 0o777);
  const { listening, asked } = opened(path);
  await listening;
  process.seteuid?.(65_534);
  try {
    const failure = await bindFile(createHttpServer(), path, new AbortController().signal);
    expect(failure).toBe(`${path} is the socket of another user: take it away if that process is gone`);
  } finally {
    process.seteuid?.(0);
  }
  expect(await ask(path)).toMatchObject({ ok: true });
  expect(asked).toHaveLength(1);
});

test('a folder that is not there is told, and taken once it is', async () => {
  const { folder } = place();
  const path = join(folder, 'away', 'control.sock');
  const { failed, failures, listening } = opened(path);
  expect(await failed).toContain(path);
  mkdirSync(join(folder, 'away'));
  await listening;
  expect(await ask(path)).toMatchObject({ ok: true });
  expect(failures).toHaveLength(1);
});

test('a path that is too long for the system is told once, with what to do, on both sides', async () => {
  const { folder } = place();
  const path = join(folder, 'x'.repeat(LIMITS.socketPath));
  const { failures, failed, control } = opened(path);
  expect(await failed).toMatch(/is longer than the 103 bytes of a socket: give a shorter state_dir$/);
  expect(await ask(path)).toMatchObject({ error: { kind: 'nobody', text: /give a shorter state_dir$/ } });
  await control.stop();
  expect(failures).toHaveLength(1);
});

test('the longest path that is let through works', async () => {
  const { folder } = place();
  const path = join(folder, 'x'.repeat(LIMITS.socketPath - folder.length - 1));
  expect(Buffer.byteLength(path)).toBe(LIMITS.socketPath);
  const { listening } = opened(path);
  await listening;
  expect(await ask(path)).toMatchObject({ ok: true });
});

test.each([
  ['no JSON', { body: '{"group":' }, 400],
  ['a list', { body: '[]' }, 400],
  ['a text', { body: '"rack"' }, 400],
  ['an object that is nested deeply', { body: `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}` }, 400],
  ['a prototype', { body: '{"__proto__":{"group":"rack"}}' }, 400],
  ['more than 64 KiB', { body: JSON.stringify({ group: 'x'.repeat(65_536) }) }, 413],
  ['something that is called no JSON', { body: 'group=rack', type: 'application/x-www-form-urlencoded' }, 415],
  ['another address', { body: '{}', url: '/health' }, 404],
  ['another method', { body: '{}', method: 'PUT' }, 404],
])('%s is refused and asks for nothing', async (_, raw, status) => {
  const { path } = place();
  const { asked, listening } = opened(path);
  await listening;
  const answer = await post({ path, ...raw });
  expect(answer).toMatchObject({ status, answer: { status: 'error', code: 'wrong-payload' } });
  expect(asked).toEqual([]);
});

test('bytes that are no HTTP close their connection, and those that come after are answered', async () => {
  const { path } = place();
  const { listening } = opened(path);
  await listening;
  const socket = connect({ path });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(Buffer.alloc(100_000, 0xff));
  await once(socket, 'close');
  expect(await ask(path)).toMatchObject({ ok: true });
});

test('so many at once are let wait, one more is told so, and each gets its own answer', async () => {
  const { path } = place();
  const asked: Request[] = [];
  const all = later<void>();
  const { control, listening } = opened(path, {
    ask: (one) => {
      if (asked.push(one) === LIMITS.pending) all.resolve();
      return true;
    },
  });
  await listening;
  const waiting = Array.from({ length: LIMITS.pending }, (_, number) => ask(path, 'plan', { number }));
  await all.promise;
  expect(await ask(path)).toEqual({ ok: false, error: { kind: 'refused', text: expect.stringMatching(/too many/) } });
  for (const one of asked.toReversed()) {
    const data = one.ask.kind === 'verb' ? one.ask.given : {};
    control.answer({ kind: 'answer', request: one, answer: { status: 'ok', data } });
  }
  expect(await Promise.all(waiting)).toEqual(waiting.map((_, number) => ({ ok: true, value: { number } })));
});

test('what the loop does not take is told at once', async () => {
  const { path } = place();
  const { listening } = opened(path, { ask: () => false });
  await listening;
  expect(await post({ path, body: '{}' })).toMatchObject({ status: 503, answer: { code: 'busy' } });
});

test('what nobody answers is given up, and a late answer goes nowhere', async () => {
  const { path } = place();
  const asked: Request[] = [];
  const { control, listening } = opened(path, {
    answerWithin: asMillis(50),
    ask: (one) => asked.push(one) > 0,
  });
  await listening;
  expect(await post({ path, body: '{}' })).toMatchObject({ status: 504, answer: { code: 'no-answer' } });
  for (const one of asked) control.answer({ kind: 'answer', request: one, answer: DONE });
});

test('a stop tells those who wait, removes the socket, and leaves nobody listening', async () => {
  const { path } = place();
  const asked = later<void>();
  const { control, listening } = opened(path, {
    ask: () => {
      asked.resolve();
      return true;
    },
  });
  await listening;
  const answer = post({ path, body: '{}' });
  const idle = connect({ path });
  await once(idle, 'connect');
  await asked.promise;
  const begun = performance.now();
  await control.stop();
  expect(performance.now() - begun).toBeLessThan(2000);
  expect(await answer).toMatchObject({ status: 503, answer: { code: 'unavailable' } });
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  expect(await ask(path)).toMatchObject({ error: { kind: 'nobody' } });
});

test('a process that takes no connection counts as one that lives', async () => {
  const { path } = place();
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, 0, () => console.log('listens'))`;
  const stuck = new RunningProcess(process.execPath, ['-e', script]);
  onTestFinished(async () => void (await stuck.kill()));
  await stuck.waitForLine(/listens/, 10_000);
  stuck.signal('SIGSTOP');
  // What it has not accepted waits in the kernel: with it full, the next connection is not taken.
  const held = Array.from({ length: 4 }, () => connect({ path }).on('error', () => undefined));
  const { failed, control } = opened(path);
  expect(await failed).toMatch(/^another process listens on /);
  await control.stop();
  for (const socket of held) socket.destroy();
  expect(statSync(path).isSocket()).toBe(true);
});
