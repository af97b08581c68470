import type { GroupState, Member, Outlook, Run } from '../../domain/groups.ts';
import type { DeviceState } from '../../domain/state.ts';
import { asInstant } from '../../domain/time.ts';
import { TRIGGER_TEXT, type Verdict } from '../../domain/triggers.ts';
import { effectText } from './effect.ts';

type Looked = Omit<GroupState, 'outlook'> & { readonly effect: Run['effect'] };

/**
 * What a group holds, what would fire next, when, and what that would do: read off the verdicts that decide, never
 * worked out a second time.
 */
export function outlookOf(group: Looked, devices: ReadonlyMap<string, DeviceState>): Outlook {
  const { effect, run } = group;
  const label = (id: string) => devices.get(id)?.label ?? id;
  const next = nextOf(group);
  const state = stateOf(group);
  const shown = next === undefined ? {} : { next };
  return { state, effect: run?.effect ?? effect, ...shown, text: textOf(group, state, next, label) };
}

function stateOf({ members, run }: Looked): Outlook['state'] {
  if (run !== undefined) return 'running';
  const all = [...members.values()];
  if (all.every((member) => member.class === 'unknown')) return 'blind';
  return all.some(({ verdicts }) => verdicts.length > 0) ? 'outage' : 'calm';
}

/** In a group that can lose feeds, what counts is the trigger that takes the one too many. */
function nextOf({ members, quorum, run }: Looked): Outlook['next'] {
  if (run?.whole === true) return undefined;
  const firsts = [...members.values()].flatMap((member) => {
    const first = earliest(member);
    return first === undefined ? [] : [first];
  });
  const inOrder = firsts.toSorted((one, other) => (one.at ?? FOREVER) - (other.at ?? FOREVER));
  return inOrder[Math.min(quorum.spare, inOrder.length - 1)];
}

const FOREVER = asInstant(Number.MAX_SAFE_INTEGER);

/** What would take a feed first: what holds already, else what comes soonest. Feeds on mains have nothing in sight. */
function earliest({ device, verdicts, class: standing }: Member): NonNullable<Outlook['next']> | undefined {
  if (standing === 'critical') return undefined;
  const seen = verdicts.filter((verdict): verdict is Verdict & { firesAt: NonNullable<Verdict['firesAt']> } => {
    return verdict.firesAt !== undefined;
  });
  const [first] = seen.toSorted((one, other) => one.firesAt - other.firesAt);
  if (first === undefined) return undefined;
  const { trigger, why, firesAt, basis } = first;
  return { device, trigger, why, at: firesAt, ...(basis === undefined ? {} : { basis }) };
}

function textOf(
  { run, plan, effect, members, quorum }: Looked,
  state: Outlook['state'],
  next: Outlook['next'],
  label: (id: string) => string,
): string {
  const does = effectText(run?.effect ?? effect, plan);
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
