import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../../domain/result.ts';
import { type ResolveHost, rememberingHosts } from '../../reach.ts';
import { openSession } from './connection.ts';
import { fingerprintOf, lineFor, lookUp } from './known-hosts.ts';
import type { SshConfig } from './schema.ts';
import { inWords, type SshTrouble } from './trouble.ts';
import { openTurns } from './turns.ts';

/** What a host has shown, and what came of it. */
export interface Learnt {
  /** As OpenSSH shows it: `SHA256:...`. */
  readonly fingerprint: string;
  /** `known`: the file had it already, and was left alone. */
  readonly as: 'new' | 'known';
}

/**
 * Trusts a host for the first time: appends the key that it shows to a file in the format of known_hosts.
 *
 * Only ever called because a person has asked for it. A key that is revoked, or another than the file has for this
 * host, is refused: a person has to take the old one out.
 *
 * @param file made, with its folder, when it is not there
 */
export async function learnIdentity(
  config: Pick<SshConfig, 'host' | 'port' | 'user' | 'connectTimeout'>,
  file: string,
  signal: AbortSignal,
  resolve: ResolveHost = rememberingHosts(),
): Promise<Result<Learnt, SshTrouble>> {
  const { host, port, user, connectTimeout } = config;
  try {
    const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return '';
      throw thrown;
    });
    const known = lookUp(text, host, port);
    const shown: Buffer[] = [];
    const judge = (key: Buffer): string => {
      shown.push(key);
      return 'it was only looked at';
    };
    const patience = connectTimeout;
    const turn = openTurns(1, patience);
    const asked = {
      host,
      port,
      user,
      resolve,
      patience,
      turn,
      credentials: [],
      secrets: [],
      types: known.types,
      judge,
    };
    const opened = await openSession(asked, signal);
    const [key] = shown;
    if (key === undefined) return opened.ok ? err(NOTHING) : opened;
    const fingerprint = fingerprintOf(key);
    const identity = known.judge(key);
    if (identity === 'known') return ok({ fingerprint, as: 'known' });
    if (identity === 'revoked')
      return err({ kind: 'identity', text: `${file} calls its key revoked (${fingerprint})` });
    if (identity === 'changed') {
      return err({
        kind: 'identity',
        text: `${file} has another key of it; it shows ${fingerprint}. Take the old one out first`,
      });
    }
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const separate = text === '' || text.endsWith('\n') ? '' : '\n';
    await appendFile(file, `${separate}${lineFor(host, port, key)}`, { mode: 0o600 });
    return ok({ fingerprint, as: 'new' });
  } catch (thrown) {
    return err({ kind: 'identity', text: `${file}: ${inWords(thrown)}` });
  }
}

const NOTHING: SshTrouble = { kind: 'protocol', text: 'it has shown no key' };
