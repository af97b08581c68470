import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gridwarden, gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { type Sshd, startSshd } from '../kit/sshd.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';

/** Each is found again wherever it is written, encoded for a header too. */
const SECRETS = Object.fromEntries(
  [
    'upsd',
    'broker',
    'ssh',
    'halt',
    'env',
    'header',
    'basic',
    'proxmox',
    'redfish',
    'homeassistant',
    'path',
    'query',
  ].map((name) => [name, `hush-${name}-7f3a`]),
);
const { upsd: NUT = '', broker: MQTT = '' } = SECRETS;
const MAINS = { 'ups.status': 'OL', 'battery.charge': '100', 'battery.runtime': '1800' };
const LOW = { 'ups.status': 'OB DISCHRG LB', 'battery.charge': '9', 'battery.runtime': '60' };

describeWith(['upsd', 'mosquitto', 'sshd'], 'secrets of the configuration', () => {
  let upsd: Upsd;
  let broker: Mosquitto;
  let machine: Sshd;
  let talker: Server;
  let program: Gridwarden;
  let house: Observer;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-secrets-'));
    // Whatever it is asked, it refuses, and repeats all that it was told.
    talker = createServer((request, answer) => {
      const { authorization = '' } = request.headers;
      const basic = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
      answer.writeHead(403).end(`${request.url} ${JSON.stringify(request.headers)} ${basic}`);
    });
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve));
    [upsd, broker, machine] = await Promise.all([
      startUpsd({ ups: { rack: { dev: MAINS } }, users: `[mon]\n  password = ${NUT}\n  instcmds = ALL\n` }),
      startMosquitto({ users: { gridwarden: MQTT } }),
      // A machine that says what it was told.
      startSshd({
        users: { gw: { shell: '/bin/bash', password: SECRETS['ssh'] ?? '' } },
        programs: { tell: `echo ${SECRETS['ssh']}; exit 1` },
      }),
    ]);
  }, 60_000);
  afterAll(async () => {
    await house?.close();
    await Promise.all([program?.dispose(), broker?.dispose(), upsd?.stop(), machine?.dispose()]);
    await new Promise((resolve) => talker?.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  const config = () => {
    const address = talker.address();
    const at = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const ssh = { host: '127.0.0.1', port: machine.port, user: 'gw', known_hosts: machine.knownHosts };
    const { env, header, basic, proxmox, redfish, homeassistant, path, query } = SECRETS;
    return {
      armed: true,
      mqtt: { url: broker.url, username: 'gridwarden', password: MQTT },
      sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port, username: 'mon', password: NUT } } },
      triggers: { settle: '1s', hold: '1s', mains_hold: '1s' },
      groups: {
        lab: {
          feeds: ['rack'],
          stages: [
            {
              name: 'all',
              steps: [
                { exec: { command: ['/bin/sh', '-c', 'env; echo $TOKEN >&2; exit 1'], env: { TOKEN: env } } },
                { http: { name: 'any', url: `${at}/${path}?key=${query}`, headers: { 'X-Token': header } } },
                { http: { name: 'basic', url: at, username: 'u', password: basic } },
                {
                  http: {
                    name: 'pve',
                    proxmox: { url: at, token_id: 'r@pam!x', token: proxmox, node: 'n', shutdown: 'node' },
                  },
                },
                { http: { name: 'bmc', redfish: { url: at, username: 'u', password: redfish } } },
                { http: { name: 'ha', home_assistant: { url: at, token: homeassistant, action: 'switch.turn_off' } } },
                { ssh: { ...ssh, password: SECRETS['ssh'], actions: [{ command: 'tell' }] } },
              ],
            },
          ],
          host: { halt: true, ssh: { ...ssh, password: SECRETS['halt'] } },
        },
      },
      commands: { allow: ['bridge.*'] },
    };
  };

  const filesIn = async (root: string): Promise<readonly string[]> => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  test('are nowhere in what a whole shutdown leaves, tells and shows', async () => {
    program = await startGridwarden({ config: config() });
    house = await observe(broker.port, { username: 'gridwarden', password: MQTT });
    await house.until('gridwarden/home/group/lab', ({ state }) => state === 'calm', 15_000);
    const metrics = [(await program.get('/metrics')).text, (await program.get('/ready')).text];
    const commands = await Promise.all(
      [['plan'], ['check', '--live'], ['drill']].map((words) =>
        gridwarden([...words, '--config', program.configFile], { cwd: program.folder }),
      ),
    );
    const ended = house.next<Record<string, unknown>>(
      'gridwarden/home/bridge/event',
      (one) => one['event_type'] === 'run_ended',
      60_000,
    );
    await upsd.set('rack', LOW);
    await ended;
    const shown = house.latest('gridwarden/home/group/lab/shutdown') as { steps: readonly { state: string }[] };
    expect(shown.steps.map(({ state }) => state)).toEqual(Array(8).fill('failed'));
    await program.stop();

    const files = await filesIn(program.stateFolder);
    const left = await Promise.all(
      files.map(async (file) => {
        const bytes = await readFile(file);
        return `${file} ${(file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()}`;
      }),
    );
    expect(files.some((file) => file.includes('/trace/'))).toBe(true);
    const said = {
      files: left,
      messages: house.messages.map(({ topic, text }) => `${topic} ${text}`),
      log: program.process.lines(),
      commands: commands.flatMap(({ lines }) => lines),
      metrics,
    };
    const seen = Object.entries(said).flatMap(([where, texts]) =>
      texts.flatMap((text) =>
        Object.values(SECRETS).flatMap((secret) => {
          const at = text.indexOf(secret);
          return at < 0 ? [] : [`${where}: ${text.slice(Math.max(0, at - 80), at + secret.length)}`];
        }),
      ),
    );
    expect(seen).toEqual([]);
  }, 120_000);
});
