import type { Fact } from '../../domain/facts.ts';
import type { ChargePoint, Outage, Power } from '../../domain/power.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import { asMillis, between, formatSpan, type Instant, type Millis, type Stamp, seconds } from '../../domain/time.ts';
import { isCalibrating, isUnfed, proofOf } from './evidence.ts';

/** What a reading brings to what is remembered of the feeding. */
export interface PowerInput {
  readonly reading: Reading;
  /** The reading before it; absent for the first one of this process. */
  readonly previous?: Reading;
  /** Whether something other than CAL says that a test is going on. */
  readonly testing: boolean;
  readonly mainsHold: Millis;
}

/** A fact of one device before it is named. */
export type PowerFact = Pick<Fact, 'level' | 'text' | 'details'> & {
  readonly type: 'outage' | 'outage_ended' | 'fsd_ignored';
};

export interface PowerStep {
  readonly power: Power;
  readonly facts: readonly PowerFact[];
}

/** No input voltage and a falling charge have to last this long before a device that says OL is on battery. */
const MEASURED_FOR = seconds(60);
/** Points of charge that have to be lost: one is the jitter of a gauge. */
const MEASURED_FALL = 2;
/** In which time: a battery on charge creeps down by a point or two over hours. */
const MEASURED_WITHIN = seconds(600);

/**
 * Takes a reading into what is remembered of the feeding: begins, carries on and ends outages.
 *
 * Only proof begins or ends one. The mains have to hold before it ends; until then a return of the battery is the same
 * outage, and its clocks go on. Gives back the same `Power` where nothing has changed.
 */
export function followPower(before: Power, input: PowerInput, stamp: Stamp): PowerStep {
  const { reading } = input;
  const proof = proofOf(reading);
  const marked = withOff(withFsd(before, input), reading);
  const facts: PowerFact[] = [];
  if (marked.fsdIgnored && !before.fsdIgnored) {
    const text = 'says FSD beside OL in the first reading after a start: told, not obeyed until it is set anew';
    facts.push({ type: 'fsd_ignored', level: 'warning', text });
  }
  if (proof === undefined) return { power: carriedOn(silent(marked, input.previous?.at), input), facts };
  const heard = withoutKey(marked, 'silentSince');
  const unfed = proof === 'mains' ? unfedSince(heard, reading) : undefined;
  const measured = proof === 'mains' && isMeasuredOutage(heard, unfed, reading);
  const next = proof !== 'mains' || measured ? onBattery : onMains;
  const step = next(withUnfed(heard, measured ? heard.unfed : unfed), input, measured ? 'measured' : proof, stamp);
  return { power: same(before, step.power), facts: [...facts, ...step.facts] };
}

/** Nothing usable has come: silence began with the end of the last reading that proved something. */
export function silent(power: Power, lastReading: Instant | undefined): Power {
  if (power.fed === undefined || power.silentSince !== undefined || lastReading === undefined) return power;
  return { ...power, silentSince: lastReading };
}

function withFsd(power: Power, { reading, previous }: PowerInput): Power {
  const fsd = reading.flags.includes('FSD');
  // On battery nobody may ignore it.
  const isOver = !fsd || proofOf(reading) === 'battery';
  if (power.fsdIgnored && isOver) return withoutKey(power, 'fsdIgnored');
  const standsThere = previous === undefined && fsd && reading.flags.includes('OL');
  return standsThere && !power.fsdIgnored ? { ...power, fsdIgnored: true } : power;
}

function withOff(power: Power, { flags, at }: Reading): Power {
  if (!flags.includes('OFF')) return power.offSince === undefined ? power : withoutKey(power, 'offSince');
  return power.offSince === undefined ? { ...power, offSince: at } : power;
}

/** The candidate for an outage that only measurements show; undefined as soon as one of them says otherwise. */
function unfedSince({ unfed }: Power, reading: Reading): Power['unfed'] {
  const charge = numberIn(reading, 'battery.charge');
  if (charge === undefined || !isUnfed(reading)) return undefined;
  const stale = unfed === undefined || charge > unfed.lowest || between(unfed.since, reading.asked) > MEASURED_WITHIN;
  if (stale) return { since: reading.asked, charge, lowest: charge };
  return charge === unfed.lowest ? unfed : { ...unfed, lowest: charge };
}

