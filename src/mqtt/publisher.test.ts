import { beforeEach, describe, expect, test } from 'vitest';
import { EVERYTHING, type HouseOptions, openHouse, says } from '../../tests/kit/mqtt-house.ts';
import type { Listed } from '../domain/reading.ts';
import { asMillis, seconds } from '../domain/time.ts';
import { type Announced, parseAnnounced, serializeAnnounced } from './announced.ts';

const BASE = 'gridwarden/home';
const STATE = `${BASE}/ups/rack`;
const AVAILABLE = `${STATE}/availability`;
const CONFIG = 'homeassistant/device/gridwarden_home_rack/config';

const USUAL = { 'ups.status': 'OL', 'battery.charge': '100', 'ups.load': '20', 'input.voltage': '230', 'ups.id': 'x' };
/** Names of what was judged, which judged-values.test.ts looks at. */
const JUDGED = /^(?:outage|next_trigger|battery\.(?:health|replacement|measured|test)\b)/;
const minutes = (count: number) => seconds(count * 60);

interface Sent {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

let sent: Sent[] = [];
beforeEach(() => {
  sent = [];
});

/** A house whose source lists one UPS, which says what is usual, and has nothing to be told but what is given. */
function watching(options: HouseOptions = {}, variables: Readonly<Record<string, string>> = USUAL) {
  const house = openHouse({ ...options, onMessage: (topic, payload, retain) => sent.push({ topic, payload, retain }) });
  const listed = (...devices: readonly Listed[]) => house.report({ kind: 'listed', source: 'nas', devices });
  listed({ name: 'rack' });
  house.report(says(variables));
  house.report({
    kind: 'inventory',
    address: { source: 'nas', name: 'rack' },
    inventory: {
      writable: [{ variable: 'ups.id', accepts: { kind: 'text', maxLength: 8 } }],
      commands: [{ name: 'beeper.mute' }, { name: 'load.off' }],
    },
  });
  return {
    ...house,
    listed,
    /** What is sent while something is done, and no longer. */
    during: (act: () => void): readonly Sent[] => {
      sent = [];
      act();
      return sent;
    },
    says: (change: Readonly<Record<string, string>>) => house.report(says({ ...variables, ...change })),
    lacks: (...names: readonly string[]) =>
      house.report(says(Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name))))),
    lost: () =>
      house.report({
        kind: 'device-trouble',
        address: { source: 'nas', name: 'rack' },
        trouble: { kind: 'data-stale', detail: 'DATA-STALE' },
      }),
    shown: () => JSON.parse(house.messages.get(STATE)?.payload ?? 'null'),
    entities: () => Object.keys(JSON.parse(house.messages.get(CONFIG)?.payload ?? '{}').components ?? {}),
    tombstones: () =>
      Object.entries<object>(JSON.parse(house.messages.get(CONFIG)?.payload ?? '{}').components ?? {})
        .filter(([, component]) => Object.keys(component).length === 1)
        .map(([key]) => key),
  };
}

const topics = (messages: readonly Sent[]): readonly string[] => messages.map(({ topic }) => topic);
const memoryOf = ({ announcer }: ReturnType<typeof watching>): readonly Announced[] =>
  parseAnnounced(serializeAnnounced(announcer.remembered())) ?? [];

test('a UPS is available, shown and announced as soon as all of it is known', () => {
  const house = watching();
  expect(house.messages.get(AVAILABLE)?.payload).toBe('{"state":"online"}');
  const own = Object.entries(house.shown()).filter(([name]) => !JUDGED.test(name));
  expect(Object.fromEntries(own)).toEqual({
    'battery.charge': 100,
    connection: 'connected',
    flags: ['OL'],
    'input.voltage': 230,
    mains: 'on',
    'ups.id': 'x',
    'ups.load': 20,
    'ups.status': 'OL',
    'ups.status.display': 'Online',
  });
  expect(house.entities()).toEqual(
    expect.arrayContaining(['battery_charge', 'flag_lb', 'mains', 'command_beeper_mute']),
  );
  expect(topics(sent).filter((topic) => topic === CONFIG)).toHaveLength(1);
});

