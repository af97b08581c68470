import { answeredPlan } from './answered.ts';
import { type Bridge, openBridge } from './ask.ts';
import { followed } from './follow.ts';
import { planBody, planHead } from './plan.ts';
import { isConfirmed, openPrompt } from './prompt.ts';

/** What `gridwarden shutdown` is given. */
export interface ShutdownOptions {
  readonly group: string;
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** The group once more: the typed confirmation of scripts. */
  readonly yes?: string;
  /** Whether to tell how it gets on, until it is through. */
  readonly follow: boolean;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden shutdown`: the whole plan of a group by the running bridge, as an outage would, once its name has been
 * typed again.
 *
 * @returns the exit code: 0 done, or begun and left to itself, 1 not done, 2 the configuration cannot be read
 */
export async function shutdown(options: ShutdownOptions): Promise<number> {
  const { group, config, out } = options;
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  if (!(await isWanted(bridge, options))) return 1;
  const begun = await bridge.ask('shutdown', { group, confirm: group });
  const run = begun.ok ? begun.value['run'] : undefined;
  if (!begun.ok || typeof run !== 'string') {
    out(`not begun: ${begun.ok ? 'the answer of the bridge is not understood' : begun.error.text}`);
    return 1;
  }
  out(`${group}: run ${run} has begun; to call it off: gridwarden cancel ${group}${bridge.option}`);
  return options.follow ? await followed({ bridge, group, run, subject: 'shutdown', out }) : 0;
}

/** Shows what would happen now, and asks. */
async function isWanted(bridge: Bridge, { group, yes, out }: ShutdownOptions): Promise<boolean> {
  const answer = await bridge.ask('plan', { group });
  const shown = answer.ok ? answeredPlan(group, answer.value[group]) : undefined;
  if (shown === undefined) {
    out(answer.ok ? 'the plan of the running bridge is not understood: it is of another version' : answer.error.text);
    return false;
  }
  const { plan, effect, notReady } = shown;
  for (const line of [planHead(plan, effect), ...planBody(plan)]) out(line);
  for (const reason of notReady) out(`  not ready: ${reason}`);
  if (effect === 'none') {
    out('nothing was done');
    return false;
  }
  const purpose = effect === 'act' ? 'to shut it down now' : 'to go through it now, as a dry run';
  const prompt = openPrompt();
  try {
    return await isConfirmed({ word: group, purpose, yes, prompt, out });
  } finally {
    prompt.close();
  }
}