function isMeasuredOutage({ outage }: Power, unfed: Power['unfed'], reading: Reading): boolean {
  // Once begun, it ends when something comes in again.
  if (outage?.proof === 'measured' && isUnfed(reading)) return true;
  if (unfed === undefined) return false;
  const fell = unfed.charge - unfed.lowest;
  return fell >= MEASURED_FALL && between(unfed.since, reading.asked) >= MEASURED_FOR;
}

const withUnfed = (power: Power, unfed: Power['unfed']): Power => {
  if (power.unfed === unfed) return power;
  return unfed === undefined ? withoutKey(power, 'unfed') : { ...power, unfed };
};

type Proof = 'mains' | 'battery' | 'both' | 'measured';

const PROOFS = { battery: 'status', both: 'contradiction', measured: 'measured', mains: 'status' } as const;

function onBattery(power: Power, input: PowerInput, proof: Proof, stamp: Stamp): PowerStep {
  const { reading } = input;
  const fed = power.fed === 'battery' ? power : { ...power, fed: 'battery' as const };
  if (power.outage !== undefined) {
    const back = power.outage.mainsSince === undefined ? power.outage : withoutKey(power.outage, 'mainsSince');
    // OB alone settles what a contradiction or a measurement had left open.
    const sure = proof === 'battery' && back.proof !== 'status' ? { ...back, proof: 'status' as const } : back;
    const real = isRealNow(sure, input) ? { ...sure, byTest: false } : sure;
    const facts = real === sure ? [] : [outageFact(real, reading)];
    return { power: carriedOn({ ...fed, outage: real }, input), facts };
  }
  const outage = begun(input, PROOFS[proof], stamp);
  return { power: carriedOn({ ...fed, outage }, input), facts: [outageFact(outage, reading)] };
}

/** An outage that began as the work of a test, and is none any more: nothing comes in, or no sign of a test has stood for a minute. */
function isRealNow({ byTest, since }: Outage, { reading, testing }: PowerInput): boolean {
  if (!byTest) return false;
  return isUnfed(reading) || (!testing && !isCalibrating(reading) && between(since, reading.at) >= TEST_LASTS);
}

/** Without a sign of it, a test is taken to be over after this. */
const TEST_LASTS = seconds(60);

function begun({ reading, previous, testing }: PowerInput, proof: Outage['proof'], stamp: Stamp): Outage {
  const before = previous !== undefined && proofOf(previous) === 'mains' ? previous : undefined;
  const was = (variable: string) => (before === undefined ? undefined : numberIn(before, variable));
  const [charge, runtime, volts] = [was('battery.charge'), was('battery.runtime'), was('battery.voltage')];
  return {
    id: new Date(stamp.wall).toISOString(),
    since: reading.at,
    wall: stamp.wall,
    proof,
    byTest: testing || isCalibrating(reading),
    ...(charge === undefined ? {} : { chargeBefore: charge }),
    ...(runtime === undefined ? {} : { runtimeBefore: runtime }),
    ...(volts === undefined ? {} : { voltsBefore: volts }),
    charges: [],
  };
}

function outageFact({ byTest, proof }: Outage, reading: Reading): PowerFact {
  const how = {
    status: 'the mains are out',
    contradiction:
      'its status says mains and battery at once, which is taken for an outage that has yet to show itself',
    measured: 'it says that it is on mains, but nothing comes in and its charge falls: taken for an outage',
  }[proof];
  const text = byTest ? 'on battery for a test or calibration of its own' : how;
  return {
    type: 'outage',
    level: byTest ? 'notice' : 'warning',
    text,
    details: { proof, by_test: byTest, status: reading.flags.join(' ') },
  };
}

