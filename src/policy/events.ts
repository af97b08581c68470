import type { Fact } from '../domain/facts.ts';
import { flagRow } from '../domain/flags.ts';
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

/** What the words of a status that came or went mean, one fact each, in the order of the status. */
export function flagFacts(device: DeviceState, before: readonly string[] | undefined, now: readonly string[]): Fact[] {
  const was = before ?? ORDINARY;
  if (was === now) return [];
  const came = now.filter((word) => !was.includes(word)).map((word) => flagRow(word)?.event?.[0]);
  // WAIT never gets here, so a word that is missing is really gone, except OB: only proof of mains ends an outage.
  const mains = now.includes('OL') || !was.includes('OB');
  const went = was
    .filter((word) => !now.includes(word) && (word !== 'OB' || mains))
    .map((word) => flagRow(word)?.event?.[1]);
  const types = new Set([...came, ...went].filter((type) => type !== undefined));
  return [...types].map((type) => ({
    type,
    device: device.id,
    level: LEVELS[type] ?? 'notice',
    text: `${device.label}: ${EVENT_TEXT[type] ?? type}`,
    details: { status: now.join(' ') },
  }));
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
