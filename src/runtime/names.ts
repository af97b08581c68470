import { isSlug } from '../domain/names.ts';
import type { KnownName, State } from '../domain/state.ts';

/** Who has which id now; of sources that have not listed their devices yet, who had it before. */
export function namesOf({ devices, sources, names }: State): readonly KnownName[] {
  const now = [...devices.values()].map(({ id, address }) => ({ source: address.source, id }));
  const held = names.filter(({ source, id }) => sources.get(source)?.listed === undefined && !devices.has(id));
  return [...now, ...held.filter(({ source }) => sources.has(source))];
}

export const serializeNames = (names: readonly KnownName[]): string => JSON.stringify({ version: 1, names });

/** What was kept, as far as it can be read: a damaged file holds no ids. */
export function parseNames(text: string): readonly KnownName[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const names = typeof parsed === 'object' && parsed !== null && 'names' in parsed ? parsed.names : [];
    return Array.isArray(names) ? names.filter(isKnownName) : [];
  } catch {
    return [];
  }
}

const isKnownName = (value: unknown): value is KnownName =>
  typeof value === 'object' &&
  value !== null &&
  'source' in value &&
  'id' in value &&
  typeof value.source === 'string' &&
  typeof value.id === 'string' &&
  isSlug(value.source) &&
  isSlug(value.id);
