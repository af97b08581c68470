import type { Instructed, Report } from '../../domain/inputs.ts';
import type { Order } from '../../domain/intents.ts';
import type { Clock, Log, Source } from '../../domain/ports.ts';
import { between, type Instant } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { createBackoff, pause, type Random } from '../pace.ts';
import { createResolver, type Lookup, type Resolver } from './address.ts';
import { instructDevice } from './instruct.ts';
import type { LoginState } from './login.ts';
import { Logins } from './logins.ts';
import type { NutConfig } from './schema.ts';
import { AGAIN, openSession, type Session } from './session.ts';
import { Watch } from './watch.ts';

/** What a source needs of the program. Only tests give `random` and `lookup`. */
export interface NutDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  readonly lookup?: Lookup;
}

/** A NUT server as a source, which can also be logged in to so that its primary waits for this host. */
export interface NutSource extends Source {
  /**
   * Which UPSes to be logged in to as a secondary from now on, by the server's own names; at first none. Out of others
   * it logs out. Does nothing where `logins` says `never` or `no-credentials`.
   */
  readonly logInTo: (names: readonly string[]) => void;
  /**
   * Logs out of every UPS, for a halt that is being issued. Resolves within a second and never rejects.
   *
   * It lasts for 5 min, or 5 min more if called again: who is still there then has not halted, and logs in again.
   */
  readonly logOut: () => Promise<void>;
  /** How each of those logins stands, by the names that were given. */
  readonly logins: () => ReadonlyMap<string, LoginState>;
}

/**
 * A NUT server as a source of devices.
 *
 * One connection that stays, made again whenever it is lost: at once after a first loss, then ever more slowly. Each
 * login has one more of its own.
 */
export function createNutSource(name: string, config: NutConfig, deps: NutDeps): NutSource {
  return new WatchedServer(name, config, deps);
}

class WatchedServer implements NutSource {
  readonly name: string;
  readonly #config: NutConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: Random;
  readonly #resolver: Resolver;
  readonly #logins: Logins;
  #watch: Watch | undefined;
  #session: Session | undefined;
  /** The trouble of the server that was told last; undefined while all is well. */
  #told: Trouble | undefined;
  /** When the present connection, or the one that was lost last, gave its first whole sweep. */
  #heardAt: Instant | undefined;

  constructor(name: string, config: NutConfig, { clock, log, random = Math.random, lookup }: NutDeps) {
    this.name = name;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#random = random;
    this.#resolver = createResolver(config.host, lookup);
    this.#logins = new Logins({
      source: name,
      config,
      clock,
      log,
      random,
      resolver: this.#resolver,
      isRead: () => this.#session !== undefined,
      onBattery: () => this.#watch?.onBattery ?? false,
    });
  }

  readonly watch = async (report: (report: Report) => void, signal: AbortSignal): Promise<void> => {
    const loggingIn = this.#logins.run(signal);
    const backoff = createBackoff(AGAIN.least, this.#random);
    const { name: source } = this;
    const options = { source, config: this.#config, clock: this.#clock, log: this.#log, random: this.#random, report };
    const watch = new Watch(options);
    this.#watch = watch;
    const ring = (): void => watch.ring();
    signal.addEventListener('abort', ring, { once: true });
    while (!signal.aborted) {
      this.#heardAt = undefined;
      const trouble = await this.#once(watch, signal);
      if (signal.aborted) break;
      this.#tell(trouble, report);
      if (this.#wasLasting()) backoff.reset();
      await pause(backoff.next(watch.onBattery ? AGAIN.mostOnBattery : AGAIN.most), signal);
    }
    signal.removeEventListener('abort', ring);
    this.#watch = undefined;
    await loggingIn;
  };

  readonly logInTo = (names: readonly string[]): void => this.#logins.want(names);

  readonly logOut = (): Promise<void> => this.#logins.logOut();

  readonly logins = (): ReadonlyMap<string, LoginState> => this.#logins.states();

  readonly instruct = async (ups: string, order: Order, signal: AbortSignal): Promise<Instructed> => {
    if (this.#config.user === undefined) return { kind: 'no-credentials' };
    const [session, watch] = [this.#session, this.#watch];
    if (session === undefined || watch === undefined) return { kind: 'no-answer', why: 'not connected' };
    if (!watch.knows(ups)) return { kind: 'refused', code: 'UNKNOWN-UPS' };
    const outcome = await instructDevice(session, ups, order, signal);
    if (outcome.kind === 'done') watch.refresh(ups);
    return outcome;
  };

  /** One connection, from the first try to its end. */
  async #once(watch: Watch, signal: AbortSignal): Promise<Trouble> {
    const opened = await openSession(this.#config, this.#resolver, signal, () => watch.ring());
    if (!opened.ok) return opened.error;
    const session = opened.value;
    const heard = (): void => {
      this.#session = session;
      this.#greet(session);
      this.#logins.heard();
    };
    const trouble = await watch.serve(session, heard, signal);
    this.#session = undefined;
    return trouble;
  }

  #greet({ encrypted, version, credentials }: Session): void {
    this.#told = undefined;
    this.#heardAt = this.#clock.now();
    this.#log.info(`connected to the NUT server of ${this.name}`, { version, encrypted });
    if (credentials.kind === 'withheld') {
      this.#log.warn('the server has no TLS: with tls: prefer the login is not sent in the clear, so it is only read');
    } else if (credentials.kind === 'refused') {
      this.#log.warn('the server refused the login: it is only read', { code: credentials.code });
    }
  }

  /** Once for each change; of lines that are not the protocol, what they say does not count as one. */
  #tell(trouble: Trouble, report: (report: Report) => void): void {
    const told = this.#told;
    if (told?.kind === trouble.kind && (told.detail === trouble.detail || trouble.kind === 'malformed')) return;
    this.#told = trouble;
    report({ kind: 'source-trouble', source: this.name, trouble });
  }

  #wasLasting(): boolean {
    return this.#heardAt !== undefined && between(this.#heardAt, this.#clock.now()) >= AGAIN.lasting;
  }
}
