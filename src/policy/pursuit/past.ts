import { cut } from '../../domain/cut.ts';
import type { GroupState } from '../../domain/groups.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { PastRun, PastStep, RunOutcome } from '../../domain/past-run.ts';
import { cutShort, type Progress, type StepProgress } from '../../domain/progress.ts';
import type { State } from '../../domain/state.ts';
import { asMillis, type Stamp } from '../../domain/time.ts';
import type { Decision } from '../decision.ts';
import { causeText } from '../groups/run.ts';
import { isRestoreKey, isUnderWay } from './standing.ts';

/** What a group's progress was before one input and is after it. */
interface Change {
  readonly was: Progress | undefined;
  readonly is: Progress;
  /** Where an earlier process, or an earlier boot, has left it: as it was, and how it had ended if it does not go on. */
  readonly left: Left | undefined;
  /** Whether something of it is still to be brought back. */
  readonly isShed: boolean;
  /** What led to it; undefined where nobody knows any more. */
  readonly reason: string | undefined;
  /** Why it was called off by this input. */
  readonly off: string | undefined;
}

interface Left {
  readonly progress: Progress;
  readonly outcome: RunOutcome;
  readonly until: number;
}

const NONE: readonly PastRun[] = [];

/**
 * Keeps the last runs of every group: each is put down as it begins, as it ends in whatever way, and as it is brought back.
 * Steps are put down then only, and not one by one: all of it is written anew each time.
 *
 * @param before the state before the input that has led to the decision
 */
export function withPast(before: State, { state, intents }: Decision, { wall }: Stamp): State {
  let groups: Map<string, GroupState> | undefined;
  for (const [id, group] of state.groups) {
    // What an earlier process has left of a group that is taken over by this very input.
    const kept = before.memory?.groups.get(id)?.progress;
    const was = before.groups.get(id)?.progress ?? kept;
    const is = group.progress;
    if (is === undefined || is === was) continue;
    const left = kept === undefined ? undefined : leftBy(kept, before.memory?.boot === 'new');
    const [off] = intents.flatMap((one) => (one.kind === 'call-off' && one.run === is.run ? [one.reason] : []));
    const reason = reasonOf(group, is.run, state.devices);
    const past = pastAfter(group.past ?? NONE, { was, is, left, isShed: group.shed !== undefined, reason, off }, wall);
    if (past === (group.past ?? NONE)) continue;
    groups ??= new Map(state.groups);
    groups.set(id, { ...group, past });
  }
  return groups === undefined ? state : { ...state, groups };
}

function reasonOf({ run, earlierRun }: GroupState, id: string, devices: State['devices']): string | undefined {
  const own = [run, earlierRun].find((one) => one?.id === id);
  if (own === undefined) return undefined;
  const text = causeText(own.cause, (device) => devices.get(device)?.label ?? device) || 'a person has asked for it';
  return cut(text, LIMITS.value);
}

function pastAfter(past: readonly PastRun[], change: Change, wall: number): readonly PastRun[] {
  const { was, is } = change;
  const isNext = was !== undefined && was.run !== is.run;
  const closed = isNext ? past.map((one) => (one.run === was.run ? replaced(one, was, wall) : one)) : past;
  const known = closed.find(({ run }) => run === is.run);
  // Nobody knows how one has ended that an earlier version had not put down by then.
  if (known === undefined && !isUnderWay(was) && !isUnderWay(is)) return closed;
  const now = recordOf(known, change, wall);
  return now === known ? closed : [now, ...closed.filter((one) => one !== known)].slice(0, LIMITS.pastRuns);
}

/** What is put down of a run now; what was, where there is nothing new. */
function recordOf(known: PastRun | undefined, change: Change, wall: number): PastRun {
  const { was, is, left, reason = known?.reason ?? '' } = change;
  const isMoved = was?.run !== is.run || was.phase !== is.phase;
  if (known !== undefined && !isMoved && known.reason === reason) return known;
  const { run, kind, dryRun, wall: since } = is;
  const begun: PastRun = { run, kind, dryRun, wall: since, steps: [], restore: [], ...known, reason };
  if (is.phase === 'running') return goingOn(begun);
  // What a reboot has left is shown as it was before it, and not as it is to be taken up.
  const ended = endedAs(withProgress(begun, left?.progress ?? is), change, wall);
  return is.phase === 'restored' && !change.isShed ? { ...ended, restored: wall } : ended;
}

const goingOn = ({ outcome: _, until: __, why: ___, ...run }: PastRun): PastRun => run;

function endedAs(run: PastRun, { left, off }: Change, wall: number): PastRun {
  if (off !== undefined && run.outcome !== 'carried-out') {
    return { ...run, outcome: 'called-off', until: wall, why: off };
  }
  if (run.outcome !== undefined) return run;
  const { outcome, until } = left ?? { outcome: 'carried-out', until: wall };
  return { ...run, outcome, until };
}

/** @param isReboot whether the machine was started anew since: where it was told to halt, it went down as it should */
function leftBy(was: Progress, isReboot: boolean): Left {
  const { steps } = cutShort(was);
  const moments = [...was.steps.values()].map((step) => Math.round(step.wall + (step.took ?? 0)));
  const until = Math.max(was.wall, ...moments);
  if (!isReboot || was.halt === undefined) return { progress: { ...was, steps }, outcome: 'interrupted', until };
  const host = was.steps.get('host');
  const isCut = host?.state === 'running';
  const down = isCut
    ? new Map(steps).set('host', { ...host, state: 'done', text: 'the machine has gone down' })
    : steps;
  return { progress: { ...was, steps: down }, outcome: 'carried-out', until };
}

/** A run in whose place another has begun: nobody hears any more how what still ran has ended. */
function replaced(run: PastRun, was: Progress, wall: number): PastRun {
  const ends = { outcome: 'called-off', until: wall, why: 'another run was decided' } as const;
  const steps = stepsOf(was).map(
    (step): PastStep =>
      step.state === 'running' ? { ...step, state: 'failed', text: 'still ran when the next run began' } : step,
  );
  return withSteps(run.outcome === undefined ? { ...run, ...ends } : run, steps);
}

/** A run with what is known of its steps by now. @param progress of this very run */
export const withProgress = (run: PastRun, progress: Progress): PastRun => withSteps(run, stepsOf(progress));

const stepsOf = ({ steps }: Progress): readonly PastStep[] => [...steps].map(([key, step]) => pastStep(key, step));

const pastStep = (key: string, { state, wall, took, text }: StepProgress): PastStep => ({
  key,
  state,
  wall,
  ...(took === undefined ? {} : { took: asMillis(Math.round(took)) }),
  ...(text === undefined ? {} : { text: cut(text, LIMITS.value) }),
});

/** A run that was taken up after a reboot has some steps from before it. */
function withSteps(run: PastRun, steps: readonly PastStep[]): PastRun {
  const isRestore = ({ key }: PastStep) => isRestoreKey(key);
  return {
    ...run,
    steps: bounded(
      run.steps,
      steps.filter((step) => !isRestore(step)),
    ),
    restore: bounded(run.restore, steps.filter(isRestore)),
  };
}

/** Where there are too many, those that went well are left out first. */
function bounded(before: readonly PastStep[], now: readonly PastStep[]): readonly PastStep[] {
  const keys = new Set(now.map(({ key }) => key));
  const all = [...before.filter(({ key }) => !keys.has(key)), ...now];
  if (all.length <= LIMITS.pastSteps) return all;
  const failed = all.filter(({ state }) => state !== 'done');
  return [...failed, ...all.filter(({ state }) => state === 'done')].slice(0, LIMITS.pastSteps);
}
