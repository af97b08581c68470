import type { Battery } from '../../src/domain/battery.ts';
import type { Run } from '../../src/domain/groups.ts';
import type { Power } from '../../src/domain/power.ts';
import { NO_QUALITY, type Quality } from '../../src/domain/quality.ts';
import {
  type DeviceState,
  EMPTY_STATE,
  type GroupMemory,
  type Memory,
  type State,
  UNHEARD,
} from '../../src/domain/state.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';

/** Memories with every field filled, and every instant of them the one that is given. */

export const POWER_AT = (ms: number): Power => {
  const at = asInstant(ms);
  return {
    fed: 'battery',
    silentSince: at,
    outage: {
      id: '2026-01-01T00:00:00.000Z',
      since: at,
      wall: 1,
      proof: 'status',
      mainsSince: at,
      testSince: at,
      byTest: false,
      chargeBefore: 100,
      runtimeBefore: 1800,
      voltsBefore: 27.3,
      lowestCharge: 80,
      runtimeLeft: { seconds: 900, low: false },
      charges: [
        { at, charge: 90 },
        { at, charge: 80 },
      ],
    },
    offSince: at,
    unfed: { since: at, charge: 90, lowest: 88 },
    lastOutageEnded: { at, wall: 1 },
    fsdIgnored: true,
  };
};

export const QUALITY_AT = (ms: number): Quality => {
  const since = asInstant(ms);
  const standing = { since, sinceWall: 1 };
  const grid = { grade: 'A', score: 99, observedMs: 1, outsideMs: 0, events: 0, interruptions: 0 } as const;
  return {
    ...NO_QUALITY,
    since: 1,
    nominal: { voltage: { value: 230, from: 'device' }, frequency: { value: 50, from: 'measured' } },
    band: { low: 207, high: 253, severeLow: 184, severeHigh: 276 },
    voltage: { state: 'severely_low', ...standing },
    frequency: { state: 'high', ...standing },
    avr: { state: 'boost', ...standing },
    bypass: { state: 'active', ...standing },
    overload: { state: 'overload', ...standing },
    grid: { day: grid, week: grid },
    memory: {
      samples: [230],
      detected: 230,
      waiting: {
        voltage: { state: 'low', ...standing },
        frequency: { state: 'low', ...standing },
        overload: { state: 'normal', ...standing },
      },
      excursions: { voltage: { side: 'low', since }, frequency: { side: 'high', since } },
      interrupted: true,
      paused: true,
      stretch: { since, isOutside: true },
      due: since,
      hour: { hour: 1, observedMs: 1, outsideMs: 1, events: 1, interruptions: 1 },
      hours: [{ hour: 0, observedMs: 1, outsideMs: 1, events: 1, interruptions: 1 }],
    },
  };
};

export const BATTERY_AT = (ms: number): Battery => {
  const at = asInstant(ms);
  return {
    lastTest: { result: 'passed', wall: 1, old: true },
    test: { at, wall: 1, command: 'test.battery.start', seen: true, quietSince: at, lost: true },
    toldTest: { result: 'done and passed', date: '2026-01-01' },
    held: [{ charge: 100, until: at }, { charge: 99 }],
    fall: { from: 100, to: 70, asked: at, readings: 1 },
    anomalies: [1],
    runtimes: [{ load: 20, first: 1800, now: 1700, samples: 5 }],
    discharge: { from: 100, lowest: 50, since: at, wattHours: 10, last: at, watts: 200 },
    capacities: [{ wall: 1, wattHours: 100, slowWattHours: 120, ratedWattHours: 130 }],
    installed: 1,
    health: {
      wall: 1,
      score: 80,
      terms: { capacity: 80 },
      replacement: { wall: 2, basis: 'trend', confidence: 'low' },
    },
    scores: [[20_000, 80]],
    toldBelow: 50,
    toldReplaceAt: 1,
  };
};

const RUN = (ms: number): Run => ({
  id: 'rack-2026-01-01T00:00:00.000Z',
  kind: 'outage',
  cause: [{ device: 'a', trigger: 'charge_below', why: 'battery charge 10 % is below 20 %' }],
  since: asInstant(ms),
  wall: 1,
  stages: ['shed'],
  whole: false,
  effect: 'act',
});

/** Whatever a group may remember but `earlierRun`. */
export const GROUP_AT = (ms: number): GroupMemory => {
  const at = asInstant(ms);
  const holds = { charge_below: { since: at, confirmed: true, doubtedSince: at } };
  return {
    run: RUN(ms),
    silenced: { until: at, causes: [{ device: 'a', trigger: 'depletion' }], stages: ['shed'] },
    disarmedUntil: at,
    shortSince: at,
    members: new Map([['a', { holds, stageHolds: { shed: holds } }]]),
  };
};

export const memoryAt = (ms: number): Memory => ({
  devices: new Map([
    ['a', { power: POWER_AT(ms), earlier: POWER_AT(ms), quality: QUALITY_AT(ms), battery: BATTERY_AT(ms) }],
  ]),
  groups: new Map([['rack', GROUP_AT(ms)]]),
  alone: new Map([['b', { holds: { dead: { since: asInstant(ms), confirmed: false } }, stageHolds: {} }]]),
  durations: new Map([['rack/shed/ssh', [seconds(20), seconds(21)]]]),
  at: asInstant(ms),
});

/** A state with one device. */
export const stateWith = (id: string, power: Power): State => {
  const device: DeviceState = {
    ...UNHEARD,
    id,
    label: id,
    address: { source: 'nas', name: id },
    link: { kind: 'up' },
    power,
    derived: new Map(),
  };
  return { ...EMPTY_STATE, devices: new Map([[id, device]]) };
};
