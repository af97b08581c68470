import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { Run } from '../../domain/groups.ts';
import type { Plan, PlannedStep } from '../../domain/plan.ts';
import type { Outage, Power } from '../../domain/power.ts';
import type { Progress, StepProgress } from '../../domain/progress.ts';
import { readingOf } from '../../domain/reading.ts';
import type { StageSettings } from '../../domain/settings.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import { planOf } from '../plan/plan.ts';
import { restAfter, restOf, timeLeft } from './time-left.ts';

const at = (second: number) => asInstant(second * 1000);
const outage: Outage = { id: '', since: at(0), wall: 0, proof: 'status', byTest: false, charges: [] };
const OUT: Power = { fed: 'battery', outage };
/** Its gauge said 0 on mains as well. */
const MUTE: Power = { fed: 'battery', outage: { ...outage, runtimeBefore: 0 } };

/** A feed that has told its runtime at some second. */
const feed = (id: string, power: Power, runtime?: string, told = 100): DeviceState => {
  const variables = new Map(runtime === undefined ? [] : [['battery.runtime', runtime]]);
  return {
    ...UNHEARD,
    id,
    label: id,
    address: { source: 'nas', name: id },
    link: { kind: 'up' },
    reading: readingOf(variables, at(told), at(told)),
    power,
    derived: new Map(),
  };
};
const { reading: _, ...unread } = feed('a', OUT);
const RUN: Run = {
  id: 'r',
  kind: 'outage',
  cause: [],
  since: at(40),
  wall: 0,
  stages: [],
  whole: true,
  wholeSince: at(80),
  effect: 'act',
};
const { wholeSince: __, ...old } = RUN;

describe('the time left', () => {
  test.each<[string, readonly DeviceState[], Run, number | undefined]>([
    ['is the smallest runtime of those on battery', [feed('a', OUT, '300'), feed('b', OUT, '200')], RUN, 190],
    ['is that of the first where it is the smallest', [feed('a', OUT, '200'), feed('b', OUT, '300')], RUN, 190],
    ['is what one tells where the next tells nothing', [feed('a', OUT, '200'), feed('b', OUT)], RUN, 190],
    ['does not count one on mains', [feed('a', OUT, '300'), feed('b', { fed: 'mains' }, '20')], RUN, 290],
    ['does not count one whose battery feeds without an outage', [feed('a', { fed: 'battery' }, '20')], RUN, undefined],
    [
      'does not count one in an outage whose mains have not held yet',
      [feed('a', { ...OUT, fed: 'mains' }, '20')],
      RUN,
      undefined,
    ],
    ['runs down from what was told', [feed('a', OUT, '300', 20)], RUN, 210],
    ['is nothing once it is used up', [feed('a', OUT, '30', 20)], RUN, 0],
    ['is what one tells where another tells nothing', [feed('a', OUT), feed('b', OUT, '200')], RUN, 190],
    ['unknown, counts from the moment when the whole group fired', [feed('a', OUT)], RUN, 90],
    ['unknown, counts from the beginning of a run of which no such moment is known', [feed('a', OUT)], old, 50],
    ['unknown and used up is nothing', [feed('a', OUT)], { ...RUN, wholeSince: at(-100) }, 0],
    ['of a feed that was never read is unknown', [unread], RUN, 90],
    ['runs out for nobody without a feed that is known', [], RUN, undefined],
  ])('%s', (___, devices, run, left) => {
    const known = new Map(devices.map((one) => [one.id, one]));
    const own = { feeds: [...known.keys()], minHealthy: known.size, timeLeftUnknown: seconds(120) };
    expect(timeLeft(own, run, known, at(110))).toBe(left === undefined ? undefined : left * 1000);
  });

  test.each<[string, number, readonly DeviceState[], number | undefined]>([
    ['lasts as long as one of two, where one is enough', 1, [feed('a', OUT, '300'), feed('b', OUT, '200')], 290],
    [
      'is not that of a feed that is used up, where the other is enough',
      1,
      [feed('a', OUT, '0'), feed('b', OUT, '200')],
      190,
    ],
    ['does not count on a feed that was never heard', 1, [feed('a', OUT, '300'), feed('b', {}, '900')], 290],
    [
      'runs out for nobody while a feed on mains is enough',
      1,
      [feed('a', OUT, '300'), feed('b', { fed: 'mains' })],
      undefined,
    ],
    [
      'ends with the second of three, where two are needed',
      2,
      ['300', '200', '100'].map((s, i) => feed(`f${i}`, OUT, s)),
      190,
    ],
    [
      'is what one tells where another tells nothing, whatever is on mains',
      3,
      [feed('a', OUT, '200'), feed('b', OUT), feed('c', { fed: 'mains' }, '900')],
      190,
    ],
    [
      'does not count on one that tells nothing for longer than on the first of the others',
      2,
      [feed('a', OUT, '300'), feed('b', OUT, '200'), feed('c', OUT)],
      190,
    ],
    ['runs out for nobody while no feed is known to run from its battery', 1, [feed('a', {}, '300')], undefined],
    ['is unknown where the gauge said 0 on mains', 1, [feed('a', MUTE, '0')], 90],
  ])('%s', (___, minHealthy, devices, left) => {
    const known = new Map(devices.map((one) => [one.id, one]));
    const own = { feeds: [...known.keys()], minHealthy, timeLeftUnknown: seconds(120) };
    expect(timeLeft(own, RUN, known, at(110))).toBe(left === undefined ? undefined : left * 1000);
  });

  test.each([
    ['nothing where a feed is needed that no source lists', 2, 0],
    ['that of the other where a feed that no source lists is not needed', 1, 190_000],
  ])('is %s', (___, minHealthy, left) => {
    const own = { feeds: ['ghost', 'a'], minHealthy, timeLeftUnknown: seconds(120) };
    expect(timeLeft(own, RUN, new Map([['a', feed('a', OUT, '200')]]), at(110))).toBe(left);
  });
});

