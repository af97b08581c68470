import type { Path } from './problem.ts';
import { suggest } from './suggest.ts';
import type { Wording } from './wording.ts';

/** Something that does not fit together. */
export interface Misfit extends Wording {
  readonly path: Path;
}

/**
 * Checks what one block says about another.
 *
 * Works on the plain data of the file, whether or not the schema accepts it, so that everything is told at once.
 *
 * @param show the value at a path for people
 */
export function crossChecks(tree: unknown, show: (path: Path, value: unknown) => string): readonly Misfit[] {
  const sources = Object.keys(mappingOf(mappingOf(tree)['sources']));
  const misfits: Misfit[] = [];
  const named = new Map<string, string>();
  for (const [id, given] of Object.entries(mappingOf(mappingOf(tree)['ups']))) {
    const { source, name = id } = mappingOf(given);
    if (typeof source !== 'string') continue;
    const path = ['ups', id, 'source'];
    if (!sources.includes(source)) {
      const near = suggest(source, sources);
      const hint = near === undefined ? (sources.length > 0 ? listed(sources) : undefined) : `did you mean ${near}?`;
      misfits.push({ path, message: `no source is called ${show(path, source)}`, ...(hint !== undefined && { hint }) });
    }
    const device = JSON.stringify([source, String(name).toLowerCase()]);
    const first = named.get(device);
    if (first === undefined) named.set(device, id);
    else misfits.push({ path: ['ups', id], message: `is the same device of the same source as ups.${first}` });
  }
  return misfits;
}

/** The first few of the names that would be right. */
const listed = (names: readonly string[]): string =>
  `there is ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' and more' : ''}`;

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? (value as Readonly<Record<string, unknown>>) : {}; // any object may be looked into by key
}
