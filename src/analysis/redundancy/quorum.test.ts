import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Member, MemberClass } from '../../domain/groups.ts';
import { readingOf } from '../../domain/reading.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import { asInstant } from '../../domain/time.ts';
import { capacityOf, quorumOf } from './quorum.ts';

const member = (standing: MemberClass, index: number): Member => ({
  device: `ups${index}`,
  class: standing,
  verdicts: [],
  holds: {},
  meets: [],
  stageHolds: {},
});
const isCritical = ({ class: standing }: Member) => standing === 'critical';
const LETTERS: Readonly<Record<string, MemberClass>> = {
  h: 'healthy',
  d: 'degraded',
  c: 'critical',
  u: 'unknown',
  o: 'off',
};
const quorum = (classes: string, needed: number, counts = true) =>
  quorumOf(
    [...classes].map((letter, index) => member(LETTERS[letter] ?? 'unknown', index)),
    needed,
    isCritical,
    counts,
  );

describe('a quorum is lost', () => {
  test.each([
    // One feed: only itself counts, and only when critical.
    ['h', 1, false],
    ['d', 1, false],
    ['u', 1, false],
    ['o', 1, false],
    ['c', 1, true],
    // Two feeds of which one is needed.
    ['hh', 1, false],
    ['ch', 1, false],
    ['cd', 1, false],
    ['cc', 1, true],
    ['cu', 1, true],
    ['co', 1, true],
    ['uu', 1, false],
    ['oo', 1, false],
    ['uo', 1, false],
    ['hu', 1, false],
    // Two feeds of which both are needed.
    ['ch', 2, true],
    ['hu', 2, false],
    ['ho', 2, false],
    ['dd', 2, false],
    // Three feeds.
    ['cuh', 1, false],
    ['cuh', 2, true],
    ['cdh', 2, false],
    ['uuu', 2, false],
    ['huu', 2, false],
    ['cuu', 1, true],
    ['cou', 1, true],
    // More than there are, which no configuration says.
    ['hh', 3, false],
    ['uu', 3, false],
    ['ch', 3, true],
  ])('%s with %i needed: %s', (classes, needed, lost) => {
    expect(quorum(classes, needed).lost).toBe(lost);
  });

  test('not by absence before everything has had time to answer', () => {
    expect(quorum('cu', 1, false)).toMatchObject({ healthy: 0, lost: false });
    expect(quorum('cc', 1, false).lost).toBe(true);
  });

  test('by absence where the critical ones alone would leave enough', () => {
    expect(quorum('cu', 1)).toMatchObject({ lost: true, byAbsence: true, healthy: 0, spare: 0 });
    expect(quorum('ccu', 1)).toMatchObject({ lost: true, byAbsence: true });
    expect(quorum('cch', 2)).toMatchObject({ lost: true, byAbsence: false });
  });

  test.each([
    ['hhh', 1, 3, 2],
    ['hch', 1, 2, 1],
    ['huh', 1, 2, 1],
    ['cuh', 1, 1, 0],
    ['huuu', 1, 1, 0],
  ])('%s with %i needed: %i healthy, %i to spare', (classes, needed, healthy, spare) => {
    expect(quorum(classes, needed)).toMatchObject({ healthy, needed, spare });
  });
});

describe('the surviving capacity', () => {
  const watts = (load: number, nominal = 900) => ({ 'ups.realpower': load, 'ups.realpower.nominal': nominal });
  const two = (more = {}) => new Watch(rack(['a', 'b'], more));
  const lostA = (watch: Watch) => watch.says('a', 'OB LB', watts(400)).runs(20);

  test('is watts of the healthy feeds against the load', () => {
    const watch = two().says('a', 'OL', watts(400)).says('b', 'OL', watts(300)).runs(2);
    expect(watch.group().capacity).toEqual({ watts: 1800, load: 700, enough: true, enoughWithOneLess: true });
    watch.says('b', 'OL', watts(600)).runs(1);
    expect(watch.group().capacity).toMatchObject({ load: 1000, enough: true, enoughWithOneLess: false });
  });

  test('is not known for a single feed, nor where a nominal power or load is not told', () => {
    expect(new Watch().says('ups', 'OL', watts(100)).group().capacity).toBeUndefined();
    expect(
      two().says('a', 'OL', watts(100)).says('b', 'OL', { 'ups.realpower': 100 }).group().capacity,
    ).toBeUndefined();
    const unloaded = { 'ups.realpower.nominal': 900 };
    expect(two().says('a', 'OL', watts(100)).says('b', 'OL', unloaded).group().capacity).toBeUndefined();
  });

  test.each([
    ['tell', false],
    ['enforce', true],
  ] as const)('too little is told, and %s runs the plan: %s', (minCapacity, runs) => {
    const watch = two({ minCapacity }).says('a', 'OL', watts(400)).says('b', 'OL', watts(600)).runs(20);
    lostA(watch);
    expect(watch.told).toContain('capacity_short');
    expect(watch.runsOrdered.length).toBe(runs ? 1 : 0);
    if (runs) expect(watch.run()).toMatchObject({ kind: 'quorum', whole: true });
  });

  test('enough is not enforced', () => {
    const watch = two({ minCapacity: 'enforce' }).says('a', 'OL', watts(300)).says('b', 'OL', watts(300)).runs(20);
    expect(lostA(watch).decidedAt).toBeUndefined();
  });

  test('too little shuts nothing down while every feed is on mains', () => {
    const watch = two({ minCapacity: 'enforce' }).says('a', 'OL', watts(1500)).says('b', 'OL', watts(1500)).runs(60);
    expect([watch.told.includes('capacity_short'), watch.decidedAt]).toEqual([true, undefined]);
  });

  test('a peak shorter than hold is no shortage', () => {
    const watch = two({ minCapacity: 'enforce', triggers: TRIGGERS });
    watch.says('a', 'OB LB', watts(100)).says('b', 'OL', watts(600)).runs(20);
    watch.says('b', 'OL', watts(1200)).runs(3).says('b', 'OL', watts(600)).runs(20);
    expect([watch.told.includes('capacity_short'), watch.decidedAt]).toEqual([false, undefined]);
  });
});

