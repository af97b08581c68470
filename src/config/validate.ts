import type { z } from 'zod';
import { err, ok, type Result } from '../domain/result.ts';
import { crossChecks } from './cross-checks.ts';
import { branchesOf, keysAt, schemaAt } from './json-schema.ts';
import type { Path, Position } from './problem.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { suggest } from './suggest.ts';
import { choiceWording, GIVEN, hintFor, shown, type Wording, wordingOf } from './wording.ts';
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
    error: wordingOf,
  });
  const misfits = crossChecks(value, show).map((misfit) => ({ ...misfit, at: positionOf(tree, misfit.path) }));
  const issues = parsed.success
    ? []
    : withoutConsequences(parsed.error.issues).flatMap((issue) => findingsOf(issue, tree));
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
  const branches = branchesOf(schemaAt(path) ?? {});
  const numeric = branches.some(
    ({ type, enum: words }) => type === 'number' || type === 'integer' || words?.includes(Number(value)),
  );
  if (numeric && /^-?\d+(?:\.\d+)?$/.test(value)) return Number(value);
  if (branches.some(({ type }) => type === 'boolean') && /^(?:true|false)$/.test(value)) return value === 'true';
  return value;
}

/** Whether a value is never shown: a secret by its key, or by the tag that brought it. */
const isHidden = (tree: Tree, path: Path): boolean =>
  tree.places.get(placeKey(path))?.tagged === true ||
  branchesOf(schemaAt(path) ?? {}).some(({ writeOnly }) => writeOnly === true);

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
  if (issue.code === 'invalid_union' && issue.message === '') return ofChoice(issue, path, tree);
  return [{ path, at: positionOf(tree, path), ...worded(issue, tree, path) }];
}

/** What is wrong with a value that may be of several kinds: told of the kind that was meant, where that can be seen. */
function ofChoice(issue: z.core.$ZodIssue & { code: 'invalid_union' }, path: Path, tree: Tree): readonly Finding[] {
  // Only a block can be wrong within; as for a text or a number, all kinds count.
  const meant = issue.errors.find((issues) => issues.every((one) => one.path.length > 0 || isOfBlock(one)));
  if (meant !== undefined) {
    return withoutConsequences(meant).flatMap((one) =>
      findingsOf({ ...one, path: [...issue.path, ...one.path] }, tree),
    );
  }
  if (!tree.places.has(placeKey(path))) return [{ path, at: positionOf(tree, path), message: 'is required' }];
  const wording = choiceWording(issue.errors, issue.input, isHidden(tree, path), keysAt(path));
  return [{ path, at: positionOf(tree, path), ...wording }];
}

const isOfBlock = ({ code, input }: z.core.$ZodIssue): boolean =>
  code === 'unrecognized_keys' || (code === 'custom' && typeof input === 'object');

/** A block with a mistyped key lacks the right one: that is not told as well. */
function withoutConsequences(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const mistyped = new Set(
    issues.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? [placeKey(pathOf(path))] : [])),
  );
  return issues.filter(({ code, path }) => code !== 'custom' || !mistyped.has(placeKey(pathOf(path))));
}

function unknownKey(tree: Tree, above: Path, key: string): Finding {
  const path = [...above, key];
  const known = keysAt(above);
  const near = suggest(key, known);
  const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return { path, at: positionOf(tree, path, 'key'), message: 'unknown key', hint };
}

function worded(issue: z.core.$ZodIssue, tree: Tree, path: Path): Wording {
  if (!tree.places.has(placeKey(path)) && issue.code !== 'custom') return { message: 'is required' };
  const hidden = isHidden(tree, path);
  const hint = hintOf(issue, hidden);
  return { message: issue.message.replaceAll(GIVEN, shown(issue.input, hidden)), ...(hint !== undefined && { hint }) };
}

function hintOf(issue: z.core.$ZodIssue, hidden: boolean): string | undefined {
  // Words of the schema's own, as for a duration without its unit, already say what to write.
  if (issue.code === 'invalid_type')
    return issue.message.startsWith('expected ') ? hintFor(issue.expected, issue.input) : undefined;
  if (issue.code !== 'invalid_value' || hidden || typeof issue.input !== 'string') return undefined;
  const near = suggest(issue.input, issue.values.map(String));
  return near === undefined ? undefined : `did you mean ${near}?`;
}