test('nothing is announced before it is known what the UPS can be told', () => {
  const house = openHouse({ onMessage: (topic, payload, retain) => sent.push({ topic, payload, retain }) });
  house.report({ kind: 'listed', source: 'nas', devices: [{ name: 'rack' }] });
  house.report(says(USUAL));
  house.pass(minutes(1));
  expect(topics(sent)).toContain(STATE);
  expect(topics(sent)).not.toContain(CONFIG);
});

describe('what has changed goes out', () => {
  test.each([
    ['the status', { 'ups.status': 'OL CHRG' }],
    ['the charge', { 'battery.charge': '99' }],
    ['a text', { 'ups.id': 'y' }],
    ['a variable that is new', { 'ups.temperature': '30' }],
  ])('%s at once', (_name, change) => {
    const house = watching();
    house.pass(minutes(1));
    expect(topics(house.during(() => house.says(change)))).toContain(STATE);
  });

  test('a measurement at most every 10 s on mains', () => {
    const house = watching();
    house.pass(minutes(1));
    const first = house.during(() => house.says({ 'ups.load': '21' }));
    expect(topics(first)).toEqual([STATE]);
    expect(house.during(() => house.says({ 'ups.load': '22' }))).toEqual([]);
    expect(house.during(() => house.pass(seconds(9)))).toEqual([]);
    expect(topics(house.during(() => house.pass(seconds(1))))).toEqual([STATE]);
    expect(house.shown()['ups.load']).toBe(22);
  });

  test('a measurement at most every second on battery', () => {
    const house = watching();
    house.pass(minutes(1));
    house.says({ 'ups.status': 'OB DISCHRG' });
    expect(house.during(() => house.says({ 'ups.status': 'OB DISCHRG', 'ups.load': '22' }))).toEqual([]);
    expect(topics(house.during(() => house.pass(seconds(1))))).toEqual([STATE]);
  });

  test('a measurement with what goes out at once, and then not once more', () => {
    const house = watching();
    house.pass(minutes(1));
    house.says({ 'ups.load': '21' });
    house.says({ 'ups.load': '22' });
    house.says({ 'ups.load': '22', 'battery.charge': '99' });
    expect(house.shown()['ups.load']).toBe(22);
    expect(house.during(() => house.pass(minutes(1)))).toEqual([]);
  });

  test('nothing, when nothing has changed, for however long', () => {
    const house = watching();
    const goesOn = (readings: number) => {
      for (let count = 0; count < readings; count += 1) {
        house.report(says(USUAL, 'rack', house.now()));
        house.pass(seconds(2));
      }
    };
    // The first readings on mains show the nominal voltage.
    goesOn(20);
    expect(house.during(() => goesOn(100))).toEqual([]);
  });
});

