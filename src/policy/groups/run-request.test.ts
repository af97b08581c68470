import { describe, expect, test } from 'vitest';
import { onBattery } from '../../../tests/kit/battery.ts';
import { group } from '../../../tests/kit/settings.ts';
import { at } from '../../../tests/kit/view.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { Run } from '../../domain/groups.ts';
import type { Power } from '../../domain/power.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import { type Call, type Going, stepRun } from './run.ts';

const RACK = group('rack', ['a', 'b'], { halt: HALT, stages: [{ name: 'lab', steps: [], restore: [] }] });
/** What a person has asked for at 100 s. */
const ASKED: Run = {
  id: 'rack-1',
  kind: 'request',
  cause: [],
  since: at(100),
  wall: 0,
  stages: ['lab'],
  whole: true,
  effect: 'act',
};
const THROUGH: Going = { pastReturn: false, isAtWork: false, hasEnded: true, isRehearsed: false };
const cause = (device: string) => ({ device, trigger: 'low_battery', why: 'low' }) as const;
const CALL: Call = { whole: true, stages: [], kind: 'outage', cause: [cause('a'), cause('b')] };

const device = (id: string, power: Power): DeviceState => ({
  ...UNHEARD,
  id,
  label: id,
  address: { source: 'nas', name: id },
  link: { kind: 'up' },
  power,
  derived: new Map(),
});
const MAINS: Power = { fed: 'mains' };

describe('what a person has asked for', () => {
  const next = (before: Run, going: Going, a: Power, b: Power | 'unlisted' = MAINS, call = CALL) => {
    const devices = [device('a', a), ...(b === 'unlisted' ? [] : [device('b', b)])];
    const known = new Map(devices.map((one) => [one.id, one]));
    return stepRun(before, call, RACK, known, 'act', { at: at(500), wall: 0 }, going);
  };

  test('and is through does not stand in the way of an outage that has begun after it', () => {
    expect(next(ASKED, THROUGH, onBattery(101))).toMatchObject({
      kind: 'begun',
      run: { kind: 'outage', since: at(500), cause: CALL.cause },
    });
    expect(next(ASKED, THROUGH, onBattery(50), onBattery(101)).kind).toBe('begun');
  });

  test.each<[string, Power, Power | 'unlisted']>([
    ['began before it', onBattery(99), onBattery(50)],
    ['began with it', onBattery(100), MAINS],
    ['is over', MAINS, MAINS],
    ['is of nobody who is listed', MAINS, 'unlisted'],
  ])('and is through is the plan of an outage that %s', (_, a, b) => {
    expect(next(ASKED, THROUGH, a, b)).toEqual({ kind: 'same', run: ASKED });
  });

  test('and is not through goes on, whatever has begun after it', () => {
    expect(next(ASKED, { ...THROUGH, hasEnded: false }, onBattery(101)).kind).toBe('same');
  });

  test('stands where nothing calls for it, or what does is of no outage', () => {
    expect(next(ASKED, THROUGH, onBattery(101), MAINS, { ...CALL, whole: false }).kind).toBe('same');
    expect(next(ASKED, THROUGH, onBattery(101), MAINS, { ...CALL, cause: [] }).kind).toBe('same');
  });

  test('is the only thing to stand back: what an outage has caused is never begun twice', () => {
    const run: Run = { ...ASKED, kind: 'outage', cause: [cause('a')] };
    expect(next(run, THROUGH, onBattery(101))).toEqual({ kind: 'same', run });
  });
});
