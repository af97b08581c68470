import { describe, expect, test } from 'vitest';
import { declared } from '../../tests/kit/settings.ts';
import { listed } from '../../tests/kit/story.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';

const charged = { 'battery.charge': 90 };

/** A group of a feed that no entry of the configuration names. */
const undeclared = () => new Watch({ ...rack(), devices: [] }).tell(listed('nas', 'ups', 'other'));

describe('a feed without an entry that its server lists no more', () => {
  test('on battery stays, and its silence counts', () => {
    const watch = undeclared().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5);
    const from = watch.hangs('ups').tell(listed('nas', 'other')).second;
    expect(watch.state.devices.get('ups')?.link.kind).toBe('lost');
    expect(watch.state.devices.get('ups')?.power.silentSince).toBe(watch.stamp.at);
    expect(watch.told.filter((type) => type === 'gone' || type === 'commbad')).toEqual(['commbad']);
    expect((watch.runs(60).decidedAt ?? 0) - from).toBe(15);
  });

  test('on battery is the same one when it is listed again', () => {
    const watch = undeclared().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5);
    const { outage } = watch.state.devices.get('ups')?.power ?? {};
    watch
      .tell(listed('nas', 'other'))
      .tell(listed('nas', 'ups', 'other'))
      .runs(3);
    expect(watch.state.devices.get('ups')?.power.outage?.since).toBe(outage?.since);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('on mains goes', () => {
    const watch = undeclared().says('ups', 'OL', charged).runs(5).hangs('ups').tell(listed('nas', 'other'));
    expect(watch.state.devices.has('ups')).toBe(false);
    expect(watch.told).toContain('gone');
  });

  test('whose mains have come back goes, though they have not held yet', () => {
    const watch = undeclared().says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5).says('ups', 'OL', charged);
    expect(watch.tell(listed('nas', 'other')).state.devices.has('ups')).toBe(false);
  });

  test('on battery goes where no group depends on it', () => {
    const watch = undeclared().says('other', 'OL', charged).says('other', 'OB', charged).runs(5);
    expect(watch.tell(listed('nas', 'ups')).state.devices.has('other')).toBe(false);
  });
});

describe('low battery after a restart in an outage', () => {
  const lows = (watch: Watch) => watch.told.filter((type) => type === 'lowbatt').length;
  const out = (status: string, vars = {}, more = rack()) =>
    new Watch(more).says('ups', 'OL', charged).says('ups', status, { ...charged, ...vars });

  test.each([
    ['by its hold', {}, rack()],
    ['by its runtime, where the trigger is off', { 'battery.runtime': 3000 }, withoutLow()],
    ['of a device in no group', {}, { devices: [declared('ups')] }],
  ])('that stands there since before is told once, known %s', (_, vars, more) => {
    const watch = out('OB LB', vars, more).runs(2).restart().runs(5);
    expect(lows(watch)).toBe(1);
  });

  test('that has come meanwhile is told', () => {
    expect(lows(out('OB').runs(2).changes('ups', 'OB LB', charged).restart().runs(5))).toBe(1);
  });

  test('that had gone before and is back is told', () => {
    const watch = out('OB').runs(20).changes('ups', 'OB LB', charged).runs(2).changes('ups', 'OB', charged).runs(1);
    expect(lows(watch.changes('ups', 'OB LB', charged).restart().runs(2))).toBe(2);
  });

  test('that goes and comes after it is told again', () => {
    const watch = out('OB LB').runs(2).restart().runs(2).changes('ups', 'OB', charged).runs(2);
    expect(lows(watch.changes('ups', 'OB LB', charged).runs(2))).toBe(2);
  });

  test('other words that stand there are told as at every start', () => {
    const watch = out('OB LB OVER').runs(2).restart().runs(2);
    expect(watch.told.filter((type) => type === 'over')).toHaveLength(2);
  });
});

function withoutLow(): ReturnType<typeof rack> {
  const plain = rack();
  const groups = plain.groups?.map((group) => ({ ...group, triggers: { ...group.triggers, lowBattery: false } }));
  return groups === undefined ? plain : { ...plain, groups };
}
