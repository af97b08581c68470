/** One UPS of the fake server: its variables, limits and commands, and what upsd shows of them in each condition. */
import { quoted, replyLine, throughDriver } from './fake-upsd-words.ts';

/** How a writable variable is limited. `type` replaces the tokens that GET TYPE would derive, e.g. `STRING:32`. */
export interface WritableRule {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly ranges?: readonly (readonly [min: number, max: number])[];
  readonly maxLength?: number;
}

/** One UPS of the fake server. `rw` counts only for names in `variables`. */
export interface UpsDefinition {
  readonly variables: ReadonlyMap<string, string> | Readonly<Record<string, string>>;
  readonly desc?: string;
  readonly rw?: Readonly<Record<string, WritableRule>>;
  /** Names, or name to description (empty: upsd has none). */
  readonly commands?: readonly string[] | Readonly<Record<string, string | undefined>>;
}

/** `wait`: the driver has just connected and upsd shows `ups.status` "WAIT" and only what has arrived. */
export type UpsCondition = 'ok' | 'stale' | 'driver-gone' | 'wait';

const MAX_CACHED_NAMES = 8;

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** One UPS as upsd holds it. Keys of the maps are in lower case: upsd compares names without regard to case. */
export class FakeUps {
  readonly name: string;
  readonly desc: string | undefined;
  readonly #variables = new Map<string, { readonly name: string; value: string }>();
  readonly #rules = new Map<string, WritableRule>();
  readonly commands: ReadonlyMap<string, { readonly name: string; readonly desc: string | undefined }>;
  condition: UpsCondition = 'ok';
  /** In condition `wait`: the variables, in lower case, that the driver has already sent. */
  arrived: ReadonlySet<string> = new Set();
  #fsd = false;
  #huge: string | undefined;
  /** LIST VAR rows by UPS name as typed; building them for every poll of 100 UPSes would cost more than the socket. */
  readonly #rows = new Map<string, string>();

  constructor(name: string, definition: UpsDefinition) {
    this.name = name;
    this.desc = definition.desc === undefined ? undefined : throughDriver(definition.desc);
    const { variables, commands = [] } = definition;
    for (const [key, value] of variables instanceof Map ? variables : Object.entries(variables)) this.set(key, value);
    for (const [key, rule] of Object.entries(definition.rw ?? {})) this.#rules.set(key.toLowerCase(), rule);
    const listed: [string, string | undefined][] = Array.isArray(commands)
      ? commands.map((command: string) => [command, undefined])
      : Object.entries(commands);
    this.commands = new Map(
      listed.map(([command, desc]) => [command.toLowerCase(), { name: command, desc }] as const).sort(byName),
    );
  }

  set(variable: string, value: string): void {
    const key = variable.toLowerCase();
    const known = this.#variables.get(key);
    if (known) known.value = throughDriver(value);
    else {
      this.#variables.set(key, { name: variable, value: throughDriver(value) });
      const sorted = [...this.#variables].sort(byName);
      this.#variables.clear();
      for (const [name, entry] of sorted) this.#variables.set(name, entry);
    }
    this.#rows.clear();
  }

  remove(variable: string): boolean {
    this.#rows.clear();
    return this.#variables.delete(variable.toLowerCase());
  }

  show(change: {
    fsd?: boolean;
    condition?: UpsCondition;
    arrived?: readonly string[];
    huge?: string | undefined;
  }): void {
    if (change.fsd !== undefined) this.#fsd = change.fsd;
    if (change.condition !== undefined) this.condition = change.condition;
    if (change.arrived) this.arrived = new Set(change.arrived.map((name) => name.toLowerCase()));
    if ('huge' in change) this.#huge = change.huge?.toLowerCase();
    this.#rows.clear();
  }

  /** What the driver said last, undefined for an unknown variable. `status` adds what upsd adds: FSD, WAIT. */
  value(variable: string): string | undefined {
    const key = variable.toLowerCase();
    const waiting = this.condition === 'wait';
    if (key === this.#huge && this.#variables.has(key)) return '9'.repeat(255);
    if (waiting && key === 'ups.status') return 'WAIT';
    if (waiting && !this.arrived.has(key)) return undefined;
    return this.#variables.get(key)?.value;
  }

  /** The value with the latched `FSD ` before `ups.status`; LIST RW does not have it. */
  shown(variable: string): string | undefined {
    const value = this.value(variable);
    return value !== undefined && this.#fsd && variable.toLowerCase() === 'ups.status' ? `FSD ${value}` : value;
  }

  rule(variable: string): WritableRule | undefined {
    return this.#rules.get(variable.toLowerCase());
  }

  names(): string[] {
    const names = [...this.#variables.values()].map((entry) => entry.name);
    if (this.condition === 'wait' && !this.#variables.has('ups.status')) names.push('ups.status');
    return names.filter((name) => this.value(name) !== undefined);
  }

  rows(typed: string): string {
    const cached = this.#rows.get(typed);
    if (cached !== undefined) return cached;
    const rows = this.names().map((name) => replyLine(`VAR ${typed} ${name} ${quoted(this.shown(name) ?? '')}`));
    const text = rows.join('');
    if (this.#rows.size >= MAX_CACHED_NAMES) this.#rows.clear();
    this.#rows.set(typed, text);
    return text;
  }
}

/** The code upsd refuses a new value with, undefined when it hands it to the driver. */
export function whyNotSet(ups: FakeUps, variable: string, value: string): string | undefined {
  if (ups.value(variable) === undefined) return 'VAR-NOT-SUPPORTED';
  const rule = ups.rule(variable);
  if (!rule) return 'READONLY';
  const declared = /\bSTRING:(\d+)/.exec(rule.type ?? '')?.[1];
  const limit = rule.maxLength ?? (declared === undefined ? undefined : Number(declared));
  if (limit !== undefined && value.length > limit) return 'TOO-LONG';
  if (rule.enum && !rule.enum.includes(value)) return 'INVALID-VALUE';
  const number = Number.parseFloat(value);
  if (rule.ranges && !rule.ranges.some(([min, max]) => number >= min && number <= max)) return 'INVALID-VALUE';
  return undefined;
}
