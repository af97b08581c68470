import type { Order } from '../domain/intents.ts';
import { numberOf } from '../domain/quantities.ts';
import type { Writable } from '../domain/reading.ts';
import type { Ask, RefusalCode } from '../domain/requests.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { DeviceState } from '../domain/state.ts';

/** Why a device cannot be told something. */
export interface Unfit {
  readonly code: RefusalCode;
  readonly text: string;
}

type Asked<K extends 'command' | 'set'> = Extract<Ask, { kind: K }>;

/**
 * The order that a device is given, or why it cannot be told this: judged by what the device itself has declared, so
 * that a wrong value is refused in words instead of by a code of the server.
 *
 * Names and listed values are written as the device has them: a client may write them in another case.
 */
export function orderFor(device: DeviceState, ask: Asked<'command' | 'set'>): Result<Order, Unfit> {
  return ask.kind === 'command' ? commandFor(device, ask) : settingFor(device, ask);
}

/** What is told of a device before its first inventory. */
const untold = (label: string) =>
  err({ code: 'unavailable', text: `${label} has not told yet what it can do` } as const);

const isSame = (name: string, other: string): boolean => name.toLowerCase() === other.toLowerCase();

/** As `orderFor`, of a command alone. */
export function commandFor(
  { label, inventory }: DeviceState,
  ask: Pick<Asked<'command'>, 'command' | 'value'>,
): Result<Extract<Order, { kind: 'command' }>, Unfit> {
  if (inventory === undefined) return untold(label);
  const known = inventory.commands.find(({ name }) => isSame(name, ask.command));
  if (known === undefined) {
    return err({ code: 'unknown-command', text: `${label} has no command ${JSON.stringify(ask.command)}` });
  }
  return ok({ kind: 'command', command: known.name, ...(ask.value === undefined ? {} : { value: ask.value }) });
}

function settingFor({ label, inventory }: DeviceState, ask: Asked<'set'>): Result<Order, Unfit> {
  if (inventory === undefined) return untold(label);
  const row = inventory.writable.find(({ variable }) => isSame(variable, ask.variable));
  if (row === undefined) {
    return err({ code: 'not-writable', text: `${label} has no setting ${JSON.stringify(ask.variable)}` });
  }
  const { variable, accepts } = row;
  const value = fitting(accepts, ask.value);
  if (value !== undefined) return ok({ kind: 'set', variable, value });
  return err({ code: 'wrong-value', text: `${variable} takes ${expected(accepts)}, not ${JSON.stringify(ask.value)}` });
}

/** The value as the device lists it: `50` is its `050`, since numbers are shown as numbers, and texts without blanks around them. Undefined when it is none of them. */
function listed(values: readonly string[], value: string): string | undefined {
  const same = values.find((known) => known === value) ?? values.find((known) => known.trim() === value.trim());
  if (same !== undefined) return same;
  const number = numberOf(value);
  return number === undefined ? undefined : values.find((known) => numberOf(known) === number);
}

/** The value as it is sent; undefined when it will not do. */
function fitting(accepts: Writable['accepts'], value: string): string | undefined {
  const number = numberOf(value);
  switch (accepts.kind) {
    case 'enum':
      return listed(accepts.values, value);
    case 'range': {
      const fits = number !== undefined && accepts.ranges.some(([min, max]) => number >= min && number <= max);
      return fits ? value.trim() : undefined;
    }
    case 'number':
      return number === undefined ? undefined : value.trim();
    case 'text':
      return value.length <= accepts.maxLength ? value : undefined;
  }
}

function expected(accepts: Writable['accepts']): string {
  switch (accepts.kind) {
    case 'enum':
      return `one of ${accepts.values.join(', ')}`;
    case 'range':
      return `a number from ${accepts.ranges.map(([min, max]) => `${min} to ${max}`).join(' or ')}`;
    case 'number':
      return 'a number';
    case 'text':
      return `at most ${accepts.maxLength} characters`;
  }
}
