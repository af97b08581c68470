import { HEALTH_TERMS } from '../domain/battery.ts';
import { type GroupState, MEMBER_CLASSES, type Member, type Outlook } from '../domain/groups.ts';
import type { GridQuality, Quality, QualityCounters } from '../domain/quality.ts';
import type { DeviceState, State } from '../domain/state.ts';
import type { Families } from './families.ts';

/** What was judged: outages, triggers, power quality and batteries of every device, and the groups. */
export function tellJudgement(families: Families, state: State, epoch: number): void {
  const feeds = feedsOf(state);
  for (const device of state.devices.values()) {
    tellOutage(families, device);
    tellTriggers(families, feeds.get(device.id) ?? state.alone.get(device.id), epoch);
    tellQuality(families, device);
    tellBattery(families, device);
  }
  for (const group of state.groups.values()) tellGroup(families, group, state.settings?.armed ?? false);
}

/** Every device as the first group with it sees it. */
function feedsOf({ groups }: State): ReadonlyMap<string, Member> {
  const feeds = new Map<string, Member>();
  for (const { members } of groups.values()) {
    for (const [id, member] of members) if (!feeds.has(id)) feeds.set(id, member);
  }
  return feeds;
}

const flag = (yes: boolean): 0 | 1 => (yes ? 1 : 0);

/** An outage goes on while a device is silent; that there is none is known only of one that proves it. */
function tellOutage({ gauge }: Families, { id: ups, power: { fed, outage, silentSince }, link }: DeviceState): void {
  const real = outage !== undefined && !outage.byTest ? outage : undefined;
  const known = link.kind === 'up' && fed !== undefined && silentSince === undefined;
  if (real === undefined && !known) return;
  gauge('gridwarden_outage', 'Whether the mains are out, other than by a self-test', flag(real !== undefined), { ups });
  if (real === undefined) return;
  const name = 'gridwarden_outage_start_timestamp_seconds';
  gauge(name, 'Beginning of the outage that goes on, in seconds since 1970', real.wall / 1000, { ups });
}

const KINDS = ['quiet', 'blind', 'holding', 'fired'] as const;

/** Triggers are asked in an outage only, so at other times there are no series. */
function tellTriggers({ gauge }: Families, member: Member | undefined, epoch: number): void {
  if (member === undefined) return;
  const { device: ups, verdicts } = member;
  for (const { trigger, kind, firesAt } of verdicts) {
    for (const each of KINDS) {
      const labels = { ups, trigger, kind: each };
      gauge('gridwarden_trigger', 'What a trigger thinks of the device', flag(kind === each), labels);
    }
    if (firesAt === undefined) continue;
    const name = 'gridwarden_trigger_fires_timestamp_seconds';
    const help = 'When the trigger fires if everything goes on as it does, in seconds since 1970';
    gauge(name, help, Math.round((epoch + firesAt) / 1000), { ups, trigger });
  }
}

/** Every state that each part of the power quality can be in. */
const STATES = {
  voltage: ['normal', 'low', 'high', 'severely_low', 'severely_high'],
  frequency: ['normal', 'low', 'high'],
  avr: ['none', 'boost', 'trim'],
  bypass: ['inactive', 'active'],
  overload: ['normal', 'overload'],
} as const satisfies { readonly [K in keyof Quality]?: readonly string[] };

const PARTS = Object.keys(STATES) as readonly (keyof typeof STATES)[]; // Object.keys forgets the literal type

const EVENTS: readonly (readonly [kind: string, of: keyof QualityCounters])[] = [
  ['sag', 'sags'],
  ['swell', 'swells'],
  ['interruption', 'interruptions'],
  ['frequency_deviation', 'frequencyDeviations'],
];

/** States of a device that is heard only; what is counted stays. */
function tellQuality(families: Families, { id: ups, quality, link }: DeviceState): void {
  const { gauge, counter } = families;
  if (quality.since === undefined) return;
  for (const part of link.kind === 'up' ? PARTS : []) {
    const now = quality[part]?.state;
    if (now === undefined) continue;
    for (const state of STATES[part]) {
      const labels = { ups, part, state };
      gauge(
        'gridwarden_power_quality_state',
        'State of voltage, frequency, regulation, bypass or load',
        flag(now === state),
        labels,
      );
    }
  }
  for (const [kind, of] of EVENTS) {
    const { count, totalMs, longestMs } = quality.counters[of];
    const labels = { ups, kind };
    counter('gridwarden_power_quality_events_total', 'Disturbances of the mains that have begun', count, labels);
    const total = 'gridwarden_power_quality_disturbed_seconds_total';
    counter(total, 'Length of all disturbances of the mains that have ended, in seconds', totalMs / 1000, labels);
    const longest = 'gridwarden_power_quality_longest_event_seconds';
    gauge(longest, 'Longest disturbance of the mains, in seconds', longestMs / 1000, labels);
  }
  tellGrid(families, ups, 'day', quality.grid.day);
  tellGrid(families, ups, 'week', quality.grid.week);
}

