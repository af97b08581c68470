import {
  type Battery,
  type BatteryHealth,
  type Discharge,
  HEALTH_TERMS,
  type HeldCharge,
  type MeasuredCapacity,
  type Replacement,
  type RunningTest,
  type RuntimeAtLoad,
  type SuddenFall,
  type TestOutcome,
} from '../domain/battery.ts';
import type { GroupState, Run, Silenced } from '../domain/groups.ts';
import { type PastRun, type PastStep, RUN_OUTCOMES } from '../domain/past-run.ts';
import type { ChargePoint, Outage, Power } from '../domain/power.ts';
import {
  HELD_BY,
  type ItemProgress,
  type Progress,
  type Shed,
  STEP_RESULTS,
  type StepProgress,
} from '../domain/progress.ts';
import type {
  EventCount,
  Excursion,
  GridQuality,
  Nominal,
  Quality,
  QualityCounters,
  QualityHour,
  QualityMemory,
  Standing,
  VoltageBand,
} from '../domain/quality.ts';
import type { DeviceMemory, Durations, GroupMemory, MemberMemory, Memory } from '../domain/state.ts';
import { type Cause, type Held, type Holds, TRIGGERS } from '../domain/triggers.ts';
import {
  type Fields,
  flag,
  instant,
  json,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  pair,
  partialOf,
  recordOf,
  type Shape,
  span,
  text,
} from './shape.ts';

const chargePoint = object<ChargePoint>({ at: instant, charge: number });

const outage = object<Outage>({
  id: text,
  since: instant,
  wall: number,
  proof: oneOf('status', 'contradiction', 'measured'),
  mainsSince: optional(instant),
  testSince: optional(instant),
  byTest: flag,
  chargeBefore: optional(number),
  runtimeBefore: optional(number),
  voltsBefore: optional(number),
  lowestCharge: optional(number),
  runtimeLeft: optional(object<NonNullable<Outage['runtimeLeft']>>({ seconds: number, low: flag })),
  charges: list(chargePoint),
});

export const POWER: Shape<Power> = object<Power>({
  fed: optional(oneOf('mains', 'battery')),
  silentSince: optional(instant),
  outage: optional(outage),
  offSince: optional(instant),
  unfed: optional(object<NonNullable<Power['unfed']>>({ since: instant, charge: number, lowest: number })),
  lastOutageEnded: optional(object<NonNullable<Power['lastOutageEnded']>>({ at: instant, wall: number })),
  fsdIgnored: optional(oneOf(true)),
});

const standing = <const S extends string>(...states: readonly S[]): Shape<Standing<S>> =>
  object<Standing<S>>({ state: oneOf(...states), since: instant, sinceWall: number } as Fields<Standing<S>>); // S is open here

const voltageStanding = standing('normal', 'low', 'high', 'severely_low', 'severely_high');
const frequencyStanding = standing('normal', 'low', 'high');
const overloadStanding = standing('normal', 'overload');
const eventCount = object<EventCount>({ count: number, totalMs: number, longestMs: number });
const excursion = object<Excursion>({ side: oneOf('low', 'high'), since: instant });
const nominal = object<Nominal>({ value: number, from: oneOf('device', 'measured') });

const gridQuality = object<GridQuality>({
  grade: oneOf('A', 'B', 'C', 'D', 'E'),
  score: number,
  observedMs: number,
  outsideMs: number,
  events: number,
  interruptions: number,
});

const qualityHour = object<QualityHour>({
  hour: number,
  observedMs: number,
  outsideMs: number,
  events: number,
  interruptions: number,
});

const qualityMemory = object<QualityMemory>({
  samples: list(number),
  detected: optional(number),
  waiting: object<QualityMemory['waiting']>({
    voltage: optional(voltageStanding),
    frequency: optional(frequencyStanding),
    overload: optional(overloadStanding),
  }),
  excursions: object<QualityMemory['excursions']>({ voltage: optional(excursion), frequency: optional(excursion) }),
  interrupted: optional(oneOf(true)),
  paused: optional(oneOf(true)),
  stretch: optional(object<NonNullable<QualityMemory['stretch']>>({ since: instant, isOutside: flag })),
  due: optional(instant),
  hour: qualityHour,
  hours: list(qualityHour),
});

export const QUALITY: Shape<Quality> = object<Quality>({
  since: optional(number),
  nominal: object<Quality['nominal']>({ voltage: optional(nominal), frequency: optional(nominal) }),
  band: optional(object<VoltageBand>({ low: number, high: number, severeLow: number, severeHigh: number })),
  voltage: optional(voltageStanding),
  frequency: optional(frequencyStanding),
  avr: optional(standing('none', 'boost', 'trim')),
  bypass: optional(standing('inactive', 'active')),
  overload: optional(overloadStanding),
  counters: object<QualityCounters>({
    sags: eventCount,
    swells: eventCount,
    interruptions: eventCount,
    frequencyDeviations: eventCount,
  }),
  grid: object<Quality['grid']>({ day: optional(gridQuality), week: optional(gridQuality) }),
  memory: qualityMemory,
});

const health = object<BatteryHealth>({
  wall: number,
  score: optional(number),
  terms: partialOf(HEALTH_TERMS, number),
  replacement: optional(
    object<Replacement>({ wall: number, basis: oneOf('trend', 'age'), confidence: oneOf('low', 'medium', 'high') }),
  ),
});

