import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeUpsd, startFakeUpsd } from '../kit/fake-upsd.ts';
import { Gridwarden, gridwarden, PROGRAM, startGridwarden } from '../kit/gridwarden.ts';
import { runBroker } from '../kit/mqtt.ts';
import { observe } from '../kit/observer.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith } from '../kit/presence.ts';
import { RunningProcess, run } from '../kit/process.ts';

type State = Record<string, unknown>;

const isOnline = ({ state }: State): boolean => state === 'online';
const isOffline = ({ state }: State): boolean => state === 'offline';
const EMBEDDED = { embedded: { listen: '127.0.0.1:0' } };
const SIMULATED = { demo: { simulated: {} } };

let folder: string;
let upsd: FakeUpsd;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridwarden-life-'));
  const ups = { variables: { 'ups.status': 'OL', 'battery.charge': '100' }, commands: ['beeper.mute', 'load.off'] };
  upsd = await startFakeUpsd({
    ups: { rack: ups },
    users: { admin: { password: 'adm', actions: ['SET'], instcmds: 'ALL' } },
  });
});
afterAll(async () => {
  await upsd?.stop();
  await rm(folder, { recursive: true, force: true });
});

const nut = () => ({ host: '127.0.0.1', port: upsd.port, username: 'admin', password: 'adm' });

async function configuration(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

describe('commands', () => {
  test('version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await gridwarden(['version'])).toEqual({ code: 0, lines: [version] });
    expect(await gridwarden(['--version'])).toEqual({ code: 0, lines: [version] });
  });

  test('schema', async () => {
    const { code, lines } = await gridwarden(['schema']);
    expect(code).toBe(0);
    expect(JSON.parse(lines.join('\n'))).toMatchObject({ type: 'object', properties: { sources: {}, mqtt: {} } });
  });

  test('a wrong use is told, with 2', async () => {
    for (const args of [['rnu'], ['discover'], ['check', '--confg', 'x'], ['run', 'x']]) {
      const { code, lines } = await gridwarden(args);
      expect({ args, code }).toEqual({ args, code: 2 });
      expect(lines.join('\n')).toMatch(/error: /);
    }
  });

  test('check: everything that is wrong at once, with line and column; run says the same', async () => {
    const faulty = await configuration('faulty.yaml', 'nod: x\nmqtt: {}\nsources:\n  a: { nut: { hots: b } }\n');
    const told = [
      `${faulty}:1:1: nod: unknown key (did you mean node?)`,
      `${faulty}:2:7: mqtt: needs url (a broker that is there) or embedded (our own)`,
      `${faulty}:4:8: sources.a.nut.host: is required`,
      `${faulty}:4:15: sources.a.nut.hots: unknown key (did you mean host?)`,
    ];
    const checked = await gridwarden(['check', '--config', faulty]);
    expect(checked).toEqual({ code: 2, lines: told });
    const ran = await gridwarden(['run', '--config', faulty]);
    expect(ran).toEqual(checked);
  });

  test('a missing file is told, with 2, and is no reason for the demo when it was named', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    for (const args of [['check'], ['run'], ['run', '--or-demo', '--config', './none.yaml']]) {
      const { code, lines } = await gridwarden(args, { cwd: empty });
      expect({ args, code }).toEqual({ args, code: 2 });
      expect(lines.join('\n')).toMatch(/no configuration|none\.yaml/);
    }
  });

  test('discover: what a server has, and a configuration that works with it', async () => {
    const { code, lines } = await gridwarden(['discover', `127.0.0.1:${upsd.port}`]);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/ is Network UPS Tools upsd/);
    expect(lines.join('\n')).toMatch(/^ {2}rack: .*OL$/m);
    const suggested = await configuration('suggested.yaml', lines.slice(lines.indexOf('node: home')).join('\n'));
    expect(await gridwarden(['check', '--config', suggested])).toMatchObject({ code: 0 });
    const nobody = await gridwarden(['discover', `127.0.0.1:${await freePort()}`]);
    expect(nobody).toMatchObject({ code: 1, lines: [expect.stringMatching(/cannot be reached \(ECONNREFUSED\)/)] });
  });
});

