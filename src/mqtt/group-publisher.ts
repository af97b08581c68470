import type { GroupState } from '../domain/groups.ts';
import type { GroupId } from '../domain/names.ts';
import type { Json } from '../domain/requests.ts';
import type { State } from '../domain/state.ts';
import type { Instant } from '../domain/time.ts';
import type { Announcer } from './announcer.ts';
import type { DiscoveryContext } from './discovery.ts';
import { announceGroup } from './group-discovery.ts';
import { groupPayload, groupUrgent, progressUrgent } from './group-payload.ts';
import { runsPayload } from './group-runs.ts';
import type { Moments } from './moments.ts';
import { ON_BATTERY, ON_MAINS, type PacedTopics } from './paced.ts';
import { groupIdentifier } from './topics.ts';

/** The plan of a group as it would run now, for its topic. */
export type PlanData = (group: GroupState) => { readonly [key: string]: Json };

/** How far the last run of a group has come, for its topic. */
export type ProgressData = (group: GroupState, state: State, now: Instant) => { readonly [key: string]: Json };

export interface GroupParts {
  readonly announcer: Announcer;
  readonly paced: PacedTopics;
  readonly moments: Moments;
  readonly planData: PlanData;
  readonly progressData: ProgressData;
  readonly clear: (topic: string) => void;
}

interface Shown {
  readonly group: GroupState;
  /** What it was shown and announced with. */
  readonly settings: State['settings'];
}

/** Shows the groups: their state, their plan, and as devices in Home Assistant. Level-triggered, as the devices are. */
export class GroupPublisher {
  readonly #parts: GroupParts;
  readonly #shown = new Map<GroupId, Shown>();

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  /** Ids of the groups that are shown. */
  get ids(): readonly GroupId[] {
    return [...this.#shown.keys()];
  }

  has(id: GroupId): boolean {
    return this.#shown.has(id);
  }

  /** This is how the groups are now. What has not changed costs a comparison. */
  show(state: State, context: DiscoveryContext, at: Instant): void {
    const { groups, settings } = state;
    for (const id of this.#shown.keys()) if (!groups.has(id)) this.#gone(id, context, at);
    for (const [id, group] of groups) {
      const before = this.#shown.get(id);
      if (before?.group === group && before.settings === settings) continue;
      this.#shown.set(id, { group, settings });
      this.#publish(before, group, settings, context, at);
      if (before === undefined || before.settings !== settings || !isSameRun(before.group, group)) {
        this.#shutdown(group, state, context, at);
      }
      if (before === undefined || before.group.past !== group.past) this.#runs(group, context, at);
      if (before?.settings !== settings || before?.group.members.size !== group.members.size) {
        this.#announce(group, context, at);
      }
    }
  }

  #publish(
    before: Shown | undefined,
    group: GroupState,
    settings: State['settings'],
    { topics }: DiscoveryContext,
    at: Instant,
  ): void {
    const { paced, moments, planData } = this.#parts;
    const armed = settings?.armed ?? false;
    const pace = group.outlook.state === 'outage' || group.outlook.state === 'running' ? ON_BATTERY : ON_MAINS;
    const text = () => groupPayload(group, armed, moments);
    paced.offer(topics.group(group.id), { urgent: groupUrgent(group, armed), text, pace }, at);
    if (before !== undefined && isSamePlan(before.group, group)) return;
    const { plan, readiness } = group;
    const urgent = JSON.stringify([readiness.ready, plan.need, plan.expected, plan.pointOfNoReturn ?? null]);
    paced.offer(topics.groupPlan(group.id), { urgent, text: () => JSON.stringify(planData(group)), pace }, at);
  }

  /** While something runs out, the time that is left changes by itself. */
  tick(state: State, context: DiscoveryContext, at: Instant): void {
    for (const { group } of this.#shown.values()) {
      if (group.run !== undefined) this.#shutdown(group, state, context, at);
    }
  }

  /** Steps go out as they begin and end, what is within them once a second. */
  #shutdown(group: GroupState, state: State, { topics }: DiscoveryContext, at: Instant): void {
    const { paced, progressData } = this.#parts;
    const text = () => JSON.stringify(progressData(group, state, at));
    paced.offer(topics.groupShutdown(group.id), { urgent: progressUrgent(group), text, pace: ON_BATTERY }, at);
  }

  /** The last runs go out as one begins, ends or is brought back. */
  #runs({ id, past }: GroupState, { topics }: DiscoveryContext, at: Instant): void {
    const text = runsPayload(past);
    this.#parts.paced.offer(topics.groupRuns(id), { urgent: text, text: () => text, pace: ON_BATTERY }, at);
  }

  #announce(group: GroupState, context: DiscoveryContext, at: Instant): void {
    const clears = topicsOf(group.id, context);
    this.#parts.announcer.want(announceGroup(group, context), at, { clears, variables: [] });
  }

  #gone(id: GroupId, context: DiscoveryContext, at: Instant): void {
    const { announcer, paced, clear } = this.#parts;
    this.#shown.delete(id);
    const own = topicsOf(id, context);
    for (const topic of own) paced.forget(topic);
    // Its topics are cleared with its announcement, if there was one.
    if (announcer.takeBack(groupIdentifier(context.node, id), at)) return;
    for (const topic of own) clear(topic);
  }
}

const topicsOf = (id: GroupId, { topics }: DiscoveryContext): readonly string[] => [
  topics.group(id),
  topics.groupPlan(id),
  topics.groupShutdown(id),
  topics.groupRuns(id),
];

const isSamePlan = (one: GroupState, other: GroupState): boolean =>
  one.plan === other.plan && one.slack === other.slack && one.readiness === other.readiness;

const isSameRun = (one: GroupState, other: GroupState): boolean =>
  one.progress === other.progress && one.shed === other.shed && one.run === other.run;
