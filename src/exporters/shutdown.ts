import type { GroupState } from '../domain/groups.ts';
import type { Input } from '../domain/inputs.ts';
import type { GroupId } from '../domain/names.ts';
import { type Progress, STEP_RESULTS, type StepResult } from '../domain/progress.ts';
import type { State } from '../domain/state.ts';
import type { Instant, Millis } from '../domain/time.ts';
import type { Families } from './families.ts';

/** How long the power of a group still lasts, while something was decided for it; undefined where nothing runs out. */
export type TimeLeft = (group: GroupState, state: State, now: Instant) => Millis | undefined;

/** How the steps of each group have ended since the start, rehearsed ones left out. */
export type StepCounts = Map<GroupId, Record<StepResult, number>>;

const noSteps = (): Record<StepResult, number> => ({ done: 0, failed: 0, 'timed-out': 0, skipped: 0 });

/** Counts the end of a step. */
export function countStep(counts: StepCounts, input: Extract<Input, { kind: 'progressed' }>, { groups }: State): void {
  const { group, run, event } = input;
  const progress = groups.get(group)?.progress;
  if (event.kind !== 'ended' || progress === undefined || (progress.run === run && progress.dryRun)) return;
  const own = counts.get(group) ?? noSteps();
  own[event.state] += 1;
  counts.set(group, own);
}

/** How the shutdown of each group has gone or goes, and what its steps take. */
export function tellShutdown(
  families: Families,
  { groups, durations }: State,
  counts: StepCounts,
  timeLeft: (group: GroupState) => Millis | undefined,
): void {
  for (const group of groups.values()) {
    tellProgress(families, group, timeLeft(group));
    tellSteps(families, group.id, counts.get(group.id) ?? noSteps());
  }
  for (const [key, spans] of durations) {
    const [group = '', ...step] = key.split('/');
    if (groups.has(group)) tellDuration(families, { group, step: step.join('/') }, spans);
  }
}

/** Complete, or it does not compile. */
const PHASES: Readonly<Record<'idle' | Progress['phase'], true>> = {
  idle: true,
  running: true,
  stopping: true,
  ended: true,
  interrupted: true,
  restoring: true,
  restored: true,
};

function tellProgress({ gauge }: Families, { id: group, progress, shed }: GroupState, left: Millis | undefined): void {
  for (const state of Object.keys(PHASES)) {
    const name = 'gridwarden_group_shutdown_phase';
    const now = (progress?.phase ?? 'idle') === state ? 1 : 0;
    gauge(name, 'How far the last shutdown of the group, or the restore after it, has come', now, { group, state });
  }
  const stages = shed?.stages.length ?? 0;
  gauge('gridwarden_group_shed_stages', 'Stages that were shut down and not brought back', stages, { group });
  if (progress?.halt !== undefined) {
    const name = 'gridwarden_group_halt_timestamp_seconds';
    gauge(name, 'When this host was told to halt or to reboot last, in seconds since 1970', progress.halt.wall / 1000, {
      group,
    });
  }
  if (left === undefined) return;
  gauge('gridwarden_group_time_left_seconds', 'How long the power still lasts, in a shutdown', left / 1000, { group });
}

function tellSteps({ counter }: Families, group: GroupId, counts: Readonly<Record<StepResult, number>>): void {
  for (const result of STEP_RESULTS) {
    counter(
      'gridwarden_group_steps_total',
      'Steps that have ended since the start, rehearsals left out',
      counts[result],
      {
        group,
        result,
      },
    );
  }
}

function tellDuration(
  { gauge }: Families,
  labels: { readonly group: GroupId; readonly step: string },
  spans: readonly Millis[],
): void {
  const last = spans.at(-1);
  if (last === undefined) return;
  gauge('gridwarden_group_step_last_seconds', 'What the step took last, in a run or a drill', last / 1000, labels);
  const worst = 'The worst of its last five times';
  gauge('gridwarden_group_step_worst_seconds', worst, Math.max(...spans) / 1000, labels);
}
