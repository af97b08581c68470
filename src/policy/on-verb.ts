import type { Fact } from '../domain/facts.ts';
import type { GroupState, Run } from '../domain/groups.ts';
import type { Intent } from '../domain/intents.ts';
import { isIdle } from '../domain/plan.ts';
import { STEP_RESULTS } from '../domain/progress.ts';
import type { Ask, Json, Request } from '../domain/requests.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { State } from '../domain/state.ts';
import { after, asMillis, type Millis, parseDuration, type Stamp } from '../domain/time.ts';
import { allows, answered, notAllowed, refusal, unknownDevice, waiting } from './answers.ts';
import { type Decision, joined } from './decision.ts';
import { type Given, groupsOf, unknownGroup } from './given.ts';
import { silencedBy } from './groups/causes.ts';
import { effectOf } from './groups/effect.ts';
import { calledOffBy, disarmedFact } from './groups/facts.ts';
import { judgeGroup } from './groups/judge.ts';
import { listOf } from './groups/run.ts';
import { health } from './health.ts';
import { judged } from './judging.ts';
import { cancelRestore, onRestore } from './on-restore.ts';
import { startTest } from './on-test.ts';
import { planData } from './plan/shown.ts';
import { isTelling, measured, stepOf } from './pursuit/on-progress.ts';
import { shedAfterCancel, takenBack } from './pursuit/pursue.ts';
import { progressData } from './pursuit/shown.ts';
import { isPastReturn } from './pursuit/standing.ts';

/** Verbs that the bridge obeys; each is allowed or not as `bridge.<verb>`. A contract. */
export const VERBS = [
  'reload',
  'health',
  'plan',
  'drill',
  'shutdown',
  'cancel',
  'restore',
  'arm',
  'disarm',
  'self_test',
] as const;

/**
 * Verbs that only this machine itself may use, whatever is allowed: others are told how a shutdown gets on without
 * asking, and cannot know what a step took here. A contract.
 */
export const CONSOLE_VERBS = ['progress', 'measured'] as const;

type Verb = (typeof VERBS)[number] | (typeof CONSOLE_VERBS)[number];
type Obey = (state: State, request: Request, given: Given, stamp: Stamp) => Decision;

const OBEY: Readonly<Record<Verb, Obey>> = {
  reload: (state, request, _, stamp) => waiting(state, request, stamp, { kind: 'reload', request: request.id }),
  health: (state, request) => answered(state, request, { status: 'ok', data: health(state) }),
  plan,
  drill,
  shutdown,
  cancel,
  restore: onRestore,
  arm,
  disarm,
  self_test: selfTest,
  progress,
  measured: measuredStep,
};

/** Decides on a request to the bridge itself. */
export function onVerb(state: State, request: Request, ask: Extract<Ask, { kind: 'verb' }>, stamp: Stamp): Decision {
  const own = CONSOLE_VERBS.find((known) => known === ask.verb);
  if (own !== undefined && request.from !== 'console') {
    return answered(state, request, refusal('not-allowed', `${own} is for this machine itself`));
  }
  const verb = own ?? VERBS.find((known) => known === ask.verb);
  if (verb === undefined) {
    return answered(state, request, refusal('unknown-verb', `no such request; there are: ${VERBS.join(', ')}`));
  }
  // Who may signal the process, or open its socket, may do anything to it; the configuration asks for what it schedules.
  const trusted = request.from === 'console' || request.from === 'signal' || request.from === 'schedule';
  // Who may stop a restore has to be able to begin it again.
  const needed = `bridge.${verb === 'cancel' && ask.given['restore'] === true ? 'restore' : verb}`;
  return trusted || allows(state, needed)
    ? OBEY[verb](state, request, ask.given, stamp)
    : answered(state, request, notAllowed(needed));
}

function plan(state: State, request: Request, given: Given): Decision {
  const groups = groupsOf(state, given);
  if (groups === undefined) return unknownGroup(state, request);
  const data = groups.map((group) => [group.id, { effect: group.outlook.effect, ...planData(group) }] as const); // pairs
  return answered(state, request, { status: 'ok', data: Object.fromEntries(data) });
}

/** How far shutdowns have come. Asked for every second while somebody watches: that is no event. */
function progress(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const groups = groupsOf(state, given);
  if (groups === undefined) return unknownGroup(state, request);
  const data = Object.fromEntries(groups.map((group) => [group.id, progressData(group, state, stamp.at)]));
  return { state, intents: [{ kind: 'answer', request, answer: { status: 'ok', data } }], facts: [] };
}

/** What a step took that somebody has carried out beside us: under the same rule as those of our own runs. */
function measuredStep(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const [group] = groupsOf(state, given) ?? [];
  const settings = state.settings?.groups.find(({ id }) => id === group?.id);
  if (given['group'] === undefined || group === undefined || settings === undefined)
    return unknownGroup(state, request);
  const wrong = (why: string) => answered(state, request, refusal('wrong-value', why));
  const { step, took } = given;
  const result = STEP_RESULTS.find((known) => known === given['state']);
  if (typeof step !== 'string' || stepOf(settings, step) === undefined) return wrong(`${group.label} has no such step`);
  if (result === undefined || typeof took !== 'number' || took < 0 || took * 1000 > LONGEST) {
    return wrong(`write "state" as one of ${STEP_RESULTS.join(', ')}, and "took" in seconds`);
  }
  const span = asMillis(Math.round(took * 1000));
  const kept = isTelling(settings, step, result, span);
  const durations = kept ? measured(state.durations, `${group.id}/${step}`, span) : state.durations;
  const told = answered({ ...state, durations }, request, { status: 'ok', data: { kept } });
  return judged(told, new Set(group.members.keys()), stamp);
}

