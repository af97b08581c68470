import type { Component, Components } from './component.ts';

/**
 * One discovery topic that Home Assistant has been given, as it must be remembered across restarts: without it nobody
 * would know what there is to remove.
 */
export interface Announced {
  readonly topic: string;
  readonly mode: 'device' | 'single';
  readonly identifier: string;
  /** The source the device comes from; absent for the bridge. A device of a source that is gone is gone. */
  readonly source?: string;
  readonly root: Readonly<Record<string, unknown>>;
  readonly components: Components;
  /** Components taken out whose removal Home Assistant has not certainly seen, in full. */
  readonly leaving: Components;
  readonly stage: Stage;
  /** Retained topics to clear together with this one. */
  readonly clears: readonly string[];
  /** The device's variables that stand behind it, so that one that is only missing is told from one that is gone. */
  readonly variables: readonly string[];
}

/**
 * `there`: announced. `going`: to be taken back whole. `gone`: taken back, but Home Assistant has not certainly seen it.
 * `moving`: its entities are being handed to the other form of announcement.
 */
type Stage = (typeof STAGES)[number];

const STAGES = ['there', 'going', 'gone', 'moving'] as const;

/** The message that says everything: components as wanted and the leaving ones in full. */
export const fullText = (entry: Announced): string => textOf(entry, { ...entry.components, ...entry.leaving });

/** The message that stays retained: components as wanted, the leaving ones reduced to their platform, which removes them; empty for a whole topic taken back. */
export function lastText(entry: Announced): string {
  if (entry.stage !== 'there') return '';
  const tombstones = Object.entries(entry.leaving).map(([key, { platform }]): [string, Component] => [
    key,
    { platform },
  ]);
  return textOf(entry, { ...entry.components, ...Object.fromEntries(tombstones) });
}

function textOf({ mode, root, components: wanted }: Announced, components: Components): string {
  if (mode === 'device') return JSON.stringify({ ...root, components });
  const { platform, ...component } = Object.values(wanted)[0] ?? { platform: 'sensor' as const };
  const inherited = Object.entries(root).filter(([key]) => !NOT_FOR[platform]?.includes(key));
  return JSON.stringify({ ...Object.fromEntries(inherited), ...component });
}

/** What stands at the root for the other components and means nothing to these. */
const NOT_FOR: Readonly<Partial<Record<Component['platform'], readonly string[]>>> = {
  button: ['state_topic'],
  device_automation: ['state_topic', 'availability', 'availability_mode'],
};

/**
 * What the components on their way out read of the device's retained object. As long as Home Assistant may still see
 * them in full these names stay in it: of every message without them it would complain.
 */
export function stillRead({ stage, components, leaving }: Announced): readonly string[] {
  const all = Object.values(stage === 'there' ? leaving : { ...leaving, ...components });
  // A component with a topic of its own reads nothing of the object, unless for its attributes.
  const out = all.filter((component) => !('state_topic' in component) || 'json_attributes_topic' in component);
  return [...JSON.stringify(out).matchAll(/value_json\['([\w.-]+)'\]/g)].flatMap(([, name]) => name ?? []);
}

/** Reads what was remembered; undefined when the text is not ours or damaged. */
export function parseAnnounced(text: string): readonly Announced[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isRecord(parsed) || parsed['version'] !== 1 || !Array.isArray(parsed['entries'])) return undefined;
    const entries: readonly unknown[] = parsed['entries'];
    return entries.every(isAnnounced) ? entries : undefined;
  } catch {
    return undefined;
  }
}

export const serializeAnnounced = (entries: Iterable<Announced>): string =>
  JSON.stringify({ version: 1, entries: [...entries] });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');

const areComponents = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((row) => isRecord(row) && typeof row['platform'] === 'string');

function isAnnounced(value: unknown): value is Announced {
  if (!isRecord(value)) return false;
  const { topic, mode, identifier, source, root, components, leaving, stage, clears, variables } = value;
  return (
    typeof topic === 'string' &&
    (mode === 'device' || mode === 'single') &&
    typeof identifier === 'string' &&
    (source === undefined || typeof source === 'string') &&
    isRecord(root) &&
    areComponents(components) &&
    areComponents(leaving) &&
    STAGES.some((known) => known === stage) &&
    areTexts(clears) &&
    areTexts(variables)
  );
}
