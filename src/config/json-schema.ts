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
  /** Dotted; names that the user chooses stand as `*`. */
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
  if (typeof part === 'number') return schema.items;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, part)) return schema.properties[part];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** Every key, depth first in the order of the schema; the contract with users' files. */
export function configurationKeys(): readonly ConfigurationKey[] {
  return keysWithin(fileSchema(), '');
}

function keysWithin(schema: KeySchema, prefix: string): readonly ConfigurationKey[] {
  const entries = Object.entries(schema.properties ?? {}).map(
    ([name, value]) => [name, value, schema.required?.includes(name) ?? false] as const, // a tuple, not an array
  );
  const named = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  const all = named === undefined ? entries : [...entries, ['*', named, false] as const]; // likewise
  return all.flatMap(([name, value, required]) => {
    const key = `${prefix}${name}`;
    return [{ key, schema: value, required }, ...keysWithin(value, `${key}.`)];
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
  const narrow = schema.enum ?? schema.pattern ?? ['number', 'integer', 'boolean'].find((type) => type === schema.type);
  if (narrow !== undefined) {
    const { description, default: preset, ...rest } = schema;
    return {
      anyOf: [rest, TAGGED],
      ...(description !== undefined && { description }),
      ...(preset !== undefined && { default: preset }),
    };
  }
  const { properties, additionalProperties, items, ...rest } = schema;
  return {
    ...rest,
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
