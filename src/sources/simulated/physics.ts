import { AFTER_LOW, DAY, dayOf, demandAt, NOMINAL_VOLTS, type Scene, sceneAt, TEST_LENGTH } from './day.ts';

/**
 * A 1500 VA line-interactive UPS with two 12 V 9 Ah lead-acid blocks, as a pure fold over simulated time.
 *
 * Time goes in steps of a fixed grid and noise depends on the step alone, so the same seed gives the same day however
 * the time is cut.
 */

/** Simulated milliseconds of one step. */
export const STEP = 2000;

const STEP_HOURS = STEP / 3_600_000;
const CAPACITY_WH = 216;
export const NOMINAL_WATTS = 900;
export const NOMINAL_VOLT_AMPERES = 1500;
export const POWER_FACTOR = 0.92;
/** What the electronics draw from the battery beside the load. */
const IDLE_WATTS = 8;
/** Lead-acid gives less the faster it is emptied: capacity is rated for 20 hours, the excess grows with this power. */
const PEUKERT = 0.08;
const RATED_WATTS = CAPACITY_WH / 20;
const CHARGER_WATTS = 60;
/** From here on the charger holds its voltage and the current falls. */
const TAPER_FROM = 0.85;
const TRICKLE_WATTS = 2;
export const FLOAT_VOLTS = 27.4;
const OHMS = 0.08;
/** Below this charge a lead-acid string breaks down much faster than it has sunk before. */
const KNEE = 0.1;

/** What makes one unit another than its neighbour; never changes. */
export interface Traits {
  /** Unsigned 32-bit. */
  readonly seed: number;
  /** Watts that are drawn in the quiet hours. */
  readonly baseWatts: number;
  /** Simulated milliseconds by which its day lies behind, so that not all units fail at once. */
  readonly lag: number;
}

export type Sensitivity = 'low' | 'medium' | 'high';

/** What people can set. */
export interface Knobs {
  /** Percent and seconds below which the unit says LB. */
  readonly chargeLow: number;
  readonly runtimeLow: number;
  readonly sensitivity: Sensitivity;
  readonly beeper: 'enabled' | 'disabled' | 'muted';
  /** Seconds. */
  readonly delayShutdown: number;
  readonly delayStart: number;
  readonly id: string;
  readonly outletName: string;
}

/** Why nothing comes out: until somebody says on, or until the mains have been there for the start delay. */
export type Off =
  | { readonly kind: 'told' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'waiting'; readonly since?: number };

export interface Unit {
  readonly traits: Traits;
  readonly knobs: Knobs;
  /** Simulated milliseconds since the midnight before its start, a multiple of `STEP`. */
  readonly time: number;
  /** Simulated milliseconds that have passed beyond `time` and make no whole step yet. */
  readonly rest: number;
  /** Energy left, 0 to 1. */
  readonly charge: number;
  /** Volts at the battery's poles. */
  readonly batteryVolts: number;
  readonly inputVolts: number;
  readonly hertz: number;
  /** Slow wander of the mains, in volts, and of the demand, as a share. */
  readonly drift: number;
  readonly appetite: number;
  /** Watts that all appliances together want now. */
  readonly wanted: number;
  readonly feed: 'line' | 'boost' | 'trim' | 'battery';
  /** Absent while the output is on. */
  readonly off?: Off;
  readonly outletOn: boolean;
  /** Moment at which a commanded shutdown takes effect, and whether it comes back with the mains. */
  readonly shutdown?: { readonly due: number; readonly returns: boolean };
  /** End of a running self-test. */
  readonly testUntil?: number;
  readonly testResult: string;
  readonly transferReason: string;
  /** Since when the battery has been low in this outage. */
  readonly lowSince?: number;
  /** The day whose long outage has been ended. */
  readonly endedOn: number;
}

const KNOBS: Knobs = {
  chargeLow: 20,
  runtimeLow: 120,
  sensitivity: 'medium',
  beeper: 'enabled',
  delayShutdown: 20,
  delayStart: 30,
  id: 'SIM',
  outletName: 'Outlet group 1',
};

/** A full unit on quiet mains at a moment of its first day. */
export function freshUnit(traits: Traits, startAt: number): Unit {
  return {
    traits,
    knobs: KNOBS,
    time: Math.round(startAt / STEP) * STEP,
    rest: 0,
    charge: 1,
    batteryVolts: FLOAT_VOLTS,
    inputVolts: NOMINAL_VOLTS,
    hertz: 50,
    drift: 0,
    appetite: 0,
    wanted: traits.baseWatts * demandAt(startAt),
    feed: 'line',
    outletOn: true,
    testResult: 'No test initiated',
    transferReason: 'none',
    endedOn: -1,
  };
}

/** Watts at the output now. The switched outlets carry three tenths of what is wanted. */
export function watts({ wanted, off, outletOn }: Unit): number {
  if (off !== undefined) return 0;
  return outletOn ? wanted : wanted * (1 - OUTLET_SHARE);
}
export const OUTLET_SHARE = 0.3;

