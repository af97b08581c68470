import { describe, expect, test } from 'vitest';
import { componentsOf } from '../../tests/kit/discovery-components.ts';
import { render } from '../../tests/kit/discovery-template.ts';
import { validate } from '../../tests/kit/discovery-validator.ts';
import { EVERYTHING, type HouseOptions, openHouse, says } from '../../tests/kit/mqtt-house.ts';
import { group } from '../../tests/kit/settings.ts';
import type { ProgressEvent } from '../domain/progress.ts';
import type { GroupSettings } from '../domain/settings.ts';
import type { Step } from '../domain/steps.ts';
import { seconds } from '../domain/time.ts';
import { memoryOf } from '../store/memory.ts';
import { parseAnnounced, serializeAnnounced } from './announced.ts';

const BASE = 'gridwarden/home';
const GROUP = `${BASE}/group/servers`;
const SHUTDOWN = `${GROUP}/shutdown`;
const RUNS = `${GROUP}/runs`;
const CONFIG = 'homeassistant/device/gridwarden_home_group_servers/config';
const NAMES = ['rack_a', 'rack_b'] as const;

const HALT: Step = {
  kind: 'host',
  key: 'host',
  text: 'halt this host',
  after: [],
  deadline: seconds(60),
  usual: seconds(10),
  carriesSource: false,
};

const step = (key: string): Step => ({ ...HALT, kind: 'exec', key, text: `do ${key}` });

const servers = (more: Partial<GroupSettings> = {}): GroupSettings =>
  group('servers', NAMES, { label: 'Servers', halt: HALT, ...more });

const WITH_LAB = servers({
  stages: [{ name: 'lab', steps: [step('lab/vms'), step('lab/nas')], restore: [step('lab/restore/nas')] }],
});

const USUAL = {
  'ups.status': 'OL',
  'battery.charge': '100',
  'battery.runtime': '1800',
  'ups.load': '20',
  'ups.realpower.nominal': '600',
};
const DRAINED = { 'ups.status': 'OB LB', 'battery.charge': '5', 'battery.runtime': '10' };

/** Two UPSes on mains that feed one group, and everything sent while something is done. */
function watching(options: HouseOptions = {}) {
  let sent: { readonly topic: string; readonly payload: string }[] = [];
  const house = openHouse({
    groups: [servers()],
    armed: true,
    ...options,
    onMessage: (topic, payload) => sent.push({ topic, payload }),
  });
  house.report({ kind: 'listed', source: 'nas', devices: NAMES.map((name) => ({ name })) });
  const say = (name: string, change: Readonly<Record<string, string>> = {}) =>
    house.report(says({ ...USUAL, ...change }, name, house.now()));
  for (const name of NAMES) {
    say(name);
    const inventory = { writable: [], commands: [] };
    house.report({ kind: 'inventory', address: { source: 'nas', name }, inventory });
  }
  house.pass(seconds(30));
  return {
    ...house,
    say,
    /** Readings of both, each second. */
    goOn: (count: number, change: Readonly<Record<string, string>>, names: readonly string[] = NAMES) => {
      for (let second = 0; second < count; second += 1) {
        for (const name of names) say(name, change);
        house.pass(seconds(1));
      }
    },
    shown: (topic = GROUP) => JSON.parse(house.messages.get(topic)?.payload ?? 'null'),
    during: (act: () => void) => {
      sent = [];
      act();
      return sent.filter(({ topic }) => topic.includes('/group/'));
    },
    faults: () => validate(house.messages, { base: BASE, subscribed: house.topics.incoming }),
  };
}

type Watched = ReturnType<typeof watching>;

/** What the executor tells of the run that goes on. */
function hear({ push, shown }: Watched, event: ProgressEvent): void {
  push({ kind: 'progressed', group: 'servers', run: shown(SHUTDOWN).run ?? shown().run.id, event });
}

/** One step is over, one runs, and the halt waits. */
function midway(house: Watched): void {
  house.goOn(30, DRAINED);
  hear(house, { kind: 'begun', step: 'lab/vms' });
  hear(house, { kind: 'item', step: 'lab/vms', item: 'web', state: 'done' });
  hear(house, {
    kind: 'ended',
    step: 'lab/vms',
    state: 'timed-out',
    text: 'not in time',
    output: 'é',
    took: seconds(9),
  });
  hear(house, { kind: 'begun', step: 'lab/nas' });
}

