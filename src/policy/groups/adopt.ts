import type { GroupState, Member } from '../../domain/groups.ts';
import { cutShort, isProgressOf, type Progress, rebooted } from '../../domain/progress.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { GroupMemory, State } from '../../domain/state.ts';
import { unjudged } from './judge.ts';

/**
 * A group as a configuration names it: as it was where it was there already, as an earlier process has left it where
 * one has, else with nothing known.
 *
 * After a reboot a run waits for a proof, and conditions that were about to fire begin anew; what a person has ordered
 * goes on.
 */
export function adopted(state: State, settings: GroupSettings): GroupState {
  const before = state.groups.get(settings.id);
  if (before !== undefined) return withoutOldLooks(before, settings);
  const fresh = unjudged(settings, state.durations);
  const { memory } = state;
  if (memory === undefined) return fresh;
  const kept = memory.groups.get(settings.id);
  if (kept === undefined) return fresh;
  return memory.boot === 'same' ? asKept(fresh, settings, kept) : afterReboot(fresh, kept);
}

/** What was seen of steps that the configuration no longer has stands in nobody's way. */
function withoutOldLooks(group: GroupState, { stages, halt }: GroupSettings): GroupState {
  const { looked } = group;
  if (looked === undefined) return group;
  const steps = stages.flatMap((stage) => [...stage.steps, ...stage.restore]);
  const keys = new Set([...steps.map(({ key }) => key), halt?.key]);
  if ([...looked.keys()].every((key) => keys.has(key))) return group;
  return { ...group, looked: new Map([...looked].filter(([key]) => keys.has(key))) };
}

function asKept(fresh: GroupState, settings: GroupSettings, kept: GroupMemory): GroupState {
  const { members, told, ...rest } = kept;
  const remembered = settings.feeds.flatMap((device) => {
    const holds = members.get(device);
    return holds === undefined ? [] : [[device, { ...unseen(device), ...holds }] as const];
  });
  const { run, earlierRun, progress } = rest;
  const goesOn = run !== undefined || earlierRun !== undefined;
  return {
    ...fresh,
    ...rest,
    ...(progress === undefined ? {} : { progress: leftBy(progress, isProgressOf(progress, run ?? earlierRun)) }),
    ...(goesOn ? { resuming: true } : {}),
    // That it is not ready is told at every start.
    ...(told === undefined ? {} : { told: { ...told, ready: true } }),
    members: new Map(remembered),
  };
}

/** A feed of which nothing was heard. */
export const unseen = (device: string): Member => ({
  device,
  class: 'unknown',
  verdicts: [],
  holds: {},
  meets: [],
  stageHolds: {},
});

/** What the executor of an earlier process of this boot was at. A step that was running is run once more. */
function leftBy({ hurried: _, ...progress }: Progress, goesOn: boolean): Progress {
  if (progress.phase === 'ended' || progress.phase === 'restored') return progress;
  return goesOn ? { ...progress, phase: 'interrupted' } : cutShort(progress);
}

function afterReboot(fresh: GroupState, kept: GroupMemory): GroupState {
  const { run, earlierRun, progress, past, shed, silenced, disarmedUntil } = kept;
  const waits = run ?? earlierRun;
  return {
    ...fresh,
    ...(waits === undefined ? {} : { earlierRun: waits, resuming: true }),
    ...(progress === undefined ? {} : { progress: rebooted(progress, isProgressOf(progress, waits)) }),
    ...(past === undefined ? {} : { past }),
    ...(shed === undefined ? {} : { shed: { stages: shed.stages, undo: shed.undo } }),
    ...(silenced === undefined ? {} : { silenced }),
    ...(disarmedUntil === undefined ? {} : { disarmedUntil }),
  };
}
