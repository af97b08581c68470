import { connect, type Socket } from 'node:net';
import ssh2, { type AnyAuthMethod, type Client, type ClientChannel, type ParsedKey } from 'ssh2';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { Secret } from '../../../domain/secret.ts';
import type { Millis } from '../../../domain/time.ts';
import { type OutputTail, outputTail } from '../../output-tail.ts';
import { within } from '../../pause.ts';
import { lookupOf, type ResolveHost } from '../../reach.ts';
import { type Ended, inWords, lastLine, type SshTrouble } from './trouble.ts';
import type { Turns } from './turns.ts';

/** A private key, ready for use. */
export type PrivateKey = ParsedKey;

/** One way to prove who we are, in the order in which they are tried. */
export type Credential =
  | { readonly kind: 'key'; readonly key: PrivateKey }
  /** Path of the socket of an agent. */
  | { readonly kind: 'agent'; readonly socket: string }
  | { readonly kind: 'password'; readonly password: Secret };

/** Whom to connect to, and as whom. */
export interface Dialling {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly resolve: ResolveHost;
  /** How long connecting may take, and logging in, each. */
  readonly patience: Millis;
  readonly turn: Turns;
  readonly credentials: readonly Credential[];
  /** What must not be seen even where the other side says it. */
  readonly secrets: readonly string[];
  /** Types of keys that the host is asked for first, such as `ssh-ed25519`: those it is known by. */
  readonly types: readonly string[];
  /** Looks at the key that the host shows; a text is why it is not accepted. Nothing secret was sent before. */
  readonly judge: (key: Buffer) => string | undefined;
}

/** A login on another machine. */
export interface Session {
  /** The address that answered. */
  readonly address: string;
  readonly alive: () => boolean;
  /**
   * Runs one command as it is written. Never rejects; comes back at once when the signal aborts, the command is then
   * sent TERM and left.
   *
   * @param heard told what it says on both streams, as it comes
   */
  readonly exec: (command: string, signal: AbortSignal, heard: OutputTail['add']) => Promise<Ended>;
  /** Closes everything at once. */
  readonly close: () => void;
}

/** Characters of standard output that are kept of one command: lists of a thousand machines are shorter. */
const HEARD = 256 * 1024;

/** A connection that says nothing is asked this often, and is dead after three questions without an answer. */
const KEEPALIVE = 5000;

/** Every type that is understood; a key of type ssh-rsa signs in three ways. */
const TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const;

/**
 * Reads a private key in one of the forms of OpenSSH, PEM or PuTTY.
 *
 * @returns why not, for people: neither the text nor the passphrase is in it
 */
export function readPrivateKey(text: string, passphrase: Secret | undefined): Result<PrivateKey, string> {
  // The library may give a list of one, which its types do not say.
  const parsed: unknown = ssh2.utils.parseKey(text, passphrase?.reveal());
  const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (first instanceof Error) {
    if (!/passphrase|encrypted|integrity|bad decrypt/i.test(first.message))
      return err('is not a key that is understood');
    return err(passphrase === undefined ? 'needs a passphrase' : 'does not open with that passphrase');
  }
  const key = first as PrivateKey; // no error, so a key
  return key.isPrivateKey() ? ok(key) : err('is a public key');
}

/**
 * Connects, proves the host's identity and then ours. Comes back at once when the signal aborts.
 *
 * Everybody connects at once and then waits for a turn to log in, a time that is not the host's: it has its own for each.
 */
export async function openSession(dialling: Dialling, signal: AbortSignal): Promise<Result<Session, SshTrouble>> {
  const { patience, turn, host, secrets } = dialling;
  const socket = await within(patience, signal, (late) => openSocket(dialling, late));
  if (!socket.ok) return socket;
  const address = socket.value.remoteAddress ?? host;
  const end = await turn(signal);
  const client = await within(patience, signal, (late) => logIn(socket.value, dialling, late)).finally(end);
  if (!client.ok) return client;
  return ok(sessionOn(client.value, socket.value, address, secrets));
}

