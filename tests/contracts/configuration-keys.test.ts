import { expect, test } from 'vitest';
import { branchesOf, type ConfigurationKey, configurationKeys, type KeySchema } from '../../src/config/json-schema.ts';

/** What may stand at a key, for people. */
const accepts = (schema: KeySchema): string => [...new Set(branchesOf(schema).map(kindOf))].join(' or ');

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  integer: 'whole number',
  number: 'number',
};

function kindOf(schema: KeySchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((choice) => `\`${String(choice)}\``).join(', ');
  if (schema.writeOnly === true) return 'secret';
  if (schema.items !== undefined) return 'list';
  if (schema.type === 'object') return schema.properties === undefined ? 'entries by name' : 'block';
  if (schema.pattern?.endsWith('(ms|s|m|h|d)$') === true) return 'duration';
  if (schema.pattern === '^\\d{4}-\\d{2}-\\d{2}$') return 'date';
  return KINDS[schema.type ?? ''] ?? 'anything';
}

function preset({ schema, required }: ConfigurationKey): string {
  if (required) return 'required';
  // An empty block only says that the defaults within it count.
  if (schema.default === undefined || schema.default === '' || JSON.stringify(schema.default) === '{}') return '';
  return typeof schema.default === 'string' ? `\`${schema.default}\`` : `\`${JSON.stringify(schema.default)}\``;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const row = (key: ConfigurationKey): string =>
  `| \`${key.key}\` | ${accepts(key.schema)} | ${preset(key)} | ${cell(key.schema.description ?? '')} |`;

const INTRODUCTION = `# Configuration

One YAML 1.2 file: the one named with \`--config\`, else \`gridwarden.yaml\` in the working directory, else
\`/etc/gridwarden/gridwarden.yaml\`. The least that works:

\`\`\`yaml
mqtt: {url: mqtt://homeassistant.local}
sources:
  nas: {nut: {host: 192.168.1.5}}
\`\`\`

More to copy is in [config/](../config). \`gridwarden check\` tells everything that is wrong with a file, with line and
column; \`gridwarden schema\` prints a JSON schema for completion in an editor. A key that is not listed here is an error.

* \`!secret name\` takes a text from \`secrets.yaml\` beside the file. Nobody but Gridwarden should be able to read that:
  \`chmod 600 secrets.yaml\`.
* \`!env_var NAME\` takes a text from the environment, \`!env_var NAME default\` with a default. Both may stand at any key.
* Dates are written \`2024-03-01\`. Durations have a unit: \`250ms\`, \`15s\`, \`2m\`, \`1h\`, \`1d\`. Only \`true\` and \`false\` are truth values.
* Names of your choice (sources, devices, the node) are lower-case letters, digits, \`_\` and \`-\`.
* Paths are absolute.
* Anchors and aliases work, merge keys (\`<<\`) do not.

## Every key

A \`*\` stands for a name of your choice, \`[]\` for each entry of a list. Groups, stages and steps by example:
[config/rack.yaml](../config/rack.yaml). The entries of \`restore\` are those of \`steps\`.

| key | accepts | default | meaning |
|---|---|---|---|
`;

test('every key of the configuration, a contract with the files of users', async () => {
  const lines = configurationKeys().map((key) => {
    const standard = preset(key).replaceAll('`', '');
    return `${key.key}: ${accepts(key.schema).replaceAll('`', '')}${standard === '' ? '' : ` = ${standard}`}`;
  });
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('configuration-keys.txt');
});

// After a change: npx vitest run tests/contracts/configuration-keys.test.ts --update
test('docs/configuration.md says it', async () => {
  const document = `${INTRODUCTION}${configurationKeys().map(row).join('\n')}\n`;
  await expect(document).toMatchFileSnapshot('../../docs/configuration.md');
});

test('every key has a description', () => {
  const bare = configurationKeys().filter(({ key, schema }) => !key.endsWith('.*') && !schema.description);
  expect(bare.map(({ key }) => key)).toEqual([]);
});
