import { describe, expect, test } from 'vitest';
import { configured, deviceLost, listed, lost, Story, says, sourceLost } from '../../tests/kit/story.ts';
import { FLAG_EVENTS, FLAG_NAMES } from '../domain/flags.ts';
import { asInstant } from '../domain/time.ts';
import type { TroubleKind } from '../domain/trouble.ts';
import { linkFacts } from './events.ts';

const ups = () => new Story().tell(configured(), listed('nas', 'ups'), says('nas', 'ups', 'OL'));

/** What is told when every word that is known comes at once. */
const COMING = [
  ['onbatt', 'warning', 'ups: on battery'],
  ['lowbatt', 'error', 'ups: battery low'],
  ['highbatt', 'warning', 'ups: battery voltage too high'],
  ['replbatt', 'warning', 'ups: battery needs replacement'],
  ['bypass', 'warning', 'ups: on bypass, the load is not protected'],
  ['cal', 'notice', 'ups: runtime calibration started'],
  ['off', 'warning', 'ups: output off'],
  ['over', 'error', 'ups: overloaded'],
  ['trim', 'notice', 'ups: trims high input voltage'],
  ['boost', 'notice', 'ups: boosts low input voltage'],
  ['fsd', 'error', 'ups: forced shutdown'],
  ['alarm', 'warning', 'ups: alarm'],
  ['eco', 'notice', 'ups: high-efficiency mode on'],
  ['test', 'notice', 'ups: battery test started'],
];

/** And when all of them go again. */
const GOING = [
  ['online', 'ups: on mains again'],
  ['notlowbatt', 'ups: battery no longer low'],
  ['nothighbatt', 'ups: battery voltage normal again'],
  ['notreplbatt', 'ups: battery no longer reported for replacement'],
  ['notbypass', 'ups: no longer on bypass'],
  ['notcal', 'ups: runtime calibration ended'],
  ['notoff', 'ups: output no longer off'],
  ['notover', 'ups: no longer overloaded'],
  ['nottrim', 'ups: no longer trims the input voltage'],
  ['notboost', 'ups: no longer boosts the input voltage'],
  ['notfsd', 'ups: forced shutdown no longer set'],
  ['notalarm', 'ups: alarm ended'],
  ['noteco', 'ups: high-efficiency mode off'],
  ['nottest', 'ups: battery test ended'],
].map(([type, text]) => [type, 'notice', text]);

describe('the words of a status', () => {
  const told = (story: Story) => story.facts.filter(({ type }) => FLAG_EVENTS.includes(type));

  test('are told in words for people as they come and as they go', () => {
    const all = FLAG_NAMES.join(' ');
    const coming = told(ups().tell(says('nas', 'ups', all)));
    expect(coming.map(({ type, level, text }) => [type, level, text])).toEqual(COMING);
    expect(coming.every(({ device, details }) => device === 'ups' && details?.['status'] === all)).toBe(true);
    const going = told(
      ups()
        .tell(says('nas', 'ups', all))
        .tell(says('nas', 'ups', 'OL CHRG')),
    );
    expect(going.map(({ type, level, text }) => [type, level, text])).toEqual(GOING);
    expect(going.every(({ details }) => details?.['status'] === 'OL CHRG')).toBe(true);
  });

  test('cover every event there is', () => {
    const types = [...COMING, ...GOING].map(([type]) => type);
    expect(types.toSorted()).toEqual(FLAG_EVENTS.toSorted());
  });
});

describe('trouble', () => {
  const TEXTS: Readonly<Record<TroubleKind, string>> = {
    unreachable: 'cannot be reached',
    'timed-out': 'does not answer in time',
    'driver-not-connected': 'has no driver connected',
    'data-stale': 'gives only stale data',
    'unknown-ups': 'is not known to its server',
    'access-denied': 'denies access',
    malformed: 'sends what is not the protocol',
    waiting: 'has a driver that is still starting',
    refused: 'refuses to answer',
  };

  test.each(Object.entries(TEXTS) as [TroubleKind, string][])('%s is told as "%s"', (kind, text) => {
    const details = { trouble: kind, detail: 'seen' };
    expect(ups().tell(deviceLost('nas', 'ups', kind)).facts).toEqual([
      { type: 'commbad', device: 'ups', level: 'warning', text: `ups ${text} (seen)`, details },
    ]);
    expect(ups().tell(sourceLost('nas', kind)).facts[0]).toEqual({
      type: 'source_lost',
      source: 'nas',
      level: 'warning',
      text: `source nas ${text} (seen)`,
      details,
    });
  });

  test('that is over is told with its length', () => {
    const story = ups()
      .tell(sourceLost('nas'))
      .later(59)
      .tell(says('nas', 'ups', 'OL'));
    expect(story.facts).toEqual([
      { type: 'source_back', source: 'nas', level: 'notice', text: 'source nas answers again' },
      { type: 'commok', device: 'ups', level: 'notice', text: 'ups is back after 1 min' },
    ]);
  });

  test('of which nothing is known any more is not over', () => {
    const device = ups().device('ups');
    const link = { kind: 'lost', trouble: lost(), since: asInstant(0), sinceWall: 0 } as const;
    expect(linkFacts(device, link, { kind: 'unknown' }, { at: asInstant(9), wall: 9 })).toEqual([]);
  });
});
