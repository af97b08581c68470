import { expect, test } from 'vitest';
import { asks, configured, inventory, listed, Story, says } from '../../tests/kit/story.ts';
import type { Ask } from '../domain/requests.ts';

const verb = (name: string): Ask => ({ kind: 'verb', verb: name, given: {} });
const ready = (...names: readonly string[]) =>
  new Story().tell(configured(), listed('nas', 'ups', ...names), says('nas', 'ups', 'OL'));

test('a device that there is not is answered with twenty of those that there are', () => {
  const names = Array.from({ length: 25 }, (_, at) => `u${at}`);
  const story = ready(...names).tell(asks('1', { kind: 'command', device: 'x', command: 'a.b' }));
  const known = ['ups', ...names.slice(0, 19)].join(', ');
  expect(story.answer).toMatchObject({ error: `no device "x"; there are: ${known}` });
});

test('what somebody has asked for is told to everybody, what it has brought is not', () => {
  const [fact] = ready().tell(asks('1', verb('health'), 'http')).facts;
  expect(fact).toEqual({
    type: 'request',
    level: 'notice',
    text: 'request health: done',
    details: { verb: 'health', from: 'http', status: 'ok' },
  });
});

test('a command is told with its name and value', () => {
  const story = ready().tell(inventory('nas', 'ups', { commands: [{ name: 'beeper.mute' }] }));
  story.tell(asks('1', { kind: 'command', device: 'ups', command: 'beeper.mute', value: '5' }));
  story.tell({ kind: 'instructed', request: '1', outcome: { kind: 'done', tracked: true } });
  const details = { command: 'beeper.mute', value: '5', from: 'mqtt', status: 'ok' };
  expect(story.facts).toEqual([
    { type: 'command', device: 'ups', level: 'notice', text: 'ups: beeper.mute 5: done', details },
  ]);
});

test('a reload names all that waits for a restart', () => {
  const data = { changed: ['a', 'b', 'c'], restart: ['b', 'c'] };
  const story = ready().tell(asks('1', verb('reload')));
  story.tell({ kind: 'reloaded', request: '1', answer: { status: 'ok', data } });
  expect(story.facts[0]?.text).toBe('request reload: done, changed: a, b, c; only after a restart: b, c');
});