/** Mains have come back, and so has what was shed. */
function restored(house: Watched): void {
  midway(house);
  house.goOn(20, {});
  hear(house, { kind: 'ended', step: 'lab/nas', state: 'done', text: 'is down', took: seconds(9) });
  hear(house, { kind: 'run-ended' });
  house.goOn(5, {});
  hear(house, { kind: 'begun', step: 'lab/restore/nas' });
  hear(house, { kind: 'ended', step: 'lab/restore/nas', state: 'done', text: 'is up', took: seconds(9) });
  hear(house, { kind: 'stage-restored', stage: 'lab' });
  hear(house, { kind: 'restore-ended' });
  house.goOn(2, {});
}

test('a calm group says how its feeds stand, what an outage leads to, and that it is ready', () => {
  const { shown } = watching();
  expect(shown()).toEqual({
    group: 'servers',
    label: 'Servers',
    state: 'calm',
    outlook: expect.stringContaining('on mains'),
    armed: true,
    effect: 'act',
    disarmed_until: null,
    members: {
      rack_a: { class: 'healthy', why: null, verdicts: [] },
      rack_b: { class: 'healthy', why: null, verdicts: [] },
    },
    quorum: { healthy: 2, needed: 1, spare: 1, lost: false },
    capacity: { watts: 1200, load: 240, enough: true, enough_with_one_less: true },
    next: null,
    run: null,
    ready: true,
    not_ready: [],
  });
  expect(shown(`${GROUP}/plan`)).toMatchObject({ need: 70, slack: 1730, halt: { kind: 'host' }, ready: true });
});

test('in an outage it says what would fire next and when; moments do not move with the seconds', () => {
  const { goOn, shown } = watching();
  goOn(20, { 'ups.status': 'OB', 'battery.runtime': '600' });
  const first = shown();
  expect(first).toMatchObject({ state: 'outage', run: null, next: { trigger: 'runtime_below', basis: 'runtime' } });
  expect(first.next.at).toMatch(/^2026-01-01T00:\d\d:\d0\.000Z$/);
  expect(first.members.rack_a.class).toBe('degraded');
  const verdict = first.members.rack_a.verdicts.find(({ trigger }: { trigger: string }) => trigger === 'runtime_below');
  expect(verdict).toEqual({
    trigger: 'runtime_below',
    kind: 'quiet',
    value: 600,
    threshold: 70,
    unit: 's',
    margin: 530,
    fires_at: first.next.at,
    basis: 'runtime',
    why: expect.any(String),
  });
});

test('what only counts the seconds is not sent each second', () => {
  const { goOn, during } = watching({
    groups: [servers({ triggers: { ...servers().triggers, onBatteryFor: seconds(900) } })],
  });
  goOn(20, { 'ups.status': 'OB' });
  const topics = during(() => goOn(30, { 'ups.status': 'OB' })).map(({ topic }) => topic);
  // The runtime stands, so its end recedes: to ten seconds, that is four moments.
  expect(topics.filter((topic) => topic === GROUP).length).toBeLessThanOrEqual(4);
});

test('a calm group sends nothing, however often its feeds answer', () => {
  const { goOn, during } = watching();
  goOn(15, {});
  expect(during(() => goOn(60, {}))).toEqual([]);
});

test('what was decided is shown and told at once, the event after the state', () => {
  const { goOn, during, shown } = watching();
  const sent = during(() => goOn(30, DRAINED));
  expect(shown()).toMatchObject({
    state: 'running',
    next: null,
    quorum: { healthy: 0, spare: 0, lost: true },
    run: { kind: 'outage', whole: true, effect: 'act', since: expect.stringMatching(/^2026-/) },
  });
  expect(shown().run.cause[0]).toMatchObject({ device: expect.stringMatching(/^rack_/), trigger: expect.any(String) });
  const shutdown = sent.findIndex(({ payload }) => payload.includes('"event_type":"shutdown"'));
  expect(sent[shutdown]?.topic).toBe(`${GROUP}/event`);
  expect(JSON.parse(sent[shutdown]?.payload ?? '')).toMatchObject({ group: 'servers', level: 'error' });
  const state = sent.findIndex(({ topic, payload }) => topic === GROUP && payload.includes('"state":"running"'));
  expect(state).toBeLessThan(shutdown);
  expect(state).toBeGreaterThanOrEqual(0);
});

