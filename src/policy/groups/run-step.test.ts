import { describe, expect, test } from 'vitest';
import { group } from '../../../tests/kit/settings.ts';
import { WALL } from '../../../tests/kit/story.ts';
import type { Run } from '../../domain/groups.ts';
import type { Power } from '../../domain/power.ts';
import { readingOf } from '../../domain/reading.ts';
import type { GroupSettings, StageSettings } from '../../domain/settings.ts';
import { type DeviceState, type Link, UNHEARD } from '../../domain/state.ts';
import { asInstant } from '../../domain/time.ts';
import type { Cause, Trigger } from '../../domain/triggers.ts';
import { type Call, causeText, earlierRun, type Going, hasMains, type RunStep, stepRun } from './run.ts';

const stage = (name: string): StageSettings => ({ name, steps: [], restore: [] });
const staged = (feeds: readonly string[] = ['ups'], minHealthy = 1): GroupSettings =>
  group('rack', feeds, { minHealthy, stages: ['one', 'two', 'three'].map(stage) });
const cause = (device: string, trigger: Trigger, more: Partial<Cause> = {}): Cause => ({
  device,
  trigger,
  why: `${trigger} of ${device}`,
  ...more,
});
const calls = (more: Partial<Call> = {}): Call => ({ whole: false, stages: [], kind: 'outage', cause: [], ...more });
const RUN: Run = {
  id: 'rack-1',
  kind: 'outage',
  cause: [cause('ups', 'on_battery_for', { stage: 'two' })],
  since: asInstant(1000),
  wall: WALL,
  stages: ['two'],
  whole: false,
  effect: 'act',
};
const WHOLE: Run = { ...RUN, whole: true, stages: ['one', 'two', 'three'], cause: [cause('ups', 'charge_below')] };

/** Devices as their own status and what was made of it say. */
const device = (id: string, status: string | undefined, power: Power, link: Link = { kind: 'up' }): DeviceState => ({
  ...UNHEARD,
  id,
  label: id,
  address: { source: 'nas', name: id },
  link,
  ...(status === undefined
    ? {}
    : { reading: readingOf(new Map([['ups.status', status]]), asInstant(0), asInstant(0)) }),
  power,
  derived: new Map(),
});
const OUT: Power = {
  fed: 'battery',
  outage: { id: '', since: asInstant(0), wall: WALL, proof: 'status', byTest: false, charges: [] },
};
const onMains = (id: string, status = 'OL') => device(id, status, { fed: 'mains' });
const onBattery = (id: string, status = 'OB') => device(id, status, OUT);
const all = (...devices: readonly DeviceState[]) => new Map(devices.map((one) => [one.id, one]));
const STAMP = { at: asInstant(5000), wall: WALL + 4000 };
const NOT: Going = { pastReturn: false, isAtWork: false, hasEnded: false, isRehearsed: false };

const step = (before: Run | undefined, call: Call, effect: Run['effect'] = 'act', of = staged()): RunStep =>
  stepRun(before, call, of, all(onBattery('ups')), effect, STAMP, NOT);
const ends = (run: Run, of: GroupSettings, ...devices: readonly DeviceState[]) =>
  stepRun(run, calls(), of, all(...devices), 'act', STAMP, NOT);

