import { describe, expect, test } from 'vitest';
import { declared, TRIGGERS } from '../../../tests/kit/settings.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupSettings, Settings } from '../../domain/settings.ts';
import type { Step } from '../../domain/steps.ts';
import { seconds } from '../../domain/time.ts';

const charged = { 'battery.charge': 90, 'battery.runtime': 3000 };
const watts = (load: number) => ({ ...charged, 'ups.realpower': load, 'ups.realpower.nominal': 900 });

/** What was told of these types, without what a watch adds. */
const facts = (watch: Watch, ...types: readonly string[]) =>
  watch.facts.filter(({ type }) => types.includes(type)).map(({ second: _, ...fact }) => fact);
const texts = (watch: Watch, ...types: readonly string[]) => facts(watch, ...types).map(({ text }) => text);

describe('a trigger that has fired', () => {
  const devices = [declared('ups', { label: 'Rack UPS' })];
  const low = (more: Partial<Settings> = { ...rack(), devices }) =>
    new Watch(more).says('ups', 'OL', charged).says('ups', 'OB', { 'battery.charge': 15 }).runs(20);

  test('is told of its device and its group, with its value and threshold, once', () => {
    expect(facts(low(), 'trigger_fired')).toEqual([
      {
        type: 'trigger_fired',
        device: 'ups',
        level: 'error',
        text: expect.stringMatching(/^Rack UPS: .*15 %/),
        details: { group: 'rack', trigger: 'charge_below', value: 15, threshold: 20 },
      },
    ]);
  });

  test('is told without a group where none names the device, and without a value where it has none', () => {
    const alone = new Watch({ devices }).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    expect(facts(alone, 'trigger_fired')).toMatchObject([{ device: 'ups', details: { trigger: 'low_battery' } }]);
    expect(Object.keys(facts(alone, 'trigger_fired')[0]?.details ?? {})).toEqual(['trigger']);
  });

  test('of a run that goes on after a restart is not told again; another one is', () => {
    const watch = low().restart().says('ups', 'OB', { 'battery.charge': 14 }).runs(20);
    expect(watch.fired).toEqual(['ups:charge_below']);
    watch.says('ups', 'OB LB', { 'battery.charge': 14 }).runs(8);
    expect(watch.fired).toEqual(['ups:charge_below', 'ups:low_battery']);
  });

  test('of a device that no group names is not told again after a restart either', () => {
    const alone = new Watch({ devices }).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    alone.restart().runs(3).says('ups', 'OB LB', charged).runs(20);
    expect(alone.fired).toEqual(['ups:low_battery']);
  });

  test('is told once an outage, and again in the next one', () => {
    const watch = low().says('ups', 'OL', charged).runs(2).says('ups', 'OB', { 'battery.charge': 14 }).runs(20);
    expect(watch.fired).toEqual(['ups:charge_below']);
    watch.says('ups', 'OL', charged).runs(20).says('ups', 'OB', { 'battery.charge': 14 }).runs(20);
    expect(watch.fired).toEqual(['ups:charge_below', 'ups:charge_below']);
  });

  test('before its device fell silent is not told again once it is heard', () => {
    const fsd = () => new Watch(rack()).says('ups', 'OL', charged).runs(20).says('ups', 'OL FSD', charged).runs(3);
    expect(fsd().hangs('ups').runs(60).says('ups', 'OL FSD', charged).runs(3).fired).toEqual(['ups:fsd']);
    expect(fsd().says('ups', 'OL', charged).runs(3).says('ups', 'OL FSD', charged).runs(3).fired).toEqual([
      'ups:fsd',
      'ups:fsd',
    ]);
  });

  test('of one feed is told although another feed has led to the run', () => {
    const both = rack(['a', 'b'], { minHealthy: 2 });
    const watch = new Watch(both).says('a', 'OL', charged).says('b', 'OL', charged).runs(20);
    watch.says('a', 'OB LB', charged).runs(8).restart().says('b', 'OB LB', charged).says('a', 'OB LB', charged).runs(8);
    expect(watch.fired).toEqual(['a:low_battery', 'b:low_battery']);
  });
});

describe('a gauge that is doubted', () => {
  const plunge = (more: Partial<Settings>) =>
    new Watch(more)
      .says('ups', 'OL', charged)
      .runs(20)
      .says('ups', 'OB', { ...charged, 'battery.charge': 15 })
      .runs(15);

  test.each<[string, Partial<Settings>, object | undefined]>([
    ['with its group', rack(), { group: 'rack' }],
    ['of a device alone', { devices: [declared('ups')] }, undefined],
  ])('is told once, %s', (_, more, details) => {
    const watch = plunge(more);
    expect(facts(watch, 'gauge_doubted')).toEqual([
      {
        type: 'gauge_doubted',
        device: 'ups',
        level: 'warning',
        text: 'ups: the charge gauge contradicts runtime and battery voltage: believed only after a minute, or below 10 %',
        ...(details === undefined ? {} : { details }),
      },
    ]);
  });

  test('a word that comes and goes is no gauge', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(2);
    watch.says('ups', 'OB', charged).runs(1).says('ups', 'OB LB', charged).runs(2);
    expect(facts(watch, 'gauge_doubted')).toEqual([]);
  });
});

