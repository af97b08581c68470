import { expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { GroupSettings, StageCondition } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { unjudged } from '../groups/judge.ts';
import { planData } from './shown.ts';

const step = (key: string, more: Partial<Step> = {}): Step =>
  ({ ...HALT, key, kind: 'exec', text: key, ...more }) as Step; // of one kind
const stage = (name: string, when?: StageCondition) => ({
  name,
  steps: [step(`${name}/a`)],
  restore: [],
  ...(when === undefined ? {} : { when }),
});
const shown = (settings: Partial<GroupSettings>, more: Partial<GroupState> = {}) =>
  planData({ ...unjudged(group('rack', ['ups'], settings), new Map([['rack/lab/a', [asMillis(1600)]]])), ...more });

test('a plan is shown with every key, spans in whole seconds', () => {
  const steps = [step('lab/a'), step('lab/b', { after: ['lab/a'] })];
  expect(shown({ stages: [{ ...stage('lab'), steps }], halt: HALT, pointOfNoReturn: 'lab' })).toEqual({
    stages: [
      {
        name: 'lab',
        when: null,
        expected: 17,
        worst: 17,
        steps: [
          {
            key: 'lab/a',
            kind: 'exec',
            text: 'lab/a',
            after: [],
            expected: 2,
            worst: 2,
            deadline: 30,
            basis: 'measured',
          },
          {
            key: 'lab/b',
            kind: 'exec',
            text: 'lab/b',
            after: ['lab/a'],
            expected: 15,
            worst: 15,
            deadline: 30,
            basis: 'default',
          },
        ],
      },
    ],
    halt: {
      key: 'host',
      kind: 'host',
      text: 'halt this host',
      after: [],
      expected: 15,
      worst: 15,
      deadline: 30,
      basis: 'default',
    },
    expected: 32,
    need: 92,
    slack: null,
    point_of_no_return: 'lab/',
    ready: true,
    not_ready: [],
  });
});

test('what there is not is null', () => {
  expect(shown({})).toEqual({
    stages: [],
    halt: null,
    expected: 0,
    need: 60,
    slack: null,
    point_of_no_return: null,
    ready: true,
    not_ready: [],
  });
});

test('what stands against it is shown, and the time that is to spare', () => {
  const reasons = ['ups: not heard'];
  expect(shown({}, { slack: seconds(300), readiness: { ready: false, reasons } })).toMatchObject({
    slack: 300,
    ready: false,
    not_ready: reasons,
  });
});

test.each<[StageCondition | undefined, object | null]>([
  [undefined, null],
  [{ onBatteryFor: seconds(90) }, { on_battery_for: 90 }],
  [{ chargeBelow: 40.5 }, { charge_below: 40.5 }],
  [{ runtimeBelow: seconds(600) }, { runtime_below: 600 }],
  [
    { onBatteryFor: seconds(90), chargeBelow: 40, runtimeBelow: seconds(600) },
    { on_battery_for: 90, charge_below: 40, runtime_below: 600 },
  ],
])('the condition %j of a stage is shown as %j', (when, is) => {
  const [lab] = shown({ stages: [stage('lab', when)] })['stages'] as readonly { readonly when: unknown }[];
  expect(lab?.when).toStrictEqual(is);
});