/** Connects to a TCP port. */
async function openSocket({ host, port, resolve }: Dialling, signal: AbortSignal): Promise<Result<Socket, SshTrouble>> {
  const addresses = await resolve(host, signal);
  if (signal.aborted) return err({ kind: 'late', text: 'no time was left to connect' });
  if (addresses.length === 0) return err({ kind: 'unreachable', text: 'its name cannot be resolved' });
  const socket = connect({ host, port, lookup: lookupOf(addresses), noDelay: true });
  return await new Promise((settle) => {
    const end = (outcome: Result<Socket, SshTrouble>): void => {
      signal.removeEventListener('abort', onAbort);
      if (!outcome.ok) socket.destroy();
      settle(outcome);
    };
    const onAbort = (): void => end(err({ kind: 'late', text: `port ${port} does not answer` }));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(ok(socket)));
    // Stays: a socket that fails later must not bring the process down.
    socket.on('error', (error) => end(err({ kind: 'unreachable', text: `port ${port}: ${inWords(error)}` })));
  });
}

function logIn(socket: Socket, dialling: Dialling, signal: AbortSignal): Promise<Result<Client, SshTrouble>> {
  const client = new ssh2.Client();
  let refusal: string | undefined;
  const judge = (key: Buffer): boolean => {
    refusal = dialling.judge(key);
    return refusal === undefined;
  };
  return new Promise((settle) => {
    const end = (outcome: Result<Client, SshTrouble>): void => {
      signal.removeEventListener('abort', onAbort);
      if (!outcome.ok) socket.destroy();
      settle(outcome);
    };
    const fail = (trouble: SshTrouble): void =>
      end(err(refusal === undefined ? trouble : { kind: 'identity', text: refusal }));
    const onAbort = (): void => fail({ kind: 'late', text: 'it answers, but does not finish the login' });
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    client.once('ready', () => end(ok(client)));
    // Both stay: what goes wrong later must not bring the process down. An agent that is away is passed over by the library.
    client.on('error', (error) => {
      if (error.level !== 'agent') fail(troubleOf(error, dialling));
    });
    client.on('close', () => fail({ kind: 'protocol', text: 'it closed the connection during the login' }));
    try {
      client.connect({
        sock: socket,
        username: dialling.user,
        readyTimeout: 0,
        keepaliveInterval: KEEPALIVE,
        keepaliveCountMax: 3,
        algorithms: { serverHostKey: [...inOrder(dialling.types)] },
        hostVerifier: judge,
        authHandler: proofs(dialling),
      });
    } catch (thrown) {
      fail({ kind: 'protocol', text: inWords(thrown) });
    }
  });
}

function troubleOf(error: Error & { level?: string }, { user, credentials }: Dialling): SshTrouble {
  if (error.level === 'client-authentication') {
    const tried = [...new Set(credentials.map(({ kind }) => kind))].join(', ');
    return {
      kind: 'login',
      text: `login as ${user} was refused (${tried === '' ? 'nothing to log in with' : `tried: ${tried}`})`,
    };
  }
  if (error.level === 'client-socket') return { kind: 'unreachable', text: inWords(error) };
  return { kind: 'protocol', text: lastLine(error.message) ?? 'the handshake failed' };
}

/** The known types first, so that a host with several keys shows one that can be judged. */
function inOrder(known: readonly string[]): readonly (typeof TYPES)[number][] {
  const isKnown = (type: string): boolean => known.includes(type.startsWith('rsa-') ? 'ssh-rsa' : type);
  return [...TYPES.filter(isKnown), ...TYPES.filter((type) => !isKnown(type))];
}

/** Hands out the ways to log in, one a question; a way that the host does not offer is passed over. */
function proofs({ user: username, credentials }: Dialling): (offered: readonly string[] | null) => AnyAuthMethod {
  const left = credentials.flatMap((one) => methodsOf(one, username));
  return (offered) => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      if (offered === null || offered.includes(next.needs)) return next.method;
    }
    return false as unknown as AnyAuthMethod; // the library's word for "nothing is left", which its types do not have
  };
}

