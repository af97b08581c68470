import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** One line of a known_hosts file that is understood. */
interface Entry {
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  readonly patterns: string;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** As on the wire. */
  readonly key: Buffer;
}

/** What a file says of one host. */
export interface KnownHost {
  /** Types of the keys that it is known by, in the file's order. */
  readonly types: readonly string[];
  /** What the key that it shows is worth. */
  readonly judge: (key: Buffer) => Identity;
}

/**
 * `changed`: the host is known by another key. `unknown`: by none; `authority` where the file only names an authority
 * that would vouch for it by certificate, which is not understood here.
 */
export type Identity = 'known' | 'revoked' | 'changed' | 'unknown' | 'authority';

/** How known_hosts calls a host: `host`, or `[host]:port` where the port is not 22. */
export const knownAs = (host: string, port: number): string => {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
};

/**
 * Looks a host up in a known_hosts file.
 *
 * @param text the file; lines that are not understood are passed over, as OpenSSH does
 * @see sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"
 */
export function lookUp(text: string, host: string, port: number): KnownHost {
  const name = knownAs(host, port);
  const entries = text.split('\n').flatMap((line) => entryOf(line) ?? []);
  const about = entries.filter(({ patterns }) => names(patterns, name));
  const plain = about.filter(({ marker }) => marker === undefined);
  return {
    types: [...new Set(plain.map(({ type }) => type))],
    judge: (key) => {
      const shown = about.filter((entry) => entry.key.equals(key));
      if (shown.some(({ marker }) => marker === 'revoked')) return 'revoked';
      if (shown.some(({ marker }) => marker === undefined)) return 'known';
      if (plain.length > 0) return 'changed';
      return about.some(({ marker }) => marker === 'cert-authority') ? 'authority' : 'unknown';
    },
  };
}

/** The line that makes a host known by a key. */
export const lineFor = (host: string, port: number, key: Buffer): string =>
  `${knownAs(host, port)} ${typeOf(key) ?? 'unknown'} ${key.toString('base64')}\n`;

/** As OpenSSH shows it: `SHA256:` and base64 without padding. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** The type that a key on the wire begins with; undefined: it is none. */
function typeOf(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  return /^[\w@.-]{1,64}$/.test(type) ? type : undefined;
}

function entryOf(line: string): Entry | undefined {
  if (/^\s*(#|$)/.test(line)) return undefined;
  const fields = line.trim().split(/\s+/);
  const marked = fields[0]?.startsWith('@') === true;
  const marker = marked ? fields.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return undefined;
  const [patterns, type, base64] = fields;
  if (patterns === undefined || type === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  if (typeOf(key) !== type) return undefined;
  return {
    marker: marker === undefined ? undefined : marker === '@revoked' ? 'revoked' : 'cert-authority',
    patterns,
    type,
    key,
  };
}

/** Whether a list of patterns names a host: one that begins with `!` and matches takes it out whatever the others say. */
function names(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return hashNames(patterns, name);
  let named = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!') ? matches(pattern.slice(1), name) : false) return false;
    named ||= matches(pattern, name);
  }
  return named;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name, so that the file does not tell whom it knows. */
function hashNames(pattern: string, name: string): boolean {
  const [, version, salt, hash] = pattern.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const [expected, seen] = [
    Buffer.from(hash, 'base64'),
    createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest(),
  ];
  return expected.length === seen.length && timingSafeEqual(expected, seen);
}

/** `*` and `?` as in a shell; nothing else is special. Two positions and no recursion: lines come from a file that others write. */
function matches(pattern: string, name: string): boolean {
  let [at, inName, star, retry] = [0, 0, -1, 0];
  while (inName < name.length) {
    if (pattern[at] === '*') {
      [star, retry] = [at, inName];
      at += 1;
    } else if (pattern[at] === '?' || pattern[at] === name[inName]) {
      at += 1;
      inName += 1;
    } else if (star >= 0) {
      retry += 1;
      [at, inName] = [star + 1, retry];
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
