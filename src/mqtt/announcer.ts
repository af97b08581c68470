import type { Instant } from '../domain/time.ts';
import { after, seconds } from '../domain/time.ts';
import { type Announced, fullText, lastText, stillRead } from './announced.ts';
import type { Components } from './component.ts';
import type { Announcement } from './discovery.ts';

export interface Message {
  readonly topic: string;
  /** Empty: the topic is cleared. Absent: what it holds is to be sent once more. */
  readonly payload?: string;
}

/** What the user has chosen: one message a device, one a component, or none. */
export interface AnnouncerOptions {
  readonly mode: 'device' | 'single' | 'off';
  readonly prefix: string;
}

/** What is remembered with an announcement. */
export type Remembered = Pick<Announced, 'source' | 'clears' | 'variables'>;

const GATHER = seconds(2);
/** When the new form follows the word that the old one migrates, and when the old one is cleared. */
const MIGRATION = seconds(1);
const MIGRATED = seconds(3);

/** `renewed` is `last`, and the states after it: Home Assistant judges a state by what was announced when it came. */
type Step = 'full' | 'last' | 'renewed' | 'migrate' | 'forget';

interface Kept {
  entry: Announced;
  plan: readonly { readonly at: Instant; readonly step: Step }[];
  /** Whether Home Assistant certainly sees the whole plan. */
  served: boolean;
  /** When this process sent the last version; undefined while it has sent none. */
  sentAt: Instant | undefined;
}

/**
 * Tells Home Assistant what there is, and takes back what there is no more, so that it is certainly removed.
 *
 * Leaving a component out removes nothing; a component reduced to its platform removes it, but only in a Home
 * Assistant that has seen it in full since its own start (measured with 2026.11). So whatever goes is announced in
 * full once more and then taken back, and that is done again when Home Assistant next says it was born: only then is
 * it sure to have been there.
 *
 * Changes are gathered: two versions of one message never follow each other faster than `GATHER`.
 */
export class Announcer {
  readonly #mode: AnnouncerOptions['mode'];
  readonly #prefix: string;
  readonly #kept = new Map<string, Kept>();
  /** Topics that a device has left for others, still to be cleared. */
  readonly #cleared: string[] = [];
  #version = 0;