test('a lost feed is shown at once while the rest goes on', () => {
  const { goOn, during, say, shown } = watching();
  goOn(15, DRAINED, ['rack_a']);
  say('rack_b');
  expect(shown()).toMatchObject({
    quorum: { healthy: 1, spare: 0, lost: false },
    members: { rack_a: { class: 'critical' } },
  });
  const back = during(() => say('rack_a', { 'ups.status': 'OL' }));
  expect(back.map(({ topic }) => topic)).toContain(GROUP);
});

describe('a shutdown', () => {
  test('is idle where none ever was, and says so', () => {
    const { shown } = watching();
    expect(shown(SHUTDOWN)).toMatchObject({ state: 'idle', run: null, percent: null, shed: null, steps: [] });
  });

  test('is told at once as a step begins and ends, the event after it', () => {
    const house = watching();
    house.goOn(30, DRAINED);
    const begun = house.during(() => hear(house, { kind: 'begun', step: 'host', act: 'halt' }));
    expect(begun.map(({ topic }) => topic)).toEqual([SHUTDOWN, `${GROUP}/event`]);
    expect(JSON.parse(begun[1]?.payload ?? '')).toMatchObject({
      event_type: 'step_begun',
      step: 'host',
      dry_run: false,
      run: house.shown().run.id,
    });
    expect(house.shown(SHUTDOWN)).toMatchObject({
      state: 'running',
      now: 'halt this host',
      past_return: true,
      counts: { planned: 1, running: 1 },
      time_left: expect.any(Number),
    });
    const took = seconds(3);
    const ended = house.during(() => hear(house, { kind: 'ended', step: 'host', state: 'failed', text: 'no', took }));
    expect(ended.map(({ topic }) => topic)).toEqual([SHUTDOWN, `${GROUP}/event`]);
    expect(house.shown(SHUTDOWN)).toMatchObject({ percent: 100, steps: [{ state: 'failed', took: 3, result: 'no' }] });
  });

  test('tells what is within a step once a second, and the last word of it', () => {
    const house = watching();
    house.goOn(30, DRAINED);
    hear(house, { kind: 'begun', step: 'host' });
    const item = (count: number, state: 'running' | 'done') =>
      hear(house, { kind: 'item', step: 'host', item: `vm ${count}`, state });
    const sent = house.during(() => {
      for (let count = 0; count < 50; count += 1) item(count, 'running');
      for (let count = 0; count < 50; count += 1) item(count, 'done');
    });
    expect(sent).toEqual([]);
    const later = house.during(() => house.pass(seconds(3))).filter(({ topic }) => topic === SHUTDOWN);
    expect(later.length).toBeGreaterThanOrEqual(1);
    expect(later.length).toBeLessThanOrEqual(3);
    const [{ items }] = house.shown(SHUTDOWN).steps;
    expect(items).toHaveLength(50);
    expect(items.every(({ state }: { state: string }) => state === 'done')).toBe(true);
  });

  test('tells the time that is left as it goes, to ten seconds', () => {
    const house = watching();
    house.goOn(30, { ...DRAINED, 'battery.runtime': '600' });
    const lefts = house
      .during(() => house.pass(seconds(4)))
      .filter(({ topic }) => topic === SHUTDOWN)
      .map(({ payload }) => JSON.parse(payload).time_left);
    expect(lefts.length).toBeLessThanOrEqual(1);
    expect(house.shown(SHUTDOWN).time_left % 10).toBe(0);
    house.goOn(30, { ...DRAINED, 'battery.runtime': '300' });
    expect(house.shown(SHUTDOWN).time_left).toBe(300);
  });

  test('that is rehearsed says so in its events', () => {
    const house = watching({ dryRun: true });
    house.goOn(30, DRAINED);
    const [, event] = house.during(() => hear(house, { kind: 'begun', step: 'host', act: 'halt' }));
    expect(JSON.parse(event?.payload ?? '')).toMatchObject({ event_type: 'step_begun', dry_run: true });
    expect(house.shown(SHUTDOWN)).toMatchObject({ dry_run: true, halt: null });
  });

  test('that has been restored stays in sight', () => {
    const house = watching({ groups: [WITH_LAB] });
    restored(house);
    expect(house.shown(SHUTDOWN)).toMatchObject({ state: 'restored', shed: null, percent: 100, time_left: null });
  });

  test('of an earlier process is shown after a start', () => {
    const first = watching({ groups: [WITH_LAB] });
    midway(first);
    const memory = memoryOf(first.state(), first.now());
    const house = openHouse({ groups: [WITH_LAB], armed: true, restored: memory });
    expect(JSON.parse(house.messages.get(SHUTDOWN)?.payload ?? '')).toMatchObject({
      state: 'interrupted',
      run: first.shown(SHUTDOWN).run,
      shed: { stages: ['lab'] },
    });
  });
});

