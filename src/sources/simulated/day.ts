/**
 * The script of a simulated day: what the mains do, what the household draws, when the self-test runs.
 *
 * Every event of a real year comes every day, the first ones soon after the default start, so that nobody who looks
 * for a few minutes has to wait for weather.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What happens in a stretch of the day. A stretch between scenes is quiet. */
export interface Scene {
  readonly kind: 'quiet' | 'sag' | 'brown-out' | 'short-outage' | 'self-test' | 'long-outage' | 'swell';
  /** Milliseconds since midnight; `until` is no longer part of it. */
  readonly from: number;
  readonly until: number;
  /** Volts around which the mains vary; 0 is none at all. */
  readonly volts: number;
}

export const NOMINAL_VOLTS = 230;

/** How long a unit tests its battery. Real ones take 8 to 60 s; the longest can still be seen at sixty-fold speed. */
export const TEST_LENGTH = MINUTE;

/** How long the long outage goes on after the battery has become low: far enough to be seen, short of emptying it. */
export const AFTER_LOW = 2 * MINUTE;

const at = (hours: number, minutes: number, secs = 0): number => hours * HOUR + minutes * MINUTE + secs * SECOND;

/** In order of time, none overlapping; all bounds lie on the step of the physics. */
export const SCENES: readonly Scene[] = [
  { kind: 'sag', from: at(7, 10), until: at(7, 16), volts: 196 },
  { kind: 'brown-out', from: at(7, 16), until: at(7, 16, 40), volts: 150 },
  { kind: 'sag', from: at(7, 16, 40), until: at(7, 20), volts: 198 },
  { kind: 'short-outage', from: at(8, 0), until: at(8, 0, 20), volts: 0 },
  { kind: 'self-test', from: at(9, 30), until: at(9, 30) + TEST_LENGTH, volts: NOMINAL_VOLTS },
  { kind: 'long-outage', from: at(11, 0), until: at(14, 0), volts: 0 },
  { kind: 'swell', from: at(20, 0), until: at(20, 10), volts: 256 },
];

const QUIET: Scene = { kind: 'quiet', from: 0, until: DAY, volts: NOMINAL_VOLTS };

/**
 * The scene of a moment.
 *
 * @param time simulated milliseconds since the first midnight
 * @param endedOn the day (0 is the first) whose long outage is over because the battery had been low for long enough
 */
export function sceneAt(time: number, endedOn: number): Scene {
  const moment = time % DAY;
  const scene = SCENES.find(({ from, until }) => moment >= from && moment < until) ?? QUIET;
  return scene.kind === 'long-outage' && endedOn === dayOf(time) ? QUIET : scene;
}

/** The day a moment lies in; 0 is the first. */
export const dayOf = (time: number): number => Math.floor(time / DAY);

/** A rise and fall around an hour of the day, 1 at its height, its width in hours. */
const hump = (hour: number, around: number, width: number): number => Math.exp(-(((hour - around) / width) ** 2));

/** Share of its base that a household draws more at this time of day: a little in the morning, most in the evening. */
export function demandAt(time: number): number {
  const hour = (time % DAY) / HOUR;
  return 1 + 0.35 * hump(hour, 7.5, 1.2) + 0.15 * hump(hour, 13, 1.5) + 0.55 * hump(hour, 20, 2.2);
}