describe('a variable that vanishes', () => {
  test('is null at once, also when another one comes in its place', () => {
    const house = watching();
    house.lacks('ups.load');
    expect(house.shown()).toMatchObject({ 'ups.load': null, 'battery.charge': 100 });
    const other = watching();
    other.pass(minutes(1));
    other.report(says({ ...without(USUAL, 'ups.load'), 'ups.temperature': '30' }));
    expect(other.shown()).toMatchObject({ 'ups.load': null, 'ups.temperature': 30 });
  });

  test('loses its entity after an hour of good readings, in both steps', () => {
    const house = watching();
    house.pass(minutes(1));
    house.lacks('ups.load');
    house.pass(minutes(59));
    expect(house.entities()).toContain('ups_load');
    expect(house.tombstones()).toEqual([]);
    house.pass(minutes(2));
    expect(house.tombstones()).toEqual(['ups_load']);
  });

  test('stays in the object, as null, until Home Assistant has certainly let go of its entity', () => {
    const house = watching();
    house.lacks('ups.load');
    house.pass(minutes(62));
    expect(house.tombstones()).toEqual(['ups_load']);
    expect(house.shown()['ups.load']).toBeNull();
    house.publisher.born(house.now());
    house.pass(seconds(5));
    house.lacks('ups.load', 'ups.id');
    expect(Object.keys(house.shown())).not.toContain('ups.load');
  });

  test('takes with it what was judged by it, and what that read of other topics is not missed here', () => {
    const house = watching();
    house.lacks('ups.status');
    house.pass(minutes(62));
    expect(house.tombstones()).toEqual(expect.arrayContaining(['ups_status', 'outage', 'battery_health', 'sags']));
    expect(house.shown()).toMatchObject({ outage: null, 'battery.health.age': null });
    expect(Object.keys(house.shown())).not.toContain('grid');
    expect(Object.keys(house.shown())).not.toContain('sags');
  });

  test('has its entity as ever when it is back in time', () => {
    const house = watching();
    house.lacks('ups.load');
    house.pass(minutes(50));
    house.says({});
    house.pass(minutes(50));
    expect(house.tombstones()).toEqual([]);
    expect(house.shown()['ups.load']).toBe(20);
  });

  test('is not counted as missing while the UPS is not heard', () => {
    const house = watching();
    house.lacks('ups.load');
    house.pass(minutes(50));
    house.lost();
    house.pass(minutes(500));
    house.lacks('ups.load');
    house.pass(minutes(59));
    expect(house.tombstones()).toEqual([]);
    house.pass(minutes(2));
    expect(house.tombstones()).toEqual(['ups_load']);
  });

  test.each(['ups.alarm', 'ups.test.result', 'input.transfer.reason', 'ups.timer.shutdown'])(
    'keeps its entity for ever where it only comes now and then: %s',
    (name) => {
      const house = watching({}, { ...USUAL, [name]: '1' });
      house.lacks(name);
      house.pass(minutes(200));
      expect(house.tombstones()).toEqual([]);
      expect(house.shown()[name]).toBeNull();
    },
  );

  test('takes the switch of an outlet with it only when it is gone for good', () => {
    const options = { allow: EVERYTHING };
    const house = watching(options, { ...USUAL, 'outlet.1.status': 'on' });
    const inventory = { writable: [], commands: [{ name: 'outlet.1.load.on' }, { name: 'outlet.1.load.off' }] };
    house.report({ kind: 'inventory', address: { source: 'nas', name: 'rack' }, inventory });
    house.pass(seconds(10));
    expect(house.entities()).toContain('outlet_1');
    house.lacks('outlet.1.status');
    house.pass(minutes(30));
    expect(house.tombstones()).not.toContain('outlet_1');
    house.pass(minutes(31));
    expect(house.tombstones()).toContain('outlet_1');
    expect(house.entities()).toContain('command_outlet_1_load_on');
  });
});

test('a UPS that is not heard is unavailable at once, and what it said last stays', () => {
  const house = watching();
  house.lost();
  expect(house.messages.get(AVAILABLE)?.payload).toBe('{"state":"offline"}');
  expect(house.shown()).toMatchObject({ connection: 'data-stale', 'battery.charge': 100 });
  house.says({});
  expect(house.messages.get(AVAILABLE)?.payload).toBe('{"state":"online"}');
  expect(house.shown()).toMatchObject({ connection: 'connected' });
});

test('a status that proves nothing leaves mains unknown, not missing', () => {
  expect(watching({}, { ...USUAL, 'ups.status': 'OFF' }).shown()).toMatchObject({ mains: null, flags: ['OFF'] });
  expect(Object.keys(watching({}, { 'outlet.count': '3' }).shown())).not.toContain('mains');
});

