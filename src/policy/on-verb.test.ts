import { describe, expect, test } from 'vitest';
import { declared } from '../../tests/kit/settings.ts';
import { asks, configured, inventory, listed, Story, says } from '../../tests/kit/story.ts';
import { HALT, rack, Watch } from '../../tests/kit/watch.ts';
import type { Answer, Ask, Json, RefusalCode, Request } from '../domain/requests.ts';
import type { Settings } from '../domain/settings.ts';
import { EMPTY_STATE } from '../domain/state.ts';
import { asInstant, seconds } from '../domain/time.ts';
import { CONSOLE_VERBS, onVerb } from './on-verb.ts';
import { progressData } from './pursuit/shown.ts';

type Given = Extract<Ask, { kind: 'verb' }>['given'];

const CHARGED = { 'battery.charge': 100, 'battery.runtime': 3000 };
/** Two groups of a UPS each, both on mains. */
const TWO: Partial<Settings> = {
  ...rack(['a']),
  devices: [declared('a'), declared('b')],
  groups: [...(rack(['a']).groups ?? []), ...(rack(['b']).groups ?? []).map((group) => ({ ...group, id: 'desk' }))],
};
const calm = (more: Partial<Settings> = TWO) =>
  new Watch(more).says('a', 'OL', CHARGED).says('b', 'OL', CHARGED).runs(20);
/** A charge that a person may wait out, unlike a low battery. */
const LOW = { 'battery.charge': 15 };
const fired = (more: Partial<Settings> = TWO) => calm(more).says('a', 'OB', LOW).runs(15);
/** A run that has begun what nobody can take back. */
const halting = (watch: Watch) =>
  watch.tell({
    kind: 'progressed',
    group: 'rack',
    run: watch.run()?.id ?? '',
    event: { kind: 'begun', step: 'host', act: 'halt' },
  });

const answers = (watch: Watch): readonly Answer[] =>
  watch.intents.flatMap((intent) => (intent.kind === 'answer' ? [intent.answer] : []));
const last = (watch: Watch) => answers(watch).at(-1);
const orders = (watch: Watch) => watch.intents.flatMap(({ kind }) => (kind === 'answer' ? [] : [kind]));
/** Asks as the machine itself does. */
const askedHere = (watch: Watch, verb: string, given: Given) =>
  watch.tell({ kind: 'request', request: { id: '1', from: 'console', ask: { kind: 'verb', verb, given } } });
const armed = ({ state }: Watch, id: string) => state.groups.get(id)?.disarmedUntil === undefined;
const told = (watch: Watch, type: string) => watch.facts.filter((fact) => fact.type === type);

