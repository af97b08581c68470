import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ItemProgress } from '../../src/domain/progress.ts';
import { secret } from '../../src/domain/secret.ts';
import { asMillis } from '../../src/domain/time.ts';
import { rememberingHosts } from '../../src/shutdown/reach.ts';
import type { Outcome } from '../../src/shutdown/step.ts';
import { httpRunner } from '../../src/shutdown/steps/http/run.ts';
import type { HttpCall, HttpRequest, HttpStepConfig } from '../../src/shutdown/steps/http/schema.ts';
import { type Certificates, makeCertificates } from '../kit/certificates.ts';
import { attend } from '../kit/step-context.ts';

/** `box.test` is this machine; nothing else has a name. */
const resolve = rememberingHosts((host) =>
  host === 'box.test' || host === 'localhost' ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('ENOTFOUND')),
);
const runner = httpRunner(resolve, asMillis(20));

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A server that notes what it was asked, and what answers to each `METHOD /path`. */
async function serve(answer: (seen: Seen) => { status?: number; body?: string; headers?: Record<string, string> }) {
  const seen: Seen[] = [];
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const one = { method: request.method, url: request.url, headers: request.headers, body };
      seen.push(one);
      const { status = 200, body: text = '', headers = {} } = answer(one);
      response.writeHead(status, headers).end(text);
    });
  };
  const server = createServer(listener);
  return { port: await listen(server), seen, server, listener };
}

const config = (call: HttpCall, more: Partial<HttpStepConfig> = {}): HttpStepConfig => ({
  call,
  verify: true,
  ...more,
});
const own = (request: Partial<HttpRequest> & Pick<HttpRequest, 'url'>): HttpCall => ({
  form: 'request',
  request: { method: 'POST', headers: {}, expect: {}, ...request },
});

async function run(
  step: HttpStepConfig,
  within = 5000,
): Promise<Outcome & { readonly items: readonly ItemProgress[] }> {
  const controller = new AbortController();
  const { context, items } = attend({ signal: controller.signal });
  const timer = setTimeout(() => controller.abort(), within);
  const outcome = await runner.run(step, context);
  clearTimeout(timer);
  return { ...outcome, items };
}

const probe = (step: HttpStepConfig) => runner.probe(step, new AbortController().signal);