test('what a UPS says in words of its own becomes an option, and the state is sent again after it', () => {
  const house = watching({}, { ...USUAL, 'battery.charger.status': 'Resting' });
  const options = () => JSON.parse(house.messages.get(CONFIG)?.payload ?? '').components.battery_charger_status.options;
  expect(options()).toContain('Resting');
  house.pass(seconds(10));
  house.says({ 'battery.charger.status': 'Boosting' });
  const later = house.during(() => house.pass(seconds(5)));
  expect(topics(later)).toEqual([CONFIG, STATE]);
  house.says({ 'battery.charger.status': 'Resting' });
  expect(options()).toEqual(expect.arrayContaining(['charging', 'Resting', 'Boosting']));
  expect(topics(house.during(() => house.pass(seconds(5))))).toEqual([]);
});

test('words without end do not fill the announcement', () => {
  const house = watching({}, { ...USUAL, 'battery.charger.status': 'word' });
  for (let count = 0; count < 100; count += 1) house.says({ 'battery.charger.status': `word ${count}` });
  house.pass(seconds(5));
  const { options } = JSON.parse(house.messages.get(CONFIG)?.payload ?? '').components.battery_charger_status;
  expect(options.length).toBeLessThan(40);
  expect(options).toContain('word 99');
});

describe('facts are events', () => {
  test('of the device and of the bridge, not retained', () => {
    const house = watching();
    const events = house.during(() => house.says({ 'ups.status': 'OB' })).filter(({ retain }) => !retain);
    const both = [`${BASE}/bridge/event`, `${STATE}/event`];
    expect(topics(events)).toEqual([...both, ...both]);
    expect(events.map(({ payload }) => JSON.parse(payload).event_type)).toEqual([
      'onbatt',
      'onbatt',
      'outage',
      'outage',
    ]);
    for (const { payload } of events.slice(0, 2)) {
      expect(JSON.parse(payload)).toMatchObject({
        event_type: 'onbatt',
        device: 'rack',
        level: 'warning',
        time: '2026-01-01T00:00:00.000Z',
        text: expect.stringContaining('on battery'),
        status: 'OB',
      });
    }
  });

  test('of the bridge alone where no device is concerned', () => {
    const house = watching();
    const events = house.during(() => house.push({ kind: 'noticed', type: 'listener_failed', text: 'port taken' }));
    expect(topics(events)).toEqual([`${BASE}/bridge/event`]);
  });

  test('a state is sent before the event that speaks of it', () => {
    const house = watching();
    const order = topics(house.during(() => house.says({ 'ups.status': 'OB' })));
    expect(order.indexOf(STATE)).toBeLessThan(order.indexOf(`${STATE}/event`));
  });
});

describe('the bridge tells', () => {
  test('how it is configured and which devices it has, when that changes', () => {
    const house = watching();
    const info = () => JSON.parse(house.messages.get(`${BASE}/bridge/info`)?.payload ?? '');
    expect(info()).toEqual({
      version: '1.0.0',
      started: '2026-01-01T00:00:00.000Z',
      configuration: '0123456789ab',
      armed: false,
      dry_run: false,
      devices: ['rack'],
      groups: [],
    });
    // Ten readings tell the nominal voltage of the mains.
    house.pass(minutes(1));
    expect(topics(house.during(() => house.pass(minutes(5))))).toEqual([]);
    house.listed({ name: 'rack' }, { name: 'desk' });
    expect(info()).toMatchObject({ devices: ['desk', 'rack'] });
  });

  test('a device of its own, with a reload button where that is allowed', () => {
    const keys = (options: HouseOptions) => {
      const house = watching(options);
      const text = house.messages.get('homeassistant/device/gridwarden_home_bridge/config')?.payload ?? '';
      return Object.keys(JSON.parse(text).components);
    };
    expect(keys({})).toContain('command_reload');
    expect(keys({ allow: ['beeper.*'] })).not.toContain('command_reload');
  });
});

