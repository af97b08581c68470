import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { HALT } from '../../../tests/kit/watch.ts';
import type { Power } from '../../domain/power.ts';
import type { Progress, StepProgress } from '../../domain/progress.ts';
import { readingOf } from '../../domain/reading.ts';
import { type DeviceState, UNHEARD } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import { isOnBattery, isOver, stagesToRestore } from './restoring.ts';
import { goingOf, isPastReturn, isRestoreKey, lastActOf, stageOfKey } from './standing.ts';

const at = (second: number) => asInstant(second * 1000);
const OUT: Power = {
  fed: 'battery',
  outage: { id: '', since: at(0), wall: 0, proof: 'status', byTest: false, charges: [] },
};
const feed = (id: string, status: string, power: Power, vars: Readonly<Record<string, string>> = {}): DeviceState => ({
  ...UNHEARD,
  id,
  label: id,
  address: { source: 'nas', name: id },
  link: { kind: 'up' },
  reading: readingOf(new Map(Object.entries({ 'ups.status': status, ...vars })), at(0), at(0)),
  power,
  derived: new Map(),
});
const mains = (id: string, charge?: number, power: Power = {}) =>
  feed(id, 'OL', { fed: 'mains', ...power }, charge === undefined ? {} : { 'battery.charge': `${charge}` });
const battery = (id: string) => feed(id, 'OB', OUT);
const all = (...devices: readonly DeviceState[]) => new Map(devices.map((one) => [one.id, one]));

const so = (states: Readonly<Record<string, StepProgress['state']>>, more: Partial<Progress> = {}): Progress => {
  const steps = Object.entries(states).map(
    ([key, state]) => [key, { state, since: at(0), wall: 0, items: [] }] as const,
  );
  return { run: 'r', kind: 'outage', dryRun: false, wall: 0, phase: 'running', steps: new Map(steps), ...more };
};
const PLAN = { group: 'rack', stages: [], expected: seconds(0), need: seconds(0) };

test('keys say what they are of', () => {
  expect(['lab/a', 'lab/restore/a', 'host'].map(isRestoreKey)).toEqual([false, true, false]);
  expect(['lab/a', 'lab/restore/a', 'host'].map(stageOfKey)).toEqual(['lab', 'lab', undefined]);
});

describe('the point of no return', () => {
  test.each<[string, string | undefined, Progress | undefined, boolean]>([
    ['none', undefined, so({ 'lab/a': 'done' }), false],
    ['nothing has begun', 'host', undefined, false],
    ['a step before it', 'vms/', so({ 'lab/a': 'done' }), false],
    ['a stage, begun', 'vms/', so({ 'vms/a': 'running' }), true],
    ['a stage, skipped', 'vms/', so({ 'vms/a': 'skipped' }), false],
    ['a stage, brought back', 'vms/', so({ 'vms/restore/a': 'running' }), false],
    ['a stage of a longer name', 'vms/', so({ 'vms2/a': 'running' }), false],
    ['a step, failed', 'vms/ups', so({ 'vms/ups': 'failed' }), true],
    ['a step of a longer name', 'vms/ups', so({ 'vms/ups-2': 'done' }), false],
    ['the halt', 'host', so({ host: 'running' }), true],
    ['before a restart', 'host', so({ host: 'running' }, { phase: 'interrupted' }), true],
    ['of a dry run', 'host', so({ host: 'running' }, { dryRun: true }), false],
    ['of a run that is called off', 'host', so({ host: 'running' }, { phase: 'stopping' }), false],
    ['of a run that is over', 'host', so({ host: 'failed' }, { phase: 'ended' }), false],
  ])('%s', (_, point, progress, isPast) => {
    const plan = point === undefined ? PLAN : { ...PLAN, pointOfNoReturn: point };
    expect(isPastReturn(plan, progress)).toBe(isPast);
  });
});

test('a run is at work once it is ordered, and through once all its steps are over', () => {
  const going = (progress?: Progress) => goingOf({ ...PLAN, pointOfNoReturn: 'host' }, progress);
  const not = { pastReturn: false, isAtWork: false, hasEnded: false, isRehearsed: false };
  expect([going(), going(so({ 'lab/a': 'done' }, { dryRun: true }))]).toEqual([not, not]);
  expect(going(so({}))).toEqual({ ...not, isAtWork: true });
  expect(going(so({ 'lab/a': 'running' }))).toEqual({ ...not, isAtWork: true });
  for (const phase of ['interrupted', 'stopping'] as const) {
    expect(going(so({ 'lab/a': 'running' }, { phase }))).toEqual({ ...not, isAtWork: true });
  }
  expect(going(so({}, { phase: 'ended' }))).toEqual(not);
  expect(going(so({ host: 'running' }))).toEqual({ ...not, isAtWork: true, pastReturn: true });
  expect(going(so({ 'lab/a': 'done' }, { phase: 'ended' }))).toEqual({ ...not, hasEnded: true });
  expect(going(so({ 'lab/a': 'done' }, { phase: 'ended', dryRun: true }))).toEqual({ ...not, isRehearsed: true });
});

