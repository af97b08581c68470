import { describe, expect, test } from 'vitest';
import { at, charges, OUTAGE, seen, tuned } from '../../../tests/kit/view.ts';
import type { Outage } from '../../domain/power.ts';
import { asMillis, seconds } from '../../domain/time.ts';
import { chargeBelow } from './charge-below.ts';
import { dead } from './dead.ts';
import { depletion } from './depletion.ts';
import { isDoubtful } from './doubt.ts';
import { forcedShutdown } from './forced-shutdown.ts';
import { lowBattery } from './low-battery.ts';
import { afterFailedTest, onBatteryFor } from './on-battery.ts';
import { runtimeBelow } from './runtime-below.ts';
import { isShown, type View } from './view.ts';

describe('a forced shutdown', () => {
  test.each([
    [seen('FSD OB'), { kind: 'agrees', why: 'a forced shutdown is set' }],
    [seen('OB'), { kind: 'quiet', why: 'no forced shutdown' }],
    [seen(undefined), { kind: 'quiet', why: 'no forced shutdown' }],
    [seen('FSD OB', {}, { fsd: 'tell' }), { kind: 'quiet', why: 'FSD is set, and only told (fsd: tell)' }],
    [
      seen('FSD OL', {}, { power: { fed: 'mains', fsdIgnored: true } }),
      { kind: 'quiet', why: 'FSD stood there at the start, on mains: only told' },
    ],
  ])('%#', (view, opinion) => {
    expect(forcedShutdown.look(view)).toEqual(opinion);
  });
});

describe('low battery', () => {
  test.each([
    [seen('OB LB'), { kind: 'agrees', why: 'the device says that its battery is low' }],
    [seen('OB'), { kind: 'quiet', why: 'no LB in the status' }],
    [seen('WAIT'), { kind: 'blind', why: 'no LB in the status' }],
    [seen('LB'), { kind: 'agrees', why: 'the device says that its battery is low' }],
    [seen(undefined), { kind: 'blind', why: 'no reading yet' }],
    [seen('OB LB', {}, tuned({ lowBattery: false })), undefined],
  ])('%#', (view, opinion) => {
    expect(lowBattery.look(view, OUTAGE)).toEqual(opinion);
  });
});

describe('the charge', () => {
  const unit = '%' as const;
  const told = { threshold: 20, unit };
  test.each([
    [seen('OB'), OUTAGE, { kind: 'blind', ...told, why: 'the battery charge is not told' }],
    [seen(undefined), OUTAGE, { kind: 'blind', ...told, why: 'the battery charge is not told' }],
    [
      seen('OB', { 'battery.charge': 20 }),
      OUTAGE,
      { kind: 'quiet', ...told, value: 20, why: 'battery charge 20 %, fires below 20 %' },
    ],
    [
      seen('OB', { 'battery.charge': 19 }),
      OUTAGE,
      { kind: 'agrees', ...told, value: 19, doubtful: false, why: 'battery charge 19 % is below 20 %' },
    ],
    // 12 points a minute, from the last point on: 60 points take five minutes.
    [
      seen('OB', { 'battery.charge': 80 }),
      { ...OUTAGE, ...charges([40, 92], [90, 82]) },
      {
        ...{ kind: 'quiet', ...told, value: 80, why: 'battery charge 80 %, fires below 20 %' },
        ...{ firesAt: at(390), basis: 'drain' },
      },
    ],
    // A single point lost is no slope yet, and says nothing of when.
    [
      seen('OB', { 'battery.charge': 80 }),
      { ...OUTAGE, ...charges([40, 81], [90, 80]) },
      { kind: 'quiet', ...told, value: 80, why: 'battery charge 80 %, fires below 20 %' },
    ],
    [seen('OB', { 'battery.charge': 5 }, { trustCharge: false }), OUTAGE, undefined],
    [seen('OB', { 'battery.charge': 5 }, tuned({ chargeBelow: 'off' })), OUTAGE, undefined],
  ])('%#', (view, outage, opinion) => {
    expect(chargeBelow.look(view, outage)).toEqual(opinion);
  });
});

