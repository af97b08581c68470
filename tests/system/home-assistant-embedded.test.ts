import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type HomeAssistant, startHomeAssistant } from '../kit/home-assistant.ts';
import {
  type Announced,
  announcements,
  expectAsAnnounced,
  lastingStates,
  waitForStates,
  waitUntilRegistered,
} from '../kit/home-assistant-announced.ts';
import { join } from '../kit/mqtt.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';

const [BRIDGE, DESK] = ['gridwarden_t_bridge', 'gridwarden_t_desk'] as const;
const USER = { username: 'homeassistant', password: 'of the house' };
const NUT_USER = { username: 'bridge', password: 'of the server' };
/** Home Assistant tries again every ten seconds. */
const RECONNECTED_MS = 30_000;

describeWith(['home-assistant'], 'Home Assistant with the embedded broker', () => {
  let fake: FakeUpsd;
  let gridwarden: Gridwarden;
  let home: HomeAssistant;
  let port: number;
  let told: ReadonlyMap<string, Announced>;

  beforeAll(async () => {
    port = await freePort();
    fake = await startFakeUpsd({
      ups: {
        desk: {
          variables: { 'ups.status': 'OL', 'battery.charge': '100', 'battery.charge.low': '20', 'ups.load': '12.5' },
          rw: { 'battery.charge.low': { ranges: [[10, 90]] } },
          commands: ['beeper.mute'],
        },
      },
      users: { bridge: { password: NUT_USER.password, actions: ['SET'], instcmds: 'ALL' } },
    });
    gridwarden = await startGridwarden({
      config: {
        node: 't',
        mqtt: {
          embedded: {
            listen: `127.0.0.1:${port}`,
            users: { [USER.username]: { password: USER.password, rights: 'write' } },
          },
        },
        sources: { office: { nut: { host: '127.0.0.1', port: fake.port, ...NUT_USER } } },
        commands: { allow: ['beeper.*', 'set:*'] },
      },
    });
    home = await startHomeAssistant({ mqttPort: port, mqttUser: USER });
    told = await announcements(port, [BRIDGE, DESK], USER);
    await waitUntilRegistered(home, told.values());
  }, 180_000);
  afterAll(async () => {
    await gridwarden?.dispose();
    await home?.dispose();
    await fake?.stop();
  });
  afterEach(() => {
    expect(home.complaints()).toEqual([]);
  });

  const states = () => lastingStates(home, told.values());
  /** Home Assistant has lost the broker: nothing that came over it is available, whatever it is. */
  const everythingLost = () =>
    new Map([...states()].filter(([, state]) => state !== 'absent').map(([id]) => [id, 'unavailable']));

  test('registers exactly what was announced, and shows the values of the NUT server', async () => {
    for (const one of told.values()) await expectAsAnnounced(home, one);
    await waitForStates(
      home,
      new Map([
        ['sensor.desk_battery_charge', '100'],
        ['sensor.desk_ups_load', '12.5'],
        ['sensor.desk_ups_status_display', 'Online'],
        ['number.desk_set_battery_charge_low', '20'],
        ['binary_sensor.desk_mains', 'on'],
        ['binary_sensor.desk_communication', 'on'],
        ['binary_sensor.gridwarden_t_connection', 'on'],
      ]),
    );
  });

  test('shows a change and carries orders to the server', async () => {
    fake.set('desk', 'ups.status', 'OB DISCHRG');
    await home.waitForValue('sensor.desk_ups_status_display', 'On Battery, Battery Discharging', 5_000);
    fake.set('desk', 'ups.status', 'OL');
    await home.waitForValue('binary_sensor.desk_mains', 'on', 5_000);

    const client = await join(port, USER);
    await client.mqtt.subscribeAsync('gridwarden/t/ups/desk/response');
    await home.callService('button', 'press', { entity_id: 'button.desk_command_beeper_mute' });
    await fake.waitForRequest(/^INSTCMD desk beeper\.mute$/);
    await client.messages.find(({ text }) => JSON.parse(text).command === 'beeper.mute' && isOk(text));
    const entity_id = 'number.desk_set_battery_charge_low';
    await home.callService('number', 'set_value', { entity_id, value: 35 });
    await fake.waitForRequest(/^SET VAR desk battery\.charge\.low "?35"?$/);
    await client.messages.find(({ text }) => JSON.parse(text).variable === 'battery.charge.low' && isOk(text));
    await home.waitForValue(entity_id, '35', 5_000);
    await client.mqtt.endAsync(true);
  });

  test('has everything back when the bridge, and the broker in it, was restarted', async () => {
    const before = states();
    const lost = waitForStates(home, everythingLost(), 5_000);
    await gridwarden.stop();
    await lost;
    await gridwarden.start();
    const client = await join(port, USER);
    await client.mqtt.subscribeAsync('homeassistant/status');
    await waitForStates(home, before, RECONNECTED_MS);
    // Home Assistant has said everything, too, before the next test takes the broker away again.
    await client.messages.find(({ text }) => text === 'online', RECONNECTED_MS);
    await client.mqtt.endAsync(true);
  }, 60_000);

  test('is unavailable within seconds after a kill -9, and back after a start', async () => {
    const before = states();
    const lost = waitForStates(home, everythingLost(), 5_000);
    await gridwarden.kill();
    await lost;
    await gridwarden.start();
    await waitForStates(home, before, RECONNECTED_MS);
    for (const one of told.values()) await expectAsAnnounced(home, one);
    expect([...(await announcements(port, [BRIDGE, DESK], USER))]).toEqual([...told]);
  }, 60_000);
});

const isOk = (text: string): boolean => JSON.parse(text).status === 'ok';