describe('a UPS that is gone', () => {
  test('is unavailable, taken back, and its topics cleared', () => {
    const house = watching();
    house.listed({ name: 'rack' }, { name: 'desk' });
    house.pass(seconds(10));
    house.listed({ name: 'desk' });
    expect(house.messages.get(AVAILABLE)?.payload).toBe('{"state":"offline"}');
    house.pass(seconds(5));
    for (const topic of [CONFIG, AVAILABLE, STATE]) expect(house.messages.has(topic)).toBe(false);
  });

  test.each(['device', 'single', 'off'] as const)('leaves nothing retained, in mode %s', (mode) => {
    const house = watching({ mode });
    house.listed({ name: 'rack' }, { name: 'desk' });
    house.pass(seconds(10));
    house.listed({ name: 'desk' });
    house.pass(seconds(5));
    expect([...house.messages.keys()].filter((topic) => topic.includes('rack'))).toEqual([]);
  });

  test('stays while its server lists nothing at all', () => {
    const house = watching();
    house.listed();
    house.pass(minutes(5));
    expect(house.messages.get(AVAILABLE)?.payload).toBe('{"state":"offline"}');
    expect(house.tombstones()).toEqual([]);
    expect(house.entities()).toContain('battery_charge');
  });
});

describe('after a restart', () => {
  test('what is only missing keeps its entity, and is unknown', () => {
    const memory = memoryOf(watching());
    sent = [];
    const next = watching({ memory }, without(USUAL, 'ups.load'));
    next.pass(minutes(30));
    expect(next.entities()).toContain('ups_load');
    expect(next.tombstones()).toEqual([]);
    expect(next.shown()['ups.load']).toBeNull();
    next.pass(minutes(31));
    expect(next.tombstones()).toEqual(['ups_load']);
  });

  test('a UPS that is not heard yet stays announced', () => {
    const memory = memoryOf(watching());
    const next = openHouse({ memory });
    next.pass(minutes(5));
    expect(next.messages.has(CONFIG)).toBe(true);
    next.report({ kind: 'source-trouble', source: 'nas', trouble: { kind: 'unreachable', detail: 'ECONNREFUSED' } });
    next.pass(minutes(5));
    expect(next.messages.has(CONFIG)).toBe(true);
  });

  test.each([
    ['its source is configured no more', { sources: ['other'] }, undefined],
    ['its server lists others', {}, [{ name: 'desk' }]],
  ] satisfies [string, HouseOptions, Listed[] | undefined][])(
    'a UPS is taken back when %s',
    (_why, options, listed) => {
      const memory = memoryOf(watching());
      const next = openHouse({ ...options, memory });
      expect(next.messages.has(CONFIG)).toBe(true);
      if (listed !== undefined) next.report({ kind: 'listed', source: 'nas', devices: listed });
      next.pass(seconds(10));
      for (const topic of [CONFIG, AVAILABLE, STATE]) expect(next.messages.has(topic)).toBe(false);
    },
  );
});

test('what is allowed no more loses its button, and what is allowed now gets one', () => {
  const house = watching();
  expect(house.entities()).toContain('command_beeper_mute');
  expect(house.entities()).not.toContain('set_ups_id_text');
  const { settings } = house.state();
  if (settings === undefined) throw new Error('not configured');
  house.push({ kind: 'configured', settings: { ...settings, allow: ['set:ups.id'] } });
  house.pass(seconds(5));
  expect(house.tombstones()).toEqual(['command_beeper_mute']);
  expect(house.entities()).toContain('set_ups_id_text');
});

test('a birth is answered with what has to be said again, at once', () => {
  const house = watching();
  house.pass(minutes(1));
  house.lacks('ups.load');
  house.pass(minutes(62));
  expect(house.tombstones()).toEqual(['ups_load']);
  house.publisher.born(house.now());
  expect(house.tombstones()).toEqual([]);
  expect(house.entities()).toContain('ups_load');
  house.pass(asMillis(3000));
  expect(house.tombstones()).toEqual(['ups_load']);
});

function without(variables: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(variables).filter(([other]) => other !== name));
}
