import { describe, expect, test } from 'vitest';
import { begins, orders, running, STAGES, stage, staged, step, tells, through } from '../../../tests/kit/pursued.ts';
import { group } from '../../../tests/kit/settings.ts';
import { rack } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';

const UNHALTED = { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] };
const OTHER = staged({ stages: [stage('lab'), stage('vms', { steps: [step('vms/c')] })] });
const MORE = staged({ stages: [stage('lab'), stage('vms', { steps: [step('vms/a'), step('vms/b')] })] });

describe('a reload in the middle of a run', () => {
  test.each([
    ['has one more step', staged(), MORE],
    ['has one step less', MORE, staged()],
    ['has another step', staged(), OTHER],
    ['has a halt', UNHALTED, staged()],
    ['has no halt any more', staged(), UNHALTED],
  ])('that %s orders it again, with what is over', (_, before, after) => {
    const watch = tells(running(before), ...through('lab/a'));
    expect(orders(watch, () => watch.reloads(after))).toEqual(['run']);
    const halt = after.groups?.[0]?.halt !== undefined;
    expect(watch.runsOrdered.at(-1)).toMatchObject({ run: watch.run()?.id, done: ['lab/a'], halt });
    expect(watch.runsOrdered.at(-1)?.plan).toBe(watch.group().plan);
    expect(orders(watch, () => watch.runs(10))).toEqual([]);
  });

  test('that changes nothing of its steps orders nothing', () => {
    const watch = tells(running(), begins('lab/a'));
    const patient = staged({ stages: STAGES.map((one) => ({ ...one, when: { onBatteryFor: seconds(999) } })) });
    expect(orders(watch, () => watch.reloads(patient).runs(5))).toEqual([]);
  });

  test('orders nothing of a run that does nothing', () => {
    const watch = running({ ...staged(), armed: false });
    expect(orders(watch, () => watch.reloads({ ...MORE, armed: false }).runs(5))).toEqual([]);
  });
});
