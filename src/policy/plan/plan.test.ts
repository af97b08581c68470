import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { StageSettings } from '../../domain/settings.ts';
import type { Durations } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { seconds } from '../../domain/time.ts';
import { planOf } from './plan.ts';

type Given = { readonly after?: readonly string[]; readonly usual?: number; readonly deadline?: number };
const step = (key: string, { after = [], usual = 10, deadline = 60 }: Given = {}): Step => ({
  ...HALT,
  kind: 'exec',
  key,
  text: key,
  after,
  usual: seconds(usual),
  deadline: seconds(deadline),
});
const stage = (name: string, ...steps: readonly Step[]): StageSettings => ({ name, steps, restore: [] });
const learned = (entries: Readonly<Record<string, readonly number[]>>): Durations =>
  new Map(Object.entries(entries).map(([key, spans]) => [key, spans.map(seconds)]));
const NONE: Durations = new Map();

describe('what a plan needs', () => {
  test('a group without stages and halt needs its reserve', () => {
    const plan = planOf(group('rack', ['ups']), NONE);
    expect(plan).toEqual({ group: 'rack', stages: [], expected: 0, need: seconds(60) });
  });

  test('the longest of steps side by side, stage after stage, the halt, and the reserve', () => {
    const stages = [
      stage('one', step('one/a', { usual: 5 }), step('one/b', { usual: 20 })),
      stage('two', step('two/a', { usual: 7 })),
    ];
    const plan = planOf(group('rack', ['ups'], { stages, halt: HALT, reserve: seconds(90) }), NONE);
    expect(plan.stages.map(({ worst }) => worst)).toEqual([seconds(20), seconds(7)]);
    expect([plan.expected, plan.need]).toEqual([seconds(20 + 7 + 15), seconds(20 + 7 + 15 + 90)]);
  });

  test('the longest way through steps that wait for one another', () => {
    const steps = [
      step('s/vms', { usual: 30 }),
      step('s/nas', { usual: 20, after: ['s/vms', 's/lab'] }),
      step('s/lab', { usual: 45 }),
      step('s/lamp', { usual: 60 }),
      step('s/last', { usual: 1, after: ['s/nas'] }),
    ];
    expect(planOf(group('rack', ['ups'], { stages: [stage('s', ...steps)] }), NONE).stages[0]?.worst).toBe(seconds(66));
    const reversed = planOf(group('rack', ['ups'], { stages: [stage('s', ...steps.toReversed())] }), NONE);
    expect(reversed.stages[0]?.worst).toBe(seconds(66));
  });

  test('the longest way at its worst need not be the one that is expected', () => {
    const steps = [step('s/a', { usual: 5 }), step('s/b', { after: ['s/a'] }), step('s/c')];
    const plan = planOf(
      group('rack', ['ups'], { stages: [stage('s', ...steps)] }),
      learned({ 'rack/s/b': [2], 'rack/s/c': [50, 4] }),
    );
    expect(plan.stages[0]).toMatchObject({ expected: seconds(7), worst: seconds(50) });
  });

  test('an empty stage takes no time', () => {
    expect(planOf(group('rack', ['ups'], { stages: [stage('s')] }), NONE).need).toBe(seconds(60));
  });
});

describe('durations', () => {
  const planned = (spans: readonly number[] | undefined, given: Given = {}) =>
    planOf(
      group('rack', ['ups'], { stages: [stage('s', step('s/a', given))] }),
      spans === undefined ? NONE : learned({ 'rack/s/a': spans }),
    ).stages[0]?.steps[0];

  test.each([
    ['unmeasured: the default of the kind', undefined, {}, 10, 10, 'default'],
    ['unmeasured: at most the deadline', undefined, { usual: 40, deadline: 25 }, 25, 25, 'default'],
    ['measured: the last is expected, the worst is planned with', [12, 30, 9], {}, 9, 30, 'measured'],
    ['measured once', [3], {}, 3, 3, 'measured'],
    ['a list that is empty measures nothing', [], {}, 10, 10, 'default'],
  ] as const)('%s', (_, spans, given, expected, worst, basis) => {
    expect(planned(spans, given)).toMatchObject({ expected: seconds(expected), worst: seconds(worst), basis });
  });

  test('are those of this group and this step', () => {
    const stages = [stage('s', step('s/a'))];
    const plan = planOf(group('rack', ['ups'], { stages }), learned({ 'other/s/a': [50], 's/a': [50] }));
    expect(plan.stages[0]?.worst).toBe(seconds(10));
  });

  test('of the halt are learned too', () => {
    const plan = planOf(group('rack', ['ups'], { halt: HALT }), learned({ 'rack/host': [25] }));
    expect([plan.halt?.worst, plan.need]).toEqual([seconds(25), seconds(85)]);
  });
});

describe('the point of no return', () => {
  const ups: Step = { ...HALT, kind: 'ups', key: 'two/cycle', device: 'ups' };
  const stages = [stage('one', step('one/a')), stage('two', step('two/a'), ups)];

  test('is the first ups step, else the halt', () => {
    expect(planOf(group('rack', ['ups'], { stages, halt: HALT }), NONE).pointOfNoReturn).toBe('two/cycle');
    const calm = stages.slice(0, 1);
    expect(planOf(group('rack', ['ups'], { stages: calm, halt: HALT }), NONE).pointOfNoReturn).toBe('host');
    expect(planOf(group('rack', ['ups'], { stages: calm }), NONE).pointOfNoReturn).toBeUndefined();
  });

  test('is the stage that the configuration names', () => {
    const named = group('rack', ['ups'], { stages, halt: HALT, pointOfNoReturn: 'one' });
    expect(planOf(named, NONE).pointOfNoReturn).toBe('one/');
  });
});

test('what is needed is never less with longer durations, nor with more to wait for', () => {
  const spans = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 5 });
  const steps = fc.array(fc.record({ spans, slower: spans, after: fc.array(fc.nat(6), { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 7,
  });
  const need = (given: readonly { spans: readonly number[]; after: readonly number[] }[], waits: boolean) => {
    const all = given.map(({ after }, index) =>
      step(`s/${index}`, { after: waits ? after.filter((other) => other < index).map((other) => `s/${other}`) : [] }),
    );
    const durations = learned(Object.fromEntries(given.map((one, index) => [`rack/s/${index}`, one.spans])));
    return planOf(group('rack', ['ups'], { stages: [stage('s', ...all)] }), durations).need;
  };
  fc.assert(
    fc.property(steps, (given) => {
      const slower = given.map((one) => ({ ...one, spans: [...one.spans, ...one.slower] }));
      expect(need(slower, true)).toBeGreaterThanOrEqual(need(given, true));
      expect(need(given, true)).toBeGreaterThanOrEqual(need(given, false));
      const longest = Math.max(...given.map((one) => Math.max(...one.spans)));
      expect(need(given, false)).toBe(seconds(longest + 60));
    }),
    { seed: 1, numRuns: 300 },
  );
});
