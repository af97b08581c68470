import { setTimeout as sleep } from 'node:timers/promises';
import { formatSpan, type Millis, seconds } from '../domain/time.ts';
import { isRestoreKey } from '../policy/pursuit/standing.ts';
import { type AnsweredProgress, answeredProgress } from './answered.ts';
import type { Bridge } from './ask.ts';

export interface FollowOptions {
  readonly bridge: Bridge;
  readonly group: string;
  /** The id of the run. */
  readonly run: string;
  /** Whether it is shut down, or brought back after that run. */
  readonly subject: 'shutdown' | 'restore';
  /** How long a bridge may give no answer: one that is started anew answers again. */
  readonly patience: Millis;
  /** Ends the following, and nothing else. */
  readonly signal: AbortSignal;
  readonly out: (line: string) => void;
}

/** Nothing shorter is of use to a reader. */
const EVERY = seconds(1);
/** A service manager has started a bridge anew within so long. */
const PATIENCE = seconds(30);

/** States of a step that nothing has happened to yet. */
const UNTOUCHED: readonly string[] = ['waiting', 'not-begun'];

/** Follows until Ctrl-C, which ends the telling alone. @returns the exit code of `follow` */
export async function followed(of: Omit<FollowOptions, 'patience' | 'signal'>): Promise<number> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once('SIGINT', end);
  try {
    return await follow({ ...of, patience: PATIENCE, signal: ending.signal });
  } finally {
    process.off('SIGINT', end);
  }
}

/**
 * Tells step by step how a run or a restore gets on, until it is through, another one has begun, the bridge is gone for
 * good, or nobody wants to know any more.
 *
 * @returns the exit code: 0 all was done, or is left to itself, 1 something was not, or nobody knows
 */
export async function follow(of: FollowOptions): Promise<number> {
  const { bridge, group, run, subject, patience, signal, out } = of;
  const tell = teller(out);
  let last: AnsweredProgress | undefined;
  let answered = performance.now();
  while (!signal.aborted) {
    const answer = await bridge.ask('progress', { group }, signal);
    const now = answer.ok ? answeredProgress(answer.value[group]) : undefined;
    if (signal.aborted) break;
    if (now === undefined) {
      const mayReturn = !answer.ok && answer.error.kind !== 'refused' && !last?.halt;
      if (!mayReturn || performance.now() - answered >= patience) {
        return gone(answer.ok ? 'its answer is not understood' : answer.error.text, last, out);
      }
      await sleep(EVERY, undefined, { signal }).catch(() => undefined);
      continue;
    }
    answered = performance.now();
    if (now.run !== run) {
      out(now.run === null ? 'the bridge knows nothing of it any more' : 'another shutdown of the group has begun');
      return 1;
    }
    const own = subject === 'shutdown' ? now : { ...now, steps: now.steps.filter(({ key }) => isRestoreKey(key)) };
    tell(own);
    last = now;
    if (isOver(now, subject)) return ended(own, out);
    await sleep(EVERY, undefined, { signal }).catch(() => undefined);
  }
  const which = subject === 'restore' ? ' --restore' : '';
  out(`it goes on; to call it off: gridwarden cancel ${group}${which}${bridge.option}`);
  return 0;
}

/** A restore that an outage or the end of the bridge has stopped begins again, unless it is held back. */
const isOver = ({ state, shed }: AnsweredProgress, subject: FollowOptions['subject']): boolean =>
  state === 'restored' || (state === 'ended' && (subject === 'shutdown' || shed === null || shed.held !== null));

/** Tells what has changed since it was told last. */
function teller(out: (line: string) => void): (now: AnsweredProgress) => void {
  const told = new Map<string, string>();
  const once = (key: string, line: string | undefined): void => {
    if (line === undefined || told.get(key) === line) return;
    told.set(key, line);
    out(line);
  };
  return ({ steps, hurried, past_return: isPast, halt }) => {
    for (const { key, text, state, took, result, items } of steps) {
      const span = took === null || took === 0 ? '' : ` in ${formatSpan(seconds(took))}`;
      const line = UNTOUCHED.includes(state) ? undefined : `${key} ${state}${span}: ${result ?? text}`;
      if (state === 'running') once(key, line);
      for (const item of items) {
        once(`${key} ${item.item}`, `  ${item.item}: ${item.state}${item.text === null ? '' : `, ${item.text}`}`);
      }
      if (state !== 'running') once(key, line);
    }
    once('hurried', hurried === null ? undefined : `hurried: ${hurried}`);
    once('past', isPast === true ? 'past its point of no return: it can no longer be called off' : undefined);
    once('halt', halt === null ? undefined : `the ${halt.act} of this machine is ordered`);
  };
}

/** The end of a machine ends the bridge as well, and this command soon after. */
function gone(why: string, last: AnsweredProgress | undefined, out: (line: string) => void): number {
  out(`${why}${last?.halt ? '; this machine is being ended' : ''}`);
  return last?.halt ? 0 : 1;
}

function ended({ state, steps }: AnsweredProgress, out: (line: string) => void): number {
  const counts = new Map<string, number>();
  for (const one of steps) counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
  out(`${state}: ${[...counts].map(([what, count]) => `${count} ${what}`).join(', ')}`);
  return steps.every((one) => one.state === 'done') ? 0 : 1;
}
