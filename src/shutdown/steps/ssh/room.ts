import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../../domain/limits.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { asMillis, seconds } from '../../../domain/time.ts';
import { unlessAborted, within } from '../../pause.ts';
import type { ResolveHost } from '../../reach.ts';
import { type Credential, type PrivateKey, readPrivateKey } from './connection.ts';
import type { SshConfig } from './schema.ts';
import type { Machine } from './shell.ts';
import { openTurns, type Turns } from './turns.ts';

/** What the runner has to be told about where it runs. */
export interface SshPorts {
  readonly resolve: ResolveHost;
  /** Path of the file with the identities of hosts, where a step names none. */
  readonly knownHosts: string;
  /** Folder with the usual keys, such as `/home/gw/.ssh`. */
  readonly keyFolder: string;
  /** Path of the agent's socket ($SSH_AUTH_SOCK). Absent: there is no agent. */
  readonly agent?: string;
  /** Full id of the container that this process runs in: never stopped over SSH either. Absent: in none. */
  readonly ownContainer?: string;
}

/** What a step knows that may not be seen. */
export const secretsOf = ({ password, passphrase }: SshConfig): readonly string[] =>
  [password, passphrase].flatMap((one) => (one === undefined ? [] : [one.reveal()]));

/** What was found behind a host: a POSIX shell, or none that is known. */
export type Shell = { readonly kind: 'posix'; readonly machine: Machine } | { readonly kind: 'none' };

/**
 * What all steps of a runner share: memories, so that a disk that hangs when it counts is not needed then, and turns for
 * the one thing that they have to share, the computing of this process.
 */
export interface Room {
  readonly ports: SshPorts;
  /** Per `user@host:port` what its shell was found to be. */
  readonly shells: Map<string, Shell>;
  /** To log in. */
  readonly turn: Turns;
  /** Text of a file; undefined: there is none. */
  readonly text: (path: string, signal: AbortSignal) => Promise<Result<string | undefined, string>>;
  readonly key: (
    path: string,
    config: SshConfig,
    signal: AbortSignal,
  ) => Promise<Result<PrivateKey | undefined, string>>;
}

/** How long a disk may take before what was read earlier counts. */
const PATIENCE = seconds(2);

/**
 * A login keeps this process busy for some 10 ms. More of them at once hold up everything else for longer, fewer leave it
 * idle while hosts compute.
 */
const LOGINS = 8;
/** One on a usual network takes less; a host that is further away or does not answer keeps nobody waiting. */
const LOGIN = asMillis(250);

/** The usual names of keys, in the order that OpenSSH has. */
const KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const;

export function openRoom(ports: SshPorts): Room {
  const text = rememberingReader();
  const keys = new Map<string, { readonly from: string; readonly key: Result<PrivateKey, string> }>();
  return {
    ports,
    shells: new Map(),
    turn: openTurns(LOGINS, LOGIN),
    text,
    key: async (path, config, signal) => {
      const read = await text(path, signal);
      if (!read.ok) return read;
      if (read.value === undefined) return ok(undefined);
      // Opening a key with a passphrase takes a good part of a second, and many hosts share one.
      const from = `${config.passphrase?.reveal() ?? ''}\n${read.value}`;
      const known = keys.get(path);
      if (known?.from === from) return known.key;
      const key = readPrivateKey(read.value, config.passphrase);
      keys.set(path, { from, key });
      return key;
    },
  };
}

/**
 * All that a step may log in with, in the order in which it is tried.
 *
 * @returns why the key that the step names cannot be used, where nothing else is there to log in with
 */
export async function credentialsOf(
  config: SshConfig,
  room: Room,
  signal: AbortSignal,
): Promise<Result<readonly Credential[], string>> {
  const found: Credential[] = [];
  let why: string | undefined;
  const { agent } = room.ports;
  for (const path of config.key === undefined ? KEYS.map((name) => join(room.ports.keyFolder, name)) : [config.key]) {
    const key = await room.key(path, config, signal);
    if (key.ok && key.value !== undefined) found.push({ kind: 'key', key: key.value });
    else if (config.key !== undefined) why = `key ${path} ${key.ok ? 'does not exist' : key.error}`;
  }
  if (config.agent && agent !== undefined) found.push({ kind: 'agent', socket: agent });
  if (config.agent && agent === undefined) why ??= 'no SSH agent is there (SSH_AUTH_SOCK is not set)';
  if (config.password !== undefined) found.push({ kind: 'password', password: config.password });
  if (found.length > 0) return ok(found);
  return err(why ?? `there is no key to log in with (${KEYS.join(', ')} in ${room.ports.keyFolder})`);
}

/** Reads small files, and goes by what they held before where the disk hangs. */
function rememberingReader(): Room['text'] {
  const known = new Map<string, Result<string | undefined, string>>();
  return async (path, signal) => {
    const read = await within(PATIENCE, signal, (late) => unlessAborted(readSmall(path), late));
    if (read === undefined) return known.get(path) ?? err(`cannot be read: the disk does not answer`);
    if (read.ok) known.set(path, read);
    return read;
  };
}

async function readSmall(path: string): Promise<Result<string | undefined, string>> {
  try {
    const { size } = await stat(path);
    if (size > LIMITS.configBytes) return err('is too large');
    return ok(await readFile(path, 'utf8'));
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
    return code === 'ENOENT' ? ok(undefined) : err(`cannot be read: ${code}`);
  }
}