const REFUSALS: readonly (readonly [string, () => Watch, string, Given, RefusalCode, string])[] = [
  [
    'a group that is not there',
    calm,
    'plan',
    { group: 'attic' },
    'unknown-group',
    'no such group; there are: rack, desk',
  ],
  ['a group that is no name', calm, 'plan', { group: 7 }, 'unknown-group', 'no such group; there are: rack, desk'],
  [
    'a group where there is none',
    () => new Watch({}),
    'drill',
    { group: 'rack' },
    'unknown-group',
    'no such group; there are: none',
  ],
  [
    'a step to be carried out',
    calm,
    'drill',
    { group: 'rack', execute: 'lab/a' },
    'not-now',
    'carry a step out with "gridwarden drill --execute GROUP STEP" on the machine itself',
  ],
  ['nothing at all', calm, 'shutdown', { confirm: 'rack' }, 'unknown-group', 'no such group; there are: rack, desk'],
  ['a group once', calm, 'shutdown', { group: 'rack' }, 'not-confirmed', 'send "confirm": "rack" as well'],
  [
    'another group the second time',
    calm,
    'shutdown',
    { group: 'rack', confirm: 'desk' },
    'not-confirmed',
    'send "confirm": "rack" as well',
  ],
  [
    'what goes on already',
    fired,
    'shutdown',
    { group: 'rack', confirm: 'rack' },
    'not-now',
    'rack: its shutdown is going on already',
  ],
  [
    'what does nothing',
    () => calm({ ...TWO, groups: (TWO.groups ?? []).map(({ halt: _, ...group }) => group) }),
    'shutdown',
    { group: 'rack', confirm: 'rack' },
    'not-now',
    'rack: there is nothing to shut down',
  ],
  [
    'what the configuration does not arm',
    () => calm({ ...TWO, armed: false }),
    'shutdown',
    { group: 'rack', confirm: 'rack' },
    'not-now',
    'rack: it is not armed',
  ],
  [
    'what was decided without being armed',
    () => fired({ ...TWO, armed: false }),
    'shutdown',
    { group: 'rack', confirm: 'rack' },
    'not-now',
    'rack: it is not armed',
  ],
  [
    'what a person has disarmed',
    () => calm().asks('disarm', { group: 'rack' }),
    'shutdown',
    { group: 'rack', confirm: 'rack' },
    'not-now',
    'rack: it is not armed',
  ],
  ['what nobody has decided', calm, 'cancel', {}, 'nothing-to-cancel', 'no shutdown is going on'],
  [
    'what another group has decided',
    fired,
    'cancel',
    { group: 'desk' },
    'nothing-to-cancel',
    'no shutdown is going on',
  ],
  [
    'what cannot be taken back',
    () => halting(fired()),
    'cancel',
    {},
    'too-late',
    'it is past its point of no return, and is carried out',
  ],
  [
    'a group that is not there',
    calm,
    'cancel',
    { group: 'attic' },
    'unknown-group',
    'no such group; there are: rack, desk',
  ],
  [
    'a group that is not there',
    calm,
    'disarm',
    { group: 'attic' },
    'unknown-group',
    'no such group; there are: rack, desk',
  ],
  [
    'a group that is not there',
    calm,
    'arm',
    { group: 'attic' },
    'unknown-group',
    'no such group; there are: rack, desk',
  ],
  ['a group once', calm, 'arm', { group: 'desk' }, 'not-confirmed', 'send "confirm": "desk" as well'],
  ...([0, 60, '', 'long', '0s', '8d', true, null] as const).map(
    (span) =>
      [
        `a span of ${JSON.stringify(span)}`,
        calm,
        'disarm',
        { for: span },
        'wrong-value',
        'write "for" as a duration such as 30m or 2h, at most 7d',
      ] as const,
  ),
  ['a device that is not there', calm, 'self_test', { ups: 'c' }, 'unknown-device', 'no device "c"; there are: a, b'],
  ['no device', calm, 'self_test', {}, 'unknown-device', 'no device ""; there are: a, b'],
];

test.each(REFUSALS)('%s is refused: %s%s %j', (_, watched, verb, given, code, error) => {
  const watch = watched();
  const { groups, devices } = watch.state;
  const [from, before] = [orders(watch).length, told(watch, 'called_off').length];
  watch.asks(verb, given);
  expect(last(watch)).toEqual({ status: 'error', code, error, data: {} });
  expect(orders(watch).slice(from)).toEqual([]);
  expect([watch.state.groups, watch.state.devices]).toEqual([groups, devices]);
  expect(told(watch, 'called_off')).toHaveLength(before);
});

test('before the first configuration nothing is shut down', () => {
  const { groups } = calm().state;
  const ask = { kind: 'verb', verb: 'shutdown', given: { group: 'rack', confirm: 'rack' } } as const;
  const stamp = { at: asInstant(0), wall: 0 };
  const { intents } = onVerb({ ...EMPTY_STATE, groups }, { id: '1', from: 'signal', ask }, ask, stamp);
  expect(intents).toMatchObject([{ answer: { code: 'not-now', error: 'rack: there is no configuration yet' } }]);
});

describe('the allow-list', () => {
  const may = (allow: readonly string[], from: Request['from']) =>
    new Story().tell(configured({ allow }), asks('1', { kind: 'verb', verb: 'plan', given: {} }, from)).answer;

  test.each([
    ['mqtt', [], 'error'],
    ['http', [], 'error'],
    ['http', ['bridge.health'], 'error'],
    ['http', ['bridge.plan'], 'ok'],
    ['mqtt', ['bridge.*'], 'ok'],
    ['console', [], 'ok'],
    ['signal', [], 'ok'],
    ['schedule', [], 'ok'],
  ] as const)('lets %s with %j: %s', (from, allow, status) => {
    expect(may(allow, from)).toMatchObject(
      status === 'ok' ? { status } : { status, error: 'bridge.plan is not in commands.allow' },
    );
  });
});

describe('verbs of the machine itself', () => {
  const own = CONSOLE_VERBS.flatMap((verb) =>
    (['mqtt', 'http', 'signal', 'schedule'] as const).map((from) => [verb, from] as const),
  );

  test.each(own)('%s is refused to %s, whatever is allowed', (verb, from) => {
    const watch = calm({ ...TWO, allow: ['*', 'bridge.*', `bridge.${verb}`] });
    const { durations } = watch.state;
    const given = { group: 'rack', step: 'lab/a', state: 'done', took: 4 };
    watch.tell({ kind: 'request', request: { id: '1', from, ask: { kind: 'verb', verb, given } } });
    expect(last(watch)).toMatchObject({ code: 'not-allowed', error: `${verb} is for this machine itself` });
    expect(watch.state.durations).toBe(durations);
  });
});

