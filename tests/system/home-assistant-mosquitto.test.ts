import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type HomeAssistant, startHomeAssistant } from '../kit/home-assistant.ts';
import {
  type Announced,
  announcements,
  entitiesOf,
  entityIds,
  expectAsAnnounced,
  lastingStates,
  waitForRegistries,
  waitForStates,
  waitUntilRegistered,
} from '../kit/home-assistant-announced.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Client, join } from '../kit/mqtt.ts';
import { observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { DESK_UPS, RACK_VARIABLES, SMALL_UPS } from './home-assistant-devices.ts';

const BRIDGE = 'gridwarden_t_bridge';
const GROUP = 'gridwarden_t_group_servers';
const LAB = 'gridwarden_t_group_lab';
const [RACK, DESK, SPARE, ATTIC] = ['rack', 'desk', 'spare', 'attic'].map((id) => `gridwarden_t_${id}`) as [
  string,
  string,
  string,
  string, // four names in, four identifiers out
];
/** What is made of the readings, and no variable of theirs. */
const JUDGED = /^(?:outage|next_trigger|battery\.(?:health|replacement|measured|test\.result))/;

const USER = { username: 'bridge', password: 'to be told' };

describeWith(['home-assistant', 'mosquitto', 'upsd'], 'Home Assistant with mosquitto', () => {
  let broker: Mosquitto;
  let upsd: Upsd;
  let fake: FakeUpsd;
  let gridwarden: Gridwarden;
  let home: HomeAssistant;
  let told: ReadonlyMap<string, Announced>;

  const configuration = (more: { readonly only?: readonly string[]; readonly label?: string } = {}) => ({
    node: 't',
    mqtt: { url: broker.url, forget_after: '5s' },
    sources: {
      nas: { nut: { host: '127.0.0.1', port: upsd.port } },
      office: {
        nut: { host: '127.0.0.1', port: fake.port, ...USER, ...(more.only === undefined ? {} : { ups: more.only }) },
      },
    },
    ...(more.label === undefined ? {} : { ups: { desk: { source: 'office', label: more.label } } }),
    armed: true,
    groups: {
      servers: { feeds: ['rack', 'desk'], label: 'Servers', triggers: { settle: '1s', hold: '1s' } },
      lab: {
        feeds: ['rack'],
        label: 'Lab',
        restore_above: 10,
        stages: [
          {
            name: 'stop',
            steps: [
              { exec: { name: 'one', command: ['/bin/sleep', '3'] } },
              { exec: { name: 'two', command: ['/bin/sleep', '1'], after: ['one'] } },
            ],
            restore: [{ exec: { command: ['/bin/true'] } }],
          },
        ],
      },
    },
    commands: {
      allow: [
        ...['beeper.*', 'test.battery.*', 'outlet.*', 'set:*'],
        ...['bridge.reload', 'bridge.cancel', 'bridge.shutdown'],
      ],
    },
  });
  const announced = (identifier: string): Announced => {
    const found = told.get(identifier);
    if (found === undefined) throw new Error(`${identifier} was not announced`);
    return found;
  };
  /** Every feed of the group is healthy again, and Home Assistant has heard of it. */
  const calm = () =>
    Promise.all(
      ['servers', 'lab'].map((id) =>
        home.waitForState(`sensor.group_${id}_outlook`, (state) => /^on mains;/.test(state?.state ?? ''), 30_000),
      ),
    );
  /** What the broker retains now. */
  const look = async (identifiers: readonly string[] = [BRIDGE, GROUP, LAB, RACK, DESK, SPARE, ATTIC]) => {
    told = await announcements(broker.port, identifiers);
  };
  const statesNow = (identifiers: readonly string[]) => lastingStates(home, identifiers.map(announced));
  const statesAre = (states: ReadonlyMap<string, string>, timeoutMs?: number) => waitForStates(home, states, timeoutMs);
  /** The states of a device that is lost, or whose bridge or broker is; `except` stay as they are. */
  const unavailable = (identifiers: readonly string[], except?: RegExp) => {
    const ids = [...statesNow(identifiers).keys()].filter((id) => except?.test(id) !== true);
    return new Map(ids.map((id) => [id, 'unavailable']));
  };

  beforeAll(async () => {
    [broker, upsd, fake] = await Promise.all([
      startMosquitto(),
      startUpsd({ ups: { rack: { dev: RACK_VARIABLES } } }),
      startFakeUpsd({
        ups: { desk: DESK_UPS, spare: SMALL_UPS, attic: SMALL_UPS },
        users: { bridge: { password: USER.password, actions: ['SET'], instcmds: 'ALL' } },
      }),
    ]);
    gridwarden = await startGridwarden({ config: configuration() });
    home = await startHomeAssistant({ mqttPort: broker.port });
    await look();
    await waitUntilRegistered(home, told.values());
  }, 180_000);
  afterAll(async () => {
    await gridwarden?.dispose();
    await home?.dispose();
    await Promise.all([broker?.dispose(), upsd?.stop(), fake?.stop()]);
  });
  afterEach(() => {
    expect(home.complaints()).toEqual([]);
  });

  test('registers exactly what was announced', async () => {
    for (const identifier of told.keys()) await expectAsAnnounced(home, announced(identifier));
    expect(await home.mqttDevice(RACK)).toMatchObject({
      name: 'rack',
      manufacturer: 'American Power Conversion',
      model: 'Smart-UPS 1500',
      serial_number: '000123456789',
      sw_version: '09.3',
    });
    expect(await home.mqttDevice(DESK)).toMatchObject({ name: 'Desk UPS', manufacturer: 'CPS', serial_number: null });
    expect((await home.entities()).filter(({ platform }) => platform === 'mqtt')).toHaveLength(
      [...told.values()].flatMap(entitiesOf).length,
    );
    const desk = [...entityIds(announced(DESK)).keys()];
    expect(desk).toContain('outlet_1');
    expect(desk.filter((key) => /load_o/.test(key))).toEqual([]);
  });

  test('shows every value of the NUT server, those of disabled entities too', async () => {
    const variables = new Map(
      entitiesOf(announced(RACK)).flatMap(({ platform, value_template = '', default_entity_id = '' }) => {
        const [, variable] = /^\{\{ value_json\['([\w.-]+)'\] \}\}$/.exec(value_template) ?? [];
        const shown = platform === 'sensor' && variable !== undefined && !JUDGED.test(variable);
        return shown ? [[variable, default_entity_id]] : [];
      }),
    );
    expect([...variables.keys()]).toEqual(expect.arrayContaining(Object.keys(RACK_VARIABLES)));
    const everything = [...told.values()].flatMap((one) => [...entityIds(one).values()]);
    await home.enableEntities(everything);
    await Promise.all(everything.map((id) => home.waitForState(id, (state) => state !== undefined)));

    const derived = { 'ups.status.display': 'Online, Battery Charging', power: '210', connection: 'connected' };
    for (const [variable, entity] of variables) {
      const [, raw] = /^VAR \S+ \S+ "(.*)"$/.exec(await upsd.ask(`GET VAR rack ${variable}`)) ?? [];
      const expected = raw ?? Object.entries(derived).find(([name]) => name === variable)?.[1];
      if (expected === undefined) throw new Error(`${entity} shows ${variable}, which upsd does not have`);
      const { unit_of_measurement: unit } = (await home.waitForState(entity, isKnown))?.attributes ?? {};
      const shown = home.state(entity)?.state;
      if (unit === undefined) expect(shown, variable).toBe(expected);
      else expect(Number(shown), variable).toBe(Number(expected));
    }
    expect(home.state('sensor.rack_experimental_level')?.state).toBe('007');
    expect(home.state('sensor.rack_power')?.attributes).toMatchObject({ basis: 'measured', unit_of_measurement: 'W' });
    await statesAre(
      new Map([
        ['binary_sensor.rack_mains', 'on'],
        ['binary_sensor.rack_flag_chrg', 'on'],
        ['binary_sensor.rack_flag_lb', 'off'],
        ['binary_sensor.rack_communication', 'on'],
        ['binary_sensor.gridwarden_t_connection', 'on'],
        ['binary_sensor.gridwarden_t_armed', 'on'],
      ]),
    );
  });

  test('shows what a group of two feeds holds, through an outage of one of them', async () => {
    const group = (key: string, platform = 'sensor') => `${platform}.group_servers_${key}`;
    await statesAre(
      new Map([
        [group('state'), 'calm'],
        [group('feeds_healthy'), '2'],
        [group('redundancy', 'binary_sensor'), 'off'],
        [group('ready', 'binary_sensor'), 'on'],
        ['binary_sensor.rack_outage', 'off'],
      ]),
    );
    await upsd.set('rack', { 'ups.status': 'OB LB' });
    await statesAre(
      new Map([
        ['binary_sensor.rack_outage', 'on'],
        [group('state'), 'outage'],
        [group('feeds_healthy'), '1'],
        [group('feeds_spare'), '0'],
        [group('redundancy', 'binary_sensor'), 'off'],
      ]),
      20_000,
    );
    expect(home.state(group('outlook'))?.state).toMatch(/^on battery/);
    await upsd.set('rack', { 'ups.status': RACK_VARIABLES['ups.status'] });
    await statesAre(new Map([['binary_sensor.rack_outage', 'off']]), 20_000);
    await calm();
  }, 60_000);

  test('shows a shutdown step by step, which its button cancels, and that it is brought back', async () => {
    const lab = (key: string, platform = 'sensor') => `${platform}.group_lab_${key}`;
    const house = await observe(broker.port);
    const confirmed = { group: 'lab', confirm: 'lab' };
    const asked = house.ask('gridwarden/t/bridge/request/shutdown', confirmed, 'gridwarden/t/bridge/response/shutdown');
    expect(await asked).toMatchObject({ status: 'ok' });
    await house.close();
    await statesAre(
      new Map([
        [lab('shutdown'), 'running'],
        [lab('restore_pending', 'binary_sensor'), 'on'],
        [lab('shutdown_progress'), '0'],
      ]),
      10_000,
    );
    await home.waitForState(lab('shutdown_step'), (state) => state?.state.includes('sleep') === true, 10_000);
    await home.callService('button', 'press', { entity_id: lab('command_cancel', 'button') });
    await statesAre(
      new Map([
        [lab('shutdown'), 'restored'],
        [lab('restore_pending', 'binary_sensor'), 'off'],
      ]),
      20_000,
    );
    const lines = JSON.stringify(home.state(lab('shutdown'))?.attributes['lines']);
    expect(lines).toMatch(/stop\/one.*done.*stop\/restore\/exec.*done/);
    expect(lines).not.toMatch(/stop\/two[^"]*done/);
    const last = await home.waitForState(
      lab('last_shutdown'),
      (state) => /"restored":"/.test(JSON.stringify(state)),
      10_000,
    );
    expect(Date.parse(last?.state ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(last?.attributes).toMatchObject({
      device_class: 'timestamp',
      outcome: 'called-off',
      runs: [{ kind: 'request', why: 'a person has cancelled it', restored: expect.any(String), failed: [] }],
    });
  }, 60_000);

  test('shows a change, fires the event and starts an automation by a device trigger', async () => {
    const device = await home.mqttDevice(RACK);
    // Documented by Home Assistant: a list of triggers as an automation holds them.
    const triggers = (await home.ws({
      type: 'device_automation/trigger/list',
      device_id: device?.id,
    })) as readonly Record<string, unknown>[];
    const power = triggers.filter(({ domain, type }) => domain === 'mqtt' && type === 'power_event');
    expect(power.map(({ subtype }) => subtype).sort()).toEqual(
      [
        ...['alarm', 'bypass', 'commbad', 'commok', 'fsd', 'lowbatt', 'off', 'onbatt', 'online', 'over', 'replbatt'],
        ...['outage', 'outage_ended', 'trigger_fired', 'battery_replace', 'test_failed'],
      ].sort(),
    );
    const onbatt = power.find(({ subtype }) => subtype === 'onbatt');
    const reloaded = new Promise<void>((resolve) => void home.subscribe('automation_reloaded', () => resolve()));
    await home.rest.post('/api/config/automation/config/outage', {
      alias: 'outage',
      triggers: [onbatt],
      conditions: [],
      actions: [{ event: 'outage_seen' }],
    });
    await reloaded;
    const seen = new Promise<void>((resolve) => void home.subscribe('outage_seen', () => resolve()));
    const shown = statesAre(
      new Map([
        ['sensor.rack_ups_status', 'OB DISCHRG'],
        ['sensor.rack_ups_status_display', 'On Battery, Battery Discharging'],
        ['sensor.rack_battery_charge', '55'],
        ['binary_sensor.rack_mains', 'off'],
        ['binary_sensor.rack_flag_chrg', 'off'],
        ['binary_sensor.rack_flag_dischrg', 'on'],
      ]),
      8_000,
    );
    const event = home.waitForState('event.rack_event', (state) => state?.attributes['event_type'] === 'onbatt', 8_000);
    const onBridge = home.waitForState(
      'event.gridwarden_t_event',
      (state) => state?.attributes['event_type'] === 'onbatt' && state.attributes['device'] === 'rack',
      8_000,
    );
    await upsd.set('rack', { 'ups.status': 'OB DISCHRG', 'battery.charge': '55' });
    await Promise.all([shown, event, onBridge, seen]);
    await upsd.set('rack', { 'ups.status': 'OL CHRG', 'battery.charge': '87' });
    await home.waitForState('event.rack_event', (state) => state?.attributes['event_type'] === 'online', 8_000);
    await home.waitForValue('sensor.rack_battery_charge', '87', 8_000);
  });

  test('carries a button, a number, a select, switches and a text to the server, and back what became of it', async () => {
    const client = await responses();
    const outlet = (command: string) => (command.endsWith('.on') ? 'on' : 'off');
    fake.onInstcmd = ({ command }) => {
      if (command.startsWith('outlet.1.')) fake.set('desk', 'outlet.1.status', outlet(command));
      return 'success';
    };
    const acts = [
      ['INSTCMD desk beeper.mute', 'button.desk_command_beeper_mute', 'press', {}, undefined],
      ['SET VAR desk battery.charge.low "35"', 'number.desk_set_battery_charge_low', 'set_value', { value: 35 }, '35'],
      [
        'SET VAR desk input.sensitivity "low"',
        'select.desk_set_input_sensitivity',
        'select_option',
        { option: 'low' },
        'low',
      ],
      ['SET VAR desk ups.start.auto "no"', 'switch.desk_set_ups_start_auto', 'turn_off', {}, 'off'],
      ['SET VAR desk ups.id "lab \\"2\\""', 'text.desk_set_ups_id', 'set_value', { value: 'lab "2"' }, 'lab "2"'],
      ['INSTCMD desk outlet.1.load.off', 'switch.desk_outlet_1', 'turn_off', {}, 'off'],
      ['INSTCMD desk outlet.1.load.on', 'switch.desk_outlet_1', 'turn_on', {}, 'on'],
    ] as const;
    for (const [line, entity_id, service, data, after] of acts) {
      const since = fake.requestCount;
      const heard = client.messages.all.length;
      await home.callService(entity_id.split('.')[0] ?? '', service, { entity_id, ...data });
      const arrived = await fake.waitForRequest(/^(?:INSTCMD|SET VAR)/, { since });
      expect(unquoted(arrived.line)).toBe(unquoted(line));
      const answer = await client.messages.find((message) => client.messages.all.indexOf(message) >= heard);
      const [, order] = / desk (\S+)/.exec(line) ?? [];
      const about = line.startsWith('INSTCMD') ? { command: order } : { variable: order };
      expect(JSON.parse(answer.text)).toMatchObject({ ...about, status: 'ok', data: { confirmed: true } });
      if (after !== undefined) await home.waitForValue(entity_id, after, 8_000);
    }
    await client.mqtt.endAsync(true);
  });

  test('shows the old value again when the driver refuses the new one', async () => {
    const client = await responses();
    fake.onSet = () => 'failed';
    await home.callService('number', 'set_value', { entity_id: 'number.desk_set_battery_charge_low', value: 50 });
    const answer = await client.messages.find(({ text }) => text.includes('"status":"error"'));
    expect(JSON.parse(answer.text)).toMatchObject({ variable: 'battery.charge.low', code: 'refused' });
    expect(home.state('number.desk_set_battery_charge_low')?.state).toBe('35');
    fake.onSet = undefined;
    await client.mqtt.endAsync(true);
  });

  test('reloads the configuration by the button of the bridge', async () => {
    await gridwarden.configure(configuration({ label: 'Study' }));
    const renamed = waitForRegistries(home, 'the new name', (devices) => devices.some(({ name }) => name === 'Study'));
    await pressReload();
    await renamed;
    await look();
    for (const identifier of told.keys()) await expectSameExceptEnabled(identifier);
    await gridwarden.configure(configuration());
    await pressReload();
    await waitForRegistries(home, 'the old name', (devices) => devices.some(({ name }) => name === 'Desk UPS'));
    await look();
  });

  test('is unavailable within seconds after a kill -9, and back after a start', async () => {
    const before = statesNow([BRIDGE, RACK, DESK]);
    const lost = statesAre(unavailable([RACK, DESK]), 5_000);
    const off = home.waitForValue('binary_sensor.gridwarden_t_connection', 'off', 5_000);
    await gridwarden.kill();
    await Promise.all([lost, off]);
    await gridwarden.start();
    await statesAre(before);
  });

  test('shows the UPSes of a dead server as unavailable, says so, and has them back by itself', async () => {
    const before = statesNow([BRIDGE, RACK, DESK]);
    const event = home.waitForState(
      'event.rack_event',
      (state) => state?.attributes['event_type'] === 'commbad',
      10_000,
    );
    await upsd.killServer();
    await statesAre(
      new Map([
        ...unavailable([RACK], /_connection$|_communication$/),
        ['binary_sensor.rack_communication', 'off'],
        ['sensor.rack_connection', 'unreachable'],
      ]),
      10_000,
    );
    await event;
    // Awaited, not sampled: Home Assistant shows an entity as unavailable while it takes in a new version of its device.
    const others = new Set(statesNow([BRIDGE, DESK]).keys());
    await statesAre(new Map([...before].filter(([id]) => others.has(id))), 10_000);
    await upsd.startServer();
    await statesAre(before);
    await calm();
  }, 60_000);

  test('has everything back after a restart of a broker that remembers nothing', async () => {
    const before = statesNow([...told.keys()]);
    const lost = statesAre(unavailable([...told.keys()]));
    await broker.restart();
    await lost;
    await statesAre(before, 40_000);
    const former = told;
    await look();
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(former));
  }, 60_000);

  test('removes a variable and a UPS that are no more', async () => {
    expect(home.state('sensor.rack_ups_temperature')?.state).toBe('31.5');
    await upsd.set('rack', { 'ups.temperature': '' });
    await home.waitForValue('sensor.rack_ups_temperature', 'unknown', 8_000);
    await gridwarden.configure(configuration({ only: ['desk', 'attic'] }));
    await pressReload();
    await waitForRegistries(home, 'no temperature and no spare UPS', (devices, entities) => {
      const has = (id: string) => entities.some(({ unique_id }) => unique_id.startsWith(id));
      const device = devices.some(({ identifiers }) => identifiers.some(([, id]) => id === SPARE));
      return !device && !has(`${SPARE}_`) && !has(`${RACK}_ups_temperature`);
    });
    await look([BRIDGE, GROUP, RACK, DESK, ATTIC]);
    for (const identifier of told.keys()) await expectSameExceptEnabled(identifier);
  }, 60_000);

  test('has everything back after its own restart, without what was removed meanwhile', async () => {
    const before = statesNow([BRIDGE, RACK, DESK]);
    await home.stop();
    const client = await join(broker.port);
    await client.mqtt.subscribeAsync('homeassistant/device/+/config');
    await upsd.set('rack', { 'battery.packs': '' });
    await gridwarden.configure(configuration({ only: ['desk'] }));
    await client.mqtt.publishAsync('gridwarden/t/bridge/request/reload', '{}', { qos: 1 });
    await client.messages.find(({ topic, text }) => topic.includes(ATTIC) && text === '', 20_000);
    await client.messages.find(
      ({ topic, text }) => topic.includes(RACK) && text.includes('"battery_packs":{"platform":"sensor"}'),
      20_000,
    );
    await client.mqtt.endAsync(true);

    await home.start();
    const changed = /battery_packs|_t_configuration/;
    await statesAre(new Map([...before].filter(([id]) => !changed.test(id))));
    await waitForRegistries(home, 'no packs and no UPS in the attic', (devices, entities) => {
      const has = (id: string) => entities.some(({ unique_id }) => unique_id.startsWith(id));
      const device = devices.some(({ identifiers }) => identifiers.some(([, id]) => id === ATTIC));
      return !device && !has(`${ATTIC}_`) && !has(`${RACK}_battery_packs`);
    });
    await look([BRIDGE, GROUP, RACK, DESK]);
    for (const identifier of told.keys()) await expectSameExceptEnabled(identifier);
  }, 120_000);

  /** A client that hears what becomes of orders to the UPS on the desk. */
  async function responses(): Promise<Client> {
    const client = await join(broker.port);
    await client.mqtt.subscribeAsync('gridwarden/t/ups/desk/response');
    return client;
  }

  async function pressReload(): Promise<void> {
    const client = await join(broker.port);
    await client.mqtt.subscribeAsync('gridwarden/t/bridge/response/reload');
    await home.callService('button', 'press', { entity_id: 'button.gridwarden_t_command_reload' });
    const { text } = await client.messages.find(() => true);
    expect(JSON.parse(text)).toMatchObject({ status: 'ok' });
    await client.mqtt.endAsync(true);
  }

  /** As announced, but for what the tests have enabled. */
  async function expectSameExceptEnabled(identifier: string): Promise<void> {
    const one = announced(identifier);
    const components = Object.fromEntries(
      Object.entries(one.components).map(([key, component]) => [key, { ...component, enabled_by_default: true }]),
    );
    await expectAsAnnounced(home, { ...one, components });
  }
});

const isKnown = (state: { readonly state: string } | undefined): boolean =>
  state !== undefined && state.state !== 'unknown' && state.state !== 'unavailable';

/** The same request whether or not a plain word stands in quotes. */
const unquoted = (line: string): string => line.replace(/"([\w.]+)"/g, '$1');