/** Looks at every step of a group, or of all, without carrying anything out. */
function drill(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const groups = groupsOf(state, given);
  if (groups === undefined) return unknownGroup(state, request);
  if (given['execute'] !== undefined) {
    const how = 'carry a step out with "gridwarden drill --execute GROUP STEP" on the machine itself';
    return answered(state, request, refusal('not-now', how));
  }
  return waiting(state, request, stamp, { kind: 'look', request: request.id, groups: groups.map(({ id }) => id) });
}

/** The group that a request names, and has named once more; a refusal is the answer to give. */
function confirmedGroup(state: State, request: Request, given: Given): Result<GroupState, Decision> {
  const [group] = groupsOf(state, given) ?? [];
  if (given['group'] === undefined || group === undefined) return err(unknownGroup(state, request));
  if (given['confirm'] === group.id) return ok(group);
  return err(answered(state, request, refusal('not-confirmed', `send "confirm": ${JSON.stringify(group.id)} as well`)));
}

/** Shuts a group down because a person says so: its whole plan, as an outage would. Asked for by name, twice. */
function shutdown(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const named = confirmedGroup(state, request, given);
  if (!named.ok) return named.error;
  const group = named.value;
  const { settings, listening } = state;
  const own = settings?.groups.find(({ id }) => id === group.id);
  const not = (why: string) => answered(state, request, refusal('not-now', `${group.label}: ${why}`));
  if (settings === undefined || listening === undefined || own === undefined)
    return not('there is no configuration yet');
  if (group.run?.whole === true && group.run.effect !== 'none') return not('its shutdown is going on already');
  if (isIdle(group.plan)) return not('there is nothing to shut down');
  if (effectOf(settings, group.plan, group.disarmedUntil, stamp.at) === 'none') return not('it is not armed');
  const step = judgeGroup({ ...state, settings, listening }, own, group, stamp, 'asked');
  const groups = new Map(state.groups).set(group.id, step.group);
  const data = { group: group.id, run: step.group.run?.id ?? '' };
  const told = answered({ ...state, groups }, request, { status: 'ok', data });
  return joined({ state, intents: step.intents, facts: step.facts }, told);
}

/**
 * Calls off what is going on. What had fired is not listened to for a while, but for what nobody can wait out. A restore
 * is stopped only by who says so: whoever cancels a shutdown twice wants its end, and not that of what follows.
 */
function cancel(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const named = groupsOf(state, given);
  if (named === undefined) return unknownGroup(state, request);
  const { restore: isRestore = false } = given;
  if (typeof isRestore !== 'boolean') {
    return answered(state, request, refusal('wrong-value', 'write "restore" as true or false'));
  }
  if (isRestore) return cancelRestore(state, request, named);
  const running = named.filter(({ run, earlierRun }) => (run ?? earlierRun) !== undefined);
  if (running.length === 0) return answered(state, request, refusal('nothing-to-cancel', 'no shutdown is going on'));
  const possible = running.filter(({ plan, progress }) => !isPastReturn(plan, progress));
  if (possible.length === 0) {
    return answered(state, request, refusal('too-late', 'it is past its point of no return, and is carried out'));
  }
  const off = calledOff(state, possible, 'by a person', 'a person has cancelled it', (group, run) => ({
    ...takenBack(group, run, shedAfterCancel(group, run)),
    silenced: silencedBy(run, listOf(group.members), stamp.at),
  }));
  const told = answered(off.state, request, { status: 'ok', data: { cancelled: possible.map(({ id }) => id) } });
  return judged(joined(off, told), new Set(possible.flatMap(({ members }) => [...members.keys()])), stamp);
}

/** Takes back the decisions of groups. @param change what becomes of each */
function calledOff(
  state: State,
  of: readonly GroupState[],
  who: string,
  reason: string,
  change: (group: GroupState, run: Run) => GroupState,
): Decision {
  const groups = new Map(state.groups);
  const intents: Intent[] = [];
  const facts: Fact[] = [];
  for (const group of of) {
    const run = group.run ?? group.earlierRun;
    if (run === undefined) continue;
    groups.set(group.id, change(group, run));
    facts.push(calledOffBy(group, run, who));
    if (run.effect !== 'none') intents.push({ kind: 'call-off', group: group.id, run: run.id, reason });
  }
  return { state: { ...state, groups }, intents, facts };
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
  const possible = named.filter(({ plan, progress }) => !isPastReturn(plan, progress));
  const off = calledOff(state, possible, 'by disarming', 'a person has disarmed the group', (group, run) =>
    takenBack(group, run, group.shed),
  );
  const groups = new Map(off.state.groups);
  for (const { id } of named) {
    const group = groups.get(id);
    if (group !== undefined) groups.set(id, { ...group, disarmedUntil: after(stamp.at, span) });
  }
  const facts = [...off.facts, ...named.map((group) => disarmedFact(group, span))];
  const data = { groups: named.map(({ id }) => id), until: new Date(stamp.wall + span).toISOString() };
  const told = answered({ ...off.state, groups }, request, { status: 'ok', data });
  return judged(joined({ ...off, facts }, told), 'all', stamp);
}

function spanOf(given: Json | undefined): Millis | undefined {
  if (given === undefined) return DISARMED_FOR;
  const span = typeof given === 'string' ? parseDuration(given) : undefined;
  return span !== undefined && span > 0 && span <= LONGEST ? span : undefined;
}

/** Lifts a `disarm`, and nothing else: what the configuration does not arm stays as it is. Asked for by name, twice. */
function arm(state: State, request: Request, given: Given, stamp: Stamp): Decision {
  const named = confirmedGroup(state, request, given);
  if (!named.ok) return named.error;
  const group = named.value;
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
