import type { GroupId } from '../domain/names.ts';
import type { Plan } from '../domain/plan.ts';
import type { ProgressEvent } from '../domain/progress.ts';
import type { Json } from '../domain/requests.ts';
import type { StepConfig } from './schema.ts';
import type { HostConfig } from './steps/host/schema.ts';

/** What there is to do for a group, secrets included. */
export interface GroupWork {
  readonly stages: readonly {
    readonly name: string;
    readonly steps: readonly StepConfig[];
    readonly restore: readonly StepConfig[];
  }[];
  readonly host?: HostConfig;
}

/** What one group is at: a run, or a restore. */
export interface Work {
  readonly kind: 'run' | 'restore';
  readonly group: GroupId;
  readonly run: string;
  /** Aborts what is under way, with a sentence part for people as its reason: time runs out, or the process ends. */
  readonly hurry: AbortController;
  /** Calls those who wait for something else: called off, or in a hurry. */
  readonly stirred: AbortController;
  /** Absent for a restore. */
  plan?: Plan;
  /** In their order. */
  stages: readonly string[];
  /** Whether the halt follows. */
  halt: boolean;
  readonly dryRun: boolean;
  /** Keys of steps that are over, or were skipped. */
  readonly done: Set<string>;
  /** Those of them that were not carried out to their end. */
  readonly undone: Set<string>;
  /** By step key. */
  readonly undo: ReadonlyMap<string, Json>;
  calledOff?: string;
  /** Nothing but the halt is left: it needs this machine no more. */
  atHalt: boolean;
  /** Nothing is left. */
  over: boolean;
}

/** What an order says of a piece of work. */
export type Ordered = Pick<Work, 'kind' | 'group' | 'run' | 'stages'> &
  Partial<Pick<Work, 'plan' | 'halt' | 'dryRun' | 'undo'>> & { readonly done?: Iterable<string> };

export function newWork({ done, ...ordered }: Ordered): Work {
  return {
    halt: false,
    dryRun: false,
    undo: new Map(),
    ...ordered,
    hurry: new AbortController(),
    stirred: new AbortController(),
    done: new Set(done),
    undone: new Set(),
    atHalt: false,
    over: false,
  };
}

/** Why nothing more is begun, as a sentence part for people; undefined while steps may be. */
export const stopReason = ({ hurry, calledOff }: Work): string | undefined =>
  hurry.signal.aborted ? `${hurry.signal.reason}` : calledOff;

/** The first stage that was ordered and has something left. */
export function nextStage({ plan, stages, done }: Work): Plan['stages'][number] | undefined {
  return plan?.stages.find(({ name, steps }) => stages.includes(name) && steps.some(({ key }) => !done.has(key)));
}

/** Nothing more of it is begun. The first reason counts. */
export function stop(work: Work, reason: string): void {
  work.calledOff ??= reason;
  work.stirred.abort();
}

/** What is told although the process ends: what has happened has happened. */
export const isStillTold = (event: ProgressEvent): boolean =>
  event.kind === 'item' || event.kind === 'undo' || (event.kind === 'ended' && event.state === 'done');

/**
 * What the step that a step of `restore` restores has left: the one of the same name, else the first of the same kind.
 *
 * @param steps of the stage
 * @param undo by step key
 */
export function undoFor(
  { kind, step }: StepConfig,
  steps: readonly StepConfig[],
  undo: ReadonlyMap<string, Json>,
): Json | undefined {
  const own = step.key.replace('/restore/', '/');
  const alike = steps.filter((one) => one.kind === kind).map((one) => one.step.key);
  return undo.get(alike.includes(own) ? own : (alike.find((key) => undo.has(key)) ?? own));
}
