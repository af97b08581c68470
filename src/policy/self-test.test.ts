import { describe, expect, test } from 'vitest';
import { outageSince, readAt, stampAt } from '../../tests/kit/battery.ts';
import { group, settings } from '../../tests/kit/settings.ts';
import { WALL } from '../../tests/kit/story.ts';
import { withTestStarted } from '../analysis/battery/follow.ts';
import { NO_BATTERY } from '../domain/battery.ts';
import type { GroupState, MemberClass, Run } from '../domain/groups.ts';
import { type DeviceState, EMPTY_STATE, type State, UNHEARD } from '../domain/state.ts';
import { asInstant, asMillis } from '../domain/time.ts';
import { commandIsTest, selfTestRefusal } from './self-test.ts';

const NOW = stampAt(10_000);
const QUICK = 'test.battery.start.quick';

const says = (status: string, more: Readonly<Record<string, string | number>> = {}) =>
  readAt(10_000, status, { 'battery.charge': 100, 'ups.load': 20, ...more });

const ups = (id: string, more: Partial<DeviceState> = {}): DeviceState => ({
  ...UNHEARD,
  id,
  label: id.toUpperCase(),
  address: { source: 'nas', name: id },
  link: { kind: 'up' },
  inventory: { writable: [], commands: [{ name: 'beeper.mute' }, { name: QUICK }] },
  reading: says('OL'),
  power: { fed: 'mains' },
  derived: new Map(),
  ...more,
});

test('one that is on mains, full and rested may be tested', () => {
  expect(selfTestRefusal(EMPTY_STATE, ups('a'), NOW)).toBeUndefined();
  expect(selfTestRefusal(EMPTY_STATE, ups('a'), NOW, QUICK)).toBeUndefined();
});

const { reading: _, ...unread } = ups('a');
const { inventory: __, ...unasked } = ups('a');
const HOUR_AGO = { at: asInstant(10_000_000 - 3_600_000), wall: NOW.wall - 3_600_000 };

test.each([
  {
    when: 'it is lost',
    device: { link: { kind: 'lost', trouble: { kind: 'unreachable', detail: '' }, since: asInstant(0), sinceWall: 0 } },
    why: 'the device is not heard',
  },
  { when: 'it is not heard yet', device: { link: { kind: 'unknown' } }, why: 'the device is not heard' },
  {
    when: 'it has no such command',
    device: { inventory: { writable: [], commands: [{ name: 'beeper.mute' }] } },
    why: 'the device has no self-test',
  },
  { when: 'it is on battery', device: { reading: says('OB DISCHRG') }, why: 'it is on battery' },
  { when: 'an outage has not ended', device: { power: { outage: outageSince(0) } }, why: 'it is on battery' },
  {
    when: 'nothing proves mains',
    device: { reading: says('CHRG') },
    why: 'its status does not prove that it is on mains',
  },
  { when: 'its output is off', device: { reading: says('OL OFF') }, why: 'its output is off' },
  { when: 'it is on bypass', device: { reading: says('OL BYPASS') }, why: 'it is on bypass' },
  { when: 'its battery is low', device: { reading: says('OL LB') }, why: 'its battery is low' },
  { when: 'its battery is worn', device: { reading: says('OL RB') }, why: undefined },
  { when: 'it is overloaded', device: { reading: says('OL OVER') }, why: 'it is overloaded' },
  {
    when: 'its load is high',
    device: { reading: says('OL', { 'ups.load': 91 }) },
    why: 'its load is 91 %, more than 90 %',
  },
  { when: 'its load is just not too high', device: { reading: says('OL', { 'ups.load': 90 }) }, why: undefined },
  { when: 'its load is not told', device: { reading: says('OL', { 'ups.load': '' }) }, why: undefined },
  {
    when: 'its charge is not told',
    device: { reading: says('OL', { 'battery.charge': '' }) },
    why: undefined,
  },
  {
    when: 'its charge is low',
    device: { reading: says('OL', { 'battery.charge': 79 }) },
    why: 'its battery charge is 79 %, less than 80 %',
  },
  { when: 'its charge is just enough', device: { reading: says('OL', { 'battery.charge': 80 }) }, why: undefined },
  { when: 'an outage ended an hour ago', device: { power: { lastOutageEnded: HOUR_AGO } }, why: undefined },
  {
    when: 'one ended a little later',
    device: { power: { lastOutageEnded: { ...HOUR_AGO, at: asInstant(HOUR_AGO.at + 1) } } },
    why: /^an outage has ended only 1 h ago|^an outage has ended only 59 min/,
  },
  {
    when: 'one ended just now',
    device: { power: { lastOutageEnded: { at: NOW.at, wall: NOW.wall } } },
    why: 'an outage has ended only 0 ms ago: it takes an hour on mains',
  },
  {
    when: 'only the wall clock knows that one did',
    device: { power: { lastOutageEnded: { at: asInstant(9e9), wall: NOW.wall - 60_000 } } },
    why: 'an outage has ended only 1 min ago: it takes an hour on mains',
  },
  {
    when: 'both clocks are ahead of it',
    device: { power: { lastOutageEnded: { at: asInstant(9e9), wall: NOW.wall + 1 } } },
    why: undefined,
  },
  { when: 'a test goes on', device: { reading: says('OL TEST') }, why: 'a test is going on already' },
  { when: 'a calibration goes on', device: { reading: says('OL CAL') }, why: 'a test is going on already' },
  {
    when: 'a test was started a minute ago',
    device: { battery: withTestStarted(NO_BATTERY, QUICK, stampAt(9940)) },
    why: 'a test is going on already',
  },
] as const)('alone, when $when: $why', ({ device, why }) => {
  const refusal = selfTestRefusal(EMPTY_STATE, ups('a', device), NOW);
  if (why instanceof RegExp) expect(refusal).toMatch(why);
  else expect(refusal).toBe(why);
});

