import type { Run } from '../../domain/groups.ts';
import { isIdle, type Plan } from '../../domain/plan.ts';
import type { Settings } from '../../domain/settings.ts';
import type { Instant } from '../../domain/time.ts';

/**
 * What a decision of a group does here and now.
 *
 * It acts only where the configuration says `armed`, nobody has disarmed the group, and there is something to do.
 */
export function effectOf(
  { armed, dryRun }: Pick<Settings, 'armed' | 'dryRun'>,
  plan: Plan,
  disarmedUntil: Instant | undefined,
  now: Instant,
): Run['effect'] {
  if (!armed || isIdle(plan) || (disarmedUntil !== undefined && now < disarmedUntil)) return 'none';
  return dryRun ? 'dry-run' : 'act';
}

/** What firing would do, as the end of a sentence. */
export function effectText(effect: Run['effect'], plan: Plan): string {
  const work = workOf(plan);
  if (work === undefined) return 'nothing to shut down here';
  if (effect === 'none') return `${work}, not armed: only told`;
  return effect === 'dry-run' ? `${work}, as a dry run` : work;
}

const works = new WeakMap<Plan, string>();

/** What a plan does in short; undefined where it does nothing. Asked for in every second of an outage, and the same for long. */
function workOf(plan: Plan): string | undefined {
  if (isIdle(plan)) return undefined;
  const known = works.get(plan);
  if (known !== undefined) return known;
  const { stages, halt } = plan;
  const steps = stages.reduce((count, stage) => count + stage.steps.length, 0);
  const counted = `${steps} step${steps === 1 ? '' : 's'} in ${stages.length} stage${stages.length === 1 ? '' : 's'}`;
  const parts = [...(steps > 0 ? [counted] : []), ...(halt === undefined ? [] : ['the halt of this host'])];
  const work = parts.join(' and ');
  works.set(plan, work);
  return work;
}
