import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { topicsOf } from '../../src/mqtt/topics.ts';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type FlowNode, type NodeRed, startNodeRed } from '../kit/node-red.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';

/** The file that users import, as it is. */
const FLOW: readonly FlowNode[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../config/node-red-flow.json'), 'utf8'),
);

const CORE = new Set('tab,comment,mqtt-broker,mqtt in,mqtt out,inject,debug,function,switch,change,rbe'.split(','));

const ofType = (type: string): readonly FlowNode[] => FLOW.filter((node) => node.type === type);

describe('the Node-RED flow that ships', () => {
  test('is made of core nodes on one tab that explains itself', () => {
    expect(FLOW.map(({ type }) => type).filter((type) => !CORE.has(type))).toEqual([]);
    const [tab, ...others] = ofType('tab');
    expect(others).toEqual([]);
    expect(tab?.['info']).toMatch(/MQTT_HOST/);
    expect(ofType('comment').every(({ info }) => String(info).length > 40)).toBe(true);
    const elsewhere = FLOW.filter(({ id, type, z }) => id !== tab?.id && type !== 'mqtt-broker' && z !== tab?.id);
    expect(elsewhere).toEqual([]);
  });

  test('has ids of its own, and wires that end somewhere', () => {
    const ids = FLOW.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[0-9a-f]{16}$/.test(id))).toEqual([]);
    const ends = FLOW.flatMap(({ wires }) => (wires as string[][] | undefined) ?? []).flat();
    expect(ends.length).toBeGreaterThan(0);
    expect(ends.filter((id) => !ids.includes(id))).toEqual([]);
    // Whatever is not a source of messages is fed by something.
    const fed = FLOW.filter(({ type }) => /^(?:debug|function|switch|change|rbe|mqtt out)$/.test(type));
    expect(fed.filter(({ id }) => !ends.includes(id))).toEqual([]);
  });

  test('connects to one broker, named by the environment, and holds no credentials', () => {
    const [broker, ...others] = ofType('mqtt-broker');
    expect(others).toEqual([]);
    // Node-RED replaces this itself.
    expect(broker).toMatchObject({ broker: '$' + '{MQTT_HOST}', clientid: '' });
    for (const type of ['mqtt in', 'mqtt out']) {
      expect(ofType(type).map((node) => node['broker'])).toEqual(ofType(type).map(() => broker?.id));
    }
    expect(JSON.stringify(FLOW)).not.toMatch(/"(?:credentials|user|password)"/);
  });

  test('listens where the program speaks', () => {
    const topics = topicsOf('gridwarden', '+');
    expect(ofType('mqtt in').map(({ topic }) => topic)).toEqual([
      topics.device('+'),
      topics.deviceEvent('+'),
      topics.deviceResponse('+'),
    ]);
    expect(ofType('function').some(({ func }) => /\/ups\/.*\/command`/.test(String(func)))).toBe(true);
    expect(ofType('mqtt out')).toMatchObject([{ retain: 'false' }]);
  });
});

describeWith(['node-red'], 'in a real Node-RED', () => {
  let upsd: FakeUpsd;
  let program: Gridwarden;
  let house: Observer;
  let nodeRed: NodeRed;
  beforeAll(async () => {
    upsd = await startFakeUpsd({
      ups: {
        rack: { variables: { 'ups.status': 'OL', 'battery.charge': '100' }, commands: ['beeper.mute', 'load.off'] },
      },
      users: { admin: { password: 'adm', instcmds: 'ALL' } },
    });
    program = await startGridwarden({
      config: {
        mqtt: { embedded: { listen: '127.0.0.1:0' } },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm' } } },
      },
    });
    house = await observe(program.brokerPort);
    await house.until('homeassistant/device/gridwarden_home_rack/config', () => true);
    await house.until('gridwarden/home/ups/rack', () => true);
    nodeRed = await startNodeRed({ flows: FLOW, env: { MQTT_HOST: `mqtt://127.0.0.1:${program.brokerPort}` } });
  }, 90_000);
  afterAll(async () => {
    await nodeRed?.stop();
    await house?.close();
    await program?.dispose();
    await upsd?.stop();
  });

  const shown = (text: RegExp) => nodeRed.log().filter((line) => text.test(line));
  const press = async (): Promise<void> => {
    await nodeRed.inject(ofType('inject')[0]?.id ?? '');
  };

  test('what is retained is shown at once, and again when it changes', async () => {
    if (shown(/rack is OL, battery at 100 %/).length === 0)
      await nodeRed.waitForLog(/rack is OL, battery at 100 %/, 10_000);
    const [state, event] = [nodeRed.waitForLog(/rack is OB, /, 10_000), nodeRed.waitForLog(/OUTAGE: rack: /, 10_000)];
    upsd.set('rack', 'ups.status', 'OB');
    await Promise.all([state, event]);
    const over = nodeRed.waitForLog(/OVER: rack: /, 10_000);
    upsd.set('rack', 'ups.status', 'OL');
    await over;
  });

  test('a command is carried out, and its one answer is told from those of others', async () => {
    const done = nodeRed.waitForLog(/beeper\.mute: done/, 10_000);
    await press();
    await done;
    expect(upsd.requests.filter(({ line }) => /^INSTCMD rack beeper\.mute/.test(line))).toHaveLength(1);
    await house.ask('gridwarden/home/ups/rack/command', { command: 'load.off' }, 'gridwarden/home/ups/rack/response');
    const refused = nodeRed.waitForLog(/beeper\.mute: the server answered/, 10_000);
    upsd.onInstcmd = () => 'failed';
    await press();
    await refused;
    expect(shown(/beeper\.mute: |load\.off/)).toHaveLength(2);
    expect(nodeRed.log().filter((line) => /\[(?:error|warn)\] \[/.test(line))).toEqual([]);
  });
});
