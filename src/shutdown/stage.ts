import type { PlannedStep } from '../domain/plan.ts';
import { turn } from './pause.ts';

/** So many steps of a stage are carried out side by side at most; more wait for one to end. */
const AT_ONCE = 200;

/**
 * Carries out the steps of a stage side by side, each after those it waits for. Resolves when all that were begun are over.
 *
 * Steps that wait for one another in a circle, which the configuration does not allow, are begun all the same once nothing
 * else is left: a stage always ends.
 *
 * @param act never rejects
 * @param mayBegin asked before each step is begun; once it says no, the rest is left
 * @returns the steps that were not begun
 */
export async function runStage<S extends Pick<PlannedStep, 'key' | 'after'>>(
  steps: readonly S[],
  act: (step: S) => Promise<void>,
  mayBegin: () => boolean,
): Promise<readonly S[]> {
  const open = new Map(steps.map((step) => [step.key, step]));
  const running = new Map<string, Promise<string>>();
  const isReady = ({ after }: S): boolean => after.every((key) => !open.has(key) && !running.has(key));
  while (mayBegin() && open.size > 0) {
    const ready = [...open.values()].filter(isReady);
    const next = ready.length === 0 && running.size === 0 ? [...open.values()] : ready;
    for (const [index, step] of next.slice(0, AT_ONCE - running.size).entries()) {
      // The first is to act before the hundredth has been prepared.
      if (index > 0) await turn();
      if (!mayBegin()) break;
      open.delete(step.key);
      running.set(
        step.key,
        act(step).then(() => step.key),
      );
    }
    running.delete(await Promise.race(running.values()));
  }
  await Promise.all(running.values());
  return [...open.values()];
}
