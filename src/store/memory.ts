import type { GroupState, Run } from '../domain/groups.ts';
import type { DeviceId, GroupId } from '../domain/names.ts';
import { isProgressOf, type Progress, rebooted } from '../domain/progress.ts';
import {
  type DeviceMemory,
  type DeviceState,
  type GroupMemory,
  type MemberMemory,
  type Memory,
  type State,
  UNHEARD,
} from '../domain/state.ts';
import type { Instant } from '../domain/time.ts';
import { MEMORY } from './memory-shape.ts';

/**
 * What has to outlive the process, as it is now: what is known of devices and groups that are there, and what an earlier
 * process has kept of those that are not there yet.
 *
 * @param at now, on the monotonic clock
 */
export function memoryOf(state: State, at: Instant): Memory {
  const { memory } = state;
  const kept = memory === undefined ? undefined : memory.boot === 'new' ? awaitingProof(memory) : memory;
  return {
    devices: merged(kept?.devices, state.devices, deviceMemory),
    groups: merged(kept?.groups, state.groups, groupMemory),
    alone: merged(kept?.alone, state.alone, memberMemory),
    durations: state.durations.size === 0 && kept !== undefined ? kept.durations : state.durations,
    at,
  };
}

/** What is remembered of one device. */
export const deviceMemory = ({ power, earlier, quality, battery }: DeviceState): DeviceMemory => ({
  power,
  ...(earlier === undefined ? {} : { earlier }),
  quality,
  battery,
});

/** What is remembered of one group. */
export function groupMemory({
  run,
  earlierRun,
  progress,
  past,
  shed,
  silenced,
  disarmedUntil,
  shortSince,
  members,
  told,
}: GroupState): GroupMemory {
  return {
    ...(run === undefined ? {} : { run }),
    ...(earlierRun === undefined ? {} : { earlierRun }),
    ...(progress === undefined ? {} : { progress: progressMemory(progress) }),
    ...(past === undefined ? {} : { past }),
    ...(shed === undefined ? {} : { shed }),
    ...(silenced === undefined ? {} : { silenced }),
    ...(disarmedUntil === undefined ? {} : { disarmedUntil }),
    ...(shortSince === undefined ? {} : { shortSince }),
    members: new Map([...members].map(([device, member]) => [device, memberMemory(member)])),
    told,
  };
}

/** How far a run has come, without what is only watched. */
export function progressMemory(progress: Progress): Progress {
  const steps = [...progress.steps].map(([key, { output: _, ...step }]) => [key, { ...step, items: [] }] as const);
  return { ...progress, steps: new Map(steps) };
}

/** What is remembered of one feed, or of a device that no group names. */
export const memberMemory = ({ holds, stageHolds, fired }: MemberMemory): MemberMemory => ({
  holds,
  stageHolds,
  ...(fired === undefined ? {} : { fired }),
});

/**
 * The memory with every instant moved by so many milliseconds: by `-memory.at`, the last moment of the process that kept
 * it becomes moment 0 of another clock.
 */
export const shifted = (memory: Memory, by: number): Memory => MEMORY.moved(memory, by);

function merged<T, M>(
  kept: ReadonlyMap<string, M> | undefined,
  there: ReadonlyMap<string, T>,
  memoryIn: (one: T) => M,
): ReadonlyMap<DeviceId | GroupId, M> {
  const now = [...there].map(([id, one]) => [id, memoryIn(one)] as const);
  return new Map([...[...(kept ?? [])].filter(([id]) => !there.has(id)), ...now]);
}

/** What another boot has left, as it is kept in this one: after one more restart it still has to wait for proof. */
export function awaitingProof(memory: Memory): Memory {
  return {
    ...memory,
    devices: new Map([...memory.devices].map(([id, device]) => [id, waitingDevice(device)])),
    groups: new Map([...memory.groups].map(([id, group]) => [id, waitingGroup(group)])),
  };
}

function waitingDevice({ power, earlier, quality, battery }: DeviceMemory): DeviceMemory {
  const left = Object.keys(power).length > 0 ? power : earlier;
  return { power: UNHEARD.power, ...(left === undefined ? {} : { earlier: left }), quality, battery };
}

function waitingGroup({ run, earlierRun, progress, shed, ...rest }: GroupMemory): GroupMemory {
  const left: Run | undefined = run ?? earlierRun;
  return {
    ...rest,
    ...(left === undefined ? {} : { earlierRun: left }),
    ...(progress === undefined ? {} : { progress: rebooted(progress, isProgressOf(progress, left)) }),
    ...(shed === undefined ? {} : { shed: { stages: shed.stages, undo: shed.undo } }),
  };
}
