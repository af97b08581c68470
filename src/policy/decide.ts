import type { GroupState } from '../domain/groups.ts';
import type { Input } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import { never } from '../domain/result.ts';
import type { Settings } from '../domain/settings.ts';
import type { Listening, SourceState, State } from '../domain/state.ts';
import { between, type Stamp, seconds } from '../domain/time.ts';
import { type Decision, type Heard, unchanged } from './decision.ts';
import { adopted } from './groups/adopt.ts';
import { calledOffBy } from './groups/facts.ts';
import { judged } from './judging.ts';
import { identified, onReport } from './on-report.ts';
import { onInstructed, onReloaded, onRequest } from './on-request.ts';
import { onTick } from './on-tick.ts';
import { onLook } from './pursuit/on-look.ts';
import { onProgress } from './pursuit/on-progress.ts';
import { withPast } from './pursuit/past.ts';

/**
 * The whole decision of the program: old state and one input give new state, orders and facts.
 *
 * Same arguments, same answer, for ever: no clock, no chance, no memory of its own. Time comes with the input.
 */
export function decide(state: State, input: Input, stamp: Stamp): Decision {
  // The moment before this one stays in the state while the input is taken in: what has just become due is told by it.
  const heard = { ...state, listening: listeningAt(state.listening, stamp) };
  const decision = routed(heard, input, stamp);
  const ticked = input.kind === 'tick' ? { ticked: stamp.at } : {};
  const next = withPast(state, decision, stamp);
  return { ...decision, state: { ...next, listening: { ...heard.listening, last: stamp.at, ...ticked } } };
}

function routed(state: Heard, input: Input, stamp: Stamp): Decision {
  switch (input.kind) {
    case 'configured':
      return onConfigured(state, input.settings, stamp);
    case 'restored':
      return onRestored(state, input);
    case 'tick':
      return onTick(state, stamp);
    case 'report':
      return onReport(state, input.report, stamp);
    case 'request':
      return onRequest(state, input.request, stamp);
    case 'instructed':
      return onInstructed(state, input.request, input.outcome);
    case 'progressed':
      return judged(onProgress(state, input, stamp), feedsIn(state, [input.group]), stamp);
    case 'looked':
      return judged(onLook(state, input, stamp), feedsIn(state, input.groups.keys()), stamp);
    case 'reloaded':
      return onReloaded(state, input.request, input.answer);
    case 'noticed': {
      const { type, text, details } = input;
      const fact = { type, text, level: 'warning' as const, ...(details === undefined ? {} : { details }) };
      return { state, intents: [], facts: [fact] };
    }
    default:
      return never(input);
  }
}

/** The feeds of groups: what has changed of a group is judged by them. */
const feedsIn = ({ groups }: State, ids: Iterable<string>): ReadonlySet<string> =>
  new Set([...ids].flatMap((id) => [...(groups.get(id)?.members.keys() ?? [])]));

/** A tick comes every second; one so late was no silence of the devices but a sleep or stall of ours. */
const STALL = seconds(4);
const STALLS_APART = seconds(120);

function listeningAt(before: Listening | undefined, { at }: Stamp): Listening {
  if (before === undefined) return { since: at, last: at };
  const stalled = between(before.last, at) > STALL;
  // A machine that is always late still has to come to an end.
  const again = before.gap !== undefined && between(before.gap, at) < STALLS_APART;
  return stalled && !again ? { ...before, gap: at } : before;
}

const UNHEARD: SourceState = { link: { kind: 'unknown' }, ids: new Map(), unnamed: new Map() };

function onConfigured(state: State, settings: Settings, stamp: Stamp): Decision {
  const sources = new Map(settings.sources.map((name) => [name, state.sources.get(name) ?? UNHEARD]));
  const groups = new Map(settings.groups.map((group) => [group.id, adopted(state, group)]));
  const memory = state.memory && {
    ...state.memory,
    groups: new Map([...state.memory.groups].filter(([id]) => !groups.has(id))),
  };
  const taken = memory === undefined ? state : { ...state, memory };
  const { state: next, facts } = identified({ ...taken, settings, sources, groups }, stamp);
  const gone = [...state.groups.values()].filter(({ id }) => !groups.has(id)).map(dissolved);
  const intents = gone.flatMap((group) => group.intents);
  return judged({ state: next, intents, facts: [...facts, ...gone.flatMap((group) => group.facts)] }, 'all', stamp);
}

/** A group that the configuration no longer has: what was decided for it is called off. */
function dissolved(group: GroupState): Pick<Decision, 'intents' | 'facts'> {
  const { id, run, progress } = group;
  const reason = 'the configuration no longer has the group';
  const intents: Intent[] = [];
  if (progress?.phase === 'restoring') intents.push({ kind: 'stop-restore', group: id, run: progress.run, reason });
  if (run === undefined) return { intents, facts: [] };
  if (run.effect !== 'none') intents.push({ kind: 'call-off', group: id, run: run.id, reason });
  return { intents, facts: [calledOffBy(group, run, `because ${reason}`)] };
}

function onRestored(state: State, { names, memory, boot }: Extract<Input, { kind: 'restored' }>): Decision {
  if (memory === undefined) return unchanged({ ...state, names });
  return unchanged({ ...state, names, memory: { ...memory, boot }, durations: memory.durations });
}
