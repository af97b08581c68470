import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';

const onBattery = () => new Watch().says('ups', 'OL').says('ups', 'OB').runs(1);

describe('low_battery', () => {
  test('fires when LB has held, without waiting for settle', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(20);
    expect([watch.fired, watch.decidedAt]).toEqual([['ups:low_battery'], 5]);
  });

  test('passes over a burst while the device switches', () => {
    const watch = onBattery().says('ups', 'OB LB').runs(4).says('ups', 'OB').runs(60);
    expect(watch.fired).toEqual([]);
  });

  test.each(['OL LB', 'OL LB CHRG', 'LB', 'BYPASS LB'])('%s without an outage is nothing to it', (words) => {
    const watch = new Watch().says('ups', 'OL').says('ups', words).runs(60);
    expect([watch.fired, watch.decidedAt]).toEqual([[], undefined]);
  });

  test('LB alone in an outage is judged as on battery', () => {
    const watch = onBattery().says('ups', 'LB').runs(7);
    expect(watch.fired).toEqual(['ups:low_battery']);
  });

  test('OL LB OB fires, although the status contradicts itself', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OL OB LB').runs(7);
    expect(watch.fired).toEqual(['ups:low_battery']);
  });

  test.each(['', 'WAIT'])('a status of %j is no contrary reading: it reassures nobody', (words) => {
    const watch = onBattery();
    for (let time = 0; time < 10; time += 1) watch.says('ups', 'OB LB').runs(2).says('ups', words).runs(1);
    expect([watch.fired[0], watch.runsOrdered.length]).toEqual(['ups:low_battery', 1]);
  });

  test('silence does not begin the hold anew', () => {
    const watch = onBattery().says('ups', 'OB LB').runs(2).loses('ups').runs(4);
    expect(watch.fired).toEqual(['ups:low_battery']);
  });

  // Seconds with LB and without it, in turns from the 20th second on: when it fires, counted from there.
  test.each([
    ['for longer than it stays away', 3, 2, 7],
    ['for as long as it stays away', 2, 2, 9],
    ['for a quarter of the time', 1, 3, 20],
    ['and stays away as long as hold', 4, 5, undefined],
  ])('comes and goes, %s', (_, stands, away, after) => {
    const watch = onBattery().runs(20);
    const from = watch.second;
    for (let time = 0; time < 20; time += 1) {
      watch.changes('ups', 'OB LB').runs(stands).changes('ups', 'OB').runs(away);
    }
    expect(watch.decidedAt === undefined ? undefined : watch.decidedAt - from - 1).toBe(after);
  });

  test('that comes and goes while the device still switches counts for nothing', () => {
    const watch = onBattery();
    for (let time = 0; time < 2; time += 1) watch.changes('ups', 'OB LB').runs(4).changes('ups', 'OB').runs(1);
    expect(watch.runs(30).decidedAt).toBeUndefined();
  });

  test('that has gone does not fire by time alone, nor after a crash', () => {
    const watch = onBattery().runs(20).changes('ups', 'OB LB').runs(4).changes('ups', 'OB').runs(1).restart();
    watch.hangs('ups').runs(14);
    expect(watch.fired).toEqual([]);
  });

  test('is no gauge that contradicts others', () => {
    const watch = onBattery().runs(20).changes('ups', 'OB LB').runs(3).changes('ups', 'OB').runs(2);
    expect(watch.told).not.toContain('gauge_doubted');
  });

  test('off has no verdict, and LB shuts nothing down', () => {
    const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, lowBattery: false } }));
    watch.says('ups', 'OB LB', { 'battery.charge': 50 }).runs(60);
    expect([watch.verdict('low_battery'), watch.fired]).toEqual([undefined, []]);
  });
});
