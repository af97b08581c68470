import type { Fact } from '../../domain/facts.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { Input } from '../../domain/inputs.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { ItemProgress, Progress, ProgressEvent, Shed, StepProgress, StepResult } from '../../domain/progress.ts';
import { never } from '../../domain/result.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { Durations, State } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { formatSpan, type Millis, type Stamp } from '../../domain/time.ts';
import { type Decision, unchanged } from '../decision.ts';
import { isRestoreKey, stageOfKey } from './standing.ts';

type Of<K extends ProgressEvent['kind']> = Extract<ProgressEvent, { readonly kind: K }>;

/** What durations are worth: the last five. */
const MEASURED = 5;
/** A timer may come so many milliseconds before its time. */
const EARLY = 10;

/** Takes in what the executor tells: how far the run has come, what it has taken away, and how long steps take. */
export function onProgress(state: State, input: Extract<Input, { kind: 'progressed' }>, stamp: Stamp): Decision {
  const { event, run } = input;
  const settings = state.settings?.groups.find(({ id }) => id === input.group);
  const before = state.groups.get(input.group);
  if (settings === undefined || before === undefined) return unchanged(state);
  const current = before.progress?.run === run ? before.progress : undefined;
  const progress = current && advanced(current, event, stamp, before.shed);
  const moved = progress === undefined || progress === current ? before : { ...before, progress };
  const group = withShed(moved, event, before.progress);
  // A run that is called off although it is over ends once more, which was told.
  const isNews = progress !== undefined && progress !== current;
  const facts = isNews ? factsOf(settings, group, progress, event, current?.phase === 'stopping') : [];
  const durations =
    current === undefined ? state.durations : learned(state.durations, settings, before.id, current, event);
  if (group === before && durations === state.durations) return { state, intents: [], facts };
  const groups = group === before ? state.groups : new Map(state.groups).set(before.id, group);
  return { state: { ...state, groups, durations }, intents: [], facts };
}

function advanced(progress: Progress, event: ProgressEvent, { at, wall }: Stamp, shed: Shed | undefined): Progress {
  switch (event.kind) {
    case 'begun': {
      const steps = new Map(progress.steps);
      steps.delete(event.step);
      steps.set(event.step, { state: 'running', since: at, wall, items: [] });
      const halt = event.act === undefined || progress.dryRun ? {} : { halt: { act: event.act, at, wall } };
      return { ...progress, steps, ...halt };
    }
    case 'item':
      return withStep(progress, event.step, (step) => withItem(step, event));
    case 'ended':
      return endedStep(progress, event, { at, wall });
    case 'run-ended':
      return progress.phase === 'running' || progress.phase === 'stopping' ? { ...progress, phase: 'ended' } : progress;
    case 'restore-ended':
      if (progress.phase === 'restoring') return { ...progress, phase: 'restored' };
      if (progress.phase !== 'stopping') return progress;
      // It was stopped at its very last step, which brought back the rest.
      return { ...progress, phase: shed === undefined ? 'restored' : 'ended' };
    case 'undo':
    case 'stage-restored':
      return progress;
    default:
      return never(event);
  }
}

function withStep(progress: Progress, key: string, change: (step: StepProgress) => StepProgress): Progress {
  const step = progress.steps.get(key);
  return step === undefined ? progress : { ...progress, steps: new Map(progress.steps).set(key, change(step)) };
}

function withItem(step: StepProgress, { item, state, text }: Of<'item'>): StepProgress {
  const index = step.items.findIndex((known) => known.item === item);
  if (index < 0 && step.items.length >= LIMITS.stepItems) return step;
  const now = { item, state, ...(text === undefined ? {} : { text }) };
  return { ...step, items: index < 0 ? [...step.items, now] : step.items.with(index, now) };
}

function endedStep(progress: Progress, event: Of<'ended'>, { at, wall }: Stamp): Progress {
  const { step: key, state, text, took, output } = event;
  const { since, wall: begun, items } = progress.steps.get(key) ?? { since: at, wall, items: [] };
  const measured = { ...(took === undefined ? {} : { took }), ...(output === undefined ? {} : { output }) };
  const step: StepProgress = {
    state,
    since,
    wall: begun,
    text,
    items: items.map((item) => overWith(item, state)),
    ...measured,
  };
  return { ...progress, steps: new Map(progress.steps).set(key, step) };
}

/** Nothing of a step runs on once it is over, as far as anybody knows. */
function overWith(item: ItemProgress, state: StepResult): ItemProgress {
  if (item.state !== 'running') return item;
  return state === 'done' ? { ...item, state } : { ...item, state: 'failed', text: 'not through when its step ended' };
}

/** What has to be brought back. Kept whatever run tells it: an older one may still be at its last step. */
function withShed(group: GroupState, event: ProgressEvent, progress: Progress | undefined): GroupState {
  const { shed, ...rest } = group;
  const next = shedAfter(shed, event, progress);
  if (next === shed) return group;
  return next === undefined ? rest : { ...rest, shed: next };
}

function shedAfter(shed: Shed | undefined, event: ProgressEvent, progress: Progress | undefined): Shed | undefined {
  switch (event.kind) {
    case 'begun': {
      const stage = stageOfKey(event.step);
      if (stage === undefined || isRestoreKey(event.step) || progress?.dryRun !== false) return shed;
      return withStage(shed, stage, progress.kind);
    }
    case 'undo':
      return shed === undefined ? shed : { ...shed, undo: new Map(shed.undo).set(event.step, event.undo) };
    case 'stage-restored':
      return without(shed, event.stage);
    case 'restore-ended':
      if (progress?.phase !== 'restoring') return shed;
      // What was to come back and has not is brought back by a person.
      return shed === undefined ? undefined : { stages: shed.stages, undo: shed.undo, held: 'failed' };
    case 'item':
    case 'ended':
    case 'run-ended':
      return shed;
    default:
      return never(event);
  }
}

