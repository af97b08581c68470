import { describe, expect, test } from 'vitest';
import { asks, configured, inventory, listed, Story, says } from '../../tests/kit/story.ts';
import type { Instructed } from '../domain/inputs.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Inventory } from '../domain/reading.ts';
import type { Ask } from '../domain/requests.ts';

const QUICK = 'test.battery.start.quick';
const CAN: Partial<Inventory> = {
  commands: [{ name: QUICK }, { name: 'test.battery.stop' }, { name: 'beeper.mute' }],
  writable: [{ variable: 'ups.delay.start', accepts: { kind: 'number' } }],
};

const able = (status = 'OL') =>
  new Story().tell(
    configured(),
    listed('nas', 'ups'),
    says('nas', 'ups', status, { 'battery.charge': '100' }),
    inventory('nas', 'ups', CAN),
  );
const command = (name: string, value?: string): Ask => ({
  kind: 'command',
  device: 'ups',
  command: name,
  ...(value === undefined ? {} : { value }),
});
const verb = (ups = 'ups'): Ask => ({ kind: 'verb', verb: 'self_test', given: { ups } });
const instructed = (request: string, outcome: Instructed) => ({ kind: 'instructed', request, outcome }) as const;
const begun = (ask: Ask = command(QUICK)) => able().tell(asks('1', ask));
const testOf = (story: Story) => story.device('ups').battery.test;

describe('a command that starts a self-test', () => {
  test.each<[string, Ask, object]>([
    ['as the device writes it', command(QUICK), { command: QUICK }],
    ['with a value', command(QUICK, '10'), { command: QUICK, value: '10' }],
    ['asked for as a self-test', verb(), { command: QUICK }],
  ])('%s is sent, and remembered as what was sent', (_, ask, order) => {
    const story = begun(ask);
    expect(story.intents).toEqual([
      {
        kind: 'instruct',
        request: '1',
        address: { source: 'nas', name: 'ups' },
        order: { kind: 'command', ...order },
      },
    ]);
    expect([testOf(story)?.command, story.state.pending.has('1')]).toEqual([QUICK, true]);
  });

  test('is refused while another one is open, by words of its own, and told of the device', () => {
    const story = begun();
    const before = testOf(story);
    story.tell(asks('2', verb()));
    expect(story.answer).toMatchObject({ code: 'not-now', error: 'ups: no self-test now, a test is going on already' });
    expect(story.facts).toMatchObject([
      {
        type: 'test_refused',
        device: 'ups',
        level: 'warning',
        text: 'ups: no self-test now, a test is going on already',
      },
      { type: 'request' },
    ]);
    expect(testOf(story)).toBe(before);
  });

  test('on battery is refused', () => {
    const story = able('OB').tell(asks('1', command(QUICK)));
    expect(story.answer).toMatchObject({ code: 'not-now', error: 'ups: no self-test now, it is on battery' });
    expect([testOf(story), story.state.pending.size]).toEqual([undefined, 0]);
  });

  test('that the device does not have is refused like any other command', () => {
    const story = able().tell(asks('1', command('test.battery.start.deep')));
    expect(story.answer).toMatchObject({ code: 'unknown-command' });
    expect(story.told).toEqual(['command:ups']);
  });

  test('is not begun while too many requests wait', () => {
    const many = Array.from({ length: LIMITS.pending }, (_, at) => asks(`p${at}`, command('beeper.mute')));
    const story = able().tell(...many);
    expect(story.tell(asks('1', command(QUICK))).answer).toMatchObject({ code: 'busy' });
    expect(testOf(story)).toBeUndefined();
  });
});

describe('a self-test that was ordered', () => {
  test.each<[string, Instructed, boolean]>([
    ['is awaited once the device has taken it', { kind: 'done', tracked: true }, true],
    ['is awaited where nobody knows whether it has', { kind: 'no-answer', why: 'timed out' }, true],
    ['is none where it was refused', { kind: 'refused', code: 'CMD-NOT-SUPPORTED' }, false],
    ['is none where we may not command', { kind: 'no-credentials' }, false],
  ])('%s', (_, outcome, isOpen) => {
    for (const ask of [command(QUICK), verb()]) {
      const story = begun(ask).tell(instructed('1', outcome));
      expect(testOf(story) !== undefined).toBe(isOpen);
    }
  });

  test.each<[string, Ask]>([
    ['another command', command('beeper.mute')],
    ['a setting', { kind: 'set', device: 'ups', variable: 'ups.delay.start', value: '30' }],
  ])('goes on whatever becomes of %s', (_, ask) => {
    const story = begun().tell(asks('2', ask));
    expect(story.intents).toMatchObject([{ kind: 'instruct', request: '2' }]);
    expect(testOf(story.tell(instructed('2', { kind: 'no-credentials' })))?.command).toBe(QUICK);
  });

  test('that was refused after its device has gone is nothing', () => {
    const story = begun().tell(listed('nas'), configured({ sources: [] }));
    expect(() => story.tell(instructed('1', { kind: 'no-credentials' }))).not.toThrow();
    expect(story.state.devices.size).toBe(0);
  });
});