describe('the runtime', () => {
  const told = { threshold: 120, unit: 's' };
  test.each([
    [seen('OB'), { kind: 'blind', ...told, why: 'the runtime is not told' }],
    [
      seen('OB', { 'battery.runtime': 119 }),
      {
        ...{ kind: 'agrees', ...told, value: 119 },
        why: 'runtime left 1 min 59 s is below 2 min, what the plan needs',
      },
    ],
    [
      seen('OB', { 'battery.runtime': 180 }),
      {
        ...{ kind: 'quiet', ...told, value: 180, firesAt: at(99 + 60), basis: 'runtime' },
        why: 'runtime left 3 min, fires below 2 min, what the plan needs',
      },
    ],
    [
      seen('OB', { 'battery.runtime': 120 }, { need: asMillis(119_001) }),
      {
        ...{ kind: 'quiet', ...told, value: 120, firesAt: at(99), basis: 'runtime' },
        why: 'runtime left 2 min, fires below 2 min, what the plan needs',
      },
    ],
    [
      seen('OB', { 'battery.runtime': 59 }, tuned({ runtimeBelow: seconds(60) })),
      { kind: 'agrees', threshold: 60, unit: 's', value: 59, why: 'runtime left 59 s is below 1 min' },
    ],
    [seen('OB', { 'battery.runtime': 1 }, tuned({ runtimeBelow: 'off' })), undefined],
  ])('%#', (view, opinion) => {
    expect(runtimeBelow.look(view, OUTAGE)).toEqual(opinion);
  });
});

describe('depletion', () => {
  const told = { threshold: 15, unit: '%/min' };
  const fallen = (to: number, more: Partial<View> = {}, vars = {}) =>
    seen('OB', { 'battery.charge': to, ...vars }, more);
  const long = { ...OUTAGE, ...charges([0, 100], [9, 100], [50, 99]) };
  test.each([
    [seen('OB'), long, { kind: 'blind', ...told, why: 'the battery charge is not told' }],
    [
      fallen(50),
      { ...OUTAGE, ...charges([9.1, 100]) },
      { kind: 'quiet', ...told, why: 'no rate yet: it takes 90 s to measure one' },
    ],
    [
      fallen(77.5),
      long,
      { kind: 'quiet', ...told, value: 15, why: 'the charge falls by 15 %/min, fires above 15 %/min' },
    ],
    [
      fallen(70),
      long,
      { kind: 'agrees', ...told, value: 20, doubtful: false, why: 'the charge falls by 20 %/min, more than 15 %/min' },
    ],
    [
      fallen(70, {}, { 'battery.voltage': 27 }),
      { ...long, chargeBefore: 100, voltsBefore: 27, since: at(41) },
      { kind: 'agrees', ...told, value: 20, doubtful: true, why: 'the charge falls by 20 %/min, more than 15 %/min' },
    ],
    [
      fallen(9.9, {}, { 'battery.voltage': 27 }),
      { ...long, chargeBefore: 100, voltsBefore: 27, since: at(41) },
      {
        kind: 'agrees',
        ...told,
        value: 60.1,
        doubtful: false,
        why: 'the charge falls by 60.1 %/min, more than 15 %/min',
      },
    ],
    [
      fallen(10, {}, { 'battery.voltage': 27 }),
      { ...long, chargeBefore: 100, voltsBefore: 27, since: at(41) },
      { kind: 'agrees', ...told, value: 60, doubtful: true, why: 'the charge falls by 60 %/min, more than 15 %/min' },
    ],
    [fallen(5, { trustCharge: false }), long, undefined],
    [fallen(5, tuned({ depletion: 'off' })), long, undefined],
  ])('%#', (view, outage, opinion) => {
    expect(depletion.look(view, outage)).toEqual(opinion);
  });
});

