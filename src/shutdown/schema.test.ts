import { expect, test } from 'vitest';
import { type GivenStep, stepNames, stepSchema, stepsOf, stoppedHost } from './schema.ts';
import { haltOf, hostSchema } from './steps/host/schema.ts';

const step = (entry: object): GivenStep => stepSchema.parse(entry);

/** Why an entry is refused: `key: message`, the kind left out of the key. */
function refused(entry: object): readonly string[] {
  const { error } = stepSchema.safeParse(entry);
  return (error?.issues ?? []).map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
}

const SSH = { host: 'nas.lan', user: 'gw' };
const HTTP = { url: 'https://hooks.lan/secret-path' };

// Seconds: when it is abandoned, and what it is taken to need before it was measured.
test.each([
  [{ vms: {} }, 'shut down the VMs of qemu:///system', 120, 65],
  [{ vms: { action: 'save', wait: '3m' } }, 'save the VMs of qemu:///system', 240, 185],
  [{ vms: { action: 'start', deadline: '1m' } }, 'start the VMs of qemu:///system', 60, 60],
  [{ containers: {} }, 'stop the containers of this machine', 90, 35],
  [{ containers: { engine: 'podman', action: 'start' } }, 'start the containers of podman', 90, 35],
  [
    { containers: { compose: [{ file: '/a' }, { file: '/b', wait: '1m' }] } },
    'stop the containers of this machine',
    180,
    125,
  ],
  [{ containers: { compose: [{ file: '/a' }], rest: false } }, 'stop the containers of this machine', 90, 35],
  [{ filesystems: {} }, 'sync', 30, 10],
  [{ filesystems: { sync: '5s', unmount: [{ path: '/a' }] } }, 'sync, unmount /a', 20, 7],
  [
    { filesystems: { sync: 'off', unmount: ['/a', '/b', '/c', '/d'].map((path) => ({ path })) } },
    'unmount /a, /b, /c and 1 more',
    60,
    8,
  ],
  [{ exec: { command: ['/bin/true', 'hush'] } }, 'run /bin/true', 30, 10],
  [{ exec: { command: ['/bin/true'], deadline: '5s' } }, 'run /bin/true', 5, 5],
  [{ ssh: { ...SSH, shutdown: true } }, 'shut down nas.lan', 120, 40],
  [{ ssh: { ...SSH, shutdown: 'halt -p', actions: ['stop_vms', 'sync'] } }, 'shut down nas.lan', 210, 130],
  [{ ssh: { ...SSH, actions: ['stop_containers', { command: 'hush' }] } }, 'stop containers on nas.lan', 90, 40],
  [{ ssh: { ...SSH, actions: [{ unmount: { path: '/a' } }] } }, 'unmount on nas.lan', 60, 10],
  [{ http: HTTP }, 'POST to hooks.lan', 30, 5],
  [
    { http: { home_assistant: { url: 'http://ha', token: 'hush', action: 'switch.turn_off' } } },
    'switch.turn_off in Home Assistant',
    30,
    5,
  ],
  [
    {
      http: {
        proxmox: { url: 'https://pve:8006', token_id: 'a@pve!b', token: 'hush', node: 'pve1', shutdown: 'guests' },
      },
    },
    'shut down the guests of pve1',
    180,
    60,
  ],
  [
    {
      http: {
        proxmox: { url: 'https://pve:8006', token_id: 'a@pve!b', token: 'hush', node: 'pve1', shutdown: 'node' },
      },
    },
    'shut down pve1',
    180,
    60,
  ],
  [{ http: { redfish: { url: 'https://bmc', username: 'u', password: 'hush' } } }, 'GracefulShutdown of bmc', 120, 60],
  [{ mqtt: { topic: 'a/b', payload: 'hush' } }, 'publish to a/b', 15, 2],
  [{ wake: { mac: '00-11-22-AA-BB-CC' } }, 'wake 00:11:22:aa:bb:cc', 10, 1],
  [{ wake: { mac: '001122aabbcc', until: { host: 'lab.lan' } } }, 'wake lab.lan', 300, 120],
  [{ ups: {} }, 'tell rack_a to switch off and return with mains', 30, 5],
  [{ ups: { device: 'rack_b', action: 'outlet_off', outlet: '2' } }, 'tell rack_b to switch off an outlet', 30, 5],
  [{ ups: { action: 'fsd' } }, 'tell rack_a to shut down its secondaries', 45, 20],
  [{ ups: { action: 'killpower' } }, 'tell rack_a to be switched off at the end of the halt', 30, 5],
])('%j', (entry, text, deadline, usual) => {
  const [made] = stepsOf([step(entry)], 'halt/', 'rack_a');
  const [kind] = Object.keys(entry);
  expect(made?.step).toMatchObject({ key: `halt/${kind}`, kind, text, after: [], carriesSource: false });
  expect([made?.step.deadline, made?.step.usual]).toEqual([deadline * 1000, usual * 1000]);
  expect(made?.kind).toBe(kind);
  expect(JSON.stringify(made?.step)).not.toContain('hush');
});