  constructor({ mode, prefix }: AnnouncerOptions, memory: readonly Announced[], start: Instant) {
    this.#mode = mode;
    this.#prefix = prefix;
    const moving = new Set(memory.filter(({ stage }) => stage === 'moving').map(({ identifier }) => identifier));
    for (const told of memory) {
      const entry = mode === 'off' && told.stage === 'moving' ? { ...told, stage: 'there' as const } : told;
      const begin = moving.has(entry.identifier) && entry.stage === 'there' ? after(start, MIGRATION) : start;
      this.#kept.set(entry.topic, { entry, plan: goingOn(entry, begin), served: false, sentAt: undefined });
    }
    // What the devices tell goes on under the same topics, so those are not cleared.
    if (mode === 'off') for (const one of this.#kept.values()) this.#leave(one, start, []);
  }

  /** Counts up whenever `remembered` has changed. */
  get version(): number {
    return this.#version;
  }

  /** How many messages are remembered. */
  get size(): number {
    return this.#kept.size;
  }

  /** Everything that the next process must know. */
  remembered(): readonly Announced[] {
    return [...this.#kept.values()].map(({ entry }) => entry);
  }

  /** The variables that a device was announced with, by this process or one before. */
  variablesOf(identifier: string): readonly string[] {
    const own = [...this.#kept.values()].filter(({ entry }) => entry.identifier === identifier);
    return own.filter(({ entry }) => entry.stage === 'there').flatMap(({ entry }) => entry.variables);
  }

  /** What components of a device that are on their way out read of its retained object. */
  stillRead(identifier: string): readonly string[] {
    const own = [...this.#kept.values()].filter(({ entry }) => entry.identifier === identifier);
    return own.flatMap(({ entry }) => stillRead(entry));
  }

  /** This is how the device is to be announced now. Says nothing when it already is. */
  want(announcement: Announcement, now: Instant, keep: Remembered): void {
    if (this.#mode === 'off') return;
    const wanted = entriesOf(announcement, this.#mode, this.#prefix, keep);
    let first = now;
    let moved: Components = {};
    for (const one of this.#kept.values()) {
      const { topic, identifier, stage, mode, clears } = one.entry;
      if (identifier !== announcement.identifier || wanted.has(topic)) continue;
      // The device lives, so its own topics are not cleared with what it no longer has.
      if (clears.length > 0 && stage !== 'there') this.#change(one, { clears: [] });
      if (stage !== 'there') continue;
      if (mode === this.#mode) this.#leave(one, now, []);
      else {
        moved = { ...moved, ...one.entry.leaving, ...one.entry.components };
        this.#migrate(one, now);
        first = after(now, MIGRATION);
      }
    }
    // What is to go takes the new form with all the rest: in the old one it would only be let go of, not removed.
    const lost = without(moved, announcement.components);
    for (const [topic, entry] of wanted) {
      this.#renew(topic, this.#mode === 'device' ? { ...entry, leaving: lost } : entry, now, first);
    }
    if (this.#mode === 'single')
      this.#loseAll(entriesOf({ ...announcement, components: lost }, 'single', this.#prefix), first);
  }

  /** The device with this identifier is no more. False when nothing is announced that its topics could go with. */
  takeBack(identifier: string, now: Instant): boolean {
    const own = [...this.#kept.values()].filter(({ entry }) => entry.identifier === identifier);
    for (const one of own) this.#leave(one, now, one.entry.clears);
    return own.some(({ entry }) => entry.clears.length > 0);
  }

  /** Home Assistant has started: everything is said again, removals in both steps. */
  born(now: Instant): void {
    for (const one of this.#kept.values()) {
      if (one.entry.stage === 'moving') continue;
      const removes = one.entry.stage !== 'there' || !isEmpty(one.entry.leaving);
      const at = spaced(one, now);
      one.plan = removes ? twoSteps(at) : [{ at, step: 'last' }];
      one.served = removes;
      // It stands there in full again, until the second step.
      if (one.entry.stage === 'gone') this.#change(one, { stage: 'going' });
    }
  }

  /** Home Assistant, or the broker, has gone: what was said last has perhaps not been heard. */
  unheard(): void {
    for (const one of this.#kept.values()) one.served = false;
  }

  /** The messages that are due, in order. */
  due(now: Instant): readonly Message[] {
    const messages: Message[] = this.#cleared.splice(0).map((topic) => ({ topic, payload: '' }));
    const states = new Set<string>();
    for (const [topic, one] of this.#kept) {
      for (let next = one.plan[0]; next !== undefined && next.at <= now; next = one.plan[0]) {
        one.plan = one.plan.slice(1);
        one.sentAt = now;
        messages.push({ topic, payload: payloadOf(one.entry, next.step) });
        const { stage, root } = one.entry;
        const state = root['state_topic'];
        if (next.step === 'renewed' && stage === 'there' && typeof state === 'string') states.add(state);
        if (one.plan.length === 0) messages.push(...this.#end(topic, one, next.step));
      }
    }
    return [...messages, ...[...states].map((topic) => ({ topic }))];
  }

  /** The last message of a plan is out. */
  #end(topic: string, one: Kept, step: Step): readonly Message[] {
    const { stage, clears } = one.entry;
    if (stage === 'going') this.#change(one, { stage: 'gone', clears: [] });
    if (step === 'forget' || one.served) this.#settle(topic, one);
    return stage === 'going' ? clears.map((clear) => ({ topic: clear, payload: '' })) : [];
  }

  #change(one: Kept, change: Partial<Announced>): void {
    one.entry = { ...one.entry, ...change };
    this.#version += 1;
  }

  #leave(one: Kept, now: Instant, clears: readonly string[]): void {
    if (one.entry.stage !== 'there') return;
    this.#change(one, { stage: 'going', clears });
    one.plan = twoSteps(spaced(one, now));
    one.served = false;
  }

  /** The other form takes over the entities by Home Assistant's own migration, so that nothing is lost of them. */
  #migrate(one: Kept, now: Instant): void {
    this.#change(one, { stage: 'moving', clears: [] });
    one.plan = goingOn(one.entry, now);
    one.served = false;
  }

  #loseAll(entries: ReadonlyMap<string, Announced>, at: Instant): void {
    for (const [topic, entry] of entries) {
      const plan = twoSteps(at);
      this.#kept.set(topic, { entry: { ...entry, stage: 'going' }, plan, served: false, sentAt: undefined });
    }
  }

  #renew(topic: string, entry: Announced, now: Instant, first: Instant): void {
    const one = this.#kept.get(topic);
    if (one === undefined) {
      const plan: Kept['plan'] = isEmpty(entry.leaving) ? [{ at: first, step: 'last' }] : twoSteps(first);
      this.#kept.set(topic, { entry, plan, served: false, sentAt: undefined });
      this.#version += 1;
      return;
    }
    const next = { ...entry, leaving: { ...entry.leaving, ...leavingOf(one.entry, entry.components) } };
    if (JSON.stringify(one.entry) === JSON.stringify(next)) return;
    const back = one.entry.stage !== 'there';
    this.#cleared.push(...one.entry.clears.filter((topic) => !next.clears.includes(topic)));
    this.#change(one, next);
    if (one.plan.length > 0 && !back) return;
    const at = one.sentAt === undefined || back ? spaced(one, first) : after(now, GATHER);
    one.plan = isEmpty(next.leaving) ? [{ at, step: 'renewed' }] : twoSteps(at);
    one.served = false;
  }

  /** What has certainly been seen needs no more remembering. */
  #settle(topic: string, one: Kept): void {
    one.served = false;
    if (one.entry.stage !== 'there') {
      this.#kept.delete(topic);
      this.#version += 1;
    } else if (!isEmpty(one.entry.leaving)) this.#change(one, { leaving: {} });
  }
}

const twoSteps = (at: Instant): Kept['plan'] => [
  { at, step: 'full' },
  { at: after(at, GATHER), step: 'renewed' },
];

/** How an entry that was remembered, or is to be migrated, goes on. */
function goingOn({ stage }: Announced, at: Instant): Kept['plan'] {
  switch (stage) {
    case 'there':
      // What a broker has lost comes back at once, even while the device itself is not heard yet.
      return [{ at, step: 'last' }];
    case 'going':
      return twoSteps(at);
    case 'gone':
      return [];
    case 'moving':
      return [
        { at, step: 'migrate' },
        { at: after(at, MIGRATED), step: 'forget' },
      ];
  }
}

/** The moment, or later where the last version is too young for another one or the first is not to come yet. */
function spaced({ sentAt, plan }: Kept, at: Instant): Instant {
  const soonest = sentAt === undefined ? (plan[0]?.at ?? at) : after(sentAt, GATHER);
  return soonest > at ? soonest : at;
}

function payloadOf(entry: Announced, step: Step): string {
  switch (step) {
    case 'full':
      return fullText(entry);
    case 'last':
    case 'renewed':
      return lastText(entry);
    case 'migrate':
      return JSON.stringify({ migrate_discovery: true });
    case 'forget':
      return '';
  }
}

/** What was announced and is not wanted any more, with what was leaving already; whatever is wanted again stays. */
function leavingOf(before: Announced, wanted: Components): Components {
  return before.mode === 'single' ? {} : without({ ...before.leaving, ...before.components }, wanted);
}

const without = (components: Components, others: Components): Components =>
  Object.fromEntries(Object.entries(components).filter(([key]) => !(key in others)));

const isEmpty = (components: Components): boolean => Object.keys(components).length === 0;

function entriesOf(
  { identifier, root, components }: Announcement,
  mode: 'device' | 'single',
  prefix: string,
  { source, clears, variables }: Remembered = { clears: [], variables: [] },
): ReadonlyMap<string, Announced> {
  const shared = {
    mode,
    identifier,
    ...(source === undefined ? {} : { source }),
    leaving: {},
    stage: 'there' as const,
  };
  if (mode === 'device') {
    const topic = `${prefix}/device/${identifier}/config`;
    return new Map([[topic, { topic, ...shared, root, components, clears, variables }]]);
  }
  return new Map(
    Object.entries(components).map(([key, component], index) => {
      const topic = `${prefix}/${component.platform}/${identifier}/${key}/config`;
      const own = { topic, ...shared, root, components: { [key]: component } };
      return [topic, index === 0 ? { ...own, clears, variables } : { ...own, clears: [], variables: [] }];
    }),
  );
}
