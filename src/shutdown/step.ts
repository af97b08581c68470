import type { ItemProgress } from '../domain/progress.ts';
import type { Json } from '../domain/requests.ts';

/** How a step ended. A throw of a runner is a bug of ours and counts as `failed`. */
export interface Outcome {
  readonly kind: 'done' | 'failed';
  /** One line for people: what was done, or why it was not. No secrets. */
  readonly text: string;
  /** The end of what the programs or the other side said, at most `LIMITS.stepOutput` characters, no secrets. Absent: nothing. */
  readonly output?: string;
  /** What `restore` needs to bring back what this took away, such as names of VMs that ran. Absent: nothing to bring back. */
  readonly undo?: Json;
}

/** What a runner is given beside its configuration. */
export interface StepContext {
  /** Aborts at the deadline of the step, or when it is abandoned: end at once, leave no child, socket or timer behind. */
  readonly signal: AbortSignal;
  /** Told as it happens; never throws, never waits. */
  readonly progress: (item: ItemProgress) => void;
  /**
   * Keeps what `restore` will need, told before anything is taken away: a process that is killed in the middle of a step
   * would not come to its `Outcome.undo`. The newest counts; never throws, never waits.
   */
  readonly note: (undo: Json) => void;
  /**
   * For a step of `restore`: what the step that it restores has left. For any other: what an earlier try of it has left
   * that was not restored since, to be part of what this one leaves. Absent where nothing was kept.
   */
  readonly undo?: Json;
}

/** One thing that a rehearsal has found out, without harm. */
export interface Finding {
  /** What was looked at, such as `ssh nas.lan`, `sudo`, `compose file /srv/x.yml`. */
  readonly what: string;
  readonly ok: boolean;
  /** What was seen, one line for people. */
  readonly text: string;
}

/** How one kind of step is carried out. */
export interface StepRunner<C> {
  /** Carries it out. Comes back when it has ended, or soon after the signal aborts. */
  readonly run: (config: C, context: StepContext) => Promise<Outcome>;
  /** Looks whether it could be carried out: reads only, changes nothing. */
  readonly probe: (config: C, signal: AbortSignal) => Promise<readonly Finding[]>;
}
