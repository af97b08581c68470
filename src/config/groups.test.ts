import { expect, test } from 'vitest';
import { declared, group, settings } from '../../tests/kit/settings.ts';
import { crossChecks } from './cross-checks.ts';
import { dotted } from './problem.ts';
import { configurationSchema, settingsOf } from './schema.ts';
import { shown } from './wording.ts';

const LEAST = { mqtt: { url: 'mqtt://x' }, sources: { nas: { nut: { host: 'nas' } } } };
const read = (given: object) => settingsOf(configurationSchema.parse({ ...LEAST, ...given }), '000000000000');

test('the defaults are those that the other tests take for granted', () => {
  expect(read({})).toEqual(settings({ allow: read({}).allow }));
  expect(read({ ups: { a: { source: 'nas' } } }).devices).toEqual([declared('a')]);
  expect(read({ groups: { g: { feeds: ['a', 'b'] } } }).groups).toEqual([group('g', ['a', 'b'])]);
});

test('a group has the triggers at the top but where it says otherwise', () => {
  const { mainsHold, triggers, groups } = read({
    triggers: { settle: '0s', mains_hold: '20s', charge_below: 'off', depletion: { rate: 5 }, dead_after: '30s' },
    groups: {
      same: { feeds: ['a'] },
      other: {
        feeds: ['b'],
        triggers: {
          settle: '1m',
          hold: '7s',
          low_battery: false,
          charge_below: 30,
          runtime_below: '5m',
          depletion: 'off',
          on_battery_for: '15m',
          dead_after: 'auto',
          after_failed_test: '2m',
        },
      },
      one: { feeds: ['c'], triggers: { hold: '9s' } },
    },
  });
  const top = {
    ...settings().triggers,
    settle: 0,
    chargeBelow: 'off',
    depletion: { perMinute: 5, over: 90_000 },
    deadAfter: 30_000,
  };
  expect(mainsHold).toBe(20_000);
  expect(triggers).toEqual(top);
  expect(groups.map(({ triggers: own }) => own)).toEqual([
    top,
    {
      settle: 60_000,
      hold: 7000,
      lowBattery: false,
      chargeBelow: 30,
      runtimeBelow: 300_000,
      depletion: 'off',
      onBatteryFor: 900_000,
      deadAfter: 'auto',
      afterFailedTest: 120_000,
    },
    { ...top, hold: 9000 },
  ]);
});

test('everything that a group can say arrives, without what only the executor needs', () => {
  const { groups } = read({
    groups: {
      rack: {
        label: 'Rack',
        feeds: ['a', 'b'],
        min_healthy: 2,
        min_capacity: 'enforce',
        reserve: '0s',
        time_left_unknown: '1m',
        restore_above: 80,
        point_of_no_return: 'halt',
        stages: [
          {
            name: 'shed',
            when: { on_battery_for: '3m', charge_below: 60, runtime_below: '10m' },
            steps: [{ ssh: { host: 'lab', user: 'u', password: 'hush', shutdown: true } }],
            restore: [{ wake: { mac: '001122334455' } }],
          },
          { name: 'halt', steps: [{ ups: { device: 'b', carries_source: true } }] },
        ],
        host: { halt: true, message: 'hush' },
      },
    },
  });
  const frame = { after: [], carriesSource: false };
  expect(groups).toEqual([
    {
      ...group('rack', ['a', 'b']),
      label: 'Rack',
      minHealthy: 2,
      minCapacity: 'enforce',
      reserve: 0,
      timeLeftUnknown: 60_000,
      restoreAbove: 80,
      pointOfNoReturn: 'halt',
      stages: [
        {
          name: 'shed',
          when: { onBatteryFor: 180_000, chargeBelow: 60, runtimeBelow: 600_000 },
          steps: [{ ...frame, key: 'shed/ssh', kind: 'ssh', text: 'shut down lab', deadline: 120_000, usual: 40_000 }],
          restore: [
            {
              ...frame,
              key: 'shed/restore/wake',
              kind: 'wake',
              text: 'wake 00:11:22:33:44:55',
              deadline: 10_000,
              usual: 1000,
            },
          ],
        },
        {
          name: 'halt',
          steps: [
            {
              ...frame,
              key: 'halt/ups',
              kind: 'ups',
              device: 'b',
              text: 'tell b to switch off and return with mains',
              deadline: 30_000,
              usual: 5000,
              carriesSource: true,
            },
          ],
          restore: [],
        },
      ],
      halt: { ...frame, key: 'host', kind: 'host', text: 'halt this host', deadline: 120_000, usual: 60_000 },
    },
  ]);
  expect(JSON.stringify(groups)).not.toContain('hush');
});

