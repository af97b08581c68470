import { describe, expect, test } from 'vitest';
import { Watch } from '../../tests/kit/watch.ts';

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
