import type { QualityHour, QualityMemory } from '../../domain/quality.ts';
import { after, asMillis, between, type Instant, type Stamp, seconds } from '../../domain/time.ts';
import { KEPT_HOURS } from './grade.ts';
import { withPart } from './with-part.ts';

const HOUR = seconds(3600);
/** How often observed time reaches its hour while nothing else happens: what a crash can lose of it. */
const FLUSH = seconds(600);
/** A tick that is later than this proves nothing of the time before it. */
const LATE = seconds(3);

const emptyHour = (hour: number): QualityHour => ({ hour, observedMs: 0, outsideMs: 0, events: 0, interruptions: 0 });

const isEmpty = ({ observedMs, events, interruptions }: QualityHour): boolean =>
  observedMs === 0 && events === 0 && interruptions === 0;

/** Brings what was observed up to a moment into its hour. Time that no tick has followed in time is not counted. */
export function accounted(memory: QualityMemory, at: Instant): QualityMemory {
  const { stretch, due, hour } = memory;
  if (stretch === undefined || due === undefined) return memory;
  const until = Math.min(at, after(due, LATE));
  const observed = Math.max(0, until - stretch.since);
  return {
    ...memory,
    stretch: { ...stretch, since: at },
    hour: {
      ...hour,
      observedMs: hour.observedMs + observed,
      outsideMs: hour.outsideMs + (stretch.isOutside ? observed : 0),
    },
  };
}

/** Begins the present hour where it is another one. Hours older than seven days go, and those that a wall clock set back puts into the future. */
export function rolled(memory: QualityMemory, wall: number): QualityMemory {
  const now = Math.floor(wall / HOUR);
  const all = isEmpty(memory.hour) ? memory.hours : [...memory.hours, memory.hour];
  const hour = all.find((each) => each.hour === now) ?? emptyHour(now);
  return { ...memory, hour, hours: all.filter((each) => each.hour < now && each.hour > now - KEPT_HOURS) };
}

/** When the next tick has something to do: bring in observed time, or leave an hour behind. Never where nothing is kept. */
export function withDue(memory: QualityMemory, stamp: Stamp): QualityMemory {
  const rest = asMillis(HOUR - (stamp.wall % HOUR));
  if (memory.stretch !== undefined) {
    return { ...memory, due: after(stamp.at, asMillis(Math.min(FLUSH, rest))) };
  }
  const isBare = memory.hours.length === 0 && isEmpty(memory.hour);
  return withPart(memory, 'due', isBare ? undefined : after(stamp.at, rest));
}

/**
 * Observes the grid from now on: inside or outside of its bands, or not at all (undefined). The same memory while that
 * is what it was.
 */
export function observed(memory: QualityMemory, isOutside: boolean | undefined, stamp: Stamp): QualityMemory {
  if (memory.stretch?.isOutside === isOutside) return memory;
  const until = rolled(accounted(memory, stamp.at), stamp.wall);
  const stretch = isOutside === undefined ? undefined : { since: stamp.at, isOutside };
  return withDue(withPart(until, 'stretch', stretch), stamp);
}

/** An event in the present hour. */
export function withEvent(memory: QualityMemory, kind: 'events' | 'interruptions', wall: number): QualityMemory {
  const present = rolled(memory, wall);
  return { ...present, hour: { ...present.hour, [kind]: present.hour[kind] + 1 } };
}

/** Whether a tick has something to do. */
export const isDue = ({ due }: QualityMemory, at: Instant): boolean => due !== undefined && between(due, at) >= 0;
