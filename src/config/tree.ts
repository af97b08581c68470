/** The mapping that stands somewhere in the plain data of a file; empty where something else does. */
export function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? (value as Readonly<Record<string, unknown>>) : {}; // any object may be looked into by key
}

/** The list that stands somewhere in the plain data of a file; empty where something else does. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The texts of such a list, each with its place in it. */
export const textsOf = (value: unknown): readonly (readonly [number, string])[] =>
  listOf(value).flatMap((item, index) => (typeof item === 'string' ? [[index, item] as const] : [])); // a pair
