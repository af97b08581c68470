import { asMillis, seconds } from '../../../domain/time.ts';
import { ask } from '../ask.ts';
import { listed } from '../schema.ts';
import { type Container, type Engine, QUESTION } from './engine.ts';
import type { Answering } from './machine.ts';
import type { ComposeProject } from './schema.ts';
import { isMeant, itemOf, SLACK, stopByIds, stopWatched, type Work, wholeSeconds } from './stopping.ts';

const FILE_LOOK = seconds(5);

/** Whether a compose file is there and may be read. Looks from a child, so that a hung disk hangs nothing of ours. */
export async function isReadable(file: string, signal: AbortSignal): Promise<boolean> {
  return (await ask(['test', '-r', file], { env: {}, limit: FILE_LOOK, signal })).ok;
}

/** What of a compose project runs, and where. */
interface Running {
  readonly engine: Engine;
  readonly containers: readonly Container[];
}

/**
 * Stops one compose project, its services in the order of what depends on what.
 *
 * `stop`, not `down`: the containers stay, so that they can be started again. What cannot be stopped as a project
 * goes with the rest, where there is one.
 */
export async function stopProject({ file, wait }: ComposeProject, work: Work): Promise<void> {
  const { tally, signal, settled } = work;
  if (!(await isReadable(file, signal))) {
    if (!signal.aborted) tally.end(file, 'skipped', 'there is no such file, or it cannot be read');
    return;
  }
  tally.begin(file);
  const found = await whatRuns(file, work);
  if (signal.aborted) return;
  if (typeof found === 'string') {
    giveUp(file, found, work);
    return;
  }
  const { engine, containers } = found;
  if (containers.length === 0) {
    tally.end(file, 'done', 'nothing of it runs');
    return;
  }
  for (const { id } of containers) settled.add(id);
  if (containers.some(work.isSpared)) {
    tally.end(file, 'skipped', 'this process runs in it, or in its network');
    return;
  }
  const meant = containers.filter((container) => isMeant(engine, container, work));
  const words = ['-f', file, 'stop', '-t', wholeSeconds(wait)];
  const stop = () => engine.compose(words, asMillis(wait + SLACK), signal);
  // compose stops whole services; one with an exception in it is stopped by its other containers.
  const left =
    meant.length === containers.length
      ? await stopWatched(engine, meant, [stop], work, file)
      : await stopByIds(engine, meant, wait, work, file);
  if (signal.aborted) return;
  if (left.length === 0) {
    tally.end(file, 'done');
    return;
  }
  for (const { id } of left) settled.delete(id);
  giveUp(file, `${listed(left.map((container) => itemOf(engine, container)))} would not stop`, work);
}

/** The project failed; where its containers still have a turn, they decide how the step ends. */
function giveUp(file: string, why: string, { config, tally }: Work): void {
  if (config.rest) tally.end(file, 'skipped', `${why}; what runs of it goes with the rest`);
  else tally.end(file, 'failed', why);
}

/** The first engine that runs something of it has it. A text: none of them could say. */
async function whatRuns(file: string, { engines, signal, tally }: Work): Promise<Running | string> {
  const troubles: string[] = [];
  let idle: Running | undefined;
  for (const { engine, running } of engines) {
    const ids = await idsOf(file, engine, signal);
    if (typeof ids === 'string') {
      troubles.push(ids);
      continue;
    }
    const containers = containersAmong(running, ids);
    if (containers.length > 0) return { engine, containers };
    idle ??= { engine, containers };
  }
  if (idle !== undefined) return idle;
  if (troubles.length === 0) return 'no engine answers';
  for (const text of troubles) tally.heard(text);
  return listed(troubles);
}

/** The ids that compose gives, 12 digits or more each. A text: why it gives none. */
async function idsOf(file: string, engine: Engine, signal: AbortSignal): Promise<readonly string[] | string> {
  const answer = await engine.compose(['-f', file, 'ps', '-q'], QUESTION, signal);
  return answer.ok ? answer.value.split('\n').filter((line) => /^[0-9a-f]{12,64}$/.test(line)) : answer.error.text;
}

/** podman-compose gives the first 12 digits of an id. */
export const containersAmong = (running: Answering['running'], ids: readonly string[]): readonly Container[] =>
  running.filter(({ id }) => ids.some((start) => id.startsWith(start)));
