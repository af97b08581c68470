import { cut } from '../../domain/cut.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { ItemProgress, Progress, StepProgress } from '../../domain/progress.ts';
import type { Json } from '../../domain/requests.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { State } from '../../domain/state.ts';
import { formatSpan, type Instant, type Millis } from '../../domain/time.ts';
import { textOf } from './on-progress.ts';
import { stagesToRestore } from './restoring.ts';
import { isPastReturn, isRestoreKey, stageOfKey } from './standing.ts';
import { timeLeft } from './time-left.ts';

/** What is looked up beside the group itself. */
type Known = Pick<State, 'settings' | 'devices'>;

/** Characters that are shown of one text, of the end of an output, and of a line. */
const CUT = { text: 255, output: 500, line: 120 } as const;
/** Lines at most: together they fit into what Home Assistant's recorder keeps of an entity, 16 KiB. */
const MOST_LINES = 100;
/** Things within steps, of all steps together; every step shows a few. */
const ITEMS = { total: 1000, least: 10 } as const;
/** Estimates are told to this many milliseconds. */
const ROUGHLY = 10_000;

/** One step as it is shown: `waiting` may still begin, `not-begun` will not. */
interface Row {
  readonly key: string;
  readonly text: string;
  readonly state: StepProgress['state'] | 'waiting' | 'not-begun';
  /** Absent where it has not begun. */
  readonly step?: StepProgress;
}

/** How long the power of a group still lasts, while something was decided for it; undefined where nothing runs out. */
export function timeLeftOf({ id, run }: GroupState, { settings, devices }: Known, now: Instant): Millis | undefined {
  const own = settings?.groups.find((group) => group.id === id);
  return own === undefined || run === undefined ? undefined : timeLeft(own, run, devices, now);
}

/**
 * How far the last run of a group, or the restore after it, has come, for its topic: every key always there, `null` for
 * what there is not, spans in seconds. The keys are a contract.
 */
export function progressData(group: GroupState, known: Known, now: Instant): { readonly [key: string]: Json } {
  const { progress, shed } = group;
  const left = timeLeftOf(group, known, now);
  const settings = known.settings?.groups.find(({ id }) => id === group.id);
  const rows = progress === undefined ? [] : rowsOf(group, progress, settings);
  const restores = progress !== undefined && isRestore(progress);
  const subject = rows.filter(({ key }) => isRestoreKey(key) === restores);
  const counts = countsOf(subject);
  return {
    state: progress?.phase ?? 'idle',
    run: progress?.run ?? null,
    kind: progress?.kind ?? null,
    dry_run: progress?.dryRun ?? null,
    since: progress === undefined ? null : wallText(progress.wall),
    reason: progress === undefined ? null : reasonOf(group, progress),
    now: nowText(rows),
    percent: progress === undefined ? null : percentOf(counts),
    counts: progress === undefined ? null : { ...counts },
    time_left: left === undefined ? null : Math.round(left / ROUGHLY) * (ROUGHLY / 1000),
    hurried: progress?.hurried ?? null,
    halt: progress?.halt === undefined ? null : { act: progress.halt.act, since: wallText(progress.halt.wall) },
    past_return: progress === undefined ? null : isPastReturn(group.plan, progress),
    shed: shed === undefined ? null : { stages: [...shed.stages], held: shed.held ?? null },
    steps: rows.map((row) => stepData(row, Math.max(ITEMS.least, Math.floor(ITEMS.total / rows.length)))),
    lines: linesOf(rows),
  };
}

const wallText = (wall: number): string => new Date(wall).toISOString();

const isRestore = ({ phase, steps }: Progress): boolean =>
  phase === 'restoring' || phase === 'restored' || (phase !== 'running' && [...steps.keys()].some(isRestoreKey));

/** Of a run that an earlier version has begun nobody knows any more what had led to it. */
const reasonOf = ({ past }: GroupState, progress: Progress): string | null =>
  past?.find(({ run }) => run === progress.run)?.reason || null;

