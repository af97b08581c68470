import { expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant } from '../../domain/time.ts';
import { planOf } from '../plan/plan.ts';
import { effectOf, effectText } from './effect.ts';

const stage = (name: string, steps: number) => ({
  name,
  steps: Array.from({ length: steps }, (_, index): Step => ({ ...HALT, kind: 'exec', key: `${name}/${index}` })),
  restore: [],
});
const plan = (more: Partial<GroupSettings>) => planOf(group('rack', ['ups'], more), new Map());
const HALTS = plan({ halt: HALT });
const NOW = asInstant(1000);

test.each([
  ['act', HALTS, true, false, undefined],
  ['act', plan({ stages: [stage('lab', 1)] }), true, false, undefined],
  ['dry-run', HALTS, true, true, undefined],
  ['none', HALTS, false, false, undefined],
  ['none', HALTS, false, true, undefined],
  ['none', plan({}), true, false, undefined],
  ['none', plan({ stages: [stage('lab', 0)] }), true, true, undefined],
  ['none', HALTS, true, false, 1001],
  ['act', HALTS, true, false, 1000],
  ['dry-run', HALTS, true, true, 999],
] as const)('%s: %#', (effect, of, armed, dryRun, until) => {
  expect(effectOf({ armed, dryRun }, of, until === undefined ? undefined : asInstant(until), NOW)).toBe(effect);
});

test.each([
  ['act', {}, 'nothing to shut down here'],
  ['none', { stages: [stage('lab', 0)] }, 'nothing to shut down here'],
  ['act', { halt: HALT }, 'the halt of this host'],
  ['act', { stages: [stage('lab', 0)], halt: HALT }, 'the halt of this host'],
  ['act', { stages: [stage('lab', 1)] }, '1 step in 1 stage'],
  ['dry-run', { stages: [stage('lab', 2)] }, '2 steps in 1 stage, as a dry run'],
  ['none', { stages: [stage('lab', 1), stage('vms', 2)] }, '3 steps in 2 stages, not armed: only told'],
  ['act', { stages: [stage('lab', 1), stage('vms', 0)], halt: HALT }, '1 step in 2 stages and the halt of this host'],
] as const)('what firing would do, as %s: %#', (effect, more, text) => {
  const of = plan(more);
  expect([effectText(effect, of), effectText(effect, of)]).toEqual([text, text]);
});
