import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { asMillis, seconds } from '../domain/time.ts';
import { addressOf, rememberingLookup } from './broker-stream.ts';

test.each([
  ['mqtt://broker.lan', { protocol: 'mqtt', host: 'broker.lan', port: 1883, path: '/' }],
  ['mqtts://broker.lan/', { protocol: 'mqtts', host: 'broker.lan', port: 8883, path: '/' }],
  ['mqtt://[fd00::1]:1884', { protocol: 'mqtt', host: 'fd00::1', port: 1884, path: '/' }],
  ['ws://broker.lan/mqtt?a=b', { protocol: 'ws', host: 'broker.lan', port: 80, path: '/mqtt?a=b' }],
  ['wss://broker.lan:444/mqtt', { protocol: 'wss', host: 'broker.lan', port: 444, path: '/mqtt' }],
])('%s', (url, address) => {
  expect(addressOf(url)).toEqual(address);
});

test('a URL of another kind is a bug of the caller', () => {
  expect(() => addressOf('http://broker.lan')).toThrow('not the URL of a broker');
});

type Answer = Parameters<Parameters<LookupFunction>[2]>;
const away = (): Answer => [Object.assign(new Error('away'), { code: 'EAI_AGAIN' }), '', 0];

const resolved = (lookup: LookupFunction, host = 'broker.lan'): Promise<Answer> =>
  new Promise((settle) => lookup(host, {}, (...found) => settle(found)));

test('the last good address is used while the name server is gone or silent', async () => {
  const answers: (Answer | 'silent')[] = [[null, '10.0.0.1', 4], [null, '10.0.0.2', 4], away(), 'silent', away()];
  const ask: LookupFunction = (_host, _options, callback) => {
    const answer = answers.shift();
    if (answer !== undefined && answer !== 'silent') callback(...answer);
  };
  const lookup = rememberingLookup(ask, asMillis(20));
  expect(await resolved(lookup)).toEqual([null, '10.0.0.1', 4]);
  expect(await resolved(lookup)).toEqual([null, '10.0.0.2', 4]);
  expect(await resolved(lookup)).toEqual([null, '10.0.0.2', 4]);
  expect(await resolved(lookup)).toEqual([null, '10.0.0.2', 4]);
  expect((await resolved(lookup, 'other.lan'))[0]).toMatchObject({ code: 'EAI_AGAIN' });
});

test('an answer that comes after patience is kept for the next time', async () => {
  let late: (() => void) | undefined;
  let asked = 0;
  const ask: LookupFunction = (_host, _options, callback) => {
    asked += 1;
    if (asked === 1) callback(null, '10.0.0.1', 4);
    else if (asked === 2) late = () => callback(null, '10.0.0.2', 4);
    else callback(...away());
  };
  const lookup = rememberingLookup(ask, asMillis(5));
  await resolved(lookup);
  expect(await resolved(lookup)).toEqual([null, '10.0.0.1', 4]);
  late?.();
  expect(await resolved(lookup)).toEqual([null, '10.0.0.2', 4]);
});

test('without an earlier answer the error is passed on', async () => {
  const lookup = rememberingLookup((_host, _options, callback) => callback(...away()), seconds(1));
  expect((await resolved(lookup))[0]).toMatchObject({ code: 'EAI_AGAIN' });
});