describe('the last runs', () => {
  const since = /^2026-01-01T00:0\d:\d\d\.000Z$/;

  test('are none where none ever was', () => {
    expect(watching().shown(RUNS)).toEqual({ since: null, outcome: null, runs: [] });
  });

  test('are told as one begins and ends, and not with every step', () => {
    const house = watching({ groups: [WITH_LAB] });
    const sent = house.during(() => midway(house)).filter(({ topic }) => topic === RUNS);
    expect(sent.map(({ payload }) => JSON.parse(payload).outcome)).toEqual([null]);
    const { run } = house.shown(SHUTDOWN);
    expect(house.shown(RUNS)).toMatchObject({
      since: expect.stringMatching(since),
      runs: [
        { run, kind: 'outage', dry_run: false, until: null, reason: expect.stringMatching(/^rack_a: the device says/) },
      ],
    });
    const ended = house.during(() => hear(house, { kind: 'run-ended' })).map(({ topic }) => topic);
    expect(ended).toContain(RUNS);
    expect(house.shown(RUNS)).toMatchObject({
      outcome: 'carried-out',
      runs: [{ until: expect.stringMatching(since) }],
    });
  });

  test('say what failed, how it ended, and that it was brought back', () => {
    const house = watching({ groups: [WITH_LAB] });
    restored(house);
    expect(house.shown(RUNS)).toMatchObject({
      outcome: 'called-off',
      runs: [
        {
          outcome: 'called-off',
          why: 'the mains have held again',
          restored: expect.stringMatching(since),
          counts: { done: 1, failed: 1, skipped: 0 },
          failed: [{ step: 'lab/vms', state: 'timed-out', text: 'not in time' }],
        },
      ],
    });
    expect(house.faults()).toEqual([]);
  });

  test('are a timestamp in Home Assistant, with the list behind it', () => {
    const house = watching({ groups: [WITH_LAB] });
    const sensor = () => {
      const found = componentsOf(house.messages).find(({ key, config }) => {
        return key === 'last_shutdown' && config['state_topic'] === RUNS;
      });
      const show = (template: unknown) => render(String(template), house.messages.get(RUNS)?.payload ?? '');
      const { value_template, json_attributes_template, json_attributes_topic } = found?.config ?? {};
      expect(json_attributes_topic).toBe(RUNS);
      return [show(value_template), JSON.parse(show(json_attributes_template))] as const;
    };
    expect(sensor()).toEqual(['None', { outcome: null, runs: [] }]);
    restored(house);
    const { since: begun, runs } = house.shown(RUNS);
    expect(sensor()).toEqual([begun, { outcome: 'called-off', runs }]);
  });
});

test('disarmed, it says until when', () => {
  const { push, shown } = watching();
  push({
    kind: 'request',
    request: { id: '1', from: 'mqtt', ask: { kind: 'verb', verb: 'disarm', given: { group: 'servers', for: '30m' } } },
  });
  expect(shown()).toMatchObject({ armed: false, effect: 'none', disarmed_until: '2026-01-01T00:30:30.000Z' });
});

