import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asks,
  configured,
  deviceLost,
  inventory,
  listed,
  Story,
  says,
  sourceLost,
  TICK,
} from '../../tests/kit/story.ts';
import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES } from '../domain/facts.ts';
import type { Input, Instructed } from '../domain/inputs.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Inventory } from '../domain/reading.ts';
import type { Ask, RefusalCode } from '../domain/requests.ts';

const CAN: Inventory = {
  commands: [{ name: 'beeper.mute' }, { name: 'Test.Battery.Start' }],
  writable: [
    {
      variable: 'battery.charge.low',
      accepts: {
        kind: 'range',
        ranges: [
          [5, 20],
          [30, 50.5],
        ],
      },
    },
    { variable: 'input.transfer.low', accepts: { kind: 'enum', values: ['088', '92', 'low'] } },
    { variable: 'ups.delay.start', accepts: { kind: 'number' } },
    { variable: 'ups.id', accepts: { kind: 'text', maxLength: 8 } },
  ],
};

const command = (name: string, value?: string): Ask => ({
  kind: 'command',
  device: 'ups',
  command: name,
  ...(value === undefined ? {} : { value }),
});
const set = (variable: string, value: string): Ask => ({ kind: 'set', device: 'ups', variable, value });
const verb = (name: string): Ask => ({ kind: 'verb', verb: name, given: {} });

const ready = (allow?: readonly string[]) =>
  new Story().tell(
    configured(allow === undefined ? {} : { allow }),
    listed('nas', 'ups'),
    says('nas', 'ups', 'OL'),
    inventory('nas', 'ups', CAN),
  );
const instructed = (request: string, outcome: Instructed): Input => ({ kind: 'instructed', request, outcome });
const refusal = (story: Story) => (story.answer.status === 'error' ? [story.answer.code, story.answer.error] : []);

describe('an order', () => {
  test.each<[Ask, object]>([
    [command('beeper.mute'), { kind: 'command', command: 'beeper.mute' }],
    [command('BEEPER.mute', '5'), { kind: 'command', command: 'beeper.mute', value: '5' }],
    [command('test.battery.start'), { kind: 'command', command: 'Test.Battery.Start' }],
    [set('battery.charge.low', '20'), { kind: 'set', variable: 'battery.charge.low', value: '20' }],
    [set('BATTERY.charge.LOW', ' 50.5 '), { kind: 'set', variable: 'battery.charge.low', value: '50.5' }],
    [set('input.transfer.low', '88'), { kind: 'set', variable: 'input.transfer.low', value: '088' }],
    [set('input.transfer.low', '92.0'), { kind: 'set', variable: 'input.transfer.low', value: '92' }],
    [set('input.transfer.low', 'low'), { kind: 'set', variable: 'input.transfer.low', value: 'low' }],
    [set('ups.delay.start', ' -1'), { kind: 'set', variable: 'ups.delay.start', value: '-1' }],
    [set('ups.id', ' rack '), { kind: 'set', variable: 'ups.id', value: ' rack ' }],
    [set('ups.id', ''), { kind: 'set', variable: 'ups.id', value: '' }],
  ])('%j goes to the device as %j', (ask, order) => {
    const story = ready().tell(asks('1', ask));
    expect(story.intents).toEqual([{ kind: 'instruct', request: '1', address: { source: 'nas', name: 'ups' }, order }]);
    expect(story.facts).toEqual([]);
  });

  test.each<[Instructed, object, string]>([
    [{ kind: 'done', tracked: true }, { status: 'ok', data: { confirmed: true } }, 'ups: beeper.mute: done'],
    [{ kind: 'done', tracked: false }, { status: 'ok', data: { confirmed: false } }, 'ups: beeper.mute: done'],
    [
      { kind: 'refused', code: 'CMD-NOT-SUPPORTED' },
      { status: 'error', code: 'refused', data: { server_error: 'CMD-NOT-SUPPORTED' } },
      'ups: beeper.mute: refused: the server answered CMD-NOT-SUPPORTED',
    ],
    [
      { kind: 'no-credentials' },
      { status: 'error', code: 'no-credentials' },
      'ups: beeper.mute: refused: the source has no username and password, which commands and settings need',
    ],
    [
      { kind: 'no-answer', why: 'the connection was lost' },
      { status: 'error', code: 'no-answer', error: 'the connection was lost' },
      'ups: beeper.mute: refused: the connection was lost',
    ],
  ])('that ends as %j is answered', (outcome, answer, text) => {
    const story = ready().tell(asks('1', command('beeper.mute')), instructed('1', outcome));
    expect(story.answer).toMatchObject(answer);
    expect(story.facts.map((fact) => fact.text)).toEqual([text]);
    expect(story.told).toEqual(['command:ups']);
    expect(story.state.pending.size).toBe(0);
  });

  test('to set something is told as such, with value and sender', () => {
    const story = ready().tell(
      asks('1', set('ups.id', 'rack'), 'http'),
      instructed('1', { kind: 'done', tracked: true }),
    );
    expect(story.facts).toEqual([
      {
        type: 'set',
        device: 'ups',
        level: 'notice',
        text: 'ups: ups.id = rack: done',
        details: { variable: 'ups.id', value: 'rack', from: 'http', status: 'ok' },
      },
    ]);
  });

  test('with a value is told with it', () => {
    const story = ready().tell(asks('1', command('beeper.mute', '5')), instructed('1', { kind: 'no-credentials' }));
    expect(story.facts[0]?.text).toMatch(/^ups: beeper.mute 5: refused: /);
    expect(story.facts[0]).toMatchObject({ level: 'warning', details: { value: '5', code: 'no-credentials' } });
  });

  test('is answered although its device has gone meanwhile', () => {
    const story = ready().tell(asks('1', command('beeper.mute')), configured({ sources: [] }));
    expect(story.tell(instructed('1', { kind: 'done', tracked: true })).answer).toMatchObject({ status: 'ok' });
    expect(story.told).toEqual(['request']);
  });

  test('that nobody gave is not answered', () => {
    const story = ready().tell(instructed('never', { kind: 'done', tracked: true }));
    const reloaded: Input = { kind: 'reloaded', request: 'never', answer: { status: 'ok', data: {} } };
    expect(story.tell(reloaded).intents).toEqual([]);
  });

  test('whose end no type allows is a bug', () => {
    const story = ready().tell(asks('1', command('beeper.mute')));
    const impossible = { kind: 'other' } as unknown as Instructed; // what no type allows
    expect(() => story.tell(instructed('1', impossible))).toThrow('impossible case');
  });
});

