import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ConnectionStatus, createConnection } from '../../src/mqtt/connection.ts';
import type { RemoteBroker } from '../../src/mqtt/schema.ts';
import { type Certificates, makeCertificates } from '../kit/certificates.ts';
import { type Heard, heard, keptLog, remote, runBroker, splice } from '../kit/mqtt.ts';

let folder: string;
let ours: Certificates;
let theirs: Certificates;
const open: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'gridwarden-tls-'));
  const second = await mkdtemp(joinPath(folder, 'other-'));
  [ours, theirs] = await Promise.all([makeCertificates(folder), makeCertificates(second)]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A TLS listener in front of our own broker. */
async function tlsBroker(options: tls.TlsOptions = {}, host = '127.0.0.1'): Promise<number> {
  const { broker } = await runBroker();
  open.push(() => broker.stop());
  const [cert, key, ca] = await Promise.all(
    [ours.serverCert, ours.serverKey, ours.caFile].map((path) => readFile(path)),
  );
  const server = tls.createServer({ cert: cert ?? '', key: key ?? '', ca: ca ?? '', ...options }, (socket) =>
    splice(socket, broker.stream()),
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((settle) => server.listen(0, host, settle));
  open.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function statusOf(port: number, more: Partial<RemoteBroker>): Heard<ConnectionStatus> {
  const broker = remote(port, { url: `mqtts://127.0.0.1:${port}`, ...more });
  const will = { topic: 'will', payload: 'gone' };
  const connection = createConnection({ broker, clientId: 'bridge', will }, { log: keptLog().log, random: () => 0 });
  open.push(() => connection.stop());
  const changes = heard<ConnectionStatus>();
  connection.onChange(changes.add);
  connection.start();
  return changes;
}

const UNTRUSTED = /comes from an authority that is not trusted/;

test('the right authority lets us in, by address and by name', async () => {
  const port = await tlsBroker();
  expect(await statusOf(port, { ca: ours.caFile }).find(() => true)).toEqual({ connected: true, version: 5 });
  const url = `mqtts://localhost:${port}`;
  expect(await statusOf(port, { ca: ours.caFile, url }).find(() => true)).toEqual({ connected: true, version: 5 });
});

test('another authority does not, and no byte of ours reaches whoever answers', async () => {
  let bytes = 0;
  const [cert, key] = await Promise.all([readFile(ours.serverCert), readFile(ours.serverKey)]);
  const closed = heard<true>();
  const spy = tls.createServer({ cert, key }, (socket) => {
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => closed.add(true));
  });
  spy.on('tlsClientError', () => closed.add(true));
  await new Promise<void>((settle) => spy.listen(0, '127.0.0.1', settle));
  open.push(() => spy.close());
  const address = spy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { trouble } = await statusOf(address.port, { ca: theirs.caFile }).find(() => true);
  expect(trouble).toMatch(UNTRUSTED);
  await closed.find(() => true);
  expect(bytes).toBe(0);
});

test("the system's authorities do not know ours", async () => {
  const { trouble } = await statusOf(await tlsBroker(), {}).find(() => true);
  expect(trouble).toMatch(UNTRUSTED);
});

test('a certificate for another name, or for another purpose, is not accepted', async () => {
  const port = await tlsBroker({}, '127.0.0.2');
  const misnamed = await statusOf(port, { ca: ours.caFile, url: `mqtts://127.0.0.2:${port}` }).find(() => true);
  expect(misnamed.trouble).toBe('the certificate of the broker is for another host name');
  const [cert, key] = await Promise.all([readFile(ours.clientCert), readFile(ours.clientKey)]);
  const misused = await statusOf(await tlsBroker({ cert, key }), { ca: ours.caFile }).find(() => true);
  expect(misused.trouble).toBe('the certificate of the broker is not meant for a server');
});

test('without verification anybody is believed', async () => {
  expect(await statusOf(await tlsBroker(), { verify: false }).find(() => true)).toMatchObject({ connected: true });
});

test('a client certificate opens what is closed without it', async () => {
  const port = await tlsBroker({ requestCert: true, rejectUnauthorized: true });
  const { clientCert: cert, clientKey: key, caFile: ca } = ours;
  expect(await statusOf(port, { ca, cert, key }).find(() => true)).toMatchObject({ connected: true });
  const without = await statusOf(port, { ca }).find(() => true);
  expect(without.trouble).toMatch(/the broker does not accept our certificate, or wants one/);
  // This listener cuts the connection without saying why.
  const wrong = await statusOf(port, { ca, cert: theirs.clientCert, key: theirs.clientKey }).find(() => true);
  expect(wrong).toEqual({ connected: false, trouble: 'the broker closed the connection' });
});

test('TLS older than 1.2 is refused', async () => {
  const port = await tlsBroker({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  const { trouble } = await statusOf(port, { ca: ours.caFile }).find(() => true);
  expect(trouble).toBe('it speaks no TLS version that we accept (1.2 or newer)');
});

test('a plain listener is told from a TLS one', async () => {
  const { broker, port } = await runBroker();
  open.push(() => broker.stop());
  const { trouble } = await statusOf(port, { ca: ours.caFile }).find(() => true);
  expect(trouble).toMatch(/closed the connection|cut the connection|does not speak TLS/);
});

test('a file that is not there is named, and taken as soon as it is', async () => {
  const port = await tlsBroker();
  const ca = joinPath(folder, 'later.pem');
  const changes = statusOf(port, { ca });
  expect(await changes.find(() => true)).toEqual({ connected: false, trouble: `cannot read ${ca}: ENOENT` });
  await copyFile(ours.caFile, ca);
  await changes.find(({ connected }) => connected);
});
