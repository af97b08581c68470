import { describe, expect, test } from 'vitest';
import { lost } from '../../tests/kit/story.ts';
import { Watch } from '../../tests/kit/watch.ts';
import { withTestStarted } from '../analysis/battery/follow.ts';
import { readingOf } from '../domain/reading.ts';
import type { DeviceState } from '../domain/state.ts';
import { asInstant, seconds } from '../domain/time.ts';
import { type PacedDevice, readDevice } from './on-reading.ts';

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
    expect(power(watch)).toEqual({});
    expect(watch.told).not.toContain('outage_ended');
    expect(ups(watch.says('ups', 'OB', charged))?.earlier).toBeUndefined();
    watch.says('ups', 'OL', charged).runs(10).says('ups', 'OB', charged);
    expect(watch.told.filter((type) => type === 'outage_resumed')).toHaveLength(1);
  });

  test('makes sure of an outage of which only a contradiction was known', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OL OB', charged).runs(5);
    expect(power(watch)?.outage?.proof).toBe('contradiction');
    expect(power(watch.reboot().says('ups', 'OB', charged))?.outage?.proof).toBe('status');
  });

  test.each([
    ['OB', 'outage_resumed', 'warning', 'ups: still on battery after a restart of this machine: the outage goes on'],
    ['OL FSD', 'outage_ended', 'notice', 'ups: the outage of before the restart of this machine is over'],
  ])('of an outage of before is told after a status of %s', (status, type, level, text) => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5).reboot();
    watch.says('ups', status, charged);
    expect(watch.facts.filter((fact) => fact.type === type)).toMatchObject([{ device: 'ups', level, text }]);
    expect(watch.told.includes('fsd_ignored')).toBe(status === 'OL FSD');
    const now = { at: watch.stamp.at, wall: watch.stamp.wall };
    expect(power(watch)?.lastOutageEnded).toEqual(status === 'OB' ? undefined : now);
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
    watch.changes('ups', 'OB', { ...charged, 'battery.charge': 99 }).runs(2);
    expect(counted(watch)).toMatchObject({ count: 1, totalMs: 0 });
    watch.changes('ups', 'OL', charged).runs(10);
    expect(counted(watch)).toMatchObject({ count: 1, totalMs: 9000 });
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
    expect(counted(watch.says('ups', 'WAIT'))).toMatchObject({ count: 1, totalMs: 0 });
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

describe('a reading that says what the last one said', () => {
  /** The same words a second later, of a device that has been well for a while. */
  function again(change: (device: DeviceState) => Partial<DeviceState> = () => ({})) {
    const watch = new Watch().says('ups', 'OL', charged).runs(30).passes(1);
    const calm = ups(watch);
    if (calm?.reading === undefined) throw new Error('no reading');
    const device: DeviceState = { ...calm, ...change(calm) };
    const { at } = watch.stamp;
    const read = readDevice(device, { ...(device.reading ?? calm.reading), asked: at, at }, seconds(5), watch.stamp);
    return { device, read, at };
  }

  test('tells nothing, touches nothing, and is the last one from then on', () => {
    const { device, read, at } = again();
    expect([read.touched, read.facts, read.device.reading?.at]).toEqual([false, [], at]);
    expect(read.device).toMatchObject({ power: device.power, derived: device.derived });
    expect([read.device.quality, read.device.battery]).toEqual([device.quality, device.battery]);
  });

  const NOW = asInstant(0);
  test.each<[string, (device: DeviceState) => Partial<DeviceState>]>([
    ['was lost', () => ({ link: { kind: 'lost', trouble: lost(), since: NOW, sinceWall: 0 } })],
    ['was silent', ({ power: now }) => ({ power: { ...now, silentSince: NOW } })],
    ['has proved nothing yet', () => ({ power: {} })],
    ['proves nothing by it', () => ({ reading: readingOf(new Map([['ups.status', 'CHRG']]), NOW, NOW) })],
    ['may be without mains', ({ power: now }) => ({ power: { ...now, unfed: { since: NOW, charge: 9, lowest: 9 } } })],
    ['tests its battery', ({ battery }) => ({ battery: withTestStarted(battery, 'x', { at: NOW, wall: 0 }) })],
    ['was paused', ({ quality }) => ({ quality: { ...quality, memory: { ...quality.memory, paused: true } } })],
  ])('counts all the same where the device %s', (_, change) => {
    expect(again(change).read.touched).toBe(true);
  });
});

test('an outage knows the charge of before it, and is told by the name of its device', () => {
  const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB', { ...charged, 'battery.charge': 98 });
  expect(power(watch)?.outage?.chargeBefore).toBe(100);
  expect(watch.facts.find(({ type }) => type === 'outage')?.text).toBe('ups: the mains are out');
});