describe('a request of the user', () => {
  test('goes out as it was written, once, on a connection that is not kept', async () => {
    const { port, seen } = await serve(() => ({ status: 204 }));
    const outcome = await run(
      config(
        own({
          url: `http://box.test:${port}/hook?x=1`,
          method: 'DELETE',
          headers: { 'X-Token': secret('t0ken') },
          body: 'grüße',
          login: { username: 'me', password: secret('pass:word') },
        }),
      ),
    );
    expect(outcome).toEqual({ kind: 'done', text: `box.test:${port} answered 204`, items: [] });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: 'DELETE', url: '/hook?x=1', body: 'grüße' });
    expect(seen[0]?.headers).toMatchObject({
      host: `box.test:${port}`,
      connection: 'close',
      'content-length': '7',
      'x-token': 't0ken',
      authorization: `Basic ${Buffer.from('me:pass:word').toString('base64')}`,
    });
  });

  test('without a body says so', async () => {
    const { port, seen } = await serve(() => ({}));
    await run(config(own({ url: `http://127.0.0.1:${port}/` })));
    expect(seen[0]?.headers['content-length']).toBe('0');
  });

  test.each<[string, HttpRequest['expect'], { status: number; body?: string }, Outcome['kind'], string]>([
    ['2xx', {}, { status: 200 }, 'done', 'answered 200'],
    ['5xx', {}, { status: 503, body: 'busy' }, 'failed', 'answered 503, not 200 to 299'],
    ['a code that was named', { status: [418, 503] }, { status: 503 }, 'done', 'answered 503'],
    ['a code that was not', { status: [418, 503] }, { status: 200 }, 'failed', 'answered 200, not 418 or 503'],
    ['the text', { text: 'bye' }, { status: 200, body: 'good bye' }, 'done', 'answered 200'],
    ['another text', { text: 'bye' }, { status: 200, body: 'no' }, 'failed', 'answered 200, without the expected text'],
  ])('%s', async (_name, expected, answer, kind, text) => {
    const { port } = await serve(() => answer);
    const outcome = await run(config(own({ url: `http://127.0.0.1:${port}/`, expect: expected })));
    expect(outcome).toMatchObject({ kind, text: `127.0.0.1:${port} ${text}` });
    expect(outcome.output).toBe(answer.body);
  });

  test('a redirect is an answer, and is not followed', async () => {
    const elsewhere = await serve(() => ({}));
    const location = `http://127.0.0.1:${elsewhere.port}/`;
    const { port } = await serve(() => ({ status: 307, headers: { location } }));
    const outcome = await run(config(own({ url: `http://127.0.0.1:${port}/` })));
    expect(outcome).toMatchObject({ kind: 'failed', text: `127.0.0.1:${port} answered 307, not 200 to 299` });
    expect(elsewhere.seen).toEqual([]);
  });

  test('what is shown of the answer is its end, harmless, and without our secrets', async () => {
    const { port } = await serve(({ headers, url }) => ({
      body: `${'x'.repeat(20_000)}${headers.authorization} ${headers['x-key']} ${url} \u001b[31mred\u0000\r\nend\u202e`,
    }));
    const outcome = await run(
      config(
        own({
          url: `http://127.0.0.1:${port}/hook/abcdef`,
          headers: { 'x-key': secret('k3y-value') },
          login: { username: 'me', password: secret('hunter22') },
        }),
      ),
    );
    expect(outcome.output?.length).toBeLessThanOrEqual(8000);
    expect(outcome.output?.endsWith('xBasic *** *** *** red\ufffd\nend\ufffd')).toBe(true);
    expect(JSON.stringify(outcome)).not.toMatch(/hunter22|k3y-value|abcdef|bWU6aHVudGVyMjI/);
  });

  test('an answer without an end is read to a bound, and its code counts', async () => {
    const server = createServer((_request, response) => {
      const more = (): void => {
        while (response.write('y'.repeat(65_536)));
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    });
    const port = await listen(server);
    const outcome = await run(config(own({ url: `http://127.0.0.1:${port}/` })));
    expect(outcome.kind).toBe('done');
    expect(outcome.output).toBe('y'.repeat(8000));
  });

  test('a header that cannot be sent is a failure that does not quote it', async () => {
    const outcome = await run(config(own({ url: 'http://127.0.0.1:1/', headers: { a: secret('one\r\ntwo: x') } })));
    expect(outcome).toEqual({
      kind: 'failed',
      text: '127.0.0.1:1 cannot be asked: the request has a header that cannot be sent',
      items: [],
    });
  });
});

describe('no answer', () => {
  test.each<[string, string, string]>([
    ['refused', 'http://127.0.0.1:1/', '127.0.0.1:1 gave no answer: ECONNREFUSED'],
    ['unknown name', 'http://gone.test/', 'gone.test cannot be asked: its name cannot be resolved'],
  ])('%s', async (_name, url, text) => {
    expect(await run(config(own({ url })))).toEqual({ kind: 'failed', text, items: [] });
  });

  test('cut off', async () => {
    const server = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
    closers.push(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const outcome = await run(config(own({ url: `http://127.0.0.1:${port}/` })));
    expect(outcome.text).toMatch(/gave no answer: ECONNRESET$/);
  });

  test.each<[string, (write: (text: string) => void) => void]>([
    ['silent', () => undefined],
    ['stuck in the middle', (write) => write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')],
  ])('%s: it ends with the signal, and the socket with it', async (_name, act) => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((settle) => {
      closed = settle;
    });
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('close', () => closed?.());
      socket.resume();
      act((text) => socket.write(text));
    });
    await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
    closers.push(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const before = performance.now();
    const outcome = await run(config(own({ url: `http://127.0.0.1:${port}/` })), 200);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(outcome).toMatchObject({ kind: 'failed', text: `127.0.0.1:${port} gave no answer: no answer in time` });
    await gone;
  });
});

test('a name that was found before is still known when the name server is gone', async () => {
  const { port } = await serve(() => ({}));
  let alive = true;
  const hosts = rememberingHosts(() => (alive ? Promise.resolve(['127.0.0.1']) : new Promise(() => undefined)));
  const forgetful = httpRunner(hosts);
  const step = config(own({ url: `http://nas.test:${port}/` }));
  const { context } = attend();
  expect(await forgetful.probe(step, context.signal)).toMatchObject([{ ok: true }, { ok: true }]);
  alive = false;
  expect(await forgetful.run(step, context)).toMatchObject({ kind: 'done' });
});

