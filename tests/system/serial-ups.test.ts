import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Gridwarden, PROGRAM, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { SerialUps } from '../kit/serial-ups.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

const BRIDGE = 'gridwarden/home/bridge';
type Payload = Record<string, unknown>;

describeWith(['upsd', 'mosquitto', 'serial-ups'], 'a UPS on a serial line, behind a driver of NUT', () => {
  let ups: SerialUps;
  let upsd: Upsd;
  let broker: Mosquitto;
  let program: Gridwarden;
  let house: Observer;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-serial-'));
    ups = await SerialUps.plugIn();
    upsd = await startUpsd({ ups: { rack: ups.spec } });
    broker = await startMosquitto();
  });
  afterEach(async () => {
    await house?.close();
    await program?.dispose();
    await broker?.dispose();
    await upsd?.stop();
    await ups?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const acts = () => readFile(join(folder, 'acts'), 'utf8').catch(() => '');
  const leaves = (word: string) => ['/bin/sh', '-c', `echo ${word} >>${folder}/acts`];
  /** Stops something, lets the UPS switch off after a while, and halts. */
  const start = async (delay: string) => {
    program = await startGridwarden({
      config: {
        armed: true,
        mqtt: { url: broker.url },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm' } } },
        triggers: { settle: '1s', hold: '1s', mains_hold: '1s', on_battery_for: '3s' },
        groups: {
          lab: {
            feeds: ['rack'],
            stages: [
              { name: 'stop', steps: [{ exec: { command: leaves('stopped') } }] },
              { name: 'power', steps: [{ ups: { action: 'shutdown_return', delay } }] },
              { name: 'last', steps: [{ exec: { command: leaves('last') } }] },
            ],
            host: { halt: true, command: leaves('halted'), deadline: '10s' },
          },
        },
      },
    });
    house = await observe(broker.port);
    await house.until('gridwarden/home/group/lab', ({ state }) => state === 'calm', 15_000);
  };
  const fact = (type: string, key: string) =>
    house.next<Payload>(
      `${BRIDGE}/event`,
      (one) => one['event_type'] === type && (key === '' || one['step'] === key),
      20_000,
    );

  test('is told to switch off and to return, with the delay that was set, before the machine is halted', async () => {
    await start('60s');
    const [told, ended] = [fact('step_done', 'power/ups'), fact('run_ended', '')];
    ups.becomes('battery');
    expect(await ups.told(/^S/, 20_000)).toBe('S01R0003');
    expect(await acts()).toBe('stopped\n');
    expect((await told)['text']).toContain('rack switches off in 1 min and returns with mains');
    await ended;
    expect(await acts()).toBe('stopped\nlast\nhalted\n');
    expect(await upsd.ask('GET VAR rack ups.delay.shutdown')).toBe('VAR rack ups.delay.shutdown "60"');
    expect(ups.orders).toEqual(['S01R0003']);
  });

  test('is not told where it would be off before the rest of the plan is through', async () => {
    await start('12s');
    const [failed, ended] = [fact('step_failed', 'power/ups'), fact('run_ended', '')];
    ups.becomes('low');
    expect((await failed)['text']).toMatch(
      /rack was not told to switch off: it would be off in 12 s, and 20 s are needed/,
    );
    await ended;
    expect([await acts(), ups.orders]).toEqual(['stopped\nlast\nhalted\n', []]);
  });

  test('cuts the power at the very end, when gridwarden killpower finds the flag of its plan', async () => {
    const flag = join(folder, 'killpower');
    const file = join(folder, 'gridwarden.yaml');
    const steps = [{ ups: { action: 'killpower', flag } }];
    const nut = { host: '127.0.0.1', port: upsd.port };
    const groups = { lab: { feeds: ['rack'], stages: [{ name: 'last', steps }] } };
    const config = { mqtt: { url: broker.url }, sources: { nas: { nut } }, groups, state_dir: join(folder, 'state') };
    await writeFile(file, JSON.stringify(config));
    const gridwarden = (...words: readonly string[]) =>
      run(process.execPath, [PROGRAM, ...words, '--config', file], { env: upsd.environment });
    await gridwarden('drill', '--execute', 'lab', 'last/ups', '--yes', 'last/ups');
    // Whoever halts a machine ends its drivers, which hold the line.
    await upsd.killDriver('rack');
    expect(await gridwarden('killpower')).toMatch(/^rack was told to cut the power, by upsdrvctl shutdown rack/);
    // Mains may be back by now: it has to go off all the same, and come back.
    expect(ups.orders).toEqual(['C', 'S.5R0003']);
  });
});
