import type { GroupState } from '../domain/groups.ts';
import { isIdle } from '../domain/plan.ts';
import type { Progress, Shed } from '../domain/progress.ts';
import type { Request } from '../domain/requests.ts';
import type { GroupSettings } from '../domain/settings.ts';
import type { State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import { answered, refusal } from './answers.ts';
import { type Decision, joined } from './decision.ts';
import { type Given, groupsOf, unknownGroup } from './given.ts';
import { effectOf } from './groups/effect.ts';
import { judgeGroup } from './groups/judge.ts';
import { hasMains } from './groups/run.ts';
import { isAtRest, restoreBegun, restoreStopped } from './pursuit/afterwards.ts';
import { takenBack } from './pursuit/pursue.ts';
import type { Pursued } from './pursuit/pursuit.ts';
import { isOnBattery, stagesToRestore } from './pursuit/restoring.ts';
import { isCutting } from './pursuit/standing.ts';

/** Brings back what a group has shut down, without waiting for its charge: a person says that it is time. */
export function onRestore(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const [group] = groupsOf(state, given) ?? [];
  const own = state.settings?.groups.find(({ id }) => id === group?.id);
  if (given['group'] === undefined || group === undefined || own === undefined) return unknownGroup(state, request);
  const not = (code: 'nothing-to-restore' | 'not-now' | 'wrong-value', why: string) =>
    answered(state, request, refusal(code, `${group.label}: ${why}`));
  const { blind = false } = given;
  if (typeof blind !== 'boolean') return not('wrong-value', 'write "blind" as true or false');
  const { progress, shed } = group;
  if (shed === undefined || progress === undefined) return not('nothing-to-restore', 'nothing of it is shut down');
  const why = whyNotNow({ state, group, own, progress, blind }, stamp);
  if (why !== undefined) return not('not-now', why);
  const free = group.run === undefined ? group : takenBack(group, group.run, shed);
  const begun = restoreBegun(own, free, progress, { stages: shed.stages, undo: shed.undo, asked: true });
  const { shed: _, ...rest } = free;
  const groups = new Map(state.groups).set(group.id, { ...rest, ...begun.pursuit });
  const data = { group: group.id, run: progress.run, stages: stagesToRestore(own, group) };
  const told = answered({ ...state, groups }, request, { status: 'ok', data });
  return joined({ state, intents: begun.intents, facts: begun.facts }, told);
}

interface Wanted {
  readonly state: State;
  readonly group: GroupState;
  readonly own: GroupSettings;
  readonly progress: Progress;
  /** Whether a person vouches for the mains: what reads the UPS may be among what is shut down. */
  readonly blind: boolean;
}

/** Why what a group has shut down cannot be brought back now, for people; undefined where it can. */
function whyNotNow({ state, group, own, progress, blind }: Wanted, stamp: Stamp): string | undefined {
  const { settings, devices } = state;
  const { run, earlierRun, resuming, plan, disarmedUntil } = group;
  if (progress.phase === 'restoring') return 'it is being brought back already';
  if (progress.phase === 'stopping') return 'what was stopped is not through yet';
  // What a person has shut down stands until a person takes it back: that is done here.
  const stands = run !== undefined && (run.kind !== 'request' || !isAtRest(progress));
  if (stands) return 'its shutdown is going on, cancel it first';
  if (resuming === true || earlierRun !== undefined) return 'it is not clear yet what the restart has left';
  if (isEnding(progress)) return 'this machine is going down';
  if (isCutting(own, progress, stamp.at)) return 'a UPS was told to switch off and may be about to';
  const label = (id: string) => devices.get(id)?.label ?? id;
  const out = own.feeds.find((id) => isOnBattery(devices.get(id)));
  if (out !== undefined) return `${label(out)} is on battery`;
  const unheard = own.feeds.filter((id) => !hasMains(devices.get(id)));
  if (!blind && own.feeds.length - unheard.length < own.minHealthy) {
    return `${unheard.map(label).join(', ')} does not say that the mains are there; if you have seen it, send "blind": true`;
  }
  if (isIdle(plan)) return 'the configuration has nothing to shut down any more';
  const effect = settings === undefined ? 'none' : effectOf(settings, plan, disarmedUntil, stamp.at);
  if (effect !== 'act') return effect === 'none' ? 'it is not armed' : 'the configuration says dry_run';
  return isCalledFor(state, group, own, stamp) ? 'its feeds call for a shutdown' : undefined;
}

/** Whether its halt was taken, and is ordered again until it happens or a person cancels. */
const isEnding = ({ halt, steps }: Progress): boolean => halt !== undefined && steps.get('host')?.state === 'done';

/** Whether it would be shut down again at once. */
function isCalledFor(state: State, group: GroupState, own: GroupSettings, stamp: Stamp): boolean {
  const { settings, listening } = state;
  if (settings === undefined || listening === undefined) return true;
  const { run: _, ...free } = group;
  return judgeGroup({ ...state, settings, listening }, own, free, stamp).group.run !== undefined;
}

/** Stops restores, and those that wait: what is left stays away until a person brings it back. */
export function cancelRestore(state: State, request: Request, named: readonly GroupState[]): Decision {
  const groups = new Map(state.groups);
  const stopped = named.flatMap((group): readonly Pursued[] => {
    const { progress, shed, run, earlierRun } = group;
    if (progress === undefined || shed === undefined) return [];
    const isWaiting = shed.held === undefined && (run ?? earlierRun) === undefined && isAtRest(progress);
    if (progress.phase !== 'restoring' && !isWaiting) return [];
    const left: Shed = { stages: shed.stages, undo: shed.undo, held: 'cancelled' };
    const one = restoreStopped({ ...group, shed: left }, progress, 'a person has cancelled it');
    groups.set(group.id, { ...group, ...one.pursuit });
    return [one];
  });
  if (stopped.length === 0) return answered(state, request, refusal('nothing-to-cancel', 'no restore is going on'));
  const cancelled = named.filter((group) => groups.get(group.id) !== group).map(({ id }) => id);
  const told = answered({ ...state, groups }, request, { status: 'ok', data: { cancelled } });
  const [intents, facts] = [stopped.flatMap((one) => one.intents), stopped.flatMap((one) => one.facts)];
  return joined({ state, intents, facts }, told);
}