describe('the last act', () => {
  const step: Step = { ...HALT, key: 'lab/a', kind: 'ups', device: 'a' };
  const stages = [{ name: 'lab', steps: [{ ...step, key: 'lab/other' }, step], restore: [] }];
  const own = (minHealthy: number) => group('rack', ['a', 'b'], { minHealthy, stages });
  test.each<[string, number, Progress | undefined, readonly DeviceState[], 'halt' | 'reboot']>([
    ['mains are out', 1, so({}), [battery('a'), battery('b')], 'halt'],
    ['mains have held', 1, so({}), [mains('a'), battery('b')], 'reboot'],
    ['mains have held for too few', 2, so({}), [mains('a'), battery('b')], 'halt'],
    ['mains are not heard', 1, so({}), [feed('a', 'WAIT', { fed: 'mains' })], 'halt'],
    ['mains are there and have not held', 1, so({}), [feed('a', 'OL', { ...OUT, fed: 'mains' })], 'halt'],
    ['a UPS was told to cycle', 1, so({ 'lab/a': 'running' }), [mains('a')], 'halt'],
    ['a UPS was to be told and was not', 1, so({ 'lab/a': 'skipped' }), [mains('a')], 'reboot'],
    ['a UPS was not told in a dry run', 1, so({ 'lab/a': 'done' }, { dryRun: true }), [mains('a')], 'reboot'],
    ['it was forced', 1, so({}, { kind: 'fsd' }), [mains('a')], 'halt'],
    ['a person has asked for it', 1, so({}, { kind: 'request' }), [mains('a')], 'halt'],
    ['too few are left', 1, so({}, { kind: 'quorum' }), [mains('a')], 'halt'],
    ['nothing is known of a run', 1, undefined, [mains('a')], 'halt'],
  ])('%s', (_, minHealthy, progress, devices, act) => {
    expect(lastActOf(own(minHealthy), progress, all(...devices))).toBe(act);
  });
});

describe('an outage', () => {
  const ended = (second: number): Power => ({ lastOutageEnded: { at: at(second), wall: 0 } });
  test.each<[string, number, readonly DeviceState[], boolean]>([
    ['has ended with enough charge', 1, [mains('a', 51)], true],
    ['has not with just the level', 1, [mains('a', 50)], false],
    ['has ended although another feed is not charged', 1, [mains('a', 51), mains('b', 10)], true],
    ['has not where too few are', 2, [mains('a', 51), mains('b', 10)], false],
    ['has not while any feed is on battery', 1, [mains('a', 100), battery('b')], false],
    ['has not where nobody is heard', 1, [feed('a', 'WAIT', { fed: 'mains' }, { 'battery.charge': '100' })], false],
    ['has ended 300 s after mains, of one that tells no charge', 1, [mains('a', undefined, ended(100))], true],
    ['has not before', 1, [mains('a', undefined, ended(101))], false],
    ['has ended where there was none', 1, [mains('a')], true],
    ['has not of feeds that are not there', 1, [], false],
  ])('%s', (_, minHealthy, devices, is) => {
    const own = { feeds: ['a', 'b'], minHealthy, restoreAbove: 50 };
    expect(isOver(own, all(...devices), at(400))).toBe(is);
  });

  test('is one of a feed that runs from its battery', () => {
    expect([isOnBattery(battery('a')), isOnBattery(mains('a')), isOnBattery(undefined)]).toEqual([true, false, false]);
    expect(isOnBattery(feed('a', 'OB', { fed: 'battery' }))).toBe(false);
  });
});

test('stages are brought back from the last one on, as far as they have a way back', () => {
  const stage = (name: string, ways: number) => ({
    name,
    steps: [],
    restore: Array.from({ length: ways }, (): Step => HALT),
  });
  const own = group('rack', ['a'], { stages: [stage('a', 1), stage('b', 0), stage('c', 2)] });
  expect(stagesToRestore(own, { shed: { stages: ['c', 'gone', 'b', 'a'], undo: new Map() } })).toEqual(['a', 'c']);
  expect(stagesToRestore(own, {})).toEqual([]);
});
