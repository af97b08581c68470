import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';

const only = rack(['ups'], { triggers: { ...TRIGGERS, chargeBelow: 'off', onBatteryFor: 'off' } });
const at = (charge: number) => ({ 'battery.charge': charge.toFixed(1) });

/** An outage in which the charge falls by so many points a minute, from 100 on. */
function falling(perMinute: number, forSeconds: number, more = only): Watch {
  const watch = new Watch(more).says('ups', 'OL', at(100)).says('ups', 'OB', at(100));
  return watch.runs(forSeconds, (second) => watch.changes('ups', 'OB', at(100 - (perMinute * second) / 60)));
}

describe('depletion', () => {
  test.each([
    [14, false],
    [14.5, false],
    [16, true],
    [30, true],
  ])('at %s %%/min with a limit of 15 fires: %s', (rate, fires) => {
    expect(falling(rate, 160).fired).toEqual(fires ? ['ups:depletion'] : []);
  });

  test('fires strictly above its limit', () => {
    const watch = new Watch(only).says('ups', 'OL', at(100)).says('ups', 'OB', at(100)).runs(89);
    watch.says('ups', 'OB', at(77.5)).runs(1);
    expect(watch.verdict('depletion')).toMatchObject({ kind: 'quiet', value: 15, threshold: 15, unit: '%/min' });
    watch.says('ups', 'OB', at(77.4));
    expect(watch.verdict('depletion')).toMatchObject({ kind: 'holding' });
  });

  test('is measured over the whole window: no sooner than 90 s and hold', () => {
    const watch = falling(40, 89);
    expect(watch.verdict('depletion')).toMatchObject({ kind: 'quiet' });
    expect(falling(40, 130).decidedAt).toBe(95);
  });

  test('a sudden fall within the window is not twice the rate', () => {
    const watch = new Watch(only).says('ups', 'OL', at(100)).says('ups', 'OB', at(100)).runs(300);
    watch.says('ups', 'OB', at(80)).runs(300);
    expect(watch.fired).toEqual([]);
  });

  test('silence does not begin the hold anew', () => {
    const watch = falling(15.4, 91);
    expect(watch.verdict('depletion')).toMatchObject({ kind: 'holding' });
    watch.runs(1, (second) => watch.changes('ups', 'OB', at(100 - (15.4 * second) / 60)));
    watch.loses('ups').runs(6);
    expect(watch.fired).toEqual(['ups:depletion']);
  });

  test('is blind without a charge, quiet in an outage that is too young', () => {
    const watch = new Watch(only).says('ups', 'OB').runs(2);
    expect(watch.verdict('depletion')).toMatchObject({ kind: 'blind', threshold: 15 });
    expect(falling(5, 5).verdict('depletion')).toMatchObject({ kind: 'quiet' });
  });

  test('off has no verdict', () => {
    const off = rack(['ups'], { triggers: { ...TRIGGERS, chargeBelow: 'off', depletion: 'off' } });
    const watch = falling(40, 120, off);
    expect([watch.verdict('depletion'), watch.decidedAt]).toEqual([undefined, undefined]);
  });

  test('below 10 % no doubt holds it back', () => {
    const watch = new Watch(only).says('ups', 'OL', { ...at(100), 'battery.runtime': 3000, 'battery.voltage': 27 });
    watch.says('ups', 'OB', { ...at(100), 'battery.runtime': 3000, 'battery.voltage': 27 });
    watch.runs(110, (second) => {
      const charge = at(Math.max(3, 100 - (60 * second) / 60));
      watch.changes('ups', 'OB', { ...charge, 'battery.runtime': 3000, 'battery.voltage': 27 });
    });
    // 90 s after the beginning the charge is at 10 %, a second later below it.
    expect(watch.fired).toEqual(['ups:depletion']);
  });
});