describe('time on battery', () => {
  const limit = (span: number) => tuned({ onBatteryFor: seconds(span), afterFailedTest: seconds(span) });
  const seenFor = { value: 60, unit: 's' };
  test.each([
    [seen('OB', {}, limit(60)), { kind: 'agrees', ...seenFor, threshold: 60, why: 'on battery for 1 min' }],
    [
      seen('OB', {}, limit(61)),
      {
        ...{ kind: 'quiet', ...seenFor, threshold: 61, firesAt: at(101), basis: 'clock' },
        why: 'fires after 1 min 1 s on battery',
      },
    ],
    [seen('OB', {}, tuned({ onBatteryFor: 'off' })), undefined],
    [seen('OB', { 'battery.charge': 50 }), undefined],
    [seen('OB', { 'battery.runtime': 500 }), undefined],
    [seen(undefined), undefined],
    [
      seen('OB'),
      {
        ...{ kind: 'agrees', ...seenFor, threshold: 600, firesAt: at(640), basis: 'clock' },
        holds: { span: 60_000, notBefore: at(640) },
        why: 'fires after 10 min on battery while neither charge nor runtime can be seen',
      },
    ],
    // A gauge that no trigger looks at is as good as none.
    [seen('OB', { 'battery.charge': 50 }, tuned({ chargeBelow: 'off' })), { kind: 'agrees' }],
    [seen('OB', { 'battery.runtime': 500 }, tuned({ runtimeBelow: 'off' })), { kind: 'agrees' }],
    [seen('OB', { 'battery.charge': 50 }, { trustCharge: false }), { kind: 'agrees' }],
  ])('%#', (view, opinion) => {
    const look = onBatteryFor.look(view, OUTAGE);
    if (opinion === undefined) expect(look).toBeUndefined();
    else if ('why' in opinion) expect(look).toEqual(opinion);
    else expect(look).toMatchObject(opinion);
  });

  test('after a failed test', () => {
    const failed = seen('OB', {}, { ...limit(60), failedTest: true });
    const why = 'on battery for 1 min with a battery that has failed its last test';
    expect(afterFailedTest.look(failed, OUTAGE)).toEqual({ kind: 'agrees', ...seenFor, threshold: 60, why });
    expect(afterFailedTest.look({ ...failed, failedTest: false }, OUTAGE)).toBeUndefined();
    expect(afterFailedTest.look(seen('OB', {}, { failedTest: true }), OUTAGE)).toBeUndefined();
  });

  test('of a clock that has gone back is none', () => {
    expect(onBatteryFor.look(seen('OB', {}, limit(60)), { ...OUTAGE, since: at(200) })).toMatchObject({ value: 0 });
  });
});

describe('silence', () => {
  const since = (second: number, more: Partial<View> = {}) => seen('OB', {}, { silentSince: at(second), ...more });
  const left = (runtime: number, low = false): Outage => ({ ...OUTAGE, runtimeLeft: { seconds: runtime, low } });
  const quiet = (value: number, threshold: number, firesAt: number, limit: string) => ({
    ...{ kind: 'quiet', value, threshold, unit: 's', firesAt: at(firesAt), basis: 'clock' },
    why: `silent on battery, dead after ${limit}`,
  });
  const over = (value: number, threshold: number, limit: string) => ({
    ...{ kind: 'agrees', value, threshold, unit: 's' },
    why: `silent on battery for ${limit}`,
  });
  const answers = { kind: 'quiet', value: 0, threshold: 15, unit: 's', why: 'it answers; dead after 15 s of silence' };

  test.each([
    [seen('OB'), OUTAGE, answers],
    [since(90, { power: { fed: 'mains' } }), OUTAGE, answers],
    [since(90), OUTAGE, quiet(10, 15, 105, '15 s')],
    [since(85), OUTAGE, over(15, 15, '15 s')],
    [since(85.001), OUTAGE, quiet(14, 15, 100.001, '15 s')],
    [since(85, { silenceFrom: at(101) }), OUTAGE, quiet(15, 15, 101, '15 s')],
    [since(110), OUTAGE, quiet(0, 15, 125, '15 s')],
    // The plan needs two minutes: ten more are plenty.
    [since(85), left(720), quiet(15, 60, 145, '1 min')],
    [since(40), left(720), over(60, 60, '1 min')],
    [since(85), left(719), over(15, 15, '15 s')],
    [since(85), left(720, true), over(15, 15, '15 s')],
    [since(85, tuned({ deadAfter: seconds(20) })), left(720), quiet(15, 20, 105, '20 s')],
  ])('%#', (view, outage, opinion) => {
    expect(dead.look(view, outage)).toEqual(opinion);
  });
});

