import type { GroupState } from '../domain/groups.ts';
import type { Ask, Request } from '../domain/requests.ts';
import type { State } from '../domain/state.ts';
import { answered, refusal } from './answers.ts';
import type { Decision } from './decision.ts';

/** What a request to the bridge has with it. */
export type Given = Extract<Ask, { kind: 'verb' }>['given'];

/** The groups that a request means: the one it names, else all. Undefined: it names none that there is. */
export function groupsOf(state: State, given: Given): readonly GroupState[] | undefined {
  const { group: named } = given;
  if (named === undefined) return [...state.groups.values()];
  const group = typeof named === 'string' ? state.groups.get(named) : undefined;
  return group === undefined ? undefined : [group];
}

/** The answer to who names a group that is not there. */
export function unknownGroup(state: State, request: Request): Decision {
  const known = [...state.groups.keys()].join(', ') || 'none';
  return answered(state, request, refusal('unknown-group', `no such group; there are: ${known}`));
}
