import { describe, expect, test } from 'vitest';
import { outageSince } from '../../tests/kit/battery.ts';
import { declared, group } from '../../tests/kit/settings.ts';
import { listed, says, WALL } from '../../tests/kit/story.ts';
import { HALT, rack, Watch } from '../../tests/kit/watch.ts';
import type { GroupState, Run } from '../domain/groups.ts';
import type { Input } from '../domain/inputs.ts';
import type { State } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { decide } from './decide.ts';
import { judged, type Touched } from './judging.ts';

const charged = { 'battery.charge': 90 };

/** All is well, and the start long past. */
const calm = (more = rack(['ups', 'other'])) =>
  new Watch(more).says('ups', 'OL', charged).says('other', 'OL', charged).runs(20);

/** What is known once `ups` has lost its mains, before anything is judged by it. */
function outOf({ state, stamp }: Watch, more: Partial<GroupState> = {}): State {
  const ups = state.devices.get('ups');
  if (ups === undefined) throw new Error('no ups');
  const out = { ...ups, power: { fed: 'battery', outage: outageSince(stamp.at / 1000) } } as const;
  const groups = new Map([...state.groups].map(([id, one]) => [id, { ...one, ...more }]));
  return { ...state, devices: new Map(state.devices).set('ups', out), groups };
}

const classIn = ({ groups, alone: others }: State) => (groups.get('rack')?.members ?? others).get('ups')?.class;

/** What `ups` is taken for after this was judged as touched. */
const classAfter = (watch: Watch, touched: Touched, more?: Partial<GroupState>) =>
  classIn(judged({ state: outOf(watch, more), intents: [], facts: [] }, touched, watch.stamp).state);

const alone = () => calm({ devices: [declared('ups'), declared('other')] });

const RUN: Run = {
  id: 'run',
  kind: 'request',
  cause: [],
  since: asInstant(0),
  wall: WALL,
  stages: [],
  whole: true,
  effect: 'act',
};
const LATER = asInstant(9e9);

describe('a calm group', () => {
  test.each<[string, Touched, string]>([
    ['is judged again by an input about a feed of it', new Set(['ups']), 'degraded'],
    ['and about another feed of it', new Set(['other']), 'degraded'],
    ['and by one that may change anything', 'all', 'degraded'],
    ['is left as it is by an input about another device', new Set(['third']), 'healthy'],
    ['and while time goes by', 'time', 'healthy'],
  ])('%s', (_, touched, is) => {
    expect(classAfter(calm(), touched)).toBe(is);
  });

  test.each<[string, Partial<GroupState>]>([
    ['has a run', { run: RUN }],
    ['has a run of before a reboot', { earlierRun: RUN }],
    ['has silenced triggers', { silenced: { until: LATER, causes: [], stages: [] } }],
    ['is disarmed', { disarmedUntil: LATER }],
    ['has too little capacity', { shortSince: asInstant(0) }],
    ['has something to bring back', { shed: { stages: [], undo: new Map() } }],
  ])('that %s is not left as it is while time goes by', (_, more) => {
    expect(classAfter(calm(), 'time', more)).toBe('degraded');
  });

  test('of whose feeds one is not well is not either', () => {
    const watch = calm().loses('other').runs(20);
    expect(classAfter(watch, 'time')).toBe('degraded');
  });

  test('comes to the very same whenever it is judged', () => {
    const { state, stamp } = calm();
    expect(judged({ state, intents: [], facts: [] }, 'all', stamp).state.groups).toBe(state.groups);
  });

  test('is told not to be ready once everything has had time to answer, though nothing new comes in', () => {
    const watch = new Watch(rack(['ups'], { reserve: HALT.deadline })).says('ups', 'OL', { 'battery.runtime': 20 });
    watch.runs(30);
    expect(watch.facts.filter(({ type }) => type === 'not_ready').map(({ second }) => second)).toEqual([15]);
  });
});

describe('what is told of the steps of a group', () => {
  const told: readonly (readonly [string, (group: string) => Input])[] = [
    ['as they are carried out', (id) => ({ kind: 'progressed', group: id, run: 'run', event: { kind: 'run-ended' } })],
    ['as they are looked at', (id) => ({ kind: 'looked', groups: new Map([[id, new Map()]]) })],
  ];

  test.each(told)('%s is news of its feeds, and of no other group', (_, input) => {
    const watch = calm();
    expect(classIn(decide(outOf(watch), input('rack'), watch.stamp).state)).toBe('degraded');
    expect(classIn(decide(outOf(watch), input('gone'), watch.stamp).state)).toBe('healthy');
  });
});

describe('a device that no group names', () => {
  test.each<[string, Touched, string]>([
    ['is judged again by an input about it', new Set(['ups']), 'degraded'],
    ['and by one that may change anything', 'all', 'degraded'],
    ['is left as it is by an input about another device', new Set(['other']), 'healthy'],
    ['and, while it is well, as time goes by', 'time', 'healthy'],
  ])('%s', (_, touched, is) => {
    expect(classAfter(alone(), touched)).toBe(is);
  });

  test('comes to the very same whenever it is judged', () => {
    const { state, stamp } = alone();
    expect(judged({ state, intents: [], facts: [] }, 'all', stamp).state.alone).toBe(state.alone);
  });

  test('and has no status, as a PDU, is not judged', () => {
    const watch = new Watch({ devices: [] }).tell(listed('nas', 'pdu')).runs(1);
    expect([...watch.state.alone.keys()]).toEqual(['pdu']);
    watch.tell(says('nas', 'pdu', undefined)).runs(1);
    expect([...watch.state.alone.keys()]).toEqual([]);
  });

  test('once a group names it, has triggers of that group alone', () => {
    const watch = new Watch().says('ups', 'OL', charged).runs(20).says('ups', 'FSD OB', charged).runs(5);
    expect([watch.fired, watch.state.alone.size]).toEqual([['ups:fsd'], 0]);
  });
});

test('what an earlier process has left of a device waits for it, whatever becomes of the others', () => {
  const low = new Watch({ devices: [] }).tell(listed('nas', 'ups', 'other'));
  low.says('ups', 'OL', charged).says('other', 'OL', charged).runs(2);
  low.says('ups', 'OB LB', charged).says('other', 'OB LB', charged).runs(10).restart();
  expect([...(low.state.memory?.alone.keys() ?? [])]).toEqual(['ups', 'other']);
  expect([...(low.state.memory?.devices.keys() ?? [])]).toEqual(['ups', 'other']);
  low.tell(listed('nas', 'ups'));
  expect([...(low.state.memory?.alone.keys() ?? [])]).toEqual(['other']);
  expect([...(low.state.memory?.devices.keys() ?? [])]).toEqual(['other']);
});

test('groups of the same feeds are each judged', () => {
  const two = { ...rack(), groups: ['rack', 'lab'].map((id) => group(id, ['ups'], { halt: HALT })) };
  const watch = new Watch(two).says('ups', 'OL', charged).says('ups', 'OB', charged);
  expect([watch.classOf(), watch.group('lab').members.get('ups')?.class]).toEqual(['degraded', 'degraded']);
});
