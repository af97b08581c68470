import { expect, test } from 'vitest';
import { GROUP, MEMBER } from '../../tests/kit/judged.ts';
import { WALL } from '../../tests/kit/story.ts';
import type { GroupState } from '../domain/groups.ts';
import { asInstant } from '../domain/time.ts';
import { groupPayload, groupUrgent, isArmed } from './group-payload.ts';
import { Moments } from './moments.ts';

const MOMENTS = new Moments();
MOMENTS.follow({ at: asInstant(0), wall: WALL });

const shown = (more: Partial<GroupState>) => JSON.parse(groupPayload({ ...GROUP, ...more }, true, MOMENTS));

test('an outlook is cut to what a state of Home Assistant can hold, by characters', () => {
  const outlook = (text: string) => shown({ outlook: { ...GROUP.outlook, text } }).outlook;
  expect(outlook('é'.repeat(255))).toBe('é'.repeat(255));
  expect(outlook('😀'.repeat(256))).toBe(`${'😀'.repeat(254)}…`);
});

test('a trigger of a clock tells its moment, not the seconds that have gone by', () => {
  const clock = { trigger: 'on_battery_for', kind: 'quiet', unit: 's', basis: 'clock', why: 'w' } as const;
  const verdicts = [{ ...clock, value: 17, threshold: 900, margin: 883, firesAt: asInstant(900_000) }];
  const { members } = shown({ members: new Map([['rack', { ...MEMBER, verdicts }]]) });
  expect(members.rack.verdicts).toEqual([
    { ...clock, value: null, threshold: 900, margin: null, basis: 'clock', fires_at: '2026-01-01T00:15:00.000Z' },
  ]);
});

test('what would fire next may have no moment and no basis', () => {
  const next = { device: 'rack', trigger: 'dead', why: 'w' } as const;
  expect(shown({ outlook: { ...GROUP.outlook, next } }).next).toEqual({ ...next, at: null, basis: null });
});

test('armed is what the configuration says, unless somebody has disarmed the group', () => {
  const disarmed = { ...GROUP, disarmedUntil: asInstant(1) };
  expect([isArmed(GROUP, true), isArmed(GROUP, false), isArmed(disarmed, true)]).toEqual([true, false, false]);
});

const run = {
  id: 'servers-1',
  kind: 'outage',
  cause: [],
  since: asInstant(0),
  wall: WALL,
  stages: ['shed'],
  whole: false,
  effect: 'act',
} as const;

test.each([
  ['its state', { outlook: { ...GROUP.outlook, state: 'calm' } }, true],
  ['a feed', { members: new Map([['rack', { ...MEMBER, class: 'critical' }]]) }, true],
  ['the quorum', { quorum: { ...GROUP.quorum, lost: true } }, true],
  ['what was decided', { run }, true],
  ['until when it is disarmed', { disarmedUntil: asInstant(5) }, true],
  ['whether the capacity is enough', { capacity: { watts: 600, load: 700, enough: false } }, true],
  ['readiness', { readiness: { ready: false, reasons: ['x'] } }, true],
  ['the outlook in words', { outlook: { ...GROUP.outlook, text: 'other' } }, false],
  ['the load', { capacity: { watts: 600, load: 300, enough: true } }, false],
  ['a verdict', { members: new Map([...GROUP.members, ['rack', { ...MEMBER, verdicts: [] }]]) }, false],
] satisfies [string, Partial<GroupState>, boolean][])('%s: out at once is %o', (_, more, urgent) => {
  expect(groupUrgent({ ...GROUP, ...more }, true) !== groupUrgent(GROUP, true)).toBe(urgent);
});
