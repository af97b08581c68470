import fc from 'fast-check';
import { expect, test } from 'vitest';
import { group } from '../../tests/kit/settings.ts';
import type { Step } from '../domain/steps.ts';
import { seconds } from '../domain/time.ts';
import { planOf } from '../policy/plan/plan.ts';
import { timelineLines } from './timeline.ts';

const step = (key: string, usual: number, after: readonly string[] = []): Step => ({
  kind: 'exec',
  key,
  text: key,
  after,
  usual: seconds(usual),
  deadline: seconds(900),
  carriesSource: false,
});

const RACK = group('rack', ['a'], {
  stages: [
    { name: 'shed', steps: [step('shed/lab', 20)], restore: [] },
    {
      name: 'last',
      steps: [step('last/nas', 30), step('last/vms', 60), step('last/a-switch-with-a-very-long-name', 1, ['last/nas'])],
      restore: [],
    },
  ],
  halt: { ...step('host', 10), kind: 'host' },
});

test('steps as bars in their order, side by side within a stage, against how long the feeds last', () => {
  const plan = planOf(RACK, new Map([['rack/shed/lab', [seconds(40), seconds(20)]]]));
  const lines = timelineLines(plan, seconds(60), [
    { label: 'Rack A', runtime: seconds(3600) },
    { label: 'Rack B', runtime: seconds(120) },
    { label: 'Rack C', runtime: seconds(290) },
    { label: 'Rack D' },
  ]);
  expect(`\n${lines.join('\n')}\n`).toBe(`
                          0                         | 2 min 30 s        5 min|
  shed/lab                ===----
  last/nas                       =====
  last/vms                       ==========
  ...with-a-very-long-name            =
  host                                     ==
  reserve                                    ----------
  Rack A                  ##############################################>> 1 h
  Rack B                  #################.... 2 min
  Rack C                  # 4 min 50 s ###########################..........
  Rack D                  does not tell how long it lasts
`);
});

test('a plan that does nothing is its reserve, and steps that wait in a circle end', () => {
  const idle = group('calm', ['a']);
  expect(timelineLines(planOf(idle, new Map()), seconds(60), []).map((line) => line.trim().slice(0, 7))).toEqual([
    expect.stringMatching(/^0/),
    'reserve',
  ]);
  const circle = { name: 's', steps: [step('s/a', 5, ['s/b']), step('s/b', 5, ['s/a'])], restore: [] };
  expect(timelineLines(planOf(group('g', ['a'], { stages: [circle] }), new Map()), seconds(1), [])).toHaveLength(4);
});

test('no line is longer than 80 columns, whatever the plan takes', () => {
  const spans = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 5 });
  const runtimes = fc.array(fc.option(fc.integer({ min: 0, max: 400_000 }), { nil: undefined }), { maxLength: 3 });
  fc.assert(
    fc.property(spans, fc.integer({ min: 0, max: 4000 }), runtimes, (usual, reserve, lasting) => {
      const stages = usual.map((span, index) => ({
        name: `s${index}`,
        steps: [step(`s${index}/x`, Math.min(900, span)), step(`s${index}/y`, 3, [`s${index}/x`])],
        restore: [],
      }));
      const plan = planOf(
        group('g', ['a'], { stages, reserve: seconds(reserve) }),
        new Map([['g/s0/x', usual.map(seconds)]]),
      );
      const feeds = lasting.map((one) => ({
        label: 'x'.repeat(40),
        ...(one === undefined ? {} : { runtime: seconds(one) }),
      }));
      const lines = timelineLines(plan, seconds(reserve), feeds);
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
      expect(lines).toHaveLength(2 + 2 * usual.length + lasting.length);
    }),
    { seed: 1 },
  );
});
