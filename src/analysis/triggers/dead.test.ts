import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { at, OUTAGE, seen, tuned } from '../../../tests/kit/view.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import { seconds } from '../../domain/time.ts';
import { dead } from './dead.ts';
import type { View } from './view.ts';

const plenty = { 'battery.charge': 90, 'battery.runtime': 675 };
const scarce = { 'battery.charge': 90, 'battery.runtime': 674 };

/** Seconds of silence after which an outage with these readings is given up; undefined: not within four minutes. */
function deathAfter(
  status: string,
  vars: Record<string, number>,
  more = rack(),
  silence = 'loses',
): number | undefined {
  const watch = new Watch(more).says('ups', 'OL', vars).says('ups', 'OB', vars).runs(1).says('ups', status, vars);
  const last = watch.second;
  if (silence === 'loses') watch.loses('ups');
  else if (silence === 'hangs') watch.hangs('ups');
  else watch.changes('ups', silence, vars);
  watch.runs(240);
  return watch.decidedAt === undefined ? undefined : watch.decidedAt - last;
}

describe('dead_after', () => {
  // The plan of the kit needs 75 s: plenty is ten minutes more.
  test.each([
    ['OB', {}, 15],
    ['OB', scarce, 15],
    ['OB', plenty, 60],
    ['OB LB', plenty, 15],
    ['OB RB', plenty, 60],
  ])('auto after %s with %j is %s s', (status, vars, limit) => {
    expect(deathAfter(status, vars)).toBe(limit);
  });

  test.each([5, 30, 100])('of %s s is what it says', (limit) => {
    const more = rack(['ups'], { triggers: { ...TRIGGERS, deadAfter: seconds(limit) } });
    expect(deathAfter('OB', plenty, more)).toBe(limit);
  });

  test.each([5, 8, 12, 30])('of %s s is what it says, also when answers just stop', (limit) => {
    const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, deadAfter: seconds(limit) } }));
    const last = watch.says('ups', 'OL').runs(20).says('ups', 'OB', plenty).hangs('ups').second;
    expect((watch.runs(60).decidedAt ?? 0) - last).toBe(limit);
  });

  test('is never sooner than the next answer of a source that looks rarely could have come', () => {
    const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, deadAfter: seconds(5) } }));
    for (let count = 0; count < 20; count += 1) {
      watch
        .says('ups', count < 10 ? 'OL' : 'OB', plenty)
        .hangs('ups')
        .runs(8);
    }
    expect(watch.decidedAt).toBeUndefined();
    const last = watch.says('ups', 'OB', plenty).hangs('ups').second;
    expect((watch.runs(60).decidedAt ?? 0) - last).toBe(13);
  });

  test.each(['', 'WAIT', 'ALARM', 'TEST', 'CHRG', 'GIBBERISH'])('is counted while the status is %j', (words) => {
    expect(deathAfter('OB', {}, rack(), words)).toBe(15);
  });

  test('is counted when answers just stop, whether or not the source says so', () => {
    expect(deathAfter('OB', {}, rack(), 'hangs')).toBe(15);
  });

  test('is counted from the last reading that proves something, not from when the loss was told', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').hangs('ups').runs(5).loses('ups').runs(60);
    expect(watch.decidedAt).toBe(15);
  });

  test('begins anew with every reading that proves battery', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(2);
    for (let time = 0; time < 10; time += 1) watch.loses('ups').runs(13).says('ups', 'OB').runs(1);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('mains end the silence', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').loses('ups').runs(10).says('ups', 'OL').runs(1);
    watch.loses('ups').runs(300);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('counts for nothing across a stall: silence starts again at its end', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(1).loses('ups').runs(5).passes(300).tick();
    const end = watch.second;
    expect(watch.decidedAt).toBeUndefined();
    watch.runs(30);
    expect(watch.decidedAt).toBe(end + 15);
  });

  test('a tick 3 s late is no stall', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').loses('ups');
    for (let time = 0; time < 10; time += 1) watch.passes(4).tick();
    expect(watch.decidedAt).toBe(16);
  });

  test('a calibration does not hold it back: the last reading is not this one', () => {
    expect(deathAfter('OB CAL', {})).toBe(15);
  });

  test('says when it fires', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(3);
    expect(watch.verdict('dead')).toMatchObject({ kind: 'quiet', value: 0, threshold: 15, unit: 's' });
    watch.loses('ups').runs(5);
    const verdict = watch.verdict('dead');
    expect(verdict).toMatchObject({ kind: 'quiet', value: 5, margin: 10, basis: 'clock' });
    expect(verdict?.firesAt).toBe(watch.stamp.at + 10_000);
  });
});

