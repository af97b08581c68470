import { describe, expect, test } from 'vitest';
import { type Alarms, alarmed, failsafe, type Standing } from './failsafe.ts';

const NONE: Alarms = new Map();
const RACK: Standing = { group: 'rack', armed: true, obeysFsd: true, feeds: ['nas/ups'], minHealthy: 1 };

/** What stands after these statuses of one feed, one reading after the other. */
function standingAfter(statuses: readonly string[], obeysFsd = true): Alarms {
  return statuses.reduce((before, status) => alarmed(before, [['nas/ups', status.split(' ')]], obeysFsd), NONE);
}
const runs = (statuses: readonly string[], more: Partial<Standing> = {}) => {
  const standing = { ...RACK, ...more };
  return failsafe([standing], standingAfter(statuses, standing.obeysFsd)).length > 0;
};

describe('the failsafe', () => {
  test.each([
    [['OB LB', 'OB LB'], true],
    [['OB LB', 'OB DISCHRG LB', 'LB OB'], true],
    [['OB LB'], false],
    [['OB LB', 'OB', 'OB LB'], false],
    [['OB LB', 'OL', 'OB LB'], false],
    [['OB', 'OB'], false],
    [['LB', 'LB'], false],
    [['OL LB', 'OL LB'], false],
    [['OB LB CAL', 'OB LB CAL'], false],
    [['OB LB', 'OB LB CAL', 'OB LB'], false],
    [['FSD OL', 'FSD OL'], true],
    [['FSD', 'FSD OB'], true],
    [['FSD CAL OB', 'FSD CAL OB'], true],
    [['FSD OL'], false],
    [['OB LB', 'FSD OL'], true],
    [['', ''], false],
  ])('after %j runs: %s', (statuses, expected) => {
    expect(runs(statuses)).toBe(expected);
  });

  test('tells a forced shutdown only, where it is not obeyed', () => {
    expect(runs(['FSD OL', 'FSD OL'], { obeysFsd: false })).toBe(false);
    expect(runs(['FSD OB LB', 'FSD OB LB'], { obeysFsd: false })).toBe(true);
  });

  test('does nothing that is not armed', () => {
    expect(runs(['OB LB', 'OB LB', 'OB LB'], { armed: false })).toBe(false);
  });

  test('silence is no news: it neither counts nor reassures', () => {
    const once = standingAfter(['OB LB']);
    const silent = alarmed(alarmed(once, [], true), [['nas/other', ['OL']]], true);
    expect(failsafe([RACK], silent)).toEqual([]);
    expect(failsafe([RACK], alarmed(silent, [['nas/ups', ['OB', 'LB']]], true))).toEqual(['rack']);
  });

  test('gives back the same alarms where nothing has changed', () => {
    const alarms = standingAfter(['OB LB', 'OB LB']);
    expect(alarmed(alarms, [['nas/ups', ['OB', 'LB']]], true)).toBe(alarms);
    expect(alarmed(alarms, [['nas/other', ['OL']]], true)).toBe(alarms);
  });

  test('forgets a feed that is out of danger: who has an entry is in danger', () => {
    expect(standingAfter(['OB LB', 'OL']).has('nas/ups')).toBe(false);
  });
});

describe('too many feeds', () => {
  const feeds = ['nas/a', 'nas/b', 'pdu/c'];
  const standing = (minHealthy: number): Standing => ({ ...RACK, feeds, minHealthy });
  const grave = (...names: readonly string[]): Alarms => new Map(names.map((name) => [name, 2]));

  test.each([
    [1, ['nas/a'], false],
    [1, ['nas/a', 'nas/b'], false],
    [1, ['nas/a', 'nas/b', 'pdu/c'], true],
    [2, ['nas/a'], false],
    [2, ['nas/a', 'pdu/c'], true],
    [3, ['nas/b'], true],
    [3, [], false],
    [3, ['nas/other'], false],
    // More than there are, which no configuration says: still nothing without a feed in danger.
    [4, [], false],
  ])('with %i needed, %j in danger: %s', (minHealthy, names, expected) => {
    expect(failsafe([standing(minHealthy)], grave(...names)).length > 0).toBe(expected);
  });

  test('every group is asked for itself', () => {
    const groups = [
      { ...RACK, group: 'one', feeds: ['nas/a'] },
      standing(1),
      { ...RACK, group: 'two', feeds: ['nas/a'] },
    ];
    expect(failsafe(groups, grave('nas/a'))).toEqual(['one', 'two']);
  });
});
