import { groupChecks } from './group-checks.ts';
import type { Path } from './problem.ts';
import { mappingOf } from './tree.ts';
import { type Misfit, noSuch } from './wording.ts';

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
      misfits.push({ path, ...noSuch('source', source, sources, show(path, source)) });
    }
    const device = JSON.stringify([source, String(name).toLowerCase()]);
    const first = named.get(device);
    if (first === undefined) named.set(device, id);
    else misfits.push({ path: ['ups', id], message: `is the same device of the same source as ups.${first}` });
  }
  return [...misfits, ...groupChecks(tree, show)];
}