test('what the executor gets is whole, and secrets print as stars', () => {
  const { config } = step({
    ssh: {
      ...SSH,
      password: 'pw',
      known_hosts: '/k',
      actions: ['stop_vms', { stop_compose: { path: '/c' } }, { stop_units: ['a.service'] }, { command: 'x; y' }],
      probe: { command: 'show', expect: 'Switch' },
    },
  });
  expect(JSON.parse(JSON.stringify(config))).toEqual({
    host: 'nas.lan',
    port: 22,
    user: 'gw',
    password: '***',
    agent: false,
    knownHosts: '/k',
    shell: 'auto',
    sudo: false,
    connectTimeout: 10_000,
    actions: [
      { kind: 'stop_vms', wait: 60_000 },
      { kind: 'stop_compose', path: '/c', wait: 30_000 },
      { kind: 'stop_units', units: ['a.service'] },
      { kind: 'command', command: 'x; y' },
    ],
    probe: { command: 'show', expect: 'Switch' },
  });
});

test('a request has its method, its login and what counts as success', () => {
  const { config } = step({
    http: {
      ...HTTP,
      headers: { 'X-Key': 'k' },
      body: 'b',
      username: 'u',
      password: 'p',
      expect: { status: [204] },
      ca: '/ca',
    },
  });
  expect(JSON.parse(JSON.stringify(config))).toEqual({
    call: {
      form: 'request',
      request: {
        url: HTTP.url,
        method: 'POST',
        headers: { 'X-Key': '***' },
        body: 'b',
        login: { username: 'u', password: '***' },
        expect: { status: [204] },
      },
    },
    ca: '/ca',
    verify: true,
  });
});

test.each([
  [
    { action: 'shutdown_return', delay: '2m' },
    { action: 'shutdown_return', delay: 120_000 },
  ],
  [
    { action: 'outlet_off', outlet: '2', delay: '5s' },
    { action: 'outlet_off', outlet: '2', delay: 5000 },
  ],
  [
    { action: 'fsd', wait: '1m' },
    { action: 'fsd', wait: 60_000 },
  ],
  [
    { action: 'killpower', flag: '/run/killpower' },
    { action: 'killpower', flag: '/run/killpower' },
  ],
  [{ action: 'killpower' }, { action: 'killpower', flag: '/etc/killpower' }],
])('the order %j', (block, order) => {
  expect(stepsOf([step({ ups: block })], '', 'a')[0]?.config).toEqual({ device: 'a', order });
});

test.each<[object, string]>([
  [{ vms: { wait: '2m', deadline: '1m' } }, 'deadline: is shorter than what the step waits for in all'],
  [{ vms: { first: ['a'], last: ['a'] } }, 'last: names a VM that is in first as well'],
  [{ vms: { except: ['-x'] } }, 'except.0: must be one line and not begin with a dash'],
  [{ containers: { rest: false } }, 'rest: leaves nothing to do: give compose as well'],
  [{ containers: { compose: [{ file: 'a' }] } }, 'compose.0.file: write the whole path, such as /mnt/data'],
  [{ filesystems: { sync: 'off' } }, 'sync: leaves nothing to do: give unmount as well'],
  [
    { filesystems: { unmount: [{ path: '/a', options: ['x'] }] } },
    'unmount.0.options.0: write an option of umount, such as -f',
  ],
  [{ exec: { command: ['true'] } }, 'command.0: write the whole path of the program, such as /usr/bin/true'],
  [{ exec: { command: [] } }, 'command: name the program, such as [/usr/bin/true]'],
  [{ exec: { command: ['/x', 'a\0b'] } }, 'command.1: must not contain a NUL character'],
  [{ exec: { command: ['/x'], env: { 'A-B': 'x' } } }, 'env.A-B: Invalid key in record'],
  [{ ssh: SSH }, 'actions: leaves nothing to do: give actions or shutdown'],
  [
    { ssh: { ...SSH, host: '-oProxyCommand=x', shutdown: true } },
    'host: write a host name or an IP address, without brackets or port',
  ],
  [{ ssh: { ...SSH, user: 'a@b', shutdown: true } }, 'user: must not contain spaces, @ or colons'],
  [{ ssh: { ...SSH, shutdown: 'a\nb' } }, 'shutdown: must be one line'],
  [{ ssh: { ...SSH, shutdown: true, passphrase: 'x' } }, 'passphrase: needs key as well'],
  [{ ssh: { ...SSH, shutdown: true, shell: 'none' } }, 'probe: is required with shell: none'],
  [
    { ssh: { ...SSH, shutdown: true, shell: 'none' } },
    'shutdown: write the command: with shell: none there is no usual one',
  ],
  [{ ssh: { ...SSH, actions: ['sync'], shell: 'none' } }, 'actions: can only be commands with shell: none'],
  [{ ssh: { ...SSH, shutdown: 'x', sudo: true, shell: 'none' } }, 'sudo: means nothing with shell: none'],
  [
    { ssh: { ...SSH, actions: ['stop_vms', 'stop_vms'], deadline: '90s' } },
    'deadline: is shorter than what the step waits for in all',
  ],
  [{ http: {} }, ': give exactly one of url, proxmox, redfish, home_assistant'],
  [
    { http: { ...HTTP, redfish: { url: 'https://b', username: 'u', password: 'p' } } },
    ': give exactly one of url, proxmox, redfish, home_assistant',
  ],
  [
    { http: { redfish: { url: 'https://b', username: 'u', password: 'p' }, body: 'x' } },
    'body: needs url: it is for a request of your own',
  ],
  [{ http: { url: 'ftp://x' } }, 'url: write http://host/path or https://host/path'],
  [{ http: { url: 'http://u:p@x' } }, 'url: must not contain credentials: use the keys for them'],
  [{ http: { ...HTTP, username: 'u' } }, 'password: username and password go together'],
  [{ http: { ...HTTP, password: 'p' } }, 'username: username and password go together'],
  [{ http: { ...HTTP, method: 'GET', body: 'x' } }, 'body: means nothing with method: GET'],
  [{ mqtt: { topic: 'a/#' } }, 'topic: must be one topic, without the wildcards # and +'],
  [{ wake: { mac: '00:11:22' } }, 'mac: write it as 00:11:22:33:44:55'],
  [{ wake: { mac: '001122334455', broadcast: 'lan' } }, 'broadcast: write an IP address, such as 192.168.1.255'],
  [{ ups: { action: 'outlet_off' } }, 'outlet: is required with outlet_off'],
  [{ ups: { outlet: '1' } }, 'outlet: means nothing with shutdown_return'],
  [{ ups: { action: 'fsd', delay: '5s' } }, 'delay: means nothing with fsd'],
  [{ ups: { action: 'fsd', wait: '1m', deadline: '30s' } }, 'deadline: is shorter than what the step waits for in all'],
  [{ ups: { flag: '/x' } }, 'flag: means nothing with shutdown_return'],
])('%j is refused', (entry, problem) => {
  expect(refused(entry)).toContain(problem);
});

