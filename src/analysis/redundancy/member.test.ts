import { describe, expect, test } from 'vitest';
import { at, OUTAGE, seen } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Power } from '../../domain/power.ts';
import type { StageSettings } from '../../domain/settings.ts';
import { type DeviceState, type Link, UNHEARD } from '../../domain/state.ts';
import { seconds } from '../../domain/time.ts';
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

const LOST: Link = { kind: 'lost', trouble: { kind: 'timed-out', detail: '' }, since: at(50), sinceWall: 0 };
/** A device as the view of a moment has it. */
const device = (view: ReturnType<typeof seen>, link: Link = { kind: 'up' }): DeviceState => ({
  ...UNHEARD,
  id: 'ups',
  label: 'ups',
  address: { source: 'nas', name: 'ups' },
  link,
  power: view.power,
  derived: new Map(),
  ...(view.reading === undefined ? {} : { reading: view.reading }),
});
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
    const member = memberOf(undefined, device(view, link), view, []);
    expect([member.class, member.why]).toEqual([is, why]);
  });

  test('one whose mains an earlier process has proved is healthy before its first reading', () => {
    const view = seen(undefined, {}, { power: MAINS });
    const member = memberOf(undefined, device(view), view, []);
    expect([member.class, 'why' in member]).toEqual(['healthy', false]);
  });

  test('a forced shutdown that is only told leaves it degraded', () => {
    const view = seen('OL FSD', {}, { power: MAINS, fsd: 'tell' });
    expect(memberOf(undefined, device(view), view, [])).toMatchObject({
      class: 'degraded',
      why: 'a forced shutdown is set, and only told',
    });
  });
});

