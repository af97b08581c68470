import { describe, expect, test } from 'vitest';
import { outageSince, readAt } from '../../../tests/kit/battery.ts';
import { group } from '../../../tests/kit/settings.ts';
import { lost } from '../../../tests/kit/story.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { Member, MemberClass, Readiness } from '../../domain/groups.ts';
import type { Outage } from '../../domain/power.ts';
import type { StepReadiness } from '../../domain/progress.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import { asInstant, asMillis, seconds } from '../../domain/time.ts';
import { planOf } from '../plan/plan.ts';
import { unseen } from './adopt.ts';
import { readinessOf, slackOf } from './readiness.ts';

/** A plan of a halt of 15 s, which needs 75 s with its reserve: 80 % of 93.75 s, 75 % of 100 s. */
const PLAN = planOf(group('rack', ['a', 'b'], { halt: HALT }), new Map());
const IDLE = planOf(group('rack', ['a', 'b']), new Map());
const READY: Readiness = { ready: true, reasons: [] };

type Vars = Readonly<Record<string, number>>;
const ups = (id: string, vars: Vars = {}, more: Partial<DeviceState> = {}): DeviceState => ({
  ...UNHEARD,
  id,
  label: id.toUpperCase(),
  address: { source: 'nas', name: id },
  link: { kind: 'up' },
  reading: readAt(0, 'OL', vars),
  power: { fed: 'mains' },
  derived: new Map(),
  ...more,
});
const out = (id: string, vars: Vars, outage: Partial<Outage>) =>
  ups(id, vars, { power: { fed: 'battery', outage: outageSince(0, outage) } });
const { reading: _, ...unread } = ups('a');

const member = (device: string, is: MemberClass = 'healthy', why?: string): Member => ({
  ...unseen(device),
  class: is,
  ...(why === undefined ? {} : { why }),
});
const known = (...devices: readonly DeviceState[]) => new Map(devices.map((device) => [device.id, device]));
const ready = (devices: readonly DeviceState[], before: Readiness = READY, plan = PLAN) =>
  readinessOf(
    plan,
    devices.map(({ id }) => member(id)),
    known(...devices),
    { readiness: before },
  );
const SHORT = (has: string) => `the plan needs 1 min 15 s, more than 80 % of the ${has} that A lasts`;
const WAS_SHORT: Readiness = { ready: false, reasons: ['B: not heard', SHORT('1 min 33 s')] };
const NEITHER = 'A tells neither charge nor runtime: only low battery and time can fire';

