import { proofOf } from '../../analysis/power/evidence.ts';
import type { Fact } from '../../domain/facts.ts';
import type { GroupState, Run } from '../../domain/groups.ts';
import type { Intent } from '../../domain/intents.ts';
import type { Plan } from '../../domain/plan.ts';
import { cutShort, isProgressOf, type Progress, type Shed } from '../../domain/progress.ts';
import type { DeviceState } from '../../domain/state.ts';
import { after, formatSpan, type Stamp, seconds } from '../../domain/time.ts';
import { causeText } from '../groups/run.ts';
import { afterwards, stopRestore } from './afterwards.ts';
import { haltedAgain } from './halted-again.ts';
import { type Pursued, type Pursuing, type Pursuit, pursuitOf } from './pursuit.ts';
import { isOnBattery } from './restoring.ts';
import { isRestoreKey, isUnderWay, stageOfKey } from './standing.ts';
import { timeLeft } from './time-left.ts';

/**
 * Orders what a decision needs to be carried out, to its end: runs, what hastens them, the halt once more where it did
 * not happen, and the restore after the outage.
 */
export function pursue(of: Pursuing, stamp: Stamp): Pursued {
  const { step, before } = of;
  const pursuit = pursuitOf(before);
  switch (step.kind) {
    case 'begun':
    case 'more':
      return step.run.effect === 'none' ? { pursuit, intents: [], facts: [] } : takenUp(of, step.run, stamp);
    case 'called-off':
      return calledOff(before, step.run, step.why);
    case 'same':
      if (before.resuming) return resumed(of, step.run, stamp);
      return isReplanned(of, step.run) ? takenUp(of, step.run, stamp) : goingOn(of, step.run, stamp);
    case 'finished':
    case 'none':
      return afterwards(of, stamp);
  }
}

/** Whether a reload has changed what a run that goes on is made of: the hand that carries it out has to know. */
function isReplanned({ before, plan }: Pursuing, { id, effect }: Run): boolean {
  if (before.plan === plan || effect === 'none' || before.progress?.run !== id) return false;
  return keysOf(before.plan) !== keysOf(plan);
}

const keysOf = ({ stages, halt }: Plan): string =>
  [...stages.flatMap(({ steps }) => steps), ...(halt === undefined ? [] : [halt])].map(({ key }) => key).join(' ');

function begun(of: Pursuing, run: Run, { wall }: Stamp): Pursued {
  const { before } = of;
  const dryRun = run.effect === 'dry-run';
  const progress: Progress = { run: run.id, kind: run.kind, dryRun, wall, phase: 'running', steps: new Map() };
  const stopped = stopRestore(before, 'a shutdown was decided');
  const shed = before.shed === undefined ? {} : { shed: before.shed };
  return {
    pursuit: { progress, ...shed },
    intents: [...stopped, orderOf(of, run, progress)],
    facts: [],
  };
}

/** A new run, more of one, or one that an earlier process has begun. */
function takenUp(of: Pursuing, run: Run, stamp: Stamp): Pursued {
  const { resuming: _, ...pursuit } = pursuitOf(of.before);
  const { progress } = pursuit;
  if (progress?.run !== run.id) return begun(of, run, stamp);
  return {
    // A person may have made it whole: it is a person's from then on.
    pursuit: { ...pursuit, progress: { ...progress, kind: run.kind, phase: 'running' } },
    intents: [orderOf(of, run, progress)],
    facts: [],
  };
}

/** The order that begins a run, adds to it, or takes it up where an earlier process left it. */
function orderOf({ before, plan }: Pursuing, run: Run, { steps }: Progress): Intent {
  const done = [...steps].flatMap(([key, { state }]) => (state === 'running' ? [] : [key]));
  return {
    kind: 'run',
    group: before.id,
    run: run.id,
    plan,
    stages: run.stages,
    halt: run.whole && plan.halt !== undefined,
    dryRun: run.effect === 'dry-run',
    reason: causeText(run.cause, (device) => device) || 'a person has asked for it',
    done,
    undo: before.shed?.undo ?? new Map(),
  };
}

function calledOff(before: GroupState, run: Run, why: string): Pursued {
  const { resuming: _, ...pursuit } = pursuitOf(before);
  if (run.effect === 'none') return { pursuit, intents: [], facts: [] };
  const intents: readonly Intent[] = [{ kind: 'call-off', group: before.id, run: run.id, reason: why }];
  return { pursuit: stoppedAs(pursuit, run, before.resuming === true), intents, facts: [] };
}

/**
 * A group whose decision a person has taken back.
 *
 * @param shed what is left to bring back, with what holds it back from now on; undefined where nothing is
 */
export function takenBack(before: GroupState, run: Run, shed: Shed | undefined): GroupState {
  const { run: _, earlierRun: __, resuming, shed: ___, progress, ...group } = before;
  return {
    ...group,
    ...stoppedAs(progress === undefined ? {} : { progress: withoutHalt(progress) }, run, resuming === true),
    ...(shed === undefined ? {} : { shed }),
  };
}