test('the demo says in a few lines what it found, where its broker is, and that nothing is armed', async () => {
  const empty = await mkdtemp(join(folder, 'demo-'));
  const begun = performance.now();
  const demo = new RunningProcess(process.execPath, [PROGRAM, 'run', '--or-demo'], { name: 'demo', cwd: empty });
  try {
    await demo.waitForLine(/nothing is armed/, 5000);
    await demo.waitForLine(/no NUT server answers .* a simulated UPS|the NUT server at \S+ has /, 5000);
    const line = await demo.waitForLine(/the broker listens on mqtt:\/\/127\.0\.0\.1:\d+/, 5000);
    const house = await observe(Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]));
    await house.until<State>('gridwarden/home/bridge/info', ({ devices, armed }) => {
      return armed === false && Array.isArray(devices) && devices.length > 0;
    });
    const { devices } = house.latest('gridwarden/home/bridge/info') as { devices: string[] };
    await house.until(`gridwarden/home/ups/${devices[0]}/availability`, isOnline);
    await demo.waitForLine(/\/metrics/, 5000);
    expect(performance.now() - begun).toBeLessThan(5000);
    // One line for each UPS that is found, of which another server may have many.
    expect(demo.lines().filter((text) => !text.includes('"appeared"')).length).toBeLessThanOrEqual(6);
    await house.close();
    expect(await demo.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await demo.kill();
  }
});

describe('reload', () => {
  const BRIDGE = 'gridwarden/home/bridge';

  test('a faulty configuration changes nothing and is told, to who asked too', async () => {
    const config = { mqtt: EMBEDDED, sources: SIMULATED };
    const program = await startGridwarden({ config });
    const house = await observe(program.brokerPort);
    try {
      await house.until('gridwarden/home/ups/demo/availability', isOnline);
      const told = await program.reload('node: home\nmqtt: {embedded: {}}\nsources: {demo: {simulated: {speed: 0}}}\n');
      expect(told.msg).toContain(
        `the old configuration stays: ${program.configFile}:3:37: sources.demo.simulated.speed`,
      );
      expect(told).toMatchObject({ event: 'reload_refused', level: 40 });

      const refused = await house.ask(`${BRIDGE}/request/reload`, {}, `${BRIDGE}/response/reload`);
      expect(refused).toMatchObject({
        status: 'error',
        code: 'invalid-configuration',
        error: expect.stringContaining(':3:37: '),
        data: { problems: [expect.stringContaining('sources.demo.simulated.speed')] },
      });
      await program.configure(config);
      const same = await house.ask(`${BRIDGE}/request/reload`, {}, `${BRIDGE}/response/reload`);
      expect(same).toMatchObject({ status: 'ok', data: { changed: [], restart: [] } });
      expect([house.answersTo(refused.transaction), house.answersTo(same.transaction)]).toEqual([1, 1]);
      expect(house.latest('gridwarden/home/ups/demo/availability')).toEqual({ state: 'online' });
    } finally {
      await house.close();
      await program.dispose();
    }
  });

  test('every key is applied, what is not concerned goes on, and what has changed is named', async () => {
    const second = await startFakeUpsd({ ups: { attic: { variables: { 'ups.status': 'OL' } } } });
    const [here, there] = [await runBroker(), await runBroker()];
    const base = { mqtt: { url: `mqtt://127.0.0.1:${here.port}` }, sources: { nas: { nut: nut() } } };
    const program = await startGridwarden({ config: base });
    const house = await observe(here.port);
    try {
      await house.until('homeassistant/device/gridwarden_home_rack/config', () => true);
      const command = async (name: string) =>
        await house.ask('gridwarden/home/ups/rack/command', { command: name }, 'gridwarden/home/ups/rack/response');
      const reload = async (config: object) => {
        await program.configure(config);
        const answer = await house.ask(`${BRIDGE}/request/reload`, {}, `${BRIDGE}/response/reload`);
        expect(answer.status).toBe('ok');
        return answer.data?.['changed'];
      };

      // What may be asked for.
      expect(await command('load.off')).toMatchObject({ code: 'not-allowed' });
      const accepted = upsd.accepted;
      const allow = { ...base, commands: { allow: ['load.off', 'bridge.*'] } };
      expect(await reload(allow)).toEqual(['commands.allow']);
      expect(await command('load.off')).toMatchObject({ status: 'ok' });
      expect(await command('beeper.mute')).toMatchObject({ code: 'not-allowed' });
      expect(upsd.accepted).toBe(accepted);

      // Sources that come and go.
      const more = { ...allow, sources: { ...base.sources, more: { nut: { ...nut(), port: second.port } } } };
      expect(await reload(more)).toEqual(['sources.more']);
      await house.until('gridwarden/home/ups/attic/availability', isOnline);
      await house.until('homeassistant/device/gridwarden_home_attic/config', () => true);
      const removed = house.client.messages.find(
        ({ topic, text }) => topic === 'gridwarden/home/ups/attic' && text === '',
      );
      expect(await reload(allow)).toEqual(['sources.more']);
      await removed;
      await second.waitForConnections(0);
      expect(upsd.accepted).toBe(accepted);

      // The HTTP server.
      const [old, http] = [program.url, `127.0.0.1:${await freePort()}`];
      const served = program.waitForLog(/ answers \/health/);
      expect(await reload({ ...allow, http: { listen: http } })).toEqual(['http.listen']);
      await served;
      expect(program.url).toBe(`http://${http}`);
      expect(await program.get('/health')).toMatchObject({ status: 200 });
      await expect(fetch(`${old}/health`)).rejects.toThrow();

      // The folder that is locked for as long as the process lives.
      const told = await program.reload({ ...allow, http: { listen: http }, state_dir: join(folder, 'other') });
      expect(told.msg).toMatch(/changed: state_dir; only after a restart: state_dir$/);

      // Another name: everything under the old one goes.
      const cleared = house.client.messages.find(
        ({ topic, text }) => topic === 'homeassistant/device/gridwarden_home_rack/config' && text === '',
      );
      expect((await program.reload({ ...allow, node: 'attic', http: { listen: http } })).msg).toContain('node');
      await house.until('gridwarden/attic/ups/rack/availability', isOnline);
      await house.until('homeassistant/device/gridwarden_attic_rack/config', () => true);
      await cleared;
      await house.until<State>('gridwarden/attic/bridge/info', ({ devices }) => String(devices) === 'rack');

      // Another root of all topics.
      const based = { ...allow, node: 'attic', mqtt: { ...base.mqtt, base: 'power' } };
      const offline = house.client.messages.find(
        ({ topic, text }) => topic === 'gridwarden/attic/bridge/state' && text.includes('offline'),
      );
      expect((await program.reload(based)).msg).toContain('mqtt.base');
      await offline;
      await house.until('power/attic/ups/rack/availability', isOnline);

      // Another broker: the old one hears goodbye, the new one everything.
      const gone = house.next('power/attic/bridge/state', isOffline);
      expect(
        (await program.reload({ ...based, mqtt: { url: `mqtt://127.0.0.1:${there.port}`, base: 'power' } })).msg,
      ).toContain('mqtt.url');
      await gone;
      const other = await observe(there.port);
      await other.until('power/attic/bridge/state', isOnline);
      await other.until('power/attic/ups/rack/availability', isOnline);
      await other.until('homeassistant/device/gridwarden_attic_rack/config', () => true);
      await other.close();
      expect(upsd.accepted).toBe(accepted);
    } finally {
      await house.close();
      await program.dispose();
      await Promise.all([here.broker.stop(), there.broker.stop(), second.stop()]);
    }
  }, 60_000);
});

