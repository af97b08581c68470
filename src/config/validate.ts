import type { z } from 'zod';
import { err, ok, type Result } from '../domain/result.ts';
import { crossChecks } from './cross-checks.ts';
import { schemaAt } from './json-schema.ts';
import type { Path, Position } from './problem.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { suggest } from './suggest.ts';
import { hintFor, shown, type Wording, wordingOf } from './wording.ts';
import { type Finding, placeKey, type Tree } from './yaml-tree.ts';

/**
 * Checks a tree against the schema and against itself.
 *
 * @returns the configuration, or everything that is wrong with it, without what the tree itself already found
 */
export function validate(tree: Tree): Result<Configuration, readonly Finding[]> {
  const value = coerced(tree.value, [], tree);
  const show = (path: Path, given: unknown) => shown(given, isHidden(tree, path));
  const parsed = configurationSchema.safeParse(value, {
    reportInput: true,
    error: (issue) => wordingOf(issue, (given) => show(pathOf(issue.path), given)),
  });
  const misfits = crossChecks(value, show).map((misfit) => ({ ...misfit, at: positionOf(tree, misfit.path) }));
  const issues = parsed.success ? [] : parsed.error.issues.flatMap((issue) => findingsOf(issue, tree));
  const findings = [...issues, ...misfits].filter(({ path }) => !isFound(tree, path));
  return parsed.success && findings.length === 0 ? ok(parsed.data) : err(findings);
}

/** A text that a tag brought, as the number or truth value that is expected where it stands. */
function coerced(value: unknown, path: Path, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((item, index) => coerced(item, [...path, index], tree));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => [name, coerced(item, [...path, name], tree)] as const);
    return Object.fromEntries(entries);
  }
  if (typeof value !== 'string' || tree.places.get(placeKey(path))?.tagged !== true) return value;
  const schema = schemaAt(path);
  const numeric = schema?.type === 'number' || schema?.type === 'integer' || schema?.enum?.includes(Number(value));
  if (numeric && /^-?\d+(?:\.\d+)?$/.test(value)) return Number(value);
  if (schema?.type === 'boolean' && /^(?:true|false)$/.test(value)) return value === 'true';
  return value;
}

/** Whether a value is never shown: a secret by its key, or by the tag that brought it. */
const isHidden = (tree: Tree, path: Path): boolean =>
  tree.places.get(placeKey(path))?.tagged === true || schemaAt(path)?.writeOnly === true;

/** Whether a value is a stand-in, whose faults are not those of the user. */
const isFound = (tree: Tree, path: Path): boolean =>
  tree.findings.some((finding) => placeKey(finding.path) === placeKey(path));

/** Keys of symbols do not come out of a YAML file. */
const pathOf = (path: readonly PropertyKey[] | undefined): Path =>
  (path ?? []).map((part) => (typeof part === 'number' ? part : String(part)));

/** Where the value of a path stands, else where the key of the nearest thing above it stands. */
function positionOf(tree: Tree, path: Path, of: 'key' | 'value' = 'value'): Position {
  const place = tree.places.get(placeKey(path));
  if (place !== undefined) return place[of];
  return path.length === 0 ? { line: 1, column: 1 } : positionOf(tree, path.slice(0, -1), 'key');
}

function findingsOf(issue: z.core.$ZodIssue, tree: Tree): readonly Finding[] {
  const path = pathOf(issue.path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(tree, path, key));
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ path, at: positionOf(tree, path, 'key'), message }];
  }
  return [{ path, at: positionOf(tree, path), ...worded(issue, tree, path) }];
}

function unknownKey(tree: Tree, above: Path, key: string): Finding {
  const path = [...above, key];
  const known = Object.keys(schemaAt(above)?.properties ?? {});
  const near = suggest(key, known);
  const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return { path, at: positionOf(tree, path, 'key'), message: 'unknown key', hint };
}

function worded(issue: z.core.$ZodIssue, tree: Tree, path: Path): Wording {
  if (!tree.places.has(placeKey(path)) && issue.code !== 'custom') return { message: 'is required' };
  const hint = hintOf(issue, isHidden(tree, path));
  return { message: issue.message, ...(hint !== undefined && { hint }) };
}

function hintOf(issue: z.core.$ZodIssue, hidden: boolean): string | undefined {
  // Words of the schema's own, as for a duration without its unit, already say what to write.
  if (issue.code === 'invalid_type')
    return issue.message.startsWith('expected ') ? hintFor(issue.expected, issue.input) : undefined;
  if (issue.code !== 'invalid_value' || hidden || typeof issue.input !== 'string') return undefined;
  const near = suggest(issue.input, issue.values.map(String));
  return near === undefined ? undefined : `did you mean ${near}?`;
}
