import { numberOf, quantityOf } from '../domain/quantities.ts';
import type { DeviceState } from '../domain/state.ts';
import type { Judged } from './judged-values.ts';

/**
 * The retained object of one device: every variable and everything derived, `null` for what was there and is not.
 *
 * Numbers where the table says so (`null` where the device's text is none), else the text as it came. The words of the
 * status stand in `flags`.
 *
 * @param expected variables that are announced or were published before
 * @param judged what was judged of it; shown where it has a status
 */
export function devicePayload(
  { reading, derived }: DeviceState,
  expected: Iterable<string>,
  judged: Judged = {},
): string {
  const values: Record<string, unknown> = {};
  for (const name of expected) values[name] = null;
  for (const [name, text] of reading?.variables ?? []) values[name] = shown(name, text);
  // Its entity is announced with the status, which may have proved neither mains nor battery yet.
  if ('ups.status' in values) Object.assign(values, { mains: null }, judged);
  for (const [name, text] of derived) values[name] = shown(name, text);
  const sorted = Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ ...sorted, flags: reading?.flags ?? [] });
}

function shown(name: string, text: string): string | number | null {
  return quantityOf(name)?.kind === 'number' ? (numberOf(text) ?? null) : text;
}

/** How soon a change has to go out: at once, or with the next regular message. */
export function urgency(before: DeviceState | undefined, now: DeviceState): 'none' | 'later' | 'now' {
  if (before === undefined) return 'now';
  if (before.reading?.variables === now.reading?.variables && before.derived === now.derived) return 'none';
  const old = [before.reading?.variables, before.derived];
  const current = [now.reading?.variables, now.derived];
  let later = false;
  for (const [index, variables] of current.entries()) {
    const former = old[index];
    if (variables === former) continue;
    if (variables?.size !== former?.size) return 'now';
    for (const [name, text] of variables ?? []) {
      const last = former?.get(name);
      if (last === text) continue;
      // A new name among as many means that another one has vanished.
      if (last === undefined || !isHeldBack(name)) return 'now';
      later = true;
    }
  }
  return later ? 'later' : 'none';
}

/** Measurements may wait; the charge, every word and every setting may not. */
const isHeldBack = (name: string): boolean => name !== 'battery.charge' && quantityOf(name)?.measured === true;