describe('Home Assistant', () => {
  const STATES: readonly (readonly [string, (house: ReturnType<typeof watching>) => void])[] = [
    ['calm', () => undefined],
    ['in an outage', ({ goOn }) => goOn(20, { 'ups.status': 'OB', 'battery.runtime': '600' })],
    ['shut down', ({ goOn }) => goOn(30, DRAINED)],
    ['with one feed lost', ({ goOn }) => goOn(30, DRAINED, ['rack_a'])],
    ['with an overload', ({ goOn }) => goOn(30, { 'ups.load': '150' })],
    ['in the midst of its plan', (house) => midway(house)],
    ['restored', (house) => restored(house)],
  ];
  const cases = (['device', 'single'] as const).flatMap((mode) =>
    STATES.map(([what, act]) => [what, mode, act] as const),
  );

  test.each(cases)('accepts all of a group %s, in mode %s', (_, mode, act) => {
    const house = watching({ mode, allow: EVERYTHING, groups: [WITH_LAB] });
    act(house);
    house.pass(seconds(15));
    expect(house.faults()).toEqual([]);
    expect(componentsOf(house.messages).filter(({ deviceId }) => deviceId.includes('group')).length).toBeGreaterThan(
      20,
    );
  });

  test('is told nothing where it is not wanted, and yet all is shown', () => {
    const house = watching({ mode: 'off' });
    expect(componentsOf(house.messages)).toEqual([]);
    expect(house.shown()).toMatchObject({ state: 'calm' });
  });

  test('accepts a group whose feeds nobody lists', () => {
    const house = openHouse({ groups: [servers()] });
    house.pass(seconds(30));
    expect(validate(house.messages, { base: BASE, subscribed: house.topics.incoming })).toEqual([]);
    const shown = JSON.parse(house.messages.get(GROUP)?.payload ?? '');
    expect(shown).toMatchObject({ state: 'blind', ready: false, not_ready: [expect.any(String), expect.any(String)] });
  });

  test('has redundancy and capacity only where there are several feeds', () => {
    const keys = (feeds: readonly string[]) => {
      const house = watching({ groups: [servers({ feeds })] });
      return componentsOf(house.messages).flatMap(({ deviceId, key }) => (deviceId.includes('group') ? [key] : []));
    };
    const [two, one] = [keys(NAMES), keys(['rack_a'])];
    expect(two.filter((key) => !one.includes(key)).toSorted()).toEqual([
      'capacity',
      'capacity_short',
      'feeds_spare',
      'load',
      'redundancy',
    ]);
    expect(one).toEqual(expect.arrayContaining(['state', 'outlook', 'ready', 'armed', 'run', 'trigger_shutdown']));
  });

  test('has a button that shuts down only once somebody enables it, and it names the group twice', () => {
    const all = componentsOf(watching({ allow: EVERYTHING }).messages);
    const configOf = (wanted: string) =>
      all.find(({ deviceId, key }) => deviceId.includes('group') && key === wanted)?.config;
    expect(configOf('command_shutdown')).toMatchObject({
      enabled_by_default: false,
      command_topic: `${BASE}/bridge/request/shutdown`,
      payload_press: '{"group":"servers","confirm":"servers"}',
    });
    expect(configOf('command_arm')).toMatchObject({ payload_press: '{"group":"servers","confirm":"servers"}' });
    expect(configOf('command_cancel')).toMatchObject({ payload_press: '{"group":"servers"}' });
    expect(configOf('command_cancel_restore')).toMatchObject({
      command_topic: `${BASE}/bridge/request/cancel`,
      payload_press: '{"group":"servers","restore":true}',
    });
    expect(configOf('command_restore')).toMatchObject({
      command_topic: `${BASE}/bridge/request/restore`,
      payload_press: '{"group":"servers"}',
    });
  });

  test('has a trigger for the halt that a rehearsal does not set off', () => {
    const halt = componentsOf(watching().messages).find(({ key }) => key === 'trigger_halt')?.config;
    const fires = (event: object) =>
      render(String(halt?.['value_template']), JSON.stringify(event)) === halt?.['payload'];
    const begun = { event_type: 'step_begun', run: 'r', dry_run: false, step: 'host' };
    expect(fires(begun)).toBe(true);
    expect(fires({ ...begun, dry_run: true })).toBe(false);
    expect(fires({ ...begun, step: 'lab/vms' })).toBe(false);
    expect(fires({ event_type: 'step_done', run: 'r', dry_run: false, step: 'host' })).toBe(false);
    expect(fires({ event_type: 'ready' })).toBe(false);
  });

  test('has buttons for what is allowed', () => {
    const buttons = (allow: readonly string[]) =>
      componentsOf(watching({ allow }).messages).flatMap(({ deviceId, platform, key }) =>
        platform === 'button' && deviceId.includes('group') ? [key] : [],
      );
    expect(buttons(['bridge.cancel', 'bridge.disarm'])).toEqual(['command_cancel', 'command_disarm']);
    expect(buttons(['bridge.arm', 'bridge.shutdown'])).toEqual(['command_arm', 'command_shutdown']);
    expect(buttons(['bridge.restore'])).toEqual(['command_restore', 'command_cancel_restore']);
    expect(buttons(['bridge.cancel'])).toEqual(['command_cancel']);
    expect(buttons([])).toEqual([]);
  });
});

