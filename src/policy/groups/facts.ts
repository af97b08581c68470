import type { Fact } from '../../domain/facts.ts';
import type { GroupState, Member, Run } from '../../domain/groups.ts';
import type { DeviceState } from '../../domain/state.ts';
import { formatSpan, type Millis } from '../../domain/time.ts';
import type { Cause } from '../../domain/triggers.ts';
import { effectText } from './effect.ts';
import { causeText, type RunStep } from './run.ts';

/** What happened to a group in one input. */
export interface GroupChange {
  readonly before: GroupState;
  readonly now: GroupState;
  readonly run: RunStep;
  readonly earlier: 'waits' | 'goes-on' | 'is-over' | undefined;
}

type Devices = ReadonlyMap<string, DeviceState>;

/** Everything that is told of a group: its feeds' triggers first, then what was decided, then what stands behind it. */
export function groupFacts(change: GroupChange, devices: Devices): readonly Fact[] {
  const { before, now } = change;
  const known = now.run === before.run ? (before.run?.cause ?? []) : [];
  const label = (id: string) => devices.get(id)?.label ?? id;
  return [
    ...[...now.members].flatMap(([id, member]) => memberFacts(label(id), before.members.get(id), member, known)),
    ...runFacts(change, label),
    ...quorumFacts(change),
    ...capacityFacts(change),
    ...readinessFacts(change),
  ];
}

/**
 * Triggers that have fired just now, and gauges that have begun to be doubted.
 *
 * @param known what a run that goes on was decided for: after a restart it is not told once more
 */
export function memberFacts(
  label: string,
  before: Member | undefined,
  now: Member,
  known: readonly Cause[] = [],
): readonly Fact[] {
  if (before === now) return [];
  const hadFired = (trigger: string) =>
    before?.verdicts.some((verdict) => verdict.trigger === trigger && verdict.kind === 'fired') === true ||
    known.some((cause) => cause.device === now.device && cause.trigger === trigger);
  const fired = now.verdicts
    .filter(({ kind, trigger }) => kind === 'fired' && !hadFired(trigger))
    .map(({ trigger, why, value, threshold }): Fact => {
      const measured = { ...(value === undefined ? {} : { value }), ...(threshold === undefined ? {} : { threshold }) };
      const text = `${label}: ${why}`;
      return { type: 'trigger_fired', device: now.device, level: 'error', text, details: { trigger, ...measured } };
    });
  const doubted = (member: Member | undefined) =>
    Object.values(member?.holds ?? {}).some(({ doubtedSince }) => doubtedSince);
  if (!doubted(now) || doubted(before)) return fired;
  const text = `${label}: the charge gauge contradicts runtime and battery voltage: believed only after a minute, or below 10 %`;
  return [...fired, { type: 'gauge_doubted', device: now.device, level: 'warning', text }];
}

function runFacts({ before, now, run, earlier }: GroupChange, label: (id: string) => string): readonly Fact[] {
  const about = { group: now.id } as const;
  const resumed: readonly Fact[] =
    earlier === 'goes-on' && before.run === undefined
      ? [
          {
            ...about,
            type: 'restored',
            level: 'warning',
            text: `${now.label}: still on battery after a restart of this machine, what was decided before goes on`,
          },
        ]
      : [];
  const past: readonly Fact[] =
    earlier === 'is-over'
      ? [
          {
            ...about,
            type: 'restored',
            level: 'notice',
            text: `${now.label}: the outage of before the restart of this machine is over`,
          },
        ]
      : [];
  return [...resumed, ...past, ...stepFacts(now, run, label)];
}

function stepFacts(now: GroupState, run: RunStep, label: (id: string) => string): readonly Fact[] {
  if (run.kind === 'none' || run.kind === 'same') return [];
  const { whole, cause, stages, id, effect, kind } = run.run;
  const about = { group: now.id, details: { run: id, kind, stages, whole, effect } };
  const told = (type: string, level: Fact['level'], text: string) => [
    { ...about, type, level, text: `${now.label}: ${text}` },
  ];
  if (run.kind === 'called-off') return told('called_off', 'warning', `called off, ${run.why}`);
  if (run.kind === 'finished') return told('finished', 'notice', 'what led to the shutdown is over');
  const why = causeText(cause, label);
  if (whole) return told('shutdown', 'error', `shutdown decided, ${why}; this does: ${effectText(effect, now.plan)}`);
  const mode = { act: '', 'dry-run': ', as a dry run', none: ', not armed: only told' }[effect];
  return told('shed', 'warning', `stage ${run.added.join(', ')} decided, ${why}${mode}`);
}

function quorumFacts({ before, now }: GroupChange): readonly Fact[] {
  if (before.quorum.lost === now.quorum.lost || now.members.size < 2) return [];
  const { healthy, needed } = now.quorum;
  const count = `${healthy} of ${now.members.size} feeds healthy, ${needed} needed`;
  return now.quorum.lost
    ? [{ type: 'quorum_lost', group: now.id, level: 'error', text: `${now.label}: redundancy lost, ${count}` }]
    : [{ type: 'quorum_back', group: now.id, level: 'notice', text: `${now.label}: redundancy holds again, ${count}` }];
}

function capacityFacts({ before, now }: GroupChange): readonly Fact[] {
  const is = now.told.short;
  if (before.told.short === is || (is && now.capacity === undefined)) return [];
  const text = is
    ? `${now.label}: what is left can deliver ${now.capacity?.watts} W, and ${now.capacity?.load} W are drawn`
    : `${now.label}: what is left can carry the load again`;
  return [{ type: is ? 'capacity_short' : 'capacity_enough', group: now.id, level: is ? 'error' : 'notice', text }];
}

function readinessFacts({ before, now }: GroupChange): readonly Fact[] {
  if (before.told.ready === now.told.ready) return [];
  if (now.told.ready) return [{ type: 'ready', group: now.id, level: 'notice', text: `${now.label}: ready` }];
  const text = `${now.label}: not ready, ${now.readiness.reasons.join('; ')}`;
  return [{ type: 'not_ready', group: now.id, level: 'warning', text }];
}

/** A person has called a run off, or disarmed a group: told by the answer to the request and by this. */
export const calledOffBy = (group: GroupState, run: Run, who: string): Fact => ({
  type: 'called_off',
  group: group.id,
  level: 'warning',
  text: `${group.label}: called off ${who}`,
  details: { run: run.id, kind: run.kind, stages: run.stages, whole: run.whole, effect: run.effect },
});

/** A group has been disarmed for a while, or armed again. */
export const disarmedFact = (group: GroupState, span: Millis | undefined): Fact =>
  span === undefined
    ? { type: 'armed', group: group.id, level: 'warning', text: `${group.label}: armed again` }
    : {
        type: 'disarmed',
        group: group.id,
        level: 'warning',
        text: `${group.label}: disarmed for ${formatSpan(span)}, nothing is shut down meanwhile`,
      };