describe('the capacity of', () => {
  interface Seat {
    readonly is: MemberClass;
    /** What the configuration gives, and what the device says of itself. */
    readonly given?: number;
    readonly says?: Readonly<Record<string, number>>;
    readonly load?: number;
  }
  const deviceOf = (id: string, { given, says, load }: Seat): DeviceState => {
    const at = asInstant(0);
    const told = Object.entries(says ?? {}).map(([name, watts]) => [name, `${watts}`] as const);
    return {
      ...UNHEARD,
      id,
      label: id,
      address: { source: 'nas', name: id },
      link: { kind: 'up' },
      ...(says === undefined ? {} : { reading: readingOf(new Map(told), at, at) }),
      ...(given === undefined ? {} : { nominalPower: given }),
      derived: new Map(load === undefined ? [] : [['power', `${load}`]]),
    };
  };
  const capacity = (seats: readonly Seat[], minHealthy = 1, unlisted: readonly string[] = []) => {
    const feeds = seats.map((_, index) => `ups${index}`);
    const members = new Map(seats.map(({ is }, index) => [`ups${index}`, member(is, index)]));
    const devices = new Map(seats.map((seat, index) => [`ups${index}`, deviceOf(`ups${index}`, seat)]));
    for (const id of unlisted) devices.delete(id);
    return capacityOf({ feeds, minHealthy }, members, devices);
  };
  const seat = (is: MemberClass, load = 300, given = 600): Seat => ({ is, load, given });

  test('feeds counts healthy and degraded ones', () => {
    expect(capacity([seat('healthy'), seat('degraded')])).toMatchObject({ watts: 1200, load: 600 });
  });

  test('feeds takes the load of a critical one, and nothing of one that is absent', () => {
    expect(capacity([seat('healthy'), seat('critical', 200)])).toEqual({ watts: 600, load: 500, enough: true });
    expect(capacity([seat('healthy'), seat('off')])).toEqual({ watts: 600, load: 300, enough: true });
    expect(capacity([seat('healthy'), seat('unknown')])).toEqual({ watts: 600, load: 300, enough: true });
    expect(capacity([seat('healthy'), { is: 'unknown' }], 1, ['ups1'])).toMatchObject({ watts: 600 });
  });

  test.each([
    ['a single feed', [seat('healthy')]],
    ['feeds of which none is left', [seat('unknown'), seat('off')]],
    ['feeds that were lost', [seat('critical'), seat('critical')]],
    ['a feed without a nominal power', [seat('healthy'), { is: 'healthy', load: 300 }]],
    ['a feed that says 0 W', [seat('healthy'), { is: 'healthy', load: 300, says: { 'ups.realpower.nominal': 0 } }]],
    ['a feed without a load', [seat('healthy'), { is: 'degraded', given: 600 }]],
    ['a lost feed without a load', [seat('healthy'), { is: 'critical' }]],
  ] as const)('%s is not known', (_, seats) => {
    expect(capacity(seats)).toBeUndefined();
  });

  test('a feed that no source lists is not known', () => {
    expect(capacity([seat('healthy'), seat('healthy')], 1, ['ups1'])).toBeUndefined();
    expect(capacity([seat('healthy'), seat('critical')], 1, ['ups1'])).toBeUndefined();
    expect(capacityOf({ feeds: ['x', 'y'], minHealthy: 1 }, new Map(), new Map())).toBeUndefined();
  });

  test.each([
    [{ 'ups.realpower.nominal': 500 }, 500],
    [{ 'output.realpower.nominal': 700 }, 700],
    [{ 'ups.realpower.nominal': 0, 'output.realpower.nominal': 700 }, 700],
    [{ 'ups.realpower.nominal': 500, 'output.realpower.nominal': 700 }, 500],
  ] as const)('a feed that says %j is %i W', (says, watts) => {
    expect(capacity([seat('healthy', 0, 100), { is: 'healthy', load: 0, says }])?.watts).toBe(100 + watts);
  });

  test('a feed that the configuration knows better is what that says', () => {
    const says = { 'ups.realpower.nominal': 500 };
    expect(capacity([seat('healthy', 0, 100), { ...seat('healthy', 0, 900), says }])?.watts).toBe(1000);
  });

  test.each([
    [600, true, true],
    [601, true, false],
    [1500, true, false],
    [1501, false, false],
  ])('900 W and 600 W with a load of %i W', (load, enough, enoughWithOneLess) => {
    const seats = [seat('healthy', load, 900), seat('healthy', 0, 600)];
    expect(capacity(seats)).toEqual({ watts: 1500, load, enough, enoughWithOneLess });
    // One less would lose the quorum.
    expect(capacity(seats, 2)).toEqual({ watts: 1500, load, enough });
  });
});
