import { isTesting } from '../../analysis/battery/self-test.ts';
import { memberOf, silentSince, unlisted } from '../../analysis/redundancy/member.ts';
import { capacityOf, quorumOf, type Standing } from '../../analysis/redundancy/quorum.ts';
import { conditionTrigger } from '../../analysis/redundancy/stage.ts';
import type { View } from '../../analysis/triggers/view.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Capacity, GroupState, Member, Readiness, Run } from '../../domain/groups.ts';
import type { Intent } from '../../domain/intents.ts';
import type { DeviceId } from '../../domain/names.ts';
import type { Plan } from '../../domain/plan.ts';
import type { GroupSettings, Settings, StageCondition, StageSettings, TriggerSettings } from '../../domain/settings.ts';
import type { DeviceState, Durations, Listening, State } from '../../domain/state.ts';
import { after, type Instant, type Millis, type Stamp, seconds } from '../../domain/time.ts';
import type { Cause } from '../../domain/triggers.ts';
import { planOf } from '../plan/plan.ts';
import { pursue } from '../pursuit/pursue.ts';
import type { Pursuit } from '../pursuit/pursuit.ts';
import { goingOf } from '../pursuit/standing.ts';
import { alikeOr } from './alike.ts';
import { isCarried } from './carried.ts';
import { causesOf, isStageSilenced } from './causes.ts';
import { effectOf } from './effect.ts';
import { groupFacts } from './facts.ts';
import { outlookOf } from './outlook.ts';
import { readinessOf, slackOf } from './readiness.ts';
import { type Call, earlierRun, listOf, type RunStep, stepRun } from './run.ts';

/** What one input comes to for one group. */
export interface GroupStep {
  readonly group: GroupState;
  readonly intents: readonly Intent[];
  readonly facts: readonly Fact[];
}

/** Right after a start nobody can have answered yet; then silence counts. */
const FIRST_ANSWERS = seconds(5);
/** Feeds that have not been heard so long after a start are counted as absent. */
export const COLD_START = seconds(15);

const plans = new WeakMap<GroupSettings, { readonly durations: Durations; readonly plan: Plan }>();

/** The plan of a group. The same value as long as configuration and learned durations are the same. */
function planFor(group: GroupSettings, durations: Durations): Plan {
  const known = plans.get(group);
  if (known?.durations === durations) return known.plan;
  const plan = planOf(group, durations);
  plans.set(group, { durations, plan });
  return plan;
}

type Ready = State & { readonly settings: Settings; readonly listening: Listening };

/** What the triggers of a device look at. Built field by field: this is made for every feed in every second of an outage. */
export function viewOf(
  { settings, listening: { since, gap }, groups }: Ready,
  device: DeviceState,
  triggers: TriggerSettings,
  need: Millis,
  { at }: Stamp,
): View {
  const { power, reading, tuning, battery } = device;
  const listeningFrom = gap ?? since;
  const view: { -readonly [K in keyof View]: View[K] } = {
    now: at,
    power,
    listeningFrom,
    silenceFrom: after(listeningFrom, FIRST_ANSWERS),
    settings: triggers,
    need,
    trustCharge: tuning.trustCharge,
    failedTest: battery.lastTest?.result === 'failed',
    testing: reading !== undefined && isTesting(reading, battery, at),
    fsd: settings.fsd,
  };
  if (reading !== undefined) view.reading = reading;
  const silence = silentSince(device, since, gap);
  if (silence !== undefined) {
    view.silentSince = silence;
    if (isCarried(groups, settings, power, silence)) view.carried = true;
  }
  return view;
}

/** The feeds of a group as they stand now. The same members where none has changed. */
function membersOf(
  state: Ready,
  settings: GroupSettings,
  { members: before }: GroupState,
  need: Millis,
  stamp: Stamp,
): GroupState['members'] {
  const members = new Map<DeviceId, Member>();
  let isSame = before.size === settings.feeds.length;
  for (const id of settings.feeds) {
    const was = before.get(id);
    const device = state.devices.get(id);
    const member =
      device === undefined
        ? unlisted(was, id)
        : memberOf(was, device, viewOf(state, device, settings.triggers, need, stamp), settings.stages);
    isSame &&= member === was;
    members.set(id, member);
  }
  return isSame ? before : members;
}

/**
 * Judges a group: its feeds, its quorum, what is to be done, and what is in sight. The same group where nothing has changed.
 *
 * @param asked a person wants it shut down
 */
