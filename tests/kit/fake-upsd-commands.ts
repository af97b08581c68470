/** What upsd answers to each command: error codes, their order, and which names are echoed, measured with upsd 2.8.0. */
import { randomUUID } from 'node:crypto';
import { FakeUps, whyNotSet } from './fake-upsd-ups.ts';
import { quoted, replyLine } from './fake-upsd-words.ts';

/** An entry of upsd.users. `upsmon primary` may LOGIN, PRIMARY and FSD, `secondary` only LOGIN. */
export interface UserDefinition {
  readonly password: string;
  readonly actions?: readonly ('SET' | 'FSD' | 'LOGIN' | 'PRIMARY')[];
  readonly instcmds?: readonly string[] | 'ALL';
  readonly upsmon?: 'primary' | 'secondary';
}

/**
 * What became of an INSTCMD or SET VAR. `refused` is answered at once with ERR INSTCMD-FAILED or ERR SET-FAILED; the
 * others are what GET TRACKING tells: SUCCESS, ERR FAILED, ERR INVALID-ARGUMENT, ERR UNKNOWN, PENDING until settled.
 */
export type Outcome = 'success' | 'failed' | 'invalid-argument' | 'unknown' | 'pending' | 'refused';

export interface InstcmdRequest {
  readonly ups: string;
  readonly command: string;
  /** Absent when the client sent none. */
  readonly param: string | undefined;
  readonly user: string;
  readonly connection: number;
}

export interface SetRequest {
  readonly ups: string;
  readonly variable: string;
  readonly value: string;
  readonly user: string;
  readonly connection: number;
}

export interface Hooks {
  onInstcmd: ((request: InstcmdRequest) => Outcome | Promise<Outcome>) | undefined;
  onSet: ((request: SetRequest) => Outcome | Promise<Outcome>) | undefined;
}

/** What upsd knows of one connection. */
export interface Session {
  readonly connection: number;
  readonly address: string;
  username: string | undefined;
  password: string | undefined;
  tracking: boolean;
  /** The UPS, by its configured name, that this connection did LOGIN to. */
  login: string | undefined;
  secure: boolean;
}

/** `close`: LOGOUT. `starttls`: the handshake follows. `listed`: the UPS name, as typed, where this is a LIST VAR. */
export interface Answer {
  readonly text: string;
  readonly next?: 'close' | 'starttls';
  readonly listed?: string;
}

interface Tracked {
  outcome: Outcome;
  /** So many more times GET TRACKING says PENDING although the outcome is known. */
  pendingLeft: number;
  readonly until: number;
}

const TRACKING_MS = 3_600_000;
const MAX_TRACKED = 10_000;

const err = (code: string): Answer => ({ text: `ERR ${code}\n` });
const say = (text: string): Answer => ({ text: replyLine(text) });
const listOf = (what: string, rows: readonly string[]): Answer => ({
  text: `${replyLine(`BEGIN LIST ${what}`)}${rows.map(replyLine).join('')}${replyLine(`END LIST ${what}`)}`,
});

const TRACKING_REPLY: Readonly<Record<Outcome, string>> = {
  success: 'SUCCESS',
  failed: 'ERR FAILED',
  'invalid-argument': 'ERR INVALID-ARGUMENT',
  unknown: 'ERR UNKNOWN',
  pending: 'PENDING',
  refused: 'ERR FAILED',
};

export interface WorldOptions {
  readonly version: '2.7.4' | '2.8.0';
  readonly users: Readonly<Record<string, UserDefinition>>;
  readonly descriptions: Readonly<Record<string, string>>;
  readonly pendingAnswers: number;
  /** What STARTTLS says; asked each time, as a fault may change it. */
  readonly startTls: () => 'ok' | 'FEATURE-NOT-CONFIGURED' | 'FEATURE-NOT-SUPPORTED';
  /** All open connections, for NUMLOGINS and LIST CLIENT. */
  readonly sessions: () => Iterable<Session>;
}

