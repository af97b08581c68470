import type { Loaded } from '../config/read.ts';
import type { ItemProgress } from '../domain/progress.ts';
import type { Json } from '../domain/requests.ts';
import { formatSpan } from '../domain/time.ts';
import { systemClock } from '../runtime/clock.ts';
import { carryOutAlone, type Part, partsOf, restoresOf, type Tried } from '../shutdown/rehearsal.ts';
import { bridgeOf } from './ask.ts';
import { needsOf, openLook } from './look.ts';
import { isConfirmed, type Prompt } from './prompt.ts';

/** What one step is really carried out with. */
export interface ExecuteOptions {
  readonly loaded: Loaded;
  /** Is there. */
  readonly group: string;
  /** The key of the step as it was given. */
  readonly step: string;
  /** The key once more, by a script; absent: a person types it. */
  readonly yes?: string;
  /** JSON of what an earlier drill has left. */
  readonly undo?: string;
  readonly prompt: Prompt;
  readonly out: (line: string) => void;
}

/**
 * Carries out one step once it has been confirmed by its own key, and offers the same for what brings it back.
 *
 * @returns the exit code: 0 done, 1 failed or not confirmed, 2 a step that is not there, or a wrong use
 */
export async function executeStep(options: ExecuteOptions): Promise<number> {
  const { loaded, group: id, step, yes, out } = options;
  const group = loaded.configuration.groups[id];
  const parts = group === undefined ? [] : partsOf(id, group);
  const part = parts.find(({ key }) => key === step);
  if (group === undefined || part === undefined) {
    out(`group ${id} has no step ${step} (it has ${parts.map(({ key }) => key).join(', ') || 'none'})`);
    return 2;
  }
  const undo = parsed(options.undo);
  if (!undo.ok) {
    out('--undo: is not JSON, write it as the drill of the step has printed it');
    return 2;
  }
  if (loaded.configuration.dryRun) {
    out(`${loaded.file}: dry_run: nothing is really carried out while it is set; a drill without --execute looks`);
    return 1;
  }
  out(`${id} ${step}: ${part.text}, at most ${formatSpan(part.deadline)}; this is no rehearsal`);
  const { prompt } = options;
  if (!(await isConfirmed({ word: part.key, purpose: 'to carry it out', yes, prompt, out }))) return 1;
  const tried = await carryOut(part, undo.value, options);
  let ok = tried.state === 'done';
  for (const restore of restoresOf(part, id, group)) {
    const back = await broughtBack(restore, tried.undo, options);
    ok &&= back;
  }
  return ok ? 0 : 1;
}

function parsed(text: string | undefined): { readonly ok: boolean; readonly value?: Json } {
  if (text === undefined) return { ok: true };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

async function carryOut(part: Part, undo: Json | undefined, { loaded, out }: ExecuteOptions): Promise<Tried> {
  const steps = 'step' in part.does ? [part.does.step] : [];
  const look = await openLook(loaded, { ...needsOf(steps), durations: new Map() });
  const ending = new AbortController();
  const end = (): void => ending.abort('a person has ended it');
  process.once('SIGINT', end);
  try {
    const tried = await carryOutAlone(part, look.runners, {
      now: systemClock.now,
      signal: ending.signal,
      progress: (item) => out(itemLine(item)),
      ...(undo === undefined ? {} : { undo }),
    });
    out(`${tried.state} in ${formatSpan(tried.took)}: ${tried.text}`);
    for (const line of tried.output?.split('\n') ?? []) out(`  | ${line}`);
    if (tried.undo !== undefined) out(`left for its restore: ${JSON.stringify(tried.undo)}`);
    await tellBridge(part, tried, { loaded, out });
    return tried;
  } finally {
    process.off('SIGINT', end);
    await look.close();
  }
}

/** Plans reckon with what steps took: the bridge that runs here keeps it. */
async function tellBridge(
  { group, key }: Part,
  { state, took }: Tried,
  { loaded, out }: Pick<ExecuteOptions, 'loaded' | 'out'>,
): Promise<void> {
  if (state !== 'done' && state !== 'timed-out') return;
  const bridge = bridgeOf(loaded.configuration.stateDir);
  const answer = await bridge.ask('measured', { group, step: key, state, took: took / 1000 });
  if (!answer.ok) out(`what it took is not kept: ${answer.error.text}`);
  else if (answer.value['kept'] === true) out('what it took is kept: plans reckon with it from now on');
}

const itemLine = ({ item, state, text }: ItemProgress): string =>
  `  ${item}: ${state}${text === undefined ? '' : `, ${text}`}`;

/** Offers one step of the restore. True where it was carried out, or was not wanted. */
async function broughtBack(restore: Part, undo: Json | undefined, options: ExecuteOptions): Promise<boolean> {
  const { out, prompt, group, yes, loaded } = options;
  const { key, text } = restore;
  const given = undo === undefined ? '' : ` --undo '${JSON.stringify(undo).replaceAll("'", "'\\''")}'`;
  const later = `to do it later: gridwarden drill --config ${loaded.file} --execute ${group} ${key}${given}`;
  if (yes !== undefined) {
    out(`${key} brings it back (${text}); ${later}`);
    return true;
  }
  const typed = await prompt.ask(`Type ${key} to bring it back now (${text}), anything else to leave it: `);
  if (typed !== key) {
    out(`left as it is; ${later}`);
    return true;
  }
  return (await carryOut(restore, undo, options)).state === 'done';
}
