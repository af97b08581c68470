import { describe, expect, test } from 'vitest';
import { CHARGED, calm, fired, halting, LOW, last, orders, TWO, told } from '../../tests/kit/asked.ts';
import { settings } from '../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../tests/kit/watch.ts';
import { EMPTY_STATE, type State } from '../domain/state.ts';
import { asInstant, seconds } from '../domain/time.ts';
import { onVerb } from './on-verb.ts';

test.each<[string, (state: State) => Partial<State>]>([
  ['before the first configuration', ({ groups }) => ({ groups })],
  ['before anything is listened to', ({ listening: _, ...state }) => state],
  ['of a group that no configuration names', (state) => ({ ...state, settings: settings() })],
])('%s nothing is shut down', (_, known) => {
  const ask = { kind: 'verb', verb: 'shutdown', given: { group: 'rack', confirm: 'rack' } } as const;
  const state: State = { ...EMPTY_STATE, ...known(calm().state) };
  const { intents } = onVerb(state, { id: '1', from: 'signal', ask }, ask, { at: asInstant(0), wall: 0 });
  expect(intents).toMatchObject([{ answer: { code: 'not-now', error: 'rack: there is no configuration yet' } }]);
});

describe('a shutdown', () => {
  const shut = (watch: Watch) => watch.asks('shutdown', { group: 'rack', confirm: 'rack' });

  test('that a person asks for is the whole plan of that group, on mains as well', () => {
    const watch = shut(calm());
    expect(watch.runsOrdered).toMatchObject([{ group: 'rack', halt: true, reason: 'a person has asked for it' }]);
    expect(last(watch)).toEqual({ status: 'ok', data: { group: 'rack', run: watch.run()?.id } });
    expect([watch.run()?.kind, watch.group('desk').run]).toEqual(['request', undefined]);
    const [fact] = told(watch, 'shutdown');
    expect(fact?.text).toBe('rack: shutdown decided, a person has asked for it; this does: the halt of this host');
    expect(watch.told.at(-1)).toBe('request');
  });

  test('is that of the group that is named, wherever it stands in the configuration', () => {
    const watch = calm().asks('shutdown', { group: 'desk', confirm: 'desk' });
    expect(watch.runsOrdered).toMatchObject([{ group: 'desk', run: watch.group('desk').run?.id }]);
    expect([watch.run(), last(watch)?.data['group']]).toEqual([undefined, 'desk']);
    expect(watch.group('desk').members.has('b')).toBe(true);
  });

  test('makes the whole of what an outage has begun in part', () => {
    const lab = { ...HALT, key: 'lab/a', kind: 'exec' } as const;
    const stages = [{ name: 'lab', when: { onBatteryFor: seconds(10) }, steps: [lab], restore: [] }];
    const watch = new Watch(rack(['a'], { stages })).says('a', 'OL', CHARGED).runs(20);
    watch.says('a', 'OB', CHARGED).runs(20);
    expect(watch.runsOrdered).toMatchObject([{ stages: ['lab'], halt: false }]);
    expect(shut(watch).runsOrdered).toMatchObject([{ halt: false }, { stages: ['lab'], halt: true }]);
    expect(new Set(watch.runsOrdered.map(({ run }) => run)).size).toBe(1);
  });
});

describe('to cancel', () => {
  test('calls off what goes on, of every group, and silences what had fired', () => {
    const watch = fired().says('b', 'OB', LOW).runs(15);
    const { length } = watch.facts;
    watch.asks('cancel');
    expect(watch.told.slice(length)).toEqual(['called_off', 'called_off', 'request']);
    expect(last(watch)).toEqual({ status: 'ok', data: { cancelled: ['rack', 'desk'] } });
    expect(watch.intents.filter(({ kind }) => kind === 'call-off')).toMatchObject([
      { group: 'rack', reason: 'a person has cancelled it' },
      { group: 'desk', reason: 'a person has cancelled it' },
    ]);
    expect(told(watch, 'called_off').map(({ text }) => text)).toEqual([
      'rack: called off by a person',
      'desk: called off by a person',
    ]);
    expect([watch.run(), watch.group().progress?.phase]).toEqual([undefined, 'stopping']);
    expect(watch.runs(30).runsOrdered).toHaveLength(2);
  });

  test('names one group, and leaves the others at work', () => {
    const watch = fired().says('b', 'OB', LOW).runs(15).asks('cancel', { group: 'desk' });
    expect(last(watch)?.data).toEqual({ cancelled: ['desk'] });
    expect([watch.run()?.whole, watch.group('desk').run]).toEqual([true, undefined]);
  });

  test('calls off what is not past its point of no return', () => {
    const watch = halting(fired().says('b', 'OB', LOW).runs(15)).asks('cancel');
    expect(last(watch)?.data).toEqual({ cancelled: ['desk'] });
    expect(watch.run()?.whole).toBe(true);
  });

  test('of what nobody can wait out has it decided anew at once', () => {
    const watch = calm().says('a', 'OB LB', CHARGED).runs(10);
    expect(watch.runsOrdered).toHaveLength(1);
    watch.asks('cancel');
    expect([last(watch)?.data, watch.runsOrdered.length]).toEqual([{ cancelled: ['rack'] }, 2]);
    expect(watch.runsOrdered[1]?.run).toBe(watch.run()?.id);
  });

  test('of what is only told orders nothing', () => {
    const watch = fired({ ...TWO, armed: false }).asks('cancel');
    expect([last(watch)?.status, orders(watch), told(watch, 'called_off')]).toMatchObject(['ok', [], [{}]]);
  });
});