/** The state of upsd that all connections share, and its answers. */
export class FakeUpsdWorld {
  readonly upses: FakeUps[] = [];
  readonly hooks: Hooks = { onInstcmd: undefined, onSet: undefined };
  readonly #options: WorldOptions;
  readonly #tracked = new Map<string, Tracked>();
  readonly #users: ReadonlyMap<string, UserDefinition>;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#users = new Map(Object.entries(options.users));
  }

  ups(name: string): FakeUps | undefined {
    const key = name.toLowerCase();
    return this.upses.find((ups) => ups.name.toLowerCase() === key);
  }

  /** Ends the waiting of a tracking id. False when the id is unknown. */
  settle(id: string, outcome: Outcome): boolean {
    const tracked = this.#tracked.get(id);
    if (!tracked) return false;
    tracked.outcome = outcome;
    return true;
  }

  trackingIds(): string[] {
    return [...this.#tracked.keys()];
  }

  answer(session: Session, words: readonly string[]): Answer {
    const command = words[0]?.toUpperCase();
    const args = words.slice(1);
    const modern = this.#options.version !== '2.7.4';
    switch (command) {
      case 'VER':
        return args.length > 0 ? err('INVALID-ARGUMENT') : say(this.#banner());
      case 'PROTVER':
        if (!modern) break;
        return args.length > 0 ? err('INVALID-ARGUMENT') : say('1.3');
      case 'NETVER':
        return args.length > 0 ? err('INVALID-ARGUMENT') : say(modern ? '1.3' : '1.2');
      case 'HELP':
        if (args.length > 0) return err('INVALID-ARGUMENT');
        return say('Commands: HELP VER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS');
      case 'GET':
        return this.#get(session, args);
      case 'LIST':
        return this.#list(args);
      case 'USERNAME':
      case 'PASSWORD':
        return this.#credential(session, command, args);
      case 'STARTTLS': {
        const can = this.#options.startTls();
        if (session.secure) return err('ALREADY-SSL-MODE');
        return can === 'ok' ? { text: 'OK STARTTLS\n', next: 'starttls' } : err(can);
      }
      case 'LOGOUT':
        return args.length > 0 ? err('INVALID-ARGUMENT') : { text: 'OK Goodbye\n', next: 'close' };
      case 'PRIMARY':
        if (!modern) break;
        return this.#privileged(session, command, args);
      case 'LOGIN':
      case 'MASTER':
      case 'FSD':
      case 'SET':
      case 'INSTCMD':
        return this.#privileged(session, command, args);
    }
    return err('UNKNOWN-COMMAND');
  }

  #banner(): string {
    return `Network UPS Tools upsd ${this.#options.version} - http://www.networkupstools.org/`;
  }

  #credential(session: Session, command: 'USERNAME' | 'PASSWORD', args: readonly string[]): Answer {
    const field = command === 'USERNAME' ? 'username' : 'password';
    if (args.length !== 1) return err('INVALID-ARGUMENT');
    if (session[field] !== undefined) return err(`ALREADY-SET-${command}`);
    session[field] = args[0];
    return say('OK');
  }

  #privileged(session: Session, command: string, args: readonly string[]): Answer {
    if (session.username === undefined) return err('USERNAME-REQUIRED');
    if (session.password === undefined) return err('PASSWORD-REQUIRED');
    if (command === 'SET') return this.#set(session, args);
    if (command === 'INSTCMD') return this.#instcmd(session, args);
    const [name] = args;
    if (name === undefined || args.length !== 1) return err('INVALID-ARGUMENT');
    if (command === 'LOGIN' && session.login !== undefined) return err('ALREADY-LOGGED-IN');
    const ups = this.ups(name);
    if (!ups) return err('UNKNOWN-UPS');
    if (!this.#may(session, command === 'MASTER' ? 'PRIMARY' : command)) return err('ACCESS-DENIED');
    if (command === 'LOGIN') {
      session.login = ups.name;
      return say('OK');
    }
    if (command !== 'FSD') return say(`OK ${command}-GRANTED`);
    ups.show({ fsd: true });
    return say('OK FSD-SET');
  }

  #user(session: Session): UserDefinition | undefined {
    const user = session.username === undefined ? undefined : this.#users.get(session.username);
    return user?.password === session.password ? user : undefined;
  }

  #may(session: Session, action: string): boolean {
    const user = this.#user(session);
    if (!user) return false;
    if (user.actions?.some((allowed) => allowed === action)) return true;
    if (user.upsmon === 'primary') return ['LOGIN', 'PRIMARY', 'FSD'].includes(action);
    return user.upsmon === 'secondary' && action === 'LOGIN';
  }

  /** The UPS when its data can be used, else why not. */
  #usable(name: string): FakeUps | Answer {
    const ups = this.ups(name);
    if (!ups) return err('UNKNOWN-UPS');
    if (ups.condition === 'driver-gone') return err('DRIVER-NOT-CONNECTED');
    return ups.condition === 'stale' ? err('DATA-STALE') : ups;
  }

  #get(session: Session, args: readonly string[]): Answer {
    const [what = '', name, item] = args;
    const kind = what.toUpperCase();
    if (kind === 'TRACKING' && this.#options.version !== '2.7.4') return this.#getTracking(session, name);
    if (name === undefined) return err('INVALID-ARGUMENT');
    if (kind === 'NUMLOGINS') return this.#numLogins(name);
    if (kind === 'UPSDESC') {
      const ups = this.ups(name);
      return ups ? say(`UPSDESC ${name} ${quoted(ups.desc ?? 'Unavailable')}`) : err('UNKNOWN-UPS');
    }
    if (item === undefined || !['VAR', 'TYPE', 'DESC', 'CMDDESC'].includes(kind)) return err('INVALID-ARGUMENT');
    if (kind === 'VAR' && item.toLowerCase().startsWith('server.')) return this.#serverVariable(name, item);
    const ups = this.#usable(name);
    if (!(ups instanceof FakeUps)) return ups;
    if (kind === 'VAR') {
      const value = ups.shown(item);
      return value === undefined ? err('VAR-NOT-SUPPORTED') : say(`VAR ${name} ${item} ${quoted(value)}`);
    }
    if (kind === 'TYPE') return typeOf(ups, name, item);
    const known =
      kind === 'DESC' ? this.#options.descriptions[item.toLowerCase()] : ups.commands.get(item.toLowerCase())?.desc;
    return say(`${kind} ${name} ${item} ${quoted(known || 'Description unavailable')}`);
  }

  /** `server.*` is answered for any UPS name, known or not. */
  #serverVariable(name: string, item: string): Answer {
    const key = item.toLowerCase();
    if (key === 'server.info') return say(`VAR ${name} ${key} ${quoted(this.#banner())}`);
    if (key === 'server.version') return say(`VAR ${name} ${key} ${quoted(this.#options.version)}`);
    return err('VAR-NOT-SUPPORTED');
  }

  #numLogins(name: string): Answer {
    const ups = this.#usable(name);
    return ups instanceof FakeUps ? say(`NUMLOGINS ${name} ${this.#loggedIn(ups).length}`) : ups;
  }

  #loggedIn(ups: FakeUps): Session[] {
    return [...this.#options.sessions()].filter((session) => session.login === ups.name);
  }

  #list(args: readonly string[]): Answer {
    const [what = '', name, item] = args;
    const kind = what.toUpperCase();
    if (kind === 'UPS') {
      const row = (ups: FakeUps): string => `UPS ${ups.name} ${quoted(ups.desc ?? 'Description unavailable')}`;
      return listOf('UPS', this.upses.map(row));
    }
    if (name === undefined) return err('INVALID-ARGUMENT');
    if (kind === 'CLIENT') {
      const ups = this.ups(name);
      if (!ups) return err('UNKNOWN-UPS');
      const clients = this.#loggedIn(ups).map((session) => `CLIENT ${ups.name} ${session.address}`);
      return listOf(`CLIENT ${name}`, clients);
    }
    const needsItem = kind === 'ENUM' || kind === 'RANGE';
    if (!(needsItem ? item !== undefined : ['VAR', 'RW', 'CMD'].includes(kind))) return err('INVALID-ARGUMENT');
    const ups = this.#usable(name);
    if (!(ups instanceof FakeUps)) return ups;
    return needsItem ? limitsOf(ups, kind, name, item ?? '') : namesOf(ups, kind, name);
  }

  #set(session: Session, args: readonly string[]): Answer {
    const [what = '', name, variable, value] = args;
    const kind = what.toUpperCase();
    if (kind === 'TRACKING' && this.#options.version !== '2.7.4') {
      const wanted = name?.toUpperCase();
      if (wanted !== 'ON' && wanted !== 'OFF') return err('INVALID-ARGUMENT');
      session.tracking = wanted === 'ON';
      return say('OK');
    }
    if (kind !== 'VAR' || name === undefined || variable === undefined || value === undefined) {
      return err('INVALID-ARGUMENT');
    }
    const ups = this.#usable(name);
    if (!(ups instanceof FakeUps)) return ups;
    if (!this.#may(session, 'SET')) return err('ACCESS-DENIED');
    const fault = whyNotSet(ups, variable, value);
    if (fault) return err(fault);
    const { hooks } = this;
    const request = { ups: ups.name, variable, value, user: session.username ?? '', connection: session.connection };
    const outcome = hooks.onSet?.(request) ?? 'success';
    return this.#handOver(session, outcome, 'SET-FAILED', () => ups.set(variable, value));
  }

  #instcmd(session: Session, args: readonly string[]): Answer {
    const [name, typed, param] = args;
    const legacyParam = this.#options.version === '2.7.4' && args.length > 2;
    if (name === undefined || typed === undefined || legacyParam) return err('INVALID-ARGUMENT');
    const ups = this.#usable(name);
    if (!(ups instanceof FakeUps)) return ups;
    const command = ups.commands.get(typed.toLowerCase())?.name;
    if (command === undefined) return err('CMD-NOT-SUPPORTED');
    const allowed = this.#user(session)?.instcmds ?? [];
    const may =
      allowed === 'ALL' || allowed.some((one) => one.toLowerCase() === command.toLowerCase() || one === 'ALL');
    if (!may) return err('ACCESS-DENIED');
    const request = { ups: ups.name, command, param, user: session.username ?? '', connection: session.connection };
    return this.#handOver(session, this.hooks.onInstcmd?.(request) ?? 'success', 'INSTCMD-FAILED', () => {});
  }

  /** "Handed to the driver": OK at once, and with tracking an id under which the outcome can be asked. */
  #handOver(session: Session, outcome: Outcome | Promise<Outcome>, refusal: string, apply: () => void): Answer {
    if (outcome === 'refused') return err(refusal);
    const id = randomUUID().toUpperCase();
    const settled = (end: Outcome): void => {
      if (end === 'success') apply();
      this.settle(id, end);
    };
    if (session.tracking) this.#track(id);
    if (typeof outcome === 'string') settled(outcome);
    else outcome.then(settled, () => settled('failed'));
    return say(session.tracking ? `OK TRACKING ${id}` : 'OK');
  }

  #track(id: string): void {
    const oldest = this.#tracked.size >= MAX_TRACKED ? this.#tracked.keys().next().value : undefined;
    if (oldest !== undefined) this.#tracked.delete(oldest);
    const until = performance.now() + TRACKING_MS;
    this.#tracked.set(id, { outcome: 'pending', pendingLeft: this.#options.pendingAnswers, until });
  }

  #getTracking(session: Session, id: string | undefined): Answer {
    if (id === undefined) return say(session.tracking ? 'ON' : 'OFF');
    if (!session.tracking) return err('FEATURE-NOT-CONFIGURED');
    const tracked = this.#tracked.get(id);
    if (!tracked || performance.now() > tracked.until) return err('UNKNOWN');
    if (tracked.outcome === 'pending' || tracked.pendingLeft-- > 0) return say('PENDING');
    return say(TRACKING_REPLY[tracked.outcome]);
  }
}

