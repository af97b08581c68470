import { describe, expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  halts,
  kinds,
  orders,
  running,
  STAGES,
  stage,
  staged,
  tells,
  told,
} from '../../../tests/kit/pursued.ts';
import { group } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Settings } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';

describe('time that runs out', () => {
  const OUT = { 'battery.runtime': 15 };

  test('hastens a run once, with what the halt needs left', () => {
    const watch = running(staged(), { 'battery.runtime': 100 });
    expect(orders(watch, () => watch.says('ups', 'OB LB', { 'battery.runtime': 16 }))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(30))).toEqual(['hurry']);
    expect(watch.group().progress?.hurried).toContain('and the halt needs 15 s');
    expect(watch.told.filter((type) => type === 'hurried')).toHaveLength(1);
  });

  test('is counted from the last runtime that was told, while the device is silent', () => {
    const watch = running(staged(), { 'battery.runtime': 100 }).hangs('ups');
    expect(orders(watch, () => watch.runs(84))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['hurry']);
  });

  test('is what the configuration says where no runtime is told', () => {
    const watch = running();
    const fired = watch.decidedAt ?? 0;
    const hurries = () => watch.intents.filter(({ kind }) => kind === 'hurry');
    watch.runs(fired + 120 - 15 - watch.second - 1);
    expect(hurries()).toEqual([]);
    watch.runs(1);
    expect(hurries()).toHaveLength(1);
  });

  test.each<[string, (watch: Watch) => unknown, Partial<Settings>]>([
    ['on mains', (watch) => watch.says('ups', 'OL', OUT), staged()],
    [
      'without a halt',
      (watch) => watch.says('ups', 'OB LB', OUT),
      { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] },
    ],
    ['in a dry run', (watch) => watch.says('ups', 'OB LB', OUT), { ...staged(), dryRun: true }],
    ['once the halt has begun', (watch) => tells(watch, halts()).says('ups', 'OB LB', OUT), staged()],
    ['once the run is through', (watch) => tells(watch, { kind: 'run-ended' }).says('ups', 'OB LB', OUT), staged()],
  ])('hastens nothing %s', (_, act, more) => {
    const watch = running(more, { 'battery.runtime': 100 });
    act(watch);
    expect(orders(watch, () => watch.runs(4))).toEqual([]);
    expect(kinds(watch)).not.toContain('hurry');
  });

  test('is sure after three seconds: a reading that is taken back hastens nothing', () => {
    const watch = running(staged(), { 'battery.runtime': 100 });
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(2))).toEqual([]);
    expect(watch.group().progress?.shortSince).toBeDefined();
    expect(orders(watch, () => watch.says('ups', 'OB LB', { 'battery.runtime': 100 }).runs(1))).toEqual([]);
    expect(watch.group().progress).not.toHaveProperty('shortSince');
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(2))).toEqual([]);
    expect(orders(watch, () => watch.runs(1))).toEqual(['hurry']);
  });

  test('that is nearly out hastens nothing yet, and at once when it is', () => {
    const watch = running(staged(), { 'battery.runtime': 17 });
    expect(kinds(watch)).toEqual(['run']);
    expect(orders(watch, () => watch.runs(10))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT))).toEqual(['hurry']);
    expect(told(watch, 'hurried')).toMatchObject({
      level: 'error',
      text: expect.stringMatching(/^rack: time runs out, what is left of the plan is skipped: .* needs 15 s$/),
      details: { run: watch.run()?.id },
    });
  });

  test('hastens no run of a few stages', () => {
    const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } })];
    const triggers = { ...new Watch().settings.triggers, runtimeBelow: 'off' as const };
    const watch = new Watch(staged({ stages, triggers })).says('ups', 'OL').says('ups', 'OB', CHARGED).runs(20);
    expect(orders(watch, () => watch.says('ups', 'OB', { ...CHARGED, ...OUT }).runs(20))).toEqual([]);
  });

  test('hastens it again after a restart: the process that was hastened is gone', () => {
    const watch = tells(running(staged(), OUT), begins('lab/a'));
    expect(kinds(watch)).toContain('hurry');
    watch.restart(1);
    expect(orders(watch, () => watch.says('ups', 'OB LB', OUT).runs(5))).toEqual(['run', 'hurry']);
  });
});
