import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GROUP, JUDGED, MEMBER } from '../../tests/kit/judged.ts';
import { settings } from '../../tests/kit/settings.ts';
import { WALL } from '../../tests/kit/story.ts';
import { FLAG_NAMES } from '../domain/flags.ts';
import type { Transition } from '../domain/ports.ts';
import { NAMED_QUANTITIES, quantityOf } from '../domain/quantities.ts';
import { readingOf } from '../domain/reading.ts';
import { type DeviceState, EMPTY_STATE, type Link, type State, UNHEARD } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { TROUBLE_KINDS } from '../domain/trouble.ts';
import { metricOf } from './metric-names.ts';
import { createPrometheus } from './prometheus.ts';

const UP: Link = { kind: 'up' };
const LOST: Link = {
  kind: 'lost',
  trouble: { kind: 'data-stale', detail: 'ERR DATA-STALE' },
  since: asInstant(0),
  sinceWall: 0,
};

function device(id: string, variables: Readonly<Record<string, string>>, more: Partial<DeviceState> = {}): DeviceState {
  return {
    ...UNHEARD,
    id,
    address: { source: 'nas', name: id },
    label: id,
    link: UP,
    reading: readingOf(new Map(Object.entries(variables)), asInstant(900), asInstant(1000)),
    derived: new Map(),
    ...more,
  };
}

const stateOf = (...devices: readonly DeviceState[]): State => ({
  ...EMPTY_STATE,
  sources: new Map([['nas', { link: UP, ids: new Map(), unnamed: new Map() }]]),
  devices: new Map(devices.map((each) => [each.id, each])),
});

const transition = (after: State, more: Partial<Transition> = {}): Transition => ({
  stamp: { at: asInstant(5000), wall: 1_700_000_005_000 },
  input: { kind: 'tick' },
  before: EMPTY_STATE,
  after,
  intents: [],
  facts: [],
  ...more,
});

async function scrape(...transitions: readonly Transition[]): Promise<string> {
  const prometheus = createPrometheus({ version: '1.2.3', timeLeft: () => undefined });
  for (const each of transitions) prometheus.accept(each);
  return prometheus.metrics();
}

/** The lines of a scrape that are samples, and which begin so. */
const samples = (text: string, start: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(start));

