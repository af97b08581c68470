import type { Instant } from '../domain/time.ts';
import { after, seconds } from '../domain/time.ts';
import { type Announced, fullText, lastText } from './announced.ts';
import type { Components } from './component.ts';
import type { Announcement } from './discovery.ts';

export interface Message {
  readonly topic: string;
  readonly payload: string;
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

type Step = 'full' | 'last' | 'migrate' | 'forget';

interface Kept {
  entry: Announced;
  plan: { readonly at: Instant; readonly step: Step }[];
  /** Whether the end of the plan was certainly seen by Home Assistant. */
  served: boolean;
  sent: boolean;
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
  #version = 0;

  constructor({ mode, prefix }: AnnouncerOptions, memory: readonly Announced[], start: Instant) {
    this.#mode = mode;
    this.#prefix = prefix;
    for (const entry of memory) {
      // What a broker has lost comes back at once, even while the device itself is not heard yet.
      const plan = entry.gone ? [] : [{ at: start, step: 'last' as const }];
      this.#kept.set(entry.topic, { entry, plan, served: false, sent: false });
    }
    if (mode === 'off') for (const one of this.#kept.values()) this.#leave(one, start);
  }

  /** Counts up whenever `remembered` has changed. */
  get version(): number {
    return this.#version;
  }

  /** Everything that the next process must know. */
  remembered(): readonly Announced[] {
    return [...this.#kept.values()].map(({ entry }) => entry);
  }

  /** The variables that a device was announced with, by this process or one before. */
  variablesOf(identifier: string): readonly string[] {
    const own = [...this.#kept.values()].filter(({ entry }) => entry.identifier === identifier && !entry.gone);
    return own.flatMap(({ entry }) => entry.variables);
  }

  /** This is how the device is to be announced now. Says nothing when it already is. */
  want(announcement: Announcement, now: Instant, keep: Remembered): void {
    if (this.#mode === 'off') return;
    const wanted = entriesOf(announcement, this.#mode, this.#prefix, keep);
    let first = now;
    for (const one of this.#kept.values()) {
      const { topic, identifier, gone, mode } = one.entry;
      if (identifier !== announcement.identifier || wanted.has(topic) || gone) continue;
      if (mode === this.#mode) this.#leave(one, now);
      else {
        this.#migrate(one, now);
        first = after(now, MIGRATION);
      }
    }
    for (const [topic, entry] of wanted) this.#renew(topic, entry, now, first);
  }

  /** The device with this identifier is no more. */
  takeBack(identifier: string, now: Instant): void {
    for (const one of this.#kept.values()) if (one.entry.identifier === identifier) this.#leave(one, now);
  }

  /** Home Assistant has started: everything is said again, removals in both steps. */
  born(now: Instant): void {
    for (const one of this.#kept.values()) {
      const removes = one.entry.gone || Object.keys(one.entry.leaving).length > 0;
      one.plan = removes ? twoSteps(now) : [{ at: now, step: 'last' }];
      one.served = removes;
    }
  }

  /** The messages that are due, in order; an empty payload clears the topic. */
  due(now: Instant): readonly Message[] {
    const messages: Message[] = [];
    for (const [topic, one] of this.#kept) {
      for (let next = one.plan[0]; next !== undefined && next.at <= now; next = one.plan[0]) {
        one.plan.shift();
        one.sent = true;
        messages.push({ topic, payload: payloadOf(one.entry, next.step) });
        if (one.plan.length > 0) continue;
        if (one.entry.gone) messages.push(...one.entry.clears.map((clear) => ({ topic: clear, payload: '' })));
        if (next.step === 'forget' || one.served) this.#settle(topic, one);
      }
    }
    return messages;
  }

  #leave(one: Kept, now: Instant): void {
    if (one.entry.gone) return;
    one.entry = { ...one.entry, gone: true };
    one.plan = twoSteps(now);
    one.served = false;
    this.#version += 1;
  }

  /** The other form takes over the entities by Home Assistant's own migration, so that nothing is lost of them. */
  #migrate(one: Kept, now: Instant): void {
    one.entry = { ...one.entry, gone: true, clears: [] };
    one.plan = [
      { at: now, step: 'migrate' },
      { at: after(now, MIGRATED), step: 'forget' },
    ];
    this.#version += 1;
  }

  #renew(topic: string, entry: Announced, now: Instant, first: Instant): void {
    const one = this.#kept.get(topic);
    if (one === undefined) {
      this.#kept.set(topic, { entry, plan: [{ at: first, step: 'last' }], served: false, sent: false });
      this.#version += 1;
      return;
    }
    const next = { ...entry, leaving: leavingOf(one.entry, entry.components) };
    if (JSON.stringify(one.entry) === JSON.stringify(next)) return;
    const back = one.entry.gone;
    one.entry = next;
    this.#version += 1;
    if (one.plan.length > 0 && !back) return;
    const at = one.sent && !back ? after(now, GATHER) : now;
    one.plan = Object.keys(next.leaving).length > 0 ? twoSteps(at) : [{ at, step: 'last' }];
    one.served = false;
  }

  /** What has certainly been seen needs no more remembering. */
  #settle(topic: string, one: Kept): void {
    one.served = false;
    if (one.entry.gone) this.#kept.delete(topic);
    else if (Object.keys(one.entry.leaving).length === 0) return;
    else one.entry = { ...one.entry, leaving: {} };
    this.#version += 1;
  }
}

const twoSteps = (at: Instant): { at: Instant; step: Step }[] => [
  { at, step: 'full' },
  { at: after(at, GATHER), step: 'last' },
];

function payloadOf(entry: Announced, step: Step): string {
  switch (step) {
    case 'full':
      return fullText(entry);
    case 'last':
      return lastText(entry);
    case 'migrate':
      return JSON.stringify({ migrate_discovery: true });
    case 'forget':
      return '';
  }
}

/** What was announced and is not wanted any more, with what was leaving already; whatever is wanted again stays. */
function leavingOf(before: Announced, wanted: Components): Components {
  if (before.mode === 'single') return {};
  const all = Object.entries({ ...before.leaving, ...before.components });
  return Object.fromEntries(all.filter(([key]) => !(key in wanted)));
}

function entriesOf(
  { identifier, root, components }: Announcement,
  mode: 'device' | 'single',
  prefix: string,
  { source, clears, variables }: Remembered,
): ReadonlyMap<string, Announced> {
  const shared = { mode, identifier, ...(source === undefined ? {} : { source }), leaving: {}, gone: false };
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
