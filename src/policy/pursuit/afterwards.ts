import type { GroupState } from '../../domain/groups.ts';
import type { Intent } from '../../domain/intents.ts';
import { isIdle } from '../../domain/plan.ts';
import { cutShort, type Progress, type Shed } from '../../domain/progress.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { Stamp } from '../../domain/time.ts';
import { haltedAgain } from './halted-again.ts';
import { type Pursued, type Pursuing, pursuitOf } from './pursuit.ts';
import { isOnBattery, isOver, stagesToRestore } from './restoring.ts';
import { isCutting, isRestoreKey } from './standing.ts';

/** No decision stands: what was taken away is brought back, once the outage is really over. */
export function afterwards(of: Pursuing, stamp: Stamp): Pursued {
  const { before, settings, effect, waits, devices, plan } = of;
  const { shed } = before;
  // Nobody takes up any more what was interrupted.
  const progress = before.progress?.phase === 'interrupted' && !waits ? cutShort(before.progress) : before.progress;
  const { resuming, ...pursuit } = pursuitOf(progress === undefined ? before : { ...before, progress });
  // A run of before a reboot still has to be taken up, once this boot has proved something.
  const kept = waits && resuming === true ? { ...pursuit, resuming } : pursuit;
  const quiet: Pursued = { pursuit: kept, intents: [], facts: [] };
  if (progress === undefined) return quiet;
  if (progress.phase === 'restoring') return watchedRestore(of, progress);
  if (progress.halt !== undefined && effect === 'act') {
    // The order to halt was taken, and the run is over: either the machine goes down, or it is told again.
    const again = haltedAgain(of, progress, stamp, 'outage');
    if (again.intents.length > 0 || progress.steps.get('host')?.state === 'done') return again;
  }
  if (shed === undefined || shed.held !== undefined || !isAtRest(progress)) return quiet;
  if (waits || effect !== 'act' || isIdle(plan) || isCutting(settings, progress, stamp.at)) return quiet;
  if (!isOver(settings, devices, stamp.at, shed.asked === true)) return quiet;
  return restoreBegun(settings, before, progress, shed, whyOf(progress, shed));
}

const ASKED = 'a person has asked for it';

const whyOf = ({ kind }: Progress, { asked }: Shed): string =>
  asked === true ? ASKED : kind === 'request' ? 'nobody wants it shut down any more' : 'the outage is over';

/** Whether nobody is at work on a run or its restore: what was taken away may be brought back. */
export const isAtRest = ({ phase }: Progress): boolean => phase === 'ended' || phase === 'restored';

/**
 * Begins to bring back what a group has taken away. What has no way back is given up, and that is told.
 *
 * @param why it is time, for people
 */
export function restoreBegun(
  settings: GroupSettings,
  { id, label }: GroupState,
  progress: Progress,
  { stages: taken, undo, asked }: Shed,
  why: string = ASKED,
): Pursued {
  const { halt: _, hurried: __, shortSince: ___, ...last } = progress;
  const stages = stagesToRestore(settings, { shed: { stages: taken, undo } });
  const lost = taken.filter((name) => !stages.includes(name));
  // How an earlier restore has ended says nothing any more.
  const steps = new Map([...last.steps].filter(([key]) => !isRestoreKey(key)));
  const rest: Progress = { ...last, dryRun: false, steps };
  const { run } = progress;
  const wayless = `nothing is configured that brings back ${lost.join(', ')}`;
  if (stages.length === 0) {
    const text = `${label}: ${why}, and ${wayless}`;
    return {
      pursuit: { progress: { ...rest, phase: 'restored' } },
      intents: [],
      facts: [{ type: 'restore_ended', group: id, level: 'warning', text, details: { run } }],
    };
  }
  const back = `${stages.join(', ')} ${stages.length === 1 ? 'is' : 'are'} brought back`;
  const text = `${label}: ${why}, ${back}${lost.length === 0 ? '' : `; ${wayless}`}`;
  const shed: Shed = { stages: taken.filter((name) => stages.includes(name)), undo, ...(asked ? { asked } : {}) };
  return {
    pursuit: { progress: { ...rest, phase: 'restoring' }, shed },
    intents: [{ kind: 'restore', group: id, run, stages, undo }],
    facts: [{ type: 'restoring', group: id, level: 'notice', text, details: { run, stages } }],
  };
}

function watchedRestore({ before, settings, devices, effect }: Pursuing, progress: Progress): Pursued {
  const out = settings.feeds.find((id) => isOnBattery(devices.get(id)));
  const why = out === undefined ? (effect === 'act' ? undefined : 'nothing may be done now') : `${out} is on battery`;
  return why === undefined
    ? { pursuit: pursuitOf(before), intents: [], facts: [] }
    : restoreStopped(before, progress, why);
}

/** Stops a restore before its next step. @param before with what is left to bring back then */
export function restoreStopped(before: GroupState, progress: Progress, why: string): Pursued {
  const { run } = progress;
  const text = `${before.label}: the restore is stopped, ${why}`;
  return {
    pursuit: {
      ...pursuitOf(before),
      progress: progress.phase === 'restoring' ? { ...progress, phase: 'stopping' } : progress,
    },
    intents: stopRestore(before, why),
    facts: [{ type: 'restore_stopped', group: before.id, level: 'warning', text, details: { run } }],
  };
}

/** The order that stops the restore of a group; none where none is under way. */
export function stopRestore({ id, progress }: GroupState, reason: string): readonly Intent[] {
  if (progress?.phase !== 'restoring') return [];
  return [{ kind: 'stop-restore', group: id, run: progress.run, reason }];
}
