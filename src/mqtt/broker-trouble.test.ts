import { expect, test } from 'vitest';
import { brokerTrouble, troubleOfCode, troubleOfError } from './broker-trouble.ts';

test.each([
  [1, 'version'],
  [132, 'version'],
  [4, 'credentials'],
  [5, 'credentials'],
  [134, 'credentials'],
  [135, 'credentials'],
  [142, 'taken-over'],
  [133, 'refused'],
  [139, 'closed'],
  [200, 'refused'],
])('code %i is %s', (code, kind) => {
  expect(troubleOfCode(code, 'bridge').kind).toBe(kind);
});

test('the id is named where it matters', () => {
  expect(troubleOfCode(142, 'bridge').text).toBe('another client uses the id "bridge"');
  expect(troubleOfCode(2, 'bridge').text).toContain('"bridge"');
  expect(troubleOfCode(200, 'bridge').text).toContain('200');
});

test.each([
  ['ECONNREFUSED', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['ETIMEDOUT', 'timed-out'],
  ['ECONNRESET', 'closed'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['CERT_REVOKED', 'tls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'tls'],
  ['ERR_OSSL_PEM_NO_START_LINE', 'tls'],
  ['ESOMETHING', 'closed'],
])('%s is %s', (code, kind) => {
  expect(troubleOfError(Object.assign(new Error('x'), { code }), 'bridge').kind).toBe(kind);
});

test('of several addresses the first error counts', () => {
  const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  expect(troubleOfError(new AggregateError([refused]), 'bridge').kind).toBe('unreachable');
});

test('errors without a code', () => {
  expect(troubleOfError(new Error('connack timeout'), 'bridge').kind).toBe('timed-out');
  expect(troubleOfError('odd', 'bridge')).toEqual({ kind: 'closed', text: 'the connection failed: odd' });
});

test('no text grows beyond 200 characters', () => {
  expect(brokerTrouble('refused', 'x'.repeat(500)).text).toHaveLength(200);
});