const GRADES = ['A', 'B', 'C', 'D', 'E'] as const;

function tellGrid({ gauge }: Families, ups: string, window: string, grid: GridQuality | undefined): void {
  if (grid === undefined) return;
  const score = 'gridwarden_power_quality_score_ratio';
  gauge(score, 'Quality of the grid over the last day or week, 1 is the best', grid.score / 100, { ups, window });
  for (const grade of GRADES) {
    const labels = { ups, window, grade };
    gauge('gridwarden_power_quality_grade', 'The same as a grade, A is the best', flag(grid.grade === grade), labels);
  }
}

const RESULTS = ['passed', 'warning', 'failed'] as const;
/** Watt-hours in the base unit. */
const JOULES = 3600;

/** Of a device that is lost as well: a battery does not change in a day. */
function tellBattery({ gauge }: Families, { id: ups, battery }: DeviceState): void {
  const { health, capacities, lastTest } = battery;
  if (health?.score !== undefined) {
    gauge('gridwarden_battery_health_ratio', 'Health of the battery, 1 is as new', health.score / 100, { ups });
  }
  for (const term of HEALTH_TERMS) {
    const value = health?.terms[term];
    if (value === undefined) continue;
    gauge('gridwarden_battery_health_term_ratio', 'What the health is made of', value / 100, { ups, term });
  }
  if (health?.replacement !== undefined) {
    const { wall, confidence } = health.replacement;
    const name = 'gridwarden_battery_replacement_timestamp_seconds';
    gauge(name, 'When the battery should be replaced, in seconds since 1970', Math.round(wall / 1000), {
      ups,
      confidence,
    });
  }
  const measured = capacities?.at(-1);
  if (measured !== undefined) {
    const name = 'gridwarden_battery_measured_capacity_joules';
    gauge(
      name,
      'Capacity that the last outage has measured, as rated: over 20 hours',
      measured.slowWattHours * JOULES,
      { ups },
    );
  }
  if (measured?.ratedWattHours !== undefined) {
    const name = 'gridwarden_battery_rated_capacity_joules';
    gauge(name, 'Capacity of the battery when new', measured.ratedWattHours * JOULES, { ups });
  }
  if (lastTest === undefined) return;
  for (const result of RESULTS) {
    const labels = { ups, result };
    gauge('gridwarden_battery_test', 'Result of the last self-test', flag(lastTest.result === result), labels);
  }
  const seen = 'gridwarden_battery_test_timestamp_seconds';
  gauge(seen, 'When that result was seen first, in seconds since 1970', lastTest.wall / 1000, { ups });
}

const OUTLOOKS: readonly Outlook['state'][] = ['calm', 'outage', 'running', 'blind'];

function tellGroup({ gauge }: Families, group: GroupState, armed: boolean): void {
  const { id, members, quorum, capacity, plan, slack, readiness, outlook, run, disarmedUntil } = group;
  const tell = (name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}) =>
    gauge(`gridwarden_group_${name}`, help, value, { group: id, ...labels });
  for (const state of OUTLOOKS) tell('state', 'How the group stands', flag(outlook.state === state), { state });
  for (const each of MEMBER_CLASSES) {
    const count = [...members.values()].filter(({ class: standing }) => standing === each).length;
    tell('members', 'Feeds of the group by what they are worth to it', count, { class: each });
  }
  tell('feeds_healthy', 'Feeds that count as healthy', quorum.healthy);
  tell('feeds_needed', 'Feeds that have to be healthy', quorum.needed);
  tell('feeds_spare', 'Feeds that may still be lost', quorum.spare);
  tell('quorum_lost', 'Whether fewer feeds are healthy than needed', flag(quorum.lost));
  tell('ready', 'Whether the group could do its work if the mains went now', flag(readiness.ready));
  tell('armed', 'Whether the group may shut anything down', flag(armed && disarmedUntil === undefined));
  tell('running', 'Whether a shutdown, or a stage of it, was decided', flag(run !== undefined));
  tell('plan_need_seconds', 'What has to be left when the plan begins', plan.need / 1000);
  tell('plan_expected_seconds', 'What the plan is expected to take', plan.expected / 1000);
  if (slack !== undefined) tell('plan_slack_seconds', 'The smallest runtime, less what the plan needs', slack / 1000);
  if (capacity === undefined) return;
  tell('capacity_watts', 'What the healthy feeds can deliver', capacity.watts);
  tell('load_watts', 'What all feeds are asked for', capacity.load);
  tell('capacity_enough', 'Whether what is left can carry the load', flag(capacity.enough));
}