describe('a run', () => {
  test('begins with what is called for', () => {
    expect(step(undefined, calls())).toEqual({ kind: 'none' });
    const why = [cause('ups', 'charge_below')];
    const begun = step(undefined, calls({ stages: ['two'], cause: why }));
    const { since, wall } = { since: STAMP.at, wall: STAMP.wall };
    const id = `rack-${new Date(wall).toISOString()}`;
    const run = { id, kind: 'outage', cause: why, since, wall, stages: ['two'], whole: false, effect: 'act' };
    expect(begun).toEqual({ kind: 'begun', run, added: ['two'] });
    expect(step(undefined, calls({ whole: true, kind: 'fsd' }), 'none')).toMatchObject({
      run: { kind: 'fsd', whole: true, stages: ['one', 'two', 'three'], effect: 'none' },
    });
  });

  test.each([
    ['act', 'act', 'same'],
    ['act', 'dry-run', 'called-off'],
    ['act', 'none', 'called-off'],
    ['dry-run', 'act', 'begun'],
    ['dry-run', 'dry-run', 'same'],
    ['dry-run', 'none', 'called-off'],
    ['none', 'act', 'begun'],
    ['none', 'dry-run', 'begun'],
    ['none', 'none', 'same'],
  ] as const)('that was to do %s, where now it may do %s: %s', (was, may, kind) => {
    expect(step({ ...RUN, effect: was }, calls({ stages: ['two'] }), may).kind).toBe(kind);
  });

  test('that does nothing is begun anew only when something is called for', () => {
    expect(step({ ...RUN, effect: 'none' }, calls()).kind).toBe('same');
  });

  test('that may do less says why it is called off', () => {
    const why = 'less is allowed now than when it was decided';
    expect(step(RUN, calls(), 'none')).toEqual({ kind: 'called-off', run: RUN, why });
  });

  test('grows by stages, in the order of the plan, for the same cause', () => {
    const call = calls({ stages: ['one', 'two'], cause: [cause('ups', 'charge_below')] });
    expect(step(RUN, call)).toEqual({ kind: 'more', run: { ...RUN, stages: ['one', 'two'] }, added: ['one'] });
  });

  test('does not shrink', () => {
    expect(step(WHOLE, calls({ stages: ['two'] }))).toEqual({ kind: 'same', run: WHOLE });
    expect(step({ ...RUN, stages: ['one', 'two'] }, calls({ stages: ['two'] })).kind).toBe('same');
  });

  test('becomes whole, for the new cause as well', () => {
    const why = cause('ups', 'charge_below');
    const run = {
      ...RUN,
      whole: true,
      wholeSince: STAMP.at,
      stages: ['one', 'two', 'three'],
      cause: [...RUN.cause, why],
    };
    const added = ['one', 'three'];
    expect(step(RUN, calls({ whole: true, cause: [why] }))).toEqual({ kind: 'more', run, added });
    // Every stage had been ordered already: the halt had not.
    const stages = ['one', 'two', 'three'];
    expect(step({ ...RUN, stages }, calls({ whole: true }))).toMatchObject({ kind: 'more', added: [] });
    expect(step(WHOLE, calls({ whole: true, cause: [why] })).kind).toBe('same');
  });

  test.each([
    ['outage', 'fsd', 'fsd'],
    ['outage', 'quorum', 'quorum'],
    ['outage', 'outage', undefined],
    ['fsd', 'outage', undefined],
    ['quorum', 'fsd', undefined],
    ['fsd', 'quorum', undefined],
  ] as const)('of %s becomes one of %s: %s', (was, calledBy, becomes) => {
    const why = cause('ups', 'fsd');
    const next = step({ ...WHOLE, kind: was }, calls({ whole: true, kind: calledBy, cause: [why] }));
    if (becomes === undefined) expect(next.kind).toBe('same');
    else expect(next).toMatchObject({ kind: 'more', added: [], run: { kind: becomes, cause: [...WHOLE.cause, why] } });
  });

  test('of a few stages is not graver for a reason that calls for stages alone', () => {
    expect(step(RUN, calls({ stages: ['two'], kind: 'quorum' })).kind).toBe('same');
  });

  test('keeps each cause once, as it was first told', () => {
    const before = [cause('a', 'charge_below'), cause('a', 'on_battery_for', { stage: 'two' }), cause('b', 'dead')];
    const now = [
      cause('a', 'charge_below', { why: 'lower still' }),
      cause('a', 'on_battery_for'),
      cause('a', 'on_battery_for', { stage: 'one' }),
      cause('b', 'charge_below'),
      cause('c', 'dead'),
    ];
    const next = step({ ...RUN, cause: before }, calls({ whole: true, cause: now }));
    expect(next.kind === 'more' ? next.run.cause : []).toEqual([...before, ...now.slice(1)]);
  });
});

describe('a run that nothing calls for any more', () => {
  const pair = (minHealthy: number) => staged(['a', 'b', 'c'], minHealthy);
  const of = (...devices: readonly string[]): Run => ({
    ...WHOLE,
    cause: devices.map((id) => cause(id, 'charge_below')),
  });
  const calledOff = (run: Run) => ({ kind: 'called-off', run, why: 'the mains have held again' });

  test.each([
    ['enough feeds are on mains', 1, ['a'], [onBattery('a'), onMains('b'), onBattery('c')], true],
    ['all that caused it are', 3, ['a', 'b'], [onMains('a'), onMains('b'), onBattery('c')], true],
    ['some that caused it are', 3, ['a', 'b'], [onMains('a'), onBattery('b'), onBattery('c')], false],
    ['a reload has taken one away that caused it', 3, ['a', 'x'], [onMains('a'), onBattery('b')], true],
    ['a reload has taken all away that caused it', 3, ['x'], [onMains('a'), onBattery('b')], false],
    ['one that caused it is not listed', 3, ['a', 'b'], [onMains('a')], false],
    ['its words prove nothing', 3, ['a'], [onMains('a', 'WAIT')], false],
  ] as const)('by an outage, where %s', (_, minHealthy, causes, devices, isOver) => {
    const run = of(...causes);
    expect(ends(run, pair(minHealthy), ...devices)).toEqual(isOver ? calledOff(run) : { kind: 'same', run });
  });

  test.each([
    ['all are on mains without it', [onMains('a'), onMains('b'), onMains('c')], true],
    ['the one it came from is on mains', [onMains('a'), onBattery('b'), onMains('c')], true],
    ['the one it came from is on battery', [onBattery('a'), onMains('b'), onMains('c')], false],
    ['another one says it', [onMains('a'), onMains('b', 'FSD OL'), onMains('c')], false],
    ['another one has not been read', [onMains('a'), device('b', undefined, {}), onMains('c')], true],
    ['another one is not listed', [onMains('a')], true],
    ['the one it came from is not listed', [onMains('b'), onMains('c')], false],
  ] as const)('by a forced shutdown, where %s', (_, devices, isOver) => {
    const run: Run = { ...of('a'), kind: 'fsd' };
    expect(ends(run, pair(1), ...devices)).toEqual({ kind: isOver ? 'finished' : 'same', run });
  });
});

