import { setMaxListeners } from 'node:events';
import { LIMITS } from '../domain/limits.ts';
import type { ItemProgress, StepResult } from '../domain/progress.ts';
import type { Json } from '../domain/requests.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../domain/time.ts';
import type { Finding, Outcome, StepContext } from './step.ts';

/** How one act ended, as it is told. */
export interface Acted {
  readonly state: Exclude<StepResult, 'skipped'>;
  readonly text: string;
  readonly output?: string;
  readonly undo?: Json;
  /** It was the run of another group that did it, or was waited for. */
  readonly elsewhere?: true;
}

/** What an act may take, and who may end it before. */
export interface Bounds {
  readonly deadline: Millis;
  /** Aborts when the step is abandoned before its deadline; its reason is a sentence part for people. */
  readonly abandon: AbortSignal;
}

/** What a runner has to do after its signal aborts is done by then; one that is not is left alone. */
const GRACE = seconds(2);
const LONGEST_TEXT = 500;

/**
 * Carries out one act within its bounds: it always comes back, whatever the runner does: late, hung, or throwing.
 *
 * @param run gets a signal of its own, which aborts at the deadline or when the act is abandoned
 */
export async function actWithin(
  { deadline, abandon }: Bounds,
  run: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Acted> {
  if (abandon.aborted) return { state: 'timed-out', text: `abandoned: ${abandon.reason}` };
  const controller = new AbortController();
  // A step may have hundreds of things under way, each of which listens.
  setMaxListeners(0, controller.signal);
  let why: string | undefined;
  let grace: NodeJS.Timeout | undefined;
  let giveUp: () => void = () => undefined;
  const left = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });
  const end = (reason: string): void => {
    if (why !== undefined) return;
    why = reason;
    controller.abort();
    grace = setTimeout(giveUp, GRACE);
  };
  const timer = setTimeout(() => end(`not through after ${formatSpan(deadline)}`), deadline);
  const abandoned = (): void => end(`abandoned: ${abandon.reason}`);
  abandon.addEventListener('abort', abandoned, { once: true });
  try {
    const outcome = await Promise.race([guarded(run, controller.signal), left]);
    return actedOf(outcome, why);
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    abandon.removeEventListener('abort', abandoned);
  }
}

async function guarded(run: (signal: AbortSignal) => Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  try {
    return await run(signal);
  } catch (thrown) {
    return { kind: 'failed', text: `internal error: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}

function actedOf(outcome: Outcome | undefined, ended: string | undefined): Acted {
  if (outcome === undefined) return { state: 'timed-out', text: `${ended ?? 'ended'}; it does not come back` };
  const { kind, text, output, undo } = outcome;
  const rest = {
    ...(output === undefined ? {} : { output: output.slice(-LIMITS.stepOutput) }),
    ...(undo === undefined ? {} : { undo }),
  };
  const line = text.replace(/\s+/g, ' ').trim().slice(0, LONGEST_TEXT);
  if (ended !== undefined && kind === 'failed') return { state: 'timed-out', text: `${ended}; ${line}`, ...rest };
  return { state: kind, text: line, ...rest };
}

/** What a rehearsal in the place of an act comes to. */
export function rehearsed(text: string, findings: readonly Finding[]): Outcome {
  const bad = findings.filter(({ ok }) => !ok);
  if (bad.length === 0) return { kind: 'done', text: `would ${text}` };
  const why = bad.map((finding) => `${finding.what}: ${finding.text}`).join('; ');
  return { kind: 'failed', text: `would ${text}, and would have trouble: ${why}` };
}

/** A rehearsal looks, and is not waited for as long as an act. */
export const REHEARSAL = seconds(30);
export const rehearsalWithin = (deadline: Millis): Millis => asMillis(Math.min(deadline, REHEARSAL));

/** Takes what a runner tells and keeps while it acts; what comes after the act is over is not passed on. */
export interface Told {
  readonly item: (item: ItemProgress) => void;
  readonly undo: (undo: Json) => void;
}

/** The context of a runner. */
export function contextOf(signal: AbortSignal, told: Told, undo: Json | undefined): StepContext {
  return {
    signal,
    progress: (item) => told.item(item),
    note: (kept) => told.undo(kept),
    ...(undo === undefined ? {} : { undo }),
  };
}