/**
 * What is to be brought back once a step of a stage has begun. What a person has shut down stays down whatever follows; what
 * was held for another reason is brought back with all else.
 *
 * @param kind of the run that has begun it
 */
function withStage(shed: Shed | undefined, stage: string, kind: Progress['kind']): Shed {
  if (shed === undefined)
    return { stages: [stage], undo: new Map(), ...(kind === 'request' ? { held: 'by-hand' } : {}) };
  const { held, asked: _, ...rest } = shed;
  const stages = shed.stages.includes(stage) ? shed.stages : [...shed.stages, stage];
  const heldNow = kind === 'request' ? 'by-hand' : held === 'by-hand' ? held : undefined;
  if (stages === shed.stages && heldNow === held && shed.asked === undefined) return shed;
  return { ...rest, stages, ...(heldNow === undefined ? {} : { held: heldNow }) };
}

/** What is left once a stage is back; undefined where it is nothing. */
function without(shed: Shed | undefined, back: string): Shed | undefined {
  const stages = shed?.stages.filter((stage) => stage !== back) ?? [];
  if (shed === undefined || stages.length === 0) return undefined;
  const undo = new Map([...shed.undo].filter(([key]) => stageOfKey(key) !== back));
  return { ...shed, stages, undo };
}

/**
 * Only what was really done, or was not through at its deadline, says how long a step takes; one that was abandoned before
 * says nothing. How long a halt takes nobody sees.
 */
export function isTelling(settings: GroupSettings, key: string, state: StepResult, took: Millis): boolean {
  const deadline = stepOf(settings, key)?.deadline ?? took;
  return key !== 'host' && (state === 'done' || (state === 'timed-out' && took >= deadline - EARLY));
}

function learned(
  durations: Durations,
  settings: GroupSettings,
  group: string,
  { dryRun }: Progress,
  event: ProgressEvent,
): Durations {
  if (event.kind !== 'ended' || event.took === undefined || dryRun) return durations;
  const { step: key, state, took } = event;
  return isTelling(settings, key, state, took) ? measured(durations, `${group}/${key}`, took) : durations;
}

/** One more measurement of a step, by `<group>/<key>`. */
export function measured(durations: Durations, key: string, took: Millis): Durations {
  return new Map(durations).set(key, [...(durations.get(key) ?? []), took].slice(-MEASURED));
}

const LEVELS: Readonly<Record<StepResult, Fact['level']>> = {
  done: 'notice',
  failed: 'error',
  'timed-out': 'error',
  skipped: 'warning',
};

const ENDED_WHOLE = 'all that was ordered is through';
const ENDED_EARLY = 'called off, and what had begun is through';

/** @param wasStopped whether it was called off before */
function factsOf(
  settings: GroupSettings,
  { label, id, shed }: GroupState,
  progress: Progress,
  event: ProgressEvent,
  wasStopped: boolean,
): readonly Fact[] {
  const dry = progress.dryRun ? ' (dry run)' : '';
  const fact = (type: string, level: Fact['level'], text: string, details: Fact['details'] = {}): readonly Fact[] => [
    { type, group: id, level, text: `${label}${dry}: ${text}`, details: { run: progress.run, ...details } },
  ];
  switch (event.kind) {
    case 'begun': {
      const { step, act } = event;
      const text = act === 'reboot' ? 'reboot this host, the mains have held' : textOf(settings, step);
      return fact('step_begun', 'notice', `${step}: ${text}`, { step, ...(act === undefined ? {} : { act }) });
    }
    case 'ended': {
      const { step, state, text, took } = event;
      const span = took === undefined ? '' : ` after ${formatSpan(took)}`;
      const details = { step, state, ...(took === undefined ? {} : { took: Math.round(took) / 1000 }) };
      return fact(`step_${state.replace('-', '_')}`, LEVELS[state], `${step} ${state}${span}: ${text}`, details);
    }
    case 'run-ended':
      return fact('run_ended', 'warning', `${wasStopped ? ENDED_EARLY : ENDED_WHOLE}: ${countsOf(progress)}`);
    case 'restore-ended': {
      if (progress.phase !== 'restored') return [];
      if (shed === undefined) return fact('restore_ended', 'notice', 'what was shut down is brought back');
      const failed = [...progress.steps].filter(([key, { state }]) => isRestoreKey(key) && state !== 'done');
      const what =
        failed.length === 0 ? `${shed.stages.join(', ')} is not` : `${failed.map(([key]) => key).join(', ')} failed`;
      return fact('restore_ended', 'error', `the restore is through, but not all is brought back: ${what}`);
    }
    case 'item':
    case 'undo':
    case 'stage-restored':
      return [];
    default:
      return never(event);
  }
}

/** What a step does, for people. */
export const textOf = (settings: GroupSettings, key: string): string => stepOf(settings, key)?.text ?? key;

/** The step of a key, one of a restore and the halt as well; undefined where there is none. */
export function stepOf({ stages, halt }: GroupSettings, key: string): Step | undefined {
  if (halt?.key === key) return halt;
  const stage = stages.find(({ name }) => name === stageOfKey(key));
  return (isRestoreKey(key) ? stage?.restore : stage?.steps)?.find((step) => step.key === key);
}

function countsOf({ steps }: Progress): string {
  const counts = new Map<string, number>();
  for (const [key, { state }] of steps) if (!isRestoreKey(key)) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ') || 'nothing was left to do';
}
