import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TRIGGERS } from '../../tests/kit/settings.ts';
import { DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { LIMITS } from '../domain/limits.ts';
import { findConfiguration } from './files.ts';
import { explain, type Problem } from './problem.ts';
import { digestInput, type Loaded, readConfiguration } from './read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwarden-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;

/** Reads a text as the configuration of a folder of its own. */
async function read(text: string | Buffer, secrets?: string, env: NodeJS.ProcessEnv = {}) {
  count += 1;
  const own = join(folder, String(count));
  mkdirSync(own);
  const file = join(own, 'gridwarden.yaml');
  writeFileSync(file, text);
  if (secrets !== undefined) writeFileSync(join(own, 'secrets.yaml'), secrets, { mode: 0o600 });
  return { file, own, result: await readConfiguration(file, env) };
}

async function loaded(text: string, secrets?: string, env?: NodeJS.ProcessEnv): Promise<Loaded> {
  const { result } = await read(text, secrets, env);
  if (!result.ok) throw new Error(explain(result.error).join('\n'));
  return result.value;
}

/** What is told about a faulty text, without the folder. */
async function told(text: string | Buffer, secrets?: string, env?: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const { result, own } = await read(text, secrets, env);
  if (result.ok) throw new Error('the configuration was accepted');
  return explain(result.error).map((line) => line.replaceAll(`${own}/`, ''));
}

const BROKER = 'mqtt: {url: mqtt://broker}\n';
const SOURCES = 'sources: {nas: {nut: {host: nas}}}\n';

test('the least configuration has every default', async () => {
  const { configuration, settings, warnings, digest } = await loaded(BROKER + SOURCES);
  expect(configuration).toMatchObject({
    node: 'home',
    armed: false,
    dryRun: false,
    fsd: 'obey',
    log: { level: 'info' },
    http: { listen: { host: '127.0.0.1', port: 8321 } },
    mqtt: { url: 'mqtt://broker', version: 'auto', keepalive: 30_000, verify: true, discovery: 'device' },
    sources: { nas: { nut: { host: 'nas', port: 3493 } } },
    ups: {},
    commands: { allow: DEFAULT_ALLOW },
  });
  expect(configuration.mqtt).toMatchObject({ discoveryPrefix: 'homeassistant', base: 'gridwarden' });
  expect(configuration.mqtt).not.toHaveProperty('clientId');
  expect(configuration).not.toHaveProperty('stateDir');
  expect(settings).toEqual({
    node: 'home',
    armed: false,
    dryRun: false,
    fsd: 'obey',
    mainsHold: 5000,
    triggers: TRIGGERS,
    sources: ['nas'],
    devices: [],
    groups: [],
    allow: DEFAULT_ALLOW,
    digest,
  });
  expect(digest).toMatch(/^[0-9a-f]{12}$/);
  expect(warnings).toEqual([]);
});

test('everything given arrives', async () => {
  const { configuration, settings } = await loaded(
    `node: rack
armed: true
dry_run: true
fsd: tell
state_dir: /srv/state
log: {level: debug, format: json}
http: {listen: '[::1]:0'}
mqtt:
  url: wss://broker.example.org/mqtt
  username: gw
  password: pw
  client_id: mine
  version: 5
  keepalive: 1m
  ca: /ca.pem
  cert: /cert.pem
  key: /key.pem
  verify: true
  discovery: single
  discovery_prefix: ha/x
  base: energy/ups
sources:
  z_last: {simulated: {}}
  a_first: {nut: {host: h}}
ups:
  rack_a: {source: a_first, name: UPS, label: Rack A, nominal_power: 900}
  rack_b: {source: z_last}
commands: {allow: []}
`,
  );
  expect(configuration).toMatchObject({
    stateDir: '/srv/state',
    log: { level: 'debug', format: 'json' },
    http: { listen: { host: '::1', port: 0 } },
    mqtt: {
      url: 'wss://broker.example.org/mqtt',
      username: 'gw',
      clientId: 'mine',
      version: 5,
      keepalive: 60_000,
      ca: '/ca.pem',
      cert: '/cert.pem',
      key: '/key.pem',
      discovery: 'single',
      discoveryPrefix: 'ha/x',
      base: 'energy/ups',
    },
  });
  expect('embedded' in configuration.mqtt ? '' : configuration.mqtt.password?.reveal()).toBe('pw');
  expect(settings).toMatchObject({
    node: 'rack',
    armed: true,
    dryRun: true,
    sources: ['z_last', 'a_first'],
    devices: [
      { id: 'rack_a', source: 'a_first', name: 'UPS', label: 'Rack A', nominalPower: 900 },
      { id: 'rack_b', source: 'z_last', name: 'rack_b' },
    ],
    allow: [],
  });
});

test('our own broker, with users as soon as others can reach it', async () => {
  const local = await loaded(`mqtt: {embedded: {}}\n${SOURCES}`);
  expect(local.configuration.mqtt).toMatchObject({
    embedded: { listen: { host: '127.0.0.1', port: 1883 }, users: {} },
  });
  const open = await loaded(
    `mqtt: {embedded: {listen: 0.0.0.0:1883, users: {ha: {password: x, rights: write}}}}\n${SOURCES}`,
  );
  expect(open.configuration.mqtt).toMatchObject({ embedded: { users: { ha: { rights: 'write' } } } });
});

const TOP =
  'known here: node, armed, dry_run, fsd, state_dir, log, http, mqtt, sources, ups, triggers, groups, look_every, commands';
const mqtt = (block: string) => `mqtt: {${block}}\n${SOURCES}`;
const source = (block: string) => `${BROKER}sources: {nas: ${block}}\n`;
const triggers = (block: string) => `${BROKER}${SOURCES}triggers: {${block}}\n`;
const actions = (list: string) =>
  `${BROKER}${SOURCES}groups: {g: {feeds: [a], stages: [{name: s, steps: [{ssh: {host: h, user: u, actions: ${list}}}]}]}}\n`;
const ACTION = 'groups.g.stages[0].steps[0].ssh.actions[0]';
const ACTIONS =
  'expected one of stop_containers, stop_vms, stop_proxmox_vms, stop_proxmox_cts, stop_xcpng_vms, stop_esxi_vms, truenas, synology, sync or a mapping of keys';
const ups = (block: string) => `${BROKER}${SOURCES}ups: ${block}\n`;

test.each([
  ['nothing at all', '', '1:1: mqtt: is required'],
  ['a list', '- a', '1:1: expected a mapping of keys, got a list'],
  ['a lone text', 'hunter2', '1:1: expected a mapping of keys, got a text'],
  ['an unknown key', `nod: x\n${BROKER}${SOURCES}`, '1:1: nod: unknown key (did you mean node?)'],
  ['a key of a later version', `${BROKER}${SOURCES}notify: {}`, `3:1: notify: unknown key (${TOP})`],
  ['a key given twice', `${BROKER}${SOURCES}node: a\nnode: b`, '4:1: node: is given twice: it is already on line 3'],
  [
    'a bad node',
    `${BROKER}${SOURCES}node: My Rack`,
    '3:7: node: use lower-case letters, digits, _ and -, at most 63, beginning with a letter or digit',
  ],
  [
    'a word for a truth value',
    `${BROKER}${SOURCES}armed: yes`,
    '3:8: armed: expected true or false, got "yes" (write true)',
  ],
  [
    'an unknown choice',
    `${BROKER}${SOURCES}fsd: tel`,
    '3:6: fsd: must be one of obey, tell, got "tel" (did you mean tell?)',
  ],
  [
    'a relative state folder',
    `${BROKER}${SOURCES}state_dir: state`,
    '3:12: state_dir: write the whole path, such as /var/lib/gridwarden',
  ],
  [
    'an empty block',
    `${BROKER}${SOURCES}http:`,
    '3:6: http: expected a mapping of keys, got nothing (give it a value or remove the key)',
  ],
  [
    'a bad listening address',
    `${BROKER}${SOURCES}http: {listen: 8321}`,
    '3:16: http.listen: expected a text, got 8321 (put it in quotes)',
  ],
  [
    'a port out of range',
    `${BROKER}${SOURCES}http: {listen: "x:99999"}`,
    '3:16: http.listen: write host:port, such as 127.0.0.1:8321',
  ],
  [
    'a bad log format',
    `${BROKER}${SOURCES}log: {format: xml}`,
    '3:15: log.format: must be one of text, json, got "xml"',
  ],
  ['no broker', SOURCES, '1:1: mqtt: is required'],
  ['neither broker', mqtt(''), '1:7: mqtt: needs url (a broker that is there) or embedded (our own)'],
  ['both brokers', mqtt('url: mqtt://x, embedded: {}'), '1:33: mqtt.embedded: give either url or embedded, not both'],
  [
    'an unknown scheme',
    mqtt('url: http://x'),
    '1:13: mqtt.url: write mqtt://host, mqtts://host, ws://host/path or wss://host/path, with :port where it is not the usual one',
  ],
  [
    'a path where none belongs',
    mqtt('url: mqtt://x/y'),
    '1:13: mqtt.url: write mqtt://host, mqtts://host, ws://host/path or wss://host/path, with :port where it is not the usual one',
  ],
  [
    'a password in the url',
    mqtt('url: mqtt://me:hunter2@x'),
    '1:13: mqtt.url: must not contain credentials: use the keys username and password',
  ],
  [
    'a user without a password in the url',
    mqtt('url: mqtts://me@x'),
    '1:13: mqtt.url: must not contain credentials: use the keys username and password',
  ],
  ['a password alone', mqtt('url: mqtt://x, password: y'), '1:33: mqtt.password: needs username as well'],
  [
    'a password that is a number',
    mqtt('url: mqtt://x, username: u, password: 12345'),
    '1:46: mqtt.password: expected a text, got a number (put it in quotes)',
  ],
  ['an empty password', mqtt('url: mqtt://x, username: u, password: ""'), '1:46: mqtt.password: must not be empty'],
  [
    'a duration without its unit',
    mqtt('url: mqtt://x, keepalive: 30'),
    '1:34: mqtt.keepalive: write a duration with its unit, such as 15s, 2m or 1h',
  ],
  ['a duration out of range', mqtt('url: mqtt://x, keepalive: 1s'), '1:34: mqtt.keepalive: must be between 5s and 18h'],
  [
    'an authority without encryption',
    mqtt('url: mqtt://x, ca: /ca.pem'),
    '1:27: mqtt.ca: needs an encrypted url: mqtts:// or wss://',
  ],
  [
    'a certificate without its key',
    mqtt('url: mqtts://x, cert: /c.pem'),
    '1:30: mqtt.cert: cert and key belong together: give both',
  ],
  [
    'a relative certificate',
    mqtt('url: mqtts://x, ca: ca.pem'),
    '1:28: mqtt.ca: write the whole path, such as /etc/gridwarden/ca.pem',
  ],
  [
    'a version that there is not',
    mqtt('url: mqtt://x, version: 4'),
    '1:32: mqtt.version: must be one of auto, 5, 3, got 4',
  ],
  [
    'a wildcard in the base',
    mqtt('url: mqtt://x, base: a/#'),
    '1:29: mqtt.base: write a topic without +, #, a leading $ or empty levels',
  ],
  [
    'an empty level in the prefix',
    mqtt('url: mqtt://x, discovery_prefix: a//b'),
    '1:41: mqtt.discovery_prefix: write a topic without +, #, a leading $ or empty levels',
  ],
  [
    'a key of the other broker',
    mqtt('embedded: {}, username: u'),
    '1:32: mqtt.username: needs url: it is for a broker elsewhere',
  ],
  [
    'an open broker for everybody',
    mqtt('embedded: {listen: 0.0.0.0:1883}'),
    '1:27: mqtt.embedded.listen: others than this machine can reach this address: give users as well, or listen on 127.0.0.1',
  ],
  [
    'a user without rights',
    mqtt('embedded: {users: {ha: {password: x}}}'),
    '1:27: mqtt.embedded.users.ha.rights: is required',
  ],
  [
    'a user that is a password',
    mqtt('embedded: {users: {ha: hunter2}}'),
    '1:31: mqtt.embedded.users.ha: expected a mapping of keys, got a text',
  ],
  ['no sources', BROKER, '1:1: sources: is required'],
  ['an empty list of sources', `${BROKER}sources: {}`, '2:10: sources: needs at least one source'],
  ['a source without a kind', source('{}'), '2:16: sources.nas: give exactly one kind of source: nut or simulated'],
  [
    'a source of two kinds',
    source('{nut: {host: x}, simulated: {}}'),
    '2:16: sources.nas: give exactly one kind of source: nut or simulated',
  ],
  [
    'a source of an unknown kind',
    source('{nutt: {host: x}}'),
    '2:17: sources.nas.nutt: unknown key (did you mean nut?)',
  ],
  ['a source without a host', source('{nut: {}}'), '2:17: sources.nas.nut.host: is required'],
  ['a mistyped key', source('{nut: {hots: x}}'), '2:23: sources.nas.nut.hots: unknown key (did you mean host?)'],
  [
    'a port that is text',
    source('{nut: {host: x, port: abc}}'),
    '2:38: sources.nas.nut.port: expected a number, got "abc"',
  ],
  ['a port out of range', source('{nut: {host: x, port: 70000}}'), '2:38: sources.nas.nut.port: must be at most 65535'],
  [
    'a name of a source',
    `${BROKER}sources: {NAS: {nut: {host: x}}}`,
    '2:11: sources.NAS: use lower-case letters, digits, _ and -, at most 63, beginning with a letter or digit',
  ],
  ['a source that is a number', `${BROKER}sources: {1: {nut: {host: x}}}`, '2:11: sources.1: must contain a letter'],
  ['a reserved id', ups('{bridge: {source: nas}}'), '3:7: ups.bridge: is reserved: choose another id'],
  ['a device without a source', ups('{a: {}}'), '3:7: ups.a.source: is required'],
  [
    'a device of an unknown source',
    ups('{a: {source: nass}}'),
    '3:19: ups.a.source: no source is called "nass" (did you mean nas?)',
  ],
  [
    'a device of a source that is far off',
    ups('{a: {source: pdu}}'),
    '3:19: ups.a.source: no source is called "pdu" (there is nas)',
  ],
  [
    'one device twice',
    ups('{a: {source: nas, name: x}, b: {source: nas, name: x}}'),
    '3:37: ups.b: is the same device of the same source as ups.a',
  ],
  [
    'one device by its id and by its name',
    ups('{a: {source: nas}, b: {source: nas, name: a}}'),
    '3:28: ups.b: is the same device of the same source as ups.a',
  ],
  [
    'a name with a line end',
    ups('{a: {source: nas, name: "x\\ny"}}'),
    '3:30: ups.a.name: must not contain spaces, quotes or backslashes',
  ],
  ['no watts', ups('{a: {source: nas, nominal_power: 0}}'), '3:39: ups.a.nominal_power: must be more than 0'],
  ['a label of two lines', ups('{a: {source: nas, label: "x\\ny"}}'), '3:31: ups.a.label: must be one line'],
  [
    'a word for a list',
    `${BROKER}${SOURCES}commands: {allow: "beeper.*"}`,
    '3:19: commands.allow: expected a list, got a text',
  ],
  [
    'an entry that allows nothing',
    `${BROKER}${SOURCES}commands: {allow: [beeper.*, "a b"]}`,
    '3:30: commands.allow[1]: write a command such as beeper.*, set:<variable> or bridge.<verb>',
  ],
  [
    'a secret that is not there',
    `${BROKER}${SOURCES}node: !secret x`,
    '3:15: node: the secret x is not defined (there is no secrets.yaml)',
  ],
  [
    'a variable that is not set',
    `${BROKER}${SOURCES}node: !env_var NODE`,
    '3:16: node: the environment variable NODE is not set (set it, or write !env_var NODE default)',
  ],
  ['a tag without a name', `${BROKER}${SOURCES}node: !secret`, '3:14: node: write !secret and the name of a secret'],
  [
    'a number or a word',
    triggers('charge_below: of'),
    '3:26: triggers.charge_below: expected off or a number, got "of"',
  ],
  ['a number that is out of bounds', triggers('charge_below: 96'), '3:26: triggers.charge_below: must be at most 95'],
  [
    'a duration without its unit where a word may stand',
    triggers('runtime_below: 300'),
    '3:27: triggers.runtime_below: write a duration with its unit, such as 15s, 2m or 1h (or write auto or off)',
  ],
  [
    'a duration that is out of bounds',
    triggers('dead_after: 1s'),
    '3:24: triggers.dead_after: must be between 5s and 10m (or write auto)',
  ],
  ['a mistyped word', triggers('dead_after: atuo'), '(did you mean auto?)'],
  [
    'an unknown key in a block or word',
    triggers('depletion: {rat: 3}'),
    '3:24: triggers.depletion.rat: unknown key (did you mean rate?)',
  ],
  [
    'a bad value in a block or word',
    triggers('depletion: {rate: x}'),
    '3:30: triggers.depletion.rate: expected a number, got "x"',
  ],
  [
    'something else than a block or word',
    triggers('depletion: 15'),
    '3:23: triggers.depletion: expected off or a mapping of keys, got 15',
  ],
  ['a mistyped action', actions('[stop_vm]'), `${ACTION}: ${ACTIONS}, got "stop_vm" (did you mean stop_vms?)`],
  [
    'an action that needs more',
    actions('[unmount]'),
    `${ACTION}: ${ACTIONS}, got "unmount" (write it as a key, with what belongs to it: unmount:)`,
  ],
  ['an action that is none', actions('[3]'), `${ACTION}: ${ACTIONS}, got 3`],
  [
    'a mistyped key of an action',
    actions('[{stop_vms: {wiat: 3s}}]'),
    `${ACTION}.stop_vms.wiat: unknown key (did you mean wait?)`,
  ],
  ['two actions in one', actions('[{stop_vms: {}, sync: {}}]'), `${ACTION}: give exactly one of`],
  ['a list of groups', `${BROKER}${SOURCES}groups: [a]`, '3:9: groups: expected a mapping of keys, got a list'],
  ['a group without feeds', `${BROKER}${SOURCES}groups: {g: {}}`, '3:10: groups.g.feeds: is required'],
  [
    'a mistyped stage',
    `${BROKER}${SOURCES}groups: {g: {feeds: [a], point_of_no_return: x, stages: [{name: y}]}}`,
    '3:46: groups.g.point_of_no_return: no stage is called "x" (there is y)',
  ],
  [
    'broken YAML',
    `${BROKER}${SOURCES}node: [`,
    '3:8: is not indented rightly (the keys of one block begin in the same column, and every { or [ is closed)',
  ],
])('%s', async (_, text, line) => {
  expect(await told(text)).toContainEqual(expect.stringContaining(line));
});

test('a step of a mistyped kind is not told to be none as well', async () => {
  const group = (step: string) =>
    `${BROKER}${SOURCES}groups: {g: {feeds: [a], stages: [{name: s, steps: [${step}]}]}}\n`;
  expect(await told(group('{vmss: {}}'))).toEqual([
    'gridwarden.yaml:3:54: groups.g.stages[0].steps[0].vmss: unknown key (did you mean vms?)',
  ]);
  expect(await told(group('{}'))).toHaveLength(1);
});

test('what a tag brings may be one of several kinds', async () => {
  const text = `${triggers('charge_below: !env_var C 30, dead_after: !env_var D auto, depletion: {rate: !env_var R 5}')}`;
  const { settings } = await loaded(text);
  expect(settings.triggers).toMatchObject({ chargeBelow: 30, deadAfter: 'auto', depletion: { perMinute: 5 } });
});

test('everything wrong is told at once, in the order of the file, and what follows from it is not', async () => {
  const text = `mqtt: {url: !secret gone, keepalive: 3}
sources: {nas: {nut: {prot: 1}}}
ups: {a: {source: nass}, b: {source: nas, nominal_power: x}}
armed: 1
`;
  expect(await told(text)).toEqual([
    'gridwarden.yaml:1:21: mqtt.url: the secret gone is not defined (there is no secrets.yaml)',
    'gridwarden.yaml:1:38: mqtt.keepalive: write a duration with its unit, such as 15s, 2m or 1h',
    'gridwarden.yaml:2:17: sources.nas.nut.host: is required',
    'gridwarden.yaml:2:23: sources.nas.nut.prot: unknown key (did you mean port?)',
    'gridwarden.yaml:3:19: ups.a.source: no source is called "nass" (did you mean nas?)',
    'gridwarden.yaml:3:58: ups.b.nominal_power: expected a number, got "x"',
    'gridwarden.yaml:4:8: armed: expected true or false, got 1',
  ]);
});

test('what a tag brings is read as what is expected in its place', async () => {
  const text = `${mqtt('url: !secret url, version: !env_var V auto')}node: !env_var NODE home\narmed: !env_var ARMED false\n`;
  const { configuration } = await loaded(text, 'url: mqtt://x', { ARMED: 'true', V: '5' });
  expect(configuration).toMatchObject({ node: 'home', armed: true, mqtt: { url: 'mqtt://x', version: 5 } });
  const port = await loaded(source('{nut: {host: x, port: !secret p}}'), 'p: 1234');
  expect(port.configuration.sources).toMatchObject({ nas: { nut: { port: 1234 } } });
  expect(await told(source('{nut: {host: x, port: !secret p}}'), 'p: hunter2')).toEqual([
    'gridwarden.yaml:2:46: sources.nas.nut.port: expected a number, got a text',
  ]);
});

test('faults of secrets.yaml are told with their place, and the names they hide', async () => {
  const text = `${mqtt('url: mqtt://x, username: u, password: !secret pw')}armed: 1\n`;
  expect(await told(text, 'pw: [hunter2]\n')).toEqual([
    'secrets.yaml:1:1: pw: must be a text',
    'gridwarden.yaml:1:54: mqtt.password: the secret pw cannot be looked up (first mend secrets.yaml)',
    'gridwarden.yaml:3:8: armed: expected true or false, got 1',
  ]);
  expect(await told(text, 'pw: "hunter2')).toContain(
    'secrets.yaml:1:13: a colon, comma, quote or bracket is missing here',
  );
  expect(await told(text, 'pww: x')).toContain(
    'gridwarden.yaml:1:54: mqtt.password: the secret pw is not defined in secrets.yaml',
  );
  expect(await told(text.replace('!secret pw', '!secret mqtt_pasword'), 'mqtt_password: x')).toContain(
    'gridwarden.yaml:1:54: mqtt.password: the secret mqtt_pasword is not defined in secrets.yaml (did you mean mqtt_password?)',
  );
});

test('files that are no text', async () => {
  expect(await told(Buffer.from([0x61, 0xff]))).toEqual(['gridwarden.yaml: is not UTF-8 text']);
  expect(await told(`#${'x'.repeat(LIMITS.configBytes)}`)).toEqual(['gridwarden.yaml: is larger than 1 MiB']);
  const cases = [
    [join(folder, 'none.yaml'), 'is not there'],
    [folder, 'is not a file'],
  ] as const;
  for (const [file, message] of cases) {
    expect(await readConfiguration(file, {})).toEqual({ ok: false, error: [{ file, key: '', message }] });
  }
});

test('a secrets.yaml that everybody may read is a warning', async () => {
  const text = mqtt('url: mqtt://x, username: u, password: !secret pw');
  const { file, own, result } = await read(text, 'pw: x');
  expect(result.ok && result.value.warnings).toEqual([]);
  chmodSync(join(own, 'secrets.yaml'), 0o644);
  const again = await readConfiguration(file, {});
  expect(again.ok && explain(again.value.warnings)).toEqual([
    `${own}/secrets.yaml: can be read by every user of this machine (chmod o-r ${own}/secrets.yaml)`,
  ]);
});

test('an unchecked certificate is a loud warning', async () => {
  const { warnings } = await loaded(mqtt('url: mqtts://x, verify: false'));
  expect(warnings.map(({ key, message }) => `${key}: ${message}`)).toEqual([
    'mqtt.verify: the certificate of the broker is not checked: whoever answers gets the password and may send commands',
  ]);
});

test('the digest follows the configuration, not its secrets, comments or layout', async () => {
  const text = mqtt('url: mqtt://x, username: u, password: !secret pw');
  const { digest } = await loaded(text, 'pw: one');
  expect((await loaded(`# a comment\n${text}`, 'pw: two')).digest).toBe(digest);
  expect((await loaded(`${text}armed: false`, 'pw: one')).digest).toBe(digest);
  expect((await loaded(`${text}armed: true`, 'pw: one')).digest).not.toBe(digest);
});

const PLACES = [
  'mqtt: {url: mqtt://x, username: u, password: @}',
  'mqtt: {url: mqtt://x, username: u, password: [@]}',
  'mqtt: {url: mqtt://x, username: u, password: {a: @}}',
  'mqtt: {url: mqtt://x, passwrd: @}',
  'mqtt: {embedded: {users: {u: {password: @}}}}',
  'mqtt: {embedded: {users: {u: {password: @, rights: write}}}}',
  'mqtt: {embedded: {users: {u: @}}}',
  'mqtt: {embedded: @}',
  'mqtt: @',
  'mqtt: {url: "mqtt://u:@@x"}',
  'mqtt: {url: mqtt://x}\nups: {a: {source: nas, nominal_power: !secret s}}',
  'mqtt: {url: mqtt://x}\narmed: !secret s',
  'mqtt: {url: mqtt://x}\nfsd: !secret s',
  'mqtt: {url: mqtt://x}\nups: {a: {source: !secret s}}',
  'mqtt: {url: mqtt://x}\nups: {a: {source: !env_var S}}',
  'mqtt: {url: mqtt://x}\nlog: {level: !env_var NONE @}',
  'mqtt: {url: mqtt://x}\nnode: "@\\q"',
  'mqtt: {url: mqtt://x}\ntriggers: {charge_below: !secret s}',
  'mqtt: {url: mqtt://x}\ntriggers: {runtime_below: !secret s}',
  'mqtt: {url: mqtt://x}\ntriggers: {depletion: {rate: !secret s}}',
  'mqtt: {url: mqtt://x}\ntriggers: {depletion: !secret s}',
  'mqtt: {url: mqtt://x}\nups: {a: {source: nas, self_test: {schedule: !secret s}}}',
  ...[
    'feeds: [a], point_of_no_return: !secret s, stages: [{name: x}]',
    'feeds: [a], point_of_no_return: x, stages: [{name: !secret s}]',
    'feeds: [a, !secret s, "bad id"]',
    ...[
      '{ssh: {host: h, user: u, shutdown: true, password: @}}',
      '{ssh: {host: h, user: u, shutdown: true, key: /k, passphrase: @}}',
      '{ssh: {host: h, user: u, password: [@]}}',
      '{ssh: {host: h, user: u, actions: [!secret s]}}',
      '{ssh: {host: h, user: u, actions: [{stop_vms: !secret s}]}}',
      '{ssh: {host: h, user: u, actions: [{stop_vms: {wait: !secret s}}]}}',
      '{exec: {command: [/x], env: {A: @}}}',
      '{exec: {command: [/x], env: @}}',
      '{http: {url: "http://x", headers: {A: @}}}',
      '{http: {url: "http://x", username: u, password: @}}',
      '{http: {url: "http://x", pasword: @}}',
      '{http: {home_assistant: {url: "http://x", action: a.b, token: @}}}',
      '{http: {proxmox: {url: "http://x", token_id: "a\\x40b!c", node: n, shutdown: node, token: @}}}',
      '{http: {redfish: {url: "http://x", username: u, password: @}}}',
      '{containers: {rootless: !secret s}}',
      '{vms: {}}, {vms: {after: [!secret s]}}',
      '{vms: {name: !secret s}}, {exec: {command: [/x], after: [b]}}',
      '{vms: {name: !secret s, after: [b]}}, {vms: {name: b, after: [!secret s]}}',
    ].map((step) => `feeds: [a], stages: [{name: x, steps: [${step}]}]`),
  ].map((group) => `mqtt: {url: mqtt://x}\ngroups: {g: {${group}}}`),
];

test('a secret is in no message, no printed configuration, no settings and no digest', async () => {
  for (const place of PLACES) {
    for (const word of ['hunter2', '271828182', '"hunter2 # x"']) {
      const text = `${place
        .replaceAll('"mqtt://u:@@x"', `"mqtt://u:${word.replaceAll('"', '')}@x"`)
        .replaceAll('@}', `${word}}`)
        .replaceAll('@', word)}\n${SOURCES}`;
      const bare = word.replaceAll('"', '');
      const { result } = await read(text, `s: "${bare}"`, { S: bare });
      const shown = result.ok
        ? JSON.stringify([result.value, digestInput(result.value.configuration, new Set())])
        : [...explain(result.error), JSON.stringify(result.error)].join('\n');
      expect(shown, text).not.toContain('hunter2');
      expect(shown, text).not.toContain('271828182');
    }
  }
});

test('a key that is no secret, brought by !secret, is not in the digest', async () => {
  const { configuration } = await loaded(source('{nut: {host: !secret where}}'), 'where: hidden.example.org');
  expect(digestInput(configuration, new Set(['hidden.example.org']))).not.toContain('hidden.example.org');
});

/** A value of a configuration gone wrong. */
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1, 1e308, '', 'x', '15s', 'mqtt://x', '0.0.0.0:1', 'constructor', '__proto__'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ...['node', 'mqtt', 'url', 'embedded', 'users', 'sources', 'nas', 'nut', 'host', 'simulated', 'ups'],
        ...['triggers', 'groups', 'feeds', 'stages', 'steps', 'when', 'ssh', 'actions', 'after', 'depletion'],
      ),
      tie('value'),
      { maxKeys: 5 },
    ),
    fc.dictionary(fc.constantFrom('source', 'commands', 'allow', '__proto__', 'constructor', 'toString'), tie('value')),
  ),
})).value;

test('no configuration breaks the reader, and every refusal says where', async () => {
  const file = join(folder, 'any.yaml');
  await fc.assert(
    fc.asyncProperty(anything, async (value) => {
      writeFileSync(file, JSON.stringify(value));
      const result = await readConfiguration(file, {});
      if (result.ok) return;
      expect(result.error).not.toEqual([]);
      for (const { line = 0, column = 0, message } of result.error satisfies readonly Problem[]) {
        expect(Math.min(line, column)).toBeGreaterThan(0);
        expect(message).not.toBe('');
      }
    }),
    { numRuns: 500 },
  );
});

test('a configuration is found where it is named, then in the working directory', async () => {
  const { own, file } = await read('');
  expect(await findConfiguration('/not/there.yaml', own)).toBe('/not/there.yaml');
  expect(await findConfiguration(undefined, own)).toBe(file);
});
