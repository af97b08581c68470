import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';

const left = (runtime: number | string) => ({ 'battery.runtime': runtime });
const firedWith = (runtime: number | string, more = rack()) =>
  new Watch(more).says('ups', 'OL').says('ups', 'OB', left(runtime)).runs(60).fired;
const below = (limit: number) => rack(['ups'], { triggers: { ...TRIGGERS, runtimeBelow: seconds(limit) } });

describe('runtime_below', () => {
  // The plan of the kit needs 75 s: 15 s for the halt and a minute in reserve.
  test.each([
    [76, []],
    [75, []],
    [74.9, ['ups:runtime_below']],
    [0, ['ups:runtime_below']],
    ['', []],
    ['unknown', []],
    [-1, []],
    [65_535, []],
  ])('auto is what the plan needs: at %s s it fires %j', (runtime, fired) => {
    expect(firedWith(runtime)).toEqual(fired);
  });

  test.each([
    [301, []],
    [300, []],
    [299, ['ups:runtime_below']],
  ])('a configured limit of 300 s: at %s s it fires %j', (runtime, fired) => {
    expect(firedWith(runtime, below(300))).toEqual(fired);
  });

  test('off has no verdict', () => {
    const off = rack(['ups'], { triggers: { ...TRIGGERS, runtimeBelow: 'off' } });
    expect(firedWith(1, off)).toEqual([]);
  });

  test('auto follows the durations that were learned', () => {
    const watch = new Watch(rack(['ups'], { halt: { ...HALT, deadline: seconds(600), usual: seconds(400) } }));
    watch.says('ups', 'OB', left(500)).runs(1);
    expect(watch.verdict('runtime_below')).toMatchObject({ threshold: 460, value: 500, margin: 40, unit: 's' });
  });

  test('waits for settle from the beginning of the outage and for hold', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB', left(10)).runs(60);
    expect(watch.decidedAt).toBe(10);
    const later = new Watch().says('ups', 'OL').says('ups', 'OB', left(1000)).runs(30);
    later.says('ups', 'OB', left(10)).runs(30);
    expect(later.decidedAt).toBe(35);
  });

  test('is blind without a runtime, and says when it fires with one', () => {
    const watch = new Watch().says('ups', 'OB').runs(1);
    expect(watch.verdict('runtime_below')).toMatchObject({ kind: 'blind', threshold: 75 });
    watch.runs(20).says('ups', 'OB', left(375));
    const verdict = watch.verdict('runtime_below');
    expect(verdict).toMatchObject({ kind: 'quiet', basis: 'runtime', margin: 300 });
    expect(verdict?.firesAt).toBe(watch.stamp.at + 300_000);
  });
});
