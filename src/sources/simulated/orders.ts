import type { Instructed } from '../../domain/inputs.ts';
import type { Order } from '../../domain/intents.ts';
import type { Inventory, Writable } from '../../domain/reading.ts';
import { canTest, type Knobs, type Unit, withTestBegun } from './physics.ts';

/** What an order made of a unit: the unit after it, or the word with which upsd would refuse. */
type Obeyed = { readonly unit: Unit } | { readonly refused: string };

interface SettingRow {
  readonly accepts: Writable['accepts'];
  readonly write: (value: string) => Partial<Knobs>;
}

const oneOf = <T extends string>(values: readonly T[], write: (value: T) => Partial<Knobs>): SettingRow => ({
  accepts: { kind: 'enum', values },
  write: (value) => write(value as T), // checked against the same list before it is written
});

const SETTINGS: ReadonlyMap<string, SettingRow> = new Map<string, SettingRow>([
  [
    'battery.charge.low',
    { accepts: { kind: 'range', ranges: [[10, 60]] }, write: (value) => ({ chargeLow: Number(value) }) },
  ],
  [
    'battery.runtime.low',
    { accepts: { kind: 'range', ranges: [[0, 1800]] }, write: (value) => ({ runtimeLow: Number(value) }) },
  ],
  ['input.sensitivity', oneOf(['low', 'medium', 'high'], (sensitivity) => ({ sensitivity }))],
  ['outlet.1.desc', { accepts: { kind: 'text', maxLength: 20 }, write: (outletName) => ({ outletName }) }],
  ['ups.beeper.status', oneOf(['enabled', 'disabled', 'muted'], (beeper) => ({ beeper }))],
  ['ups.delay.shutdown', { accepts: { kind: 'number' }, write: (value) => ({ delayShutdown: Number(value) }) }],
  ['ups.delay.start', { accepts: { kind: 'number' }, write: (value) => ({ delayStart: Number(value) }) }],
  ['ups.id', { accepts: { kind: 'text', maxLength: 8 }, write: (id) => ({ id }) }],
]);

interface CommandRow {
  readonly description: string;
  /** The unit that has obeyed, or undefined where it cannot just now. */
  readonly obey: (unit: Unit) => Unit | undefined;
}

const beeper = (state: Knobs['beeper'], description: string): CommandRow => ({
  description,
  obey: (unit) => ({ ...unit, knobs: { ...unit.knobs, beeper: state } }),
});

const shutdown = (returns: boolean, description: string): CommandRow => ({
  description,
  obey: (unit) => ({ ...unit, shutdown: { due: unit.time + unit.knobs.delayShutdown * 1000, returns } }),
});

const COMMANDS: ReadonlyMap<string, CommandRow> = new Map<string, CommandRow>([
  ['beeper.disable', beeper('disabled', 'Disable the beeper')],
  ['beeper.enable', beeper('enabled', 'Enable the beeper')],
  ['beeper.mute', beeper('muted', 'Silence the beeper for now')],
  ['load.off', { description: 'Switch the load off at once', obey: (unit) => ({ ...unit, off: { kind: 'told' } }) }],
  ['load.on', { description: 'Switch the load on at once', obey: switchedOn }],
  ['outlet.1.load.off', { description: 'Switch outlet group 1 off', obey: (unit) => ({ ...unit, outletOn: false }) }],
  ['outlet.1.load.on', { description: 'Switch outlet group 1 on', obey: (unit) => ({ ...unit, outletOn: true }) }],
  ['shutdown.return', shutdown(true, 'Switch the load off after the delay, and on again with the mains')],
  ['shutdown.stayoff', shutdown(false, 'Switch the load off after the delay, and leave it off')],
  ['shutdown.stop', { description: 'Call a shutdown off', obey: withoutShutdown }],
  [
    'test.battery.start.quick',
    { description: 'Test the battery briefly', obey: (unit) => (canTest(unit) ? withTestBegun(unit) : undefined) },
  ],
  ['test.battery.stop', { description: 'Stop the battery test', obey: testStopped }],
]);

/** An empty battery cannot be talked into anything. */
function switchedOn(unit: Unit): Unit | undefined {
  if (unit.off?.kind === 'empty') return undefined;
  const { off: _, ...on } = unit;
  return on;
}

function withoutShutdown(unit: Unit): Unit {
  const { shutdown: _, ...calm } = unit;
  return calm;
}

function testStopped(unit: Unit): Unit {
  const { testUntil, ...idle } = unit;
  return testUntil === undefined ? unit : { ...idle, feed: 'line', testResult: 'Aborted' };
}

/** What every simulated unit can be told. */
export const INVENTORY: Inventory = {
  writable: [...SETTINGS].map(([variable, { accepts }]) => ({ variable, accepts })),
  commands: [...COMMANDS].map(([name, { description }]) => ({ name, description })),
};

/**
 * Tells a unit one thing, as upsd and a driver would judge it.
 *
 * @returns the unit after it and what is to be answered; a refused order leaves the unit as it was
 */
export function instructUnit(unit: Unit, order: Order): { readonly unit: Unit; readonly outcome: Instructed } {
  const obeyed = order.kind === 'set' ? set(unit, order.variable, order.value) : command(unit, order.command);
  return 'unit' in obeyed
    ? { unit: obeyed.unit, outcome: { kind: 'done', tracked: true } }
    : { unit, outcome: { kind: 'refused', code: obeyed.refused } };
}

function set(unit: Unit, variable: string, value: string): Obeyed {
  const row = SETTINGS.get(variable);
  if (row === undefined) return { refused: 'VAR-NOT-SUPPORTED' };
  if (row.accepts.kind === 'text' && value.length > row.accepts.maxLength) return { refused: 'TOO-LONG' };
  if (!fits(row.accepts, value)) return { refused: 'INVALID-VALUE' };
  return { unit: { ...unit, knobs: { ...unit.knobs, ...row.write(value) } } };
}

function fits(accepts: Writable['accepts'], value: string): boolean {
  switch (accepts.kind) {
    case 'enum':
      return accepts.values.includes(value);
    case 'range':
      return (
        /^\d{1,6}$/.test(value) && accepts.ranges.some(([min, max]) => Number(value) >= min && Number(value) <= max)
      );
    case 'number':
      return /^\d{1,6}$/.test(value);
    case 'text':
      return value.length <= accepts.maxLength;
  }
}

function command(unit: Unit, name: string): Obeyed {
  const row = COMMANDS.get(name);
  if (row === undefined) return { refused: 'CMD-NOT-SUPPORTED' };
  const after = row.obey(unit);
  return after === undefined ? { refused: 'INSTCMD-FAILED' } : { unit: after };
}