function typeOf(ups: FakeUps, name: string, item: string): Answer {
  if (ups.value(item) === undefined) return err('VAR-NOT-SUPPORTED');
  const rule = ups.rule(item);
  const derived = [
    ...(rule?.enum ? ['ENUM'] : []),
    ...(rule?.ranges ? ['RANGE'] : []),
    ...(rule?.maxLength === undefined ? [] : [`STRING:${rule.maxLength}`]),
  ];
  const tokens = rule?.type ?? (derived.length > 0 ? derived.join(' ') : 'NUMBER');
  return say(`TYPE ${name} ${item} ${rule ? 'RW ' : ''}${tokens}`);
}

function namesOf(ups: FakeUps, kind: string, name: string): Answer {
  if (kind === 'VAR') {
    const text = `${replyLine(`BEGIN LIST VAR ${name}`)}${ups.rows(name)}${replyLine(`END LIST VAR ${name}`)}`;
    return { text, listed: name };
  }
  if (kind === 'CMD') {
    return listOf(
      `CMD ${name}`,
      [...ups.commands.values()].map((command) => `CMD ${name} ${command.name}`),
    );
  }
  const writable = ups.names().filter((variable) => ups.rule(variable));
  return listOf(
    `RW ${name}`,
    writable.map((one) => `RW ${name} ${one} ${quoted(ups.value(one) ?? '')}`),
  );
}

function limitsOf(ups: FakeUps, kind: string, name: string, item: string): Answer {
  if (ups.value(item) === undefined) return err('VAR-NOT-SUPPORTED');
  const rule = ups.rule(item);
  const rows =
    kind === 'ENUM'
      ? (rule?.enum ?? []).map(quoted)
      : (rule?.ranges ?? []).map(([min, max]) => `${quoted(String(min))} ${quoted(String(max))}`);
  return listOf(
    `${kind} ${name} ${item}`,
    rows.map((row) => `${kind} ${name} ${item} ${row}`),
  );
}
