import type { GroupState, Member } from '../../src/domain/groups.ts';
import type { Progress } from '../../src/domain/progress.ts';
import { NO_QUALITY, type Standing } from '../../src/domain/quality.ts';
import { type DeviceState, UNHEARD } from '../../src/domain/state.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { onBattery } from './battery.ts';
import { WALL } from './story.ts';

const standing = <S extends string>(state: S): Standing<S> => ({ state, since: asInstant(0), sinceWall: WALL });

const grid = { grade: 'B', score: 91, observedMs: 3_600_000, outsideMs: 5000, events: 2, interruptions: 1 } as const;

/** Everything that can be judged of a device, in an outage that began ten seconds in. */
export const JUDGED: Pick<DeviceState, 'power' | 'quality' | 'battery' | 'tuning'> = {
  ...UNHEARD,
  power: onBattery(10),
  quality: {
    ...NO_QUALITY,
    since: WALL,
    voltage: standing('low'),
    frequency: standing('normal'),
    avr: standing('boost'),
    bypass: standing('inactive'),
    overload: standing('normal'),
    counters: { ...NO_QUALITY.counters, sags: { count: 3, totalMs: 4500, longestMs: 2000 } },
    grid: { day: grid, week: grid },
  },
  battery: {
    lastTest: { result: 'passed', wall: WALL },
    capacities: [{ wall: WALL, wattHours: 90, slowWattHours: 100, ratedWattHours: 120 }],
    health: {
      wall: WALL,
      score: 71,
      terms: { capacity: 83, age: 60 },
      replacement: { wall: WALL + 86_400_000, basis: 'trend', confidence: 'low' },
    },
  },
};

/** The same device as its triggers see it. */
export const MEMBER: Member = {
  device: 'rack',
  class: 'degraded',
  why: 'on battery',
  verdicts: [
    { trigger: 'low_battery', kind: 'quiet', why: 'no LB in the status' },
    { trigger: 'runtime_below', kind: 'holding', why: 'soon', firesAt: asInstant(60_000), basis: 'runtime' },
  ],
  holds: {},
  meets: [],
  stageHolds: {},
};

/** A run that has come to its halt. */
const PROGRESS: Progress = {
  run: 'servers-1',
  kind: 'outage',
  dryRun: false,
  wall: WALL,
  phase: 'running',
  steps: new Map([
    ['lab/vms', { state: 'done', since: asInstant(0), wall: WALL, took: seconds(12), text: 'stopped', items: [] }],
    ['host', { state: 'running', since: asInstant(12_000), wall: WALL + 12_000, items: [] }],
  ]),
  halt: { act: 'halt', at: asInstant(12_000), wall: WALL + 12_000 },
};

/** A group of that device and another one, with all that a group can have. */
export const GROUP: GroupState = {
  id: 'servers',
  label: 'Servers',
  members: new Map([
    ['rack', MEMBER],
    ['desk', { ...MEMBER, device: 'desk', class: 'critical', verdicts: [] }],
  ]),
  quorum: { healthy: 1, needed: 1, spare: 0, lost: false },
  capacity: { watts: 600, load: 240, enough: true },
  plan: { group: 'servers', stages: [], expected: seconds(30), need: seconds(90) },
  slack: seconds(510),
  readiness: { ready: true, reasons: [] },
  told: { ready: true, short: false, lost: false },
  outlook: { state: 'outage', effect: 'none', text: 'on battery' },
  progress: PROGRESS,
  shed: { stages: ['lab'], undo: new Map() },
};
