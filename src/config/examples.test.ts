import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { explain } from './problem.ts';
import { readConfiguration } from './read.ts';

const folder = fileURLToPath(new URL('../../config/', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'secrets.yaml');

test('there are examples', () => {
  expect(examples).toEqual(
    expect.arrayContaining([
      'embedded-broker.yaml',
      'home-assistant.yaml',
      'minimal.yaml',
      'rack.yaml',
      'several-servers.yaml',
    ]),
  );
});

test.each(examples)('%s can be run with as it is', async (name) => {
  const result = await readConfiguration(`${folder}${name}`, {});
  expect(result.ok ? [] : explain(result.error)).toEqual([]);
});
