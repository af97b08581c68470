import { tickQuality } from '../analysis/quality/follow.ts';
import type { Fact } from '../domain/facts.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { asMillis, between, formatSpan, type Instant, type Stamp, seconds } from '../domain/time.ts';
import type { Decision } from './decision.ts';
import { judged } from './judging.ts';
import { expired } from './on-request.ts';

/** Takes in that time has gone by: everything that can happen without news. */
export function onTick(state: State, stamp: Stamp): Decision {
  const waited = expired({ ...state, devices: withQuality(state.devices, stamp) }, stamp);
  return judged({ ...waited, facts: [...silences(state, stamp), ...waited.facts] }, 'time', stamp);
}

/** Dwells and grades that move without readings. The same devices where none does. */
function withQuality(before: State['devices'], stamp: Stamp): State['devices'] {
  let devices: Map<string, DeviceState> | undefined;
  for (const device of before.values()) {
    const quality = tickQuality(device.quality, stamp);
    if (quality === device.quality) continue;
    devices ??= new Map(before);
    devices.set(device.id, { ...device, quality });
  }
  return devices ?? before;
}

/** Silence is told when it begins (`commbad`), after five minutes, and then every hour. */
const FIRST = seconds(300);
const AGAIN = seconds(3600);

function silences({ devices, listening }: State, { at }: Stamp): readonly Fact[] {
  if (listening === undefined) return [];
  const facts: Fact[] = [];
  for (const device of devices.values()) {
    const since = silentSince(device);
    if (since === undefined || !isDue(since, listening.last, at)) continue;
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
