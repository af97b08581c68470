import { silent } from '../analysis/power/follow.ts';
import { pauseQuality, tickQuality } from '../analysis/quality/follow.ts';
import type { Fact } from '../domain/facts.ts';
import type { DeviceId } from '../domain/names.ts';
import type { Settings } from '../domain/settings.ts';
import type { DeviceState } from '../domain/state.ts';
import { asMillis, between, formatSpan, type Instant, type Millis, type Stamp, seconds } from '../domain/time.ts';
import type { Decision, Heard } from './decision.ts';
import { judged } from './judging.ts';
import type { PacedDevice } from './on-reading.ts';
import { expired } from './on-request.ts';

/** Takes in that time has gone by: everything that can happen without news. */
export function onTick(state: Heard, stamp: Stamp): Decision {
  const { devices, muted } = followed(state, stamp);
  const waited = expired({ ...state, devices }, stamp);
  const told = { ...waited, facts: [...silences(state, stamp), ...waited.facts] };
  return judged(muted.size === 0 ? told : judged(told, muted, stamp), 'time', stamp);
}

/** So long after its last reading a device is silent, although its source says nothing: the slowest look is one in 10 s. */
const MUTE = seconds(13);

/** A device that is heard more often is silent sooner, where it is dead sooner. The pace jitters, and so does a tick. */
const lateBy = (pace: Millis): Millis => asMillis(pace * 1.5 + 1000);

/** Right after a start nobody can have answered yet. */
const FIRST_ANSWERS = seconds(5);

function isLate({ id, reading, power, pace }: PacedDevice, { settings, listening }: Heard, { at }: Stamp): boolean {
  if (reading === undefined) return between(listening.since, at) >= FIRST_ANSWERS;
  const span = between(reading.at, at);
  if (span >= MUTE) return true;
  if (power.outage === undefined || pace === undefined || settings === undefined) return false;
  return span >= lateBy(pace) && span >= deadAfter(settings, id);
}

const deaths = new WeakMap<Settings, ReadonlyMap<DeviceId, Millis>>();

/** The silence that is soonest taken for the death of a device in any of its groups; at least `MUTE` where none is set. */
function deadAfter(settings: Settings, device: DeviceId): Millis {
  let known = deaths.get(settings);
  if (known === undefined) {
    const all = new Map<DeviceId, Millis>();
    for (const { feeds, triggers } of settings.groups) {
      for (const id of feeds) all.set(id, asMillis(Math.min(all.get(id) ?? MUTE, spanOr(triggers.deadAfter))));
    }
    known = all;
    deaths.set(settings, known);
  }
  return known.get(device) ?? spanOr(settings.triggers.deadAfter);
}

const spanOr = (configured: Millis | 'auto'): Millis => (configured === 'auto' ? MUTE : configured);

/** Dwells and grades that move without readings, and devices of which nothing has come for a while. */
function followed(state: Heard, stamp: Stamp) {
  const { devices: before, listening } = state;
  let devices: Map<string, DeviceState> | undefined;
  const muted = new Set<DeviceId>();
  for (const device of before.values()) {
    const { reading, power } = device;
    const isMute = power.silentSince === undefined && power.fed !== undefined && isLate(device, state, stamp);
    const quality = isMute ? pauseQuality(device.quality, stamp.at) : tickQuality(device.quality, stamp);
    const next = isMute ? silent(power, reading?.at ?? listening.since) : power;
    if (next !== power) muted.add(device.id);
    if (quality === device.quality && next === power) continue;
    devices ??= new Map(before);
    devices.set(device.id, { ...device, quality, power: next });
  }
  return { devices: devices ?? before, muted };
}

/** Silence is told when it begins (`commbad`), after five minutes, and then every hour. */
const FIRST = seconds(300);
const AGAIN = seconds(3600);

function silences({ devices, listening }: Heard, { at }: Stamp): readonly Fact[] {
  const facts: Fact[] = [];
  for (const device of devices.values()) {
    const since = silentSince(device);
    if (since === undefined || !isDue(since, listening.ticked ?? listening.since, at)) continue;
    const span = formatSpan(asMillis(Math.floor(between(since, at) / FIRST) * FIRST));
    const text = `${device.label} has proved neither mains nor battery for ${span}: what it is fed by is unknown`;
    facts.push({ type: 'silent', device: device.id, level: 'warning', text });
  }
  return facts;
}

const silentSince = ({ power, link }: DeviceState): Instant | undefined =>
  power.silentSince ?? (link.kind === 'lost' ? link.since : undefined);

function isDue(since: Instant, last: Instant, now: Instant): boolean {
  const count = (at: Instant) => {
    const span = between(since, at);
    return span < FIRST ? 0 : 1 + Math.floor((span - FIRST) / AGAIN);
  };
  return count(now) > count(last);
}