function onMains(power: Power, { reading, mainsHold }: PowerInput, _proof: Proof, stamp: Stamp): PowerStep {
  const fed = power.fed === 'mains' ? power : { ...power, fed: 'mains' as const };
  const { outage } = power;
  if (outage === undefined) return { power: fed, facts: [] };
  const mainsSince = outage.mainsSince ?? reading.at;
  if (between(mainsSince, reading.asked) < mainsHold) {
    return { power: outage.mainsSince === undefined ? { ...fed, outage: { ...outage, mainsSince } } : fed, facts: [] };
  }
  const { outage: _, ...rest } = fed;
  return {
    power: { ...rest, lastOutageEnded: { at: mainsSince, wall: stamp.wall } },
    facts: [endFact(outage, mainsSince)],
  };
}

function endFact(outage: Outage, mainsSince: Instant): PowerFact {
  const lasted = asMillis(Math.max(0, mainsSince - outage.since));
  const charge = outage.lowestCharge === undefined ? '' : `, lowest charge ${outage.lowestCharge} %`;
  return {
    type: 'outage_ended',
    level: 'notice',
    text: `the mains have held again after ${formatSpan(lasted)}${charge}`,
    details: {
      outage: outage.id,
      lasted: Math.round(lasted / 1000),
      by_test: outage.byTest,
      ...(outage.lowestCharge === undefined ? {} : { lowest_charge: outage.lowestCharge }),
    },
  };
}

/** What any reply says of the charge and of a test while an outage goes on, whether or not it proves anything. */
function carriedOn(power: Power, { reading, testing }: PowerInput): Power {
  const { outage } = power;
  if (outage === undefined || outage.mainsSince !== undefined) return power;
  const tested = testing && outage.testSince === undefined ? { ...outage, testSince: reading.at } : outage;
  const charge = numberIn(reading, 'battery.charge');
  const charged = charge === undefined ? tested : withCharge(tested, { at: reading.at, charge });
  const next = withRuntime(charged, reading);
  return next === outage ? power : { ...power, outage: next };
}

/** Seconds of runtime that make a difference. */
const RUNTIME_STEP = 10;

function withRuntime(outage: Outage, reading: Reading): Outage {
  const seconds = numberIn(reading, 'battery.runtime');
  const low = reading.flags.includes('LB');
  const { runtimeLeft: was } = outage;
  if (seconds === undefined) return was === undefined ? outage : withoutKey(outage, 'runtimeLeft');
  if (was !== undefined && was.low === low && Math.abs(was.seconds - seconds) < RUNTIME_STEP) return outage;
  return { ...outage, runtimeLeft: { seconds, low } };
}

/** Points of charge no closer than this, and no rarer while nothing changes. */
const CLOSEST = seconds(5);
const RAREST = seconds(30);
/** Points that are kept; beyond it every second one of the older half goes. */
const MOST_POINTS = 120;

function withCharge(outage: Outage, point: ChargePoint): Outage {
  const lowest = Math.min(point.charge, outage.lowestCharge ?? point.charge);
  const last = outage.charges.at(-1);
  const age = last === undefined ? RAREST : between(last.at, point.at);
  const isDue = age >= RAREST || (age >= CLOSEST && last?.charge !== point.charge);
  if (!isDue) return lowest === outage.lowestCharge ? outage : { ...outage, lowestCharge: lowest };
  const charges = [...outage.charges, point];
  return { ...outage, lowestCharge: lowest, charges: charges.length > MOST_POINTS ? thinned(charges) : charges };
}

const thinned = (points: readonly ChargePoint[]): readonly ChargePoint[] =>
  points.filter((_, index) => index === 0 || index > points.length / 2 || index % 2 === 0);

function withoutKey<T extends object, K extends keyof T>(from: T, key: K): Omit<T, K> & T {
  if (from[key] === undefined) return from as Omit<T, K> & T; // absent already
  const { [key]: _, ...rest } = from;
  return rest as Omit<T, K> & T; // only optional keys are taken out
}

/** The value before where nothing in it is another one, so that "nothing has changed" is one comparison. */
function same(before: Power, now: Power): Power {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Power>; // keys of the two
  for (const key of keys) if (before[key] !== now[key]) return now;
  return before;
}