describe('a group that is gone', () => {
  test.each(['device', 'single', 'off'] as const)('leaves nothing retained, in mode %s', (mode) => {
    const house = watching({ mode });
    const { settings } = house.state();
    if (settings === undefined) throw new Error('not configured');
    house.push({ kind: 'configured', settings: { ...settings, groups: [] } });
    house.pass(seconds(5));
    expect([...house.messages.keys()].filter((topic) => topic.includes('group'))).toEqual([]);
    expect(house.shown(`${BASE}/bridge/info`)).toMatchObject({ groups: [] });
  });

  test('while the program was not running is taken back as well', () => {
    const { announcer } = watching();
    const memory = parseAnnounced(serializeAnnounced(announcer.remembered())) ?? [];
    const next = openHouse({ memory });
    expect(next.messages.has(CONFIG)).toBe(true);
    next.pass(seconds(5));
    for (const topic of [CONFIG, GROUP, `${GROUP}/plan`, SHUTDOWN, RUNS]) expect(next.messages.has(topic)).toBe(false);
  });

  test('and not one that is still configured', () => {
    const { announcer } = watching();
    const memory = parseAnnounced(serializeAnnounced(announcer.remembered())) ?? [];
    const next = openHouse({ memory, groups: [servers()] });
    next.pass(seconds(60));
    expect(next.messages.has(CONFIG)).toBe(true);
  });
});

test('the bridge says which groups there are', () => {
  expect(watching().shown(`${BASE}/bridge/info`)).toMatchObject({ groups: ['servers'] });
});

test('a UPS shows the next trigger as its first group sees it, and by the default triggers where it has none', () => {
  const early = { ...servers().triggers, onBatteryFor: seconds(60) };
  const house = watching({ groups: [servers({ feeds: ['rack_a'], triggers: early }), group('later', ['rack_a'])] });
  house.goOn(15, { 'ups.status': 'OB' });
  expect(house.shown(`${BASE}/ups/rack_a`)).toMatchObject({ outage: 'on', next_trigger: 'on_battery_for' });
  expect(house.shown(`${BASE}/ups/rack_b`)).toMatchObject({ outage: 'on', next_trigger: 'runtime_below' });
  house.goOn(15, { 'ups.status': 'OL' });
  expect(house.shown(`${BASE}/ups/rack_a`)).toMatchObject({ outage: 'off', 'outage.since': null, next_trigger: null });
});

test('power quality has a topic of its own: a state at once, the rest in time', () => {
  const house = watching();
  const topic = `${BASE}/ups/rack_a/power_quality`;
  house.goOn(30, { 'input.voltage': '230' });
  expect(house.shown(topic)).toMatchObject({
    nominal_voltage: { value: 230 },
    voltage: { state: 'normal', since: expect.stringMatching(/^2026-/) },
    sags: { count: 0, total: 0, longest: 0 },
  });
  house.goOn(60, { 'input.voltage': '190' });
  expect(house.shown(topic)).toMatchObject({ voltage: { state: 'severely_low' } });
  house.goOn(60, { 'input.voltage': '230' });
  expect(house.shown(topic)).toMatchObject({ voltage: { state: 'normal' }, sags: { count: 1 } });
  expect(house.shown(topic).sags.total).toBeGreaterThan(30);
  expect(house.faults()).toEqual([]);
});