const unheard = () => new Story().tell(configured(), listed('nas', 'ups'));
const full = () => {
  const many = Array.from({ length: LIMITS.pending }, (_, at) => asks(`p${at}`, command('beeper.mute')));
  return ready().tell(...many);
};

const REFUSALS: readonly (readonly [RefusalCode, () => Story, Ask, string])[] = [
  ['wrong-payload', ready, { kind: 'unreadable', why: 'not UTF-8 text' }, 'not UTF-8 text'],
  ['unknown-device', ready, { kind: 'command', device: 'x', command: 'beeper.mute' }, 'no device "x"; there are: ups'],
  [
    'unknown-device',
    () => new Story().tell(configured()),
    { kind: 'set', device: 'x'.repeat(200), variable: 'a.b', value: '' },
    `no device "${'x'.repeat(80)}"; there are: none yet`,
  ],
  ['not-allowed', () => ready(['beeper.*']), command('load.off'), 'load.off is not in commands.allow'],
  ['not-allowed', () => ready(['beeper.*']), set('ups.id', 'x'), 'set:ups.id is not in commands.allow'],
  ['not-allowed', () => ready(['*']), verb('health'), 'bridge.health is not in commands.allow'],
  ['unavailable', () => ready().tell(sourceLost('nas')), command('beeper.mute'), 'ups cannot be reached'],
  [
    'unavailable',
    () => ready().tell(deviceLost('nas', 'ups', 'data-stale')),
    command('x'),
    'ups gives only stale data',
  ],
  ['unavailable', unheard, command('beeper.mute'), 'ups has not been heard yet'],
  [
    'unavailable',
    () => unheard().tell(says('nas', 'ups', 'OL')),
    command('beeper.mute'),
    'ups has not told yet what it can do',
  ],
  ['unknown-command', ready, command('load.off'), 'ups has no command "load.off"'],
  ['not-writable', ready, set('ups.model', 'x'), 'ups has no setting "ups.model"'],
  [
    'wrong-value',
    ready,
    set('battery.charge.low', '25'),
    'battery.charge.low takes a number from 5 to 20 or 30 to 50.5, not "25"',
  ],
  [
    'wrong-value',
    ready,
    set('battery.charge.low', 'much'),
    'battery.charge.low takes a number from 5 to 20 or 30 to 50.5, not "much"',
  ],
  ['wrong-value', ready, set('input.transfer.low', '90'), 'input.transfer.low takes one of 088, 92, low, not "90"'],
  ['wrong-value', ready, set('input.transfer.low', 'LOW'), 'input.transfer.low takes one of 088, 92, low, not "LOW"'],
  ['wrong-value', ready, set('ups.delay.start', '1e3'), 'ups.delay.start takes a number, not "1e3"'],
  ['wrong-value', ready, set('ups.id', 'x'.repeat(9)), 'ups.id takes at most 8 characters, not "xxxxxxxxx"'],
  ['busy', full, command('beeper.mute'), 'too many requests are waiting already'],
  ['busy', full, verb('reload'), 'too many requests are waiting already'],
  [
    'unknown-verb',
    ready,
    verb('toString'),
    'no such request; there are: reload, health, plan, drill, shutdown, cancel, restore, arm, disarm, self_test',
  ],
];