export function judgeGroup(
  state: Ready,
  settings: GroupSettings,
  before: GroupState,
  stamp: Stamp,
  asked?: 'asked',
): GroupStep {
  const plan = planFor(settings, state.durations);
  const members = membersOf(state, settings, before, plan.need, stamp);
  const list = listOf(members);
  // A cancel is for the outage it was made in; the next one is judged anew.
  const isOver = settings.feeds.every((id) => isOutOfOutage(state.devices.get(id)));
  const silenced =
    before.silenced !== undefined && stamp.at < before.silenced.until && !isOver ? before.silenced : undefined;
  const disarmedUntil =
    before.disarmedUntil !== undefined && stamp.at < before.disarmedUntil ? before.disarmedUntil : undefined;
  const causes = causesOf(list, silenced, stamp.at);
  const lost = new Set(causes.map(({ device }) => device));
  const counts = stamp.at >= after(state.listening.since, COLD_START);
  const standing = quorumOf(list, settings.minHealthy, ({ device }) => lost.has(device), counts);
  const capacity = capacityOf(settings, members, state.devices);
  const shortSince = capacity === undefined || capacity.enough ? undefined : (before.shortSince ?? stamp.at);
  const short = shortSince !== undefined && stamp.at >= after(shortSince, settings.triggers.hold);
  const called = callOf({ settings, list, lost, counts, standing, causes, short, silenced }, stamp);
  const call: Call = asked === undefined ? called : { ...called, whole: true, kind: 'request', cause: [] };
  const effect = effectOf(state.settings, plan, disarmedUntil, stamp.at);
  const earlier = earlierRun(before, settings, state.devices);
  const standingRun = before.run ?? (earlier === 'goes-on' ? before.earlierRun : undefined);
  const run = stepRun(standingRun, call, settings, state.devices, effect, stamp, goingOf(plan, before.progress));
  const { devices, listening } = state;
  const waits = earlier === 'waits';
  const carried = pursue({ settings, before, plan, step: run, effect, waits, devices, listening }, stamp);
  const group = groupOf(
    before,
    {
      settings,
      plan,
      members,
      standing,
      // Told once everything has had time to answer, and then as it changes.
      counts,
      readiness: readinessOf(plan, list, state.devices, before),
      slack: slackOf(plan, list, state.devices),
      capacity,
      shortSince,
      short,
      silenced,
      disarmedUntil,
      run: runOf(run),
      earlierRun: waits ? before.earlierRun : undefined,
      pursuit: carried.pursuit,
    },
    effect,
    state.devices,
  );
  const facts = groupFacts({ before, now: group, run, earlier }, state.devices);
  return { group, facts: [...facts, ...carried.facts], intents: carried.intents };
}

/** What an earlier boot has left of an outage is not over before this one has proved something. */
const isOutOfOutage = (device: DeviceState | undefined): boolean =>
  device !== undefined && device.earlier === undefined && device.power.outage === undefined;

interface Calling {
  readonly settings: GroupSettings;
  readonly list: readonly Member[];
  readonly lost: ReadonlySet<string>;
  readonly counts: boolean;
  readonly standing: Standing;
  readonly causes: readonly Cause[];
  readonly short: boolean;
  readonly silenced: GroupState['silenced'];
}

type Conditional = StageSettings & { readonly when: StageCondition };

const isConditional = (stage: StageSettings): stage is Conditional => stage.when !== undefined;

/** What the feeds call for. Too little capacity is a lost quorum where it is enforced, but only once a feed is lost. */
function callOf(of: Calling, stamp: Stamp): Call {
  const { settings, list, lost, standing, causes } = of;
  const enforced = of.short && settings.minCapacity === 'enforce' && lost.size > 0;
  const whole = standing.lost || enforced;
  if (whole) {
    const kind = causes.some(({ trigger }) => trigger === 'fsd')
      ? 'fsd'
      : standing.byAbsence || !standing.lost
        ? 'quorum'
        : 'outage';
    return { whole, stages: [], kind, cause: causes };
  }
  const stages = settings.stages.filter(isConditional).filter((stage) => isCalled(stage, of, stamp));
  const cause = stages.flatMap((stage) =>
    list.filter(({ meets }) => meets.includes(stage.name)).map(({ device }) => stageCause(stage, device)),
  );
  return { whole, stages: stages.map(({ name }) => name), kind: 'outage', cause };
}

