import { expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { commandsSchema } from './schema.ts';

test('without a block the default list holds; given, it is replaced', () => {
  expect(commandsSchema.parse(undefined)).toEqual({ allow: DEFAULT_ALLOW });
  expect(commandsSchema.parse({})).toEqual({ allow: DEFAULT_ALLOW });
  expect(commandsSchema.parse({ allow: ['load.*'] })).toEqual({ allow: ['load.*'] });
  expect(commandsSchema.parse({ allow: [] })).toEqual({ allow: [] });
});

test.each([[['a b']], [['']], [['x'.repeat(129)]], ['beeper.*'], [[1]]])('%j is refused', (allow) => {
  expect(commandsSchema.safeParse({ allow }).success).toBe(false);
});
