import { expect, test } from 'vitest';
import { changesBetween } from './changes.ts';
import { schemaAt } from './json-schema.ts';
import { configurationSchema } from './schema.ts';

const LEAST = { mqtt: { url: 'mqtt://x' }, sources: { nas: { nut: { host: 'nas' } } } };
const read = (given: object) => configurationSchema.parse({ ...LEAST, ...given });
const changed = (before: object, after: object) => changesBetween(read(before), read(after)).map(({ key }) => key);

const nut = (block: object) => ({ sources: { nas: { nut: { host: 'nas', ...block } } } });
const mqtt = (block: object) => ({ mqtt: { url: 'mqtt://x', username: 'u', password: 'p', ...block } });

const SSH = { host: 'h', user: 'u', shutdown: true, password: 'p' };

test.each([
  ['nothing', {}, {}, []],
  ['a default that is written out', {}, { node: 'home', http: { listen: '127.0.0.1:8321' } }, []],
  ['a plain key', {}, { node: 'rack', dry_run: true }, ['dry_run', 'node']],
  ['a key in a block', {}, { mqtt: { url: 'mqtt://x', discovery_prefix: 'ha' } }, ['mqtt.discovery_prefix']],
  ['a key that was not there', mqtt({}), mqtt({ client_id: 'x' }), ['mqtt.client_id']],
  ['a listening address', {}, { http: { listen: '127.0.0.1:1' } }, ['http.listen']],
  ['a list', {}, { commands: { allow: [] } }, ['commands.allow']],
  ['a password', mqtt({}), mqtt({ password: 'q' }), ['mqtt.password']],
  [
    'a password of a source',
    nut({ username: 'u', password: 'p' }),
    nut({ username: 'u', password: 'q' }),
    ['sources.nas.nut.password'],
  ],
  ['the kind of a source', {}, { sources: { nas: { simulated: {} } } }, ['sources.nas.nut', 'sources.nas.simulated']],
  ['an entry that came', {}, { ups: { a: { source: 'nas' } } }, ['ups.a']],
  ['an entry that went', { ups: { a: { source: 'nas' } } }, {}, ['ups.a']],
  ['a name that follows from the id', {}, { ups: { a: { source: 'nas', name: 'a' } } }, ['ups.a']],
  [
    'a trigger',
    {},
    { triggers: { dead_after: '20s', mains_hold: '9s' } },
    ['triggers.dead_after', 'triggers.mains_hold'],
  ],
  ['a trigger of several kinds', {}, { triggers: { depletion: { rate: 9 } } }, ['triggers.depletion']],
  [
    'a group',
    { groups: { g: { feeds: ['a'], host: { halt: true } } } },
    { groups: { g: { feeds: ['b'], triggers: { hold: '9s' }, stages: [{ name: 'x' }], host: { halt: false } } } },
    ['groups.g.feeds', 'groups.g.host.halt', 'groups.g.stages', 'groups.g.triggers.hold'],
  ],
  [
    'a password of a step',
    { groups: { g: { feeds: ['a'], stages: [{ name: 'x', steps: [{ ssh: SSH }] }] } } },
    { groups: { g: { feeds: ['a'], stages: [{ name: 'x', steps: [{ ssh: { ...SSH, password: 'q' } }] }] } } },
    ['groups.g.stages'],
  ],
  [
    'how a device is tuned',
    { ups: { a: { source: 'nas' } } },
    { ups: { a: { source: 'nas', trust_charge: false, battery_installed: '2024-03-01' } } },
    ['ups.a.battery_installed', 'ups.a.trust_charge'],
  ],
  [
    'the kind of broker',
    {},
    { mqtt: { embedded: {} } },
    ['mqtt.embedded', 'mqtt.keepalive', 'mqtt.url', 'mqtt.verify', 'mqtt.version'],
  ],
])('%s', (_, before, after, keys) => {
  expect(changed(before, after)).toEqual(keys);
  for (const key of keys) expect(schemaAt(key.split('.')), key).toBeDefined();
});

test('the order of the sources is a change: the earlier keeps a name', () => {
  const [a, b] = [{ simulated: { seed: 1 } }, { simulated: { seed: 2 } }];
  expect(changed({ sources: { a, b } }, { sources: { b, a } })).toEqual(['sources']);
});

test('only the state folder needs a restart', () => {
  const changes = changesBetween(
    read({}),
    read({ node: 'rack', armed: true, state_dir: '/srv', mqtt: { url: 'mqtt://y' } }),
  );
  expect(changes.filter(({ restart }) => restart)).toEqual([{ key: 'state_dir', restart: true }]);
  expect(changes).toHaveLength(4);
});
