import type { Fact } from '../domain/facts.ts';
import type { GroupState, Member } from '../domain/groups.ts';
import type { Intent } from '../domain/intents.ts';
import type { Transition } from '../domain/ports.ts';
import { never } from '../domain/result.ts';
import type { DeviceState, GroupMemory, Memory, State } from '../domain/state.ts';
import { asInstant, between, type Instant, seconds } from '../domain/time.ts';
import { groupMemory, memberMemory, progressMemory } from './memory.ts';
import { toJson } from './state-json.ts';

/** One line of the journal before it is written. */
export type Entry =
  /** What is remembered under this key from now on; `value` is JSON as `toJson` writes it, absent where it is gone. */
  | { readonly kind: 'keep'; readonly key: string; readonly value?: string; readonly at: Instant }
  /** Nothing but the moment: the process still lived. */
  | { readonly kind: 'alive'; readonly at: Instant }
  /** For people and for later. Nothing is restored from it. */
  | { readonly kind: 'record'; readonly value: string };

/**
 * What is remembered, key by key, and what of it has yet to be written.
 *
 * What decides (feeding, holds, runs) and what is counted is due at once; what only describes (the rest of quality and
 * battery) changes with every reading and is due once a minute.
 */
export interface Ledger {
  /** Takes in what an earlier process has left, where nothing newer is known. */
  readonly fill: (before: Memory) => void;
  /** What a transition brings that has to be written now. */
  readonly take: (transition: Transition) => readonly Entry[];
  /** What has been held back, and the last moment: the process stops. */
  readonly rest: () => readonly Entry[];
  /** Everything that is remembered now: what a new file begins with. */
  readonly whole: () => readonly Entry[];
}

/** How long what only describes may be held back, and a file be silent. */
const SLOWLY = seconds(60);

/** @param before what an earlier process has left: it stands until it is replaced */
export function createLedger(before?: Memory): Ledger {
  const kept = new Map<string, string>(before === undefined ? [] : keysOf(before));
  const held = new Set<string>();
  let at = before?.at ?? asInstant(0);
  let minute: Instant | undefined;

  const entryOf = (key: string): Entry => {
    const value = kept.get(key);
    return { kind: 'keep', key, ...(value === undefined ? {} : { value }), at };
  };

  const release = (): readonly Entry[] => {
    const entries = [...held].map(entryOf);
    held.clear();
    return [...entries, { kind: 'alive', at }];
  };

  return {
    fill: (memory) => {
      for (const [key, value] of keysOf(memory)) if (!kept.has(key)) kept.set(key, value);
    },
    take: (transition) => {
      at = transition.stamp.at;
      minute ??= at;
      const due: Entry[] = [];
      for (const { key, value, slow } of changesIn(transition)) {
        const next = value === undefined ? undefined : toJson(value);
        if (kept.get(key) === next) continue;
        if (next === undefined) kept.delete(key);
        else kept.set(key, next);
        if (slow) held.add(key);
        else due.push(entryOf(key));
      }
      const isDue = between(minute, at) >= SLOWLY;
      if (isDue) minute = at;
      return [...due, ...recordsOf(transition), ...(isDue ? release() : [])];
    },
    rest: release,
    whole: () => [...[...kept.keys()].map(entryOf), { kind: 'alive', at }],
  };
}

interface Change {
  readonly key: string;
  /** Absent: what it was about has gone. */
  readonly value?: unknown;
  readonly slow: boolean;
}

function changesIn({ before, after }: Transition): readonly Change[] {
  const changes: Change[] = [];
  if (before.devices !== after.devices) devicesIn(before, after, changes);
  if (before.groups !== after.groups) {
    changedIn(before.groups, after.groups, isSameGroup, (id, group) => {
      const was = before.groups.get(id);
      if (group === undefined || was === undefined || !isSameJudgement(was, group)) {
        changes.push(changed(`group/${id}`, group && judgement(groupMemory(group))));
      }
      if (was?.progress !== group?.progress) {
        changes.push(changed(`progress/${id}`, group?.progress && progressMemory(group.progress)));
      }
      if (was?.past !== group?.past) changes.push(changed(`past/${id}`, group?.past));
      if (was?.shed !== group?.shed) changes.push(changed(`shed/${id}`, group?.shed));
    });
  }
  if (before.alone !== after.alone) {
    changedIn(before.alone, after.alone, isSameMember, (id, member) => {
      changes.push(changed(`alone/${id}`, member && memberMemory(member)));
    });
  }
  if (before.durations !== after.durations) changes.push(changed('durations', after.durations));
  return changes;
}

