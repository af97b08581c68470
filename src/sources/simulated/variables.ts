import { type Variables, variablesOf } from '../../domain/reading.ts';
import { NOMINAL_VOLTS } from './day.ts';
import {
  efficiency,
  NOMINAL_VOLT_AMPERES,
  NOMINAL_WATTS,
  OUTLET_SHARE,
  POWER_FACTOR,
  shownCharge,
  shownRuntime,
  statusOf,
  THRESHOLDS,
  type Unit,
  watts,
} from './physics.ts';

/** What never changes, by the names that usbhid-ups gives it. */
const PLATE: readonly (readonly [string, string])[] = [
  ['battery.charge.warning', '50'],
  ['battery.type', 'PbAc'],
  ['battery.voltage.nominal', '24.0'],
  ['device.mfr', 'Gridwarden'],
  ['device.model', 'Simulated 1500'],
  ['device.type', 'ups'],
  ['driver.name', 'simulated'],
  ['driver.version', '1'],
  ['input.voltage.nominal', String(NOMINAL_VOLTS)],
  ['outlet.1.id', '1'],
  ['outlet.1.switchable', 'yes'],
  ['output.frequency.nominal', '50'],
  ['output.voltage.nominal', String(NOMINAL_VOLTS)],
  ['ups.firmware', '1.0'],
  ['ups.mfr', 'Gridwarden'],
  ['ups.model', 'Simulated 1500'],
  ['ups.power.nominal', String(NOMINAL_VOLT_AMPERES)],
  ['ups.realpower.nominal', String(NOMINAL_WATTS)],
];

/** Everything a unit says at its present moment, numbers with as many digits as such a device sends. */
export function variablesAt(unit: Unit): Variables {
  const serial = `SIM${unit.traits.seed.toString(16).padStart(8, '0').toUpperCase()}`;
  return variablesOf([
    ...PLATE,
    ['device.serial', serial],
    ['ups.serial', serial],
    ...batteryOf(unit),
    ...inputOf(unit),
    ...outputOf(unit),
    ...unitOf(unit),
  ]);
}

type Pairs = readonly (readonly [string, string])[];

function batteryOf(unit: Unit): Pairs {
  return [
    ['battery.charge', String(shownCharge(unit))],
    ['battery.charge.low', String(unit.knobs.chargeLow)],
    ['battery.runtime', String(shownRuntime(unit))],
    ['battery.runtime.low', String(unit.knobs.runtimeLow)],
    ['battery.voltage', unit.batteryVolts.toFixed(1)],
  ];
}

function inputOf({ knobs, inputVolts, hertz, transferReason }: Unit): Pairs {
  const { low, high } = THRESHOLDS[knobs.sensitivity];
  return [
    ['input.frequency', hertz.toFixed(1)],
    ['input.sensitivity', knobs.sensitivity],
    ['input.transfer.high', String(high)],
    ['input.transfer.low', String(low)],
    ['input.transfer.reason', transferReason],
    ['input.voltage', inputVolts.toFixed(1)],
  ];
}

const BOOST_FACTOR = 1.14;
const TRIM_FACTOR = 0.9;

/** A line-interactive unit hands the mains through, shifted by a tap of its transformer, and makes its own from the battery. */
function outputVolts({ off, feed, inputVolts }: Unit): number {
  if (off !== undefined) return 0;
  if (feed === 'battery') return NOMINAL_VOLTS;
  return inputVolts * (feed === 'boost' ? BOOST_FACTOR : feed === 'trim' ? TRIM_FACTOR : 1);
}

function outputOf(unit: Unit): Pairs {
  const volts = outputVolts(unit);
  const load = watts(unit);
  const frequency = unit.off !== undefined ? 0 : unit.feed === 'battery' ? 50 : unit.hertz;
  return [
    ['outlet.1.desc', unit.knobs.outletName],
    ['outlet.1.realpower', String(Math.round(unit.outletOn ? load * OUTLET_SHARE : 0))],
    ['outlet.1.status', unit.outletOn && unit.off === undefined ? 'on' : 'off'],
    ['output.current', (volts > 0 ? load / POWER_FACTOR / volts : 0).toFixed(2)],
    ['output.frequency', frequency.toFixed(1)],
    ['output.voltage', volts.toFixed(1)],
  ];
}

function unitOf(unit: Unit): Pairs {
  const load = watts(unit);
  const { knobs, time, shutdown, off } = unit;
  const startsIn = off?.kind === 'waiting' && off.since !== undefined ? off.since + knobs.delayStart * 1000 - time : -1;
  return [
    ['ups.beeper.status', knobs.beeper],
    ['ups.delay.shutdown', String(knobs.delayShutdown)],
    ['ups.delay.start', String(knobs.delayStart)],
    ['ups.efficiency', (efficiency(load) * 100).toFixed(1)],
    ['ups.id', knobs.id],
    ['ups.load', String(Math.round((load / NOMINAL_WATTS) * 100))],
    ['ups.power', String(Math.round(load / POWER_FACTOR))],
    ['ups.realpower', String(Math.round(load))],
    ['ups.status', statusOf(unit)],
    ['ups.test.result', unit.testResult],
    ['ups.timer.shutdown', shutdown === undefined ? '-1' : seconds(shutdown.due - time)],
    ['ups.timer.start', startsIn < 0 ? '-1' : seconds(startsIn)],
  ];
}

const seconds = (ms: number): string => String(Math.max(0, Math.round(ms / 1000)));
