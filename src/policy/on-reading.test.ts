import { describe, expect, test } from 'vitest';
import { Watch } from '../../tests/kit/watch.ts';
import type { PacedDevice } from './on-reading.ts';

const charged = { 'battery.charge': 100, 'battery.runtime': 3000 };
const ups = (watch: Watch) => watch.state.devices.get('ups');
const power = (watch: Watch) => ups(watch)?.power;

describe('the first proof after a reboot', () => {
  test('of mains still knows when the last outage has ended, by the wall clock', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5);
    watch.says('ups', 'OL', charged).runs(10);
    const ended = power(watch)?.lastOutageEnded?.wall;
    expect(ended).toBeDefined();
    expect(power(watch.reboot().says('ups', 'OL', charged))?.lastOutageEnded?.wall).toBe(ended);
    expect(watch.told.filter((type) => type === 'outage_ended')).toHaveLength(1);
  });

  test('of an outage that says mains as well leaves the one of before as sure as it was', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5);
    const before = power(watch)?.outage;
    const { outage } = power(watch.reboot().says('ups', 'OL OB', charged)) ?? {};
    expect([outage?.id, outage?.wall, outage?.proof]).toEqual([before?.id, before?.wall, 'status']);
    expect([before?.charges.length, outage?.charges.length]).toEqual([1, 1]);
  });

  test('takes the runtime of now, and forgets mains that had just come back', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5).says('ups', 'OL', charged);
    expect(power(watch)?.outage?.mainsSince).toBeDefined();
    const told = { ...charged, 'battery.runtime': 900 };
    const { outage } = power(watch.reboot().says('ups', 'OB', told)) ?? {};
    expect([outage?.mainsSince, outage?.runtimeLeft?.seconds]).toEqual([undefined, 900]);
    expect(watch.told.filter((type) => type === 'outage' || type === 'outage_resumed')).toEqual([
      'outage',
      'outage_resumed',
    ]);
  });

  test('waits while nothing is proved, and does not come twice', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5).reboot();
    expect(ups(watch.says('ups', 'WAIT'))?.earlier?.outage).toBeDefined();
    expect(power(watch)?.outage).toBeUndefined();
    expect(ups(watch.says('ups', 'OB', charged))?.earlier).toBeUndefined();
    watch.says('ups', 'OL', charged).runs(10).says('ups', 'OB', charged);
    expect(watch.told.filter((type) => type === 'outage_resumed')).toHaveLength(1);
  });

  test('of a device of which nothing was ever proved has nothing to wait for', () => {
    const watch = new Watch().says('ups', 'WAIT').runs(3).reboot();
    expect(ups(watch)?.earlier).toBeUndefined();
  });
});

describe('an interruption of the grid', () => {
  const counted = (watch: Watch) => ups(watch)?.quality.counters.interruptions;

  test('is counted with its length when the mains have held again', () => {
    const watch = new Watch().says('ups', 'OL', charged).runs(3).changes('ups', 'OB', charged).runs(7);
    expect(counted(watch)).toMatchObject({ count: 1, totalMs: 0 });
    watch.changes('ups', 'OL', charged).runs(10);
    expect(counted(watch)).toMatchObject({ count: 1, totalMs: 7000 });
  });

  test('is none where a test has taken the mains away', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB TEST', charged).runs(5);
    watch.says('ups', 'OL', charged).runs(10);
    expect([counted(watch)?.count, counted(watch)?.totalMs]).toEqual([0, 0]);
  });

  test('begins with the test that has become one', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB TEST', charged).runs(5);
    watch.changes('ups', 'OB', charged).runs(70);
    expect(counted(watch)?.count).toBe(1);
  });

  test('that a reboot has cut in two is one, and over with the first proof of mains', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5).reboot(60);
    watch.says('ups', 'OL', charged);
    expect(counted(watch)?.count).toBe(1);
    expect(counted(watch)?.totalMs).toBeGreaterThan(5000);
    expect(counted(watch.runs(10))?.count).toBe(1);
  });
});

test('how often a device is heard is its slowest of late: one late answer is forgotten little by little', () => {
  const watch = new Watch().says('ups', 'OL', charged);
  const paceAfter = (seconds: number) => {
    const device: PacedDevice | undefined = ups(watch.runs(seconds));
    return device?.pace;
  };
  expect([paceAfter(0), paceAfter(1), paceAfter(1), paceAfter(1)]).toEqual([10_000, 9000, 8100, 7290]);
  expect(paceAfter(30)).toBe(1000);
  watch.passes(19);
  expect([paceAfter(1), paceAfter(1)]).toEqual([20_000, 18_000]);
});
