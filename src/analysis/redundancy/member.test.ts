import { describe, expect, test } from 'vitest';
import { at, deviceOf, OUTAGE, seen } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Power } from '../../domain/power.ts';
import type { DeviceState, Link } from '../../domain/state.ts';
import { memberOf, silentSince, unlisted } from './member.ts';

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

const LOST: Link = { kind: 'lost', trouble: { kind: 'timed-out', detail: '' }, since: at(50), sinceWall: 0 };
const OUT: Power = { fed: 'battery', outage: OUTAGE };
const MAINS: Power = { fed: 'mains' };

describe('a feed says why it is not healthy', () => {
  test.each<[string, Power, Link, number | undefined, string, string | undefined]>([
    ['OL', MAINS, { kind: 'up' }, undefined, 'healthy', undefined],
    ['OL BYPASS', MAINS, { kind: 'up' }, undefined, 'degraded', 'on bypass, the load is not protected'],
    ['OL OVER', MAINS, { kind: 'up' }, undefined, 'degraded', 'overloaded'],
    ['OL', {}, { kind: 'unknown' }, undefined, 'unknown', 'has not been heard yet'],
    ['OL', {}, LOST, undefined, 'unknown', 'it does not answer in time'],
    ['WAIT', MAINS, { kind: 'up' }, 86, 'degraded', 'says neither mains nor battery'],
    ['WAIT', MAINS, { kind: 'up' }, 85, 'unknown', 'says neither mains nor battery'],
    ['OL', MAINS, LOST, 85, 'unknown', 'it does not answer in time'],
    ['OB', OUT, { kind: 'up' }, undefined, 'degraded', 'on battery'],
    ['OB', OUT, { kind: 'up' }, 99, 'degraded', 'on battery'],
    [
      'OL OB',
      { fed: 'battery', outage: { ...OUTAGE, proof: 'contradiction' } },
      { kind: 'up' },
      85,
      'unknown',
      'says neither mains nor battery',
    ],
    [
      'OL',
      { fed: 'mains', outage: { ...OUTAGE, mainsSince: at(98) } },
      { kind: 'up' },
      undefined,
      'degraded',
      'the mains have just come back',
    ],
    ['OL OFF', { ...MAINS, offSince: at(71) }, { kind: 'up' }, undefined, 'degraded', 'its output is off'],
    ['OL OFF', { ...MAINS, offSince: at(70) }, { kind: 'up' }, undefined, 'off', 'its output is off'],
  ])('%s, %j', (status, power, link, silence, is, why) => {
    const view = seen(
      status,
      { 'battery.charge': 90, 'battery.runtime': 3000 },
      {
        power,
        ...(silence === undefined ? {} : { silentSince: at(silence) }),
      },
    );
    const member = memberOf(undefined, deviceOf(view, link), view, []);
    expect([member.class, member.why]).toEqual([is, why]);
  });

  test('one whose mains an earlier process has proved is healthy before its first reading', () => {
    const view = seen(undefined, {}, { power: MAINS });
    const member = memberOf(undefined, deviceOf(view), view, []);
    expect([member.class, 'why' in member]).toEqual(['healthy', false]);
  });

  test('a forced shutdown that is only told leaves it degraded', () => {
    const view = seen('OL FSD', {}, { power: MAINS, fsd: 'tell' });
    expect(memberOf(undefined, deviceOf(view), view, [])).toMatchObject({
      class: 'degraded',
      why: 'a forced shutdown is set, and only told',
    });
  });
});

describe('what has fired', () => {
  const member = (watch: Watch) => watch.group().members.get('ups');
  const forced = () => new Watch(rack()).says('ups', 'OL').runs(20).says('ups', 'OL FSD').runs(3);

  test('is nothing before it has', () => {
    expect(member(new Watch(rack()).says('ups', 'OL').runs(20))).not.toHaveProperty('fired');
  });

  test('stands while the device is silent, and is gone once it is heard without it', () => {
    const watch = forced();
    const before = member(watch);
    expect(before?.fired).toEqual(['fsd']);
    expect(member(watch.runs(3))).toBe(before);
    expect(member(watch.hangs('ups').runs(60))?.fired).toBe(before?.fired);
    expect(member(watch.restart(1).runs(3))?.fired).toEqual(['fsd']);
    expect(member(watch.says('ups', 'OL').runs(1))).not.toHaveProperty('fired');
  });

  test('stands as long as the outage, in the order in which it came', () => {
    const watch = new Watch(rack()).says('ups', 'OL').runs(20).says('ups', 'OB LB').runs(10);
    expect(member(watch)?.fired).toEqual(['low_battery']);
    expect(member(watch.says('ups', 'OB LB FSD').runs(2))?.fired).toEqual(['low_battery', 'fsd']);
    expect(member(watch.says('ups', 'OL').runs(2))?.fired).toEqual(['low_battery', 'fsd']);
    expect(member(watch.runs(10))).not.toHaveProperty('fired');
  });
});

describe('since when a feed is silent', () => {
  const heard = deviceOf(seen('OL', {}, { power: MAINS }));
  const mute = deviceOf(seen('WAIT', {}, { power: MAINS }));
  const unread = deviceOf(seen(undefined, {}, { power: MAINS }));
  test.each<[string, DeviceState, number | undefined, number | undefined]>([
    ['not at all while it proves something', heard, undefined, undefined],
    ['its last reading, once it is lost', { ...heard, link: LOST }, undefined, 99],
    ['its last reading, where that proves nothing', mute, undefined, 99],
    ['what its feeding says', { ...heard, power: { ...MAINS, silentSince: at(60) } }, undefined, 60],
    ['the beginning of listening, where it was never read', unread, undefined, 10],
    ['the end of a stall of ours', mute, 120, 120],
    ['what it was, where our stall was before', mute, 30, 99],
  ])('%s', (_, one, gap, since) => {
    const is = silentSince(one, at(10), gap === undefined ? undefined : at(gap));
    expect(is).toBe(since === undefined ? undefined : at(since));
  });
});

describe('a feed that no source lists', () => {
  const view = seen('OB', { 'battery.charge': 15 }, { power: OUT });
  const judged = memberOf(undefined, deviceOf(view), view, []);

  test('is unknown, and one and the same while it stays so', () => {
    const one = unlisted(undefined, 'ups');
    expect(one).toMatchObject({ device: 'ups', class: 'unknown', why: 'no source lists it yet', holds: {} });
    expect(unlisted(one, 'ups')).toBe(one);
  });

  test('keeps what an earlier process has left, and not what this one has judged', () => {
    expect(Object.keys(judged.holds)).toEqual(['charge_below']);
    const left = { ...judged, class: 'unknown', verdicts: [], stageHolds: { shed: judged.holds } } as const;
    expect(unlisted(left, 'ups')).toMatchObject({ holds: judged.holds, stageHolds: left.stageHolds });
    expect(unlisted({ ...left, fired: ['fsd'] }, 'ups').fired).toEqual(['fsd']);
    expect(unlisted({ ...judged, fired: ['fsd'] }, 'ups')).not.toHaveProperty('fired');
    expect(unlisted(judged, 'ups').holds).toEqual({});
    expect(unlisted({ ...judged, verdicts: [] }, 'ups').holds).toEqual({});
    expect(unlisted({ ...judged, class: 'unknown' }, 'ups').holds).toEqual({});
  });
});
