import { cut } from '../domain/cut.ts';
import type { PastRun, PastStep } from '../domain/past-run.ts';
import type { Json } from '../domain/requests.ts';
import { wallText } from './moments.ts';

/** Characters that are shown of a reason, and of a key and a text of a step. */
const CUT = { reason: 160, step: 100 } as const;
/** Steps that are named of one run, those of its restore among them. */
const NAMED = 10;
/** Bytes of all runs together: of an entity Home Assistant's recorder keeps 16 KiB of attributes, and there are others. */
const MOST = 15 * 1024;

/**
 * The last runs of a group, for its topic, newest first: every key always there, `null` for what there is not. Of too much
 * the oldest are left out. The keys are a contract.
 */
export function runsPayload(past: readonly PastRun[] = []): string {
  const [last] = past;
  const runs: Json[] = [];
  let size = 0;
  for (const run of past.map(runData)) {
    size += Buffer.byteLength(JSON.stringify(run)) + 1;
    if (size > MOST) break;
    runs.push(run);
  }
  return JSON.stringify({ since: timeOf(last?.wall), outcome: last?.outcome ?? null, runs });
}

const timeOf = (wall: number | undefined): string | null => (wall === undefined ? null : wallText(wall));

function runData({ run, kind, dryRun, wall, until, outcome, why, restored, reason, steps, restore }: PastRun): Json {
  const count = (...states: readonly PastStep['state'][]) => steps.filter(({ state }) => states.includes(state)).length;
  return {
    run,
    kind,
    dry_run: dryRun,
    since: wallText(wall),
    until: timeOf(until),
    outcome: outcome ?? null,
    reason: reason === '' ? null : cut(reason, CUT.reason),
    why: why === undefined ? null : cut(why, CUT.reason),
    restored: timeOf(restored),
    counts: { done: count('done'), failed: count('failed', 'timed-out'), skipped: count('skipped') },
    failed: [...steps, ...restore].filter(isFailed).slice(0, NAMED).map(stepData),
  };
}

const isFailed = ({ state }: PastStep): boolean => state === 'failed' || state === 'timed-out';

const stepData = ({ key, state, text }: PastStep): Json => ({
  step: cut(key, CUT.step),
  state,
  text: text === undefined ? null : cut(text, CUT.step),
});