describe('the mains of a feed', () => {
  const lost: Link = { kind: 'lost', trouble: { kind: 'data-stale', detail: '' }, since: STAMP.at, sinceWall: WALL };
  test.each([
    ['that says so', onMains('ups'), true],
    ['that trims', onMains('ups', 'TRIM'), true],
    ['that no source lists', undefined, false],
    ['that is lost', device('ups', 'OL', { fed: 'mains' }, lost), false],
    ['of which nothing was heard yet', device('ups', 'OL', { fed: 'mains' }, { kind: 'unknown' }), false],
    ['that was not read', device('ups', undefined, { fed: 'mains' }), false],
    ['whose words prove nothing', onMains('ups', 'WAIT'), false],
    ['that says battery', onMains('ups', 'OB'), false],
    ['whose mains have not held yet', device('ups', 'OL', { ...OUT, fed: 'mains' }), false],
    ['that is on battery by measurement', device('ups', 'OL', { fed: 'battery' }), false],
    ['of which nothing was proved', device('ups', 'OL', {}), false],
  ])('%s: %#', (_, feed, has) => {
    expect(hasMains(feed)).toBe(has);
  });
});

describe('a run from before a reboot', () => {
  const unproved = (id: string) => device(id, undefined, {});
  const earlier = (minHealthy: number, ...devices: readonly DeviceState[]) =>
    earlierRun({ earlierRun: WHOLE }, { feeds: ['a', 'b'], minHealthy }, all(...devices));

  test('is none where none was left', () => {
    const feeds = { feeds: ['a'], minHealthy: 1 };
    expect(earlierRun({}, feeds, all(onBattery('a'), onBattery('b')))).toBeUndefined();
  });

  test.each<[string, number, readonly DeviceState[]]>([
    ['waits', 1, []],
    ['waits', 1, [unproved('a'), unproved('b')]],
    // One of two that would be enough proves nothing yet.
    ['waits', 1, [onBattery('a'), unproved('b')]],
    ['waits', 2, [onMains('a'), unproved('b')]],
    ['goes-on', 1, [onBattery('a'), onBattery('b')]],
    ['goes-on', 2, [onBattery('a'), onMains('b')]],
    ['goes-on', 2, [onBattery('a'), unproved('b')]],
    ['is-over', 1, [onMains('a'), unproved('b')]],
    ['is-over', 1, [onMains('a'), onBattery('b')]],
    ['is-over', 2, [onMains('a'), onMains('b')]],
    ['is-over', 1, [onMains('a'), onMains('b'), onBattery('x')]],
  ])('%s where %i of its two feeds are needed: %#', (becomes, minHealthy, devices) => {
    expect(earlier(minHealthy, ...devices)).toBe(becomes);
  });
});

describe('a run that has come so far', () => {
  const goes = (run: Run, going: Partial<Going>, effect: Run['effect'] = 'act') =>
    stepRun(run, calls(), staged(), all(onMains('ups')), effect, STAMP, { ...NOT, ...going }).kind;

  test.each([
    ['outage', {}, 'called-off'],
    ['outage', { isAtWork: true }, 'called-off'],
    ['outage', { isAtWork: true, pastReturn: true }, 'same'],
    ['outage', { hasEnded: true }, 'finished'],
    ['fsd', { isAtWork: true }, 'same'],
    ['fsd', { hasEnded: true }, 'finished'],
    ['quorum', { isAtWork: true }, 'same'],
    ['quorum', { hasEnded: true }, 'finished'],
    ['request', {}, 'same'],
    ['request', { hasEnded: true }, 'same'],
    ['request', { isRehearsed: true }, 'finished'],
  ] as const)('by %s, %j: mains make it %s', (kind, going, becomes) => {
    expect(goes({ ...WHOLE, kind }, going)).toBe(becomes);
  });

  test('goes on past its point of no return although less is allowed', () => {
    expect(goes(WHOLE, { pastReturn: true }, 'none')).toBe('same');
    expect(goes(WHOLE, { isAtWork: true }, 'none')).toBe('called-off');
  });

  test('knows when it became whole', () => {
    const more = step(RUN, calls({ whole: true }));
    expect(more.kind === 'more' && more.run.wholeSince).toBe(STAMP.at);
    const fresh = step(undefined, calls({ whole: true }));
    expect(fresh.kind === 'begun' && fresh.run.wholeSince).toBe(STAMP.at);
    const graver = step({ ...WHOLE, wholeSince: asInstant(1) }, calls({ whole: true, kind: 'fsd' }));
    expect(graver.kind === 'more' && graver.run.wholeSince).toBe(1);
  });
});

test('causes are told one after the other, by the names people use', () => {
  const label = (id: string) => id.toUpperCase();
  const both = [cause('a', 'dead', { why: 'silent' }), cause('b', 'fsd', { why: 'told to go' })];
  expect(causeText(both, label)).toBe('A: silent; B: told to go');
  expect(causeText([], label)).toBe('');
});
