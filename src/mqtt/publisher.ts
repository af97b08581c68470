import type { Fact } from '../domain/facts.ts';
import type { Member } from '../domain/groups.ts';
import type { DeviceId, GroupId } from '../domain/names.ts';
import type { Transition } from '../domain/ports.ts';
import { quantityOf } from '../domain/quantities.ts';
import type { Variables } from '../domain/reading.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { after, between, type Instant, type Millis } from '../domain/time.ts';
import type { Announcer } from './announcer.ts';
import { devicePayload, urgency } from './device-payload.ts';
import { announceBridge, announceDevice, type DiscoveryContext } from './discovery.ts';
import { eventPayload } from './event-payload.ts';
import { GroupPublisher, type PlanData, type ProgressData } from './group-publisher.ts';
import { type Judged, judgedUrgency, judgedValues } from './judged-values.ts';
import { Moments } from './moments.ts';
import { ON_BATTERY, ON_MAINS, PacedTopics } from './paced.ts';
import { qualityPayload, qualityStates } from './quality-payload.ts';
import { bridgeIdentifier, deviceIdentifier, groupIdentifier, type Topics } from './topics.ts';

/** What is sent out: retained states by topic, and events that pass. */
export interface Outlet {
  readonly retain: (topic: string, payload: string) => void;
  readonly clear: (topic: string) => void;
  /** Sends what is retained under a topic once more, changed or not. */
  readonly again: (topic: string) => void;
  readonly pass: (topic: string, payload: string) => void;
}

export interface PublisherParts {
  readonly topics: Topics;
  readonly node: string;
  readonly version: string;
  /** Wall time of the start, ISO 8601. */
  readonly started: string;
  /** How long a variable may be missing from good readings before its entity goes. */
  readonly forgetAfter: Millis;
  readonly announcer: Announcer;
  readonly planData: PlanData;
  readonly progressData: ProgressData;
  readonly outlet: Outlet;
}

interface Shown {
  /** As it was shown last; undefined before the first time. */
  device: DeviceState | undefined;
  /** How its group, or nobody, saw it then. */
  member: Member | undefined;
  judged: Judged | undefined;
  /** Everything announced or published of it, present or not. */
  readonly variables: Set<string>;
  /** Since when a variable is missing from good readings. */
  readonly missing: Map<string, Instant>;
  /** Words it has used where a list of words is expected, and that are not in the list. */
  readonly words: Map<string, Set<string>>;
  /** What the announcement was made from; another one is made when it changes. */
  shape: string;
  sentAt: Instant;
  waiting: boolean;
}