describe('a group is ready', () => {
  test.each<[string, DeviceState, Readiness, readonly string[]]>([
    ['where the runtime is enough', ups('a', { 'battery.runtime': 94 }), READY, []],
    ['not where it is too little', ups('a', { 'battery.runtime': 93 }), READY, [SHORT('1 min 33 s')]],
    ['not again before it is well enough', ups('a', { 'battery.runtime': 99 }), WAS_SHORT, [SHORT('1 min 39 s')]],
    ['again once it is', ups('a', { 'battery.runtime': 100 }), WAS_SHORT, []],
    [
      'at once where something else was in the way',
      ups('a', { 'battery.runtime': 94 }),
      { ready: false, reasons: ['B: not heard'] },
      [],
    ],
    ['by its charge alone', ups('a', { 'battery.charge': 5 }), READY, []],
    ['not where neither is told', ups('a'), READY, [NEITHER]],
    ['as far as is known, where it was never read', unread, READY, []],
    ['by what it had before an outage', out('a', { 'battery.runtime': 20 }, { runtimeBefore: 94 }), READY, []],
    [
      'not where that was too little',
      out('a', { 'battery.runtime': 900 }, { runtimeBefore: 93 }),
      READY,
      [SHORT('1 min 33 s')],
    ],
    ['by the charge before an outage', out('a', {}, { chargeBefore: 90 }), READY, []],
    ['by the charge of now where that is not known', out('a', { 'battery.charge': 90 }, {}), READY, []],
    ['not by a runtime that is told only in an outage', out('a', { 'battery.runtime': 900 }, {}), READY, [NEITHER]],
  ])('%s', (__, device, before, reasons) => {
    expect(ready([device], before)).toEqual({ ready: reasons.length === 0, reasons });
  });

  test.each<[number, string]>([
    [119, '1 min 59 s'],
    [120, '2 min'],
    [149, '2 min'],
    [151, '3 min'],
  ])('not with %i s, told as %s, for a plan that needs more', (runtime, has) => {
    const long = planOf(group('rack', ['a'], { halt: HALT, reserve: seconds(600) }), new Map());
    expect(ready([ups('a', { 'battery.runtime': runtime })], READY, long).reasons).toEqual([
      `the plan needs 10 min 15 s, more than 80 % of the ${has} that A lasts`,
    ]);
  });

  test('where it has nothing to do, whatever its feeds tell', () => {
    expect(ready([ups('a'), ups('b', { 'battery.runtime': 1 })], READY, IDLE)).toEqual(READY);
  });

  test.each<[MemberClass, string | undefined, readonly string[]]>([
    ['unknown', 'has not been heard yet', ['A: has not been heard yet']],
    ['unknown', undefined, ['A: unknown']],
    ['off', 'its output is off', ['A: its output is off']],
    ['degraded', 'on battery', []],
    ['critical', 'low', []],
  ])('with a feed that is %s (%s): %j', (is, why, reasons) => {
    const devices = known(ups('a', { 'battery.runtime': 3000 }));
    expect(readinessOf(PLAN, [member('a', is, why)], devices, { readiness: READY }).reasons).toEqual(reasons);
  });

  test('not with a feed that no source lists, which is called by its id', () => {
    const all = [member('ghost', 'unknown', 'no source lists it yet'), member('later')];
    expect(readinessOf(PLAN, all, new Map(), { readiness: READY }).reasons).toEqual(['ghost: no source lists it yet']);
  });

  test('not with a step that would not work', () => {
    const look = (ok: boolean, toldUnready: boolean): StepReadiness => ({
      ok,
      text: ok ? 'there' : 'gone',
      took: asMillis(1),
      wall: 0,
      failures: ok ? 0 : 1,
      toldUnready,
    });
    const looked = new Map([
      ['lab/a', look(true, false)],
      ['lab/b', look(false, true)],
      ['lab/c', look(false, false)],
    ]);
    expect(readinessOf(PLAN, [], new Map(), { readiness: READY, looked })).toEqual({
      ready: false,
      reasons: ['lab/b would not work: gone'],
    });
  });

  test('and one and the same value while it stays so', () => {
    expect(ready([ups('a', { 'battery.runtime': 3000 })], READY)).toBe(READY);
  });
});

describe('the slack', () => {
  const slack = (...devices: readonly DeviceState[]) =>
    slackOf(
      PLAN,
      devices.map(({ id }) => member(id)),
      known(...devices),
    );
  const long = ups('a', { 'battery.runtime': 600 });

  test.each<[string, readonly DeviceState[], number | undefined]>([
    ['is the runtime less what the plan needs, to 10 s', [long], 530],
    ['is that of the feed with the least', [long, ups('b', { 'battery.runtime': 300 })], 230],
    [
      'is that of the feed with the least, whichever comes first',
      [ups('a', { 'battery.runtime': 300 }), { ...long, id: 'b' }, ups('c')],
      230,
    ],
    ['is below 0 where there is not enough', [ups('a', { 'battery.runtime': 15 })], -60],
    ['is not known where no feed tells its runtime', [ups('a')], undefined],
    [
      'does not count what a lost feed said last',
      [
        long,
        ups(
          'b',
          { 'battery.runtime': 1 },
          { link: { kind: 'lost', trouble: lost(), since: asInstant(0), sinceWall: 0 } },
        ),
      ],
      530,
    ],
    ['nor a silent one', [long, ups('b', { 'battery.runtime': 1 }, { power: { silentSince: asInstant(0) } })], 530],
    ['nor one that was never read', [long, { ...unread, id: 'b' }], 530],
  ])('%s', (__, devices, is) => {
    expect(slack(...devices)).toBe(is === undefined ? undefined : is * 1000);
  });

  test('does not count a feed that no source lists', () => {
    expect(slackOf(PLAN, [member('ghost')], new Map())).toBeUndefined();
  });
});
