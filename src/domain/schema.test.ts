import { expect, test } from 'vitest';
import { err, never, ok } from './result.ts';
import { deviceId, duration, isLoopback, listenAddress, port, secretText, slug } from './schema.ts';

const messages = (
  schema: { safeParse: (value: unknown) => { error?: { issues: { message: string }[] } } },
  value: unknown,
) => (schema.safeParse(value).error?.issues ?? []).map(({ message }) => message);

test.each([
  [{}, '15s', []],
  [{}, '365d', []],
  [{}, '366d', ['must be between 0s and 365d']],
  [{ min: '1s', max: '1m' }, '1s', []],
  [{ min: '1s', max: '1m' }, '60s', []],
  [{ min: '1s', max: '1m' }, '999ms', ['must be between 1s and 1m']],
  [{ min: '1s', max: '1m' }, '61s', ['must be between 1s and 1m']],
  [{}, 'soon', ['write a duration with its unit, such as 15s, 2m or 1h']],
  [{}, 15, ['write a duration with its unit, such as 15s, 2m or 1h']],
  [{ min: 'wrong', max: 'wrong' }, '15s', []],
])('a duration within %j: %j says %j', (bounds, value, said) => {
  expect(messages(duration(bounds), value)).toEqual(said);
});

test('a duration is milliseconds', () => {
  expect(duration().parse('2m')).toBe(120_000);
});

test('slugs, ids and ports are checked', () => {
  expect(messages(slug, 'Rack A')).toHaveLength(1);
  expect(messages(deviceId, 'group_a')).toEqual(['is reserved: choose another id']);
  expect(messages(deviceId, 'rack_a')).toEqual([]);
  expect([0, 65_536, 1.5].flatMap((value) => messages(port, value))).toHaveLength(3);
  expect(port.parse(3493)).toBe(3493);
});

test('a secret text is masked from then on', () => {
  expect(`${secretText.parse('hunter2')}`).toBe('***');
  expect(messages(secretText, '')).toEqual(['must not be empty']);
});

test.each([
  ['127.0.0.1:8321', { host: '127.0.0.1', port: 8321 }],
  ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
  ['[::1]:1883', { host: '::1', port: 1883 }],
  ['nas.lan:65535', { host: 'nas.lan', port: 65_535 }],
])('%s is where to listen', (text, address) => {
  expect(listenAddress.parse(text)).toEqual(address);
});

test.each(['8321', ':8321', 'nas', 'nas:', 'nas:65536', '::1:8321', 'a b:1', 'nas:1x'])('%j is not', (text) => {
  expect(messages(listenAddress, text)).toEqual(['write host:port, such as 127.0.0.1:8321']);
});

test('only this machine reaches a loopback address', () => {
  const on = (host: string) => isLoopback({ host, port: 1 });
  expect(['localhost', '::1', '127.0.0.1', '127.9.9.9'].every(on)).toBe(true);
  expect(['0.0.0.0', '::', '192.168.1.127', '1127.0.0.1', 'nas.lan'].some(on)).toBe(false);
});

test('results and impossible cases', () => {
  expect(ok(1)).toEqual({ ok: true, value: 1 });
  expect(err('why')).toEqual({ ok: false, error: 'why' });
  const impossible = { kind: 'other' } as never; // what the compiler excludes, as a value from outside could be
  expect(() => never(impossible)).toThrow('impossible case: {"kind":"other"}');
});
