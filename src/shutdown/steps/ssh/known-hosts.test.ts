import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, knownAs, lineFor, lookUp } from './known-hosts.ts';

/** A key on the wire: its type, then anything. */
const keyOf = (type: string, seed: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(seed.padEnd(32, '.'))]);
};
const mine = keyOf('ssh-ed25519', 'mine');
const other = keyOf('ssh-ed25519', 'other');
const rsa = keyOf('ssh-rsa', 'mine');
const text = (key: Buffer, type = 'ssh-ed25519'): string => `${type} ${key.toString('base64')}`;

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

describe('what a file says of nas.lan', () => {
  test.each([
    ['nothing', '', 'unknown'],
    ['its key', `nas.lan ${text(mine)} root@nas`, 'known'],
    ['its key among names', `nas,nas.lan,192.0.2.1 ${text(mine)}`, 'known'],
    ['its key by its hash', `${hashed('nas.lan')} ${text(mine)}`, 'known'],
    ['another one by hash', `${hashed('nas.lan')} ${text(other)}`, 'changed'],
    ['a hash of another host', `${hashed('x.lan')} ${text(mine)}`, 'unknown'],
    ['a hash that is none', `|1|x ${text(mine)}`, 'unknown'],
    ['a hash of another version', `${hashed('nas.lan').replace('|1|', '|2|')} ${text(mine)}`, 'unknown'],
    ['its key in capitals', `NAS.lan ${text(mine)}`, 'known'],
    ['a pattern', `*.lan ${text(mine)}`, 'known'],
    ['a pattern of one character', `na?.lan ${text(mine)}`, 'known'],
    ['a pattern with an exception', `*.lan,!nas.lan ${text(mine)}`, 'unknown'],
    ['an exception first', `!nas.lan,*.lan ${text(mine)}`, 'unknown'],
    ['another key', `nas.lan ${text(other)}`, 'changed'],
    ['a key of another type', `nas.lan ${text(rsa, 'ssh-rsa')}`, 'changed'],
    ['several keys', `nas.lan ${text(other)}\nnas.lan ${text(rsa, 'ssh-rsa')}\nnas.lan ${text(mine)}`, 'known'],
    ['its key for another port', `[nas.lan]:2222 ${text(mine)}`, 'unknown'],
    ['a revoked key', `@revoked * ${text(mine)}\nnas.lan ${text(mine)}`, 'revoked'],
    ['another key revoked', `@revoked * ${text(other)}\nnas.lan ${text(mine)}`, 'known'],
    ['an authority', `@cert-authority *.lan ${text(other)}`, 'authority'],
    ['an authority that has the key itself', `@cert-authority *.lan ${text(mine)}`, 'authority'],
    ['a marker that nobody knows', `@strange nas.lan ${text(mine)}`, 'unknown'],
    ['a comment', `# nas.lan ${text(mine)}`, 'unknown'],
    ['half a line', 'nas.lan ssh-ed25519', 'unknown'],
    ['a type that is not that of the key', `nas.lan ${text(mine, 'ssh-rsa')}`, 'unknown'],
    ['a key that is none', 'nas.lan ssh-ed25519 AA==', 'unknown'],
    ['Windows line ends', `nas.lan ${text(mine)}\r\n`, 'known'],
  ])('%s', (_what, file, expected) => {
    expect(lookUp(file, 'nas.lan', 22).judge(mine)).toBe(expected);
  });
});

test('another port is another name', () => {
  expect(knownAs('NAS.lan', 22)).toBe('nas.lan');
  expect(lookUp(`[nas.lan]:2222 ${text(mine)}`, 'nas.lan', 2222).judge(mine)).toBe('known');
  expect(lookUp(`${hashed('[nas.lan]:2222')} ${text(mine)}`, 'nas.lan', 2222).judge(mine)).toBe('known');
  expect(lookUp(`nas.lan ${text(mine)}`, 'nas.lan', 2222).judge(mine)).toBe('unknown');
});

test('the types that a host is known by are those of its own keys', () => {
  const file = `nas.lan ${text(rsa, 'ssh-rsa')}\n@revoked nas.lan ${text(other)}\n@cert-authority * ${text(mine)}`;
  expect(lookUp(file, 'nas.lan', 22).types).toEqual(['ssh-rsa']);
});

test('a line that was written is read', () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      expect(lookUp(lineFor(host, port, mine), host, port).judge(mine)).toBe('known');
      expect(lookUp(lineFor(host, port, mine), host, port).judge(other)).toBe('changed');
    }),
    { seed: 1 },
  );
});

test('a name without wildcards only matches itself', () => {
  fc.assert(
    fc.property(fc.domain(), fc.domain(), (one, another) => {
      expect(lookUp(lineFor(one, 22, mine), another, 22).judge(mine)).toBe(
        one.toLowerCase() === another.toLowerCase() ? 'known' : 'unknown',
      );
    }),
    { seed: 1 },
  );
});

test('a pattern of many stars ends soon', () => {
  const file = `${'*a'.repeat(200)}b ${text(mine)}`;
  expect(lookUp(file, 'a'.repeat(250), 22).judge(mine)).toBe('unknown');
});

test('a fingerprint is as ssh-keygen shows it', () => {
  // The host key that github.com publishes, and its fingerprint on the same page.
  const github = Buffer.from('AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl', 'base64');
  expect(fingerprintOf(github)).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
});