describe('TLS', () => {
  let folder: string;
  let certificates: Certificates;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-http-'));
    certificates = await makeCertificates(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = () => {
    const cert = readFileSync(certificates.serverCert);
    const key = readFileSync(certificates.serverKey);
    return listen(createTlsServer({ cert, key }, (_request, response) => response.end('hello')));
  };

  test.each<[string, string, () => Partial<HttpStepConfig>, Outcome['kind'], RegExp]>([
    ['its authority', 'localhost', () => ({ ca: certificates.caFile }), 'done', /answered 200$/],
    ['the authorities of the system', 'localhost', () => ({}), 'failed', /UNABLE_TO_VERIFY_LEAF_SIGNATURE$/],
    ['another name', 'box.test', () => ({ ca: certificates.caFile }), 'failed', /ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['an address', '127.0.0.1', () => ({ ca: certificates.caFile }), 'done', /answered 200$/],
    ['no check', 'box.test', () => ({ verify: false }), 'done', /answered 200$/],
    [
      'no file',
      'localhost',
      () => ({ ca: '/nowhere.pem' }),
      'failed',
      /authority \/nowhere.pem cannot be read: ENOENT$/,
    ],
  ])('%s', async (_name, host, more, kind, text) => {
    const step = config(own({ url: `https://${host}:${await start()}/` }), more());
    const outcome = await run(step);
    expect(outcome.text).toMatch(text);
    expect(outcome.kind).toBe(kind);
    const [address, connection] = await probe(step);
    expect(address?.ok).toBe(true);
    expect(connection?.ok).toBe(kind === 'done');
  });
});

/** As much of Proxmox VE as is asked: guests that stop after so many looks, never, or not even begin to. */
async function proxmox() {
  const guests = new Map([
    ['qemu/100', { vmid: 100, name: 'mail', status: 'running', looks: 2 }],
    ['qemu/101', { vmid: 101, name: 'off already', status: 'stopped', looks: 0 }],
    ['lxc/200', { vmid: '200', name: 'dns', status: 'running', looks: 1 }],
  ]);
  const node = { status: 'online' };
  const told: string[] = [];
  const server = await serve(({ method, url = '', headers, body }) => {
    if (headers.authorization !== 'PVEAPIToken=gw@pve!ups=s3cret-token')
      return { status: 401, body: 'no s3cret-token' };
    const json = (data: unknown) => ({ body: JSON.stringify({ data }) });
    const [, kind = '', vmid, act] =
      /^\/api2\/json\/nodes\/pve\/(qemu|lxc)(?:\/(\d+)\/status\/(\w+))?$/.exec(url) ?? [];
    if (kind !== '' && vmid === undefined && method === 'GET') {
      const list = [...guests].filter(([key]) => key.startsWith(kind));
      for (const [key, guest] of list) {
        if (told.includes(key) && guest.looks >= 0) guest.looks -= 1;
        if (told.includes(key) && guest.looks === -1) guest.status = 'stopped';
      }
      return json(list.map(([, { looks: _looks, ...guest }]) => guest));
    }
    if (act === 'shutdown' && method === 'POST') {
      if (body !== 'timeout=120&forceStop=1') return { status: 400, body };
      if (guests.get(`${kind}/${vmid}`)?.looks === -3) return { status: 500, body: '{"message":"VM is locked"}' };
      told.push(`${kind}/${vmid}`);
      return json('UPID:pve:0001');
    }
    if (url === '/api2/json/nodes/pve/status' && method === 'POST' && body === 'command=shutdown') {
      setTimeout(() => {
        node.status = 'offline';
      }, 50);
      return json(null);
    }
    if (url === '/api2/json/nodes')
      return json([
        { node: 'other', status: 'offline' },
        { node: 'pve', ...node },
      ]);
    return { status: 501 };
  });
  const step = (shutdown: 'guests' | 'node', token = 's3cret-token') =>
    config({
      form: 'proxmox',
      proxmox: {
        url: `http://127.0.0.1:${server.port}/`,
        tokenId: 'gw@pve!ups',
        token: secret(token),
        node: 'pve',
        shutdown,
      },
    });
  return { ...server, guests, node, told, step };
}

describe('Proxmox VE', () => {
  test('every guest that runs is told, and waited for', async () => {
    const { step, told } = await proxmox();
    const outcome = await run(step('guests'));
    expect(outcome).toMatchObject({ kind: 'done', text: 'the 2 guests of pve are off' });
    expect([...told].sort()).toEqual(['lxc/200', 'qemu/100']);
    expect(outcome.items.map(({ item, state }) => `${item} ${state}`).sort()).toEqual([
      'VM 100 mail done',
      'VM 100 mail running',
      'container 200 dns done',
      'container 200 dns running',
    ]);
  });

  test('none runs', async () => {
    const { step, guests } = await proxmox();
    for (const guest of guests.values()) guest.status = 'stopped';
    expect(await run(step('guests'))).toMatchObject({ kind: 'done', text: 'no guest of pve runs' });
  });

  test('one is refused and one does not stop: the others stop all the same, and both are named', async () => {
    const { step, guests } = await proxmox();
    guests.set('qemu/102', { vmid: 102, name: 'locked', status: 'running', looks: -3 });
    guests.set('qemu/103', { vmid: 103, name: 'deaf\n', status: 'running', looks: -2 });
    const outcome = await run(step('guests'), 500);
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: '2 of 4 guests of pve are off; VM 102 locked: answered 500: {"message":"VM is locked"}; VM 103 deaf?: still runs',
    });
    expect(outcome.items).toContainEqual({ item: 'VM 103 deaf?', state: 'failed', text: 'still runs' });
    expect(outcome.items).toContainEqual({ item: 'VM 100 mail', state: 'done' });
  });

  test('a wrong token: told without it', async () => {
    const { step } = await proxmox();
    const outcome = await run(step('guests', 's3cret-t0ken'));
    expect(outcome.kind).toBe('failed');
    expect(outcome.text).toMatch(/^0 of 0 guests of pve are off; pve answered 401/);
    expect(JSON.stringify(outcome)).not.toContain('s3cret-t0ken');
    expect((await probe(step('guests', 's3cret-t0ken'))).map(({ ok }) => ok)).toEqual([true, true, false]);
  });

  test('a list that is none is told', async () => {
    const { port } = await serve(() => ({ body: '{"data":{}}' }));
    const { step } = await proxmox();
    const { call } = step('guests');
    if (call.form !== 'proxmox') throw new Error('not the form');
    const other = { ...call, proxmox: { ...call.proxmox, url: `http://127.0.0.1:${port}` } };
    expect((await run(config(other))).text).toMatch(/pve answered without a list of its guests/);
  });

  test('a node is gone when its cluster says so', async () => {
    const { step } = await proxmox();
    expect(await run(step('node'))).toMatchObject({ kind: 'done', text: 'pve has shut down' });
  });

  test('a node is gone when it does not answer any more', async () => {
    const { step, server, seen } = await proxmox();
    server.on('request', ({ url }, response) => {
      if (url === '/api2/json/nodes') response.socket?.destroy();
    });
    expect(await run(step('node'))).toMatchObject({ kind: 'done', text: 'pve has shut down' });
    expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('a node that goes on answering has not shut down', async () => {
    const { step, node } = await proxmox();
    Object.defineProperty(node, 'status', { get: () => 'online', set: () => undefined, enumerable: true });
    expect(await run(step('node'), 300)).toMatchObject({
      kind: 'failed',
      text: 'pve has accepted to shut down, but still answers',
    });
  });

  test('a rehearsal changes nothing', async () => {
    const { step, seen } = await proxmox();
    expect(await probe(step('node'))).toMatchObject([
      { ok: true },
      { ok: true, text: 'accepted' },
      { what: 'token gw@pve!ups', ok: true },
    ]);
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
  });
});

/** A management controller: its machine takes so many looks to follow. */
async function redfish(power: string, looks = 1) {
  const machine = { power };
  let left = Number.POSITIVE_INFINITY;
  let next = power;
  const server = await serve(({ method, url, headers, body }) => {
    if (headers.authorization !== `Basic ${Buffer.from('root:calvin12').toString('base64')}`) return { status: 401 };
    if (url === '/bmc/redfish/v1/Systems/1' && method === 'GET') {
      left -= 1;
      if (left < 0) machine.power = next;
      const types = { 'ResetType@Redfish.AllowableValues': ['On', 'GracefulShutdown'] };
      return { body: JSON.stringify({ PowerState: machine.power, Actions: { '#ComputerSystem.Reset': types } }) };
    }
    if (url !== '/bmc/redfish/v1/Systems/1/Actions/ComputerSystem.Reset') return { status: 404 };
    const { ResetType: type } = JSON.parse(body);
    if (type === 'ForceOff') return { status: 400, body: '{"error":{"message":"unsupported"}}' };
    left = looks;
    next = type === 'On' ? 'On' : 'Off';
    return { status: 204 };
  });
  const step = (reset: 'GracefulShutdown' | 'ForceOff' | 'On' | 'PushPowerButton', password = 'calvin12') =>
    config({
      form: 'redfish',
      redfish: {
        url: `http://127.0.0.1:${server.port}/bmc`,
        username: 'root',
        password: secret(password),
        system: '1',
        reset,
      },
    });
  return { ...server, machine, step };
}

describe('Redfish', () => {
  test.each<[string, 'GracefulShutdown' | 'On' | 'PushPowerButton', string, Outcome['kind']]>([
    ['On', 'GracefulShutdown', 'the machine of 127.0.0.1 is Off', 'done'],
    ['Off', 'On', 'the machine of 127.0.0.1 is On', 'done'],
    ['Off', 'GracefulShutdown', 'the machine of 127.0.0.1 is Off already', 'done'],
    ['On', 'PushPowerButton', '127.0.0.1 has accepted PushPowerButton', 'done'],
  ])('a machine that is %s is told %s', async (power, type, text, kind) => {
    const { step, seen } = await redfish(power);
    expect(await run(step(type))).toEqual({ kind, text, items: [] });
    const posts = seen.filter(({ method }) => method === 'POST');
    expect(posts.map(({ body }) => body)).toEqual(
      text.endsWith('already') ? [] : [JSON.stringify({ ResetType: type })],
    );
    expect(posts.every(({ headers }) => headers['content-type'] === 'application/json')).toBe(true);
  });

  test('a machine that does not follow', async () => {
    const { step } = await redfish('On', 1_000_000);
    expect(await run(step('GracefulShutdown'), 300)).toMatchObject({
      kind: 'failed',
      text: '127.0.0.1 has accepted GracefulShutdown, but shows the machine as On',
    });
  });

  test('what the controller refuses', async () => {
    const { step } = await redfish('On');
    expect(await run(step('ForceOff'))).toMatchObject({
      kind: 'failed',
      text: '127.0.0.1 answered 400: {"error":{"message":"unsupported"}}',
    });
  });

  test('a rehearsal tells whether the login is right and the order is offered', async () => {
    const { step, seen } = await redfish('On');
    const results = async (...of: Parameters<typeof step>) => (await probe(step(...of))).map(({ ok }) => ok);
    expect(await results('GracefulShutdown')).toEqual([true, true, true, true]);
    expect(await results('ForceOff')).toEqual([true, true, true, false]);
    expect(await results('On', 'wrong-password')).toEqual([true, true, false]);
    expect(seen.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('Home Assistant', () => {
  const start = async () => {
    const server = await serve(({ method, url, headers }) => {
      if (headers.authorization !== 'Bearer long-lived') return { status: 401, body: '401: Unauthorized' };
      if (url === '/api/' && method === 'GET') return { body: '{"message":"API running."}' };
      return url === '/api/services/switch/turn_off' ? { body: '[]' } : { status: 400, body: '400: Bad Request' };
    });
    const step = (action = 'switch.turn_off', token = 'long-lived') =>
      config({
        form: 'home_assistant',
        homeAssistant: {
          url: `http://127.0.0.1:${server.port}`,
          token: secret(token),
          action,
          data: { entity_id: 'switch.lab' },
        },
      });
    return { ...server, step };
  };

  test('an action is carried out', async () => {
    const { step, port, seen } = await start();
    expect(await run(step())).toMatchObject({
      kind: 'done',
      text: `127.0.0.1:${port} has carried out switch.turn_off`,
    });
    expect(seen).toMatchObject([{ method: 'POST', body: '{"entity_id":"switch.lab"}' }]);
  });

  test('one that is unknown is refused', async () => {
    const { step, port } = await start();
    const outcome = await run(step('switch.turn_of'));
    expect(outcome).toMatchObject({ kind: 'failed', text: `127.0.0.1:${port} answered 400: 400: Bad Request` });
  });

  test('a rehearsal asks whether the token is good', async () => {
    const { step } = await start();
    expect((await probe(step())).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect((await probe(step('switch.turn_off', 'short-lived'))).map(({ ok }) => ok)).toEqual([true, true, false]);
  });
});
