import { findConfiguration, usualFiles } from '../config/files.ts';
import { explain } from '../config/problem.ts';
import { type Loaded, readConfiguration } from '../config/read.ts';

/**
 * The configuration that a command works on. What is wrong with it is told.
 *
 * @param config path of the file; absent: looked for in the usual places
 * @returns undefined where there is none that can be used, for which the exit code is 2
 */
export async function configured(config: string | undefined, out: (line: string) => void): Promise<Loaded | undefined> {
  const file = await findConfiguration(config, process.cwd());
  if (file === undefined) {
    out(`no configuration: looked for ${usualFiles(process.cwd()).join(' and ')}`);
    return undefined;
  }
  const loaded = await readConfiguration(file, process.env);
  if (loaded.ok) return loaded.value;
  for (const line of explain(loaded.error)) out(line);
  return undefined;
}
