import type { GroupState, Member, Outlook, Run } from '../../domain/groups.ts';
import type { DeviceState } from '../../domain/state.ts';
import type { Instant } from '../../domain/time.ts';
import { TRIGGER_TEXT, type Verdict } from '../../domain/triggers.ts';
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

/** In a group that can lose feeds, what counts is the trigger that takes the one too many. */
function nextOf({ members, quorum, run }: Looked): Outlook['next'] {
  if (run?.whole === true) return undefined;
  const firsts: Next[] = [];
  for (const member of members.values()) {
    const first = earliest(member);
    if (first !== undefined) firsts.push(first);
  }
  if (firsts.length > 1) firsts.sort((one, other) => one.at - other.at);
  return firsts[quorum.spare];
}

type Next = NonNullable<Outlook['next']> & { readonly at: Instant };

/** What would take a feed first: what holds already, else what comes soonest. Feeds on mains have nothing in sight. */
function earliest({ device, verdicts, class: standing }: Member): Next | undefined {
  if (standing === 'critical') return undefined;
  let first: Verdict | undefined;
  for (const verdict of verdicts) {
    if (verdict.firesAt === undefined) continue;
    if (first?.firesAt === undefined || verdict.firesAt < first.firesAt) first = verdict;
  }
  if (first?.firesAt === undefined) return undefined;
  const { trigger, why, firesAt, basis } = first;
  return basis === undefined ? { device, trigger, why, at: firesAt } : { device, trigger, why, at: firesAt, basis };
}

function textOf(
  { run, members, quorum }: Looked,
  state: Outlook['state'],
  next: Outlook['next'],
  does: string,
  label: (id: string) => string,
): string {
  switch (state) {
    case 'running':
      return run?.whole === true
        ? `shutdown decided: ${does}`
        : `stage ${run?.stages.join(', ')} decided; then: ${does}`;
    case 'blind':
      return 'nothing is known of any feed: nothing is shut down for that alone';
    case 'calm': {
      const absent = [...members.values()].filter(({ class: standing }) => standing !== 'healthy').length;
      const missing = absent === 0 ? '' : `, ${absent} of ${members.size} feeds not healthy`;
      return `on mains${missing}; an outage leads to: ${does}`;
    }
    case 'outage': {
      const spare = members.size > 1 ? ` (${quorum.spare} more can be lost)` : '';
      const when =
        next === undefined
          ? 'nothing in sight yet'
          : `next: ${TRIGGER_TEXT[next.trigger]} of ${label(next.device)}, ${next.why}`;
      return `on battery${spare}; ${when}; leads to: ${does}`;
    }
  }
}
