import { isTesting } from '../../analysis/battery/self-test.ts';
import { memberOf } from '../../analysis/redundancy/member.ts';
import { capacityOf, quorumOf, type Standing } from '../../analysis/redundancy/quorum.ts';
import type { Fact } from '../../domain/facts.ts';
import type { GroupState, Member } from '../../domain/groups.ts';
import type { Intent } from '../../domain/intents.ts';
import type { Plan } from '../../domain/plan.ts';
import type { GroupSettings, Settings, StageSettings } from '../../domain/settings.ts';
import type { Durations, Listening, State } from '../../domain/state.ts';
import { after, type Instant, type Stamp, seconds } from '../../domain/time.ts';
import type { Cause, Trigger } from '../../domain/triggers.ts';
import { planOf } from '../plan/plan.ts';
import { alikeOr } from './alike.ts';
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

/** What the triggers of a device are judged with. */
export function judgedWith(
  state: State & { readonly settings: Settings; readonly listening: Listening },
  id: string,
  of: Pick<GroupSettings, 'triggers' | 'stages'> & Pick<Plan, 'need'>,
  stamp: Stamp,
): Parameters<typeof memberOf>[1] {
  const device = state.devices.get(id);
  return {
    id,
    ...(device === undefined ? {} : { device }),
    now: stamp.at,
    settings: of.triggers,
    stages: of.stages,
    need: of.need,
    listeningFrom: laterOf(state.listening.since, state.listening.gap),
    silenceFrom: after(laterOf(state.listening.since, state.listening.gap), FIRST_ANSWERS),
    listeningSince: state.listening.since,
    trustCharge: device?.tuning.trustCharge ?? true,
    failedTest: device?.battery.lastTest?.result === 'failed',
    testing: device?.reading !== undefined && isTesting(device.reading, device.battery, stamp.at),
    fsd: state.settings.fsd,
  };
}

const laterOf = (one: Instant, other: Instant | undefined): Instant =>
  other === undefined || one > other ? one : other;

type Ready = Parameters<typeof judgedWith>[0];

/** Judges a group: its feeds, its quorum, what is to be done, and what is in sight. The same group where nothing has changed. */
export function judgeGroup(state: Ready, settings: GroupSettings, before: GroupState, stamp: Stamp): GroupStep {
  const plan = planFor(settings, state.durations);
  const { gap } = state.listening;
  const members = new Map(
    settings.feeds.map((id) => {
      const input = judgedWith(state, id, { ...settings, need: plan.need }, stamp);
      return [id, memberOf(before.members.get(id), input, gap)] as const;
    }),
  );
  const list = listOf(members);
  const silenced = before.silenced !== undefined && stamp.at < before.silenced.until ? before.silenced : undefined;
  const disarmedUntil =
    before.disarmedUntil !== undefined && stamp.at < before.disarmedUntil ? before.disarmedUntil : undefined;
  const causes = causesOf(list, silenced, stamp.at);
  const lost = new Set(causes.map(({ device }) => device));
  const counts = stamp.at >= after(state.listening.since, COLD_START);
  const standing = quorumOf(list, settings.minHealthy, ({ device }) => lost.has(device), counts);
  const capacity = capacityOf(settings, members, state.devices);
  const shortSince = capacity === undefined || capacity.enough ? undefined : (before.shortSince ?? stamp.at);
  const short = shortSince !== undefined && stamp.at >= after(shortSince, settings.triggers.hold);
  const call = callOf({ settings, list, lost, counts, standing, causes, short, silenced }, stamp);
  const effect = effectOf(state.settings, plan, disarmedUntil, stamp.at);
  const earlier = earlierRun(before, settings.feeds, state.devices);
  const standingRun = before.run ?? (earlier === 'goes-on' ? before.earlierRun : undefined);
  const run = stepRun(standingRun, call, settings, state.devices, effect, stamp);
  const next = runOf(run);
  // Told once everything has had time to answer, and then as it changes.
  const readiness = readinessOf(plan, list, state.devices, before.readiness);
  const slack = slackOf(plan, list, state.devices);
  const { byAbsence: _, ...quorum } = standing;
  const base = {
    id: settings.id,
    label: settings.label ?? settings.id,
    members,
    quorum,
    plan,
    readiness,
    told: {
      ready: counts ? readiness.ready : before.told.ready,
      short: capacity === undefined ? before.told.short : short,
    },
    ...(capacity === undefined ? {} : { capacity }),
    ...(shortSince === undefined ? {} : { shortSince }),
    ...(slack === undefined ? {} : { slack }),
    ...(next === undefined ? {} : { run: next }),
    ...(earlier === 'waits' && before.earlierRun !== undefined ? { earlierRun: before.earlierRun } : {}),
    ...(silenced === undefined ? {} : { silenced }),
    ...(disarmedUntil === undefined ? {} : { disarmedUntil }),
  };
  const outlook = outlookOf({ ...base, effect }, state.devices);
  const group = kept(before, { ...base, outlook });
  const facts = groupFacts({ before, now: group, run, earlier }, state.devices);
  return { group, facts, intents: intentsOf(run, group) };
}

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

