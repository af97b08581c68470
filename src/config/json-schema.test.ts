import { expect, test } from 'vitest';
import { configurationKeys, editorSchema, fileSchema, schemaAt } from './json-schema.ts';

test('secrets are known as such, wherever they stand', () => {
  const secrets = configurationKeys().filter(({ schema }) => schema.writeOnly === true);
  expect(secrets.map(({ key }) => key)).toEqual([
    'mqtt.embedded.users.*.password',
    'mqtt.password',
    'sources.*.nut.password',
  ]);
});

test('every key that looks like a secret is one', () => {
  const looks = configurationKeys().filter(({ key }) => /pass|token|secret|community/.test(key));
  for (const { key, schema } of looks) expect(schema.writeOnly, key).toBe(true);
});

test('what stands at a path', () => {
  expect(schemaAt(['sources', 'any', 'nut', 'port'])?.type).toBe('integer');
  expect(schemaAt(['commands', 'allow', 3])?.type).toBe('string');
  expect(schemaAt(['mqtt', 'constructor'])).toBeUndefined();
  expect(schemaAt(['no', 'such', 'thing'])).toBeUndefined();
  expect(schemaAt([])).toBe(fileSchema());
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
      sources: { additionalProperties: { properties: { nut: { required: ['host'] } } } },
      mqtt: { properties: { password: { type: 'string', writeOnly: true } } },
    },
  });
});
