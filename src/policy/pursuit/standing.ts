import type { Plan } from '../../domain/plan.ts';
import type { LastAct, Progress, StepProgress } from '../../domain/progress.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import { after, type Instant, seconds } from '../../domain/time.ts';
import { type Going, hasMains } from '../groups/run.ts';

/** Whether the executor is at work on a run, or was when its process died. */
export const isUnderWay = (progress: Progress | undefined): progress is Progress =>
  progress !== undefined && (progress.phase === 'running' || progress.phase === 'interrupted');

/** Whether anything was begun that a rehearsal would not have done. */
export const hasBegun = (progress: Progress | undefined): progress is Progress =>
  progress !== undefined && !progress.dryRun && progress.steps.size > 0;

const AT_WORK: ReadonlySet<Progress['phase']> = new Set(['running', 'interrupted', 'stopping']);

/** How far the run of a group has come, as far as it decides what may become of it. */
export const goingOf = (plan: Plan, progress: Progress | undefined): Going => ({
  pastReturn: isPastReturn(plan, progress),
  isAtWork: progress !== undefined && !progress.dryRun && AT_WORK.has(progress.phase),
  hasEnded: hasBegun(progress) && progress.phase === 'ended',
  isRehearsed: progress?.dryRun === true && progress.phase === 'ended',
});

/** Keys of a restore are `<stage>/restore/<name>`, of the halt `host`, of all else `<stage>/<name>`. */
export const isRestoreKey = (key: string): boolean => key.split('/').length === 3;

/** The stage of a step; undefined for the halt. */
export const stageOfKey = (key: string): string | undefined => (key.includes('/') ? key.split('/')[0] : undefined);

/** Whether a run has begun what nobody can take back: nothing calls it off any more. */
export function isPastReturn({ pointOfNoReturn: point }: Plan, progress: Progress | undefined): boolean {
  if (point === undefined || !isUnderWay(progress) || !hasBegun(progress)) return false;
  return [...progress.steps].some(([key, step]) => hasActed(step) && isAt(key, point));
}

const hasActed = ({ state }: StepProgress): boolean => state !== 'skipped';

const isAt = (key: string, point: string): boolean =>
  point.endsWith('/') ? key.startsWith(point) && !isRestoreKey(key) : key === point;

/**
 * What the last act of a run is, at the moment when it is reached: mains that have held bring the machine up again only
 * after a reboot, for a halted one waits for power that never goes. A UPS that was told to cycle takes the power away in
 * any case.
 */
export function lastActOf(
  group: GroupSettings,
  progress: Progress | undefined,
  devices: ReadonlyMap<string, DeviceState>,
): LastAct {
  if (progress?.kind !== 'outage' || stepsOfUpses(group, progress).length > 0) return 'halt';
  return group.feeds.filter((id) => hasMains(devices.get(id))).length >= group.minHealthy ? 'reboot' : 'halt';
}

/** A UPS that was told to switch off has done so by then: the delays of UPSes are seconds, of some minutes. */
const CUTS_WITHIN = seconds(300);

/** Whether a UPS that this run has told to switch off may still be about to. */
export const isCutting = (group: GroupSettings, progress: Progress, now: Instant): boolean =>
  stepsOfUpses(group, progress).some(({ since }) => now < after(since, CUTS_WITHIN));

/** Those that have told a UPS to switch off. */
function stepsOfUpses({ stages }: GroupSettings, { steps, dryRun }: Progress): readonly StepProgress[] {
  if (dryRun) return [];
  const keys = stages.flatMap((stage) => stage.steps.filter(({ kind }) => kind === 'ups').map(({ key }) => key));
  return keys.flatMap((key) => steps.get(key) ?? []).filter(hasActed);
}
