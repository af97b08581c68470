import { expect, test } from 'vitest';
import { configurationKeys, editorSchema, fileSchema, schemaAt } from './json-schema.ts';

test('secrets are known as such, wherever they stand', () => {
  const secrets = configurationKeys().filter(({ schema }) => schema.writeOnly === true);
  expect(secrets.map(({ key }) => key.replace('groups.*.stages[].steps[]', 'step')).toSorted()).toEqual(
    [
      'groups.*.host.ssh.passphrase',
      'groups.*.host.ssh.password',
      'mqtt.embedded.users.*.password',
      'mqtt.password',
      'sources.*.nut.password',
      'step.exec.env.*',
      'step.ssh.passphrase',
      'step.ssh.password',
      'step.http.headers.*',
      'step.http.password',
      'step.http.proxmox.token',
      'step.http.redfish.password',
      'step.http.home_assistant.token',
    ].toSorted(),
  );
});

test('every key that looks like a secret is one', () => {
  const looks = configurationKeys().filter(({ key }) => /pass|token(?!_id)|secret|community/.test(key));
  for (const { key, schema } of looks) expect(schema.writeOnly, key).toBe(true);
});

test('what stands at a path', () => {
  expect(schemaAt(['sources', 'any', 'nut', 'port'])?.type).toBe('integer');
  expect(schemaAt(['commands', 'allow', 3])?.type).toBe('string');
  const step = ['groups', 'any', 'stages', 0, 'steps', 1];
  expect(schemaAt([...step, 'ssh', 'actions', 0, 'stop_vms', 'wait'])?.default).toBe('1m');
  expect(schemaAt([...step, 'ssh', 'actions', 0, 'stop'])).toBeUndefined();
  expect(schemaAt(['triggers', 'depletion', 'rate'])?.type).toBe('number');
  expect(schemaAt(['mqtt', 'constructor'])).toBeUndefined();
  expect(schemaAt(['no', 'such', 'thing'])).toBeUndefined();
  expect(schemaAt([])).toBe(fileSchema());
});

test('a list of blocks is listed once, although two keys have it', () => {
  const keys = configurationKeys().map(({ key }) => key);
  expect(keys).toContain('groups.*.stages[].steps[].ssh.actions[].stop_compose.path');
  expect(keys.filter((key) => key.startsWith('groups.*.stages[].restore'))).toEqual(['groups.*.stages[].restore']);
  expect(new Set(keys).size).toBe(keys.length);
});

test('editors refuse unknown keys and bear both tags', () => {
  expect(editorSchema()).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: ['mqtt', 'sources'],
    properties: {
      armed: { default: false, anyOf: [{ type: 'boolean' }, { type: 'string' }] },
      fsd: { default: 'obey', anyOf: [{ enum: ['obey', 'tell'] }, { type: 'string' }] },
      triggers: { properties: { charge_below: { default: 20, anyOf: [{ anyOf: [{ type: 'number' }, {}] }, {}] } } },
      sources: { additionalProperties: { properties: { nut: { required: ['host'] } } } },
      mqtt: { properties: { password: { type: 'string', writeOnly: true } } },
    },
  });
});
