import { afterEach, expect, test } from 'vitest';
import { asMillis } from '../../src/domain/time.ts';
import { discoverServer } from '../../src/sources/nut/discover.ts';
import { type FakeUpsd, type FakeUpsdOptions, startFakeUpsd } from '../kit/fake-upsd.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function upsd(options: FakeUpsdOptions): Promise<FakeUpsd> {
  const server = await startFakeUpsd(options);
  closing.push(() => server.stop());
  return server;
}

test('tells what a server has, and says goodbye', async () => {
  const server = await upsd({
    ups: {
      rack: { variables: { 'ups.status': 'OL', 'ups.model': 'Smart-UPS 750', 'device.model': 'other' }, desc: 'Rack' },
      pdu: { variables: { 'device.model': 'ePDU' } },
      gone: { variables: { 'ups.status': 'OL' } },
    },
  });
  server.state('gone', 'driver-gone');
  const found = await discoverServer(server.host, server.port);
  expect(found).toEqual({
    ok: true,
    value: {
      version: expect.stringContaining('upsd 2.8.0'),
      upses: [
        { name: 'rack', description: 'Rack', status: 'OL', model: 'Smart-UPS 750' },
        { name: 'pdu', model: 'ePDU' },
        { name: 'gone' },
      ],
    },
  });
  await server.waitForRequest(/^LOGOUT/);
  await server.waitForConnections(0);
});

test('a server that is not there, is silent or speaks something else is a trouble', async () => {
  const server = await upsd({ ups: {} });
  expect(await discoverServer(server.host, server.port)).toMatchObject({ ok: true, value: { upses: [] } });
  await server.fault({ garbage: true });
  expect(await discoverServer(server.host, server.port)).toMatchObject({ ok: false, error: { kind: 'malformed' } });
  await server.heal();
  await server.fault({ noAnswer: true });
  expect(await discoverServer(server.host, server.port, { timeout: asMillis(100) })).toMatchObject({
    ok: false,
    error: { kind: 'timed-out' },
  });
  await server.fault({ refuseConnect: true });
  expect(await discoverServer(server.host, server.port)).toEqual({
    ok: false,
    error: { kind: 'unreachable', detail: 'ECONNREFUSED' },
  });
});
