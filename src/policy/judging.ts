import { memberOf } from '../analysis/redundancy/member.ts';
import type { Fact } from '../domain/facts.ts';
import type { GroupState, Member } from '../domain/groups.ts';
import type { Intent } from '../domain/intents.ts';
import type { DeviceId } from '../domain/names.ts';
import type { Settings } from '../domain/settings.ts';
import type { DeviceState, Listening, State } from '../domain/state.ts';
import { after, type Stamp, seconds } from '../domain/time.ts';
import { type Decision, joined } from './decision.ts';
import { unseen } from './groups/adopt.ts';
import { memberFacts } from './groups/facts.ts';
import { COLD_START, judgeGroup, viewOf } from './groups/judge.ts';
import { isPursuing } from './pursuit/pursuit.ts';

/** Which devices an input may have changed; `time` is none, but time has gone by. */
export type Touched = 'all' | 'time' | ReadonlySet<DeviceId>;

type Ready = State & { readonly settings: Settings; readonly listening: Listening };

/**
 * Judges again whatever an input may have changed: groups with a feed that was touched, and as time goes by those that
 * are not calm.
 */
export function judged(decision: Decision, touched: Touched, stamp: Stamp): Decision {
  const { state } = decision;
  const { settings, listening } = state;
  if (settings === undefined || listening === undefined) return decision;
  const ready: Ready = { ...state, settings, listening };
  const early = stamp.at < after(after(listening.since, COLD_START), SLACK);
  const groups = judgedGroups(ready, touched, early, stamp);
  const alone = judgedAlone({ ...ready, groups: groups.map }, touched, early, stamp);
  return joined(decision, {
    state: withoutAdopted({ ...state, groups: groups.map, alone: alone.map }),
    intents: groups.intents,
    facts: [...groups.facts, ...alone.facts],
  });
}

/** So long after the time in which everything may still answer, the first judgement without that grace is past. */
const SLACK = seconds(3);

interface Results<T> {
  readonly map: ReadonlyMap<string, T>;
  readonly facts: readonly Fact[];
}

type GroupResults = Results<GroupState> & { readonly intents: readonly Intent[] };

function judgedGroups(state: Ready, touched: Touched, early: boolean, stamp: Stamp): GroupResults {
  const facts: Fact[] = [];
  const intents: Intent[] = [];
  let map: Map<string, GroupState> | undefined;
  for (const settings of state.settings.groups) {
    const before = state.groups.get(settings.id);
    if (before === undefined) continue;
    const isGroupDue = touched === 'time' ? early || isRestless(before) : isTouched(touched, settings.feeds);
    if (!isGroupDue) continue;
    const step = judgeGroup(state, settings, before, stamp);
    facts.push(...step.facts);
    intents.push(...step.intents);
    if (step.group === before) continue;
    map ??= new Map(state.groups);
    map.set(settings.id, step.group);
  }
  return { map: map ?? state.groups, intents, facts };
}

/** Devices that no group names: judged by the default triggers, shown, nothing more. */
function judgedAlone(state: Ready, touched: Touched, early: boolean, stamp: Stamp): Results<Member> {
  const named = namedBy(state.settings);
  const facts: Fact[] = [];
  let map: Map<string, Member> | undefined;
  const { triggers } = state.settings;
  for (const [id, device] of state.devices) {
    if (named.has(id) || !hasStatus(device)) continue;
    const before = state.alone.get(id) ?? newcomer(state, id);
    const isRestlessAlone = early || before.class !== 'healthy';
    if (touched === 'time' ? !isRestlessAlone : touched !== 'all' && !touched.has(id)) continue;
    const member = memberOf(before, device, viewOf(state, device, triggers, NO_PLAN, stamp), []);
    if (member === before) continue;
    facts.push(...memberFacts(device.label, before, member));
    map ??= new Map(state.alone);
    map.set(id, member);
  }
  const gone = [...state.alone.keys()].filter((id) => {
    const device = state.devices.get(id);
    return named.has(id) || device === undefined || !hasStatus(device);
  });
  for (const id of gone) {
    map ??= new Map(state.alone);
    map.delete(id);
  }
  return { map: map ?? state.alone, facts };
}

/** What was taken over from an earlier process is known by the state itself from then on; kept, it would come back stale. */
function withoutAdopted(state: State): State {
  const { memory, alone } = state;
  if (memory === undefined || ![...memory.alone.keys()].some((id) => alone.has(id))) return state;
  return { ...state, memory: { ...memory, alone: new Map([...memory.alone].filter(([id]) => !alone.has(id))) } };
}

/** A device that is new here. Conditions that held in an earlier process of this boot go on. */
const newcomer = ({ memory }: State, device: DeviceId): Member => ({
  ...unseen(device),
  ...(memory?.boot === 'same' ? memory.alone.get(device) : undefined),
});

/** What a device without a plan is taken to need: the reserve of a plan with nothing in it. */
const NO_PLAN = seconds(60);

/** A PDU or sensor has no status: there is nothing to judge. One that was not read yet may have. */
const hasStatus = ({ reading }: DeviceState): boolean => reading === undefined || reading.variables.has('ups.status');

const named = new WeakMap<Settings, ReadonlySet<DeviceId>>();

function namedBy(settings: Settings): ReadonlySet<DeviceId> {
  const known = named.get(settings);
  if (known !== undefined) return known;
  const feeds = new Set(settings.groups.flatMap((group) => group.feeds));
  named.set(settings, feeds);
  return feeds;
}

const isTouched = (touched: Exclude<Touched, 'time'>, feeds: readonly DeviceId[]): boolean =>
  touched === 'all' || feeds.some((id) => touched.has(id));

/** Whether time alone can change what a group comes to. */
function isRestless(group: GroupState): boolean {
  const { members, run, earlierRun, silenced, disarmedUntil, shortSince } = group;
  if ((run ?? earlierRun ?? silenced ?? disarmedUntil ?? shortSince) !== undefined) return true;
  if (isPursuing(group)) return true;
  for (const member of members.values()) if (member.class !== 'healthy') return true;
  return false;
}