/** What is left to bring back once a person cancels a run, undefined where nothing is: what a person had ordered is ordered no more, and comes back like all else. */
export function shedAfterCancel({ shed }: GroupState, { kind }: Run): Shed | undefined {
  return shed === undefined || kind !== 'request' ? shed : { stages: shed.stages, undo: shed.undo };
}

/** What a person has taken back does not end the machine later. */
const withoutHalt = ({ halt: _, ...progress }: Progress): Progress => progress;

/** A run that is called off: what has begun runs to its end, unless nothing has been begun in this process. */
function stoppedAs(pursuit: Pursuit, run: Run, interrupted: boolean): Pursuit {
  const { progress } = pursuit;
  if (!isUnderWay(progress) || !isProgressOf(progress, run)) return pursuit;
  return { ...pursuit, progress: interrupted ? cutShort(progress) : { ...progress, phase: 'stopping' } };
}

/** Whether the last reading itself says so, and not what is remembered. */
const provesBattery = (device: DeviceState | undefined): boolean =>
  device?.reading !== undefined && proofOf(device.reading) === 'battery';

/** So long after a start every feed can have answered. */
const ANSWERED = seconds(5);
/** And so long after it mains that are there have held, or are none that hold. */
const SETTLED = seconds(15);

/**
 * A run of an earlier process of this boot goes on as soon as battery is proved, or nobody says anything. While mains are
 * there it waits for them to hold, which calls it off, but not for long.
 */
function resumed(of: Pursuing, run: Run, stamp: Stamp): Pursued {
  const { before, settings, devices, listening } = of;
  const pursuit = pursuitOf(before);
  const { at } = stamp;
  const caused = run.cause.map(({ device }) => device).filter((id) => settings.feeds.includes(id));
  const watched = (caused.length > 0 ? caused : settings.feeds).map((id) => devices.get(id));
  const isHeard = (device: DeviceState | undefined) =>
    device?.reading !== undefined && device.reading.at >= listening.since;
  const proves = watched.some((device) => isHeard(device) && isOnBattery(device) && provesBattery(device));
  const mains = watched.some((device) => isHeard(device) && device?.power.fed === 'mains');
  const isTime = at >= after(listening.since, mains ? SETTLED : ANSWERED);
  if (!proves && !isTime) return { pursuit, intents: [], facts: [] };
  if (run.effect === 'none' || isThrough(of, run)) {
    const { resuming: _, ...rest } = pursuit;
    return { pursuit: rest, intents: [], facts: [] };
  }
  const text = `${before.label}: the shutdown that was going on before a restart goes on`;
  const fact: Fact = { type: 'resumed', group: before.id, level: 'warning', text, details: { run: run.id } };
  const taken = takenUp(of, run, stamp);
  return { ...taken, facts: [fact, ...taken.facts] };
}

/**
 * Whether all that was ordered is through. What is through may be less than that: more was ordered, and the process died
 * before any of it had begun.
 */
function isThrough({ plan, before: { progress } }: Pursuing, run: Run): boolean {
  if (progress?.run !== run.id || progress.phase !== 'ended') return false;
  const keys = [...progress.steps.keys()].filter((key) => !isRestoreKey(key));
  const begun = new Set(keys.map(stageOfKey));
  const ordered = plan.stages.filter(({ name, steps }) => steps.length > 0 && run.stages.includes(name));
  const isHalted = !run.whole || plan.halt === undefined || begun.has(undefined);
  return isHalted && ordered.every(({ name }) => begun.has(name));
}

/** A single reading that says there is no time left may be none; one that counts down is known before. */
const SURE = seconds(3);

function goingOn(of: Pursuing, run: Run, stamp: Stamp): Pursued {
  const { before, plan, settings, devices } = of;
  const { progress } = before;
  const pursuit = pursuitOf(before);
  const quiet: Pursued = { pursuit, intents: [], facts: [] };
  if (progress === undefined || progress.dryRun || run.effect !== 'act') return quiet;
  if (progress.halt !== undefined && plan.halt !== undefined) return haltedAgain(of, progress, stamp);
  if (!run.whole || plan.halt === undefined || progress.phase !== 'running' || progress.hurried !== undefined)
    return quiet;
  const left = timeLeft(settings, run, devices, stamp.at);
  const needs = plan.halt.worst;
  const { shortSince, ...calm } = progress;
  if (left === undefined || left > needs + SURE) {
    return shortSince === undefined ? quiet : { ...quiet, pursuit: { ...pursuit, progress: calm } };
  }
  const since = shortSince ?? stamp.at;
  if (left > needs || stamp.at < after(since, SURE)) {
    return { ...quiet, pursuit: { ...pursuit, progress: { ...progress, shortSince: since } } };
  }
  const reason = `${formatSpan(left)} are left, and the halt needs ${formatSpan(needs)}`;
  const text = `${before.label}: time runs out, what is left of the plan is skipped: ${reason}`;
  return {
    pursuit: { ...pursuit, progress: { ...calm, hurried: reason } },
    intents: [{ kind: 'hurry', group: before.id, run: run.id, reason }],
    facts: [{ type: 'hurried', group: before.id, level: 'error', text, details: { run: run.id } }],
  };
}
