import type { Fact } from '../../domain/facts.ts';
import type { GroupState, Member, Run } from '../../domain/groups.ts';
import type { DeviceState } from '../../domain/state.ts';
import { formatSpan, type Millis } from '../../domain/time.ts';
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
  const label = (id: string) => devices.get(id)?.label ?? id;
  const facts: Fact[] = [];
  for (const member of now.members.values()) {
    const { device } = member;
    facts.push(...memberFacts(label(device), before.members.get(device), member, now.id));
  }
  facts.push(...runFacts(change, label), ...quorumFacts(change), ...capacityFacts(change), ...readinessFacts(change));
  return facts;
}

/**
 * Triggers that have fired just now, and gauges that have begun to be doubted.
 *
 * @param group that the device is judged in: it can be in several, and its triggers mean another thing in each; absent for a
 *   device that no group names
 */
export function memberFacts(label: string, before: Member | undefined, now: Member, group?: string): readonly Fact[] {
  const { device } = now;
  const about = group === undefined ? {} : { group };
  const facts: Fact[] = [];
  for (const { kind, trigger, why, value, threshold } of now.verdicts) {
    if (kind !== 'fired' || before?.fired?.includes(trigger)) continue;
    const measured = { ...(value === undefined ? {} : { value }), ...(threshold === undefined ? {} : { threshold }) };
    const details = { ...about, trigger, ...measured };
    facts.push({ type: 'trigger_fired', device, level: 'error', text: `${label}: ${why}`, details });
  }
  if (!isDoubted(now) || isDoubted(before)) return facts;
  const text = `${label}: the charge gauge contradicts runtime and battery voltage: believed only after a minute, or below 10 %`;
  const details = group === undefined ? {} : { details: about };
  return [...facts, { type: 'gauge_doubted', device, level: 'warning', text, ...details }];
}

/** A word of the status can be doubted as well, because it comes and goes; that is no gauge that contradicts others. */
const isDoubted = (member: Member | undefined): boolean =>
  member?.holds.charge_below?.doubtedSince !== undefined || member?.holds.depletion?.doubtedSince !== undefined;

function runFacts(change: GroupChange, label: (id: string) => string): readonly Fact[] {
  const { before, now, run, earlier } = change;
  const told = stepFacts(now, run, label);
  if (earlier === 'goes-on' && before.run === undefined) {
    return [
      restored(now, 'warning', 'still on battery after a restart of this machine, what was decided before goes on'),
      ...told,
    ];
  }
  if (earlier !== 'is-over') return told;
  return [restored(now, 'notice', 'the outage of before the restart of this machine is over'), ...told];
}

const restored = ({ id, label }: GroupState, level: Fact['level'], text: string): Fact => ({
  group: id,
  type: 'restored',
  level,
  text: `${label}: ${text}`,
});

function stepFacts(now: GroupState, run: RunStep, label: (id: string) => string): readonly Fact[] {
  if (run.kind === 'none' || run.kind === 'same') return [];
  const { whole, cause, stages, id, effect, kind } = run.run;
  const about = { group: now.id, details: { run: id, kind, stages, whole, effect } };
  const told = (type: string, level: Fact['level'], text: string) => [
    { ...about, type, level, text: `${now.label}: ${text}` },
  ];
  if (run.kind === 'called-off') return told('called_off', 'warning', `called off, ${run.why}`);
  if (run.kind === 'finished') {
    return told(
      'finished',
      'notice',
      kind === 'request' ? 'the dry run is through' : 'what led to the shutdown is over',
    );
  }
  const why = causeText(cause, label) || 'a person has asked for it';
  if (whole) return told('shutdown', 'error', `shutdown decided, ${why}; this does: ${effectText(effect, now.plan)}`);
  const mode = { act: '', 'dry-run': ', as a dry run', none: ', not armed: only told' }[effect];
  return told('shed', 'warning', `stage ${run.added.join(', ')} decided, ${why}${mode}`);
}

function quorumFacts({ before, now }: GroupChange): readonly Fact[] {
  if (before.told.lost === now.told.lost || now.members.size < 2) return [];
  const { healthy, needed } = now.quorum;
  const count = `${healthy} of ${now.members.size} feeds healthy, ${needed} needed`;
  return now.told.lost
    ? [{ type: 'quorum_lost', group: now.id, level: 'error', text: `${now.label}: redundancy lost, ${count}` }]
    : [{ type: 'quorum_back', group: now.id, level: 'notice', text: `${now.label}: redundancy holds again, ${count}` }];
}

function capacityFacts({ before, now }: GroupChange): readonly Fact[] {
  const { id, label, capacity, told } = now;
  if (before.told.short === told.short) return [];
  if (!told.short) {
    const text = `${label}: what is left can carry the load again`;
    return [{ type: 'capacity_enough', group: id, level: 'notice', text }];
  }
  if (capacity === undefined) return [];
  const text = `${label}: what is left can deliver ${capacity.watts} W, and ${capacity.load} W are drawn`;
  return [{ type: 'capacity_short', group: id, level: 'error', text }];
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