/** The share of what goes in that comes out, 0 to 1; an unloaded unit only warms itself. */
export const efficiency = (load: number): number => (load <= 0 ? 0 : load / (load / 0.95 + IDLE_WATTS));

/** Share of a full battery that an hour at this output takes. */
function drainPerHour(load: number): number {
  const drawn = load / 0.9 + IDLE_WATTS;
  return (drawn * Math.max(1, drawn / RATED_WATTS) ** PEUKERT) / CAPACITY_WH;
}

/** Seconds until the battery is empty at this output; what the unit tells while on mains too. */
export const runtimeAt = (charge: number, load: number): number => (charge / drainPerHour(load)) * 3600;

/** Volts of the string at rest after a while at this output: less for more load, less for less charge. */
export function dischargeVolts(charge: number, load: number): number {
  const open = 23.2 + 2.4 * charge - 15 * Math.max(0, KNEE - charge);
  return open - ((load / 0.9 + IDLE_WATTS) / 24) * OHMS;
}

const chargeVolts = (charge: number): number => Math.min(FLOAT_VOLTS, 25.2 + 2.4 * charge);

function chargerWatts(charge: number): number {
  if (charge >= 1) return 0;
  return Math.max(TRICKLE_WATTS, CHARGER_WATTS * Math.min(1, (1 - charge) / (1 - TAPER_FROM)));
}

/** Volts between which each sensitivity leaves the mains alone, and beyond which it goes to battery. */
export const THRESHOLDS: Readonly<
  Record<Sensitivity, { readonly low: number; readonly boost: number; readonly trim: number; readonly high: number }>
> = {
  low: { low: 168, boost: 204, trim: 252, high: 276 },
  medium: { low: 176, boost: 208, trim: 249, high: 272 },
  high: { low: 184, boost: 212, trim: 246, high: 268 },
};

/** Charge in whole percent and runtime in whole seconds, as the unit shows and judges them. */
export const shownCharge = (unit: Unit): number => Math.round(unit.charge * 100);
export const shownRuntime = (unit: Unit): number => Math.round(runtimeAt(unit.charge, watts(unit)));
export const isLow = (unit: Unit): boolean =>
  shownCharge(unit) < unit.knobs.chargeLow || shownRuntime(unit) < unit.knobs.runtimeLow;

/** Full is where the charger's current can no longer be told from none. */
const isCharging = (unit: Unit): boolean => unit.feed !== 'battery' && unit.charge < 0.995;

/** `ups.status`, with the words and in the order of a HID driver. */
export function statusOf(unit: Unit): string {
  const words: string[] = [unit.feed === 'battery' ? 'OB' : 'OL'];
  if (unit.feed === 'battery' && unit.off?.kind !== 'empty') words.push('DISCHRG');
  if (isCharging(unit)) words.push('CHRG');
  if (isLow(unit)) words.push('LB');
  if (unit.testUntil !== undefined) words.push('TEST');
  if (unit.feed === 'boost') words.push('BOOST');
  if (unit.feed === 'trim') words.push('TRIM');
  if (unit.off !== undefined) words.push('OFF');
  return words.join(' ');
}

/**
 * Lets time pass.
 *
 * @param elapsed simulated milliseconds
 * @returns the unit at each change of its status on the way, then as it is in the end; never empty, so that an outage
 *   shorter than the time between two looks is still seen
 */
export function advance(unit: Unit, elapsed: number): readonly Unit[] {
  const rest = unit.rest + Math.max(0, Math.round(elapsed));
  const steps = Math.floor(rest / STEP);
  const course: Unit[] = [];
  let now = unit;
  let status = statusOf(unit);
  for (let done = 0; done < steps; done += 1) {
    now = step(now);
    const next = statusOf(now);
    if (next !== status) course.push(now);
    status = next;
  }
  const last = { ...now, rest: rest - steps * STEP };
  return course.at(-1) === now ? [...course.slice(0, -1), last] : [...course, last];
}

function step(before: Unit): Unit {
  const time = before.time + STEP;
  const scene = sceneAt(Math.max(0, time - before.traits.lag), before.endedOn);
  const fed = withMains(before, time, scene);
  return withOutage(withOutput(withBattery(withFeed(withTest(fed, scene)))), scene);
}

function withMains(unit: Unit, time: number, scene: Scene): Unit {
  const noise = (channel: number): number => noiseOf(unit.traits.seed, time / STEP, channel);
  const drift = 0.98 * unit.drift + 0.35 * noise(1);
  const appetite = 0.97 * unit.appetite + 0.008 * noise(2);
  const there = scene.volts > 0;
  return {
    ...unit,
    time,
    drift,
    appetite,
    wanted: unit.traits.baseWatts * demandAt(time) * (1 + appetite),
    inputVolts: there ? scene.volts + Math.max(-3, Math.min(3, drift)) + 0.3 * noise(3) : 0,
    hertz: there ? 50 + 0.04 * noise(4) : 0,
  };
}

