import { describe, expect, test } from 'vitest';
import { calm, fired, type Given, halting, last, orders, TWO, told } from '../../tests/kit/asked.ts';
import { declared } from '../../tests/kit/settings.ts';
import { asks, configured, inventory, listed, Story, says } from '../../tests/kit/story.ts';
import { Watch } from '../../tests/kit/watch.ts';
import type { RefusalCode, Request } from '../domain/requests.ts';
import type { Settings } from '../domain/settings.ts';

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
  ...([0, 60, '', 'long', '0s', '8d', ['30m'], true, null] as const).map(
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
    ['test.battery.start.quick', { devices: [declared('other', { selfTest: deep }), declared('ups')] }],
    ['test.battery.start.deep', { devices: [declared('ups', { selfTest: deep })] }],
  ])('is %s with %j', (command, more) => {
    const story = able(more).tell(asks('1', { kind: 'verb', verb: 'self_test', given: { ups: 'ups' } }));
    expect(story.intents).toMatchObject([{ kind: 'instruct', order: { command } }]);
    expect(story.device('ups').battery.test?.command).toBe(command);
  });
});
