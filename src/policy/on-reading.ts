import { followBattery, isPending as isBatteryPending } from '../analysis/battery/follow.ts';
import { isTesting } from '../analysis/battery/self-test.ts';
import { derive } from '../analysis/derived.ts';
import { proofOf } from '../analysis/power/evidence.ts';
import { followPower } from '../analysis/power/follow.ts';
import { followQuality, isPending as isQualityPending } from '../analysis/quality/follow.ts';
import type { Fact } from '../domain/facts.ts';
import type { Power } from '../domain/power.ts';
import type { Reading } from '../domain/reading.ts';
import type { DeviceState, Link } from '../domain/state.ts';
import { asMillis, between, type Millis, type Stamp, seconds } from '../domain/time.ts';
import { flagFacts, linkFacts } from './events.ts';

const UP: Link = { kind: 'up' };

/** A device with its next reading, and what that told. */
export interface Read {
  readonly device: PacedDevice;
  readonly facts: readonly Fact[];
  /** Whether anything may have to be judged again. Most sweeps say nothing new. */
  readonly touched: boolean;
}

/** Takes the next reading of a device in. What follows from a reading is worked out only where it says something new. */
export function readDevice(device: PacedDevice, reading: Reading, mainsHold: Millis, stamp: Stamp): Read {
  const pace = paceOf(device, reading);
  if (saysNothingNew(device, reading)) return { device: { ...device, reading, pace }, facts: [], touched: false };
  const previous = device.reading;
  const testing = isTesting(reading, device.battery, stamp.at);
  const input = { reading, testing, mainsHold, ...(previous === undefined ? {} : { previous }) };
  const step = followPower(device.power, input, stamp);
  const { power, resumed } = withEarlier(device, step.power, stamp);
  const told = resumed === undefined ? step.facts : [...step.facts.filter(({ type }) => type !== 'outage'), resumed];
  const quality = followQuality(device.quality, qualityInput(device, reading, power), stamp);
  const battery = followBattery(device.battery, batteryInput(device, reading, power), stamp);
  const { earlier, ...rest } = device;
  const waits = earlier !== undefined && power.fed === undefined;
  const next: PacedDevice = {
    ...rest,
    pace,
    ...(waits ? { earlier } : {}),
    reading,
    link: UP,
    power,
    quality: quality.quality,
    battery: battery.battery,
    derived: isSameWords(device, reading) ? device.derived : derive(reading, UP, device.nominalPower),
  };
  const own = [...told, ...quality.facts, ...battery.facts].map(
    (fact): Fact => ({ ...fact, device: device.id, text: `${device.label}: ${fact.text}` }),
  );
  return {
    device: next,
    facts: [...linkFacts(device, device.link, UP, stamp), ...flagFacts(device, reading.flags, power.fed), ...own],
    touched: true,
  };
}

/** A device with how often it is heard: silence is not judged before its next answer could have come. */
export interface PacedDevice extends DeviceState {
  /** The longest span between two readings of late; absent before the first. */
  readonly pace?: Millis;
}

/** The slowest that a source looks: taken until readings have shown that it is faster. */
const SLOWEST = seconds(10);
/** What a longer span leaves of itself with each reading. */
const LATELY = 0.9;

function paceOf({ reading: before, pace = SLOWEST }: PacedDevice, { at }: Reading): Millis {
  if (before === undefined) return pace;
  return asMillis(Math.max(between(before.at, at), Math.round(pace * LATELY)));
}

const isSameWords = (device: DeviceState, reading: Reading): boolean =>
  device.reading?.variables === reading.variables && device.link.kind === 'up';

function saysNothingNew(device: DeviceState, reading: Reading): boolean {
  const { power, quality, battery } = device;
  const isSame = isSameWords(device, reading);
  // In an outage the tick judges again; a sweep that says nothing new would only do it more often.
  const isSteady = power.fed !== undefined && power.unfed === undefined && power.outage?.mainsSince === undefined;
  const isHeard = power.silentSince === undefined && proofOf(reading) !== undefined;
  return isSame && isSteady && isHeard && !isQualityPending(quality) && !isBatteryPending(battery);
}

function qualityInput({ power: before, earlier, tuning }: DeviceState, reading: Reading, now: Power) {
  const ended =
    now.outage !== undefined ? undefined : (before.outage ?? (now.fed === 'mains' ? earlier?.outage : undefined));
  const until = now.lastOutageEnded?.at ?? reading.at;
  return {
    reading,
    fed: now.fed,
    preset: tuning.powerQuality,
    outageBegan: now.outage?.byTest === false && before.outage?.byTest !== false,
    ...(ended === undefined || ended.byTest
      ? {}
      : { outageEnded: { lasted: asMillis(Math.max(0, until - ended.since)) } }),
  };
}

function batteryInput({ power: before, tuning, nominalPower }: DeviceState, reading: Reading, now: Power) {
  const { batteryInstalled } = tuning;
  return {
    reading,
    before,
    now,
    ...(nominalPower === undefined ? {} : { nominalPower }),
    ...(batteryInstalled === undefined ? {} : { batteryInstalled }),
  };
}

/** The first proof of this boot: an outage of before it goes on where battery is proved, and is over where mains are. */
function withEarlier(
  { earlier }: DeviceState,
  power: Power,
  stamp: Stamp,
): { readonly power: Power; readonly resumed?: Pick<Fact, 'type' | 'level' | 'text'> } {
  if (earlier === undefined || power.fed === undefined) return { power };
  const { outage, lastOutageEnded } = earlier;
  if (outage === undefined) return { power: lastOutageEnded === undefined ? power : { ...power, lastOutageEnded } };
  if (power.outage === undefined) {
    const text = 'the outage of before the restart of this machine is over';
    return {
      power: { ...power, lastOutageEnded: { at: stamp.at, wall: stamp.wall } },
      resumed: { type: 'outage_ended', level: 'notice', text },
    };
  }
  const { mainsSince: _, runtimeLeft: __, ...earlierOutage } = outage;
  const { charges, proof, runtimeLeft } = power.outage;
  const goesOn = {
    ...earlierOutage,
    // How long the machine was down is not known to this clock: a slope over it would lie.
    charges,
    ...(proof === 'status' ? { proof } : {}),
    ...(runtimeLeft === undefined ? {} : { runtimeLeft }),
  };
  const text = 'still on battery after a restart of this machine: the outage goes on';
  return { power: { ...power, outage: goesOn }, resumed: { type: 'outage_resumed', level: 'warning', text } };
}