describe('progress', () => {
  const asked = (watch: Watch, given: Given) => askedHere(watch, 'progress', given);

  test.each<[Given, readonly string[]]>([
    [{}, ['rack', 'desk']],
    [{ group: 'rack' }, ['rack']],
  ])('for %j is what the topics of %j say', (given, ids) => {
    const watch = asked(fired(), given);
    const data = last(watch)?.data ?? {};
    expect(Object.keys(data)).toEqual(ids);
    expect(data['rack']).toEqual(progressData(watch.group(), watch.state, watch.stamp.at));
    expect(data['rack']).toMatchObject({ state: 'running', run: watch.run()?.id });
  });

  test('is no event: who watches asks every second', () => {
    const watch = fired();
    const { length } = watch.facts;
    expect(asked(watch, { group: 'rack' }).facts).toHaveLength(length);
  });

  test('of a group that is not there is refused', () => {
    expect(last(asked(calm(), { group: 'attic' }))).toMatchObject({ code: 'unknown-group' });
  });
});

describe('what a step took beside us', () => {
  const lab = { ...HALT, key: 'lab/a', kind: 'exec', deadline: seconds(30) } as const;
  const restore = { ...lab, key: 'lab/restore/a' };
  const RACK = rack(['a'], { stages: [{ name: 'lab', steps: [lab], restore: [restore] }], halt: HALT });
  const tells = (given: Given) => askedHere(calm(RACK), 'measured', { group: 'rack', step: 'lab/a', ...given });
  const kept = (watch: Watch) => [last(watch)?.data['kept'], [...watch.state.durations]];

  test.each<[Given, string, number]>([
    [{ state: 'done', took: 4 }, 'rack/lab/a', 4000],
    [{ state: 'done', took: 0.25 }, 'rack/lab/a', 250],
    [{ state: 'timed-out', took: 30 }, 'rack/lab/a', 30_000],
    [{ step: 'lab/restore/a', state: 'done', took: 4 }, 'rack/lab/restore/a', 4000],
  ])('is learned of %j', (given, key, took) => {
    expect(kept(tells(given))).toEqual([true, [[key, [took]]]]);
  });

  test('is what the plan reckons with at once', () => {
    const watch = calm(RACK);
    const before = watch.group().plan.need;
    askedHere(watch, 'measured', { group: 'rack', step: 'lab/a', state: 'done', took: 25 });
    expect(watch.group().plan.need).toBe(before + seconds(25) - lab.usual);
    expect(watch.group().plan.stages[0]?.steps[0]).toMatchObject({ basis: 'measured', expected: 25_000 });
    expect(watch.told.at(-1)).toBe('request');
  });

  test.each<[Given]>([
    [{ state: 'failed', took: 4 }],
    [{ state: 'skipped', took: 4 }],
    [{ state: 'timed-out', took: 29 }],
    [{ step: 'host', state: 'done', took: 4 }],
  ])('is not learned of %j', (given) => {
    expect(kept(tells(given))).toEqual([false, []]);
  });

  test.each<[Given, RefusalCode]>([
    [{ group: 'attic', state: 'done', took: 4 }, 'unknown-group'],
    [{ step: 'lab/b', state: 'done', took: 4 }, 'wrong-value'],
    [{ step: 7, state: 'done', took: 4 }, 'wrong-value'],
    [{ state: 'well', took: 4 }, 'wrong-value'],
    [{ state: 'done', took: '4' }, 'wrong-value'],
    [{ state: 'done', took: -1 }, 'wrong-value'],
    [{ state: 'done', took: 1e9 }, 'wrong-value'],
    [{ state: 'done' }, 'wrong-value'],
  ])('is refused as %j', (given, code) => {
    const watch = tells(given);
    expect([last(watch), kept(watch)[1]]).toMatchObject([{ code }, []]);
  });

  test('of no group is refused', () => {
    const watch = askedHere(calm(RACK), 'measured', { step: 'lab/a', state: 'done', took: 4 });
    expect(last(watch)).toMatchObject({ code: 'unknown-group' });
  });
});

