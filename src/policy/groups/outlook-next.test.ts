import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { at } from '../../../tests/kit/view.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { ForeseeingMember } from '../../analysis/redundancy/member.ts';
import type { StageNear } from '../../analysis/redundancy/stage.ts';
import type { GroupState, Outlook, Run } from '../../domain/groups.ts';
import type { StageCondition } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';
import type { Trigger, Verdict } from '../../domain/triggers.ts';
import { unseen } from './adopt.ts';
import { unjudged } from './judge.ts';
import { outlookOf } from './outlook.ts';

const quiet = (trigger: Trigger, second?: number, more: Partial<Verdict> = {}): Verdict => ({
  trigger,
  kind: 'quiet',
  why: `why ${trigger}`,
  ...(second === undefined ? {} : { firesAt: at(second) }),
  ...more,
});
const fired = (trigger: Trigger): Verdict => ({ trigger, kind: 'fired', why: `why ${trigger}` });
const near = (stage: string, second: number, more: Partial<StageNear> = {}): StageNear => ({
  stage,
  at: at(second),
  trigger: 'on_battery_for',
  why: `near ${stage}`,
  ...more,
});
const feed = (
  device: string,
  verdicts: readonly Verdict[],
  more: Partial<ForeseeingMember> = {},
): ForeseeingMember => ({
  ...unseen(device),
  class: 'degraded',
  verdicts,
  ...more,
});

const stage = (name: string, when?: StageCondition) => ({
  name,
  steps: [],
  restore: [],
  ...(when === undefined ? {} : { when }),
});
const STAGED = [stage('one', { onBatteryFor: seconds(30) }), stage('two', { chargeBelow: 40 }), stage('last')];
const RUN: Run = {
  id: 'rack-1',
  kind: 'outage',
  cause: [],
  since: at(0),
  wall: 0,
  stages: ['one'],
  whole: false,
  effect: 'act',
};
const WHY = ', which a person has silenced until then';
/** The charge of a and stage one, until 100 s. */
const SILENCED = { until: at(100), causes: [{ device: 'a', trigger: 'charge_below' }], stages: ['one'] } as const;

type Given = Partial<Pick<GroupState, 'run' | 'silenced'>> & { readonly needed?: number; readonly staged?: true };

/** What is in sight of a group of these feeds. */
function outlook(feeds: readonly ForeseeingMember[], { needed = 1, staged, ...more }: Given = {}): Outlook {
  const ids = feeds.map(({ device }) => device);
  const fresh = unjudged(group('rack', ids, { halt: HALT, stages: staged ? STAGED : [] }), new Map());
  const up = feeds.filter((one) => ['healthy', 'degraded'].includes(one.class)).length;
  const quorum = { healthy: up, needed, spare: Math.max(0, up - needed), lost: up < needed };
  return outlookOf(
    { ...fresh, members: new Map(feeds.map((one) => [one.device, one])), quorum, ...more },
    'act',
    new Map(),
  );
}
const next = (feeds: readonly ForeseeingMember[], given?: Given) => outlook(feeds, given).next;
/** The stage, feed and second of what comes next. */
const brief = (feeds: readonly ForeseeingMember[], given?: Given) => {
  const found = next(feeds, given);
  return found === undefined ? undefined : [found.stage, found.device, found.trigger, (found.at ?? 0) / 1000];
};

