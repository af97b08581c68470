import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { asMillis } from '../../domain/time.ts';
import { createResolver } from './address.ts';

const never = new AbortController().signal;
const home: LookupAddress = { address: '192.0.2.5', family: 4 };

test.each([
  ['127.0.0.1', 4],
  ['::1', 6],
])('%s needs no name server', async (address, family) => {
  const resolver = createResolver(address, () => Promise.reject(new Error('asked')));
  expect(await resolver.resolve(asMillis(50), never)).toEqual({ ok: true, value: [{ address, family }] });
});

test('a name that cannot be resolved is unreachable, until it once could', async () => {
  const failing = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
  const answers = [Promise.reject(failing), Promise.resolve([home]), Promise.reject(failing), Promise.resolve([])];
  for (const answer of answers) answer.catch(() => undefined);
  const resolver = createResolver('nas', () => answers.shift() ?? Promise.reject(failing));
  expect(await resolver.resolve(asMillis(50), never)).toEqual({
    ok: false,
    error: { kind: 'unreachable', detail: 'DNS: ENOTFOUND' },
  });
  const found = await resolver.resolve(asMillis(50), never);
  expect(found).toEqual({ ok: true, value: [home] });
  resolver.keep([home]);
  expect(await resolver.resolve(asMillis(50), never)).toEqual({ ok: true, value: [home] });
  expect(await resolver.resolve(asMillis(50), never)).toEqual({ ok: true, value: [home] });
});

test('a name server that does not answer is asked once, and waited for only so long', async () => {
  let asked = 0;
  const resolver = createResolver('nas', () => {
    asked += 1;
    return new Promise(() => undefined);
  });
  const silent = { ok: false, error: { kind: 'timed-out', detail: 'DNS: no answer' } };
  expect(await resolver.resolve(asMillis(10), never)).toEqual(silent);
  expect(await resolver.resolve(asMillis(10), never)).toEqual(silent);
  resolver.keep([home]);
  expect(await resolver.resolve(asMillis(10), never)).toEqual({ ok: true, value: [home] });
  expect(asked).toBe(1);
});
