import type { Instructed } from '../../domain/inputs.ts';
import type { Log } from '../../domain/ports.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, type Millis, seconds } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { deadline, pause } from '../pace.ts';
import type { Resolver } from './address.ts';
import type { Connection } from './connection.ts';
import { itemsOf, troubleOfCode } from './parse.ts';
import type { Question } from './questions.ts';
import { isBareWord } from './quoting.ts';
import type { NutConfig } from './schema.ts';
import { openSession, type Session } from './session.ts';

/** What became of a forced shutdown. */
export type ForcedShutdown =
  | Exclude<Instructed, { readonly kind: 'done' }>
  /** FSD is set, and stays until upsd is started anew. */
  | {
      readonly kind: 'done';
      /** Others that were logged in when that was last seen: not none where the wait was over before. Absent: never seen. */
      readonly left?: number;
      /** Addresses of those that are still logged in, ours among them; empty where nobody else is or they are not known. */
      readonly who: readonly string[];
      /** Why nobody could see to the end whether they have logged out; absent: it was seen. */
      readonly lost?: string;
    };

export interface ForceOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** How long the others get to log out. */
  readonly wait: Millis;
  /** Logins of our own to this UPS that stay until we are down: 1 where this program or an upsmon of this host is logged in. */
  readonly own: number;
  /** That of the server, with what it remembers: names may not be resolved any more. */
  readonly resolver: Resolver;
  /** Told how many others are logged in, whenever that changes. */
  readonly onLogins?: (left: number) => void;
}

/** As upsmon looks. */
const POLL = asMillis(250);
/** FSD is harmless twice, so a connection that fails is tried again. */
const ATTEMPTS = 3;
const BETWEEN = seconds(1);

const line = (text: string, head: string): Question => ({ line: text, head, form: 'line' });

const ASK_AS_PRIMARY = {
  primary: (ups: string) => line(`PRIMARY ${ups}`, 'OK'),
  /** The same before NUT 2.8.0. */
  master: (ups: string) => line(`MASTER ${ups}`, 'OK'),
  forceShutdown: (ups: string) => line(`FSD ${ups}`, 'OK'),
  logins: (ups: string) => line(`GET NUMLOGINS ${ups}`, `NUMLOGINS ${ups}`),
  clients: (ups: string): Question => ({ line: `LIST CLIENT ${ups}`, head: `CLIENT ${ups}`, form: 'list' }),
} as const;

/**
 * Tells every machine that is logged in to a UPS to shut down, and waits until they have logged out.
 *
 * On a connection of its own, which does not log in: an upsmon primary on the server would wait for us, and we for it.
 * What upsd takes from its user is `actions = FSD`, which `upsmon primary` includes.
 *
 * @param ups a name that the server lists
 * @see NUT docs/net-protocol.txt, "FSD", "GET NUMLOGINS"; upsmon's `sync_secondaries`
 */
export async function forceShutdown(config: NutConfig, ups: string, options: ForceOptions): Promise<ForcedShutdown> {
  const { signal, log, resolver } = options;
  let outcome: ForcedShutdown = { kind: 'no-answer', why: 'no time was left' };
  for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt += 1) {
    if (attempt > 1) await pause(BETWEEN, signal);
    const opened = await openAsUser(config, ups, resolver, signal);
    if (!opened.ok) return opened.error;
    if ('detail' in opened.value) {
      outcome = { kind: 'no-answer', why: `not connected: ${opened.value.detail}` };
      continue;
    }
    const { connection } = opened.value;
    try {
      outcome = await force(connection, ups, options);
    } finally {
      await connection.close();
    }
    if (outcome.kind !== 'no-answer') break;
  }
  log.info(`forced shutdown of the machines at ${ups}: ${outcome.kind}`);
  return outcome;
}

