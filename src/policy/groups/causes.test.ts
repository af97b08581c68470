import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { Member, Silenced } from '../../domain/groups.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import type { Trigger } from '../../domain/triggers.ts';
import { causesOf, isStageSilenced, silencedBy } from './causes.ts';

const CANCEL = (watch: Watch) => watch.asks('cancel', { group: 'rack' });
const answers = (watch: Watch) => watch.intents.flatMap((intent) => (intent.kind === 'answer' ? [intent.answer] : []));

/** A plan that was decided because of a low charge, and cancelled by a person. */
function cancelled(): Watch {
  const watch = new Watch().says('ups', 'OL').says('ups', 'OB', { 'battery.charge': 15 }).runs(15);
  expect(watch.runsOrdered).toHaveLength(1);
  return CANCEL(watch);
}

describe('a cancel by a person', () => {
  test('calls the plan off and is answered', () => {
    const watch = cancelled();
    expect(answers(watch)).toMatchObject([{ status: 'ok' }]);
    expect(watch.intents.filter(({ kind }) => kind === 'call-off')).toHaveLength(1);
    expect(watch.run()).toBeUndefined();
  });

  test('silences what had fired for five minutes, and no longer', () => {
    const watch = cancelled();
    const second = watch.second;
    watch.runs(299);
    expect(watch.runsOrdered).toHaveLength(1);
    watch.runs(3);
    expect(watch.runsOrdered.map((run) => run.second).slice(1)).toEqual([second + 300]);
  });

  test('silences nothing that fires only later', () => {
    const watch = cancelled();
    watch.says('ups', 'OB', { 'battery.charge': 15, 'battery.runtime': 30 }).runs(10);
    expect(watch.runsOrdered).toHaveLength(2);
    expect(watch.run()?.cause.map(({ trigger }) => trigger)).toEqual(['runtime_below']);
  });

  test('never silences LB', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10);
    expect(CANCEL(watch).runsOrdered).toHaveLength(2);
  });

  test('never silences FSD', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'FSD OB').runs(10);
    expect(CANCEL(watch).runsOrdered).toHaveLength(2);
  });

  test('never silences death', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').loses('ups').runs(20);
    expect(CANCEL(watch).runsOrdered).toHaveLength(2);
  });

  test('does not keep LB from firing that comes after it', () => {
    const watch = cancelled().says('ups', 'OB LB', { 'battery.charge': 15 }).runs(10);
    expect(watch.runsOrdered).toHaveLength(2);
  });

  test('lasts over a restart', () => {
    const watch = cancelled().runs(10).restart(1).says('ups', 'OB', { 'battery.charge': 15 }).runs(200);
    expect(watch.runsOrdered).toHaveLength(1);
  });

  test('silences the stages that had been ordered', () => {
    const stages = [{ name: 'shed', when: { onBatteryFor: seconds(30) }, steps: [], restore: [] }];
    const watch = new Watch(rack(['ups'], { stages })).says('ups', 'OL').says('ups', 'OB', { 'battery.charge': 90 });
    CANCEL(watch.runs(40)).runs(290);
    expect(watch.runsOrdered).toHaveLength(1);
    watch.runs(20);
    expect(watch.runsOrdered).toHaveLength(2);
  });

  test('of one feed does not silence the same trigger of another', () => {
    const low = { 'battery.charge': 15 };
    const more = rack(['a', 'b'], { minHealthy: 2, triggers: { ...TRIGGERS, lowBattery: false } });
    const watch = new Watch(more).says('a', 'OL', low).says('b', 'OL', low).says('a', 'OB', low).runs(20);
    CANCEL(watch).runs(20);
    expect(watch.runsOrdered).toHaveLength(1);
    watch.says('b', 'OB', low).runs(20);
    expect(watch.run()?.cause).toMatchObject([{ device: 'b', trigger: 'charge_below' }]);
  });

  test('of nothing is refused', () => {
    const watch = CANCEL(new Watch().says('ups', 'OL'));
    expect(answers(watch)).toMatchObject([{ status: 'error', code: 'nothing-to-cancel' }]);
  });

  test('cancels a forced shutdown and a lost quorum too', () => {
    const watch = new Watch(rack(['a', 'b'])).says('a', 'OL').says('b', 'OL').runs(20).loses('b').runs(20);
    watch.says('a', 'OB', { 'battery.charge': 15 }).runs(15);
    expect(watch.run()?.kind).toBe('quorum');
    CANCEL(watch).runs(60);
    expect([watch.runsOrdered.length, watch.run()]).toEqual([1, undefined]);
  });
});

describe('what is silenced', () => {
  const fired = (device: string, ...triggers: readonly Trigger[]): Member => ({
    device,
    class: 'critical',
    verdicts: triggers.map((trigger) => ({ trigger, kind: 'fired', why: trigger })),
    holds: {},
    meets: [],
    stageHolds: {},
  });
  const until = asInstant(1000);
  const silenced: Silenced = {
    until,
    causes: [
      { device: 'a', trigger: 'charge_below' },
      { device: 'b', trigger: 'depletion' },
    ],
    stages: ['shed'],
  };
  const members = [fired('a', 'charge_below', 'runtime_below'), fired('b', 'depletion', 'charge_below')];
  const namesAt = (now: number) =>
    causesOf(members, silenced, asInstant(now)).map(({ device, trigger }) => `${device}:${trigger}`);

  test('are these triggers of these feeds, until then and no longer', () => {
    expect(namesAt(999)).toEqual(['a:runtime_below', 'b:charge_below']);
    expect(namesAt(1000)).toEqual(['a:charge_below', 'a:runtime_below', 'b:depletion', 'b:charge_below']);
  });

  test('are these stages, until then and no longer', () => {
    expect(isStageSilenced(silenced, 'shed', asInstant(999))).toBe(true);
    expect(isStageSilenced(silenced, 'shed', until)).toBe(false);
    expect(isStageSilenced(silenced, 'other', asInstant(999))).toBe(false);
    expect(isStageSilenced(undefined, 'shed', asInstant(999))).toBe(false);
  });

  test('is by a cancel all that has fired but what nobody can wait out', () => {
    const all = fired('a', 'fsd', 'low_battery', 'charge_below', 'dead');
    const run = new Watch().says('ups', 'OL').says('ups', 'OB LB').runs(10).run();
    if (run === undefined) throw new Error('nothing was decided');
    expect(silencedBy({ ...run, stages: ['shed'] }, [all], until)).toEqual({
      until: 301_000,
      causes: [{ device: 'a', trigger: 'charge_below' }],
      stages: ['shed'],
    });
  });
});