test('a device can be tuned', () => {
  const { devices } = read({
    ups: {
      a: {
        source: 'nas',
        trust_charge: false,
        power_quality: 'loose',
        battery_installed: '2024-02-29',
        self_test: { schedule: '0 10 1 * *' },
      },
      b: { source: 'nas', self_test: { schedule: '0 10 1 * *', command: 'test.battery.start.deep' } },
    },
  });
  expect(devices).toEqual([
    declared('a', {
      trustCharge: false,
      powerQuality: 'loose',
      batteryInstalled: Date.UTC(2024, 1, 29, 12),
      selfTest: { schedule: '0 10 1 * *', command: 'test.battery.start.quick' },
    }),
    declared('b', { selfTest: { schedule: '0 10 1 * *', command: 'test.battery.start.deep' } }),
  ]);
});

test.each([
  { battery_installed: '2024-02-30' },
  { battery_installed: '2023-02-29' },
  { battery_installed: '01.03.2024' },
  { battery_installed: '2024-3-1' },
  { battery_installed: 20240301 },
  { self_test: {} },
  { self_test: { schedule: '@monthly' } },
  { self_test: { schedule: '0 10 1 * *', command: 'a b' } },
  { power_quality: 'off' },
  { trust_charge: 'no' },
])('ups: %j is refused', (device) => {
  const given = { ...LEAST, ups: { a: { source: 'nas', ...device } } };
  expect(configurationSchema.safeParse(given).success).toBe(false);
});

test.each([
  {},
  { feeds: [] },
  { feeds: ['a', 'a'] },
  { feeds: ['bridge'] },
  { min_healthy: 0 },
  { restore_above: 101 },
  { min_capacity: 'off' },
  { stages: [{ steps: [] }] },
  { stages: [{ name: 'Halt' }] },
  { stages: [{ name: 'x', when: {} }] },
  { stages: [{ name: 'x', steps: [{ host: { halt: true } }] }] },
  { host: {} },
  { triggers: { mains_hold: '5s' } },
])('groups: %j is refused', (block) => {
  const given = { ...LEAST, groups: { g: Object.keys(block).length === 0 ? {} : { feeds: ['a'], ...block } } };
  expect(configurationSchema.safeParse(given).success).toBe(false);
});