describe('a doubtful gauge', () => {
  const full = { chargeBefore: 100, runtimeBefore: 3000, voltsBefore: 27, since: at(50) };
  const gauges = (charge: number, runtime?: number, volts?: number) => ({
    'battery.charge': charge,
    ...(runtime === undefined ? {} : { 'battery.runtime': runtime }),
    ...(volts === undefined ? {} : { 'battery.voltage': volts }),
  });
  const doubted = (vars: Record<string, number>, more: Partial<Outage> = {}) =>
    isDoubtful(seen('OB', vars), { ...OUTAGE, ...full, ...more });
  /** Ten points a minute: 50 % last for five minutes. */
  const draining = charges([30, 60], [90, 50]);

  test.each([
    ['plunges by 20 points', gauges(80, 3000, 27), {}, true],
    ['falls by fewer', gauges(80.1, 3000, 27), {}, false],
    ['plunges within a minute', gauges(80, 3000, 27), { since: at(40.001) }, true],
    ['takes longer', gauges(80, 3000, 27), { since: at(40) }, false],
    ['keeps 70 % of its runtime', gauges(80, 2100), {}, true],
    ['keeps less', gauges(80, 2099), {}, false],
    ['keeps 97 % of its voltage', gauges(80, undefined, 26.19), {}, true],
    ['keeps less of it', gauges(80, undefined, 26.18), {}, false],
    ['keeps exactly 97 %', gauges(80, undefined, 97), { voltsBefore: 100 }, true],
    ['is agreed with by the voltage alone', gauges(80, 3000, 20), {}, false],
    ['is agreed with by the runtime alone', gauges(80, 100, 27), {}, false],
    ['stands alone', gauges(80), {}, false],
    ['is outlasted by more than four times', gauges(50, 1201, 27), { ...draining, since: at(0) }, true],
    ['is outlasted by four times', gauges(50, 1200, 27), { ...draining, since: at(0) }, false],
    ['does not fall', gauges(50, 9000, 27), { since: at(0) }, false],
    ['is not told', { 'battery.runtime': 3000 }, {}, false],
  ] as const)('%s: %#', (_, vars, more, isSo) => {
    expect(doubted(vars, more)).toBe(isSo);
  });

  test('is judged by what was seen before the outage', () => {
    const { chargeBefore: _, runtimeBefore: __, voltsBefore: ___, ...unseen } = { ...OUTAGE, ...full };
    const view = seen('OB', gauges(80, 3000, 27));
    expect(isDoubtful(view, unseen)).toBe(false);
    expect(isDoubtful(view, { ...unseen, chargeBefore: 100 })).toBe(false);
    expect(isDoubtful(view, { ...unseen, chargeBefore: 100, runtimeBefore: 3000 })).toBe(true);
    expect(isDoubtful(view, { ...unseen, chargeBefore: 100, voltsBefore: 27 })).toBe(true);
    // A runtime that outlasts the charge needs no earlier one.
    expect(isDoubtful(seen('OB', gauges(50, 1201)), { ...unseen, ...draining, since: at(0) })).toBe(true);
  });
});

describe('an outage that only a contradiction shows', () => {
  const both: Outage = { ...OUTAGE, proof: 'contradiction' };
  test.each([
    [seen('OL OB'), { ...both, proof: 'measured' }, true],
    [seen('OL OB'), both, false],
    [seen(undefined), both, false],
    [seen('OL OB'), { ...both, chargeBefore: 100, lowestCharge: 98 }, true],
    [seen('OL OB'), { ...both, chargeBefore: 100, lowestCharge: 98.1 }, false],
    [seen('OL OB'), { ...both, ...charges([40, 100], [50, 98]), lowestCharge: 98 }, true],
    [seen('OL OB'), { ...both, ...charges([40, 99], [50, 98]), lowestCharge: 98 }, false],
    [seen('OL OB'), { ...both, chargeBefore: 100 }, false],
    [seen('OL OB', { 'input.voltage': 180, 'input.transfer.low': 190 }), both, true],
    [seen('OL OB', { 'input.voltage': 190, 'input.transfer.low': 190 }), both, false],
  ] as const)('%#', (view, outage, shows) => {
    expect(isShown(view, outage)).toBe(shows);
  });
});
