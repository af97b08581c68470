import { numberOf } from '../domain/quantities.ts';
import type { Writable } from '../domain/reading.ts';
import type { Ask, RefusalCode } from '../domain/requests.ts';
import type { DeviceState } from '../domain/state.ts';

/**
 * Why a device cannot be told this, or undefined when it can: judged by what the device itself has declared, so that
 * a wrong value is refused in words instead of by a code of the server.
 */
export function whyNot(
  { label, inventory }: DeviceState,
  ask: Extract<Ask, { kind: 'command' | 'set' }>,
): { readonly code: RefusalCode; readonly text: string } | undefined {
  if (inventory === undefined) return { code: 'unavailable', text: `${label} has not told yet what it can do` };
  if (ask.kind === 'command') {
    const known = inventory.commands.some(({ name }) => name.toLowerCase() === ask.command.toLowerCase());
    return known
      ? undefined
      : { code: 'unknown-command', text: `${label} has no command ${JSON.stringify(ask.command)}` };
  }
  const row = inventory.writable.find(({ variable }) => variable.toLowerCase() === ask.variable.toLowerCase());
  if (row === undefined) {
    return { code: 'not-writable', text: `${label} has no setting ${JSON.stringify(ask.variable)}` };
  }
  const expected = expectation(row.accepts, ask.value);
  if (expected === undefined) return undefined;
  return { code: 'wrong-value', text: `${row.variable} takes ${expected}, not ${JSON.stringify(ask.value)}` };
}

/** The value as the device lists it: `50` is its `050`, since numbers are shown as numbers. Undefined when it is none of them. */
export function listed(values: readonly string[], value: string): string | undefined {
  if (values.includes(value)) return value;
  const number = numberOf(value);
  return number === undefined ? undefined : values.find((known) => numberOf(known) === number);
}

/** What is expected instead of the value; undefined when the value will do. */
function expectation(accepts: Writable['accepts'], value: string): string | undefined {
  const number = numberOf(value);
  switch (accepts.kind) {
    case 'enum':
      return listed(accepts.values, value) === undefined ? `one of ${accepts.values.join(', ')}` : undefined;
    case 'range': {
      const fits = number !== undefined && accepts.ranges.some(([min, max]) => number >= min && number <= max);
      return fits ? undefined : `a number from ${accepts.ranges.map(([min, max]) => `${min} to ${max}`).join(' or ')}`;
    }
    case 'number':
      return number === undefined ? 'a number' : undefined;
    case 'text':
      return value.length <= accepts.maxLength ? undefined : `at most ${accepts.maxLength} characters`;
  }
}
