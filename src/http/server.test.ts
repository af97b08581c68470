import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Log } from '../domain/ports.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { asMillis } from '../domain/time.ts';
import { createHttp, type HttpOptions } from './server.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, room: () => quiet };

/** A promise to be kept from outside. */
function later<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((keep) => {
    resolve = keep;
  });
  return { promise, resolve };
}

/** A started server, the promise of its address, and what it complained of. */
function started(more: Partial<HttpOptions> = {}) {
  const failures: string[] = [];
  const bound = later<ListenAddress>();
  const failed = later<void>();
  const http = createHttp({
    listen: { host: '127.0.0.1', port: 0 },
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'gridwarden_up 1\n' }),
    alive: () => ({ ok: true, ticks: 5 }),
    ready: () => ({ ok: true, capabilities: { mqtt: { ok: true, detail: 'connected' } } }),
    log: quiet,
    onListening: bound.resolve,
    onFailure: (text) => {
      failures.push(text);
      failed.resolve();
    },
    ...more,
  });
  http.start();
  onTestFinished(() => http.stop());
  return { http, failures, bound: bound.promise, failed: failed.promise };
}

const urlOf = ({ host, port }: ListenAddress, path: string): string => `http://${host}:${port}${path}`;

/** Everything a socket receives until it is closed. */
async function drained(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return Buffer.concat(parts).toString();
}

/** Holds a port as another program would. */
async function holder(): Promise<{ readonly port: number; readonly free: () => Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const free = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  onTestFinished(free);
  return { port: address.port, free };
}

test('gives the metrics as they are', async () => {
  const answer = await fetch(urlOf(await started().bound, '/metrics'));
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await answer.text()).toBe('gridwarden_up 1\n');
});

test.each([
  { path: '/health', ok: true, status: 200 },
  { path: '/health', ok: false, status: 503 },
  { path: '/ready', ok: true, status: 200 },
  { path: '/ready', ok: false, status: 503 },
])('$path is $status when ok is $ok', async ({ path, ok, status }) => {
  const capabilities = { mqtt: { ok, detail: 'broker' } };
  const { bound } = started({ alive: () => ({ ok, late: 3 }), ready: () => ({ ok, capabilities }) });
  const answer = await fetch(urlOf(await bound, path));
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual(path === '/health' ? { ok, late: 3 } : { ok, capabilities });
});

test('HEAD is GET without the body', async () => {
  const at = await started().bound;
  for (const path of ['/metrics', '/health', '/ready']) {
    const answer = await fetch(urlOf(at, path), { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('');
  }
});

test.each(['/', '/metrics/', '/../etc/passwd', '/%00', '/health?x=1/../..'])('%s tells nothing', async (path) => {
  const answer = await fetch(urlOf(await started().bound, path));
  expect([200, 404]).toContain(answer.status);
  expect(answer.headers.get('content-type')).toContain('application/json');
  if (answer.status === 404) expect(await answer.json()).toEqual({ error: 'not found' });
});

test.each(['/metrics', '/health', '/nowhere'])('%s has every security header and no banner', async (path) => {
  const { headers } = await fetch(urlOf(await started().bound, path));
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('server')).toBeNull();
  expect(headers.get('x-powered-by')).toBeNull();
});

test('what fails inside stays inside', async () => {
  const { bound } = started({ metrics: () => Promise.reject(new Error('the inner secret')) });
  const answer = await fetch(urlOf(await bound, '/metrics'));
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ error: 'internal error' });
});

test('an answer that does not come in time is given up', async () => {
  const { bound } = started({ metrics: () => new Promise(() => undefined), requestTimeout: asMillis(100) });
  expect((await fetch(urlOf(await bound, '/metrics'))).status).toBe(503);
});

test('a large body is refused', async () => {
  const at = await started().bound;
  const answer = await fetch(urlOf(at, '/health'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify('x'.repeat(100_000)),
  });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
});

test('the Host header decides nothing', async () => {
  const at = await started().bound;
  for (const host of ['evil.example', 'localhost', '[::1]:1', '']) {
    const socket = dial(at.port, at.host);
    socket.write(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await drained(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  }
});

test.each([
  ['says nothing', ''],
  ['stops within its headers', 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: '],
  ['stops within its body', 'POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1'],
])('a client that %s is closed', async (_how, sent) => {
  const at = await started({ requestTimeout: asMillis(150) }).bound;
  const socket = dial(at.port, at.host);
  socket.write(sent);
  const answer = await drained(socket);
  expect(answer === '' || /^HTTP\/1\.1 4\d\d /.test(answer)).toBe(true);
});

test('a port in use is told once, tried again, and taken when it is free', async () => {
  const other = await holder();
  const fourth = later<void>();
  let tries = 0;
  const counting: Log = {
    ...quiet,
    debug: () => {
      tries += 1;
      if (tries === 4) fourth.resolve();
    },
    room: () => counting,
  };
  const { http, failures, bound } = started({
    listen: { host: '127.0.0.1', port: other.port },
    retryAfter: asMillis(5),
    log: counting,
  });
  await fourth.promise;
  expect(http.address()).toBeUndefined();
  expect(failures).toHaveLength(1);
  expect(failures[0]).toContain('EADDRINUSE');
  await other.free();
  const at = await bound;
  expect(at.port).toBe(other.port);
  expect((await fetch(urlOf(at, '/health'))).status).toBe(200);
});

test('it can be stopped while it still tries', async () => {
  const other = await holder();
  const { http, failed } = started({ listen: { host: '127.0.0.1', port: other.port } });
  await failed;
  await http.stop();
  expect(http.address()).toBeUndefined();
});

test('stop lets a running request end, closes idle connections and frees the port', async () => {
  const asked = later<void>();
  const go = later<void>();
  const { http, bound } = started({
    metrics: async () => {
      asked.resolve();
      await go.promise;
      return { contentType: 'text/plain', body: 'late' };
    },
  });
  const at = await bound;
  await (await fetch(urlOf(at, '/health'))).text();
  const answer = fetch(urlOf(at, '/metrics'));
  await asked.promise;
  const stopped = http.stop();
  go.resolve();
  const late = await answer;
  expect(await late.text()).toBe('late');
  expect(late.headers.get('connection')).toBe('close');
  await stopped;
  await expect(fetch(urlOf(at, '/health'))).rejects.toThrow();
});

test('stop cuts off within a second what does not end', async () => {
  const asked = later<void>();
  const { http, bound } = started({
    metrics: () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  const answer = fetch(urlOf(await bound, '/metrics')).catch((thrown: unknown) => thrown);
  await asked.promise;
  const begun = performance.now();
  await http.stop();
  expect(performance.now() - begun).toBeLessThan(1500);
  expect(await answer).toBeInstanceOf(Error);
});
