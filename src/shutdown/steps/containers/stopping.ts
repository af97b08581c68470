import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { pause } from '../../pause.ts';
import { listed } from '../schema.ts';
import type { Tally } from '../tally.ts';
import { type Container, type Engine, runningOf } from './engine.ts';
import type { Answering } from './machine.ts';
import type { ContainersConfig } from './schema.ts';
import type { Stopped } from './undo.ts';

/** What the parts of one stop work with. */
export interface Work {
  readonly config: ContainersConfig;
  readonly engines: readonly Answering[];
  readonly tally: Tally;
  readonly signal: AbortSignal;
  /** Whether a container is this process's own, or may not be touched because it is. */
  readonly isSpared: (container: Container) => boolean;
  /** Everything that was told to stop. */
  readonly stopped: Map<string, Stopped>;
  /** Keeps what is in `stopped`, before it is told. */
  readonly note: () => void;
  /** Ids that are dealt with and are none of the rest. */
  readonly settled: Set<string>;
}

const EVERY = seconds(1);
/** An engine kills what has not stopped in time; beyond that it gets this long to say so. */
export const SLACK = seconds(30);
/** Containers of one command: Docker stops 50 of them at once, Podman a few for each processor, at least 4. */
const GROUP: Readonly<Record<Engine['kind'], number>> = { docker: 40, podman: 4 };

/** The whole seconds of `stop -t`. */
export const wholeSeconds = (wait: Millis): string => String(Math.ceil(wait / 1000));

/** How a container is called in progress and results. */
export const itemOf = (engine: Engine, { name }: Pick<Container, 'name'>): string =>
  engine.user === undefined ? name : `${name} of ${engine.user}`;

/** Whether a container may be stopped; one that may not is told. */
export function isMeant(engine: Engine, container: Container, { config, tally, isSpared }: Work): boolean {
  if (isSpared(container)) {
    tally.end(itemOf(engine, container), 'skipped', 'this process runs in it, or in its network');
    return false;
  }
  return !container.names.some((name) => config.except.includes(name));
}

/** Stops these side by side; those that would not. */
export function stopByIds(
  engine: Engine,
  containers: readonly Container[],
  wait: Millis,
  work: Work,
  file?: string,
): Promise<readonly Container[]> {
  const size = GROUP[engine.kind];
  const groups = Array.from({ length: Math.ceil(containers.length / size) }, (_, index) =>
    containers.slice(index * size, (index + 1) * size),
  );
  const limit = asMillis(wait + SLACK);
  const stops = groups.map(
    (group) => () => engine.run(['stop', '-t', wholeSeconds(wait), ...group.map(({ id }) => id)], limit, work.signal),
  );
  return stopWatched(engine, containers, stops, work, file);
}

/**
 * Runs the commands that stop these containers, and tells of each as it is gone.
 *
 * @param file compose file that they belong to
 * @returns those that run on
 */
export async function stopWatched(
  engine: Engine,
  containers: readonly Container[],
  stops: readonly (() => ReturnType<Engine['run']>)[],
  { tally, signal, stopped, note }: Work,
  file?: string,
): Promise<readonly Container[]> {
  const left = new Map(containers.map((container) => [container.id, container]));
  for (const { id, name, service } of containers) {
    const { kind, user } = engine;
    const whose = { engine: kind, id, name, ...(user !== undefined && { user }) };
    stopped.set(id, { ...whose, ...(file !== undefined && { file }), ...(service !== undefined && { service }) });
  }
  if (containers.length > 0) note();
  for (const container of containers) tally.begin(itemOf(engine, container));
  const look = async (): Promise<void> => {
    const running = await runningOf(engine, signal);
    if (!running.ok) return;
    const on = new Set(running.value.map(({ id }) => id));
    for (const [id, container] of left) {
      if (on.has(id)) continue;
      left.delete(id);
      tally.end(itemOf(engine, container), 'done');
    }
  };
  const ends = Promise.all(stops.map((stop) => stop()));
  while (left.size > 0 && (await Promise.race([ends, pause(EVERY, signal)])) === undefined && !signal.aborted)
    await look();
  const troubles = (await ends).flatMap((answer) => (answer.ok ? [] : [answer.error]));
  if (left.size > 0 && !signal.aborted) await look();
  if (left.size === 0 || signal.aborted) return [...left.values()];
  for (const { output } of troubles) tally.heard(output);
  const why = troubles.length > 0 ? `runs on: ${listed(troubles.map(({ text }) => text))}` : 'runs on';
  for (const container of left.values()) tally.end(itemOf(engine, container), 'failed', why);
  return [...left.values()];
}
