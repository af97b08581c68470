import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { at } from '../../../tests/kit/view.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { GroupState, Member, Run } from '../../domain/groups.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import { seconds } from '../../domain/time.ts';
import type { Cause, Held, Trigger, Verdict } from '../../domain/triggers.ts';
import { unseen } from './adopt.ts';
import { calledOffBy, disarmedFact, type GroupChange, groupFacts, memberFacts } from './facts.ts';
import { unjudged } from './judge.ts';

const fired = (trigger: Trigger, more: Partial<Verdict> = {}): Verdict => ({
  trigger,
  kind: 'fired',
  why: `why ${trigger}`,
  ...more,
});
const feed = (device: string, more: Partial<Member> = {}): Member => ({ ...unseen(device), ...more });
const cause = (trigger: Trigger, more: Partial<Cause> = {}): Cause => ({ device: 'a', trigger, why: 'low', ...more });
const RUN: Run = {
  id: 'rack-1',
  kind: 'outage',
  cause: [cause('charge_below')],
  since: at(0),
  wall: 0,
  stages: ['one', 'two'],
  whole: true,
  effect: 'act',
};

describe('of a feed', () => {
  const types = (before: Member | undefined, now: Member) =>
    memberFacts('A', before, now, 'rack').map(({ type }) => type);

  test('a trigger that fires is told with what it has measured', () => {
    const now = feed('a', { verdicts: [fired('depletion', { value: 0, threshold: 15 }), fired('dead')] });
    expect(memberFacts('A', undefined, now, 'rack')).toEqual([
      {
        type: 'trigger_fired',
        device: 'a',
        level: 'error',
        text: 'A: why depletion',
        details: { group: 'rack', trigger: 'depletion', value: 0, threshold: 15 },
      },
      {
        type: 'trigger_fired',
        device: 'a',
        level: 'error',
        text: 'A: why dead',
        details: { group: 'rack', trigger: 'dead' },
      },
    ]);
  });

  test.each<[string, readonly Trigger[], readonly Verdict[], readonly string[]]>([
    ['nothing before it has fired', [], [fired('dead', { kind: 'holding' })], []],
    ['it, although it was there before', [], [fired('dead')], ['trigger_fired']],
    ['it once', ['dead'], [fired('dead')], []],
    ['it, although another one had fired', ['low_battery'], [fired('dead')], ['trigger_fired']],
  ])('tells %s', (_, before, verdicts, told) => {
    expect(types(feed('a', { fired: before }), feed('a', { verdicts }))).toEqual(told);
  });

  test.each<[Trigger, readonly string[]]>([
    ['charge_below', ['gauge_doubted']],
    ['depletion', ['gauge_doubted']],
    ['runtime_below', []],
    ['low_battery', []],
  ])('a doubt of %s is told as that of the gauge: %j', (trigger, told) => {
    const held: Held = { since: at(1), confirmed: false };
    const calm = feed('a', { holds: { [trigger]: held } });
    const doubted = feed('a', { holds: { [trigger]: { ...held, doubtedSince: at(1) } } });
    expect([types(undefined, doubted), types(calm, doubted), types(doubted, doubted)]).toEqual([told, told, []]);
    expect([types(undefined, calm), types(doubted, calm)]).toEqual([[], []]);
  });
});

const device = (id: string): DeviceState => ({
  ...UNHEARD,
  id,
  label: id.toUpperCase(),
  address: { source: 'nas', name: id },
  link: { kind: 'up' },
  derived: new Map(),
});
const DEVICES = new Map([['a', device('a')]]);
const RACK = group('rack', ['a', 'b'], { halt: HALT, label: 'Rack' });
const GROUP: GroupState = {
  ...unjudged(RACK, new Map()),
  members: new Map(['a', 'b'].map((id) => [id, feed(id)])),
  quorum: { healthy: 2, needed: 1, spare: 1, lost: false },
};
const facts = (change: Partial<GroupChange>) =>
  groupFacts({ before: GROUP, now: GROUP, run: { kind: 'none' }, earlier: undefined, ...change }, DEVICES);
const texts = (change: Partial<GroupChange>) => facts(change).map(({ type, level, text }) => [type, level, text]);