/** What the feeds call for. Too little capacity is a lost quorum where it is enforced, but only once a feed is lost. */
function callOf(of: Calling, stamp: Stamp): Call {
  const { settings, list, lost, standing, causes } = of;
  const enforced = of.short && settings.minCapacity === 'enforce' && lost.size > 0;
  const whole = standing.lost || enforced;
  const stages = settings.stages.filter((stage) => stage.when !== undefined && isCalled(stage, of, stamp));
  if (whole) {
    const kind = causes.some(({ trigger }) => trigger === 'fsd')
      ? 'fsd'
      : standing.byAbsence || !standing.lost
        ? 'quorum'
        : 'outage';
    return { whole, stages: stages.map(({ name }) => name), kind, cause: causes };
  }
  const cause = stages.flatMap((stage) =>
    list.filter(({ meets }) => meets.includes(stage.name)).map(({ device }) => stageCause(stage, device)),
  );
  return { whole, stages: stages.map(({ name }) => name), kind: 'outage', cause: cause.length > 0 ? cause : causes };
}

function isCalled(stage: StageSettings, { settings, list, lost, counts, silenced }: Calling, stamp: Stamp): boolean {
  if (isStageSilenced(silenced, stage.name, stamp.at)) return false;
  const isLost = ({ device, meets }: Member) => lost.has(device) || meets.includes(stage.name);
  // Feeds that only the group's own triggers count as lost call for the group, not for a stage.
  if (!list.some(({ meets }) => meets.includes(stage.name))) return false;
  return quorumOf(list, settings.minHealthy, isLost, counts).lost;
}

const STAGE_TRIGGERS: readonly (readonly [keyof NonNullable<StageSettings['when']>, Trigger])[] = [
  ['onBatteryFor', 'on_battery_for'],
  ['chargeBelow', 'charge_below'],
  ['runtimeBelow', 'runtime_below'],
];

function stageCause({ name, when }: StageSettings, device: string): Cause {
  const [, trigger] = STAGE_TRIGGERS.find(([key]) => when?.[key] !== undefined) ?? ['onBatteryFor', 'on_battery_for'];
  return { device, trigger, why: `the condition of stage ${name} holds` };
}

function runOf(step: RunStep): GroupState['run'] {
  return step.kind === 'same' || step.kind === 'begun' || step.kind === 'more' ? step.run : undefined;
}

function intentsOf(step: RunStep, { id, plan }: GroupState): readonly Intent[] {
  if (step.kind === 'none' || step.kind === 'same' || step.run.effect === 'none') return [];
  const { run } = step;
  const reason = run.cause.map(({ device, why }) => `${device}: ${why}`).join('; ');
  if (step.kind === 'finished') return [];
  if (step.kind === 'called-off') {
    return [{ kind: 'call-off', group: id, run: run.id, reason: step.why }];
  }
  const halt = run.whole && plan.halt !== undefined;
  const dryRun = run.effect === 'dry-run';
  return [{ kind: 'run', group: id, run: run.id, plan, stages: run.stages, halt, dryRun, reason }];
}

/** Parts that say the same as before are the same value as before; a group of nothing but such parts is the group before. */
function kept(before: GroupState, now: GroupState): GroupState {
  const members = sameMembers(before.members, now.members) ? before.members : now.members;
  const merged: GroupState = {
    ...now,
    members,
    quorum: alikeOr(before.quorum, now.quorum),
    readiness: alikeOr(before.readiness, now.readiness),
    told: alikeOr(before.told, now.told),
    outlook: alikeOr(before.outlook, now.outlook),
    ...(now.capacity === undefined ? {} : { capacity: alikeOr(before.capacity, now.capacity) }),
  };
  const keys = new Set([...Object.keys(before), ...Object.keys(merged)]) as Set<keyof GroupState>; // keys of the two
  for (const key of keys) if (before[key] !== merged[key]) return merged;
  return before;
}

const sameMembers = (one: GroupState['members'], other: GroupState['members']): boolean =>
  one.size === other.size && [...other].every(([id, member]) => one.get(id) === member);

/** A group of which nothing is known yet. */
export function unjudged(settings: GroupSettings, durations: Durations): GroupState {
  return {
    id: settings.id,
    label: settings.label ?? settings.id,
    members: new Map(),
    quorum: { healthy: 0, needed: settings.minHealthy, spare: 0, lost: false },
    plan: planFor(settings, durations),
    readiness: { ready: true, reasons: [] },
    told: { ready: true, short: false },
    outlook: { state: 'blind', effect: 'none', text: '' },
  };
}
