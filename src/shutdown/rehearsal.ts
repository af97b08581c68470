import { setMaxListeners } from 'node:events';
import type { GroupId } from '../domain/names.ts';
import type { Json } from '../domain/requests.ts';
import { between, type Instant, type Millis } from '../domain/time.ts';
import { type Acted, actWithin, contextOf, REHEARSAL } from './act.ts';
import type { Runners } from './runners.ts';
import type { StepConfig } from './schema.ts';
import type { Finding, StepContext } from './step.ts';
import { sideBySide } from './steps/ask.ts';
import { type HostConfig, haltOf } from './steps/host/schema.ts';
import { undoFor } from './work.ts';

/** What a group has to do, as far as it can be rehearsed. */
export interface Rehearsable {
  readonly stages: readonly {
    readonly steps: readonly StepConfig[];
    readonly restore: readonly StepConfig[];
  }[];
  readonly host?: HostConfig;
}

/** A step, a step of a restore, or the halt of this host. */
export interface Part {
  readonly group: GroupId;
  /** Unique in the group; `host` for the halt. */
  readonly key: string;
  /** One line for people. No secrets. */
  readonly text: string;
  readonly deadline: Millis;
  readonly does: { readonly step: StepConfig } | { readonly host: HostConfig };
}

/** What a rehearsal has found out about one part. */
export interface Rehearsed {
  readonly part: Part;
  /** Whether nothing was found that would keep it from being carried out. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly took: Millis;
}

export interface RehearseOptions {
  readonly now: () => Instant;
  /** Ends it early: what is not through then is told so. */
  readonly signal: AbortSignal;
  /** Told of each part as soon as it is through. */
  readonly told?: (rehearsed: Rehearsed) => void;
}

/** So many are looked at side by side. */
const AT_ONCE = 200;

/** Everything that a group may do, in the order in which it would: each stage with its restore, then the halt. */
export function partsOf(group: GroupId, { stages, host }: Rehearsable): readonly Part[] {
  const steps = stages.flatMap((stage) => [...stage.steps, ...stage.restore]);
  const halt = haltOf(host);
  const parts = steps.map((config): Part => {
    const { key, text, deadline } = config.step;
    return { group, key, text, deadline, does: { step: config } };
  });
  if (halt === undefined || host === undefined) return parts;
  const { key, text, deadline } = halt;
  return [...parts, { group, key, text, deadline, does: { host } }];
}

/**
 * Looks at every step, every step of a restore and the halt of some groups, side by side, without changing anything.
 *
 * Each gets 30 s and comes back in a little more, whatever its runner does; one that throws is a bug and not ok.
 *
 * @returns what was found, in the order of `partsOf`
 */
export async function rehearse(
  groups: ReadonlyMap<GroupId, Rehearsable>,
  runners: Pick<Runners, 'probe' | 'probeHost'>,
  { now, signal, told }: RehearseOptions,
): Promise<readonly Rehearsed[]> {
  const parts = [...groups].flatMap(([id, group]) => partsOf(id, group));
  // Each part listens to it.
  setMaxListeners(0, signal);
  const found = new Map<Part, Rehearsed>();
  // Once the signal aborts each part says so itself: none may be missing.
  await sideBySide(parts, AT_ONCE, new AbortController().signal, async (part) => {
    const since = now();
    const findings = await look(part, runners, signal);
    const rehearsed = { part, findings, ok: findings.every(({ ok }) => ok), took: between(since, now()) };
    found.set(part, rehearsed);
    told?.(rehearsed);
  });
  return parts.flatMap((part) => found.get(part) ?? []);
}

async function look(
  { does }: Part,
  runners: Pick<Runners, 'probe' | 'probeHost'>,
  abandon: AbortSignal,
): Promise<readonly Finding[]> {
  let seen: readonly Finding[] = [];
  const acted = await actWithin({ deadline: REHEARSAL, abandon }, async (signal) => {
    seen = 'step' in does ? await runners.probe(does.step, signal) : await runners.probeHost(does.host, signal);
    return { kind: 'done', text: '' };
  });
  return acted.state === 'done' ? seen : [...seen, { what: 'rehearsal', ok: false, text: acted.text }];
}

/** How one part was carried out. */
export interface Tried extends Acted {
  /** What it needs to be brought back; absent: nothing. */
  readonly undo?: Json;
  readonly took: Millis;
}

export interface TryOptions {
  readonly now: () => Instant;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Told what it does, as it happens. */
  readonly progress: StepContext['progress'];
  /** What the step that this one restores has left. */
  readonly undo?: Json;
}

/**
 * Really carries out one part of a plan, within its deadline, for a person who has asked for that part alone.
 *
 * It never rejects. What it leaves for its restore is in what it gives back, also where it was cut short.
 */
export async function carryOutAlone(
  { does, deadline }: Part,
  runners: Pick<Runners, 'run' | 'end'>,
  { now, signal: abandon, progress, undo }: TryOptions,
): Promise<Tried> {
  const since = now();
  let noted: Json | undefined;
  const told = {
    item: progress,
    undo: (left: Json): void => {
      noted = left;
    },
  };
  const acted = await actWithin({ deadline, abandon }, (signal) => {
    const context = contextOf(signal, told, undo);
    return 'step' in does ? runners.run(does.step, context) : runners.end('halt', does.host, context);
  });
  const left = acted.undo ?? noted;
  return { ...acted, took: between(since, now()), ...(left === undefined ? {} : { undo: left }) };
}

/** The steps of the same stage's restore that bring back what one step takes away. */
export function restoresOf({ key }: Part, group: GroupId, { stages }: Rehearsable): readonly Part[] {
  const stage = stages.find(({ steps }) => steps.some(({ step }) => step.key === key));
  const own = stage?.steps.find(({ step }) => step.key === key);
  if (stage === undefined || own === undefined) return [];
  const left = new Map<string, Json>([[key, true]]);
  const restores = stage.restore.filter(
    (config) =>
      (config.kind === own.kind && undoFor(config, stage.steps, left) !== undefined) ||
      config.step.key.replace('/restore/', '/') === key ||
      wakes(config, own),
  );
  return partsOf(group, { stages: [{ steps: [], restore: restores }] });
}

/** Whether one step waits for the machine that another shuts down. */
const wakes = (restore: StepConfig, { kind, config }: StepConfig): boolean =>
  restore.kind === 'wake' && kind === 'ssh' && restore.config.until?.host === config.host;
