import type { Fact } from '../../domain/facts.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { Input } from '../../domain/inputs.ts';
import type { StepLook, StepReadiness } from '../../domain/progress.ts';
import type { Json } from '../../domain/requests.ts';
import type { State } from '../../domain/state.ts';
import type { Stamp } from '../../domain/time.ts';
import { answered, without } from '../answers.ts';
import { type Decision, joined } from '../decision.ts';

type Looked = Extract<Input, { kind: 'looked' }>;

/** Takes in what a look at the steps has shown: what would not work is told, and the group is not ready. */
export function onLook(state: State, input: Looked, stamp: Stamp): Decision {
  const groups = new Map(state.groups);
  const facts: Fact[] = [];
  for (const [id, steps] of input.groups) {
    const group = groups.get(id);
    if (group === undefined) continue;
    const looked = new Map([...steps].map(([key, look]) => [key, after(group.looked?.get(key), look, stamp)]));
    facts.push(...[...looked].flatMap(([key, now]) => factOf(group, key, now)));
    groups.set(id, { ...group, looked });
  }
  const taken: Decision = { state: { ...state, groups }, intents: [], facts };
  const request = input.request === undefined ? undefined : state.pending.get(input.request)?.request;
  if (request === undefined) return taken;
  return joined(
    taken,
    answered(without(taken.state, request.id), request, { status: 'ok', data: { groups: dataOf(input) } }),
  );
}

/** A step that has never failed is told when it fails twice in a row, so that a blink of the network is not told. */
function after(before: StepReadiness | undefined, look: StepLook, { wall }: Stamp): StepReadiness {
  const failures = look.ok ? 0 : (before?.failures ?? 0) + 1;
  const toldUnready = !look.ok && (before === undefined || before.toldUnready || failures > 1);
  return { ...look, wall, failures, toldUnready };
}

function factOf({ id, label, looked }: GroupState, step: string, now: StepReadiness): readonly Fact[] {
  const before = looked?.get(step)?.toldUnready === true;
  if (before === now.toldUnready) return [];
  const details = { step };
  return now.toldUnready
    ? [
        {
          type: 'step_unready',
          group: id,
          level: 'warning',
          text: `${label}: ${step} would not work, ${now.text}`,
          details,
        },
      ]
    : [{ type: 'step_ready', group: id, level: 'notice', text: `${label}: ${step} would work again`, details }];
}

const dataOf = ({ groups }: Looked): Json =>
  Object.fromEntries(
    [...groups].map(([id, steps]) => [
      id,
      Object.fromEntries(
        [...steps].map(([key, { ok, text, took }]) => [key, { ok, text, took: Math.round(took) / 1000 }]),
      ),
    ]),
  );
