import type { Fact } from '../domain/facts.ts';
import { flagRow } from '../domain/flags.ts';
import type { Feed } from '../domain/power.ts';
import type { DeviceState, Link } from '../domain/state.ts';
import { asMillis, formatSpan, type Stamp } from '../domain/time.ts';
import { TROUBLE_TEXT } from '../domain/trouble.ts';

/** Before its first reading a device is taken to be on mains and well, so that only what is out of the ordinary is told at a start. */
const ORDINARY = ['OL'];

const LEVELS: Readonly<Record<string, Fact['level']>> = {
  onbatt: 'warning',
  lowbatt: 'error',
  fsd: 'error',
  replbatt: 'warning',
  highbatt: 'warning',
  bypass: 'warning',
  off: 'warning',
  over: 'error',
  alarm: 'warning',
};

/**
 * What the next status of a device means beside the last one, one fact each: first mains or battery, then the other
 * words that came, then those that went, in the order of their status.
 *
 * @param fed what the device is fed by after this reading, as far as anything has proved it
 */
export function flagFacts(device: DeviceState, now: readonly string[], fed: Feed | undefined): Fact[] {
  const was = device.reading?.flags ?? ORDINARY;
  if (was === now && fed === device.power.fed) return [];
  const [before, after] = [eventsOf(was), eventsOf(now)];
  const came = [...after.keys()].filter((type) => !before.has(type));
  const went = [...before].filter(([type]) => !after.has(type)).map(([, gone]) => gone);
  return [...turned(device.power.fed ?? 'mains', fed), ...came, ...went].map((type) => ({
    type,
    device: device.id,
    level: LEVELS[type] ?? 'notice',
    text: `${device.label}: ${EVENT_TEXT[type]}`,
    details: { status: now.join(' ') },
  }));
}

/** Only proof begins or ends an outage: a status that says neither is passed over, and the one after it still counts. */
function turned(fed: Feed, now: Feed | undefined): readonly string[] {
  if (now === undefined || now === fed) return [];
  return now === 'battery' ? ['onbatt'] : ['online'];
}

/** The events of the words of a status by the one that tells of their coming; several words can share one. */
function eventsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const rows = words.filter((word) => word !== 'OB').map((word) => flagRow(word)?.event);
  return new Map(rows.filter((event) => event !== undefined));
}

const EVENT_TEXT: Readonly<Record<string, string>> = {
  onbatt: 'on battery',
  online: 'on mains again',
  lowbatt: 'battery low',
  notlowbatt: 'battery no longer low',
  highbatt: 'battery voltage too high',
  nothighbatt: 'battery voltage normal again',
  replbatt: 'battery needs replacement',
  notreplbatt: 'battery no longer reported for replacement',
  bypass: 'on bypass, the load is not protected',
  notbypass: 'no longer on bypass',
  cal: 'runtime calibration started',
  notcal: 'runtime calibration ended',
  off: 'output off',
  notoff: 'output no longer off',
  over: 'overloaded',
  notover: 'no longer overloaded',
  trim: 'trims high input voltage',
  nottrim: 'no longer trims the input voltage',
  boost: 'boosts low input voltage',
  notboost: 'no longer boosts the input voltage',
  fsd: 'forced shutdown',
  notfsd: 'forced shutdown no longer set',
  alarm: 'alarm',
  notalarm: 'alarm ended',
  eco: 'high-efficiency mode on',
  noteco: 'high-efficiency mode off',
  test: 'battery test started',
  nottest: 'battery test ended',
};

/** A device was lost, came back, or is lost for another reason; nothing when neither changed. */
export function linkFacts(device: DeviceState, before: Link, now: Link, stamp: Stamp): Fact[] {
  if (now.kind === 'lost') {
    if (before.kind === 'lost' && before.trouble.kind === now.trouble.kind) return [];
    const { kind, detail } = now.trouble;
    const text = `${device.label} ${TROUBLE_TEXT[kind]} (${detail})`;
    return [{ type: 'commbad', device: device.id, level: 'warning', text, details: { trouble: kind, detail } }];
  }
  if (before.kind !== 'lost' || now.kind !== 'up') return [];
  const away = formatSpan(asMillis(stamp.at - before.since));
  return [{ type: 'commok', device: device.id, level: 'notice', text: `${device.label} is back after ${away}` }];
}