const runningTest = object<RunningTest>({
  at: instant,
  wall: number,
  command: optional(text),
  seen: optional(oneOf(true)),
  quietSince: optional(instant),
  lost: optional(oneOf(true)),
});

const discharge = object<Discharge>({
  from: number,
  lowest: number,
  since: instant,
  wattHours: optional(number),
  last: instant,
  watts: optional(number),
});

export const BATTERY: Shape<Battery> = object<Battery>({
  lastTest: optional(
    object<TestOutcome>({ result: oneOf('passed', 'warning', 'failed'), wall: number, old: optional(oneOf(true)) }),
  ),
  test: optional(runningTest),
  toldTest: optional(object<NonNullable<Battery['toldTest']>>({ result: text, date: optional(text) })),
  held: optional(list(object<HeldCharge>({ charge: number, until: optional(instant) }))),
  fall: optional(object<SuddenFall>({ from: number, to: number, asked: instant, readings: number })),
  anomalies: optional(list(number)),
  runtimes: optional(list(object<RuntimeAtLoad>({ load: number, first: number, now: number, samples: number }))),
  discharge: optional(discharge),
  capacities: optional(
    list(
      object<MeasuredCapacity>({
        wall: number,
        wattHours: number,
        slowWattHours: number,
        ratedWattHours: optional(number),
      }),
    ),
  ),
  installed: optional(number),
  health: optional(health),
  scores: optional(list(pair(number, number))),
  toldBelow: optional(oneOf(50, 25)),
  toldReplaceAt: optional(number),
});

const device: Shape<DeviceMemory> = object<DeviceMemory>({
  power: POWER,
  earlier: optional(POWER),
  quality: QUALITY,
  battery: BATTERY,
});

const held = object<Held>({ since: instant, confirmed: flag, doubtedSince: optional(instant) });
const holds: Shape<Holds> = partialOf(TRIGGERS, held);

export const MEMBER: Shape<MemberMemory> = object<MemberMemory>({
  holds,
  stageHolds: recordOf(holds),
  fired: optional(list(oneOf(...TRIGGERS))),
});

const cause = object<Cause>({ device: text, trigger: oneOf(...TRIGGERS), stage: optional(text), why: text });

const run = object<Run>({
  id: text,
  kind: oneOf('outage', 'fsd', 'quorum', 'request'),
  cause: list(cause),
  since: instant,
  wall: number,
  stages: list(text),
  whole: flag,
  wholeSince: optional(instant),
  effect: oneOf('act', 'dry-run', 'none'),
});

const silenced = object<Silenced>({
  until: instant,
  causes: list(object<Silenced['causes'][number]>({ device: text, trigger: oneOf(...TRIGGERS) })),
  stages: list(text),
});

const step = object<StepProgress>({
  state: oneOf('running', ...STEP_RESULTS),
  since: instant,
  wall: number,
  took: optional(span),
  text: optional(text),
  output: optional(text),
  items: list(
    object<ItemProgress>({ item: text, state: oneOf('running', 'done', 'failed', 'skipped'), text: optional(text) }),
  ),
});

export const PROGRESS: Shape<Progress> = object<Progress>({
  run: text,
  kind: oneOf('outage', 'fsd', 'quorum', 'request'),
  dryRun: flag,
  wall: number,
  phase: oneOf('running', 'stopping', 'ended', 'interrupted', 'restoring', 'restored'),
  steps: mapOf(step),
  shortSince: optional(instant),
  hurried: optional(text),
  halt: optional(object<NonNullable<Progress['halt']>>({ act: oneOf('halt', 'reboot'), at: instant, wall: number })),
});

const pastStep = object<PastStep>({
  key: text,
  state: oneOf('running', ...STEP_RESULTS),
  wall: number,
  took: optional(span),
  text: optional(text),
});

export const PAST: Shape<readonly PastRun[]> = list(
  object<PastRun>({
    run: text,
    kind: oneOf('outage', 'fsd', 'quorum', 'request'),
    dryRun: flag,
    wall: number,
    reason: text,
    outcome: optional(oneOf(...RUN_OUTCOMES)),
    until: optional(number),
    why: optional(text),
    restored: optional(number),
    steps: list(pastStep),
    restore: list(pastStep),
  }),
);

export const SHED: Shape<Shed> = object<Shed>({
  stages: list(text),
  undo: mapOf(json),
  asked: optional(oneOf(true)),
  held: optional(oneOf(...HELD_BY)),
});

export const GROUP: Shape<GroupMemory> = object<GroupMemory>({
  run: optional(run),
  earlierRun: optional(run),
  progress: optional(PROGRESS),
  past: optional(PAST),
  shed: optional(SHED),
  silenced: optional(silenced),
  disarmedUntil: optional(instant),
  shortSince: optional(instant),
  members: mapOf(MEMBER),
  told: optional(object<GroupState['told']>({ ready: flag, short: flag, lost: flag })),
});

export const DURATIONS: Shape<Durations> = mapOf(list(span));

export const MEMORY: Shape<Memory> = object<Memory>({
  devices: mapOf(device),
  groups: mapOf(GROUP),
  alone: mapOf(MEMBER),
  durations: DURATIONS,
  at: instant,
});
