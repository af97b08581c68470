import { LIMITS } from '../../../domain/limits.ts';
import type { Outcome, StepContext } from '../../step.ts';
import { sideBySide } from '../ask.ts';
import { count, tallyOf } from '../tally.ts';
import { stopProject } from './compose.ts';
import { QUESTION, runningOf } from './engine.ts';
import { type Answering, askEngines, type Machine } from './machine.ts';
import { isOwn } from './own.ts';
import type { ContainersConfig } from './schema.ts';
import { isMeant, stopByIds, type Work } from './stopping.ts';
import { type Stopped, together, undoOf } from './undo.ts';

const AT_ONCE = 8;

/** Stops the containers that run: the projects of `compose` in order, then the rest side by side. */
export async function stopContainers(
  config: ContainersConfig,
  machine: Machine,
  own: readonly string[],
  context: StepContext,
): Promise<Outcome> {
  const { signal } = context;
  const { answering, silent } = await askEngines(config, machine, signal);
  const tally = tallyOf(context.progress);
  for (const { label, matters, text, output } of silent) {
    if (matters) tally.heard(output);
    tally.end(label, matters ? 'failed' : 'skipped', matters ? `does not answer: ${text}` : 'does not run');
  }
  const spared = await sparedOf(answering, own, signal);
  const stopped = new Map<string, Stopped>();
  const undo = () => undoOf(together(context.undo, stopped.values()));
  const work: Work = {
    config,
    engines: answering,
    tally,
    signal,
    isSpared: ({ id }) => spared.has(id),
    stopped,
    note: () => context.note(undo()),
    settled: new Set(),
  };
  for (const project of config.compose) if (!signal.aborted) await stopProject(project, work);
  if (config.rest && !signal.aborted) await stopRest(work);
  const left = new Set<string>();
  for (const { engine } of signal.aborted ? [] : answering) {
    const running = await runningOf(engine, signal);
    if (running.ok) for (const { id } of running.value) left.add(id);
  }
  const ids = [...stopped.keys()];
  const gone = ids.filter((id) => !left.has(id)).length;
  const said = signal.aborted
    ? `${count(ids.length, 'container')} told to stop`
    : `${gone} of ${count(ids.length, 'container')} stopped`;
  const outcome = tally.outcome(() => (ids.length === 0 ? 'no container to stop' : said), LIMITS.stepOutput);
  return { ...outcome, ...(ids.length > 0 && { undo: undo() }) };
}

/**
 * The ids of our own container, and of those that share its network: where a container uses the network of another
 * one, its files in /etc are the other's, and the two cannot be told apart.
 */
async function sparedOf(
  engines: readonly Answering[],
  own: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const ours = engines.flatMap(({ engine, running }) =>
    running.filter(({ id }) => isOwn(id, own)).map((container) => ({ engine, running, container })),
  );
  const spared = new Set(ours.map(({ container }) => container.id));
  for (const { engine, running, container } of ours) {
    await sideBySide(running, AT_ONCE, signal, async ({ id }) => {
      // One at a time: of several, one that has just gone would hide the answer for the others.
      const mode = await engine.run(['inspect', '--format', '{{.HostConfig.NetworkMode}}', id], QUESTION, signal);
      if (mode.ok && mode.value.trim() === `container:${container.id}`) spared.add(id);
    });
  }
  return spared;
}

async function stopRest(work: Work): Promise<void> {
  const { config, engines, tally, signal, settled } = work;
  await Promise.all(
    engines.map(async ({ engine }) => {
      const running = await runningOf(engine, signal);
      if (!running.ok) {
        tally.heard(running.error.output);
        if (!signal.aborted) tally.end(engine.label, 'failed', `does not answer: ${running.error.text}`);
        return;
      }
      const meant = running.value.filter(({ id }) => !settled.has(id)).filter((one) => isMeant(engine, one, work));
      await stopByIds(engine, meant, config.wait, work);
    }),
  );
}