describe('a silence that a step of ours has caused', () => {
  const { look } = dead;
  const silent = (second: number, more: Partial<View> = {}) =>
    seen('OB', {}, { now: at(second), silentSince: at(100), need: seconds(75), carried: true, ...more });
  const left = (seconds_: number, low = false) => ({ ...OUTAGE, runtimeLeft: { seconds: seconds_, low } });

  test.each([
    ['the last runtime is held', 900, {}, 825],
    ['no sooner than any other silence', 80, {}, 15],
    ['no sooner than any other silence, where there was plenty', 675, {}, 600],
    ['no sooner than configured', 90, tuned({ deadAfter: seconds(30) }), 30],
    ['not where it is not ours', 900, { carried: undefined }, 60],
  ] as const)('%s: with %i s left', (_, runtime, more, limit) => {
    const { carried, ...rest } = { carried: true as const, ...more };
    const given = carried === undefined ? withoutCarried(silent(0, rest)) : silent(0, rest);
    const opinion = (second: number) => look({ ...given, now: at(second) }, left(runtime));
    expect(opinion(100 + limit - 1)).toMatchObject({ kind: 'quiet', firesAt: at(100 + limit), threshold: limit });
    expect(opinion(100 + limit)?.kind).toBe('agrees');
  });

  test('is an estimate by runtime, and says why', () => {
    const opinion = look(silent(110), left(900));
    expect(opinion).toMatchObject({ basis: 'runtime', why: expect.stringContaining('our step') });
    expect(look(silent(110), left(80))).toMatchObject({ basis: 'clock', why: 'silent on battery, dead after 15 s' });
    expect(look(silent(925), left(900))?.why).toContain('our step');
  });

  test.each([
    ['without a runtime', OUTAGE],
    ['with one that LB contradicts', left(900, true)],
  ])('%s is death as always', (_, outage) => {
    expect(look(silent(114), outage)).toMatchObject({ kind: 'quiet', firesAt: at(115), basis: 'clock' });
    expect(look(silent(115), outage)?.kind).toBe('agrees');
  });
});

function withoutCarried({ carried: _, ...view }: View): View {
  return view;
}

describe('after a restart of the process', () => {
  test('silence goes on', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').loses('ups').runs(8).restart(1).loses('ups').runs(30);
    expect(watch.decidedAt).toBe(15);
  });

  test('nobody can have answered within the first five seconds', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').loses('ups').runs(14).restart().runs(20);
    expect(watch.decidedAt).toBe(19);
  });

  test('a process that is killed again and again still comes to its end', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(1).hangs('ups').restart();
    for (let time = 0; time < 6; time += 1) watch.loses('ups').runs(8).restart();
    // Five seconds a start are its due.
    expect(watch.decidedAt).toBeLessThanOrEqual(1 + 15 + 2 * 5);
  });

  test('words that prove nothing begin no new silence with every sweep', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'OB').runs(1).restart();
    watch.runs(40, () => watch.says('ups', 'WAIT'));
    expect(watch.decidedAt).toBeLessThanOrEqual(1 + 15 + 5);
  });
});