describe('start and stop', () => {
  test('SIGTERM: goodbye on the broker, exit 0, within two seconds', async () => {
    const { broker, port } = await runBroker();
    const program = await startGridwarden({
      config: { mqtt: { url: `mqtt://127.0.0.1:${port}` }, sources: { nas: { nut: nut() } } },
    });
    const house = await observe(port);
    try {
      await house.until('gridwarden/home/ups/rack/availability', isOnline);
      const begun = performance.now();
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      expect(performance.now() - begun).toBeLessThan(2000);
      expect(await house.until('gridwarden/home/bridge/state', isOffline)).toEqual({ state: 'offline' });
      expect(program.lines().at(-1)?.msg).toBe('stopped');
    } finally {
      await house.close();
      await program.dispose();
      await broker.stop();
    }
  });

  test('a second one in the same state folder is refused in one line; a killed one does not keep it', async () => {
    const { broker, port } = await runBroker();
    const two = await startFakeUpsd({
      ups: { rack: { variables: { 'ups.status': 'OL' } }, gone: { variables: { 'ups.status': 'OL' } } },
    });
    const sources = { nas: { nut: { host: '127.0.0.1', port: two.port } } };
    const program = await startGridwarden({ config: { mqtt: { url: `mqtt://127.0.0.1:${port}` }, sources } });
    const house = await observe(port);
    try {
      await house.until('homeassistant/device/gridwarden_home_gone/config', () => true);
      const again = await gridwarden(['run', '--config', program.configFile]);
      expect(again.code).toBe(1);
      const complaint = again.lines.filter((line) => line.includes('"level":50'));
      expect(complaint).toEqual([expect.stringMatching(`is in use by process ${program.process.pid}"`)]);
      expect(program.process.running).toBe(true);

      // It is killed; meanwhile a UPS goes. What it had told Home Assistant it still knows.
      await program.kill();
      await house.until('gridwarden/home/bridge/state', isOffline);
      two.removeUps('gone');
      const removed = house.client.messages.find(
        ({ topic, text }) => topic === 'homeassistant/device/gridwarden_home_gone/config' && text === '',
      );
      await program.start();
      await house.until('gridwarden/home/bridge/state', isOnline);
      await removed;
      await house.until<State>('gridwarden/home/bridge/info', ({ devices }) => String(devices) === 'rack');
    } finally {
      await house.close();
      await program.dispose();
      await Promise.all([broker.stop(), two.stop()]);
    }
  });

  test('an HTTP port that is taken is told and tried again; everything else works', async () => {
    const holder = await startFakeUpsd({ ups: {} });
    const http = { listen: `127.0.0.1:${holder.port}` };
    const program = await Gridwarden.prepare({ config: { http, mqtt: EMBEDDED, sources: SIMULATED } });
    try {
      program.launch();
      const told = await program.waitForLog(/^the HTTP listener: .*EADDRINUSE/, 10_000, 0);
      expect(told).toMatchObject({ event: 'listener_failed', level: 40 });
      await program.waitForLog(/^the broker listens on/, 10_000, 0);
      const house = await observe(program.brokerPort);
      await house.until('gridwarden/home/ups/demo/availability', isOnline);
      const bound = program.waitForLog(/ answers \/health/, 10_000);
      await holder.stop();
      await bound;
      expect(await program.get('/health')).toMatchObject({ status: 200 });
      await house.close();
    } finally {
      await holder.stop();
      await program.dispose();
    }
  });

  test('a reload that is asked for during the start is done after it', async () => {
    const program = await Gridwarden.prepare({ config: { mqtt: EMBEDDED, sources: SIMULATED } });
    try {
      program.launch();
      await program.waitForLog(/^the broker listens on/, 10_000, 0);
      const told = await program.reload();
      expect(told.msg).toBe('request reload: done, nothing has changed');
    } finally {
      await program.dispose();
    }
  });
});