/** Every step of the run in the order of the plan, its halt, and those of the restore. */
function rowsOf(group: GroupState, progress: Progress, settings: GroupSettings | undefined): readonly Row[] {
  const { steps, phase } = progress;
  const begun = [...steps.keys()];
  const planned = plannedKeys(group, progress);
  const others = begun.filter((key) => !isRestoreKey(key) && !planned.includes(key));
  const restores = isRestore(progress);
  const toCome = settings === undefined || !restores ? [] : restoreKeys(group, settings);
  const keys = [...new Set([...others, ...planned, ...begun, ...toCome])];
  const goesOn = !restores && (phase === 'running' || phase === 'interrupted');
  const mayBegin = (key: string) => (isRestoreKey(key) ? phase === 'restoring' : goesOn);
  return keys.map((key): Row => {
    const text = settings === undefined ? key : cut(textOf(settings, key), CUT.text);
    const step = steps.get(key);
    if (step !== undefined) return { key, text, state: step.state, step };
    return { key, text, state: mayBegin(key) ? 'waiting' : 'not-begun' };
  });
}

/** What was ordered, or, of a run that is over, the stages that it has begun. */
function plannedKeys({ run, earlierRun, plan }: GroupState, progress: Progress): readonly string[] {
  const own = [run, earlierRun].find((one) => one?.id === progress.run);
  const begun = new Set([...progress.steps.keys()].filter((key) => !isRestoreKey(key)).map(stageOfKey));
  const stages = plan.stages.filter(({ name }) => begun.has(name) || own?.stages.includes(name) === true);
  const halts = begun.has(undefined) || own?.whole === true;
  const halt = plan.halt === undefined || !halts ? [] : [plan.halt];
  return [...stages.flatMap(({ steps }) => steps), ...halt].map(({ key }) => key);
}

const restoreKeys = (group: GroupState, settings: GroupSettings): readonly string[] =>
  stagesToRestore(settings, group).flatMap((name) =>
    settings.stages.filter((stage) => stage.name === name).flatMap(({ restore }) => restore.map(({ key }) => key)),
  );

interface Counts {
  readonly planned: number;
  readonly done: number;
  /** At their deadline, too. */
  readonly failed: number;
  readonly skipped: number;
  readonly running: number;
  readonly waiting: number;
}

function countsOf(rows: readonly Row[]): Counts {
  const count = (...states: readonly Row['state'][]) => rows.filter(({ state }) => states.includes(state)).length;
  return {
    planned: rows.length,
    done: count('done'),
    failed: count('failed', 'timed-out'),
    skipped: count('skipped'),
    running: count('running'),
    waiting: count('waiting'),
  };
}

const percentOf = ({ planned, done, failed, skipped }: Counts): number =>
  planned === 0 ? 100 : Math.floor((100 * (done + failed + skipped)) / planned);

/** More than these are only counted. */
const NAMED = 3;

function nowText(rows: readonly Row[]): string | null {
  const running = rows.filter(({ state }) => state === 'running').map(({ text }) => text);
  if (running.length === 0) return null;
  const more = running.length > NAMED ? ` and ${running.length - NAMED} more` : '';
  return `${cut(running.slice(0, NAMED).join('; '), CUT.text - more.length)}${more}`;
}

function stepData({ key, text, state, step }: Row, items: number): Json {
  const failed = state === 'failed' || state === 'timed-out';
  return {
    key,
    stage: stageOfKey(key) ?? null,
    text,
    state,
    since: step === undefined ? null : wallText(step.wall),
    took: step?.took === undefined ? null : Math.round(step.took / 100) / 10,
    result: step?.text === undefined ? null : cut(step.text, CUT.text),
    output: step?.output === undefined || !failed ? null : [...step.output].slice(-CUT.output).join(''),
    items: (step?.items ?? []).slice(-items).map(itemData),
  };
}

const itemData = ({ item, state, text }: ItemProgress): Json => ({
  item: cut(item, CUT.line),
  state,
  text: text === undefined ? null : cut(text, CUT.line),
});

/** One line a step; where there are too many, those that have not begun and then the oldest are left out. */
function linesOf(rows: readonly Row[]): readonly string[] {
  const shown = rows.length <= MOST_LINES ? rows : rows.filter(({ step }) => step !== undefined).slice(-MOST_LINES);
  return shown.map((row) => cut(lineOf(row), CUT.line));
}

function lineOf({ key, state, step }: Row): string {
  const span = step?.took === undefined ? '' : ` after ${formatSpan(step.took)}`;
  if (step?.text !== undefined) return `${key} ${state}${span}: ${step.text}`;
  const items = step?.items ?? [];
  if (items.length === 0) return `${key} ${state}`;
  const open = items.filter((one) => one.state === 'running').map(({ item }) => item);
  const rest = open.length === 0 ? '' : `: ${open.join(', ')}`;
  return `${key} ${state}, ${items.length - open.length} of ${items.length} through${rest}`;
}