describe('of one feed', () => {
  test('the trigger that comes soonest is next, of two at once the first', () => {
    const verdicts = [
      quiet('charge_below', 60),
      quiet('runtime_below', 50, { basis: 'runtime' }),
      quiet('depletion'),
      quiet('on_battery_for', 50, { basis: 'clock' }),
    ];
    expect(next([feed('a', verdicts)])).toStrictEqual({
      device: 'a',
      trigger: 'runtime_below',
      why: 'why runtime_below',
      at: at(50),
      basis: 'runtime',
    });
  });

  test('what holds, or nobody knows a moment for, is as it says', () => {
    const holding = quiet('low_battery', 30, { kind: 'holding' });
    expect(next([feed('a', [quiet('charge_below', 60), holding])])).toStrictEqual({
      device: 'a',
      trigger: 'low_battery',
      why: 'why low_battery',
      at: at(30),
    });
    expect(
      next([feed('a', [quiet('charge_below'), quiet('depletion', undefined, { kind: 'blind' })])]),
    ).toBeUndefined();
  });

  test('what nobody sees coming is not there', () => {
    expect(outlook([feed('a', [quiet('charge_below')])])).toStrictEqual({
      state: 'outage',
      effect: 'act',
      text: 'on battery; nothing in sight yet; leads to: the halt of this host',
    });
  });

  test('nothing is next once one has fired, nor once the whole plan was decided', () => {
    expect(next([feed('a', [quiet('charge_below', 60), fired('low_battery')])])).toBeUndefined();
    expect(next([feed('a', [quiet('charge_below', 60)])], { run: { ...RUN, whole: true } })).toBeUndefined();
    expect(brief([feed('a', [quiet('charge_below', 60)])], { run: RUN })).toEqual([undefined, 'a', 'charge_below', 60]);
  });

  test.each<[string, readonly Verdict[], object | undefined]>([
    [
      'one that has fired comes at the end of the silence',
      [fired('charge_below')],
      { trigger: 'charge_below', at: at(100), why: `why charge_below${WHY}` },
    ],
    [
      'one that would fire sooner comes at the end of the silence',
      [quiet('charge_below', 60)],
      { trigger: 'charge_below', at: at(100), why: 'why charge_below' },
    ],
    ['one that would fire later comes as it would', [quiet('charge_below', 130)], { at: at(130) }],
    ['one without a moment is not in sight', [quiet('charge_below')], undefined],
    ['another one comes as it would', [fired('charge_below'), quiet('runtime_below', 60)], { at: at(60) }],
  ])('of what a person has silenced, %s', (_, verdicts, is) => {
    const found = next([feed('a', verdicts)], { silenced: SILENCED });
    if (is === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(is);
  });

  test('what a person has silenced for another feed is not', () => {
    expect(next([feed('b', [fired('charge_below')])], { silenced: SILENCED })).toBeUndefined();
  });
});

describe('of several feeds', () => {
  const [a, b, c] = [
    feed('a', [quiet('charge_below', 50)]),
    feed('b', [quiet('charge_below', 30)]),
    feed('c', [quiet('charge_below', 40)]),
  ] as const;

  test.each<[number, string]>([
    [1, 'a'],
    [2, 'c'],
    [3, 'b'],
  ])('where %i are needed, %s is the one too many', (needed, device) => {
    expect(next([a, b, c], { needed })?.device).toBe(device);
  });

  test('one that is lost already does not come again', () => {
    const lost = feed('b', [fired('dead')], { class: 'critical' });
    expect(next([a, lost, c], { needed: 2 })?.device).toBe('c');
    expect(next([a, lost], { needed: 1 })?.device).toBe('a');
  });

  test('nothing is in sight where fewer are than can be lost', () => {
    expect(next([a, feed('b', [], { class: 'healthy' })])).toBeUndefined();
  });
});

describe('of stages', () => {
  test('the one that comes before the group is next, with its own trigger and reason', () => {
    const one = feed('a', [quiet('charge_below', 60, { basis: 'drain' })], {
      nears: [near('one', 50, { basis: 'clock' }), near('two', 40, { trigger: 'charge_below' })],
    });
    expect(next([one], { staged: true })).toStrictEqual({
      stage: 'two',
      device: 'a',
      trigger: 'charge_below',
      why: 'near two',
      at: at(40),
    });
    // Stage one was ordered already, and there it is of no use to know when it would be.
    expect(brief([{ ...one, nears: [near('one', 30)] }], { staged: true, run: RUN })).toEqual([
      undefined,
      'a',
      'charge_below',
      60,
    ]);
  });

  test.each<[number, string | undefined]>([
    [59, 'one'],
    [60, undefined],
    [61, undefined],
  ])('one that comes at %i s, where the group does at 60 s: %s', (second, is) => {
    const one = feed('a', [quiet('charge_below', 60)], { nears: [near('one', second)] });
    expect(brief([one], { staged: true })?.[0]).toBe(is);
  });

  test('that none of the feeds will meet is not next, though the group takes them', () => {
    const feeds = [feed('a', [quiet('charge_below', 60)]), feed('b', [quiet('charge_below', 30)])];
    expect(brief(feeds, { staged: true })).toEqual([undefined, 'a', 'charge_below', 60]);
    expect(brief([feed('a', [])], { staged: true })).toBeUndefined();
  });

  test('the soonest to meet it may be any feed, and what comes last decides', () => {
    const feeds = [
      feed('a', [], { nears: [near('one', 50)] }),
      feed('b', [], { nears: [near('one', 30)] }),
      feed('c', [], { nears: [near('one', 40)] }),
    ];
    expect(brief(feeds, { staged: true })).toEqual(['one', 'a', 'on_battery_for', 50]);
    expect(brief(feeds, { staged: true, needed: 2 })).toEqual(['one', 'c', 'on_battery_for', 40]);
    expect(brief(feeds, { staged: true, needed: 3 })).toEqual(['one', 'b', 'on_battery_for', 30]);
  });

  test('a feed counts that the triggers of the group take sooner, but one has to meet the condition', () => {
    const taken = feed('b', [quiet('charge_below', 20)]);
    const own = feed('a', [quiet('runtime_below', 90)], { nears: [near('one', 50)] });
    // By 50 s b is lost by its charge and a meets the condition.
    expect(brief([own, taken], { staged: true })).toEqual(['one', 'a', 'on_battery_for', 50]);
    // One is enough: b is lost at 20 s, and yet nobody meets the condition before 50 s.
    expect(brief([own, taken], { staged: true, needed: 2 })).toEqual([undefined, 'b', 'charge_below', 20]);
    const late = feed('b', [quiet('charge_below', 70)]);
    expect(brief([{ ...own, meets: ['one'], nears: [] }, late], { staged: true })).toEqual([
      'one',
      'b',
      'charge_below',
      70,
    ]);
  });

  test('a feed counts that the triggers of the group take before it meets the condition', () => {
    const feeds = [
      feed('a', [quiet('charge_below', 100)], { nears: [near('one', 30)] }),
      feed('b', [quiet('charge_below', 50)], { nears: [near('one', 90)] }),
    ];
    expect(brief(feeds, { staged: true })).toEqual(['one', 'b', 'charge_below', 50]);
  });

  test('of a feed that meets it at the very moment at which the group takes it, the condition is named', () => {
    const feeds = [
      feed('a', [quiet('charge_below', 50)], { nears: [near('one', 50)] }),
      feed('b', [quiet('charge_below', 90)], { nears: [near('one', 40)] }),
    ];
    expect(brief(feeds, { staged: true })).toEqual(['one', 'a', 'on_battery_for', 50]);
  });

  test.each(['unknown', 'off'] as const)('a feed that is %s is not one that could be lost', (is) => {
    const feeds = [feed('a', [], { nears: [near('one', 50)] }), feed('b', [], { class: is })];
    expect(brief(feeds, { staged: true })).toEqual(['one', 'a', 'on_battery_for', 50]);
    expect(brief(feeds, { staged: true, needed: 2 })).toEqual(['one', 'a', 'on_battery_for', 50]);
  });

  test('a feed that is lost is not either', () => {
    const lost = feed('b', [fired('dead')], { class: 'critical' });
    const own = feed('a', [], { nears: [near('one', 50)] });
    expect(brief([own, lost], { staged: true })).toEqual(['one', 'a', 'on_battery_for', 50]);
  });

  test('a feed that meets it waits for the one too many', () => {
    const met = feed('a', [], { meets: ['one'] });
    const other = feed('b', [], { nears: [near('one', 50)] });
    expect(brief([met, other], { staged: true })).toEqual(['one', 'b', 'on_battery_for', 50]);
    // Nothing takes the other one, and stage two is another one.
    expect(brief([met, feed('b', [], { nears: [near('two', 50)] })], { staged: true })).toBeUndefined();
  });

  test('that is called for now is no more in sight', () => {
    expect(next([feed('a', [], { meets: ['one'] })], { staged: true })).toBeUndefined();
    const both = [feed('a', [], { meets: ['one'] }), feed('b', [], { meets: ['one'], nears: [near('two', 80)] })];
    expect(next(both, { staged: true })).toBeUndefined();
  });

  test('that a person has silenced comes at the end of the silence, by the first feed that meets it', () => {
    const both = [feed('a', [], { meets: ['one'] }), feed('b', [], { meets: ['one'] })];
    expect(next(both, { staged: true, silenced: SILENCED })).toStrictEqual({
      device: 'a',
      trigger: 'on_battery_for',
      stage: 'one',
      why: `the condition of stage one holds${WHY}`,
      at: at(100),
    });
    const silenced = { ...SILENCED, stages: ['two'] };
    expect(next(both, { staged: true, silenced })).toBeUndefined();
    expect(next([feed('a', [], { meets: ['two'] })], { staged: true, silenced })?.trigger).toBe('charge_below');
  });

  test.each([
    [50, 100],
    [130, 130],
  ])('that a person has silenced and comes at %i s comes at %i s', (second, is) => {
    const one = feed('a', [], { nears: [near('one', second)] });
    expect(brief([one], { staged: true, silenced: SILENCED })?.[3]).toBe(is);
  });
});

describe('in words', () => {
  test('a feed that nobody knows by a name is called by its id', () => {
    expect(outlook([feed('a', [quiet('charge_below', 60)])]).text).toBe(
      'on battery; next: battery charge of a, why charge_below; leads to: the halt of this host',
    );
  });

  test('stages that were decided are named, with nothing behind them where nothing is in sight', () => {
    expect(outlook([feed('a', [])], { staged: true, run: { ...RUN, stages: ['one', 'two'] } }).text).toBe(
      'stage one, two decided; then: the halt of this host',
    );
  });
});
