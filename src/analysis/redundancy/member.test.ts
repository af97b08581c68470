import { describe, expect, test } from 'vitest';
import { rack, Watch } from '../../../tests/kit/watch.ts';

const CHARGE = { 'battery.charge': 80, 'battery.runtime': 2000 };
const heard = () => new Watch().says('ups', 'OL', CHARGE).runs(20);

describe('the class of a feed', () => {
  test.each([
    ['OL', 'healthy'],
    ['OL CHRG', 'healthy'],
    ['OL LB RB', 'healthy'],
    ['OL BYPASS', 'degraded'],
    ['OL OVER', 'degraded'],
    ['OB', 'degraded'],
    ['OB DISCHRG', 'degraded'],
    ['OL OFF', 'degraded'],
    ['FSD OL', 'critical'],
  ])('%s is %s', (words, standing) => {
    expect(heard().says('ups', words, CHARGE).runs(3).classOf()).toBe(standing);
  });

  test('a trigger that has fired makes it critical', () => {
    expect(heard().says('ups', 'OB LB', CHARGE).runs(7).classOf()).toBe('critical');
  });

  test('death makes it critical', () => {
    expect(heard().says('ups', 'OB').loses('ups').runs(16).classOf()).toBe('critical');
  });

  test('the mains that have just come back leave it degraded until they have held', () => {
    const watch = heard().says('ups', 'OB', CHARGE).runs(10).says('ups', 'OL', CHARGE).runs(2);
    expect(watch.classOf()).toBe('degraded');
    expect(watch.runs(6).classOf()).toBe('healthy');
  });

  test.each([
    ['a lost link', (watch: Watch) => watch.loses('ups')],
    ['words that prove nothing', (watch: Watch) => watch.changes('ups', 'WAIT', CHARGE)],
    ['answers that just stop', (watch: Watch) => watch.hangs('ups')],
  ])('%s on mains: degraded, after 15 s unknown', (_, silences) => {
    const watch = heard();
    silences(watch);
    watch.runs(13);
    expect(['healthy', 'degraded']).toContain(watch.classOf());
    watch.runs(3);
    expect(watch.classOf()).toBe('unknown');
    expect(watch.says('ups', 'OL', CHARGE).classOf()).toBe('healthy');
  });

  test('OFF is off after 30 s, and as long as it is said', () => {
    const watch = heard().says('ups', 'OL OFF', CHARGE).runs(29);
    expect(watch.classOf()).toBe('degraded');
    expect(watch.runs(2).classOf()).toBe('off');
    expect(watch.says('ups', 'OL', CHARGE).classOf()).toBe('healthy');
  });

  test('nothing is known of a feed that was never heard, nor of one that no source lists', () => {
    const watch = new Watch().runs(30);
    expect(watch.classOf()).toBe('unknown');
    const unlisted = new Watch({ ...rack(['ghost']), devices: [] }).runs(30);
    expect([unlisted.classOf('ghost'), unlisted.decidedAt]).toEqual(['unknown', undefined]);
    expect(unlisted.group().readiness).toMatchObject({ ready: false });
  });
});

describe('two feeds of which one is needed', () => {
  const both = () => new Watch(rack(['a', 'b'])).says('a', 'OL', CHARGE).says('b', 'OL', CHARGE).runs(30);

  test('one that is critical leaves the group standing', () => {
    const watch = both().says('a', 'OB LB', CHARGE).runs(120);
    expect([watch.classOf('a'), watch.decidedAt]).toEqual(['critical', undefined]);
  });

  test('silence on mains counts once it is unknown, and only beside a critical one', () => {
    const watch = both().loses('b').runs(300);
    expect(watch.decidedAt).toBeUndefined();
    watch.says('a', 'OB LB', CHARGE);
    const low = watch.second;
    watch.runs(10);
    expect(watch.run()).toMatchObject({ kind: 'quorum', whole: true });
    expect((watch.decidedAt ?? 0) - low).toBe(5);
  });

  test('silence that begins while the other is critical counts after 15 s', () => {
    const watch = both().says('a', 'OB LB', CHARGE).runs(20).loses('b');
    const lost = watch.second;
    watch.runs(30);
    expect((watch.decidedAt ?? 0) - lost).toBe(15);
  });

  test('an output that is off counts after 30 s', () => {
    const watch = both().says('a', 'OB LB', CHARGE).runs(20).says('b', 'OL OFF', CHARGE);
    const off = watch.second;
    watch.runs(60);
    expect((watch.decidedAt ?? 0) - off).toBe(30);
  });

  test('both unknown shut nothing down', () => {
    expect(both().loses('a').loses('b').runs(600).decidedAt).toBeUndefined();
  });

  test('right after a start the silent one is not counted, after 15 s it is', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OB LB', CHARGE).runs(60);
    expect(watch.decidedAt).toBe(15);
  });

  test('one forced shutdown leaves the group standing, two do not', () => {
    const watch = both().says('a', 'FSD OL', CHARGE).runs(10);
    expect(watch.decidedAt).toBeUndefined();
    watch.says('b', 'FSD OL', CHARGE);
    expect(watch.run()?.kind).toBe('fsd');
  });

  test('both on battery and low is an outage, which mains call off', () => {
    const watch = both().says('a', 'OB LB', CHARGE).says('b', 'OB LB', CHARGE).runs(10);
    expect(watch.run()?.kind).toBe('outage');
    watch.says('b', 'OL', CHARGE).runs(7);
    expect(watch.told).toContain('called_off');
  });
});

describe('what has not changed is the very same value', () => {
  const when = { chargeBelow: 90 };
  const shedding = () => new Watch(rack(['ups'], { stages: [{ name: 'shed', when, steps: [], restore: [] }] }));
  const out = (charge: number) =>
    shedding()
      .says('ups', 'OL')
      .says('ups', 'OB', { ...CHARGE, 'battery.charge': charge });
  const member = (watch: Watch) => watch.group().members.get('ups');

  test('the group, as long as neither a reading nor a clock moves anything', () => {
    const watch = out(80).runs(3);
    const before = watch.group();
    expect(watch.tell({ kind: 'tick' }).group()).toBe(before);
  });

  test('conditions that hold, while the charge goes on falling', () => {
    const watch = out(80).runs(3);
    const before = member(watch);
    const after = member(watch.says('ups', 'OB', { ...CHARGE, 'battery.charge': 79 }));
    expect(after).not.toBe(before);
    expect(after?.stageHolds).toBe(before?.stageHolds);
    expect(after?.holds).toBe(before?.holds);
  });

  test('and one that holds no more is another one', () => {
    const watch = out(80).runs(3);
    expect(Object.keys(member(watch)?.stageHolds ?? {})).toEqual(['shed']);
    expect(member(watch.says('ups', 'OB', { ...CHARGE, 'battery.charge': 95 }))?.stageHolds).toEqual({});
  });
});