describe('a refusal', () => {
  test.each(REFUSALS)('%s', (code, story, ask, text) => {
    const refused = story().tell(asks('1', ask));
    expect(refusal(refused)).toEqual([code, text]);
    expect(refused.intents).toHaveLength(1);
    expect(refused.facts).toMatchObject([{ level: 'warning', details: { status: 'error', code } }]);
    expect(refused.state.pending.has('1')).toBe(false);
  });

  test('each reason has words of its own', () => {
    const codes = new Map<string, RefusalCode>();
    for (const [code, , , text] of REFUSALS) {
      expect(codes.get(text) ?? code).toBe(code);
      codes.set(text, code);
    }
    expect(new Set(codes.values()).size).toBe(9);
  });

  test.each([
    ['a device that is lost', () => ready([]).tell(sourceLost('nas')), command('beeper.mute')],
    [
      'a device that was never heard',
      () => new Story().tell(configured({ allow: [] }), listed('nas', 'ups')),
      command('x'),
    ],
    ['a command it does not have', () => ready([]), command('load.off')],
    ['a wrong value', () => ready([]), set('battery.charge.low', '99')],
  ])('by the allow-list tells nothing of %s', (_, story, ask) => {
    expect(refusal(story().tell(asks('1', ask)))[0]).toBe('not-allowed');
  });

  test('before the first configuration covers everything', () => {
    expect(refusal(new Story().tell(asks('1', verb('health'))))[0]).toBe('not-allowed');
  });
});

describe('a request to the bridge', () => {
  test('for its health tells what is heard and what is lost', () => {
    const story = ready().tell(asks('1', verb('health')));
    expect(story.answer).toEqual({
      status: 'ok',
      data: { healthy: true, sources: { nas: 'up' }, devices: { ups: 'up' } },
    });
    story.tell(deviceLost('nas', 'ups', 'data-stale'), asks('2', verb('health')));
    const since = '2026-01-01T00:00:05.000Z';
    expect(story.answer.data).toEqual({
      healthy: false,
      sources: { nas: 'up' },
      devices: { ups: { lost: 'data-stale', detail: 'seen', since } },
    });
  });

  test('to reload is answered when it has ended', () => {
    const story = ready().tell(asks('1', verb('reload')));
    expect([story.intents, story.facts]).toEqual([[{ kind: 'reload', request: '1' }], []]);
    story.tell({ kind: 'reloaded', request: '1', answer: { status: 'ok', data: { changed: [] } } });
    expect(story.answer).toEqual({ status: 'ok', data: { changed: [] } });
    expect(story.told).toEqual(['reloaded']);
  });

  test.each([
    [{ changed: [], restart: [] }, 'request reload: done, nothing has changed'],
    [{ changed: ['mqtt', 'ups'], restart: [] }, 'request reload: done, changed: mqtt, ups'],
    [{ changed: ['a', 'b'], restart: ['b'] }, 'request reload: done, changed: a, b; only after a restart: b'],
    [{ changed: ['a'] }, 'request reload: done, changed: a'],
  ])('to reload tells everybody of %j', (data, text) => {
    const story = ready().tell(asks('1', verb('reload')));
    story.tell({ kind: 'reloaded', request: '1', answer: { status: 'ok', data } });
    expect(story.facts).toMatchObject([{ text, details: { verb: 'reload', status: 'ok', ...data } }]);
  });

  test('to reload what is wrong is told as refused', () => {
    const answer = { status: 'error', code: 'invalid-configuration', error: 'line 3', data: {} } as const;
    const story = ready().tell(asks('1', verb('reload')), { kind: 'reloaded', request: '1', answer });
    expect(story.answer).toEqual(answer);
    expect(story.facts).toMatchObject([{ type: 'reload_refused', text: 'request reload: refused: line 3' }]);
  });

  test('by a signal needs nobody to allow it', () => {
    const story = ready([]).tell(asks('1', verb('reload'), 'signal'));
    expect(story.intents).toEqual([{ kind: 'reload', request: '1' }]);
  });

  test('that cannot be read is told, and of its device where it names one', () => {
    const story = ready().tell(asks('1', { kind: 'unreadable', device: 'ups', why: 'no' }));
    expect(story.facts).toMatchObject([{ type: 'command', device: 'ups', text: 'ups: request: refused: no' }]);
    expect(story.tell(asks('2', { kind: 'unreadable', verb: 'reload', why: 'no' })).told).toEqual(['request']);
  });
});