interface Proof {
  /** What the host calls it. */
  readonly needs: string;
  readonly method: AnyAuthMethod;
}

function methodsOf(one: Credential, username: string): readonly Proof[] {
  if (one.kind === 'key') return [{ needs: 'publickey', method: { type: 'publickey', username, key: one.key } }];
  if (one.kind === 'agent') return [{ needs: 'publickey', method: { type: 'agent', username, agent: one.socket } }];
  const password = one.password.reveal();
  return [
    { needs: 'password', method: { type: 'password', username, password } },
    {
      needs: 'keyboard-interactive',
      method: {
        type: 'keyboard-interactive',
        username,
        prompt: (_name, _text, _language, prompts, finish) => finish(prompts.map(() => password)),
      },
    },
  ];
}

function sessionOn(client: Client, socket: Socket, address: string, secrets: readonly string[]): Session {
  let alive = true;
  const over = (): void => {
    alive = false;
  };
  if (socket.destroyed) over();
  for (const event of ['end', 'close', 'error'] as const) socket.once(event, over);
  const close = (): void => {
    alive = false;
    client.end();
    socket.destroy();
  };
  return {
    address,
    alive: () => alive,
    close,
    exec: (command, signal, heard) => new Execution(heard, () => alive, secrets).start(client, command, signal),
  };
}

/** One command while it runs. */
class Execution {
  readonly #heard: OutputTail['add'];
  readonly #alive: () => boolean;
  readonly #said: OutputTail;
  #out = '';
  #exit: { readonly code: number } | { readonly signal: string } | undefined;
  #channel: ClientChannel | undefined;

  constructor(heard: OutputTail['add'], alive: () => boolean, secrets: readonly string[]) {
    this.#said = outputTail(secrets, 1000);
    this.#heard = heard;
    this.#alive = alive;
  }

  start(client: Client, command: string, signal: AbortSignal): Promise<Ended> {
    return new Promise((resolve) => {
      const end = (kind: 'refused' | 'dropped' | 'late' | 'closed', last?: string): void => {
        signal.removeEventListener('abort', abandon);
        resolve(this.#ended(kind, last));
      };
      const abandon = (): void => {
        end('late');
        this.#channel?.signal('TERM');
        this.#channel?.close();
      };
      if (signal.aborted) return end('late');
      if (!this.#alive()) return end('dropped');
      signal.addEventListener('abort', abandon, { once: true });
      try {
        client.exec(command, (error, channel) => {
          // The fate of the connection shows a moment after that of the channel.
          if (error !== undefined) return void setImmediate(() => end('refused', inWords(error)));
          this.#listen(channel, () => void setImmediate(() => end('closed')));
          if (signal.aborted) abandon();
        });
      } catch (thrown) {
        end('dropped', inWords(thrown));
      }
    });
  }

  #listen(channel: ClientChannel, closed: () => void): void {
    this.#channel = channel;
    const hear: OutputTail['add'] = (text, from) => {
      this.#heard(text, from);
      this.#said.add(text, from);
    };
    channel.on('exit', (code: number | null, name?: string) => {
      this.#exit = code === null ? { signal: name ?? 'unknown' } : { code };
    });
    channel.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text.slice(0, Math.max(0, HEARD - this.#out.length));
      hear(text, 'stdout');
    });
    channel.stderr.setEncoding('utf8').on('data', (text: string) => hear(text, 'stderr'));
    channel.on('error', () => undefined);
    channel.on('close', closed);
    // Nothing is ever written to it: what reads its input must not wait for it.
    channel.end();
  }

  #ended(kind: 'refused' | 'dropped' | 'late' | 'closed', told?: string): Ended {
    const last = told ?? lastLine(this.#said.text());
    const words = { out: this.#out, ...(last !== undefined && { last }) };
    if (kind === 'late') return { kind, ...words };
    if (this.#exit !== undefined && 'code' in this.#exit) return { kind: 'exit', ...this.#exit, ...words };
    if (!this.#alive()) return { kind: 'dropped', ...words };
    return kind === 'closed' ? { kind: 'silent', ...this.#exit, ...words } : { kind, ...words };
  }
}
