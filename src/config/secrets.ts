import { dirname, join } from 'node:path';
import { type Contents, readText } from './files.ts';
import { dotted, type Problem, printable } from './problem.ts';
import { suggest } from './suggest.ts';
import { type Finding, placeKey, type Resolved, readTree, type Tag } from './yaml-tree.ts';

/** What secrets.yaml beside a configuration holds. Never printed. */
export interface Secrets {
  readonly file: string;
  /** `absent` where there is no such file, `faulty` where `problems` say why it is of no use. */
  readonly state: 'read' | 'absent' | 'faulty';
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Reads the secrets.yaml beside a configuration: a mapping of names to texts, each taken as it is written. */
export async function readSecrets(configuration: string): Promise<Secrets> {
  const file = join(dirname(configuration), 'secrets.yaml');
  const contents = await readText(file);
  if (contents.ok) return secretsOf(file, contents.value);
  const nothing = { file, values: new Map(), warnings: [] };
  if (contents.error.kind === 'missing') return { ...nothing, state: 'absent', problems: [] };
  return { ...nothing, state: 'faulty', problems: [{ file, key: '', message: contents.error.message }] };
}

function secretsOf(file: string, { text, worldReadable }: Contents): Secrets {
  const tree = readTree(text, {});
  const problems = tree.findings.map((finding) => problemOf(file, finding));
  const values = new Map<string, string>();
  const isMapping = typeof tree.value === 'object' && tree.value !== null && !Array.isArray(tree.value);
  if (!isMapping && tree.findings.length === 0) {
    problems.push({ file, key: '', message: 'must be a mapping of names to texts' });
  }
  for (const [name, value] of isMapping ? Object.entries(tree.value) : []) {
    const at = tree.places.get(placeKey([name]))?.key ?? { line: 1, column: 1 };
    if (typeof value === 'string' && value !== '') values.set(name, value);
    else problems.push(problemOf(file, { path: [name], at, message: 'must be a text' }));
  }
  const open: Problem = {
    file,
    key: '',
    message: 'can be read by every user of this machine',
    hint: `chmod o-r ${file}`,
  };
  const warnings = worldReadable ? [open] : [];
  return { file, state: problems.length > 0 ? 'faulty' : 'read', values, problems, warnings };
}

/** A finding in a file as a problem. */
export function problemOf(file: string, { path, at, message, hint }: Finding): Problem {
  return { file, ...at, key: dotted(path), message, ...(hint !== undefined && { hint }) };
}

/** Looks up what a tag names: `!secret name`, or `!env_var NAME` with an optional default behind the name. */
export function resolver(secrets: Secrets | undefined, env: NodeJS.ProcessEnv): (tag: Tag, text: string) => Resolved {
  return (tag, text) => (tag === '!secret' ? secretOf(secrets, text) : variableOf(env, text));
}

function secretOf(secrets: Secrets | undefined, name: string): Resolved {
  const value = secrets?.values.get(name);
  if (value !== undefined) return { ok: true, value };
  if (!NAME.test(name)) return failed('write !secret and the name of a secret');
  if (secrets === undefined || secrets.state === 'absent') {
    return failed(`the secret ${printable(name)} is not defined`, `there is no ${secrets?.file ?? 'secrets.yaml'}`);
  }
  if (secrets.state === 'faulty') {
    return failed(`the secret ${printable(name)} cannot be looked up`, `first mend ${secrets.file}`);
  }
  const near = suggest(name, [...secrets.values.keys()]);
  return failed(
    `the secret ${printable(name)} is not defined in ${secrets.file}`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

const NAME = /^[A-Za-z0-9_.-]+$/;

function variableOf(env: NodeJS.ProcessEnv, text: string): Resolved {
  const [, name, preset] = /^([A-Za-z_][A-Za-z0-9_]*)(?:\s+(.*))?$/s.exec(text) ?? [];
  if (name === undefined) return failed('write !env_var, the name of a variable and, if you like, a default');
  const value = env[name] ?? preset;
  if (value !== undefined) return { ok: true, value };
  return failed(`the environment variable ${printable(name)} is not set`, `set it, or write !env_var ${name} default`);
}

const failed = (message: string, hint?: string): Resolved => ({
  ok: false,
  error: { message, ...(hint !== undefined && { hint }) },
});
