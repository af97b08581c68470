import type { GroupState } from '../domain/groups.ts';
import type { Ask, Json, Request } from '../domain/requests.ts';
import type { State } from '../domain/state.ts';
import { after, asMillis, type Millis, parseDuration, type Stamp } from '../domain/time.ts';
import { allows, answered, notAllowed, refusal, unknownDevice, waiting } from './answers.ts';
import type { Decision } from './decision.ts';
import { silencedBy } from './groups/causes.ts';
import { calledOffBy, disarmedFact } from './groups/facts.ts';
import { listOf } from './groups/run.ts';
import { health } from './health.ts';
import { judged } from './judging.ts';
import { startTest } from './on-test.ts';
import { planData } from './plan/shown.ts';

/** Verbs that the bridge obeys; each is allowed or not as `bridge.<verb>`. A contract. */
export const VERBS = ['reload', 'health', 'plan', 'cancel', 'arm', 'disarm', 'self_test'] as const;

type Given = Extract<Ask, { kind: 'verb' }>['given'];
type Obey = (state: State, request: Request, given: Given, stamp: Stamp) => Decision;

const OBEY: Readonly<Record<(typeof VERBS)[number], Obey>> = {
  reload: (state, request, _, stamp) => waiting(state, request, stamp, { kind: 'reload', request: request.id }),
  health: (state, request) => answered(state, request, { status: 'ok', data: health(state) }),
  plan,
  cancel,
  arm,
  disarm,
  self_test: selfTest,
};

/** Decides on a request to the bridge itself. */
export function onVerb(state: State, request: Request, ask: Extract<Ask, { kind: 'verb' }>, stamp: Stamp): Decision {
  const verb = VERBS.find((known) => known === ask.verb);
  if (verb === undefined) {
    return answered(state, request, refusal('unknown-verb', `no such request; there are: ${VERBS.join(', ')}`));
  }
  // Who may signal the process may do anything to it, and the configuration itself asks for what it schedules.
  const trusted = request.from === 'signal' || request.from === 'schedule';
  const allowed = trusted || allows(state, `bridge.${verb}`);
  return allowed
    ? OBEY[verb](state, request, ask.given, stamp)
    : answered(state, request, notAllowed(`bridge.${verb}`));
}

/** The groups that a request means: the one it names, else all. Undefined: it names none that there is. */
function groupsOf(state: State, given: Given): readonly GroupState[] | undefined {
  const { group: named } = given;
  if (named === undefined) return [...state.groups.values()];
  const group = typeof named === 'string' ? state.groups.get(named) : undefined;
  return group === undefined ? undefined : [group];
}

function unknownGroup(state: State, request: Request): Decision {
  const known = [...state.groups.keys()].join(', ') || 'none';
  return answered(state, request, refusal('unknown-group', `no such group; there are: ${known}`));
}

function plan(state: State, request: Request, given: Given): Decision {
  const groups = groupsOf(state, given);
  if (groups === undefined) return unknownGroup(state, request);
  const data = Object.fromEntries(groups.map((group) => [group.id, planData(group)]));
  return answered(state, request, { status: 'ok', data });
}

/** Calls off what is going on. What had fired is not listened to for a while, but for what nobody can wait out. */
function cancel(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const named = groupsOf(state, given);
  if (named === undefined) return unknownGroup(state, request);
  const running = named.filter(({ run }) => run !== undefined);
  if (running.length === 0) return answered(state, request, refusal('nothing-to-cancel', 'no shutdown is going on'));
  const groups = new Map(state.groups);
  const intents: Decision['intents'][number][] = [];
  const facts: Decision['facts'][number][] = [];
  for (const group of running) {
    const { run, ...rest } = group;
    if (run === undefined) continue;
    groups.set(group.id, { ...rest, silenced: silencedBy(run, listOf(group.members), stamp.at) });
    facts.push(calledOffBy(group, run, 'by a person'));
    if (run.effect !== 'none')
      intents.push({ kind: 'call-off', group: group.id, run: run.id, reason: 'a person has cancelled it' });
  }
  const data = { cancelled: running.map(({ id }) => id) };
  const told = answered({ ...state, groups }, request, { status: 'ok', data });
  const decision = { state: told.state, intents: [...intents, ...told.intents], facts: [...facts, ...told.facts] };
  return judged(decision, new Set(running.flatMap(({ members }) => [...members.keys()])), stamp);
}

/** A disarmed group watches and tells. Without a span it is for an hour: nobody is to forget it for good. */
const DISARMED_FOR = asMillis(3_600_000);
const LONGEST = asMillis(7 * 86_400_000);

function disarm(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const named = groupsOf(state, given);
  if (named === undefined) return unknownGroup(state, request);
  const span = spanOf(given['for']);
  if (span === undefined) {
    return answered(state, request, refusal('wrong-value', 'write "for" as a duration such as 30m or 2h, at most 7d'));
  }
  const groups = new Map(state.groups);
  const intents: Decision['intents'][number][] = [];
  const facts: Decision['facts'][number][] = [];
  for (const group of named) {
    const { run, ...rest } = group;
    groups.set(group.id, { ...rest, disarmedUntil: after(stamp.at, span) });
    if (run !== undefined) facts.push(calledOffBy(group, run, 'by disarming'));
    if (run !== undefined && run.effect !== 'none') {
      intents.push({ kind: 'call-off', group: group.id, run: run.id, reason: 'a person has disarmed the group' });
    }
    facts.push(disarmedFact(group, span));
  }
  const until = new Date(stamp.wall + span).toISOString();
  const told = answered({ ...state, groups }, request, {
    status: 'ok',
    data: { groups: named.map(({ id }) => id), until },
  });
  const decision = { state: told.state, intents: [...intents, ...told.intents], facts: [...facts, ...told.facts] };
  return judged(decision, 'all', stamp);
}

function spanOf(given: Json | undefined): Millis | undefined {
  if (given === undefined) return DISARMED_FOR;
  const span = typeof given === 'string' ? parseDuration(given) : undefined;
  return span !== undefined && span > 0 && span <= LONGEST ? span : undefined;
}

/** Lifts a `disarm`, and nothing else: what the configuration does not arm stays as it is. Asked for by name, twice. */
function arm(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const [group] = groupsOf(state, given) ?? [];
  if (given['group'] === undefined || group === undefined) return unknownGroup(state, request);
  if (given['confirm'] !== group.id) {
    return answered(state, request, refusal('not-confirmed', `send "confirm": ${JSON.stringify(group.id)} as well`));
  }
  const { disarmedUntil, ...rest } = group;
  const groups = disarmedUntil === undefined ? state.groups : new Map(state.groups).set(group.id, rest);
  const told = answered({ ...state, groups }, request, { status: 'ok', data: { group: group.id } });
  const facts = disarmedUntil === undefined ? [] : [disarmedFact(group, undefined)];
  return judged({ ...told, facts: [...facts, ...told.facts] }, 'all', stamp);
}

const DEFAULT_TEST = 'test.battery.start.quick';

function selfTest(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const { ups } = given;
  const device = typeof ups === 'string' ? state.devices.get(ups) : undefined;
  if (device === undefined) return answered(state, request, unknownDevice(state, typeof ups === 'string' ? ups : ''));
  const configured = state.settings?.devices.find(({ id }) => id === device.id)?.selfTest?.command;
  const command = configured ?? DEFAULT_TEST;
  return startTest(state, request, device, { command }, stamp);
}