describeWith(['systemd-notify'], 'the service manager', () => {
  test('is told of the start, of each second that passed the loop, and of the end', async () => {
    const socket = join(folder, 'notify');
    const listener = new RunningProcess('/usr/bin/python3', ['-u', '-c', LISTEN_FOR_DATAGRAMS, socket], {
      name: 'listener',
    });
    try {
      await listener.waitForLine(/^listening$/, 10_000);
      const program = await startGridwarden({
        config: { mqtt: EMBEDDED, sources: SIMULATED },
        env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1500000' },
      });
      try {
        const ready = await listener.waitForLine(/READY=1/, 10_000);
        expect(ready).toContain('STATUS=watching demo');
        for (let fed = 0; fed < 2; fed += 1) await listener.waitForLine(/WATCHDOG=1/, 5000, listener.mark());
        await program.stop();
        await listener.waitForLine(/STOPPING=1/, 5000);
      } finally {
        await program.dispose();
      }
    } finally {
      await listener.kill();
    }
  });
});

/** Prints each datagram that arrives on a socket. */
const LISTEN_FOR_DATAGRAMS = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening")
while True:
    print(repr(s.recv(65536).decode()))
`;

test('npm start in a clone serves the configuration of the folder it was called in', async () => {
  const [clone, elsewhere] = [join(folder, 'clone'), join(folder, 'elsewhere')];
  await mkdir(elsewhere);
  const listed = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard']);
  for (const file of listed.split('\n').filter((path) => existsSync(path))) {
    await cp(file, join(clone, file), { preserveTimestamps: true });
  }
  await symlink(resolve('node_modules'), join(clone, 'node_modules'));
  const state = join(elsewhere, 'state');
  const config = { state_dir: state, http: { listen: '127.0.0.1:0' }, mqtt: EMBEDDED, sources: SIMULATED };
  await writeFile(join(elsewhere, 'gridwarden.yaml'), JSON.stringify(config));
  const npm = new RunningProcess('npm', ['--prefix', clone, 'start'], { name: 'npm start', cwd: elsewhere });
  try {
    const line = await npm.waitForLine(/the broker listens on mqtt:/, 60_000);
    const house = await observe(Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]));
    await house.until('gridwarden/home/ups/demo/availability', isOnline);
    const { pid } = JSON.parse(await readFile(join(state, 'lock'), 'utf8'));
    process.kill(pid, 'SIGTERM');
    expect((await npm.ended).code).toBe(0);
    expect(npm.lines().at(-1)).toMatch(/"msg":"stopped"/);
    await house.close();
  } finally {
    await npm.kill();
  }
}, 90_000);

test('no password is ever told: not in the log, not over MQTT, not over HTTP, not in a file, not in a complaint', async () => {
  const secrets = ['mqtt-S3cret', 'nut-S3cret', 'user-S3cret', 'wrong-S3cret', 'stray-S3cret'];
  const [mqttPassword = '', nutPassword = '', userPassword = '', wrongPassword = '', strayPassword = ''] = secrets;
  const server = await startFakeUpsd({
    ups: { rack: { variables: { 'ups.status': 'OL' }, commands: ['beeper.mute'] } },
    users: { admin: { password: nutPassword, instcmds: 'ALL' } },
  });
  const { broker, port } = await runBroker({ bridge: [mqttPassword, 'write'], house: ['h', 'write'] });
  const text = (mqtt: string) => `