/** A test ends by its time or because the mains went; the day's own begins where the mains are well. */
function withTest(unit: Unit, scene: Scene): Unit {
  if (unit.testUntil !== undefined) {
    const { testUntil, ...idle } = unit;
    if (inputIsBad(unit)) return { ...idle, testResult: 'Aborted' };
    return unit.time >= testUntil ? { ...idle, testResult: 'Done and passed' } : unit;
  }
  const begins = (unit.time - unit.traits.lag - scene.from) % DAY < STEP;
  return scene.kind === 'self-test' && begins && canTest(unit) ? withTestBegun(unit) : unit;
}

/** A unit tests only a battery that would survive it, and only while the mains could take over again. */
export const canTest = (unit: Unit): boolean =>
  unit.feed !== 'battery' && unit.off === undefined && unit.charge >= 0.5 && unit.testUntil === undefined;

/** The unit with a self-test begun; its words follow with the feed. */
export const withTestBegun = (unit: Unit): Unit => ({
  ...unit,
  feed: 'battery',
  testUntil: unit.time + TEST_LENGTH,
  testResult: 'In progress',
  transferReason: 'self test',
});

function inputIsBad({ inputVolts, knobs }: Unit): boolean {
  const { low, high } = THRESHOLDS[knobs.sensitivity];
  return inputVolts < low || inputVolts > high;
}

function withFeed(unit: Unit): Unit {
  const { boost, trim } = THRESHOLDS[unit.knobs.sensitivity];
  if (inputIsBad(unit)) {
    return unit.feed === 'battery' ? unit : { ...unit, feed: 'battery', transferReason: 'input voltage out of range' };
  }
  if (unit.testUntil !== undefined) return unit;
  const feed = unit.inputVolts < boost ? 'boost' : unit.inputVolts > trim ? 'trim' : 'line';
  return feed === unit.feed ? unit : { ...unit, feed };
}

/** Volts move towards where load or charger pull them: quickly down under load, slowly up again. */
function withBattery(unit: Unit): Unit {
  if (unit.feed !== 'battery') {
    const charge = Math.min(1, unit.charge + (chargerWatts(unit.charge) * 0.9 * STEP_HOURS) / CAPACITY_WH);
    return { ...unit, charge, batteryVolts: towards(unit.batteryVolts, chargeVolts(charge), 90_000) };
  }
  if (unit.off?.kind === 'empty') {
    return { ...unit, batteryVolts: towards(unit.batteryVolts, dischargeVolts(unit.charge, 0), 90_000) };
  }
  const load = watts(unit);
  const charge = Math.max(0, unit.charge - drainPerHour(load) * STEP_HOURS);
  return { ...unit, charge, batteryVolts: towards(unit.batteryVolts, dischargeVolts(charge, load), 8000) };
}

const towards = (from: number, goal: number, span: number): number => goal + (from - goal) * Math.exp(-STEP / span);

/** Switches the output: off when empty or when a commanded shutdown is due, on again as the unit was told. */
function withOutput(unit: Unit): Unit {
  if (unit.shutdown !== undefined && unit.time >= unit.shutdown.due) {
    const { shutdown, ...calm } = unit;
    return { ...calm, off: shutdown.returns ? { kind: 'waiting' } : { kind: 'told' } };
  }
  const mains = unit.feed !== 'battery';
  if (!mains && unit.charge === 0) return { ...unit, off: { kind: 'empty' } };
  if (unit.off === undefined || unit.off.kind === 'told') return unit;
  if (!mains) return unit.off.kind === 'waiting' ? { ...unit, off: { kind: 'waiting' } } : unit;
  const since = unit.off.kind === 'waiting' ? (unit.off.since ?? unit.time) : unit.time;
  if (unit.time - since < unit.knobs.delayStart * 1000) return { ...unit, off: { kind: 'waiting', since } };
  const { off: _, ...on } = unit;
  return on;
}

/** The long outage lasts until the battery has been low for a while, whatever the load was. */
function withOutage(unit: Unit, scene: Scene): Unit {
  if (scene.kind !== 'long-outage' && unit.lowSince === undefined) return unit;
  const { lowSince, ...rest } = unit;
  if (scene.kind !== 'long-outage' || !isLow(unit)) return rest;
  const since = lowSince ?? unit.time;
  if (unit.time - since < AFTER_LOW) return { ...rest, lowSince: since };
  return { ...rest, endedOn: dayOf(unit.time - unit.traits.lag) };
}

/** Even noise from -1 to 1 that depends on nothing but the seed, the step and what it is for. */
function noiseOf(seed: number, count: number, channel: number): number {
  let mixed = (seed ^ Math.imul(count, 0x9e3779b1) ^ Math.imul(channel, 0x85ebca6b)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2_147_483_648 - 1;
}