test('numbers go out in base units, phases and outlets as labels', async () => {
  const text = await scrape(
    transition(
      stateOf(
        device(
          'rack',
          {
            'battery.charge': '29',
            'battery.runtime': '1500',
            'battery.capacity': '9.0',
            'input.voltage': '230.4',
            'input.L1-N.voltage': '231',
            'input.bypass.L2.current': '1.5',
            'input.L3.power.percent': '40',
            'outlet.2.power': '120',
            'outlet.2.energy': '1.5',
            'ambient.1.temperature': '-3.5',
            'output.powerfactor': '0.98',
            'input.phases': '3',
            'outlet.count': '8',
          },
          { derived: new Map([['power', '412']]) },
        ),
      ),
    ),
  );
  for (const line of [
    'gridwarden_battery_charge_ratio{ups="rack"} 0.29',
    'gridwarden_battery_runtime_seconds{ups="rack"} 1500',
    'gridwarden_battery_capacity_coulombs{ups="rack"} 32400',
    'gridwarden_input_voltage_volts{ups="rack"} 230.4',
    'gridwarden_input_voltage_volts{ups="rack",phase="L1-N"} 231',
    'gridwarden_input_bypass_current_amperes{ups="rack",phase="L2"} 1.5',
    'gridwarden_input_power_ratio{ups="rack",phase="L3"} 0.4',
    'gridwarden_outlet_power_voltamperes{ups="rack",outlet="2"} 120',
    'gridwarden_outlet_energy_joules_total{ups="rack",outlet="2"} 5400000',
    'gridwarden_ambient_temperature_celsius{ups="rack",sensor="1"} -3.5',
    'gridwarden_output_powerfactor_ratio{ups="rack"} 0.98',
    'gridwarden_input_phases{ups="rack"} 3',
    'gridwarden_outlets{ups="rack"} 8',
    'gridwarden_power_watts{ups="rack"} 412',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('values that cannot be true are absent, not zero', async () => {
  const text = await scrape(
    transition(
      stateOf(
        device('rack', { 'battery.charge': '255', 'battery.runtime': '65535', 'ups.load': 'NA', 'ups.power': '1e3' }),
      ),
    ),
  );
  for (const name of ['battery_charge', 'battery_runtime', 'ups_load', 'ups_power']) {
    expect(samples(text, `gridwarden_${name}`)).toEqual([]);
  }
});

test('every known word of the status is 0 or 1; a device without a status has none', async () => {
  const text = await scrape(
    transition(stateOf(device('rack', { 'ups.status': 'OB DISCHRG ODD' }), device('pdu', { 'outlet.1.current': '2' }))),
  );
  const lines = samples(text, 'gridwarden_status{');
  expect(lines).toHaveLength(FLAG_NAMES.length);
  expect(lines.filter((line) => line.endsWith(' 1'))).toEqual([
    'gridwarden_status{ups="rack",flag="OB"} 1',
    'gridwarden_status{ups="rack",flag="DISCHRG"} 1',
  ]);
});

test('a lost device keeps its trouble, identity and last time, and no values', async () => {
  const variables = { 'ups.status': 'OL', 'ups.load': '20', 'device.mfr': 'ACME', 'ups.model': 'X "1"' };
  const text = await scrape(transition(stateOf(device('rack', variables, { link: LOST }))));
  expect(samples(text, 'gridwarden_up{')).toEqual(['gridwarden_up{ups="rack",source="nas"} 0']);
  expect(samples(text, 'gridwarden_trouble{').filter((line) => line.endsWith(' 1'))).toEqual([
    'gridwarden_trouble{ups="rack",kind="data-stale"} 1',
  ]);
  expect(samples(text, 'gridwarden_trouble{')).toHaveLength(TROUBLE_KINDS.length);
  expect(samples(text, 'gridwarden_last_reading')).toEqual([
    'gridwarden_last_reading_timestamp_seconds{ups="rack"} 1700000001',
  ]);
  expect(samples(text, 'gridwarden_info{')).toEqual([
    'gridwarden_info{ups="rack",manufacturer="ACME",model="X \\"1\\"",serial="",firmware="",driver=""} 1',
  ]);
  expect(samples(text, 'gridwarden_ups_load')).toEqual([]);
  expect(samples(text, 'gridwarden_status')).toEqual([]);
});

describe('what was judged', () => {
  const state: State = {
    ...stateOf(device('rack', { 'ups.status': 'OB' }, JUDGED)),
    alone: new Map([['rack', MEMBER]]),
    settings: settings({ armed: true }),
  };
  const linesOf = async (after: State) =>
    (await scrape(transition(after, { stamp: { at: asInstant(20_000), wall: WALL + 20_000 } }))).split('\n');

  test('is told of a device: outage, triggers, power quality and battery', async () => {
    const lines = await linesOf(state);
    for (const line of [
      'gridwarden_outage{ups="rack"} 1',
      `gridwarden_outage_start_timestamp_seconds{ups="rack"} ${WALL / 1000 + 10}`,
      'gridwarden_trigger{ups="rack",trigger="low_battery",kind="quiet"} 1',
      'gridwarden_trigger{ups="rack",trigger="low_battery",kind="fired"} 0',
      'gridwarden_trigger{ups="rack",trigger="runtime_below",kind="holding"} 1',
      `gridwarden_trigger_fires_timestamp_seconds{ups="rack",trigger="runtime_below"} ${WALL / 1000 + 60}`,
      'gridwarden_power_quality_state{ups="rack",part="voltage",state="low"} 1',
      'gridwarden_power_quality_state{ups="rack",part="voltage",state="normal"} 0',
      'gridwarden_power_quality_state{ups="rack",part="avr",state="boost"} 1',
      'gridwarden_power_quality_events_total{ups="rack",kind="sag"} 3',
      'gridwarden_power_quality_disturbed_seconds_total{ups="rack",kind="sag"} 4.5',
      'gridwarden_power_quality_longest_event_seconds{ups="rack",kind="sag"} 2',
      'gridwarden_power_quality_score_ratio{ups="rack",window="week"} 0.91',
      'gridwarden_power_quality_grade{ups="rack",window="day",grade="B"} 1',
      'gridwarden_battery_health_ratio{ups="rack"} 0.71',
      'gridwarden_battery_health_term_ratio{ups="rack",term="capacity"} 0.83',
      `gridwarden_battery_replacement_timestamp_seconds{ups="rack",confidence="low"} ${WALL / 1000 + 86_400}`,
      'gridwarden_battery_measured_capacity_joules{ups="rack"} 360000',
      'gridwarden_battery_rated_capacity_joules{ups="rack"} 432000',
      'gridwarden_battery_test{ups="rack",result="passed"} 1',
      `gridwarden_battery_test_timestamp_seconds{ups="rack"} ${WALL / 1000}`,
    ]) {
      expect(lines).toContain(line);
    }
  });

  test('is told of a group', async () => {
    const group = 'group="servers"';
    const lines = await linesOf({ ...state, groups: new Map([['servers', GROUP]]), alone: new Map() });
    for (const line of [
      `gridwarden_group_state{${group},state="outage"} 1`,
      `gridwarden_group_state{${group},state="calm"} 0`,
      `gridwarden_group_members{${group},class="critical"} 1`,
      `gridwarden_group_members{${group},class="healthy"} 0`,
      `gridwarden_group_feeds_healthy{${group}} 1`,
      `gridwarden_group_feeds_needed{${group}} 1`,
      `gridwarden_group_feeds_spare{${group}} 0`,
      `gridwarden_group_quorum_lost{${group}} 0`,
      `gridwarden_group_ready{${group}} 1`,
      `gridwarden_group_armed{${group}} 1`,
      `gridwarden_group_running{${group}} 0`,
      `gridwarden_group_plan_need_seconds{${group}} 90`,
      `gridwarden_group_plan_expected_seconds{${group}} 30`,
      `gridwarden_group_plan_slack_seconds{${group}} 510`,
      `gridwarden_group_capacity_watts{${group}} 600`,
      `gridwarden_group_load_watts{${group}} 240`,
      `gridwarden_group_capacity_enough{${group}} 1`,
      'gridwarden_trigger{ups="rack",trigger="low_battery",kind="quiet"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  test('a disarmed group is not armed', async () => {
    const disarmed = { ...GROUP, disarmedUntil: asInstant(90_000) };
    const lines = await linesOf({ ...state, groups: new Map([['servers', disarmed]]) });
    expect(lines).toContain('gridwarden_group_armed{group="servers"} 0');
  });

  test.each([
    ['on mains', { power: { fed: 'mains' } }, ['gridwarden_outage{ups="rack"} 0']],
    ['that proves nothing', { power: { fed: 'mains', silentSince: asInstant(1) } }, []],
    ['silent on mains', { power: { fed: 'mains' }, link: LOST }, []],
    ['never heard', { power: {} }, []],
    ['silent on battery', { link: LOST }, ['gridwarden_outage{ups="rack"} 1']],
    [
      'in a test',
      { power: { fed: 'battery', outage: { ...JUDGED.power.outage, byTest: true } } } as Partial<DeviceState>, // of JUDGED, which has one
      ['gridwarden_outage{ups="rack"} 0'],
    ],
  ] satisfies [string, Partial<DeviceState>, string[]][])('an outage of a device %s', async (_, more, wanted) => {
    const text = await scrape(transition(stateOf(device('rack', { 'ups.status': 'OL' }, { ...JUDGED, ...more }))));
    expect(samples(text, 'gridwarden_outage{')).toEqual(wanted);
  });

  test('a device of which nothing was judged has no series for it', async () => {
    const text = await scrape(transition(stateOf(device('pdu', { 'outlet.1.current': '2' }))));
    expect(text).not.toMatch(/gridwarden_(?:outage|trigger|power_quality|battery_(?:health|test))/);
  });

  test('of a lost device counters and battery stay, its states go', async () => {
    const text = await scrape(transition(stateOf(device('rack', {}, { ...JUDGED, link: LOST }))));
    expect(samples(text, 'gridwarden_power_quality_events_total{')).toHaveLength(4);
    expect(samples(text, 'gridwarden_battery_health_ratio{')).toHaveLength(1);
    expect(samples(text, 'gridwarden_power_quality_state{')).toEqual([]);
  });
});

test('a device that is gone has no series left', async () => {
  const text = await scrape(transition(stateOf(device('rack', { 'ups.load': '20' }))), transition(stateOf()));
  expect(text).not.toContain('"rack"');
});

test('counts inputs, facts, answers and failed sinks', async () => {
  const prometheus = createPrometheus({ version: '1', timeLeft: () => undefined });
  prometheus.accept(
    transition(EMPTY_STATE, {
      facts: [
        { type: 'onbatt', device: 'rack', level: 'warning', text: '' },
        { type: 'never_heard_of', level: 'notice', text: '' },
      ],
      intents: [
        {
          kind: 'answer',
          request: { id: '1', from: 'mqtt', ask: { kind: 'unreadable', why: '' } },
          answer: { status: 'error', code: 'not-allowed', error: '', data: {} },
        },
      ],
    }),
  );
  prometheus.count.sinkFailure('mqtt');
  const lines = (await prometheus.metrics()).split('\n');
  expect(lines).toContain('gridwarden_inputs_total{kind="tick"} 1');
  expect(lines).toContain('gridwarden_inputs_total{kind="report"} 0');
  expect(lines).toContain('gridwarden_facts_total{type="onbatt"} 1');
  expect(lines).toContain('gridwarden_facts_total{type="online"} 0');
  expect(lines).toContain('gridwarden_facts_total{type="other"} 1');
  expect(lines).toContain('gridwarden_requests_total{outcome="not-allowed"} 1');
  expect(lines).toContain('gridwarden_requests_total{outcome="ok"} 0');
  expect(lines).toContain('gridwarden_sink_failures_total{sink="mqtt"} 1');
});

test('a device with more numbers than any has is cut off, and that is told', async () => {
  const outlets = Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`outlet.${n}.current`, '1']));
  const text = await scrape(transition(stateOf(device('pdu', outlets))));
  expect(samples(text, 'gridwarden_outlet_current_amperes{')).toHaveLength(1000);
  expect(samples(text, 'gridwarden_series_omitted')).toEqual(['gridwarden_series_omitted 500']);
});

test('two scrapes at once are the same', async () => {
  const prometheus = createPrometheus({ version: '1', timeLeft: () => undefined });
  prometheus.accept(transition(stateOf(device('rack', { 'ups.load': '20' }))));
  const [one, two] = await Promise.all([prometheus.metrics(), prometheus.metrics()]);
  expect(samples(one, 'gridwarden_')).toEqual(samples(two, 'gridwarden_'));
});

test('no two variables of a device become one series', () => {
  const place = fc.constantFrom('L1', 'L1-N', 'L2-L3', 'N');
  const numbered = fc.tuple(
    fc.constantFrom('input', 'output', 'input.bypass'),
    place,
    fc.constantFrom('voltage', 'current', 'power', 'power.percent', 'load', 'realpower', 'voltage.nominal'),
  );
  const variables = fc.oneof(
    fc.constantFrom(...NAMED_QUANTITIES),
    numbered.map((parts) => parts.join('.')),
  );
  fc.assert(
    fc.property(variables, variables, (one, other) => {
      const series = (variable: string) => {
        const metric = metricOf(variable);
        return metric && `${metric.name}${JSON.stringify(metric.labels)}`;
      };
      if (one !== other && metricOf(one) !== undefined) expect(series(one)).not.toBe(series(other));
    }),
    { numRuns: 2000 },
  );
});

const promtool = spawnSync('promtool', ['--version']).error === undefined;

test.skipIf(!promtool)('promtool finds nothing to say, with every quantity of the table present', async () => {
  const numeric = NAMED_QUANTITIES.filter((variable) => quantityOf(variable)?.kind === 'number');
  const placed = ['input.L1-N.voltage', 'output.L2.power.percent', 'outlet.1.energy', 'outlet.1.delay.start'];
  const values = Object.fromEntries([...numeric, ...placed].map((variable) => [variable, '1']));
  const prometheus = createPrometheus({ version: '1', timeLeft: () => undefined });
  prometheus.accept(
    transition({
      ...stateOf(device('rack', { ...values, 'ups.status': 'OL' }, JUDGED), device('b', {}, { link: LOST })),
      groups: new Map([['servers', GROUP]]),
    }),
  );
  prometheus.count.sinkFailure('mqtt');
  const text = await prometheus.metrics();
  for (const variable of numeric) expect(text).toContain(`${metricOf(variable)?.name}{`);
  expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: 'pipe' })).toBe('');
});
