import type { Run } from '../domain/groups.ts';
import type { Input } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import type { Transition } from '../domain/ports.ts';
import { type DeviceState, EMPTY_STATE, type State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import type { Cause } from '../domain/triggers.ts';
import { decide } from '../policy/decide.ts';
import { type Alarms, alarmed, failsafe, type Standing } from '../policy/failsafe.ts';
import { effectOf } from '../policy/groups/effect.ts';

/** What one input turns into the next: the state, and what the failsafe needs if deciding fails. Plain data. */
export interface Mind {
  readonly state: State;
  readonly alarms: Alarms;
  /** As it was after the last input that all went well with. */
  readonly standing: readonly Standing[];
}

export const BLANK: Mind = { state: EMPTY_STATE, alarms: new Map(), standing: [] };

export interface Thought {
  readonly mind: Mind;
  readonly transition: Transition;
  /** What `decide` threw; absent when all went well. */
  readonly thrown?: { readonly value: unknown };
}

/**
 * Decides on one input; where deciding fails, keeps the state and asks the failsafe. The loop and the replay of a trace
 * both think with this, so that a replay fails as the program has failed.
 */
export function think(mind: Mind, input: Input, stamp: Stamp, deciding: typeof decide = decide): Thought {
  const alarms = withWords(mind, input);
  const before = mind.state;
  try {
    const { state: after, intents, facts } = deciding(before, input, stamp);
    const standing = isStale(before, after) ? standingOf(after, stamp) : mind.standing;
    return { mind: { state: after, alarms, standing }, transition: { stamp, input, before, after, intents, facts } };
  } catch (value) {
    const acted = lastResort({ ...mind, alarms }, stamp);
    const text = `deciding on ${input.kind} failed; the state before it is kept`;
    const facts = [{ type: 'internal_error', level: 'error' as const, text }, ...acted.facts];
    const transition = { stamp, input, before, after: acted.state, intents: acted.intents, facts };
    return { mind: { ...mind, state: acted.state, alarms }, transition, thrown: { value } };
  }
}

function withWords({ alarms, state }: Mind, input: Input): Alarms {
  if (input.kind !== 'report' || input.report.kind !== 'readings') return alarms;
  const { source, readings } = input.report;
  const ids = state.sources.get(source)?.ids;
  const statuses = [...readings].map(([name, { flags }]) => {
    const device = state.devices.get(ids?.get(name.toLowerCase()) ?? '');
    const words = device?.power.fsdIgnored ? flags.filter((word) => word !== 'FSD') : flags;
    return [feedKey(source, name), words] as const;
  });
  return alarmed(alarms, statuses, state.settings?.fsd !== 'tell');
}

const feedKey = (source: string, name: string): string => `${source}/${name.toLowerCase()}`;

function addressOf(devices: State['devices'], feed: string): string {
  const { source, name } = devices.get(feed)?.address ?? { source: '', name: feed };
  return feedKey(source, name);
}

const isStale = (before: State, after: State): boolean =>
  before.groups !== after.groups || before.settings !== after.settings || before.devices.size !== after.devices.size;

function standingOf({ settings, groups, devices }: State, { at }: Stamp): readonly Standing[] {
  if (settings === undefined) return [];
  return settings.groups.flatMap(({ id, feeds, minHealthy }) => {
    const group = groups.get(id);
    if (group === undefined) return [];
    const addresses = feeds.map((feed) => addressOf(devices, feed));
    const armed = effectOf(settings, group.plan, group.disarmedUntil, at) !== 'none' && group.run?.whole !== true;
    return [{ group: id, armed, obeysFsd: settings.fsd === 'obey', feeds: addresses, minHealthy }];
  });
}

/** The feeds that are in danger: mains call a run off only when they are back. */
function causeOf({ settings, devices }: State, group: string, alarms: Alarms): readonly Cause[] {
  const feeds = settings?.groups.find(({ id }) => id === group)?.feeds ?? [];
  const isGrave = (feed: string) => alarms.has(addressOf(devices, feed));
  const why = 'low battery or forced shutdown, as the failsafe sees it';
  return feeds.filter(isGrave).map((device) => ({ device, trigger: 'low_battery', why }));
}

function lastResort(
  { state, alarms, standing }: Mind,
  stamp: Stamp,
): Pick<Transition, 'intents' | 'facts'> & { state: State } {
  const called = failsafe(standing, alarms).filter((id) => state.groups.get(id)?.run?.whole !== true);
  const groups = new Map(state.groups);
  const devices = new Map(state.devices);
  const intents: Intent[] = [];
  const facts: Transition['facts'][number][] = [];
  for (const id of called) {
    const group = groups.get(id);
    if (group === undefined) continue;
    const stages = group.plan.stages.map(({ name }) => name);
    const dryRun = state.settings?.dryRun === true;
    const reason = 'the failsafe: deciding fails, and low battery or a forced shutdown stands';
    const { wall, at } = stamp;
    const cause = causeOf(state, id, alarms);
    const fresh: Run = {
      id: `${id}-${new Date(wall).toISOString()}`,
      kind: 'outage',
      cause,
      since: at,
      wall,
      stages,
      whole: true,
      wholeSince: at,
      effect: dryRun ? 'dry-run' : 'act',
    };
    // A run that has shed a stage goes on as the whole.
    const run = group.run === undefined ? fresh : { ...group.run, cause, stages, whole: true };
    const { progress: was, shed } = group;
    const progress =
      was?.run === run.id
        ? was
        : { run: run.id, kind: run.kind, dryRun, wall, phase: 'running' as const, steps: new Map() };
    groups.set(id, { ...group, run, progress });
    const done = [...progress.steps].flatMap(([key, { state }]) => (state === 'running' ? [] : [key]));
    const undo = shed?.undo ?? new Map();
    for (const { device } of run.cause) endangered(devices, device, stamp);
    const halt = group.plan.halt !== undefined;
    intents.push({ kind: 'run', group: id, run: run.id, plan: group.plan, stages, halt, dryRun, reason, done, undo });
    facts.push({ type: 'shutdown', group: id, level: 'error', text: `${group.label}: shutdown decided, ${reason}` });
  }
  return { state: called.length === 0 ? state : { ...state, groups, devices }, intents, facts };
}

/** The state may still say what was before deciding failed. Only a reading that is taken in again may call the run off. */
function endangered(devices: Map<string, DeviceState>, id: string, { at, wall }: Stamp): void {
  const device = devices.get(id);
  if (device === undefined || (device.power.outage?.mainsSince === undefined && device.power.fed === 'battery')) return;
  const { mainsSince: _, ...outage } = device.power.outage ?? {
    id: new Date(wall).toISOString(),
    since: at,
    wall,
    proof: 'status' as const,
    byTest: false,
    charges: [],
  };
  devices.set(id, { ...device, power: { ...device.power, fed: 'battery', outage } });
}
