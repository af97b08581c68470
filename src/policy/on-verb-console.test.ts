import { describe, expect, test } from 'vitest';
import { askedHere, calm, fired, type Given, last, TWO } from '../../tests/kit/asked.ts';
import { group } from '../../tests/kit/settings.ts';
import { asks, Story } from '../../tests/kit/story.ts';
import { HALT, rack, type Watch } from '../../tests/kit/watch.ts';
import type { RefusalCode } from '../domain/requests.ts';
import { seconds } from '../domain/time.ts';
import { CONSOLE_VERBS } from './on-verb.ts';
import { progressData } from './pursuit/shown.ts';

describe('verbs of the machine itself', () => {
  const own = CONSOLE_VERBS.flatMap((verb) =>
    (['mqtt', 'http', 'signal', 'schedule'] as const).map((from) => [verb, from] as const),
  );

  test.each(own)('%s is refused to %s, whatever is allowed', (verb, from) => {
    const watch = calm({ ...TWO, allow: ['*', 'bridge.*', `bridge.${verb}`] });
    const { durations } = watch.state;
    const given = { group: 'rack', step: 'lab/a', state: 'done', took: 4 };
    watch.tell({ kind: 'request', request: { id: '1', from, ask: { kind: 'verb', verb, given } } });
    expect(last(watch)).toMatchObject({ code: 'not-allowed', error: `${verb} is for this machine itself` });
    expect(watch.state.durations).toBe(durations);
  });
});

describe('progress', () => {
  const asked = (watch: Watch, given: Given) => askedHere(watch, 'progress', given);

  test.each<[Given, readonly string[]]>([
    [{}, ['rack', 'desk']],
    [{ group: 'rack' }, ['rack']],
  ])('for %j is what the topics of %j say', (given, ids) => {
    const watch = asked(fired(), given);
    const data = last(watch)?.data ?? {};
    expect([last(watch)?.status, Object.keys(data)]).toEqual(['ok', ids]);
    expect(data['rack']).toEqual(progressData(watch.group(), watch.state, watch.stamp.at));
    expect(data['rack']).toMatchObject({ state: 'running', run: watch.run()?.id });
  });

  test('is no event: who watches asks every second', () => {
    const watch = fired();
    const { length } = watch.facts;
    expect(asked(watch, { group: 'rack' }).facts).toHaveLength(length);
  });

  test('of a group that is not there is refused', () => {
    expect(last(asked(calm(), { group: 'attic' }))).toMatchObject({ code: 'unknown-group' });
  });
});

describe('what a step took beside us', () => {
  const lab = { ...HALT, key: 'lab/a', kind: 'exec', deadline: seconds(30) } as const;
  const restore = { ...lab, key: 'lab/restore/a' };
  const RACK = rack(['a'], { stages: [{ name: 'lab', steps: [lab], restore: [restore] }], halt: HALT });
  const tells = (given: Given) => askedHere(calm(RACK), 'measured', { group: 'rack', step: 'lab/a', ...given });
  const kept = (watch: Watch) => [last(watch)?.data['kept'], [...watch.state.durations]];
  const WEEK = 7 * 86_400;

  test.each<[Given, string, number]>([
    [{ state: 'done', took: 4 }, 'rack/lab/a', 4000],
    [{ state: 'done', took: 0.25 }, 'rack/lab/a', 250],
    [{ state: 'done', took: 0 }, 'rack/lab/a', 0],
    [{ state: 'done', took: WEEK }, 'rack/lab/a', WEEK * 1000],
    [{ state: 'timed-out', took: 30 }, 'rack/lab/a', 30_000],
    [{ step: 'lab/restore/a', state: 'done', took: 4 }, 'rack/lab/restore/a', 4000],
  ])('is learned of %j', (given, key, took) => {
    const watch = tells(given);
    expect([last(watch)?.status, kept(watch)]).toEqual(['ok', [true, [[key, [took]]]]]);
  });

  test('is learned of the group that is named', () => {
    const other = { ...lab, key: 'late/b' };
    const desk = { ...group('desk', ['a']), stages: [{ name: 'late', steps: [other], restore: [] }] };
    const watch = calm({ ...RACK, groups: [...(RACK.groups ?? []), desk] });
    askedHere(watch, 'measured', { group: 'desk', step: 'late/b', state: 'done', took: 4 });
    expect(kept(watch)).toEqual([true, [['desk/late/b', [4000]]]]);
  });

  test('is what the plan reckons with at once', () => {
    const watch = calm(RACK);
    const before = watch.group().plan.need;
    askedHere(watch, 'measured', { group: 'rack', step: 'lab/a', state: 'done', took: 25 });
    expect(watch.group().plan.need).toBe(before + seconds(25) - lab.usual);
    expect(watch.group().plan.stages[0]?.steps[0]).toMatchObject({ basis: 'measured', expected: 25_000 });
    expect(watch.told.at(-1)).toBe('request');
  });

  test.each<[Given]>([
    [{ state: 'failed', took: 4 }],
    [{ state: 'skipped', took: 4 }],
    [{ state: 'timed-out', took: 29 }],
    [{ step: 'host', state: 'done', took: 4 }],
  ])('is not learned of %j', (given) => {
    expect(kept(tells(given))).toEqual([false, []]);
  });

  const GROUPS = 'no such group; there are: rack';
  const STEPS = 'rack has no such step';
  const WORDS = 'write "state" as one of done, failed, timed-out, skipped, and "took" in seconds';

  test.each<[Given, RefusalCode, string]>([
    [{ group: 'attic', state: 'done', took: 4 }, 'unknown-group', GROUPS],
    [{ step: 'lab/b', state: 'done', took: 4 }, 'wrong-value', STEPS],
    [{ step: 7, state: 'done', took: 4 }, 'wrong-value', STEPS],
    [{ state: 'well', took: 4 }, 'wrong-value', WORDS],
    [{ state: 'done', took: '4' }, 'wrong-value', WORDS],
    [{ state: 'done', took: -1 }, 'wrong-value', WORDS],
    [{ state: 'done', took: WEEK + 1 }, 'wrong-value', WORDS],
    [{ state: 'done' }, 'wrong-value', WORDS],
  ])('is refused as %j', (given, code, error) => {
    const watch = tells(given);
    expect([last(watch), kept(watch)[1]]).toMatchObject([{ code, error }, []]);
  });

  test('of no group is refused', () => {
    const watch = askedHere(calm(RACK), 'measured', { step: 'lab/a', state: 'done', took: 4 });
    expect(last(watch)).toMatchObject({ code: 'unknown-group', error: GROUPS });
  });

  test('is refused before the first configuration', () => {
    const given = { group: 'rack', step: 'lab/a', state: 'done', took: 4 };
    const story = new Story().tell(asks('1', { kind: 'verb', verb: 'measured', given }, 'console'));
    expect(story.answer).toMatchObject({ code: 'unknown-group', error: 'no such group; there are: none' });
  });
});
