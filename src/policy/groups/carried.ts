import type { GroupState } from '../../domain/groups.ts';
import type { Power } from '../../domain/power.ts';
import type { Settings } from '../../domain/settings.ts';
import { after, type Instant, seconds } from '../../domain/time.ts';

type Groups = ReadonlyMap<string, GroupState>;

/** The last answer of a source may be so much older than the step that stopped its machine: the slowest look is one in 10 s. */
const LAST_LOOK = seconds(13);

/**
 * Whether a silence may be our own doing: a step that stops the machine of a source, on purpose, has begun in this outage
 * and before the silence can have. Which source that is nobody says, so that a step of any group counts; one that began
 * after the silence does not.
 *
 * @param silentSince when the device last proved anything
 * @see design 5.8
 */
export function isCarried(groups: Groups, settings: Settings, { outage }: Power, silentSince: Instant): boolean {
  if (outage === undefined) return false;
  const latest = after(silentSince, LAST_LOOK);
  return beginningsOf(groups, settings).some((begun) => begun >= outage.since && begun <= latest);
}

const beginnings = new WeakMap<Groups, readonly Instant[]>();

/** When steps that stop the machine of a source have begun. Asked for by every silent feed in every second. */
function beginningsOf(groups: Groups, settings: Settings): readonly Instant[] {
  const known = beginnings.get(groups);
  if (known !== undefined) return known;
  const begun = settings.groups.flatMap(({ id, stages }) => {
    const progress = groups.get(id)?.progress;
    if (progress === undefined || progress.dryRun) return [];
    const carrying = stages.flatMap(({ steps }) => steps).filter(({ carriesSource }) => carriesSource);
    const steps = carrying.map(({ key }) => progress.steps.get(key));
    return steps.flatMap((step) => (step === undefined || step.state === 'skipped' ? [] : [step.since]));
  });
  beginnings.set(groups, begun);
  return begun;
}