const step = (key: string, worst: number, ...after: readonly string[]): PlannedStep => ({
  key,
  kind: 'exec',
  text: key,
  after,
  expected: seconds(1),
  worst: seconds(worst),
  deadline: seconds(600),
  basis: 'default',
});
const none = seconds(0);
const so = (states: Readonly<Record<string, StepProgress['state']>>): Progress => {
  const steps = Object.entries(states).map(
    ([key, state]) => [key, { state, since: at(0), wall: 0, items: [] }] as const,
  );
  return { run: 'r', kind: 'outage', dryRun: false, wall: 0, phase: 'running', steps: new Map(steps) };
};

describe('what a plan still needs', () => {
  const lab = [step('lab/a', 10), step('lab/b', 20, 'lab/a'), step('lab/c', 5), step('lab/d', 7, 'lab/b')];
  const PLAN: Plan = {
    group: 'rack',
    stages: [
      { name: 'lab', steps: lab, expected: none, worst: seconds(37) },
      { name: 'vms', steps: [step('vms/a', 40)], expected: none, worst: seconds(40) },
    ],
    halt: step('host', 15),
    expected: none,
    need: none,
  };
  const { halt: ___, ...unhalted } = PLAN;

  test.each<[string, Plan, Progress | undefined, string | undefined, number]>([
    ['all of it where nothing has begun', PLAN, undefined, undefined, 37 + 40 + 15],
    ['no halt where there is none', unhalted, undefined, undefined, 37 + 40],
    ['what is running as well', PLAN, so({ 'lab/a': 'running' }), undefined, 37 + 40 + 15],
    ['nothing of what is over', PLAN, so({ 'vms/a': 'failed' }), undefined, 37 + 15],
    ['the longest way that is left, not the longest step', PLAN, so({ 'lab/a': 'done' }), undefined, 27 + 40 + 15],
    [
      'the one step that is left',
      PLAN,
      so({ 'lab/a': 'done', 'lab/b': 'skipped', 'lab/c': 'done' }),
      undefined,
      7 + 40 + 15,
    ],
    ['nothing of the step that asks, but what waits for it', PLAN, so({ 'lab/a': 'running' }), 'lab/a', 27 + 40 + 15],
    ['nothing of a stage of nothing but that step', PLAN, so({}), 'vms/a', 37 + 15],
  ])('%s', (____, plan, progress, from, need) => {
    expect(restOf(plan, progress, from)).toBe(seconds(need));
  });

  test('comes to an end where steps wait for one another in a circle', () => {
    const steps = [step('lab/a', 10, 'lab/b'), step('lab/b', 20, 'lab/a'), step('lab/c', 1)];
    const plan = { ...unhalted, stages: [{ name: 'lab', steps, expected: none, worst: none }] };
    expect(restOf(plan, so({ 'lab/c': 'done' }))).toBeGreaterThanOrEqual(seconds(30));
  });
});

describe('what a plan still needs once a UPS was told to go', () => {
  const exec = (key: string, usual: number, ...after: readonly string[]): Step => ({
    ...HALT,
    key,
    kind: 'exec',
    after,
    usual: seconds(usual),
  });
  const tells = (key: string, device: string, usual: number, ...after: readonly string[]): Step => ({
    ...exec(key, usual, ...after),
    kind: 'ups',
    device,
  });
  const stage = (name: string, ...steps: readonly Step[]): StageSettings => ({ name, steps, restore: [] });
  /** Of three stages the second tells one UPS to go, and the third another one and then the first once more. */
  const own = group('rack', ['a', 'b', 'c'], {
    halt: HALT,
    stages: [
      stage('lab', exec('lab/a', 10)),
      stage('off', tells('off/a', 'a', 3), exec('off/nas', 20, 'off/a'), exec('off/vms', 6)),
      stage('late', tells('late/b', 'b', 4), tells('late/a', 'a', 5, 'late/b'), exec('late/door', 8)),
    ],
  });
  const HALF = { 'lab/a': 'done', 'off/a': 'done', 'off/nas': 'failed', 'off/vms': 'done' } as const;

  test.each<[string, string, Progress | undefined, number]>([
    ['is nothing where no step tells that UPS anything', 'c', so({ 'off/a': 'running' }), 0],
    ['is what comes beside its step and after it, and the halt', 'a', undefined, 20 + 9 + 15],
    ['of another UPS is what its own step leaves', 'b', undefined, 8 + 15],
    ['counts nothing that comes before its step', 'a', so({ 'lab/a': 'running' }), 20 + 9 + 15],
    ['of a rehearsal is that of a run to come', 'a', so(HALF), 20 + 9 + 15],
    ['is what is open while its step runs', 'a', so({ 'lab/a': 'done', 'off/a': 'running', 'off/nas': 'done' }), 30],
    ['is what is still open of an earlier stage, too', 'a', so({ 'lab/a': 'running', 'off/a': 'running' }), 54],
    ['is what the second of its steps leaves, while that one runs', 'a', so({ ...HALF, 'late/a': 'running' }), 8 + 15],
    ['is nothing that the step of another UPS leaves', 'a', so({ ...HALF, 'late/b': 'running' }), 20 + 9 + 15],
  ])('%s', (_, device, progress, need) => {
    expect(restAfter(own, planOf(own, new Map()), progress, device)).toBe(seconds(need));
  });
});
