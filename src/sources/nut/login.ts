import type { Clock, Log } from '../../domain/ports.ts';
import { asMillis, between, type Millis, seconds } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { createAlarm, createBackoff, type Random } from '../pace.ts';
import type { Resolver } from './address.ts';
import type { Connection } from './connection.ts';
import { ASK } from './questions.ts';
import { isBareWord } from './quoting.ts';
import type { NutConfig } from './schema.ts';
import { AGAIN, openSession, type Session } from './session.ts';

/** How the login to a UPS as a secondary stands. */
export type LoginState =
  /** upsd counts us among those its primary waits for. */
  | { readonly kind: 'logged-in' }
  /** Not yet, or not any more. `trouble`: why the last try came to nothing; absent: none has ended yet. */
  | { readonly kind: 'trying'; readonly trouble?: Trouble }
  /** By the server, with its code: ACCESS-DENIED for a user without the right and for a wrong password. */
  | { readonly kind: 'refused'; readonly code: string }
  /** The server has no TLS, and with `tls: prefer` the password is not sent in the clear. */
  | { readonly kind: 'withheld' }
  /** We have logged out because this host halts. */
  | { readonly kind: 'logged-out' }
  /** The configuration has no user, or wants none logged in. */
  | { readonly kind: 'no-credentials' | 'never' };

/** upsd drops a client that has been silent for 60 s, logged in or not (measured with upsd 2.8.0). */
const PING = seconds(10);
/**
 * For an answer on a connection that is logged in: longer than for one that is read, because on a busy day a login that
 * is given up for a moment is a primary that does not wait.
 */
const PATIENCE = seconds(10);
/** A right that was refused may have been given since. */
const REFUSED_AGAIN = seconds(300);

export interface LoginOptions {
  readonly source: string;
  readonly config: NutConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly resolver: Resolver;
  /** Whether the server is being read: only then is a login tried, since who does not hear FSD need not be waited for. */
  readonly isRead: () => boolean;
  readonly onBattery: () => boolean;
}

/**
 * One login to one UPS, from now until its signal aborts.
 *
 * It has a connection to itself: upsd binds a connection to the first UPS it logs in to, and the one that is read is
 * closed at the first doubt about an answer, which must not cost the login. Whatever happens here, reading goes on.
 *
 * @see NUT docs/net-protocol.txt, "LOGIN"
 */
export class Login {
  readonly #ups: string;
  readonly #options: LoginOptions;
  readonly #controller = new AbortController();
  #state: LoginState = { kind: 'trying' };
  /** Why there is none, as it was said last: it is said once. Forgotten once there is one. */
  #said: string | undefined;
  #backoff;
  #alarm = createAlarm();
  readonly #ended: Promise<void>;

  /** @param ups by the server's own name, in any case */
  constructor(ups: string, options: LoginOptions) {
    this.#ups = ups;
    this.#options = options;
    this.#backoff = createBackoff(AGAIN.least, options.random);
    this.#ended = this.#keep(this.#controller.signal);
  }

  get state(): LoginState {
    return this.#state;
  }

  /** The server has been heard anew: what waited is tried, and what stands is looked at. */
  heard(): void {
    this.#backoff.reset();
    this.#alarm.ring();
  }