test.each([[{}], [{ vms: {}, wake: { mac: '001122334455' } }]])('%j is not one step', (entry) => {
  const { error } = stepSchema.safeParse(entry);
  expect(error?.issues.map(({ message }) => message)).toEqual([
    'give exactly one kind of step: vms, containers, filesystems, exec, ssh, http, mqtt, wake, ups',
  ]);
});

test.each([
  [['a', 'a', 'b', 'a'].map((kind) => ({ kind })), ['a', 'a-2', 'b', 'a-3']],
  [
    [{ kind: 'a' }, { kind: 'b', name: 'a' }, { kind: 'a', name: 'a-2' }],
    ['a-3', 'a', 'a-2'],
  ],
])('names of %j', (steps, names) => {
  expect(stepNames(steps)).toEqual(names);
});

test('keys and what they wait for carry their stage', () => {
  const made = stepsOf(
    [step({ vms: {} }), step({ exec: { command: ['/x'], name: 'flush', after: ['vms'], carries_source: true } })],
    'halt/restore/',
    'a',
  );
  expect(made.map(({ step: { key, after, carriesSource } }) => [key, after, carriesSource])).toEqual([
    ['halt/restore/vms', [], false],
    ['halt/restore/flush', ['halt/restore/vms'], true],
  ]);
});

test.each([
  [{ halt: true }, 120_000, 60_000],
  [{ halt: true, command: ['/sbin/poweroff'], message: 'Bye', deadline: '30s' }, 30_000, 30_000],
])('the halt of %j', (block, deadline, usual) => {
  expect(haltOf(hostSchema.parse(block))).toEqual({
    key: 'host',
    kind: 'host',
    text: 'halt this host',
    after: [],
    deadline,
    usual,
    carriesSource: false,
  });
});

test('a host that is not halted has no halt, and no command for it', () => {
  expect(haltOf(hostSchema.parse({ halt: false }))).toBeUndefined();
  expect(haltOf(undefined)).toBeUndefined();
  expect(hostSchema.safeParse({ halt: false, command: ['/x'] }).success).toBe(false);
});

test.each<[string, Readonly<Record<string, unknown>>, string | undefined]>([
  ['ssh', { host: 'nas', shutdown: true }, 'nas'],
  ['ssh', { host: 'nas', shutdown: 'halt' }, 'nas'],
  ['ssh', { host: 'nas', actions: ['sync'] }, undefined],
  ['ssh', { shutdown: true }, undefined],
  ['exec', { command: ['/sbin/shutdown', '-h', 'now'] }, 'localhost'],
  ['exec', { command: ['/usr/bin/sudo', '-n', '/usr/bin/systemctl', 'poweroff'] }, 'localhost'],
  ['exec', { command: ['/sbin/init', '0'] }, 'localhost'],
  ['exec', { command: ['/usr/bin/systemctl', 'stop', 'lab.service'] }, undefined],
  ['exec', { command: ['/usr/local/bin/flush', 'halt'] }, undefined],
  ['exec', { command: ['/usr/bin/sudo'] }, undefined],
  ['exec', { command: 'poweroff' }, undefined],
  ['wake', { host: 'nas', shutdown: true }, undefined],
])('%s %j stops %s', (kind, block, host) => {
  expect(stoppedHost(kind, block)).toBe(host);
});
