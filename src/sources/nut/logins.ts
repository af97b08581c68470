import { after, asMillis, between, type Instant, type Millis, seconds } from '../../domain/time.ts';
import { createAlarm, pause } from '../pace.ts';
import { Login, type LoginOptions, type LoginState, loginRuledOut } from './login.ts';

/** A halt that was issued and has not happened by then will not: a login is wanted again. */
const HALTED = seconds(300);
/** Nobody who halts waits longer for a server to close a connection. */
const FAREWELL = seconds(1);
/** There is nothing to wait for but a ring. */
const LONG = seconds(3600);

/** Every login of one source as a secondary. */
export class Logins {
  readonly #options: LoginOptions;
  readonly #ruledOut: LoginState | undefined;
  readonly #alarm = createAlarm();
  /** As they were given, by lower case: to upsd case makes no difference. */
  #wanted: ReadonlyMap<string, string> = new Map();
  readonly #held = new Map<string, Login>();
  /** Those that are on their way out. */
  readonly #ending = new Set<Promise<void>>();
  #running = false;
  /** Until when the logout for a halt lasts; undefined while there is none. */
  #outUntil: Instant | undefined;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#ruledOut = loginRuledOut(options.config);
  }

  /** Which UPSes to be logged in to from now on. */
  want(names: readonly string[]): void {
    this.#wanted = new Map(names.map((name) => [name.toLowerCase(), name]));
    this.#settle();
  }

  /** How each wanted login stands, by its name as given. */
  states(): ReadonlyMap<string, LoginState> {
    const none: LoginState = this.#ruledOut ?? { kind: this.#outUntil === undefined ? 'trying' : 'logged-out' };
    return new Map([...this.#wanted].map(([key, name]) => [name, this.#held.get(key)?.state ?? none]));
  }

  /** The server has been heard anew. */
  heard(): void {
    for (const login of this.#held.values()) login.heard();
  }

  /** Holds what is wanted until the signal aborts; logged out when it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const ring = (): void => this.#alarm.ring();
    signal.addEventListener('abort', ring, { once: true });
    this.#running = true;
    while (!signal.aborted) {
      const left = this.#timeLeftOut();
      if (left === 0) this.#outUntil = undefined;
      this.#settle();
      await this.#alarm.wait(left || LONG);
    }
    signal.removeEventListener('abort', ring);
    this.#running = false;
    this.#settle();
    await this.#allOut();
  }

  /** Logs out everywhere because this host halts. Resolves within a second, whatever the server does. */
  async logOut(): Promise<void> {
    this.#outUntil = after(this.#options.clock.now(), HALTED);
    this.#settle();
    this.#alarm.ring();
    await this.#allOut();
  }

  #timeLeftOut(): Millis {
    const until = this.#outUntil;
    return until === undefined ? asMillis(0) : asMillis(Math.max(0, between(this.#options.clock.now(), until)));
  }

  #settle(): void {
    const open = this.#running && this.#outUntil === undefined && this.#ruledOut === undefined;
    for (const [key, login] of this.#held) {
      if (open && this.#wanted.has(key)) continue;
      this.#held.delete(key);
      const ending: Promise<void> = login.end().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
    if (!open) return;
    for (const [key, name] of this.#wanted) {
      if (!this.#held.has(key)) this.#held.set(key, new Login(name, this.#options));
    }
  }

  async #allOut(): Promise<void> {
    const late = new AbortController();
    await Promise.race([Promise.all(this.#ending), pause(FAREWELL, late.signal)]);
    late.abort();
  }
}
