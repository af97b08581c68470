import { describe, expect, test } from 'vitest';
import { configured, inventory, listed, Story } from '../../tests/kit/story.ts';
import type { Writable } from '../domain/reading.ts';
import { orderFor } from './writable.ts';

/** A device with one setting, called `x.y`, and what it makes of a value. */
function answer(accepts: Writable['accepts'], value: string): string {
  const story = new Story().tell(configured(), listed('nas', 'ups'));
  story.tell(inventory('nas', 'ups', { writable: [{ variable: 'x.y', accepts }] }));
  const order = orderFor(story.device('ups'), { kind: 'set', device: 'ups', variable: 'x.y', value });
  if (!order.ok) return `${order.error.code}: ${order.error.text}`;
  return order.value.kind === 'set' ? `sends "${order.value.value}"` : order.value.kind;
}

describe('a value of a list', () => {
  const values = [' on', 'on', 'off ', '088', '88.5', 'none'];
  test.each([
    ['on', 'sends "on"'],
    [' on', 'sends " on"'],
    ['  on  ', 'sends " on"'],
    ['off', 'sends "off "'],
    ['88', 'sends "088"'],
    [' 88.50', 'sends "88.5"'],
    ['none', 'sends "none"'],
  ])('%j is written as the device lists it: %s', (value, sent) => {
    expect(answer({ kind: 'enum', values }, value)).toBe(sent);
  });

  test.each(['ON', 'nothing', '', '89'])('%j is refused', (value) => {
    const text = `x.y takes one of ${values.join(', ')}, not ${JSON.stringify(value)}`;
    expect(answer({ kind: 'enum', values }, value)).toBe(`wrong-value: ${text}`);
  });
});

test.each([
  ['5', true],
  ['20', true],
  ['4.9', false],
  ['20.1', false],
  ['30', true],
  ['50.5', true],
  ['29.9', false],
  ['50.6', false],
])('both ends of a range belong to it: %s %s', (value, fits) => {
  const ranges = [
    [5, 20],
    [30, 50.5],
  ] as const;
  expect(answer({ kind: 'range', ranges }, value).startsWith('sends')).toBe(fits);
});

test('a text may be as long as the device says, blanks and all, and no longer', () => {
  expect(answer({ kind: 'text', maxLength: 3 }, ' a ')).toBe('sends " a "');
  expect(answer({ kind: 'text', maxLength: 3 }, ' a  ')).toBe(
    'wrong-value: x.y takes at most 3 characters, not " a  "',
  );
});

test('before its inventory a device cannot be told anything', () => {
  const device = new Story().tell(configured(), listed('nas', 'ups')).device('ups');
  const error = { code: 'unavailable', text: 'ups has not told yet what it can do' };
  const set = orderFor(device, { kind: 'set', device: 'ups', variable: 'x.y', value: '1' });
  expect(set).toEqual({ ok: false, error });
  expect(orderFor(device, { kind: 'command', device: 'ups', command: 'beeper.mute' })).toEqual({ ok: false, error });
});
