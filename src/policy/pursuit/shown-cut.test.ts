import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { Progress, StepProgress } from '../../domain/progress.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import { planOf } from '../plan/plan.ts';
import { progressData } from './shown.ts';

const step = (key: string, text: string): Step => ({ ...HALT, kind: 'exec', key, text, deadline: seconds(60) });

describe('what is long is cut', () => {
  /** A group with so many steps side by side, each as far as `progress` says. */
  const many = (count: number, of: (index: number) => StepProgress | undefined) => {
    const steps = Array.from({ length: count }, (_, index) => step(`s/${index}`, `host ${index}`));
    const own = group('rack', ['ups'], { stages: [{ name: 's', steps, restore: [] }] });
    const begun = steps.flatMap(({ key }, index) => {
      const now = of(index);
      return now === undefined ? [] : ([[key, now]] as const);
    });
    const progress: Progress = {
      run: 'r',
      kind: 'outage',
      dryRun: false,
      wall: 0,
      phase: 'running',
      steps: new Map(begun),
    };
    const calm = new Watch(rack());
    const state: GroupState = { ...calm.group(), plan: planOf(own, new Map()), progress };
    const settings = { ...calm.settings, groups: [own] };
    return JSON.parse(JSON.stringify(progressData(state, { settings, devices: new Map() }, asInstant(0))));
  };
  const running: StepProgress = { state: 'running', since: asInstant(0), wall: 0, items: [] };
  const items = Array.from({ length: 200 }, (_, index) => ({ item: `vm ${index}`, state: 'done' as const }));

  test('what runs now: three are named', () => {
    expect(many(3, () => running).now).toBe('host 0; host 1; host 2');
    expect(many(100, () => running).now).toBe('host 0; host 1; host 2 and 97 more');
  });

  test.each([
    [1, 200],
    [20, 50],
    [300, 10],
  ])('of %i steps with 200 items each the last %i are shown', (count, each) => {
    const shown = many(count, () => ({ ...running, items }));
    expect(shown.steps.every((one: { items: unknown[] }) => one.items.length === each)).toBe(true);
    expect(shown.steps[0].items.at(-1).item).toBe('vm 199');
  });

  test('lines: those that have begun, the last hundred', () => {
    const shown = many(130, (index) => (index < 110 ? running : undefined));
    expect(shown.lines).toHaveLength(100);
    expect([shown.lines[0], shown.lines.at(-1)]).toEqual(['s/10 running', 's/109 running']);
    expect(shown.steps).toHaveLength(130);
  });

  test('a hundred lines are all of them, whether they have begun or not', () => {
    const shown = many(100, (index) => (index < 50 ? running : undefined));
    expect([shown.lines.length, shown.lines.at(-1)]).toEqual([100, 's/99 waiting']);
  });

  test('a text of just so many characters is whole', () => {
    const whole = 'x'.repeat(255);
    const { steps } = many(1, () => ({ ...running, state: 'done', text: whole }));
    expect(steps[0].result).toBe(whole);
    expect(many(1, () => ({ ...running, state: 'done', text: `${whole}x` })).steps[0].result).toBe(
      `${'x'.repeat(254)}…`,
    );
  });

  test('lines: a step that has ended says after how long and why, one at work how much of it is open', () => {
    const line = (more: Partial<StepProgress>) => many(1, () => ({ ...running, ...more })).lines[0];
    const item = (name: string, state: 'running' | 'done') => ({ item: name, state });
    expect(line({ state: 'failed', text: 'no', took: seconds(3) })).toBe('s/0 failed after 3 s: no');
    expect(line({ state: 'skipped', text: 'no time' })).toBe('s/0 skipped: no time');
    expect(line({ items: [item('a', 'running'), item('b', 'done'), item('c', 'running')] })).toBe(
      's/0 running, 1 of 3 through: a, c',
    );
    expect(line({ items: [item('a', 'done')] })).toBe('s/0 running, 1 of 1 through');
  });

  test('what runs now, with how many more there are, is as long as any text', () => {
    const long = Array.from({ length: 5 }, (_, index) => step(`s/${index}`, 'y'.repeat(120)));
    const own = group('rack', ['ups'], { stages: [{ name: 's', steps: long, restore: [] }] });
    const steps = new Map(long.map(({ key }) => [key, running] as const));
    const progress: Progress = { run: 'r', kind: 'outage', dryRun: false, wall: 0, phase: 'running', steps };
    const calm = new Watch(rack());
    const state: GroupState = { ...calm.group(), plan: planOf(own, new Map()), progress };
    const settings = { ...calm.settings, groups: [own] };
    const shown = progressData(state, { settings, devices: new Map() }, asInstant(0));
    expect([`${shown['now']}`.length, `${shown['now']}`.endsWith('… and 2 more')]).toEqual([255, true]);
  });

  test('texts at their end, outputs at their beginning, by characters', () => {
    const failed: StepProgress = {
      ...running,
      state: 'failed',
      text: '😀'.repeat(300),
      output: `a${'😀'.repeat(500)}`,
    };
    const { steps, lines } = many(1, () => failed);
    expect(steps[0]).toMatchObject({ result: `${'😀'.repeat(254)}…`, output: '😀'.repeat(500) });
    expect([...lines[0]]).toHaveLength(120);
  });

  test('a message with everything at its longest stays far below what a broker takes', () => {
    const text = 'x'.repeat(1000);
    const long = items.map((one) => ({ ...one, item: text, text }));
    const failed: StepProgress = { ...running, state: 'failed', text, output: text, items: long };
    expect(JSON.stringify(many(100, () => failed)).length).toBeLessThan(512 * 1024);
  });

  test('a run of nothing at all is through', () => {
    expect(many(0, () => undefined)).toMatchObject({ percent: 100, counts: { planned: 0 } });
  });
});