function isCalled(stage: StageSettings, { settings, list, lost, counts, silenced }: Calling, stamp: Stamp): boolean {
  if (isStageSilenced(silenced, stage.name, stamp.at)) return false;
  const isLost = ({ device, meets }: Member) => lost.has(device) || meets.includes(stage.name);
  return quorumOf(list, settings.minHealthy, isLost, counts).lost;
}

const stageCause = ({ name, when }: Conditional, device: string): Cause => ({
  device,
  trigger: conditionTrigger(when),
  stage: name,
  why: `the condition of stage ${name} holds`,
});

function runOf(step: RunStep): GroupState['run'] {
  return step.kind === 'same' || step.kind === 'begun' || step.kind === 'more' ? step.run : undefined;
}

/** What a group has come to; undefined where there is none. */
interface Found {
  readonly settings: GroupSettings;
  readonly plan: Plan;
  readonly members: GroupState['members'];
  readonly standing: Standing;
  readonly counts: boolean;
  readonly readiness: Readiness;
  readonly slack: Millis | undefined;
  readonly capacity: Capacity | undefined;
  readonly shortSince: Instant | undefined;
  readonly short: boolean;
  readonly silenced: GroupState['silenced'];
  readonly disarmedUntil: Instant | undefined;
  readonly run: Run | undefined;
  readonly earlierRun: Run | undefined;
  readonly pursuit: Pursuit;
}

/**
 * The group of now. Parts that say the same as before are the same value as before; a group of nothing but such parts is
 * the group before. Built field by field: this is made for every group in every second of an outage.
 */
function groupOf(before: GroupState, found: Found, effect: Run['effect'], devices: State['devices']): GroupState {
  const { settings, members, plan, counts, capacity, short, readiness } = found;
  const { healthy, needed, spare, lost } = found.standing;
  // While its triggers have fired, nobody asks whether it would be ready.
  const isCritical = [...members.values()].some((member) => member.class === 'critical');
  const told = {
    ready: counts && !isCritical ? readiness.ready : before.told.ready,
    short: capacity === undefined ? before.told.short : short,
    // Right after a start nobody can say that enough feeds are there again.
    lost: lost || (!counts && before.told.lost),
  };
  const now: { -readonly [K in keyof GroupState]: GroupState[K] } = {
    id: settings.id,
    label: settings.label ?? settings.id,
    members,
    quorum: alikeOr(before.quorum, { healthy, needed, spare, lost }),
    plan,
    readiness: alikeOr(before.readiness, readiness),
    told: alikeOr(before.told, told),
    outlook: before.outlook,
  };
  if (capacity !== undefined) now.capacity = alikeOr(before.capacity, capacity);
  if (found.shortSince !== undefined) now.shortSince = found.shortSince;
  if (found.slack !== undefined) now.slack = found.slack;
  if (found.run !== undefined) now.run = found.run;
  if (found.earlierRun !== undefined) now.earlierRun = found.earlierRun;
  if (before.looked !== undefined) now.looked = before.looked;
  if (before.past !== undefined) now.past = before.past;
  const { progress, shed, resuming } = found.pursuit;
  if (progress !== undefined) now.progress = progress;
  if (shed !== undefined) now.shed = shed;
  if (resuming !== undefined) now.resuming = resuming;
  if (found.silenced !== undefined) now.silenced = found.silenced;
  if (found.disarmedUntil !== undefined) now.disarmedUntil = found.disarmedUntil;
  now.outlook = alikeOr(before.outlook, outlookOf(now, effect, devices));
  return isSame(before, now) ? before : now;
}

function isSame(before: GroupState, now: GroupState): boolean {
  let key: keyof GroupState;
  for (key in now) if (before[key] !== now[key]) return false;
  for (key in before) if (now[key] === undefined) return false;
  return true;
}

/** A group of which nothing is known yet. */
export function unjudged(settings: GroupSettings, durations: Durations): GroupState {
  return {
    id: settings.id,
    label: settings.label ?? settings.id,
    members: new Map(),
    quorum: { healthy: 0, needed: settings.minHealthy, spare: 0, lost: false },
    plan: planFor(settings, durations),
    readiness: { ready: true, reasons: [] },
    told: { ready: true, short: false, lost: false },
    outlook: { state: 'blind', effect: 'none', text: '' },
  };
}
