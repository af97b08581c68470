import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';

/** Charges seconds after seconds of an outage, on a device that tells nothing else. */
const outage = (more = rack()) => new Watch(more).says('ups', 'OL', { 'battery.charge': 100 }).runs(3);
const at = (charge: number | string) => ({ 'battery.charge': charge });

describe('charge_below', () => {
  test.each([
    [21, false],
    [20, false],
    [20.1, false],
    [19.9, true],
    [19, true],
    [0, true],
  ])('at %s %% with a threshold of 20 %% fires: %s', (charge, fires) => {
    const watch = outage().says('ups', 'OB', at(charge)).runs(120);
    expect(watch.fired).toEqual(fires ? ['ups:charge_below'] : []);
    expect(watch.runsOrdered.length).toBe(fires ? 1 : 0);
  });

  test.each(['', 'unknown', '-1', '101', '1e1', '0x5', '9'.repeat(255)])('a charge of %j is none', (charge) => {
    const watch = outage().says('ups', 'OB', at(charge)).runs(60);
    expect(watch.fired).toEqual([]);
    expect(watch.verdict('charge_below')).toMatchObject({ kind: 'blind', threshold: 20 });
  });

  test('fires no earlier than settle after the beginning of the outage', () => {
    const watch = outage();
    const began = watch.second;
    watch.says('ups', 'OB', at(5)).runs(30);
    expect((watch.decidedAt ?? 0) - began).toBe(10);
  });

  test('waits for settle and hold side by side, not one after the other', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(7);
    const fell = watch.second;
    watch.says('ups', 'OB', at(19)).runs(30);
    expect((watch.decidedAt ?? 0) - fell).toBeGreaterThanOrEqual(4);
    expect((watch.decidedAt ?? 0) - fell).toBeLessThanOrEqual(6);
  });

  test('a contrary reading begins the hold anew', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(20);
    for (let time = 0; time < 6; time += 1) watch.says('ups', 'OB', at(19)).runs(4).says('ups', 'OB', at(21)).runs(1);
    expect(watch.fired).toEqual([]);
    watch.says('ups', 'OB', at(19)).runs(6);
    expect(watch.fired).toEqual(['ups:charge_below']);
  });

  test('a charge that is missing for a while is no contrary reading, and fires nothing by itself', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(20).says('ups', 'OB', at(19)).runs(3);
    watch.says('ups', 'OB').runs(10);
    expect(watch.fired).toEqual([]);
    watch.says('ups', 'OB', at(19));
    expect(watch.fired).toEqual(['ups:charge_below']);
  });

  test('silence does not begin the hold anew', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(20).says('ups', 'OB', at(19)).runs(2);
    const lost = watch.second;
    watch.loses('ups').runs(10);
    expect(watch.fired).toEqual(['ups:charge_below']);
    expect((watch.decidedAt ?? 0) - lost).toBeLessThan(5);
  });

  test('one reading alone proves nothing, however long it is ago', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(20).says('ups', 'OB', at(19)).loses('ups').runs(12);
    expect(watch.fired).toEqual([]);
  });

  test('off has no verdict', () => {
    const off = rack(['ups'], { triggers: { ...TRIGGERS, chargeBelow: 'off' } });
    const watch = outage(off).says('ups', 'OB', at(3)).runs(60);
    expect([watch.verdict('charge_below'), watch.decidedAt]).toEqual([undefined, undefined]);
  });

  test('of a gauge that the configuration does not trust never fires', () => {
    const distrusted = { ...rack(), devices: [declared('ups', { trustCharge: false })] };
    const watch = outage(distrusted)
      .says('ups', 'OB', { ...at(3), 'battery.runtime': 3000 })
      .runs(700);
    expect([watch.verdict('charge_below'), watch.verdict('depletion'), watch.decidedAt]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('of a distrusted gauge is as blind as none: ten minutes are the limit', () => {
    const distrusted = { ...rack(), devices: [declared('ups', { trustCharge: false })] };
    const watch = outage(distrusted);
    const began = watch.second;
    watch.says('ups', 'OB', at(100)).runs(700);
    expect((watch.decidedAt ?? 0) - began).toBeGreaterThanOrEqual(600);
    expect((watch.decidedAt ?? 0) - began).toBeLessThanOrEqual(606);
  });

  test('replies that prove nothing are judged as on battery', () => {
    const watch = outage().says('ups', 'OB', at(50)).runs(20).says('ups', 'WAIT', at(10)).runs(7);
    expect(watch.fired).toEqual(['ups:charge_below']);
  });

  test('says when it would fire, from how fast the charge falls', () => {
    const watch = outage().says('ups', 'OB', at(80));
    const began = watch.second;
    watch.runs(300, (second) => watch.changes('ups', 'OB', at(Math.floor(80 - (second - began) / 10))));
    const { firesAt, ...verdict } = watch.verdict('charge_below') ?? {};
    expect(verdict).toMatchObject({ kind: 'quiet', value: 50, threshold: 20, margin: 30, basis: 'drain', unit: '%' });
    expect(Math.abs((firesAt ?? 0) - watch.stamp.at - 300_000)).toBeLessThan(20_000);
  });
});
