import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secret } from './secret.ts';

test('a secret tells itself only to who asks for it', () => {
  expect(secret('hunter2').reveal()).toBe('hunter2');
});

test('a secret shows in nothing that prints it', () => {
  const text = fc.string({ minLength: 8 }).filter((candidate) => !/^[\s*]*$/.test(candidate));
  fc.assert(
    fc.property(text, (hidden) => {
      const one = secret(`<${hidden}>`);
      const printed = [
        String(one),
        `${one}`,
        JSON.stringify({ password: one }),
        inspect(one, { depth: 9, showHidden: true }),
        inspect({ nested: { one } }, { depth: 9 }),
        format('%s %o %j', one, one, one),
        JSON.stringify({ ...one }),
        String(new Error(`cannot log in with ${one}`)),
      ];
      return printed.every((print) => !print.includes(hidden));
    }),
  );
});

test('where it stands can be seen', () => {
  expect(`${secret('x')}`).toBe('***');
  expect(JSON.stringify([secret('x')])).toBe('["***"]');
});
