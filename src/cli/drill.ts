import type { Loaded } from '../config/read.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Rehearsable, rehearse } from '../shutdown/rehearsal.ts';
import { configured } from './configured.ts';
import { executeStep } from './drill-execute.ts';
import { rehearsedLines } from './found.ts';
import { learnedDurations } from './learned.ts';
import { needsOf, openLook, stepsIn } from './look.ts';
import { planLines } from './plan.ts';
import { openPrompt } from './prompt.ts';

/** What `gridwarden drill` is given. */
export interface DrillOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Absent: every group. */
  readonly group?: string;
  /** With `execute`: the key of the step to carry out. */
  readonly step?: string;
  readonly execute?: true;
  /** The key of the step once more: the typed confirmation of scripts. */
  readonly yes?: string;
  /** With `execute`: JSON of what an earlier drill has left. */
  readonly undo?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden drill`: looks at every step without harm, or really carries out one.
 *
 * @returns the exit code: 0 all as it should be, 1 something is not, or was not done, 2 a faulty configuration or use
 */
export async function drill(options: DrillOptions): Promise<number> {
  const { config, group, out } = options;
  const wrong = misuse(options);
  if (wrong !== undefined) {
    out(wrong);
    return 2;
  }
  const loaded = await configured(config, out);
  if (loaded === undefined) return 2;
  const { groups } = loaded.configuration;
  if (group !== undefined && groups[group] === undefined) {
    const known = Object.keys(groups).join(', ');
    out(`there is no group ${group}${known === '' ? '' : ` (there is ${known})`}`);
    return 2;
  }
  if (options.execute !== true || group === undefined || options.step === undefined) {
    return await rehearsal(loaded, group, out);
  }
  const prompt = openPrompt();
  try {
    return await executeStep({ ...options, loaded, group, step: options.step, prompt });
  } finally {
    prompt.close();
  }
}

function misuse({ execute, group, step, yes, undo }: DrillOptions): string | undefined {
  if (execute === true)
    return group === undefined || step === undefined ? '--execute: name a group and a step' : undefined;
  if (step !== undefined) return `${step}: only with --execute, which really carries it out`;
  if (yes !== undefined || undo !== undefined) return `${yes === undefined ? '--undo' : '--yes'}: only with --execute`;
  return undefined;
}

async function rehearsal(loaded: Loaded, only: string | undefined, out: (line: string) => void): Promise<number> {
  const { configuration, settings } = loaded;
  const chosen = Object.entries(configuration.groups).filter(([id]) => only === undefined || id === only);
  const durations = await learnedDurations(configuration.stateDir);
  const look = await openLook(loaded, { ...needsOf(stepsIn(chosen.map(([, group]) => group))), durations });
  try {
    const { signal } = new AbortController();
    const found = await rehearse(new Map<string, Rehearsable>(chosen), look.runners, { now: systemClock.now, signal });
    for (const [id] of chosen) {
      const own = found.filter(({ part }) => part.group === id);
      out(`group ${id}: ${own.length === 0 ? 'nothing to rehearse' : 'nothing is changed'}`);
      for (const line of own.flatMap(rehearsedLines)) out(line);
      out('');
    }
    const groups = settings.groups.filter(({ id }) => chosen.some(([one]) => one === id));
    for (const line of planLines({ ...settings, groups }, durations)) out(line);
    const bad = found.filter(({ ok }) => !ok);
    out('');
    if (bad.length === 0) out(`ok: all ${found.length} steps are as they should be`);
    else
      out(
        `not ok: ${bad.length} of ${found.length} steps: ${bad.map(({ part }) => `${part.group} ${part.key}`).join(', ')}`,
      );
    return bad.length === 0 ? 0 : 1;
  } finally {
    await look.close();
  }
}
