import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Order } from '../../src/domain/intents.ts';
import { type FakeUpsd, type FakeUpsdOptions, selfSignedCertificate, startFakeUpsd } from '../kit/fake-upsd.ts';
import type { Faults } from '../kit/fake-upsd-faults.ts';
import { isReadings, isSourceTrouble, startWatching, type Watching } from './nut-watching.ts';

const folder = mkdtempSync(join(tmpdir(), 'nut-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [own, other] = [selfSignedCertificate(), selfSignedCertificate()];
const ca = join(folder, 'own.pem');
writeFileSync(ca, own.cert);
const otherCa = join(folder, 'other.pem');
writeFileSync(otherCa, other.cert);
const fingerprint = new X509Certificate(own.cert).fingerprint256;
const otherFingerprint = new X509Certificate(other.cert).fingerprint256;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function rig(
  options: Partial<FakeUpsdOptions>,
  settings: Readonly<Record<string, unknown>>,
  faults: Faults = {},
): Promise<{ readonly server: FakeUpsd; readonly watch: Watching }> {
  const server = await startFakeUpsd({
    ups: { one: { variables: { 'ups.status': 'OL' }, commands: ['beeper.mute'] } },
    users: { admin: { password: 'secret', instcmds: 'ALL' } },
    ...options,
  });
  closing.push(() => server.stop());
  await server.fault(faults);
  const watch = startWatching({ port: server.port, ...settings });
  closing.push(watch.stop);
  return { server, watch };
}

const never = new AbortController().signal;
const beeper: Order = { kind: 'command', command: 'beeper.mute' };
const login = { username: 'admin', password: 'secret' };

test.each([
  { name: 'signed by the CA', settings: { tls: 'require', ca } },
  { name: 'signed by the CA, asked for by name', settings: { tls: 'require', ca, host: 'localhost' } },
  { name: 'with the pinned fingerprint', settings: { tls: 'require', fingerprint } },
  {
    name: 'with the fingerprint in small letters',
    settings: { tls: 'require', fingerprint: fingerprint.replaceAll(':', '').toLowerCase() },
  },
  { name: 'with both', settings: { tls: 'require', ca, fingerprint } },
  { name: 'of anybody, where TLS is only preferred', settings: { tls: 'prefer' } },
])('a certificate $name is good, and commands work', async ({ settings }) => {
  const { server, watch } = await rig({ tls: own }, { ...settings, ...login });
  await watch.until(isReadings);
  expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'done', tracked: true });
  expect(server.requests[0]?.line).toBe('STARTTLS');
  expect(watch.logged[0]).toContain('"encrypted":true');
});

test.each([
  { name: 'of another CA', settings: { tls: 'require', ca: otherCa } },
  { name: 'of another CA, also where TLS is only preferred', settings: { tls: 'prefer', ca: otherCa } },
  { name: 'with another fingerprint', settings: { tls: 'require', fingerprint: otherFingerprint } },
  {
    name: 'with another fingerprint, also where TLS is only preferred',
    settings: { tls: 'prefer', fingerprint: otherFingerprint },
  },
  { name: 'that only the CA but not the pin knows', settings: { tls: 'require', ca, fingerprint: otherFingerprint } },
  { name: 'that nobody signed', settings: { tls: 'require' } },
])('a certificate $name is refused, and nothing is sent', async ({ settings }) => {
  const { server, watch } = await rig({ tls: own }, { ...settings, ...login });
  const { trouble } = await watch.until(isSourceTrouble);
  expect(trouble.kind).toBe('unreachable');
  expect(trouble.detail).toMatch(/^TLS: /);
  expect(server.requests.every(({ line }) => line === 'STARTTLS')).toBe(true);
});

test('a CA file that is missing is told', async () => {
  const { watch } = await rig({ tls: own }, { tls: 'require', ca: join(folder, 'none.pem') });
  expect((await watch.until(isSourceTrouble)).trouble.detail).toBe('ca: ENOENT');
});

describe.each(['2.7.4', '2.8.0'] as const)('a server without TLS, upsd %s', (version) => {
  test.each([undefined, 'unsupported'] as const)('(%s) is refused where TLS is required', async (tls) => {
    const { server, watch } = await rig({ version, ...(tls && { tls }) }, { tls: 'require', ...login });
    const { trouble } = await watch.until(isSourceTrouble);
    expect(trouble.kind).toBe('refused');
    expect(trouble.detail).toMatch(/^STARTTLS: FEATURE-NOT-(?:CONFIGURED|SUPPORTED)$/);
    expect(server.requests.every(({ line }) => line === 'STARTTLS')).toBe(true);
  });

  test('is read in the clear where TLS is preferred, and no login is sent', async () => {
    const { server, watch } = await rig({ version }, { tls: 'prefer', ...login });
    await watch.until(isReadings);
    expect(await watch.source.instruct('one', beeper, never)).toEqual({ kind: 'no-credentials' });
    expect(server.requests.some(({ line }) => /^(?:USERNAME|PASSWORD)/.test(line))).toBe(false);
    expect(watch.logged.filter((line) => line.startsWith('warn')).length).toBe(1);
  });
});

test.each<{ readonly tlsBroken: NonNullable<Faults['tlsBroken']>; readonly kind: string }>([
  { tlsBroken: 'garbage', kind: 'unreachable' },
  { tlsBroken: 'close', kind: 'unreachable' },
  { tlsBroken: 'clear', kind: 'malformed' },
  { tlsBroken: 'silent', kind: 'timed-out' },
])(
  'TLS that breaks ($tlsBroken) is told, in the clear nothing more is said, and it mends',
  async ({ tlsBroken, kind }) => {
    const { server, watch } = await rig({ tls: own }, { tls: 'prefer', ...login }, { tlsBroken });
    expect((await watch.until(isSourceTrouble)).trouble.kind).toBe(kind);
    expect(server.requests.some(({ line }) => /^(?:USERNAME|PASSWORD|VER|LIST)/.test(line))).toBe(false);
    await server.heal();
    await watch.until(isReadings);
  },
);

test('a secret is in no line of the log', async () => {
  const { watch } = await rig(
    { users: { admin: { password: 'other' } } },
    { username: 'admin', password: 'pass-word' },
  );
  await watch.until(isReadings);
  await watch.source.instruct('one', beeper, never);
  expect(watch.logged.length).toBeGreaterThan(0);
  expect(watch.logged.join('\n')).not.toContain('pass-word');
  expect(JSON.stringify(watch.reports)).not.toContain('pass-word');
});