/**
 * Turns the state into topics. Level-triggered: it may miss any transition but the facts, and the next one puts
 * everything right.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #shown = new Map<DeviceId, Shown>();
  readonly #moments = new Moments();
  readonly #paced: PacedTopics;
  readonly #groups: GroupPublisher;
  /** The first group that names a device. */
  #groupOf: ReadonlyMap<DeviceId, GroupId> = new Map();
  #seen: Pick<State, 'devices' | 'groups' | 'alone'> | undefined;
  #context: DiscoveryContext;
  #info = '';
  #configured: State['settings'];
  /** What was there when orphans were last looked for. */
  #checked: { readonly sources: State['sources'] | undefined; readonly version: number } = {
    sources: undefined,
    version: -1,
  };

  constructor(parts: PublisherParts) {
    const { topics, node, version, announcer, outlet, planData, progressData } = parts;
    this.#parts = parts;
    this.#paced = new PacedTopics(outlet.retain);
    const { clear } = outlet;
    const own = { announcer, paced: this.#paced, moments: this.#moments, planData, progressData, clear };
    this.#groups = new GroupPublisher(own);
    this.#context = { node, topics, version, allow: [] };
  }

  accept({ after: now, stamp, facts, input }: Transition): void {
    this.#moments.follow(stamp);
    const isNew = now.settings !== this.#configured;
    if (isNew) this.#reconfigure(now, stamp.at);
    const seen = this.#seen;
    this.#seen = now;
    const judged = seen?.groups !== now.groups || seen.alone !== now.alone;
    if (judged || seen.devices !== now.devices) this.#devices(now, stamp.at);
    if (isNew || seen?.groups !== now.groups) this.#groups.show(now, this.#context, stamp.at);
    if (isNew) this.#bridgeInfo(now);
    for (const fact of facts) this.#event(fact, now, stamp.wall);
    if (input.kind === 'tick') this.#tick(now, stamp.at);
    this.#tell(stamp.at);
  }

  /** Home Assistant has started. */
  born(at: Instant): void {
    this.#parts.announcer.born(at);
    this.#tell(at);
  }

  #tell(at: Instant): void {
    const { announcer, outlet } = this.#parts;
    for (const { topic, payload } of announcer.due(at)) {
      if (payload === undefined) outlet.again(topic);
      else if (payload === '') outlet.clear(topic);
      else outlet.retain(topic, payload);
    }
  }

  #reconfigure(state: State, at: Instant): void {
    this.#configured = state.settings;
    this.#context = { ...this.#context, allow: state.settings?.allow ?? [] };
    for (const one of this.#shown.values()) one.shape = '';
    const feeds = (state.settings?.groups ?? []).flatMap(({ id, feeds }) => feeds.map((feed) => [feed, id] as const));
    this.#groupOf = new Map(feeds.toReversed());
    const { announcer, topics } = this.#parts;
    announcer.want(announceBridge(this.#context), at, {
      clears: [topics.bridgeState, topics.bridgeInfo],
      variables: [],
    });
  }

  #devices(state: State, at: Instant): void {
    const before = this.#shown.size;
    for (const id of this.#shown.keys()) if (!state.devices.has(id)) this.#gone(id, at);
    for (const device of state.devices.values()) {
      const one = this.#shown.get(device.id);
      const member = this.#memberOf(state, device.id);
      if (one?.device !== device || one.member !== member) {
        this.#show(device, member, one ?? this.#first(device, at), at);
      }
    }
    if (this.#shown.size !== before) this.#bridgeInfo(state);
  }

  /** A device as the first group with it sees it, else as the default triggers do. */
  #memberOf({ groups, alone }: State, id: DeviceId): Member | undefined {
    const group = this.#groupOf.get(id);
    return group === undefined ? alone.get(id) : groups.get(group)?.members.get(id);
  }

  #gone(id: DeviceId, at: Instant): void {
    const { node, topics, outlet, announcer } = this.#parts;
    this.#shown.delete(id);
    outlet.retain(topics.availability(id), AVAILABILITY.offline);
    // Its topics are cleared with its announcement, if there was one.
    this.#paced.forget(topics.powerQuality(id));
    if (announcer.takeBack(deviceIdentifier(node, id), at)) return;
    for (const topic of topicsOfDevice(id, topics)) outlet.clear(topic);
  }

  /** A device that this process has not shown yet. What an earlier one announced of it is only missing, not gone. */
  #first(device: DeviceState, at: Instant): Shown {
    const { node, announcer } = this.#parts;
    const variables = new Set(announcer.variablesOf(deviceIdentifier(node, device.id)));
    return {
      device: undefined,
      member: undefined,
      judged: undefined,
      variables,
      missing: new Map(),
      words: new Map(),
      shape: '',
      sentAt: at,
      waiting: false,
    };
  }

  #show(device: DeviceState, member: Member | undefined, one: Shown, at: Instant): void {
    const former = one.device;
    const urgent = soonest(urgency(former, device), this.#judge(one, device, member));
    one.device = device;
    one.member = member;
    this.#shown.set(device.id, one);
    if (former?.link !== device.link) this.#availability(device);
    if (former?.quality !== device.quality || former.power !== device.power || former.link !== device.link) {
      this.#quality(device, at);
    }
    if (urgent !== 'none') this.#notice(one, device, at);
    if (urgent !== 'none' || one.shape === '' || former?.inventory !== device.inventory)
      this.#announce(one, device, at);
    if (urgent === 'now') this.#publish(one, device, at);
    else if (urgent === 'later') one.waiting = true;
    if (one.waiting) this.#overdue(one, device, at);
  }

  /** Works out again what was judged, where anything behind it is another. */
  #judge(one: Shown, device: DeviceState, member: Member | undefined): Urgency {
    const { device: former, member: seen, judged } = one;
    const { power, battery, link } = device;
    const isSame = former?.power === power && former.battery === battery && former.link === link && seen === member;
    if (judged !== undefined && isSame) return 'none';
    one.judged = judgedValues(device, member, this.#moments);
    return judgedUrgency(judged, one.judged);
  }

  #quality({ id, quality, power, link }: DeviceState, at: Instant): void {
    if (quality.since === undefined) return;
    const pace = power.fed === 'battery' ? ON_BATTERY : ON_MAINS;
    const seesMains = link.kind === 'up' && power.fed === 'mains' && power.silentSince === undefined;
    const urgent = `${seesMains},${qualityStates(quality)}`;
    const view = { urgent, text: () => qualityPayload(quality, seesMains), pace };
    this.#paced.offer(this.#parts.topics.powerQuality(id), view, at);
  }

  #availability({ id, link }: DeviceState): void {
    const { topics, outlet } = this.#parts;
    outlet.retain(topics.availability(id), AVAILABILITY[link.kind === 'up' ? 'online' : 'offline']);
  }

  /** Keeps the list of what a device has ever shown, and since when something is missing. */
  #notice({ variables, missing, words }: Shown, { reading, derived, link }: DeviceState, at: Instant): void {
    for (const names of [reading?.variables, derived]) {
      for (const name of names?.keys() ?? []) {
        variables.add(name);
        missing.delete(name);
      }
    }
    for (const [name, text] of reading?.variables ?? []) noteWord(words, name, text);
    if (link.kind !== 'up') {
      missing.clear();
      return;
    }
    for (const name of variables) {
      if (!has(reading?.variables, name) && !has(derived, name) && !missing.has(name)) missing.set(name, at);
    }
  }

  /** Once everything is known that the announcement needs, and again when that has changed. */
  #announce(one: Shown, device: DeviceState, at: Instant): void {
    if (device.reading === undefined || device.inventory === undefined) return;
    const shape = shapeOf(device, one.variables);
    if (shape === one.shape) return;
    one.shape = shape;
    const { topics, announcer } = this.#parts;
    const variables = [...one.variables].sort();
    const clears = topicsOfDevice(device.id, topics);
    const { source } = device.address;
    announcer.want(announceDevice(device, { variables, words: one.words }, this.#context), at, {
      source,
      clears,
      variables,
    });
  }

  #publish(one: Shown, device: DeviceState, at: Instant): void {
    if (device.reading === undefined && device.link.kind === 'unknown') return;
    one.sentAt = at;
    one.waiting = false;
    const { node, topics, outlet, announcer } = this.#parts;
    const expected = [...one.variables, ...announcer.stillRead(deviceIdentifier(node, device.id))];
    outlet.retain(topics.device(device.id), devicePayload(device, expected, one.judged));
  }

  #overdue(one: Shown, device: DeviceState, at: Instant): void {
    const pace = device.reading?.flags.includes('OB') ? ON_BATTERY : ON_MAINS;
    if (at >= after(one.sentAt, pace)) this.#publish(one, device, at);
  }

  #tick(state: State, at: Instant): void {
    for (const one of this.#shown.values()) {
      if (one.device === undefined) continue;
      if (one.waiting) this.#overdue(one, one.device, at);
      if (one.missing.size > 0 && one.device.link.kind === 'up') this.#forget(one, one.device, at);
    }
    this.#groups.tick(state, this.#context, at);
    this.#paced.tick(at);
    this.#takeBackOrphans(state, at);
  }

  #takeBackOrphans(state: State, at: Instant): void {
    const { node, announcer } = this.#parts;
    const same = state.sources === this.#checked.sources && announcer.version === this.#checked.version;
    if (state.settings === undefined || same) return;
    const devices = [...state.devices.keys()].map((id) => deviceIdentifier(node, id));
    const present = new Set([...devices, ...this.#groups.ids.map((id) => groupIdentifier(node, id))]);
    for (const { identifier, source, stage } of announcer.remembered()) {
      const orphan = stage === 'there' && !present.has(identifier) && this.#isOrphan(state, identifier, source);
      if (orphan) announcer.takeBack(identifier, at);
    }
    this.#checked = { sources: state.sources, version: announcer.version };
  }

  #forget(one: Shown, device: DeviceState, at: Instant): void {
    const before = one.variables.size;
    for (const [name, since] of one.missing) {
      if (between(since, at) < this.#parts.forgetAfter || isOccasional(name)) continue;
      one.variables.delete(name);
      one.missing.delete(name);
    }
    if (one.variables.size === before) return;
    this.#announce(one, device, at);
    this.#publish(one, device, at);
  }

  /** Something announced by an earlier process, or under another configuration, that nobody wants any more. */
  #isOrphan(state: State, identifier: string, source: string | undefined): boolean {
    if (source === undefined) return identifier !== bridgeIdentifier(this.#parts.node);
    const from = state.sources.get(source);
    return from === undefined || (from.listed !== undefined && from.listed.length > 0);
  }

  #event(fact: Fact, { groups }: State, wall: number): void {
    const { device, group } = fact;
    const payload = eventPayload(fact, group === undefined ? undefined : groups.get(group)?.progress, wall);
    const { outlet, topics } = this.#parts;
    outlet.pass(topics.bridgeEvent, payload);
    if (device !== undefined && this.#shown.has(device)) outlet.pass(topics.deviceEvent(device), payload);
    if (group !== undefined && this.#groups.has(group)) outlet.pass(topics.groupEvent(group), payload);
  }

  #bridgeInfo(state: State): void {
    const { armed, dryRun, digest } = state.settings ?? { armed: false, dryRun: false, digest: '' };
    const { version, started } = this.#parts;
    const about = { version, started, configuration: digest, armed, dry_run: dryRun };
    const text = JSON.stringify({
      ...about,
      devices: [...state.devices.keys()].sort(),
      groups: [...state.groups.keys()],
    });
    if (text === this.#info) return;
    this.#info = text;
    this.#parts.outlet.retain(this.#parts.topics.bridgeInfo, text);
  }
}

type Urgency = ReturnType<typeof urgency>;

const soonest = (one: Urgency, other: Urgency): Urgency =>
  one === 'now' || other === 'now' ? 'now' : one === 'later' ? one : other;

/** The retained topics of a device. */
const topicsOfDevice = (id: DeviceId, topics: Topics): readonly string[] => [
  topics.device(id),
  topics.availability(id),
  topics.powerQuality(id),
];

export const AVAILABILITY = {
  online: JSON.stringify({ state: 'online' }),
  offline: JSON.stringify({ state: 'offline' }),
} as const;

/** Words of one list that are remembered: a driver has a handful, and a broken one must not fill the announcement. */
const MOST_WORDS = 20;

/** Home Assistant complains of every state that is not an option, so a word the table does not know becomes one, and stays one. */
function noteWord(words: Map<string, Set<string>>, name: string, text: string): void {
  const options = quantityOf(name)?.options;
  if (options === undefined || text === '' || options.includes(text)) return;
  const known = words.get(name) ?? new Set();
  if (known.size >= MOST_WORDS) known.clear();
  words.set(name, known.add(text));
}

const has = (variables: Variables | undefined, name: string): boolean => variables?.has(name) ?? false;

/** Variables that devices show only when there is something to say: their entities stay. */
const isOccasional = (name: string): boolean =>
  /^(?:ups\.alarm|ups\.test\.|input\.transfer\.reason|input\.voltage\.fault|ups\.timer\.|power$|power\.basis$|mains$)/.test(
    name,
  );

/** What an announcement depends on besides the configuration: names, words that become options, limits, and what the device calls itself. */
function shapeOf(device: DeviceState, variables: ReadonlySet<string>): string {
  const parts = [device.label, [...variables].sort().join()];
  for (const [name, text] of device.reading?.variables ?? []) {
    if (!MOVES.test(name) && quantityOf(name)?.kind !== 'number') parts.push(`${name}=${text}`);
  }
  for (const { variable, accepts } of device.inventory?.writable ?? []) {
    parts.push(variable, JSON.stringify(accepts), device.reading?.variables.get(variable) ?? '');
  }
  parts.push(
    JSON.stringify(device.inventory?.commands ?? []),
    device.derived.get('connection') === undefined ? '' : 'c',
  );
  return parts.join('\n');
}

/** Texts that change without changing what is announced. */
const MOVES = /^(?:ups\.(?:status|alarm|time|date|test\.)|input\.transfer\.reason|driver\.state|device\.uptime)/;
