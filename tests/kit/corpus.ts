/** Where recorded devices lie beside the repository, on machines that have them. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of recorded devices next to the repository; undefined on a machine without it. */
export function corpusFolder(): string | undefined {
  const folder = resolve(import.meta.dirname, '../../../shared/corpus');
  return existsSync(folder) ? folder : undefined;
}

/** Paths of the nut-ddl `.dev` dumps, sorted; none where the corpus is absent. */
export function nutDumps(): readonly string[] {
  const corpus = corpusFolder();
  const folder = corpus === undefined ? undefined : join(corpus, 'nut');
  if (folder === undefined || !existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.dev'));
  return names.sort().map((name) => join(folder, name));
}
