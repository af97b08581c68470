import { z } from 'zod';
import { secretText } from '../domain/schema.ts';
import type { Path } from './problem.ts';
import { configurationSchema } from './schema.ts';

/** The part of JSON Schema (2020-12) that our configuration needs. */
export interface KeySchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: KeySchema | boolean;
  readonly items?: KeySchema;
  readonly anyOf?: readonly KeySchema[];
  /** A secret. */
  readonly writeOnly?: boolean;
}

/** One key of the configuration, as the reference shows it. */
export interface ConfigurationKey {
  /** Dotted; names that the user chooses stand as `*`, entries of a list as `[]`. */
  readonly key: string;
  readonly schema: KeySchema;
  readonly required: boolean;
}

let cached: KeySchema | undefined;

/** The schema of the file as the user writes it, before defaults. Made once: it takes a few milliseconds. */
export function fileSchema(): KeySchema {
  cached ??= z.toJSONSchema(configurationSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (isSecretText(zodSchema)) jsonSchema.writeOnly = true;
    },
  }) as KeySchema; // zod's type has every keyword of JSON Schema with `| undefined`; ours names those that are read
  return cached;
}

/** Whether a schema is `secretText` or was made of it by describing it. */
function isSecretText(schema: z.core.$ZodType): boolean {
  for (let ancestor: z.core.$ZodType | undefined = schema; ancestor !== undefined; ancestor = ancestor._zod.parent) {
    if (ancestor === secretText) return true;
  }
  return false;
}

/** The schema of what stands at a path, or undefined where nothing is foreseen. */
export function schemaAt(path: Path): KeySchema | undefined {
  let schema: KeySchema | undefined = fileSchema();
  for (const part of path) schema = schema === undefined ? undefined : child(schema, part);
  return schema;
}

function child(schema: KeySchema, part: string | number): KeySchema | undefined {
  for (const { items, properties, additionalProperties } of branchesOf(schema)) {
    if (typeof part === 'number') {
      if (items !== undefined) return items;
    } else if (properties !== undefined && Object.hasOwn(properties, part)) {
      return properties[part];
    } else if (typeof additionalProperties === 'object') {
      return additionalProperties;
    }
  }
  return undefined;
}

/** The alternatives that a schema allows: itself, where it is not a choice of several. */
export const branchesOf = (schema: KeySchema): readonly KeySchema[] => schema.anyOf?.flatMap(branchesOf) ?? [schema];

/** The keys that may stand in the block at a path; none where there is no block. */
export const keysAt = (path: Path): readonly string[] =>
  branchesOf(schemaAt(path) ?? {}).flatMap(({ properties }) => Object.keys(properties ?? {}));

/**
 * Every key, depth first in the order of the schema; the contract with users' files.
 *
 * Entries that two lists have alike, such as the steps of `steps` and `restore`, are listed once.
 */
export function configurationKeys(): readonly ConfigurationKey[] {
  return keysWithin(fileSchema(), '', new Set());
}

function keysWithin(schema: KeySchema, prefix: string, lists: Set<string>): readonly ConfigurationKey[] {
  return branchesOf(schema).flatMap(({ properties, required, additionalProperties }) => {
    const entries = Object.entries(properties ?? {}).map(
      ([name, value]) => [name, value, required?.includes(name) ?? false] as const, // a tuple, not an array
    );
    const named = typeof additionalProperties === 'object' ? additionalProperties : undefined;
    const all = named === undefined ? entries : [...entries, ['*', named, false] as const]; // likewise
    return all.flatMap(([name, value, isRequired]) => {
      const key = `${prefix}${name}`;
      const below = [...keysWithin(value, `${key}.`, lists), ...keysOfEntries(value, key, lists)];
      return [{ key, schema: value, required: isRequired }, ...below];
    });
  });
}

function keysOfEntries(schema: KeySchema, key: string, lists: Set<string>): readonly ConfigurationKey[] {
  return branchesOf(schema).flatMap(({ items }) => {
    const known = JSON.stringify(items);
    if (items === undefined || lists.has(known)) return [];
    lists.add(known);
    return keysWithin(items, `${key}[].`, lists);
  });
}

/**
 * The schema for editors (JSON Schema 2020-12).
 *
 * An editor sees `!secret name` as the text `name`, so wherever not just any text may stand, a word is tolerated too.
 */
export function editorSchema(): object {
  return { ...tolerant(fileSchema()), title: 'Gridwarden configuration' };
}

function tolerant(schema: KeySchema): KeySchema {
  const narrow =
    schema.enum ??
    schema.const ??
    schema.pattern ??
    ['number', 'integer', 'boolean'].find((type) => type === schema.type);
  if (narrow !== undefined) {
    const { description, default: preset, ...rest } = schema;
    return {
      anyOf: [rest, TAGGED],
      ...(description !== undefined && { description }),
      ...(preset !== undefined && { default: preset }),
    };
  }
  const { properties, additionalProperties, items, anyOf, ...rest } = schema;
  return {
    ...rest,
    ...(anyOf && { anyOf: anyOf.map(tolerant) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, tolerant(value)])),
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? tolerant(additionalProperties) : additionalProperties,
    }),
    ...(items && { items: tolerant(items) }),
  };
}

const TAGGED: KeySchema = {
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*( .*)?$',
  description: '!secret or !env_var',
};
