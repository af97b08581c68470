import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gridwarden, PROGRAM, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800', 'input.voltage': '230' };
const A_STATE = 'gridwarden/home/group/a';
const BRIDGE = 'gridwarden/home/bridge';

type Payload = Record<string, unknown>;
type Group = Payload & { readonly members: Record<string, { readonly class: string }> };

/** Settles fast, so that a test can wait for it; holds as it would anywhere. */
const TRIGGERS = { settle: '1s', hold: '2s', mains_hold: '2s', charge_below: 20, dead_after: '5s' };

describeWith(['upsd', 'mosquitto'], 'the judgement of a real upsd', () => {
  let upsd: Upsd;
  let broker: Mosquitto;
  let program: Gridwarden;
  let house: Observer;

  beforeAll(async () => {
    upsd = await startUpsd({ maxage: 3, ups: { a: { dev: MAINS }, b: { dev: MAINS } } });
    broker = await startMosquitto();
    program = await startGridwarden({
      config: {
        armed: true,
        dry_run: true,
        mqtt: { url: broker.url },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
        triggers: TRIGGERS,
        groups: {
          a: {
            feeds: ['a'],
            stages: [{ name: 'shed', when: { on_battery_for: '3s' }, steps: [{ exec: { command: ['/bin/true'] } }] }],
            host: { halt: true },
          },
          pair: { feeds: ['a', 'b'], host: { halt: true } },
        },
        commands: { allow: ['bridge.*'] },
      },
    });
    house = await observe(broker.port);
  });
  afterAll(async () => {
    await house?.close();
    await program?.dispose();
    await broker?.dispose();
    await upsd?.stop();
  });

  const group = (id: string, fits: (group: Group) => boolean, within?: number) =>
    house.until<Group>(`gridwarden/home/group/${id}`, fits, within);
  const fact = (type: string, about: string, within?: number) =>
    house.next<Payload>(
      `${BRIDGE}/event`,
      ({ event_type, group: of, device }) => event_type === type && (of ?? device) === about,
      within,
    );
  const onMains = async () => {
    const calm = ['a', 'pair'].map((id) => group(id, ({ state }) => state === 'calm', 20_000));
    await Promise.all([upsd.set('a', MAINS), upsd.set('b', MAINS)]);
    await Promise.all(calm);
  };

  test('calm: what holds, the plan, and what an outage leads to', async () => {
    const calm = await group('a', ({ state }) => state === 'calm');
    expect(calm).toMatchObject({ armed: true, effect: 'dry-run', run: null, ready: true });
    expect(calm.members['a']?.class).toBe('healthy');
    expect(await house.until(`${A_STATE}/plan`, () => true)).toMatchObject({ need: 130, slack: 1670 });
  });

  test('an outage sheds, then decides as the charge falls, once; mains call it off', async () => {
    const from = house.messages.length;
    const [outage, shed] = [fact('outage', 'a'), fact('shed', 'a')];
    await upsd.set('a', { 'ups.status': 'OB DISCHRG', 'battery.charge': '70', 'battery.runtime': '1200' });
    await outage;
    expect(await shed).toMatchObject({ effect: 'dry-run', stages: ['shed'], whole: false });
    expect(await group('pair', ({ state }) => state === 'outage')).toMatchObject({
      quorum: { lost: false, spare: 1 },
      run: null,
    });
    const shutdown = fact('shutdown', 'a');
    await upsd.set('a', { 'battery.charge': '19' });
    expect(await shutdown).toMatchObject({ kind: 'outage', whole: true, stages: ['shed'] });
    expect((await group('a', ({ run }) => run !== null)).members['a']?.class).toBe('critical');
    const off = fact('called_off', 'a');
    await upsd.set('a', MAINS);
    await off;
    const decided = house.messages.slice(from).filter(({ text }) => /"event_type":"shutdown"/.test(text));
    expect(decided.filter(({ topic }) => topic === `${BRIDGE}/event`)).toHaveLength(1);
    await onMains();
  });

  test('a pair that loses one feed holds; what it loses next it loses for good', async () => {
    const lost = fact('trigger_fired', 'a');
    await upsd.set('a', { 'ups.status': 'OB LB' });
    await lost;
    const held = await group('pair', ({ members }) => members['a']?.class === 'critical');
    expect(held).toMatchObject({ quorum: { healthy: 1, needed: 1, spare: 0, lost: false }, run: null });
    const gone = fact('shutdown', 'pair');
    await upsd.set('b', { 'ups.status': 'OB LB' });
    expect(await gone).toMatchObject({ kind: 'outage' });
    await onMains();
  });

  test('kill -9 in an outage: the clocks go on, and what was decided is not decided again', async () => {
    const shed = fact('shed', 'a');
    await upsd.set('a', { 'ups.status': 'OB DISCHRG', 'battery.charge': '60' });
    const { run } = await shed;
    const { since } = (await group('a', (now) => now['run'] !== null))['run'] as { since: string };
    await program.kill();
    const from = house.messages.length;
    await program.start();
    const back = await group('a', (now) => now.members['a']?.class === 'degraded', 15_000);
    expect(back['run']).toMatchObject({ id: run, since });
    const shutdown = fact('shutdown', 'a');
    await upsd.set('a', { 'battery.charge': '10', 'battery.runtime': '200' });
    expect(await shutdown).toMatchObject({ run });
    const again = house.messages.slice(from).filter(({ text }) => /"event_type":"(?:shed|outage)"/.test(text));
    expect(again.map(({ text }) => text)).toEqual([]);
    await onMains();
  });

  test('a person cancels, and disarms for a while', async () => {
    const shed = fact('shed', 'a');
    await upsd.set('a', { 'ups.status': 'OB DISCHRG', 'battery.charge': '60' });
    await shed;
    const ask = (verb: string, payload: object) =>
      house.ask(`${BRIDGE}/request/${verb}`, payload, `${BRIDGE}/response/${verb}`);
    expect(await ask('cancel', { group: 'a' })).toMatchObject({ status: 'ok', data: { cancelled: ['a'] } });
    await group('a', ({ run }) => run === null);
    expect(await ask('disarm', { group: 'a', for: '10m' })).toMatchObject({ status: 'ok' });
    expect(await group('a', ({ armed }) => armed === false)).toMatchObject({ effect: 'none' });
    expect(await ask('arm', { group: 'a' })).toMatchObject({ status: 'error', code: 'not-confirmed' });
    expect(await ask('arm', { group: 'a', confirm: 'a' })).toMatchObject({ status: 'ok' });
    await group('a', ({ armed }) => armed === true);
    await onMains();
  });

  test('upsd that goes in an outage is death, and on mains is not', async () => {
    const unknown = group('a', ({ members }) => members['a']?.class === 'unknown', 30_000);
    await upsd.killServer();
    expect(await unknown).toMatchObject({ run: null });
    await upsd.startServer();
    await onMains();
    const outage = fact('outage', 'a');
    await upsd.set('a', { 'ups.status': 'OB DISCHRG' });
    await outage;
    const shutdown = fact('shutdown', 'a', 30_000);
    await upsd.killServer();
    expect(await shutdown).toMatchObject({ kind: 'outage', text: expect.stringContaining('silent on battery') });
    await upsd.startServer();
    await onMains();
  }, 90_000);

  test('its own trace replays to the same decisions', async () => {
    const decided = house.messages
      .filter(({ topic }) => topic === `${BRIDGE}/event`)
      .map(({ text }) => JSON.parse(text) as Payload)
      .filter(({ event_type }) => ['shed', 'shutdown', 'called_off'].includes(String(event_type)));
    expect(decided.length).toBeGreaterThan(6);
    await program.stop();
    const folder = join(program.stateFolder, 'trace');
    expect((await readdir(folder)).length).toBeGreaterThan(0);
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'replay', program.stateFolder]);
    for (const { text } of decided) expect(stdout).toContain(String(text));
    const shutdowns = stdout.split('\n').filter((line) => /: shutdown decided, /.test(line));
    const told = decided.filter(({ event_type }) => event_type === 'shutdown');
    expect(shutdowns.length).toBeGreaterThanOrEqual(told.length);
  });
});
