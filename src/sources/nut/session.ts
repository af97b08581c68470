import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import type { Resolver } from './address.ts';
import { type Connection, createConnection } from './connection.ts';
import { type Dialled, type DialOptions, dial } from './dial.ts';
import { ASK, type Question, type Reply } from './questions.ts';
import type { NutConfig } from './schema.ts';

/** What became of the configured login. `withheld`: TLS was preferred, the server has none, so nothing was sent. */
export type Credentials =
  | { readonly kind: 'none' | 'sent' | 'withheld' }
  | { readonly kind: 'refused'; readonly code: string };

/** A connection that has introduced itself. It is not logged in (LOGIN) to any UPS. */
export interface Session {
  readonly connection: Connection;
  readonly encrypted: boolean;
  /** `Network UPS Tools upsd 2.8.0 ...`, or whatever the server says of itself; for people. */
  readonly version: string;
  readonly credentials: Credentials;
  /** Whether SET and INSTCMD can be followed up to the driver (protocol 1.3). */
  readonly tracking: boolean;
  /** Whether INSTCMD takes a parameter; older servers ignore it without a word. */
  readonly parameters: boolean;
}

/** How a connection that has to last is made again when it is lost. */
export const AGAIN = {
  /** The second wait after losses; later ones double. */
  least: asMillis(250),
  most: seconds(30),
  /** While a device was on battery when last heard, its server is not left alone for longer. */
  mostOnBattery: seconds(5),
  /** A connection that lived so long was a good one: its loss is a first loss. */
  lasting: seconds(10),
} as const;

/** The part of a server's configuration that its connection is made with. */
export type SessionOptions = DialOptions & Pick<NutConfig, 'user'>;

/** Connects, encrypts and introduces itself. `onLost` is called once if the connection ends later by itself. */
export async function openSession(
  config: SessionOptions,
  resolver: Resolver,
  signal: AbortSignal,
  onLost: (trouble: Trouble) => void,
): Promise<Result<Session, Trouble>> {
  const dialled = await dial(config, resolver, signal);
  if (!dialled.ok) return dialled;
  const connection = createConnection(dialled.value.socket, { timeout: config.timeout, onLost });
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const introduced = await introduce(connection, config, dialled.value);
  signal.removeEventListener('abort', stop);
  if (!introduced.ok) await connection.close();
  return introduced;
}

async function introduce(
  connection: Connection,
  { user, tls }: SessionOptions,
  { encrypted }: Dialled,
): Promise<Result<Session, Trouble>> {
  const withheld = user !== undefined && tls === 'prefer' && !encrypted;
  const hello: readonly Question[] =
    user === undefined || withheld
      ? []
      : [ASK.username(user.username), ASK.password(user.password.reveal()), ASK.track];
  const replies = await connection.ask([ASK.version, ASK.protocol, ...hello]);
  if (!replies.ok) return replies;
  const [version, protocol, username, password, track] = replies.value;
  // VER is the one request that every server answers to anyone it talks to at all.
  if (version?.kind === 'error' && version.code === 'ACCESS-DENIED') {
    return err({ kind: 'access-denied', detail: version.code });
  }
  return ok({
    connection,
    encrypted,
    version: version?.kind === 'line' ? version.rest.slice(0, 200) : 'unknown',
    credentials: withheld ? { kind: 'withheld' } : credentialsOf(username, password),
    tracking: track?.kind === 'line',
    parameters: protocol?.kind === 'line' && isAtLeast13(protocol.rest),
  });
}

function credentialsOf(username: Reply | undefined, password: Reply | undefined): Credentials {
  for (const reply of [username, password]) {
    if (reply?.kind === 'error') return { kind: 'refused', code: reply.code };
  }
  return { kind: username === undefined ? 'none' : 'sent' };
}

function isAtLeast13(protocol: string): boolean {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})/.exec(protocol.trim()) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 3);
}