/** What does not fit together in a file, one line each. */
const misfits = (tree: object): readonly string[] =>
  crossChecks({ ...LEAST, ...tree }, (_, value) => shown(value, false)).map(
    ({ path, message, hint }) => `${dotted(path)}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );

const inGroup = (more: object) => misfits({ groups: { g: { feeds: ['a'], ...more } } });
const inStage = (...steps: object[]) => inGroup({ stages: [{ name: 's', steps }] });
const vms = (name: string, ...after: string[]) => ({ vms: { name, after } });

test.each<[string, readonly string[], readonly string[]]>([
  ['as many healthy as feeds', inGroup({ min_healthy: 1 }), []],
  [
    'more healthy than feeds',
    inGroup({ min_healthy: 2 }),
    ['groups.g.min_healthy: must be at most 1, the number of feeds'],
  ],
  [
    'nothing that could be counted',
    misfits({ groups: { g: { feeds: 1, min_healthy: 2 }, h: 3, i: { stages: [4] } } }),
    [],
  ],
  [
    'two stages of one name',
    inGroup({ stages: [{ name: 's' }, { name: 's' }] }),
    ['groups.g.stages[1].name: is the name of an earlier stage as well'],
  ],
  ['a point of no return', inGroup({ point_of_no_return: 's', stages: [{ name: 's' }] }), []],
  [
    'one that is mistyped',
    inGroup({ point_of_no_return: 'hlat', stages: [{ name: 'halt' }] }),
    ['groups.g.point_of_no_return: no stage is called "hlat" (did you mean halt?)'],
  ],
  ['one without stages', inGroup({ point_of_no_return: 's' }), ['groups.g.point_of_no_return: no stage is called "s"']],
  ['steps one after the other', inStage(vms('a'), vms('b', 'a'), vms('c', 'a', 'b')), []],
  ['names made from the kind', inStage({ vms: {} }, { vms: { after: ['vms'] } }, { wake: { after: ['vms-2'] } }), []],
  [
    'an after that is not there',
    inStage(vms('first'), vms('b', 'frist')),
    ['groups.g.stages[0].steps[1].vms.after[0]: no step is called "frist" (did you mean first?)'],
  ],
  [
    'an after of another stage',
    inGroup({
      stages: [
        { name: 's', steps: [vms('a')] },
        { name: 't', steps: [vms('b', 'a')] },
      ],
    }),
    ['groups.g.stages[1].steps[0].vms.after[0]: no step is called "a" (there is b)'],
  ],
  [
    'a step after itself',
    inStage(vms('a', 'a')),
    ['groups.g.stages[0].steps[0].vms.after: waits for itself: "a", "a"'],
  ],
  [
    'a circle, with a step that leads into it',
    inStage(vms('a', 'b'), vms('b', 'c'), vms('c', 'b')),
    [
      'groups.g.stages[0].steps[1].vms.after: waits for itself: "b", "c", "b"',
      'groups.g.stages[0].steps[2].vms.after: waits for itself: "c", "b", "c"',
    ],
  ],
  [
    'a name given twice',
    inStage(vms('a'), { wake: { name: 'a' } }),
    ['groups.g.stages[0].steps[1].wake.name: is the name of an earlier step as well'],
  ],
  ['the same name in restore', inGroup({ stages: [{ name: 's', steps: [vms('a')], restore: [vms('a')] }] }), []],
  [
    'a circle in restore',
    inGroup({ stages: [{ name: 's', restore: [vms('a', 'a')] }] }),
    ['groups.g.stages[0].restore[0].vms.after: waits for itself: "a", "a"'],
  ],
  ['an order to the only feed', inStage({ ups: {} }), []],
  [
    'an order to nobody in particular',
    inGroup({ feeds: ['a', 'b'], stages: [{ name: 's', steps: [{ ups: {} }, { ups: { device: 'c' } }] }] }),
    ['groups.g.stages[0].steps[0].ups.device: is required: the group has several feeds'],
  ],
])('%s', (_, told, expected) => {
  expect(told).toEqual(expected);
});

/** What is told of a step that stands in the first of two stages. */
const early = (step: object, host = 'nas.lan') =>
  misfits({
    sources: { nas: { nut: { host } }, demo: { simulated: {} } },
    groups: {
      g: {
        feeds: ['a'],
        stages: [
          { name: 's', steps: [step] },
          { name: 't', steps: [step] },
        ],
      },
    },
  });

const halts = (host: string, more: object = {}) => ({ ssh: { host, user: 'u', shutdown: true, ...more } });
const POWEROFF = { exec: { command: ['/sbin/poweroff'] } };

test.each<[string, readonly string[], boolean]>([
  ['the host of a source', early(halts('nas.lan')), true],
  ['the same, written otherwise', early(halts('NAS.lan.')), true],
  ['the same on purpose', early(halts('nas.lan', { carries_source: true })), false],
  ['another host', early(halts('lab.lan')), false],
  ['the host of a source that stays up', early({ ssh: { host: 'nas.lan', actions: ['sync'] } }), false],
  ['this host, which carries a source', early(POWEROFF, '127.0.0.1'), true],
  ['this host, over SSH', early(halts('::1'), 'localhost'), true],
  ['this host, which carries none', early(POWEROFF), false],
  ['a program that stops nothing', early({ exec: { command: ['/usr/bin/true'] } }, 'localhost'), false],
])('stopping %s in an early stage', (_, told, refused) => {
  const kind = told[0]?.match(/\.(ssh|exec):/)?.[1];
  const message = `groups.g.stages[0].steps[0].${kind}: stops the machine that source nas is asked on, before the last stage`;
  const hint = 'do it in the last stage, or add carries_source: true if it is meant';
  expect(told).toEqual(refused ? [`${message} (${hint})`] : []);
});

const BLIND = { runtime_below: 'off', on_battery_for: 'off' };
const distrust = (top: object, own: object, feeds = ['a']) =>
  misfits({
    ups: { a: { source: 'nas', trust_charge: false }, b: { source: 'nas', name: 'b2' } },
    triggers: top,
    groups: { g: { feeds, triggers: own } },
  });

test.each<[string, readonly string[], boolean]>([
  ['runtime and time', distrust({}, {}), false],
  ['runtime', distrust({}, { on_battery_for: 'off' }), false],
  ['time', distrust({}, { runtime_below: 'off' }), false],
  ['neither', distrust({}, BLIND), true],
  ['neither, by the top', distrust(BLIND, {}), true],
  ['neither at the top, time in the group', distrust(BLIND, { on_battery_for: '5m' }), false],
  ['neither, but for another device', distrust({}, BLIND, ['b']), false],
])('a charge that is not trusted leaves %s', (_, told, refused) => {
  const message = 'leaves the group g nothing to go by: its runtime_below and on_battery_for are off';
  expect(told).toEqual(refused ? [`ups.a.trust_charge: ${message} (give the group one of the two)`] : []);
});
