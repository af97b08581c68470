import { describe, expect, test } from 'vitest';
import { at, deviceOf, OUTAGE, seen } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Power } from '../../domain/power.ts';
import type { StageSettings } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';
import { memberOf, unlisted } from './member.ts';

const OUT: Power = { fed: 'battery', outage: OUTAGE };

describe('what has not changed is the very same value', () => {
  const CHARGE = { 'battery.charge': 80, 'battery.runtime': 2000 };
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

describe('a member that says the same is the very same', () => {
  const stages: readonly StageSettings[] = [
    { name: 'one', when: { chargeBelow: 95 }, steps: [], restore: [] },
    { name: 'two', when: { onBatteryFor: seconds(300) }, steps: [], restore: [] },
  ];
  const gauges = { 'battery.charge': 90, 'battery.runtime': 3000 };
  const view = (more: Parameters<typeof seen>[2] = {}, vars = gauges, status = 'OB') =>
    seen(status, vars, { power: OUT, ...more });
  const member = (of = view(), before?: ReturnType<typeof memberOf>, staged = stages) =>
    memberOf(before, deviceOf(of), of, staged);
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
    const now = memberOf({ ...unlisted(undefined, 'ups'), holds: once }, deviceOf(low), low, []);
    expect(now.holds.charge_below).toEqual({ since: at(96), confirmed: true });
    expect(memberOf({ ...now, holds: { ...now.holds, ...once } }, deviceOf(low), low, []).holds).toEqual(now.holds);
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
