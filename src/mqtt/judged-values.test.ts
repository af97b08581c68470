import { describe, expect, test } from 'vitest';
import { outageSince } from '../../tests/kit/battery.ts';
import { WALL } from '../../tests/kit/story.ts';
import type { Member } from '../domain/groups.ts';
import { type DeviceState, type Link, UNHEARD } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import type { Verdict } from '../domain/triggers.ts';
import { judgedUrgency, judgedValues } from './judged-values.ts';
import { Moments } from './moments.ts';

const LOST: Link = {
  kind: 'lost',
  trouble: { kind: 'data-stale', detail: 'x' },
  since: asInstant(0),
  sinceWall: WALL,
};

const device = (more: Partial<DeviceState>): DeviceState => ({
  ...UNHEARD,
  id: 'rack',
  address: { source: 'nas', name: 'ups' },
  label: 'Rack',
  link: { kind: 'up' },
  derived: new Map(),
  ...more,
});

function valuesOf(more: Partial<DeviceState> = {}, member?: Member) {
  const moments = new Moments();
  moments.follow({ at: asInstant(0), wall: WALL });
  return judgedValues(device(more), member, moments);
}

describe('an outage', () => {
  const since = '2026-01-01T00:01:40.000Z';
  test.each([
    ['on battery', { power: { fed: 'battery', outage: outageSince(100) } }, 'on', since],
    ['on mains', { power: { fed: 'mains' } }, 'off', null],
    ['mains just back', { power: { fed: 'mains', outage: outageSince(100) } }, 'on', since],
    ['made by a test', { power: { fed: 'battery', outage: outageSince(100, { byTest: true }) } }, 'off', null],
    ['never heard', {}, null, null],
    ['words that prove nothing', { power: { fed: 'mains', silentSince: asInstant(5) } }, null, null],
    [
      'words that prove nothing, on battery',
      { power: { fed: 'battery', silentSince: asInstant(5), outage: outageSince(100) } },
      'on',
      since,
    ],
    ['silent on battery', { link: LOST, power: { fed: 'battery', outage: outageSince(100) } }, null, since],
    ['silent on mains', { link: LOST, power: { fed: 'mains' } }, null, null],
  ] satisfies [string, Partial<DeviceState>, string | null, string | null][])('%s', (_, more, outage, from) => {
    expect(valuesOf(more)).toMatchObject({ outage, 'outage.since': from });
  });
});

describe('the next trigger', () => {
  const member = (verdicts: readonly Verdict[], standing: Member['class'] = 'degraded'): Member => ({
    device: 'rack',
    class: standing,
    verdicts,
    holds: {},
    meets: [],
    stageHolds: {},
  });
  const verdicts: readonly Verdict[] = [
    { trigger: 'low_battery', kind: 'quiet', why: '' },
    { trigger: 'charge_below', kind: 'quiet', why: '', firesAt: asInstant(304_000), basis: 'drain' },
    { trigger: 'runtime_below', kind: 'quiet', why: '', firesAt: asInstant(104_000), basis: 'runtime' },
  ];

  test('is the one that comes first, its moment to ten seconds', () => {
    expect(valuesOf({}, member(verdicts))).toMatchObject({
      next_trigger: 'runtime_below',
      'next_trigger.at': '2026-01-01T00:01:40.000Z',
      'next_trigger.basis': 'runtime',
    });
  });

  test.each([
    ['nobody judges it', undefined],
    ['none is in sight', member(verdicts.slice(0, 1))],
    ['one has fired', member(verdicts, 'critical')],
  ])('is unknown where %s', (_, given) => {
    const values = valuesOf({}, given);
    expect(values).toMatchObject({ next_trigger: null, 'next_trigger.at': null, 'next_trigger.basis': null });
  });
});

test('the battery: score and terms, the day of its replacement, capacity, last test', () => {
  const health = {
    wall: WALL,
    score: 71,
    terms: { runtime: 80, age: 50 },
    replacement: { wall: Date.UTC(2027, 4, 3, 7), basis: 'trend', confidence: 'low' },
  } as const;
  const capacities = [
    { wall: 0, wattHours: 1, slowWattHours: 2 },
    { wall: WALL, wattHours: 100.5, slowWattHours: 120, ratedWattHours: 140 },
  ];
  const battery = { health, capacities, lastTest: { result: 'passed', wall: WALL } } as const;
  expect(valuesOf({ battery })).toMatchObject({
    'battery.health': 71,
    'battery.health.runtime': 80,
    'battery.health.age': 50,
    'battery.health.capacity': null,
    'battery.replacement': '2027-05-03',
    'battery.replacement.basis': 'trend',
    'battery.replacement.confidence': 'low',
    'battery.measured': 120,
    'battery.measured.delivered': 100.5,
    'battery.measured.rated': 140,
    'battery.measured.at': '2026-01-01T00:00:00.000Z',
    'battery.test.result': 'passed',
    'battery.test.at': '2026-01-01T00:00:00.000Z',
  });
});

test('of a device of which nothing is known every name is there, and unknown', () => {
  expect(new Set(Object.values(valuesOf()))).toEqual(new Set([null]));
});

test('estimates may wait, all else may not', () => {
  const before = valuesOf();
  expect(judgedUrgency(undefined, before)).toBe('now');
  expect(judgedUrgency(before, { ...before })).toBe('none');
  expect(judgedUrgency(before, { ...before, 'next_trigger.at': 'x', next_trigger: 'y' })).toBe('later');
  expect(judgedUrgency(before, { ...before, 'next_trigger.at': 'x', outage: 'on' })).toBe('now');
});
