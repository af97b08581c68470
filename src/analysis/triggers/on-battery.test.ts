import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';

const limited = (limit: number) => rack(['ups'], { triggers: { ...TRIGGERS, onBatteryFor: seconds(limit) } });
const outage = (vars = {}, more = rack()) => new Watch(more).says('ups', 'OL', vars).says('ups', 'OB', vars);
const CHARGE = { 'battery.charge': 90 };
const RUNTIME = { 'battery.runtime': 3000 };

describe('on_battery_for', () => {
  test('fires at its limit and not before, whatever the gauges say', () => {
    const watch = outage({ ...CHARGE, ...RUNTIME }, limited(300)).runs(299);
    expect(watch.decidedAt).toBeUndefined();
    watch.runs(5);
    expect([watch.decidedAt, watch.fired]).toEqual([300, ['ups:on_battery_for']]);
  });

  test('runs on while the mains flicker', () => {
    const watch = outage(CHARGE, limited(60));
    for (let time = 0; time < 10; time += 1) watch.says('ups', 'OL', CHARGE).runs(3).says('ups', 'OB', CHARGE).runs(3);
    watch.runs(2);
    expect(watch.decidedAt).toBeGreaterThanOrEqual(60);
    expect(watch.decidedAt).toBeLessThanOrEqual(63);
  });

  test('begins anew with the next outage', () => {
    const watch = outage(CHARGE, limited(60)).runs(50).says('ups', 'OL', CHARGE).runs(7);
    const again = watch.says('ups', 'OB', CHARGE).second;
    watch.runs(70);
    expect(watch.decidedAt).toBe(again + 60);
  });

  test.each([
    ['the charge', CHARGE],
    ['the runtime', RUNTIME],
    ['both', { ...CHARGE, ...RUNTIME }],
  ])('auto is off while %s can be seen', (_, vars) => {
    const watch = outage(vars).runs(3600);
    expect([watch.verdict('on_battery_for'), watch.decidedAt]).toEqual([undefined, undefined]);
  });

  test('auto is ten minutes where neither can be seen', () => {
    const watch = outage().runs(599);
    expect(watch.decidedAt).toBeUndefined();
    expect(watch.verdict('on_battery_for')).toMatchObject({
      kind: 'holding',
      value: 599,
      threshold: 600,
      basis: 'clock',
    });
    watch.runs(10);
    expect(watch.fired).toEqual(['ups:on_battery_for']);
    expect(watch.decidedAt).toBeLessThanOrEqual(606);
  });

  test('auto is not fired by one reply without gauges, late in an outage', () => {
    const watch = outage({ ...CHARGE, ...RUNTIME }).runs(1200);
    watch
      .says('ups', 'OB')
      .runs(1)
      .says('ups', 'OB', { ...CHARGE, ...RUNTIME })
      .runs(60);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('auto is not fired by a restart, late in an outage whose gauges are seen', () => {
    const watch = outage({ ...CHARGE, ...RUNTIME })
      .runs(1200)
      .restart(1)
      .runs(60);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('that passed while the process was down fires only once somebody can have answered', () => {
    const watch = outage(CHARGE, limited(60))
      .runs(30)
      .hangs('ups')
      .restart(120)
      .runs(1)
      .says('ups', 'OL', CHARGE)
      .runs(60);
    expect(watch.decidedAt).toBeUndefined();
    const silent = outage(CHARGE, limited(60)).runs(30).hangs('ups').restart(120).runs(10);
    expect(silent.decidedAt).toBe(155);
  });

  test('a calibration holds it back only as long as its readings say so', () => {
    const watch = outage({}, limited(60));
    watch.says('ups', 'OB CAL').runs(120);
    expect(watch.decidedAt).toBeUndefined();
    watch.says('ups', 'OB').runs(1);
    expect(watch.decidedAt).toBe(120);
  });

  test('a tick that comes far too late counts for nothing', () => {
    const watch = outage(CHARGE, limited(60)).runs(30).passes(3000).tick();
    expect(watch.decidedAt).toBeUndefined();
    watch.says('ups', 'OL', CHARGE).runs(30);
    expect(watch.decidedAt).toBeUndefined();
  });
});

describe('after_failed_test', () => {
  const failed = { ...CHARGE, 'ups.test.result': 'Done and error' };
  const passed = { ...CHARGE, 'ups.test.result': 'Done and passed' };
  const more = rack(['ups'], { triggers: { ...TRIGGERS, afterFailedTest: seconds(60) } });

  test('fires after a failed test, at its limit', () => {
    const watch = outage(failed, more).runs(59);
    expect(watch.decidedAt).toBeUndefined();
    watch.runs(3);
    expect([watch.decidedAt, watch.fired]).toEqual([60, ['ups:after_failed_test']]);
  });

  test('is off after one that passed, and until a test has failed', () => {
    expect(outage(passed, more).runs(120).decidedAt).toBeUndefined();
    expect(outage(CHARGE, more).runs(120).decidedAt).toBeUndefined();
  });

  test('is off by default', () => {
    expect(outage(failed).runs(120).verdict('after_failed_test')).toBeUndefined();
  });
});
