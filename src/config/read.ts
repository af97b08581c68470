import { createHash } from 'node:crypto';
import { err, ok, type Result } from '../domain/result.ts';
import type { Settings } from '../domain/settings.ts';
import { readText } from './files.ts';
import { hasPlan } from './groups.ts';
import type { Problem } from './problem.ts';
import { type Configuration, configurationSchema, settingsOf } from './schema.ts';
import { problemOf, readSecrets, resolver, type Secrets } from './secrets.ts';
import { validate } from './validate.ts';
import { readTree } from './yaml-tree.ts';

/** A configuration that may be run with. */
export interface Loaded {
  readonly configuration: Configuration;
  readonly settings: Settings;
  /** SHA-256 of the configuration without its secrets, first twelve hex digits. */
  readonly digest: string;
  /** The path that was read, as it was given. */
  readonly file: string;
  /** What is allowed, and yet should be known. */
  readonly warnings: readonly Problem[];
}

/** More than these help nobody. */
const MOST_PROBLEMS = 100;

/**
 * Reads and checks a configuration with its secrets.
 *
 * @param env where `!env_var` looks
 * @returns everything that is wrong at once, in the order of the file, where anything is
 */
export async function readConfiguration(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<Result<Loaded, readonly Problem[]>> {
  const contents = await textAndSecrets(file);
  if (!contents.ok) return contents;
  const { text, secrets } = contents.value;
  const checked = check(file, text, secrets, env);
  const inSecrets = secrets?.problems ?? [];
  return inSecrets.length === 0 ? checked : err([...inSecrets, ...(checked.ok ? [] : checked.error)]);
}

async function textAndSecrets(
  file: string,
): Promise<Result<{ readonly text: string; readonly secrets: Secrets | undefined }, readonly Problem[]>> {
  const contents = await readText(file);
  if (!contents.ok) return err([{ file, key: '', message: contents.error.message }]);
  const { text } = contents.value;
  return ok({ text, secrets: /!secret\b/.test(text) ? await readSecrets(file) : undefined });
}

/**
 * The key `state_dir` alone, whatever else is wrong with a configuration: who wants to call off a shutdown is not to be
 * kept from it by a slip in a file that the bridge has not read yet.
 *
 * @returns undefined where the file has no such key
 */
export async function readStateDir(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<Result<string | undefined, readonly Problem[]>> {
  const contents = await textAndSecrets(file);
  if (!contents.ok) return contents;
  const { text, secrets } = contents.value;
  const { value, findings } = readTree(text, { resolve: resolver(secrets, env) });
  if (value === undefined) return err(findings.map((finding) => problemOf(file, finding)));
  const given = typeof value === 'object' && value !== null && 'state_dir' in value ? value.state_dir : undefined;
  return ok(typeof given === 'string' && given.startsWith('/') ? given : undefined);
}

/** A configuration made by the program itself, from data with the keys of the file. Undefined: it breaks a rule of the schema. */
export function loadedFrom(data: unknown): Loaded | undefined {
  const parsed = configurationSchema.safeParse(data);
  if (!parsed.success) return undefined;
  const digest = digestOf(parsed.data, new Set());
  return { configuration: parsed.data, settings: settingsOf(parsed.data, digest), digest, file: '', warnings: [] };
}

function check(
  file: string,
  text: string,
  secrets: Secrets | undefined,
  env: NodeJS.ProcessEnv,
): Result<Loaded, readonly Problem[]> {
  const tree = readTree(text, { resolve: resolver(secrets, env) });
  if (tree.value === undefined) return err(tree.findings.map((finding) => problemOf(file, finding)));
  const checked = validate(tree);
  const findings = [...tree.findings, ...(checked.ok ? [] : checked.error)];
  if (!checked.ok || findings.length > 0) {
    const inOrder = findings.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
    return err(inOrder.slice(0, MOST_PROBLEMS).map((finding) => problemOf(file, finding)));
  }
  const configuration = checked.value;
  const digest = digestOf(configuration, new Set(secrets?.values.values()));
  const warnings = [...(secrets?.warnings ?? []), ...warningsOf(file, configuration)];
  return ok({ configuration, settings: settingsOf(configuration, digest), digest, file, warnings });
}

function warningsOf(file: string, configuration: Configuration): readonly Problem[] {
  const { mqtt, groups, armed } = configuration;
  const warnings: Problem[] = [];
  if (!('embedded' in mqtt) && !mqtt.verify) {
    const message =
      'the certificate of the broker is not checked: whoever answers gets the password and may send commands';
    warnings.push({ file, key: 'mqtt.verify', message, hint: 'give ca instead' });
  }
  if (armed && !Object.values(groups).some(hasPlan)) {
    const message = 'no group has anything to shut down: an outage is told, and nothing else is done';
    warnings.push({ file, key: 'armed', message, hint: 'give a group stages or a host' });
  }
  for (const [id, { feeds, minHealthy }] of Object.entries(groups)) {
    if (feeds.length === 1 || minHealthy < feeds.length) continue;
    const message = 'is the number of feeds: the first that is lost makes the group fire';
    warnings.push({ file, key: `groups.${id}.min_healthy`, message });
  }
  return warnings;
}

/** The text that the digest is made of: passwords masked, and whatever else `!secret` brought. */
export function digestInput(configuration: Configuration, secrets: ReadonlySet<string>): string {
  return JSON.stringify(configuration, (_key, value: unknown) =>
    typeof value !== 'object' && secrets.has(String(value)) ? '***' : value,
  );
}

const digestOf = (configuration: Configuration, secrets: ReadonlySet<string>): string =>
  createHash('sha256').update(digestInput(configuration, secrets)).digest('hex').slice(0, 12);