/** A session with the configured login; a trouble of the network as a value, because it may pass. */
async function openAsUser(
  config: NutConfig,
  ups: string,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<Result<Session | Trouble, Exclude<Instructed, { readonly kind: 'done' | 'no-answer' }>>> {
  if (config.user === undefined) return err({ kind: 'no-credentials' });
  if (!isBareWord(ups)) return err({ kind: 'refused', code: 'UNKNOWN-UPS' });
  const opened = await openSession(config, resolver, signal, () => undefined);
  if (!opened.ok) return ok(opened.error);
  const { credentials, connection } = opened.value;
  if (credentials.kind === 'sent') return ok(opened.value);
  await connection.close();
  return err(credentials.kind === 'refused' ? { kind: 'refused', code: credentials.code } : { kind: 'no-credentials' });
}

async function force(connection: Connection, ups: string, options: ForceOptions): Promise<ForcedShutdown> {
  const { signal, log } = options;
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    // Whether it is a primary changes nothing for upsd; other servers of the protocol may want it said.
    const sent = await connection.ask([ASK_AS_PRIMARY.primary(ups), ASK_AS_PRIMARY.forceShutdown(ups)]);
    if (!sent.ok) return { kind: 'no-answer', why: `the connection was lost: ${sent.error.detail}` };
    const [, forced] = sent.value;
    if (forced?.kind === 'error') return { kind: 'refused', code: forced.code };
    log.warn(`FSD is set on ${ups}: its secondaries shut down`);
    return await untilLoggedOut(connection, ups, options);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function untilLoggedOut(connection: Connection, ups: string, options: ForceOptions): Promise<ForcedShutdown> {
  const { signal, wait, own, onLogins } = options;
  const late = deadline(wait, signal);
  let left: number | undefined;
  try {
    for (;;) {
      const logins = await numberOfLogins(connection, ups);
      if (!logins.ok) return { kind: 'done', ...(left !== undefined && { left }), who: [], lost: logins.error };
      const others = Math.max(0, logins.value - own);
      if (others !== left) onLogins?.(others);
      left = others;
      if (left === 0) return { kind: 'done', left, who: [] };
      if (late.signal.aborted) return { kind: 'done', left, who: await clients(connection, ups) };
      await pause(POLL, late.signal);
    }
  } finally {
    late.end();
  }
}

async function numberOfLogins(connection: Connection, ups: string): Promise<Result<number, string>> {
  const asked = await connection.ask([ASK_AS_PRIMARY.logins(ups)]);
  if (!asked.ok) return err(asked.error.detail);
  const [reply] = asked.value;
  if (reply?.kind === 'error') return err(reply.code);
  const [count] = (reply?.kind === 'line' && /^\d{1,6}$/.exec(reply.rest.trim())) || [];
  return count === undefined ? err('the server tells no number of logins') : ok(Number(count));
}

/** The addresses that are logged in, each once. Empty where the server does not say: NUT tells them since 2.4.2. */
async function clients(connection: Connection, ups: string): Promise<readonly string[]> {
  const asked = await connection.ask([ASK_AS_PRIMARY.clients(ups)]);
  const [reply] = asked.ok ? asked.value : [];
  if (reply?.kind !== 'list') return [];
  const found = [...itemsOf(reply.block, `CLIENT ${ups}`)].filter((item) => /^[0-9A-Za-z.:%-]{1,64}$/.test(item));
  return [...new Set(found)].slice(0, MOST_CLIENTS);
}

const MOST_CLIENTS = 100;

/**
 * Whether the login is that of a primary of a UPS, and so may set FSD. Changes nothing.
 *
 * @returns false for a user who is not: with `actions = FSD` alone it may all the same, which upsd tells only by doing it
 */
export async function isPrimary(
  config: NutConfig,
  ups: string,
  { resolver, signal }: Pick<ForceOptions, 'resolver' | 'signal'>,
): Promise<Result<boolean, Trouble>> {
  const opened = await openAsUser(config, ups, resolver, signal);
  if (!opened.ok) {
    const { error } = opened;
    if (error.kind === 'refused') return err(troubleOfCode(error.code));
    return err({ kind: 'access-denied', detail: 'no credentials' });
  }
  if ('detail' in opened.value) return err(opened.value);
  const { connection } = opened.value;
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const asked = await connection.ask([ASK_AS_PRIMARY.primary(ups), ASK_AS_PRIMARY.master(ups)]);
    if (!asked.ok) return asked;
    const unknown = asked.value.find((reply) => reply.kind === 'error' && reply.code === 'UNKNOWN-UPS');
    if (unknown?.kind === 'error') return err(troubleOfCode(unknown.code));
    return ok(asked.value.some(({ kind }) => kind === 'line'));
  } finally {
    signal.removeEventListener('abort', stop);
    await connection.close();
  }
}
