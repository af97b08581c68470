import type { DailyScore, Replacement } from '../../domain/battery.ts';
import { EXPECTED_LIFE, type Installed } from './installed.ts';
import { lineThrough } from './line.ts';
import { DAY } from './step.ts';

/** A battery whose health has come down to this is worn out. */
const WORN = 50;
/** A shorter history has no direction. */
const LEAST_DAYS = 30;
const LEAST_SCORES = 10;
/** Further away than this is nobody's knowledge. */
const FURTHEST = 10 * 365.25 * DAY;

/**
 * When the battery should be replaced: the earlier of where its health is heading and the end of its expected life.
 *
 * Absent where the health does not fall or is known for less than a month, and nobody says how old the battery is. At
 * most ten years ahead.
 *
 * @param scores oldest first
 * @param wall now, milliseconds since 1970
 */
export function replacementOf(
  scores: readonly DailyScore[],
  installed: Installed | undefined,
  wall: number,
): Replacement | undefined {
  const trend = byTrend(scores, wall);
  const age = installed && byAge(installed);
  const first = trend === undefined || (age !== undefined && age.wall < trend.wall) ? age : trend;
  return first && { ...first, wall: Math.min(first.wall, wall + FURTHEST) };
}

const byAge = ({ wall, by }: Installed): Replacement => ({
  wall: wall + EXPECTED_LIFE,
  basis: 'age',
  confidence: by === 'configuration' ? 'medium' : 'low',
});

function byTrend(scores: readonly DailyScore[], wall: number): Replacement | undefined {
  const [first, last] = [scores[0], scores.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const days = last[0] - first[0];
  const isShort = days < LEAST_DAYS || scores.length < LEAST_SCORES;
  const line = lineThrough(scores);
  const confidence = isShort ? 'low' : confidenceOf(days, line.fit);
  if (last[1] <= WORN) return { wall, basis: 'trend', confidence };
  if (isShort || line.slope >= 0) return undefined;
  const today = wall / DAY;
  const left = Math.max(0, (line.at(today) - WORN) / -line.slope);
  return { wall: Math.round(wall + left * DAY), basis: 'trend', confidence };
}

function confidenceOf(days: number, fit: number): Replacement['confidence'] {
  if (days >= 180 && fit >= 0.8) return 'high';
  return days >= 90 && fit >= 0.5 ? 'medium' : 'low';
}
