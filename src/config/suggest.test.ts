import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

const known = ['host', 'port', 'username', 'password', 'client_id', 'discovery', 'discovery_prefix'];

test.each([
  ['hots', 'host'],
  ['prot', 'port'],
  ['pasword', 'password'],
  ['usernmae', 'username'],
  ['passwrod1', 'password'],
  ['clientId', 'client_id'],
  ['Discovery-Prefix', 'discovery_prefix'],
  ['discover', 'discovery'],
])('%s means %s', (typed, meant) => {
  expect(suggest(typed, known)).toBe(meant);
});

test.each(['ip', 'x', '', 'nothing_like_it', 'pasxxord1'])('%s means nothing that is known', (typed) => {
  expect(suggest(typed, known)).toBeUndefined();
});

test('the nearest wins, the first of equals', () => {
  expect(suggest('nass', ['nats', 'nas', 'nab'])).toBe('nats');
  expect(suggest('rack_c', ['rack_ab', 'rack_a', 'rack_b'])).toBe('rack_a');
});