log: { level: debug }
state_dir: ${folder}/secrets-state
http: { listen: 127.0.0.1:0 }
mqtt: ${mqtt}
sources:
  nas: { nut: { host: 127.0.0.1, port: ${server.port}, username: admin, password: !secret nut } }
  wrong: { nut: { host: 127.0.0.1, port: ${server.port}, username: admin, password: !env_var WRONG } }
commands: { allow: ["*", "bridge.*"] }
`;
  const remote = `{ url: "mqtt://127.0.0.1:${port}", username: bridge, password: !secret mqtt }`;
  const program = await startGridwarden({
    config: text(remote),
    files: { 'secrets.yaml': `mqtt: ${mqttPassword}\nnut: ${nutPassword}\nuser: ${userPassword}\n` },
    env: { WRONG: wrongPassword },
  });
  const house = await observe(port, { username: 'house', password: 'h' });
  try {
    await house.until('homeassistant/device/gridwarden_home_rack/config', () => true);
    await house.until('homeassistant/device/gridwarden_home_wrong_rack/config', () => true);
    const use = async (id: string) =>
      await house.ask(
        `gridwarden/home/ups/${id}/command`,
        { command: 'beeper.mute' },
        `gridwarden/home/ups/${id}/response`,
      );
    expect(await use('rack')).toMatchObject({ status: 'ok' });
    expect(await use('wrong_rack')).toMatchObject({ status: 'error' });
    // Faults beside and in the secrets themselves.
    for (const faulty of [
      `{ url: "mqtt://bridge:${strayPassword}@127.0.0.1", password: !secret mqtt }`,
      `{ url: "mqtt://127.0.0.1", username: bridge, password: [ ${strayPassword} ] }`,
      `{ embedded: { listen: 127.0.0.1:0, users: { x: { password: !secret user, rights: none } } } }`,
    ]) {
      const told = await program.reload(text(faulty));
      expect(told.event).toBe('reload_refused');
    }
    const checked = await gridwarden(['check', '--config', program.configFile], { env: { WRONG: wrongPassword } });
    expect(checked.code).toBe(2);
    await program.configure(text(remote));
    const bridge = 'gridwarden/home/bridge';
    await house.ask(`${bridge}/request/reload`, {}, `${bridge}/response/reload`);
    const pages = await Promise.all(['/metrics', '/ready', '/health', '/none'].map((path) => program.get(path)));
    await program.stop();
    const kept = await readFile(join(folder, 'secrets-state', 'announced.json'), 'utf8');
    const told = {
      log: program.process.lines(),
      check: checked.lines,
      mqtt: house.messages.map(({ topic, text: payload }) => `${topic} ${payload}`),
      http: pages.map(({ text: page }) => page),
      state: [kept],
    };
    for (const [where, lines] of Object.entries(told)) {
      expect(lines.length).toBeGreaterThan(0);
      expect({ where, told: lines.filter((line) => /S3cret/.test(line)) }).toEqual({ where, told: [] });
    }
    // What was looked for can be found: the server did get the right one.
    expect(server.requests.some(({ line }) => line.startsWith('PASSWORD'))).toBe(true);
  } finally {
    await house.close();
    await program.dispose();
    await Promise.all([broker.stop(), server.stop()]);
  }
});