describe('the plan', () => {
  test('says what it would do now', () => {
    const effect = (watch: Watch) => {
      const plan = last(watch.asks('plan', { group: 'rack' }))?.data['rack'];
      return plan !== null && typeof plan === 'object' && 'effect' in plan ? plan['effect'] : undefined;
    };
    expect(effect(calm())).toBe('act');
    expect(effect(calm({ ...TWO, dryRun: true }))).toBe('dry-run');
    expect(effect(calm({ ...TWO, armed: false }))).toBe('none');
    const watch = calm().asks('disarm', { for: '30s' });
    expect(effect(watch)).toBe('none');
    expect(effect(watch.runs(31))).toBe('act');
  });

  test.each<[Given, readonly string[]]>([
    [{}, ['rack', 'desk']],
    [{ group: 'desk' }, ['desk']],
  ])('for %j is that of %j', (given, ids) => {
    const data = last(calm().asks('plan', given))?.data ?? {};
    expect(Object.keys(data)).toEqual(ids);
    for (const id of ids) expect(data[id]).toMatchObject({ halt: { key: 'host' }, need: 75, ready: true });
  });
});

describe('a drill', () => {
  test.each<[Given, readonly string[]]>([
    [{}, ['rack', 'desk']],
    [{ group: 'desk' }, ['desk']],
  ])('for %j looks at %j, and is answered later', (given, groups) => {
    const watch = calm().asks('drill', given);
    expect(watch.intents).toMatchObject([{ kind: 'look', request: 'r1', groups }]);
    expect(watch.state.pending.has('r1')).toBe(true);
  });
});

describe('a shutdown', () => {
  const shut = (watch: Watch) => watch.asks('shutdown', { group: 'rack', confirm: 'rack' });

  test('that a person asks for is the whole plan of that group, on mains as well', () => {
    const watch = shut(calm());
    expect(watch.runsOrdered).toMatchObject([{ group: 'rack', halt: true, reason: 'a person has asked for it' }]);
    expect(last(watch)).toEqual({ status: 'ok', data: { group: 'rack', run: watch.run()?.id } });
    expect([watch.run()?.kind, watch.group('desk').run]).toEqual(['request', undefined]);
    const [fact] = told(watch, 'shutdown');
    expect(fact?.text).toBe('rack: shutdown decided, a person has asked for it; this does: the halt of this host');
    expect(watch.told.at(-1)).toBe('request');
  });

  test('makes the whole of what an outage has begun in part', () => {
    const lab = { ...HALT, key: 'lab/a', kind: 'exec' } as const;
    const stages = [{ name: 'lab', when: { onBatteryFor: seconds(10) }, steps: [lab], restore: [] }];
    const watch = new Watch(rack(['a'], { stages })).says('a', 'OL', CHARGED).runs(20);
    watch.says('a', 'OB', CHARGED).runs(20);
    expect(watch.runsOrdered).toMatchObject([{ stages: ['lab'], halt: false }]);
    expect(shut(watch).runsOrdered).toMatchObject([{ halt: false }, { stages: ['lab'], halt: true }]);
    expect(new Set(watch.runsOrdered.map(({ run }) => run)).size).toBe(1);
  });
});

describe('to cancel', () => {
  test('calls off what goes on, of every group, and silences what had fired', () => {
    const watch = fired().says('b', 'OB', LOW).runs(15).asks('cancel');
    expect(last(watch)).toEqual({ status: 'ok', data: { cancelled: ['rack', 'desk'] } });
    expect(watch.intents.filter(({ kind }) => kind === 'call-off')).toMatchObject([
      { group: 'rack', reason: 'a person has cancelled it' },
      { group: 'desk', reason: 'a person has cancelled it' },
    ]);
    expect(told(watch, 'called_off').map(({ text }) => text)).toEqual([
      'rack: called off by a person',
      'desk: called off by a person',
    ]);
    expect([watch.run(), watch.group().progress?.phase]).toEqual([undefined, 'stopping']);
    expect(watch.runs(30).runsOrdered).toHaveLength(2);
  });

  test('names one group, and leaves the others at work', () => {
    const watch = fired().says('b', 'OB', LOW).runs(15).asks('cancel', { group: 'desk' });
    expect(last(watch)?.data).toEqual({ cancelled: ['desk'] });
    expect([watch.run()?.whole, watch.group('desk').run]).toEqual([true, undefined]);
  });

  test('calls off what is not past its point of no return', () => {
    const watch = halting(fired().says('b', 'OB', LOW).runs(15)).asks('cancel');
    expect(last(watch)?.data).toEqual({ cancelled: ['desk'] });
    expect(watch.run()?.whole).toBe(true);
  });

  test('of what is only told orders nothing', () => {
    const watch = fired({ ...TWO, armed: false }).asks('cancel');
    expect([last(watch)?.status, orders(watch), told(watch, 'called_off')]).toMatchObject(['ok', [], [{}]]);
  });
});

