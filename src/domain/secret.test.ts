import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secret } from './secret.ts';

test('a secret tells itself only to who asks for it', () => {
  expect(secret('hunter2').reveal()).toBe('hunter2');
});

test('a secret shows in nothing that prints it', () => {
  // In brackets that stand in no name of ours, or 'toString' as a password would seem to show.
  const text = fc.string({ minLength: 1 }).map((hidden) => `<${hidden}>`);
  fc.assert(
    fc.property(text, (hidden) => {
      const one = secret(hidden);
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