function devicesIn(before: State, after: State, changes: Change[]): void {
  changedIn(before.devices, after.devices, isSameDevice, (id, device) => {
    changes.push(changed(`power/${id}`, device?.power));
    changes.push(changed(`earlier/${id}`, device?.earlier));
    const was = before.devices.get(id);
    changes.push(changed(`quality/${id}`, device?.quality, !isCounted(was, device)));
    changes.push(changed(`battery/${id}`, device?.battery, !isTested(was, device)));
  });
}

/** Whether something was counted that nobody can count again, or the device has gone. */
const isCounted = (was: DeviceState | undefined, is: DeviceState | undefined): boolean =>
  is === undefined || (was !== undefined && was.quality.counters !== is.quality.counters);

/** Whether a test has begun or ended, or the device has gone. */
const isTested = (was: DeviceState | undefined, is: DeviceState | undefined): boolean =>
  is === undefined ||
  (was !== undefined && (was.battery.test !== is.battery.test || was.battery.lastTest !== is.battery.lastTest));

const changed = (key: string, value: unknown, slow = false): Change => ({ key, value, slow });

function changedIn<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  isSame: (was: T, is: T) => boolean,
  tell: (id: string, now: T | undefined) => void,
): void {
  for (const [id, now] of after) {
    const was = before.get(id);
    if (was !== now && (was === undefined || !isSame(was, now))) tell(id, now);
  }
  for (const id of before.keys()) if (!after.has(id)) tell(id, undefined);
}

const isSameDevice = (was: DeviceState, is: DeviceState): boolean =>
  was.power === is.power && was.earlier === is.earlier && was.quality === is.quality && was.battery === is.battery;

const isSameMember = (was: Member, is: Member): boolean =>
  was.holds === is.holds && was.stageHolds === is.stageHolds && was.fired === is.fired;

const isSameGroup = (was: GroupState, is: GroupState): boolean =>
  was.progress === is.progress && was.past === is.past && was.shed === is.shed && isSameJudgement(was, is);

/** What comes of runs has keys of its own: it changes with every step, or is long. */
const judgement = ({ progress: _, past: __, shed: ___, ...rest }: GroupMemory): GroupMemory => rest;

function isSameJudgement(was: GroupState, is: GroupState): boolean {
  if (was.run !== is.run || was.earlierRun !== is.earlierRun || was.silenced !== is.silenced) return false;
  if (was.disarmedUntil !== is.disarmedUntil || was.shortSince !== is.shortSince || was.told !== is.told) return false;
  if (was.members === is.members) return true;
  if (was.members.size !== is.members.size) return false;
  return [...is.members].every(([device, member]) => {
    const old = was.members.get(device);
    return old !== undefined && isSameMember(old, member);
  });
}

/** The keys that a whole memory fills. */
function* keysOf({ devices, groups, alone, durations }: Memory): Generator<readonly [key: string, value: string]> {
  for (const [id, { power, earlier, quality, battery }] of devices) {
    yield [`power/${id}`, toJson(power)];
    if (earlier !== undefined) yield [`earlier/${id}`, toJson(earlier)];
    yield [`quality/${id}`, toJson(quality)];
    yield [`battery/${id}`, toJson(battery)];
  }
  for (const [id, group] of groups) {
    yield [`group/${id}`, toJson(judgement(group))];
    if (group.progress !== undefined) yield [`progress/${id}`, toJson(group.progress)];
    if (group.past !== undefined) yield [`past/${id}`, toJson(group.past)];
    if (group.shed !== undefined) yield [`shed/${id}`, toJson(group.shed)];
  }
  for (const [id, member] of alone) yield [`alone/${id}`, toJson(member)];
  yield ['durations', toJson(durations)];
}

function recordsOf({ stamp: { at, wall }, facts, intents }: Transition): readonly Entry[] {
  const when = { at, wall };
  return [
    ...facts.map((fact: Fact): Entry => ({ kind: 'record', value: toJson({ ...when, fact }) })),
    ...intents.map((intent): Entry => ({ kind: 'record', value: toJson({ ...when, intent: briefly(intent) }) })),
  ];
}

/** An order as it is recorded: without what the configuration says as well, and without what a client sent. */
function briefly(intent: Intent): object {
  switch (intent.kind) {
    case 'run': {
      const { plan: _, undo: __, ...order } = intent;
      return order;
    }
    case 'restore': {
      const { undo: _, ...order } = intent;
      return order;
    }
    case 'answer':
      return { kind: intent.kind, request: intent.request.id, from: intent.request.from, status: intent.answer.status };
    case 'instruct':
    case 'reload':
    case 'call-off':
    case 'look':
    case 'hurry':
    case 'halt':
    case 'stop-restore':
      return intent;
    default:
      return never(intent);
  }
}