describe('time', () => {
  test('runs out for who waits, to the millisecond, in the order of asking', () => {
    const story = ready().tell(asks('1', command('beeper.mute')), asks('2', verb('reload')));
    expect(story.later(57).tell(TICK).intents).toEqual([]);
    expect(story.tell(TICK).intents).toMatchObject([{ kind: 'answer', request: { id: '1' } }]);
    expect(refusal(story)).toEqual(['no-answer', 'nothing was heard of it for 1 min']);
    expect(story.tell(TICK).intents).toMatchObject([{ request: { id: '2' }, answer: { code: 'no-answer' } }]);
    expect(story.tell(instructed('1', { kind: 'done', tracked: true }), TICK).intents).toEqual([]);
  });

  test('runs out for several at once', () => {
    const story = full().later(120).tell(TICK);
    expect(story.intents).toHaveLength(LIMITS.pending);
    expect(story.facts).toHaveLength(LIMITS.pending);
    expect(story.state.pending.size).toBe(0);
  });
});

test('every request is answered once, whatever happens', () => {
  const outcome: fc.Arbitrary<Instructed> = fc.constantFrom(
    { kind: 'done', tracked: true },
    { kind: 'no-credentials' },
    { kind: 'refused', code: 'X' },
    { kind: 'no-answer', why: 'x' },
  );
  const ask = fc.constantFrom<Ask>(
    command('beeper.mute'),
    command('load.off'),
    set('battery.charge.low', '10'),
    set('battery.charge.low', '99'),
    { kind: 'command', device: 'x', command: 'beeper.mute' },
    { kind: 'unreadable', why: 'x' },
    verb('reload'),
    verb('health'),
    verb('other'),
  );
  type Step =
    | { readonly kind: 'ask'; readonly ask: Ask }
    | { readonly kind: 'end'; readonly of: number; readonly outcome: Instructed }
    | { readonly kind: 'wait'; readonly seconds: number }
    | { readonly kind: 'input'; readonly input: Input };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: ask.map((one) => ({ kind: 'ask' as const, ask: one })) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.nat(40), outcome).map(([of, end]) => ({ kind: 'end' as const, of, outcome: end })),
    },
    fc.nat(70).map((seconds) => ({ kind: 'wait' as const, seconds })),
    fc
      .constantFrom(
        sourceLost('nas'),
        listed('nas', 'ups'),
        listed('nas'),
        says('nas', 'ups', 'OL'),
        inventory('nas', 'ups', CAN),
        configured({ allow: [] }),
        configured(),
        configured({ sources: [] }),
      )
      .map((input) => ({ kind: 'input' as const, input })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const story = ready();
      const answers = new Map<string, number>();
      const actors = new Map<string, string>();
      let asked = 0;
      const tell = (input: Input) => {
        for (const intent of story.tell(input).intents) {
          if (intent.kind === 'answer') answers.set(intent.request.id, (answers.get(intent.request.id) ?? 0) + 1);
          else if ('request' in intent) actors.set(intent.request, intent.kind);
        }
        for (const { type, device } of story.facts) {
          const known = device === undefined ? BRIDGE_EVENT_TYPES : DEVICE_EVENT_TYPES;
          expect(known).toContain(type);
        }
      };
      for (const one of steps) {
        if (one.kind === 'ask') tell(asks(String(asked++), one.ask));
        else if (one.kind === 'wait') story.later(one.seconds);
        else if (one.kind === 'input') tell(one.input);
        else if (actors.get(String(one.of)) === 'reload') {
          tell({ kind: 'reloaded', request: String(one.of), answer: { status: 'ok', data: {} } });
        } else tell(instructed(String(one.of), one.outcome));
        for (const count of answers.values()) expect(count).toBe(1);
        expect(answers.size + story.state.pending.size).toBe(asked);
      }
      story.later(120);
      tell(TICK);
      expect([...answers.values()]).toEqual(Array.from({ length: asked }, () => 1));
      expect(story.state.pending.size).toBe(0);
    }),
    { numRuns: 200 },
  );
});
