import type { Loaded } from '../config/read.ts';
import type { PastRun, PastStep } from '../domain/past-run.ts';
import type { Log } from '../domain/ports.ts';
import type { GroupSettings } from '../domain/settings.ts';
import type { GroupMemory } from '../domain/state.ts';
import { asMillis, formatSpan } from '../domain/time.ts';
import { withProgress } from '../policy/pursuit/past.ts';
import { configured } from './configured.ts';
import { rememberedIn, SILENT } from './learned.ts';

/** What `gridwarden runs` is given. */
export interface RunsOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Absent: every group. */
  readonly group?: string;
  /** Number in the list or id of the run that is shown step by step; absent: all, in short. */
  readonly run?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden runs`: the past runs of groups, as the bridge has put them on record, whether it runs or not.
 *
 * @returns the exit code: 0 shown, 1 no such run or nothing can be read, 2 a faulty configuration or use
 */
export async function runs({ config, group, run, out }: RunsOptions): Promise<number> {
  const loaded = await configured(config, out);
  if (loaded === undefined) return 2;
  const { groups } = loaded.settings;
  const chosen = groups.filter(({ id }) => group === undefined || id === group);
  if (group !== undefined && chosen.length === 0) {
    const known = groups.map(({ id }) => id).join(', ');
    out(`there is no group ${group}${known === '' ? '' : ` (there is ${known})`}`);
    return 2;
  }
  const memory = await recordOf(loaded, out);
  if (memory === 'unreadable') return 1;
  const [only] = chosen;
  if (only === undefined) out('no groups: nothing is ever shut down');
  if (run === undefined || only === undefined) {
    const lists = chosen.map((one) => listLines(one, pastOf(memory?.get(one.id))));
    for (const line of lists.flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines))) out(line);
    return 0;
  }
  const past = pastOf(memory?.get(only.id));
  const found = past.find((one, index) => one.run === run || `${index + 1}` === run);
  if (found === undefined) {
    out(`there is no run ${run} of ${only.id}; gridwarden runs ${only.id} shows those that are known`);
    return 1;
  }
  for (const line of runLines(only, found)) out(line);
  return 0;
}

/** What is remembered of the groups, by id. Why it cannot be read is told. */
async function recordOf(
  { configuration }: Loaded,
  out: (line: string) => void,
): Promise<ReadonlyMap<string, GroupMemory> | undefined | 'unreadable'> {
  let isTold = false;
  const error = (text: string): void => {
    isTold = true;
    out(text);
  };
  const log: Log = { ...SILENT, error };
  const memory = await rememberedIn(configuration.stateDir, log);
  return memory === undefined && isTold ? 'unreadable' : memory?.groups;
}

/** The one that goes on, or is being brought back, is ahead of what was put down of it last. */
function pastOf(group: GroupMemory | undefined): readonly PastRun[] {
  const { past = [], progress } = group ?? {};
  return past.map((run) => (run.run === progress?.run ? withProgress(run, progress) : run));
}

const titleOf = ({ id, label }: GroupSettings): string => `group ${id}${label === undefined ? '' : ` (${label})`}`;

/** The runs of one group for people, each with what went wrong in it. */
export function listLines(group: GroupSettings, past: readonly PastRun[]): readonly string[] {
  if (past.length === 0) return [`${titleOf(group)}: no run is known`];
  return [
    `${titleOf(group)}: ${past.length === 1 ? 'one run' : `the last ${past.length} runs, the newest first`}`,
    ...past.flatMap((run, index) => [
      `  ${index + 1}. ${headLine(run)}`,
      ...[...reasonLines(run), countsLine(run)].map((line) => `       ${line}`),
      ...[...run.steps, ...run.restore].filter(isFailed).map((step) => `       NOT OK  ${stepText(step)}`),
    ]),
  ];
}

/** One run for people, step by step. */
export function runLines(group: GroupSettings, run: PastRun): readonly string[] {
  const { steps, restore } = run;
  const stepLine = (step: PastStep) => `    ${momentOf(step.wall).slice(11, 19)}  ${stepText(step)}`;
  return [
    `${titleOf(group)}: ${run.run}`,
    ...[headLine(run), ...reasonLines(run), countsLine(run)].map((line) => `  ${line}`),
    ...steps.map(stepLine),
    ...(restore.length === 0 ? [] : ['  brought back:', ...restore.map(stepLine)]),
  ];
}

const momentOf = (wall: number): string => `${new Date(wall).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

const KINDS: Readonly<Record<PastRun['kind'], string>> = {
  outage: 'outage',
  fsd: 'forced shutdown',
  quorum: 'too few feeds',
  request: 'request of a person',
};

function headLine(run: PastRun): string {
  const dry = run.dryRun ? ' (dry run)' : '';
  const back = run.restored === undefined ? '' : `, brought back by ${momentOf(run.restored)}`;
  return `${momentOf(run.wall)}, ${KINDS[run.kind]}${dry}: ${endText(run)}${back}`;
}

function endText({ wall, until, outcome, why }: PastRun): string {
  if (outcome === undefined) return 'has not ended yet';
  const span = until === undefined ? '' : ` after ${formatSpan(asMillis(until - wall))}`;
  return `${outcome.replace('-', ' ')}${span}${why === undefined ? '' : `, ${why}`}`;
}

const reasonLines = ({ reason }: PastRun): readonly string[] => (reason === '' ? [] : [reason]);

function countsLine({ steps, restore }: PastRun): string {
  const counted = (all: readonly PastStep[]): string => {
    const states = [...new Set(all.map(({ state }) => state))];
    return states.map((state) => `${all.filter((step) => step.state === state).length} ${state}`).join(', ');
  };
  const back = restore.length === 0 ? '' : `; of the restore ${counted(restore)}`;
  return `steps: ${counted(steps) || 'none'}${back}`;
}

const isFailed = ({ state }: PastStep): boolean => state === 'failed' || state === 'timed-out';

function stepText({ key, state, took, text }: PastStep): string {
  const span = took === undefined ? '' : ` after ${formatSpan(took)}`;
  return `${key} ${state}${span}${text === undefined ? '' : `: ${text}`}`;
}