describe('since when a feed is silent', () => {
  const heard = device(seen('OL', {}, { power: MAINS }));
  const mute = device(seen('WAIT', {}, { power: MAINS }));
  const unread = device(seen(undefined, {}, { power: MAINS }));
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

describe('a member that says the same is the very same', () => {
  const stages: readonly StageSettings[] = [
    { name: 'one', when: { chargeBelow: 95 }, steps: [], restore: [] },
    { name: 'two', when: { onBatteryFor: seconds(300) }, steps: [], restore: [] },
  ];
  const gauges = { 'battery.charge': 90, 'battery.runtime': 3000 };
  const view = (more: Parameters<typeof seen>[2] = {}, vars = gauges, status = 'OB') =>
    seen(status, vars, { power: OUT, ...more });
  const member = (of = view(), before?: ReturnType<typeof memberOf>, staged = stages) =>
    memberOf(before, device(of), of, staged);
  const first = () => member();

  test('as one of the very same moment', () => {
    const before = first();
    expect(member(view(), before)).toBe(before);
  });

  test.each<[string, () => ReturnType<typeof view>]>([
    ['whose class is another', () => view({}, gauges, 'OB FSD')],
    ['whose reason is another', () => view({ power: { fed: 'mains', outage: { ...OUTAGE, mainsSince: at(99) } } })],
    ['whose value is another', () => view({}, { ...gauges, 'battery.charge': 89 })],
    ['whose estimate is another', () => view({}, { ...gauges, 'battery.runtime': 2000 })],
    ['whose threshold is another', () => view({ need: seconds(200) })],
  ])('not as one %s', (_, next) => {
    const before = first();
    const now = member(next(), before);
    expect(now).not.toBe(before);
    expect(now).toEqual({ ...member(next(), before) });
  });

  test('not as one with other conditions in sight, or met', () => {
    const before = first();
    expect(before.nears?.map(({ stage }) => stage)).toEqual(['one', 'two']);
    const [one, two] = stages;
    if (one === undefined || two === undefined) throw new Error('no stages');
    const later: StageSettings = { ...two, when: { onBatteryFor: seconds(400) } };
    expect(member(view(), before, [one, later]).nears?.[1]?.at).toBe(at(440));
    expect(member(view(), before, [one]).nears?.map(({ stage }) => stage)).toEqual(['one']);
    expect(member(view(), before, []).nears).toBeUndefined();
    const met: StageSettings = { ...two, when: { onBatteryFor: seconds(30) } };
    expect([before.meets, member(view(), before, [one, met]).meets]).toEqual([[], ['two']]);
    const other: StageSettings = { ...met, name: 'three' };
    const has = member(view(), undefined, [met]);
    expect(member(view(), has, [other]).meets).toEqual(['three']);
  });

  const whole = () => member(view(), undefined, [...stages, { ...met, name: 'met' }]);
  const met: StageSettings = { name: 'met', when: { onBatteryFor: seconds(30) }, steps: [], restore: [] };
  const again = (before: ReturnType<typeof whole>) => member(view(), before, [...stages, met]);

  test('though it meets a stage and sees others', () => {
    const before = whole();
    expect([before.meets, before.nears?.length]).toEqual([['met'], 2]);
    expect(again(before)).toBe(before);
  });

  test.each(['firesAt', 'value', 'kind', 'trigger', 'threshold', 'margin', 'unit', 'basis', 'why'] as const)(
    'not where the %s of one verdict was another',
    (key) => {
      const now = whole();
      for (const changed of now.verdicts.keys()) {
        const verdicts = now.verdicts.map((one, index) => (index === changed ? { ...one, [key]: 'other' } : one));
        expect(again({ ...now, verdicts } as typeof now)).toEqual(now); // a value that no type allows differs from all
      }
    },
  );

  test.each(['stage', 'at', 'trigger', 'basis', 'why'] as const)(
    'not where the %s of what it saw was another',
    (key) => {
      const now = whole();
      const nears = now.nears?.map((one, index) => (index === 1 ? { ...one, [key]: 'other' } : one));
      expect(again({ ...now, nears } as typeof now)).toEqual(now); // a value that no type allows differs from all
    },
  );

  test('not where there was more or less of anything', () => {
    const now = whole();
    const { why: _, nears: __, ...less } = now;
    const before: readonly (typeof now)[] = [
      less,
      { ...now, why: 'other' },
      { ...now, class: 'healthy' },
      { ...now, verdicts: now.verdicts.slice(1) },
      { ...now, verdicts: [...now.verdicts, ...now.verdicts.slice(0, 1)] },
      { ...now, meets: [] },
      { ...now, meets: ['met', 'met'] },
      { ...now, meets: ['other'] },
      { ...now, nears: now.nears?.slice(0, 1) ?? [] },
      { ...now, nears: [...(now.nears ?? []), ...(now.nears ?? [])] },
      { ...now, stageHolds: {} },
      { ...now, stageHolds: { ...now.stageHolds, gone: {} } },
    ];
    for (const one of before) expect(again(one)).toEqual(now);
  });

  test('not where a condition has been confirmed meanwhile, though its verdict is the same', () => {
    const low = view({}, { ...gauges, 'battery.charge': 15, 'battery.runtime': 100 });
    const once = { charge_below: { since: at(96), confirmed: false } };
    const now = memberOf({ ...unlisted(undefined, 'ups'), holds: once }, device(low), low, []);
    expect(now.holds.charge_below).toEqual({ since: at(96), confirmed: true });
    expect(memberOf({ ...now, holds: { ...now.holds, ...once } }, device(low), low, []).holds).toEqual(now.holds);
  });

  test('and has no more than there is to say', () => {
    const plain = member(view(), undefined, []);
    expect([plain.meets, plain.stageHolds, 'nears' in plain]).toEqual([[], {}, false]);
    const late: StageSettings = {
      name: 'late',
      when: { chargeBelow: 5, onBatteryFor: seconds(30) },
      steps: [],
      restore: [],
    };
    const unforeseen = member(view(), undefined, [late]);
    expect([unforeseen.meets, 'nears' in unforeseen]).toEqual([[], false]);
  });

  test('its holds stay the same while conditions go on holding, and go with the stage', () => {
    const before = first();
    expect(Object.keys(before.stageHolds)).toEqual(['one']);
    const later = member(view({ now: at(101) }), before);
    expect([later.holds, later.stageHolds]).toEqual([before.holds, before.stageHolds]);
    expect([later.holds === before.holds, later.stageHolds === before.stageHolds]).toEqual([true, true]);
    expect(member(view(), before, stages.slice(1)).stageHolds).toEqual({});
    const low = (charge: number) => view({}, { 'battery.charge': charge, 'battery.runtime': 100 });
    const held = member(low(15), undefined, []);
    const unstaged = member(low(14), held, []);
    expect([Object.keys(held.holds), unstaged === held, unstaged.holds === held.holds]).toEqual([
      ['charge_below', 'runtime_below'],
      false,
      true,
    ]);
    const empty = member(view(), undefined, stages.slice(1));
    expect(Object.keys(member(view(), empty).stageHolds)).toEqual(['one']);
  });
});

describe('a feed that no source lists', () => {
  const view = seen('OB', { 'battery.charge': 15 }, { power: OUT });
  const judged = memberOf(undefined, device(view), view, []);

  test('is unknown, and one and the same while it stays so', () => {
    const one = unlisted(undefined, 'ups');
    expect(one).toMatchObject({ device: 'ups', class: 'unknown', why: 'no source lists it yet', holds: {} });
    expect(unlisted(one, 'ups')).toBe(one);
  });

  test('keeps what an earlier process has left, and not what this one has judged', () => {
    expect(Object.keys(judged.holds)).toEqual(['charge_below']);
    const left = { ...judged, class: 'unknown', verdicts: [], stageHolds: { shed: judged.holds } } as const;
    expect(unlisted(left, 'ups')).toMatchObject({ holds: judged.holds, stageHolds: left.stageHolds });
    expect(unlisted(judged, 'ups').holds).toEqual({});
    expect(unlisted({ ...judged, verdicts: [] }, 'ups').holds).toEqual({});
    expect(unlisted({ ...judged, class: 'unknown' }, 'ups').holds).toEqual({});
  });
});