describe('what was decided', () => {
  const lab: Step = { ...HALT, key: 'lab/a', kind: 'exec' };
  const staged = (more: Partial<GroupSettings> = {}) => {
    const stages = [{ name: 'lab', when: { onBatteryFor: seconds(30) }, steps: [lab], restore: [] }];
    return rack(['ups'], { stages, ...more });
  };
  const runs = (more: Partial<Settings>, status = 'OB LB') =>
    new Watch(more).says('ups', 'OL', charged).says('ups', status, charged).runs(40);

  test.each<[string, Partial<Settings>, string]>([
    ['armed', staged(), '1 step in 1 stage and the halt of this host'],
    ['a dry run', { ...staged(), dryRun: true }, '1 step in 1 stage and the halt of this host, as a dry run'],
    ['unarmed', { ...staged(), armed: false }, '1 step in 1 stage and the halt of this host, not armed: only told'],
    ['idle', { devices: [declared('ups')], armed: true, groups: idle() }, 'nothing to shut down here'],
  ])('as a whole says why and what it does: %s', (_, more, does) => {
    expect(texts(runs(more), 'shutdown')).toEqual([
      `rack: shutdown decided, ups: the device says that its battery is low; this does: ${does}`,
    ]);
  });

  test.each<[string, Partial<Settings>, string]>([
    ['armed', staged(), ''],
    ['a dry run', { ...staged(), dryRun: true }, ', as a dry run'],
    ['unarmed', { ...staged(), armed: false }, ', not armed: only told'],
  ])('of a stage says which: %s', (_, more, mode) => {
    const watch = runs(more, 'OB');
    expect(facts(watch, 'shed')).toEqual([
      {
        type: 'shed',
        group: 'rack',
        level: 'warning',
        text: `rack: stage lab decided, ups: the condition of stage lab holds${mode}`,
        details: { run: watch.run()?.id, kind: 'outage', stages: ['lab'], whole: false, effect: watch.run()?.effect },
      },
    ]);
  });

  test('and is called off says why', () => {
    const watch = runs(staged(), 'OB').says('ups', 'OL', charged).runs(10);
    expect(facts(watch, 'called_off')).toMatchObject([
      { level: 'warning', text: expect.stringMatching(/^rack: called off, /) },
    ]);
  });
});

/** A group that does nothing. */
function idle(): Settings['groups'] {
  return (rack().groups ?? []).map(({ halt: _, ...group }) => group);
}

describe('redundancy', () => {
  const two = () => new Watch(rack(['a', 'b'], { minHealthy: 2 })).says('a', 'OL', charged).says('b', 'OL', charged);

  test('that is lost and comes back is told with its count', () => {
    const watch = two().runs(20).says('a', 'OB LB', charged).runs(8).says('a', 'OL', charged).runs(20);
    expect(facts(watch, 'quorum_lost', 'quorum_back')).toEqual([
      {
        type: 'quorum_lost',
        group: 'rack',
        level: 'error',
        text: 'rack: redundancy lost, 1 of 2 feeds healthy, 2 needed',
      },
      {
        type: 'quorum_back',
        group: 'rack',
        level: 'notice',
        text: 'rack: redundancy holds again, 2 of 2 feeds healthy, 2 needed',
      },
    ]);
  });

  test('that was lost before a restart is not told again', () => {
    const watch = two().runs(20).says('a', 'OB LB', charged).runs(8).restart();
    watch.says('a', 'OB LB', charged).says('b', 'OL', charged).runs(30);
    expect(facts(watch, 'quorum_lost', 'quorum_back')).toHaveLength(1);
  });

  test('of a single feed is not told: its triggers are', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    expect(facts(watch, 'quorum_lost')).toEqual([]);
  });
});

describe('capacity', () => {
  test('that is too little and enough again is told with its watts', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OL', watts(400)).says('b', 'OL', watts(600)).runs(20);
    watch.says('a', 'OB LB', watts(400)).runs(12).says('b', 'OL', watts(200)).runs(8);
    expect(facts(watch, 'capacity_short', 'capacity_enough')).toEqual([
      {
        type: 'capacity_short',
        group: 'rack',
        level: 'error',
        text: 'rack: what is left can deliver 900 W, and 1000 W are drawn',
      },
      { type: 'capacity_enough', group: 'rack', level: 'notice', text: 'rack: what is left can carry the load again' },
    ]);
  });
});

describe('readiness', () => {
  test('that goes and comes back is told with what stands against it', () => {
    const watch = new Watch()
      .says('ups', 'OL', charged)
      .runs(20)
      .hangs('ups')
      .runs(40)
      .says('ups', 'OL', charged)
      .runs(3);
    expect(facts(watch, 'ready', 'not_ready')).toEqual([
      {
        type: 'not_ready',
        group: 'rack',
        level: 'warning',
        text: 'rack: not ready, ups: says neither mains nor battery',
      },
      { type: 'ready', group: 'rack', level: 'notice', text: 'rack: ready' },
    ]);
  });

  test('is not told before everything has had time to answer, nor while a trigger has fired', () => {
    expect(facts(new Watch().runs(14), 'not_ready')).toEqual([]);
    expect(facts(new Watch().runs(16), 'not_ready')).toHaveLength(1);
    const triggers = { ...TRIGGERS, runtimeBelow: 'off' as const };
    const watch = new Watch(rack(['ups'], { triggers })).says('ups', 'OL', charged).runs(20);
    watch.says('ups', 'OB LB', { 'battery.charge': 90 }).runs(60);
    expect(facts(watch, 'not_ready')).toEqual([]);
  });
});