  /** Logs out. Resolves when the connection is closed. */
  end(): Promise<void> {
    this.#controller.abort();
    this.#alarm.ring();
    return this.#ended;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#options.isRead()) {
        await this.#wait(AGAIN.most, signal);
        continue;
      }
      const state = await this.#once(signal);
      if (signal.aborted) break;
      this.#become(state);
      await this.#wait(this.#pauseAfter(state), signal);
    }
  }

  /** Rings only count while it waits: one that came before, for another wait, would cut this one short. */
  async #wait(span: Millis, signal: AbortSignal): Promise<void> {
    if (signal.aborted || span === 0) return;
    this.#alarm = createAlarm();
    await this.#alarm.wait(span);
  }

  /** One connection, from the first try to its end. */
  async #once(signal: AbortSignal): Promise<LoginState> {
    const { config, resolver, clock } = this.#options;
    const patient = { ...config, timeout: asMillis(Math.max(config.timeout, PATIENCE)) };
    const opened = await openSession(patient, resolver, signal, () => this.#alarm.ring());
    if (!opened.ok) return { kind: 'trying', trouble: opened.error };
    const { connection } = opened.value;
    const stop = (): void => void connection.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const state = await logInOn(opened.value, this.#ups);
    const since = clock.now();
    if (state.kind === 'logged-in') {
      this.#become(state);
      await this.#stay(connection, signal);
      if (between(since, clock.now()) >= AGAIN.lasting) this.#backoff.reset();
    }
    const trouble = connection.trouble();
    await connection.close();
    signal.removeEventListener('abort', stop);
    return state.kind === 'logged-in' ? { kind: 'trying', ...(trouble && { trouble }) } : state;
  }

  async #stay(connection: Connection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && connection.trouble() === undefined) {
      await this.#wait(PING, signal);
      if (!signal.aborted) await connection.ask([ASK.version]);
    }
  }

  #pauseAfter(state: LoginState): Millis {
    if (state.kind === 'trying') return this.#backoff.next(this.#most);
    return state.kind === 'refused' && state.code === 'UNKNOWN-UPS' ? this.#most : REFUSED_AGAIN;
  }

  get #most(): Millis {
    return this.#options.onBattery() ? AGAIN.mostOnBattery : AGAIN.most;
  }

  #become(state: LoginState): void {
    this.#state = state;
    const { log, source } = this.#options;
    if (state.kind === 'logged-in') {
      this.#said = undefined;
      log.info(`logged in to ${this.#ups} of ${source} as a secondary: its primary waits for this host`);
      return;
    }
    const line = `not logged in to ${this.#ups} of ${source} as a secondary: ${explainLogin(state)}`;
    // Lost servers are told by the connection that is read, and most connections come back at once.
    if (state.kind === 'trying') log.debug(line);
    else if (this.#said !== line) log.warn(line);
    if (state.kind !== 'trying') this.#said = line;
  }
}

/** What the server makes of LOGIN on a connection that has introduced itself. */
async function logInOn({ connection, credentials }: Session, ups: string): Promise<LoginState> {
  if (credentials.kind === 'refused') return { kind: 'refused', code: credentials.code };
  if (credentials.kind === 'withheld') return { kind: 'withheld' };
  if (credentials.kind === 'none') return { kind: 'no-credentials' };
  if (!isBareWord(ups)) return { kind: 'refused', code: 'UNKNOWN-UPS' };
  const asked = await connection.ask([ASK.login(ups)]);
  if (!asked.ok) return { kind: 'trying', trouble: asked.error };
  const [reply] = asked.value;
  return reply?.kind === 'error' ? { kind: 'refused', code: reply.code } : { kind: 'logged-in' };
}

/** Why a configuration alone keeps a source from logging in; undefined where it does not. */
export function loginRuledOut({ user, login }: NutConfig): LoginState | undefined {
  if (login === 'never') return { kind: 'never' };
  return user === undefined ? { kind: 'no-credentials' } : undefined;
}

/**
 * Whether the user may log in to a UPS as a secondary, found by logging in and, at once, out again.
 *
 * There is no other way to ask. A primary that is just counting its secondaries counts one more for a moment.
 *
 * @returns `logged-in` where it may
 */
export async function mayLogIn(
  config: NutConfig,
  ups: string,
  { resolver, signal }: { readonly resolver: Resolver; readonly signal: AbortSignal },
): Promise<LoginState> {
  const ruledOut = loginRuledOut(config);
  if (ruledOut !== undefined) return ruledOut;
  const opened = await openSession(config, resolver, signal, () => undefined);
  if (!opened.ok) return { kind: 'trying', trouble: opened.error };
  const { connection } = opened.value;
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const state = await logInOn(opened.value, ups);
  signal.removeEventListener('abort', stop);
  await connection.close();
  return state;
}

/** A sentence part for people: how it stands or, where there is no login, why not. */
export function explainLogin(state: LoginState): string {
  switch (state.kind) {
    case 'logged-in':
      return 'logged in: its primary waits for this host';
    case 'trying':
      return state.trouble === undefined ? 'not tried yet' : `${state.trouble.kind}: ${state.trouble.detail}`;
    case 'refused':
      if (state.code !== 'ACCESS-DENIED') return `the server refuses it (${state.code})`;
      return 'the user may not (upsmon secondary in upsd.users), or the password is wrong';
    case 'withheld':
      return 'the server has no TLS, and with tls: prefer the password is not sent in the clear';
    case 'logged-out':
      return 'logged out, because this host halts';
    case 'no-credentials':
      return 'its source has no username and password';
    case 'never':
      return 'login: never';
  }
}