test('what was not read yet refuses', () => {
  expect(selfTestRefusal(EMPTY_STATE, unread, NOW)).toBe('the device is not heard');
  expect(selfTestRefusal(EMPTY_STATE, unasked, NOW)).toBe('it is not known yet what the device can be told');
});

test('a command that the device does not have is named', () => {
  const command = 'calibrate.start';
  expect(selfTestRefusal(EMPTY_STATE, ups('a'), NOW, command)).toBe('the device has no command calibrate.start');
});

const RUN: Run = {
  id: 'run',
  kind: 'outage',
  cause: [],
  since: asInstant(0),
  wall: WALL,
  stages: [],
  whole: true,
  effect: 'act',
};

const groupState = (id: string, classes: Readonly<Record<string, MemberClass>>, run?: Run): GroupState => ({
  id,
  label: id,
  members: new Map(
    Object.entries(classes).map(([device, kind]) => [
      device,
      { device, class: kind, verdicts: [], holds: {}, meets: [], stageHolds: {} },
    ]),
  ),
  quorum: { healthy: 1, needed: 1, spare: 0, lost: false },
  plan: { group: id, stages: [], expected: asMillis(0), need: asMillis(0) },
  readiness: { ready: true, reasons: [] },
  told: { ready: true, short: false, lost: false },
  outlook: { state: 'calm', effect: 'none', text: '' },
  ...(run === undefined ? {} : { run }),
});

interface House {
  readonly peer?: DeviceState;
  readonly class?: MemberClass;
  readonly run?: Run;
}

const house = ({ peer = ups('b'), class: kind = 'healthy', run }: House): State => ({
  ...EMPTY_STATE,
  settings: settings({ groups: [group('other', ['c']), group('rack', ['a', 'b'], { label: 'Rack' })] }),
  devices: new Map([peer, ups('a')].map((device) => [device.id, device])),
  groups: new Map([['rack', groupState('rack', { a: 'healthy', b: kind }, run)]]),
});

describe('in a group', () => {
  const peer = (more: Partial<DeviceState>): House => ({ peer: ups('b', more) });
  const { reading: ___, ...unheard } = ups('b');
  test.each([
    { when: 'the other feed is well', of: {}, why: undefined },
    { when: 'it is critical', of: { class: 'critical' }, why: 'B, which feeds Rack as well, is critical' },
    { when: 'it is degraded', of: { class: 'degraded' }, why: 'B, which feeds Rack as well, is degraded' },
    { when: 'it was never read', of: { peer: unheard }, why: 'B, which feeds Rack as well, is unknown' },
    { when: 'it is not there', of: { peer: ups('c') }, why: 'b, which feeds Rack as well, is unknown' },
    {
      when: 'it tests',
      of: peer({ reading: says('OL TEST') }),
      why: 'B, which feeds Rack as well, is testing its battery',
    },
    {
      when: 'it was told to',
      of: peer({ battery: withTestStarted(NO_BATTERY, QUICK, NOW) }),
      why: 'B, which feeds Rack as well, is testing its battery',
    },
    {
      when: 'it charges',
      of: peer({ reading: says('OL CHRG', { 'battery.charge': 79 }) }),
      why: 'B, which feeds Rack as well, has a battery charge of 79 %',
    },
    { when: 'it is charged enough', of: peer({ reading: says('OL CHRG', { 'battery.charge': 80 }) }), why: undefined },
    { when: 'its charge is not told', of: peer({ reading: says('OL', { 'battery.charge': '' }) }), why: undefined },
    { when: 'a shutdown goes on', of: { run: RUN }, why: 'a shutdown of Rack has been decided on' },
  ] as const satisfies readonly { when: string; of: House; why: string | undefined }[])(
    '$when: $why',
    ({ of, why }) => {
      expect(selfTestRefusal(house(of), ups('a'), NOW)).toBe(why);
    },
  );

  test('that has no state yet, nothing is known of the other feed', () => {
    const state = { ...house({}), groups: new Map() };
    expect(selfTestRefusal(state, ups('a'), NOW)).toBe('B, which feeds Rack as well, is unknown');
  });

  test('and in another one, either can speak against it', () => {
    const state = house({ class: 'critical' });
    const groups = [group('lab', ['a']), ...(state.settings?.groups ?? [])];
    const why = 'B, which feeds Rack as well, is critical';
    expect(selfTestRefusal({ ...state, settings: settings({ groups }) }, ups('a'), NOW)).toBe(why);
    expect(selfTestRefusal({ ...state, settings: settings({ groups: groups.toReversed() }) }, ups('a'), NOW)).toBe(why);
  });

  test('without a label it goes by its id, and other groups do not matter', () => {
    const state = house({ class: 'off' });
    const groups = [group('rack', ['a', 'b'])];
    const unlabelled = { ...state, settings: settings({ groups }) };
    expect(selfTestRefusal(unlabelled, ups('a'), NOW)).toBe('B, which feeds rack as well, is off');
    expect(selfTestRefusal(state, ups('c'), NOW)).toBeUndefined();
  });
});

test.each([
  ['test.battery.start', true],
  [QUICK, true],
  ['test.battery.start.deep', true],
  ['calibrate.start', true],
  ['test.battery.stop', false],
  ['calibrate.stop', false],
  ['test.panel.start', false],
  ['my.test.battery.start', false],
])('%s begins a test: %s', (command, is) => {
  expect(commandIsTest(command)).toBe(is);
});
