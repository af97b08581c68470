import { explain } from '../config/problem.ts';
import type { Loaded } from '../config/read.ts';
import type { Configuration } from '../config/schema.ts';
import { configured } from './configured.ts';

/** What `gridwarden check` is given. */
export interface CheckOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Whether everything it counts on is tried as well, read-only. */
  readonly live?: true;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden check`: tells everything that is wrong with a configuration, or that it is good. Without `live` it touches
 * nothing else.
 *
 * @returns the exit code: 0 good (warnings are told), 1 something it counts on would not work, 2 not good or not found
 */
export async function check({ config, live, out }: CheckOptions): Promise<number> {
  const loaded = await configured(config, out);
  if (loaded === undefined) return 2;
  for (const line of explain(loaded.warnings)) out(`warning: ${line}`);
  out(summary(loaded));
  if (live !== true) return 0;
  const { checkLive } = await import('./live-check.ts');
  out('');
  return (await checkLive(loaded, { root: '/' }, out)) ? 0 : 1;
}

function summary({ configuration, digest, file }: Loaded): string {
  const { node, sources, ups, groups, armed, dryRun, mqtt } = configuration;
  const broker =
    'embedded' in mqtt ? `own broker on ${mqtt.embedded.listen.host}` : `broker ${mqtt.url.replace(/\?.*$/, '')}`;
  const mode = armed ? (dryRun ? 'armed, dry run' : 'armed') : 'not armed';
  const counts = [
    counted(Object.keys(sources).length, 'source'),
    counted(Object.keys(ups).length, 'named device'),
    ...Object.entries(groups).map(([id, group]) => `group ${id} (${groupSummary(group)})`),
  ].join(', ');
  return `ok: node ${node}, ${counts}, ${broker}, ${mode}, digest ${digest} (${file})`;
}

function groupSummary({ feeds, stages, host }: Configuration['groups'][string]): string {
  const steps = stages.reduce((total, stage) => total + stage.steps.length, 0);
  const plan = [
    ...(stages.length > 0 ? [`${counted(steps, 'step')} in ${counted(stages.length, 'stage')}`] : []),
    ...(host?.halt === true ? ['halts this host'] : []),
  ];
  return [counted(feeds.length, 'feed'), ...(plan.length > 0 ? plan : ['shuts nothing down'])].join(', ');
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
