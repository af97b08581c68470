import type { Json } from './requests.ts';
import type { Instant, Millis } from './time.ts';

/** How a step can end: carried out, not carried out, abandoned at its deadline, or never begun. A contract. */
export const STEP_RESULTS = ['done', 'failed', 'timed-out', 'skipped'] as const;
export type StepResult = (typeof STEP_RESULTS)[number];

/** One thing within a step: a VM, a container, a mount, an action. */
export interface ItemProgress {
  readonly item: string;
  readonly state: 'running' | 'done' | 'failed' | 'skipped';
  /** Why, for people; absent where the state says all. */
  readonly text?: string;
}

/** How far one step has come. */
export interface StepProgress {
  readonly state: 'running' | StepResult;
  /** When it began, or was skipped, by both clocks. */
  readonly since: Instant;
  readonly wall: number;
  /** How long it took; absent while it runs, and where it never began. */
  readonly took?: Millis;
  /** What was done, or why it was not, one line for people; absent while it runs. */
  readonly text?: string;
  /** The end of what programs or the other side said; absent where there was nothing. Not remembered over a restart. */
  readonly output?: string;
  /** What it is made of, in the order in which it was first told. Not remembered over a restart. */
  readonly items: readonly ItemProgress[];
}

/** How the machine is ended: for good, or only to come back because the mains are there again. */
export type LastAct = 'halt' | 'reboot';

/** How far a run has come, and the restore after it. Kept until the next run of the group begins. */
export interface Progress {
  /** The run's id. */
  readonly run: string;
  readonly kind: 'outage' | 'fsd' | 'quorum' | 'request';
  readonly dryRun: boolean;
  /** When the run began, milliseconds since 1970. */
  readonly wall: number;
  /**
   * `stopping`: called off, and what had begun is still running. `ended`: nothing runs any more, and nothing will be begun.
   * `interrupted`: the process or the machine died in it.
   */
  readonly phase: 'running' | 'stopping' | 'ended' | 'interrupted' | 'restoring' | 'restored';
  /** By key, in the order in which they began; those of the restore behind those of the run. */
  readonly steps: ReadonlyMap<string, StepProgress>;
  /** Since when the time left is about what the halt needs; absent while there is more. */
  readonly shortSince?: Instant;
  /** Why steps are skipped so that the halt comes in time; absent while there is time. */
  readonly hurried?: string;
  /** The halt that was issued last; absent before. Still alive long after it means that it did not happen. */
  readonly halt?: { readonly act: LastAct; readonly at: Instant; readonly wall: number };
}

/**
 * Why what was taken away stays away: a person has shut it down, or has cancelled its restore, or its restore has failed.
 * The latter two hold until the next outage takes something away. A contract.
 */
export const HELD_BY = ['by-hand', 'cancelled', 'failed'] as const;
export type HeldBy = (typeof HELD_BY)[number];

/** What runs have taken away and nothing has brought back yet. Outlives runs, restarts and reboots. */
export interface Shed {
  /** Stages of which a step has begun, in the order of their beginning. */
  readonly stages: readonly string[];
  /** What the steps have left for their restore, by step key. */
  readonly undo: ReadonlyMap<string, Json>;
  /** A person wants it back: neither its charge nor a restart of this program is waited for. */
  readonly asked?: true;
  /** Why it is not brought back by itself, but only by a person, or when this machine is started again; absent while it is. */
  readonly held?: HeldBy;
}

/** What looking at a step has shown, without carrying it out. */
export interface StepLook {
  /** Whether nothing was found that would keep it from being carried out. */
  readonly ok: boolean;
  /** What would, or what was seen, one line for people. No secrets. */
  readonly text: string;
  readonly took: Millis;
}

/** A step as the last looks at it have left it. */
export interface StepReadiness extends StepLook {
  /** When it was looked at last, milliseconds since 1970. */
  readonly wall: number;
  /** Looks in a row that were not ok. */
  readonly failures: number;
  /** Whether it was told that it is not ready; one failure after a success may be a blink. */
  readonly toldUnready: boolean;
}

/** What the executor tells of a run as it happens. */
export type ProgressEvent =
  /** Told before anything is done. */
  | { readonly kind: 'begun'; readonly step: string; readonly act?: LastAct }
  | ({ readonly kind: 'item'; readonly step: string } & ItemProgress)
  /** What restore will need, told before it is taken away. */
  | { readonly kind: 'undo'; readonly step: string; readonly undo: Json }
  | {
      readonly kind: 'ended';
      readonly step: string;
      readonly state: StepResult;
      readonly text: string;
      /** Absent where it never began. */
      readonly took?: Millis;
      readonly output?: string;
    }
  /** Every step of the restore of a stage was carried out: nothing of it has to be brought back any more. */
  | { readonly kind: 'stage-restored'; readonly stage: string }
  /** Nothing of what was ordered is left to do. */
  | { readonly kind: 'run-ended' }
  | { readonly kind: 'restore-ended' };

/** Whether this is how far that run has come, and not what another one has left: only then is it taken up with it. */
export const isProgressOf = (
  { run }: Progress,
  decided: { readonly id: string; readonly effect: 'act' | 'dry-run' | 'none' } | undefined,
): boolean => decided?.id === run && decided.effect !== 'none';

/** A run that nobody is at work on any more, though some of it was when its process died. */
export function cutShort(progress: Progress): Progress {
  const steps = [...progress.steps].map(([key, step]): readonly [string, StepProgress] =>
    step.state === 'running' ? [key, { ...step, state: 'failed', text: 'cut short: the process ended' }] : [key, step],
  );
  return { ...progress, phase: 'ended', steps: new Map(steps) };
}

/**
 * A run of before the machine was started anew. What was stopped may have been started again with it, so that a run
 * which goes on does so from its first step.
 *
 * @param goesOn whether it may still go on
 */
export function rebooted({ halt: _, hurried: __, shortSince: ___, ...progress }: Progress, goesOn: boolean): Progress {
  return goesOn ? { ...progress, phase: 'interrupted', steps: new Map() } : cutShort(progress);
}