describe('to disarm', () => {
  const until = (watch: Watch, data: Json | undefined) => (Date.parse(`${data}`) - watch.stamp.wall) / 1000;

  test.each<[Given, number, readonly string[], string]>([
    [{}, 3600, ['rack', 'desk'], '1 h'],
    [{ for: '30m' }, 1800, ['rack', 'desk'], '30 min'],
    [{ for: '7d', group: 'desk' }, 7 * 86_400, ['desk'], '168 h'],
  ])('%j holds %i s for %j', (given, span, ids, text) => {
    const watch = calm().asks('disarm', given);
    const data = last(watch)?.data ?? {};
    expect([last(watch)?.status, data['groups'], until(watch, data['until'])]).toEqual(['ok', ids, span]);
    expect(['rack', 'desk'].filter((id) => !armed(watch, id))).toEqual(ids);
    for (const id of ids) expect(watch.group(id).disarmedUntil).toBe(watch.stamp.at + span * 1000);
    expect(told(watch, 'disarmed').map((fact) => fact.text)).toEqual(
      ids.map((id) => `${id}: disarmed for ${text}, nothing is shut down meanwhile`),
    );
  });

  test('calls off what goes on, and keeps off until it ends', () => {
    const watch = fired().asks('disarm', { for: '60s' });
    expect(watch.intents.filter(({ kind }) => kind === 'call-off')).toMatchObject([
      { group: 'rack', reason: 'a person has disarmed the group' },
    ]);
    expect(told(watch, 'called_off').map(({ text }) => text)).toEqual(['rack: called off by disarming']);
    expect(watch.runs(58).runsOrdered).toHaveLength(1);
    expect(watch.runs(5).runsOrdered).toHaveLength(2);
  });

  test('leaves what cannot be taken back, and holds for what comes after it', () => {
    const watch = halting(fired()).asks('disarm');
    expect([orders(watch), watch.run()?.whole, armed(watch, 'rack')]).toEqual([['run'], true, false]);
  });
});

describe('to arm', () => {
  test('lifts a disarming at once, of that group', () => {
    const watch = calm().asks('disarm').asks('arm', { group: 'rack', confirm: 'rack' });
    expect([armed(watch, 'rack'), armed(watch, 'desk')]).toEqual([true, false]);
    expect([last(watch), told(watch, 'armed')]).toMatchObject([
      { status: 'ok', data: { group: 'rack' } },
      [{ group: 'rack', text: 'rack: armed again' }],
    ]);
    watch.says('a', 'OB LB', CHARGED).says('b', 'OB LB', CHARGED).runs(10);
    expect(watch.runsOrdered).toMatchObject([{ group: 'rack' }]);
  });

  test('of what is not disarmed changes nothing, and arms nothing that the configuration does not', () => {
    const watch = calm({ ...TWO, armed: false });
    const group = watch.group();
    watch.asks('arm', { group: 'rack', confirm: 'rack' });
    expect([last(watch)?.status, told(watch, 'armed'), watch.group()]).toEqual(['ok', [], group]);
    expect(watch.facts.every(({ text }) => text !== undefined)).toBe(true);
    expect(watch.says('a', 'OB LB', CHARGED).runs(10).runsOrdered).toEqual([]);
  });
});

describe('a self-test', () => {
  const able = (more: Partial<Settings> = {}) =>
    new Story().tell(
      configured(more),
      listed('nas', 'ups'),
      says('nas', 'ups', 'OL', { 'battery.charge': '100' }),
      inventory('nas', 'ups', {
        commands: [{ name: 'test.battery.start.quick' }, { name: 'test.battery.start.deep' }],
      }),
    );
  const deep = { schedule: '0 3 1 * *', command: 'test.battery.start.deep' };

  test.each<[string, Partial<Settings>]>([
    ['test.battery.start.quick', {}],
    ['test.battery.start.quick', { devices: [declared('ups')] }],
    ['test.battery.start.quick', { devices: [declared('ups'), declared('other', { selfTest: deep })] }],
    ['test.battery.start.deep', { devices: [declared('ups', { selfTest: deep })] }],
  ])('is %s with %j', (command, more) => {
    const story = able(more).tell(asks('1', { kind: 'verb', verb: 'self_test', given: { ups: 'ups' } }));
    expect(story.intents).toMatchObject([{ kind: 'instruct', order: { command } }]);
    expect(story.device('ups').battery.test?.command).toBe(command);
  });
});
