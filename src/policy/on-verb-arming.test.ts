import { describe, expect, test } from 'vitest';
import { armed, CHARGED, calm, fired, type Given, halting, last, orders, TWO, told } from '../../tests/kit/asked.ts';
import type { Watch } from '../../tests/kit/watch.ts';
import type { Json } from '../domain/requests.ts';

describe('to disarm', () => {
  const until = (watch: Watch, data: Json | undefined) => (Date.parse(`${data}`) - watch.stamp.wall) / 1000;

  test.each<[Given, number, readonly string[], string]>([
    [{}, 3600, ['rack', 'desk'], '1 h'],
    [{ for: '30m' }, 1800, ['rack', 'desk'], '30 min'],
    [{ for: '7d', group: 'desk' }, 7 * 86_400, ['desk'], '168 h'],
  ])('%j holds %i s for %j', (given, span, ids, text) => {
    const watch = calm().asks('disarm', given);
    const data = last(watch)?.data ?? {};
    expect([last(watch)?.status, data['groups'], until(watch, data['until'])]).toEqual(['ok', ids, span]);
    expect(['rack', 'desk'].filter((id) => !armed(watch, id))).toEqual(ids);
    for (const id of ids) expect(watch.group(id).disarmedUntil).toBe(watch.stamp.at + span * 1000);
    expect(told(watch, 'disarmed').map((fact) => fact.text)).toEqual(
      ids.map((id) => `${id}: disarmed for ${text}, nothing is shut down meanwhile`),
    );
  });

  test('calls off what goes on, and keeps off until it ends', () => {
    const watch = fired().asks('disarm', { for: '60s' });
    expect(watch.intents.filter(({ kind }) => kind === 'call-off')).toMatchObject([
      { group: 'rack', reason: 'a person has disarmed the group' },
    ]);
    expect(told(watch, 'called_off').map(({ text }) => text)).toEqual(['rack: called off by disarming']);
    expect(watch.runs(58).runsOrdered).toHaveLength(1);
    expect(watch.runs(5).runsOrdered).toHaveLength(2);
  });

  test('leaves what cannot be taken back, and holds for what comes after it', () => {
    const watch = halting(fired()).asks('disarm');
    expect([orders(watch), watch.run()?.whole, armed(watch, 'rack')]).toEqual([['run'], true, false]);
  });
});

describe('to arm', () => {
  test('lifts a disarming at once, of that group', () => {
    const watch = calm().asks('disarm').asks('arm', { group: 'rack', confirm: 'rack' });
    expect([armed(watch, 'rack'), armed(watch, 'desk')]).toEqual([true, false]);
    expect([last(watch), told(watch, 'armed')]).toMatchObject([
      { status: 'ok', data: { group: 'rack' } },
      [{ group: 'rack', text: 'rack: armed again' }],
    ]);
    watch.says('a', 'OB LB', CHARGED).says('b', 'OB LB', CHARGED).runs(10);
    expect(watch.runsOrdered).toMatchObject([{ group: 'rack' }]);
  });

  test('of what is not disarmed changes nothing, and arms nothing that the configuration does not', () => {
    const watch = calm({ ...TWO, armed: false });
    const group = watch.group();
    watch.asks('arm', { group: 'rack', confirm: 'rack' });
    expect([last(watch)?.status, told(watch, 'armed')]).toEqual(['ok', []]);
    expect(watch.group()).toBe(group);
    expect(watch.facts.every(({ text }) => text !== undefined)).toBe(true);
    expect(watch.says('a', 'OB LB', CHARGED).runs(10).runsOrdered).toEqual([]);
  });
});
