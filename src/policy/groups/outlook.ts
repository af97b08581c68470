import type { ForeseeingMember } from '../../analysis/redundancy/member.ts';
import { conditionTrigger } from '../../analysis/redundancy/stage.ts';
import type { GroupState, Member, Outlook, Run, Silenced } from '../../domain/groups.ts';
import type { StageCondition } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import type { Instant } from '../../domain/time.ts';
import { TRIGGER_TEXT, type Verdict } from '../../domain/triggers.ts';
import { isSilenced } from './causes.ts';
import { effectText } from './effect.ts';

type Looked = Omit<GroupState, 'outlook'>;

/**
 * What a group holds, what would fire next, when, and what that would do: read off the verdicts that decide, never
 * worked out a second time.
 *
 * @param effect what a decision would do now; what one that is going on does has been settled when it was taken
 */
export function outlookOf(group: Looked, effect: Run['effect'], devices: ReadonlyMap<string, DeviceState>): Outlook {
  const label = (id: string) => devices.get(id)?.label ?? id;
  const does = group.run?.effect ?? effect;
  const next = nextOf(group);
  const state = stateOf(group);
  const text = textOf(group, state, next, effectText(does, group.plan), label);
  return next === undefined ? { state, effect: does, text } : { state, effect: does, next, text };
}

function stateOf({ members, run }: Looked): Outlook['state'] {
  if (run !== undefined) return 'running';
  let isBlind = true;
  let isOut = false;
  for (const member of members.values()) {
    if (member.class !== 'unknown') isBlind = false;
    if (member.verdicts.length > 0) isOut = true;
  }
  if (isBlind) return 'blind';
  return isOut ? 'outage' : 'calm';
}

/** The group's own triggers and the stages that were not ordered yet: whatever comes first. */
function nextOf(group: Looked): Outlook['next'] {
  const { members, quorum, run, plan, silenced } = group;
  if (run?.whole === true) return undefined;
  const firsts: Next[] = [];
  for (const member of members.values()) {
    const first = earliest(member, silenced);
    if (first !== undefined && first !== 'lost') firsts.push(first);
  }
  let next = nth(firsts, quorum.spare);
  for (const { name, when } of plan.stages) {
    if (when === undefined || run?.stages.includes(name)) continue;
    const stage = nextStage(name, when, group);
    if (stage !== undefined && (next === undefined || stage.at < next.at)) next = stage;
  }
  return next;
}

type Next = NonNullable<Outlook['next']> & { readonly at: Instant };

/** In a group that can lose feeds, what counts is the one too many. */
const nth = (nexts: readonly Next[], spare: number): Next | undefined =>
  [...nexts].sort((one, other) => one.at - other.at)[spare];

/**
 * What would take a feed first: what holds already, else what comes soonest, or the end of a person's silence. Feeds on
 * mains have nothing in sight. `lost`: it is taken already.
 */
function earliest({ device, verdicts }: Member, silenced: Silenced | undefined): Next | 'lost' | undefined {
  let first: Verdict | undefined;
  let at: Instant | undefined;
  for (const verdict of verdicts) {
    const isHushed = isSilenced(silenced, device, verdict.trigger);
    if (verdict.kind === 'fired' && !isHushed) return 'lost';
    const own = verdict.kind === 'fired' ? silenced?.until : verdict.firesAt;
    const due = own !== undefined && isHushed ? later(own, silenced?.until) : own;
    if (due === undefined || (at !== undefined && due >= at)) continue;
    first = verdict;
    at = due;
  }
  if (first === undefined || at === undefined) return undefined;
  const { trigger, basis } = first;
  const why = first.kind === 'fired' ? `${first.why}${HUSHED}` : first.why;
  return basis === undefined ? { device, trigger, why, at } : { device, trigger, why, at, basis };
}

const HUSHED = ', which a person has silenced until then';

const later = (one: Instant, other: Instant | undefined): Instant => (other !== undefined && other > one ? other : one);

/**
 * When a stage would be ordered: it takes as many feeds as the group does, and one of them by the stage's own condition.
 * Feeds that only the group's own triggers take call for the group, which comes at the same moment and goes before.
 */
function nextStage(stage: string, when: StageCondition, { members, quorum, silenced }: Looked): Next | undefined {
  const nexts: Next[] = [];
  let meets: string | undefined;
  let up = 0;
  for (const member of members.values()) {
    const near = nearOf(stage, member);
    const first = earliest(member, silenced);
    if (member.meets.includes(stage)) meets ??= member.device;
    else if (first !== 'lost') {
      if (member.class !== 'unknown' && member.class !== 'off') up += 1;
      const soonest = first === undefined || (near !== undefined && near.at <= first.at) ? near : first;
      if (soonest !== undefined) nexts.push(soonest);
    }
  }
  const until = silenced?.stages.includes(stage) ? silenced.until : undefined;
  if (meets !== undefined && up < quorum.needed) {
    if (until === undefined) return undefined;
    const why = `the condition of stage ${stage} holds${HUSHED}`;
    return { device: meets, trigger: conditionTrigger(when), stage, why, at: until };
  }
  const taken = nth(nexts, Math.max(0, up - quorum.needed));
  return taken === undefined ? undefined : { ...taken, stage, at: later(taken.at, until) };
}

function nearOf(stage: string, { device, nears }: ForeseeingMember): Next | undefined {
  const near = nears?.find((one) => one.stage === stage);
  return near === undefined ? undefined : { ...near, device };
}

function textOf(
  { run, members, quorum }: Looked,
  state: Outlook['state'],
  next: Outlook['next'],
  does: string,
  label: (id: string) => string,
): string {
  switch (state) {
    case 'running': {
      if (run?.whole === true) return `shutdown decided: ${does}`;
      const after = next === undefined ? '' : `; ${nextText(next, label)}`;
      return `stage ${run?.stages.join(', ')} decided${after}; then: ${does}`;
    }
    case 'blind':
      return 'nothing is known of any feed: nothing is shut down for that alone';
    case 'calm': {
      const absent = [...members.values()].filter(({ class: standing }) => standing !== 'healthy').length;
      const missing = absent === 0 ? '' : `, ${absent} of ${members.size} feeds not healthy`;
      return `on mains${missing}; an outage leads to: ${does}`;
    }
    case 'outage': {
      const spare = members.size > 1 ? ` (${quorum.spare} more can be lost)` : '';
      const when = next === undefined ? 'nothing in sight yet' : nextText(next, label);
      return `on battery${spare}; ${when}; leads to: ${does}`;
    }
  }
}

function nextText(
  { stage, trigger, device, why }: NonNullable<Outlook['next']>,
  label: (id: string) => string,
): string {
  return `next: ${stage === undefined ? '' : `stage ${stage}, `}${TRIGGER_TEXT[trigger]} of ${label(device)}, ${why}`;
}
