import { cut } from '../domain/cut.ts';
import type { Capacity, GroupState, Member, Outlook, Run } from '../domain/groups.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Trigger, Verdict } from '../domain/triggers.ts';
import { type Moments, wallText } from './moments.ts';

/** Verdicts of a clock: their value grows with every second, and nothing that is published counts by itself. */
const COUNTING: ReadonlySet<Trigger> = new Set(['on_battery_for', 'after_failed_test', 'dead']);

/** Whether a group may shut anything down: the configuration says so, and nobody has disarmed it. */
export const isArmed = ({ disarmedUntil }: GroupState, armed: boolean): boolean => armed && disarmedUntil === undefined;

/**
 * The retained object of a group: every key always there, `null` for what there is not.
 *
 * @param armed what the configuration says
 */
export function groupPayload(group: GroupState, armed: boolean, moments: Moments): string {
  const { id, label, outlook, disarmedUntil, members, quorum, capacity, run, readiness } = group;
  return JSON.stringify({
    group: id,
    label,
    state: outlook.state,
    outlook: cut(outlook.text, LIMITS.value),
    armed: isArmed(group, armed),
    effect: outlook.effect,
    disarmed_until: disarmedUntil === undefined ? null : moments.known(disarmedUntil),
    members: Object.fromEntries([...members].map(([feed, member]) => [feed, memberData(id, member, moments)])),
    quorum: { healthy: quorum.healthy, needed: quorum.needed, spare: quorum.spare, lost: quorum.lost },
    capacity: capacity === undefined ? null : capacityData(capacity),
    next: outlook.next === undefined ? null : nextData(id, outlook.next, moments),
    run: run === undefined ? null : runData(run),
    ready: readiness.ready,
    not_ready: readiness.reasons,
  });
}

/** What of it goes out at once; all else are values that may wait. */
export function groupUrgent(group: GroupState, armed: boolean): string {
  const { label, outlook, disarmedUntil, members, quorum, capacity, run, readiness } = group;
  return JSON.stringify([
    ...[label, outlook.state, outlook.effect, isArmed(group, armed), disarmedUntil ?? null],
    [...members].map(([feed, member]) => [feed, member.class]),
    quorum,
    capacity?.enough ?? null,
    run === undefined ? null : [run.id, run.kind, run.stages, run.whole, run.effect],
    readiness.ready,
  ]);
}

/** What of a run's progress goes out at once: whatever begins and ends. Things within a step and the time left may wait. */
export function progressUrgent({ progress, shed, run }: GroupState): string {
  const steps = [...(progress?.steps ?? [])].map(([key, { state }]) => [key, state]);
  const halt = progress?.halt?.wall ?? null;
  return JSON.stringify([
    ...[run?.id ?? null, run?.stages ?? null, run?.whole ?? null, shed?.stages ?? null],
    ...[progress?.run ?? null, progress?.phase ?? null, progress?.hurried ?? null, halt],
    steps,
  ]);
}

const memberData = (group: string, { device, class: standing, why, verdicts }: Member, moments: Moments) => ({
  class: standing,
  why: why ?? null,
  verdicts: verdicts.map((verdict) => verdictData(verdict, `${group}/${device}`, moments)),
});

function verdictData(
  { trigger, kind, value, threshold, unit, margin, firesAt, basis, why }: Verdict,
  about: string,
  moments: Moments,
) {
  const counts = COUNTING.has(trigger);
  return {
    trigger,
    kind,
    value: counts ? null : (value ?? null),
    threshold: threshold ?? null,
    unit: unit ?? null,
    margin: counts ? null : (margin ?? null),
    fires_at: firesAt === undefined ? null : moments.estimated(firesAt, `${about}/${trigger}`),
    basis: basis ?? null,
    why,
  };
}

const capacityData = ({ watts, load, enough, enoughWithOneLess }: Capacity) => ({
  watts: Math.round(watts),
  load: Math.round(load),
  enough,
  enough_with_one_less: enoughWithOneLess ?? null,
});

const nextData = (
  group: string,
  { device, trigger, why, at, basis }: NonNullable<Outlook['next']>,
  moments: Moments,
) => ({
  device,
  trigger,
  why,
  at: at === undefined ? null : moments.estimated(at, `${group}/${device}/${trigger}`),
  basis: basis ?? null,
});

const runData = ({ id, kind, wall, stages, whole, effect, cause }: Run) => ({
  id,
  kind,
  since: wallText(wall),
  stages,
  whole,
  effect,
  cause: cause.map(({ device, trigger, why }) => ({ device, trigger, why })),
});