describe('of a decision', () => {
  const details = { run: 'rack-1', kind: 'outage', stages: ['one', 'two'], whole: true, effect: 'act' };

  test('its end is told with the run', () => {
    expect(facts({ run: { kind: 'called-off', run: RUN, why: 'the mains have held again' } })).toEqual([
      {
        type: 'called_off',
        group: 'rack',
        level: 'warning',
        text: 'Rack: called off, the mains have held again',
        details,
      },
    ]);
    expect(facts({ run: { kind: 'finished', run: RUN } })).toEqual([
      { type: 'finished', group: 'rack', level: 'notice', text: 'Rack: what led to the shutdown is over', details },
    ]);
  });

  test.each<[string, readonly Cause[], string]>([
    ['a person', [], 'a person has asked for it'],
    ['feeds, each by its name', [cause('dead'), cause('dead', { device: 'b', why: 'gone' })], 'A: low; b: gone'],
  ])('its reason is told: %s', (_, why, told) => {
    expect(facts({ run: { kind: 'begun', run: { ...RUN, cause: why }, added: ['one', 'two'] } })).toEqual([
      {
        type: 'shutdown',
        group: 'rack',
        level: 'error',
        text: `Rack: shutdown decided, ${told}; this does: the halt of this host`,
        details,
      },
    ]);
  });

  test('stages are told as they are added', () => {
    const run = { ...RUN, whole: false };
    const told = (added: readonly string[]) => texts({ run: { kind: 'more', run, added } });
    expect(told(['one', 'two'])).toEqual([['shed', 'warning', 'Rack: stage one, two decided, A: low']]);
    expect(told(['two'])).toEqual([['shed', 'warning', 'Rack: stage two decided, A: low']]);
  });

  test('nothing is told while it stays as it is', () => {
    expect(facts({ run: { kind: 'same', run: RUN }, now: { ...GROUP, label: 'Rack' } })).toEqual([]);
  });

  test.each([
    ['outage', 'what led to the shutdown is over'],
    ['request', 'the dry run is through'],
  ] as const)('of kind %s that has finished says why', (kind, why) => {
    expect(texts({ run: { kind: 'finished', run: { ...RUN, kind } } })).toEqual([
      ['finished', 'notice', `Rack: ${why}`],
    ]);
  });

  const RESTORED = [
    'restored',
    'warning',
    'Rack: still on battery after a restart of this machine, what was decided before goes on',
  ];
  const OVER = ['restored', 'notice', 'Rack: the outage of before the restart of this machine is over'];
  const ADDED = ['shed', 'warning', 'Rack: stage two decided, A: low'];
  const more = { kind: 'more', run: { ...RUN, whole: false }, added: ['two'] } as const;

  test.each<[string, Partial<GroupChange>, readonly (readonly string[])[]]>([
    ['that goes on is told, with what is new', { earlier: 'goes-on', run: more }, [RESTORED, ADDED]],
    ['that goes on already is not', { earlier: 'goes-on', before: { ...GROUP, run: RUN }, run: more }, [ADDED]],
    ['that is over is told', { earlier: 'is-over' }, [OVER]],
    ['that is over is told, with what is new', { earlier: 'is-over', run: more }, [OVER, ADDED]],
    ['that waits is not', { earlier: 'waits' }, []],
  ])('of an earlier boot %s', (_, change, told) => {
    expect(texts(change)).toEqual(told);
  });

  test('of an earlier boot is told of its group', () => {
    expect(facts({ earlier: 'is-over' })[0]).toMatchObject({ group: 'rack', type: 'restored' });
  });
});

describe('of redundancy', () => {
  const told = { ...GROUP.told, lost: true };
  const lost = { ...GROUP, quorum: { healthy: 0, needed: 1, spare: 0, lost: true }, told };
  const LOST = [['quorum_lost', 'error', 'Rack: redundancy lost, 0 of 2 feeds healthy, 1 needed']];

  test.each<[string, GroupState, GroupState, readonly (readonly string[])[]]>([
    ['lost', GROUP, lost, LOST],
    ['back', lost, GROUP, [['quorum_back', 'notice', 'Rack: redundancy holds again, 2 of 2 feeds healthy, 1 needed']]],
    ['lost, which stays so', lost, { ...lost }, []],
    ['lost, in a group of one feed', GROUP, { ...lost, members: new Map([['a', feed('a')]]) }, []],
    ['lost, as an earlier process has told', { ...GROUP, told }, lost, []],
  ])('%s', (_, before, now, told) => {
    expect(texts({ before, now })).toEqual(told);
  });

  test('its loss and its return are told of the group', () => {
    expect([facts({ now: lost })[0]?.group, facts({ before: lost })[0]?.group]).toEqual(['rack', 'rack']);
  });
});

describe('of capacity and readiness', () => {
  const short = { ...GROUP, told: { ready: true, short: true, lost: false } };
  const capacity = { watts: 900, load: 1000, enough: false };

  test('too little is told with its watts, and not before they are known', () => {
    expect(texts({ now: { ...short, capacity } })).toEqual([
      ['capacity_short', 'error', 'Rack: what is left can deliver 900 W, and 1000 W are drawn'],
    ]);
    expect(texts({ now: short })).toEqual([]);
  });

  test('enough again is told, whether or not it is known how much', () => {
    const text = [['capacity_enough', 'notice', 'Rack: what is left can carry the load again']];
    expect([texts({ before: short }), texts({ before: short, now: { ...GROUP, capacity } })]).toEqual([text, text]);
    expect(facts({ before: short })[0]?.group).toBe('rack');
  });

  test('what stands against the work of a group is told one after the other', () => {
    const readiness = { ready: false, reasons: ['a: off', 'b: silent'] };
    const now = { ...GROUP, readiness, told: { ready: false, short: false, lost: false } };
    expect(facts({ now })).toEqual([
      { type: 'not_ready', group: 'rack', level: 'warning', text: 'Rack: not ready, a: off; b: silent' },
    ]);
    expect(facts({ before: now })).toEqual([{ type: 'ready', group: 'rack', level: 'notice', text: 'Rack: ready' }]);
    expect(facts({ before: now, now: { ...now, label: 'Rack' } })).toEqual([]);
  });
});

test('what a person does to a group is told', () => {
  expect(calledOffBy(GROUP, RUN, 'by a person')).toEqual({
    type: 'called_off',
    group: 'rack',
    level: 'warning',
    text: 'Rack: called off by a person',
    details: { run: 'rack-1', kind: 'outage', stages: ['one', 'two'], whole: true, effect: 'act' },
  });
  expect(disarmedFact(GROUP, seconds(600))).toEqual({
    type: 'disarmed',
    group: 'rack',
    level: 'warning',
    text: 'Rack: disarmed for 10 min, nothing is shut down meanwhile',
  });
  expect(disarmedFact(GROUP, undefined)).toEqual({
    type: 'armed',
    group: 'rack',
    level: 'warning',
    text: 'Rack: armed again',
  });
});
