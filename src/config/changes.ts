import type { Secret } from '../domain/secret.ts';
import { schemaAt } from './json-schema.ts';
import { dotted, type Path } from './problem.ts';
import type { Configuration } from './schema.ts';

/** One key that two configurations differ in. */
export interface Change {
  /** Dotted, as the file has it: `mqtt.keepalive`; the whole entry, `sources.nas`, where it came or went. */
  readonly key: string;
  /** Whether it works only after a restart: the state folder is locked, and the log open, for as long as the process lives. */
  readonly restart: boolean;
}

/** What differs between two configurations, defaults included, sorted by key. Values are not told: some are secrets. */
export function changesBetween(before: Configuration, after: Configuration): readonly Change[] {
  const keys = new Set(differences(before, after, []).map(dotted));
  return [...keys].sort().map((key) => ({ key, restart: /^(?:state_dir|log)(?:\.|$)/.test(key) }));
}

function differences(before: unknown, after: unknown, path: Path): readonly Path[] {
  if (isSame(before, after)) return [];
  const schema = schemaAt(path);
  const isBlock = schema?.properties !== undefined || typeof schema?.additionalProperties === 'object';
  if (!isBlock || !isMapping(before) || !isMapping(after)) return [path];
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const within = [...fields].flatMap((field) => {
    const below = pathOf(path, field);
    // A field that the file does not have: its own fields are keys of this block, or it tells of the block as a whole.
    return below === undefined
      ? differencesWithin(before[field], after[field], path)
      : differences(before[field], after[field], below);
  });
  // Nothing differs but the order.
  return within.length === 0 ? [path] : within;
}

function differencesWithin(before: unknown, after: unknown, path: Path): readonly Path[] {
  const isBlock = isMapping(before) && isMapping(after);
  return isBlock ? differences(before, after, path) : isSame(before, after) ? [] : [path];
}

/** The key of the file that a field was read from: the same name, or the same in snake case. */
function pathOf(path: Path, field: string): Path | undefined {
  const snake = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [field, snake].map((name) => [...path, name]).find((candidate) => schemaAt(candidate) !== undefined);
}

/** Whether two parts of configurations say the same; passwords are compared, not told. */
export function isSame(before: unknown, after: unknown): boolean {
  if (isSecret(before) && isSecret(after)) return before.reveal() === after.reveal();
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((item, index) => isSame(item, after[index]));
  }
  if (!isMapping(before) || !isMapping(after)) return Object.is(before, after);
  const names = Object.keys(before);
  // The order counts: on a clash of names the earlier source wins.
  return (
    JSON.stringify(names) === JSON.stringify(Object.keys(after)) &&
    names.every((name) => isSame(before[name], after[name]))
  );
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isSecret(value);

const isSecret = (value: unknown): value is Secret =>
  typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function';
