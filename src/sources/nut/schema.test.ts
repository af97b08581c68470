import { expect, test } from 'vitest';
import { nutSchema } from './schema.ts';

test('a host is enough', () => {
  expect(nutSchema.parse({ host: '192.168.1.5' })).toEqual({
    host: '192.168.1.5',
    port: 3493,
    login: 'auto',
    tls: 'off',
    statusInterval: 250,
    interval: 2000,
    intervalOnBattery: 1000,
    timeout: 3000,
  });
});

test('everything that can be said', () => {
  const config = nutSchema.parse({
    host: 'nas.lan',
    port: 13493,
    username: 'bridge',
    password: 'p "w" #1',
    login: 'never',
    tls: 'require',
    ca: '/etc/ca.pem',
    fingerprint: 'ab:'.repeat(31).concat('cd'),
    ups: ['rack'],
    status_interval: '100ms',
    interval: '5s',
    interval_on_battery: '500ms',
    timeout: '1s',
  });
  expect(config.user?.username).toBe('bridge');
  expect(config.user?.password.reveal()).toBe('p "w" #1');
  expect(config.login).toBe('never');
  expect(config.fingerprint).toBe('AB'.repeat(31).concat('CD'));
  expect(config).toMatchObject({ ups: ['rack'], statusInterval: 100, interval: 5000, intervalOnBattery: 500 });
  expect(JSON.stringify(config)).not.toContain('p "w"');
  expect(JSON.stringify(config)).not.toContain('p \\"w');
});

test.each([
  [{}, 'host'],
  [{ host: '' }, 'host'],
  [{ host: 'a b' }, 'host'],
  [{ host: 'a\nb' }, 'host'],
  [{ host: '[::1]' }, 'host'],
  [{ host: 'x', prot: 1 }, ''],
  [{ host: 'x', port: 0 }, 'port'],
  [{ host: 'x', username: 'a' }, 'password'],
  [{ host: 'x', password: 'a' }, 'username'],
  [{ host: 'x', username: 'a', password: 'b\nc' }, 'password'],
  [{ host: 'x', username: 'a\rb', password: 'b' }, 'username'],
  [{ host: 'x', username: 'a', password: 'p\u00e4ss' }, 'password'],
  [{ host: 'x', login: 'always' }, 'login'],
  [{ host: 'x', tls: 'yes' }, 'tls'],
  [{ host: 'x', ca: '/x' }, 'ca'],
  [{ host: 'x', fingerprint: 'ab'.repeat(32) }, 'fingerprint'],
  [{ host: 'x', tls: 'require', fingerprint: 'ab' }, 'fingerprint'],
  [{ host: 'x', ups: [] }, 'ups'],
  [{ host: 'x', status_interval: '50ms' }, 'status_interval'],
  [{ host: 'x', status_interval: '11s' }, 'status_interval'],
  [{ host: 'x', interval_on_battery: '100ms' }, 'interval_on_battery'],
  [{ host: 'x', interval: 2 }, 'interval'],
])('%j is refused at %j', (raw, path) => {
  const parsed = nutSchema.safeParse(raw);
  expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});
