import { LIMITS } from '../../../domain/limits.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import type { Outcome, StepContext } from '../../step.ts';
import { sideBySide, untilTrue } from '../ask.ts';
import { listed } from '../schema.ts';
import { count, type Tally, tallyOf } from '../tally.ts';
import { isReadable } from './compose.ts';
import { type Engine, runningOf } from './engine.ts';
import { askEngines, engineAgain, type Machine } from './machine.ts';
import type { ContainersConfig } from './schema.ts';
import { itemOf, SLACK } from './stopping.ts';
import { type Stopped, stoppedOf } from './undo.ts';

/** Docker starts the containers of one command one after the other. */
const GROUP = 10;
const AT_ONCE = 4;
/** A machine that has just come up may not have its engines yet. */
const EVERY = seconds(2);

interface Work {
  readonly config: ContainersConfig;
  readonly machine: Machine;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/**
 * Starts what the plan stopped: the projects of `compose` in order, then the rest.
 *
 * Where nothing was kept of what it stopped, only the projects can be started.
 */
export async function startContainers(
  config: ContainersConfig,
  machine: Machine,
  { undo, progress, signal }: StepContext,
): Promise<Outcome> {
  const work: Work = { config, machine, tally: tallyOf(progress), signal };
  const files = config.compose.map(({ file }) => file);
  const kept = stoppedOf(undo).filter(({ name }) => !config.except.includes(name));
  const isOfProject = ({ file }: Stopped) => file !== undefined && files.includes(file);
  const meant = kept.filter((one) => config.rest || isOfProject(one));
  for (const { file, wait } of config.compose) {
    if (signal.aborted) break;
    const limit = asMillis(wait + SLACK);
    if (undo === undefined) await startProject(file, limit, work);
    else
      await startKept(
        meant.filter((one) => one.file === file),
        limit,
        work,
        file,
      );
  }
  const rest = meant.filter((one) => !isOfProject(one));
  if (!signal.aborted) await startKept(rest, asMillis(config.wait + SLACK), work);
  const nothing =
    undo === undefined && files.length > 0
      ? `${count(files.length, 'project')} started`
      : 'there is no container to start';
  return work.tally.outcome(
    (done) => (meant.length === 0 ? nothing : `${done} of ${count(meant.length, 'container')} started`),
    LIMITS.stepOutput,
  );
}

/** A whole project, without knowing what of it ran. */
async function startProject(file: string, limit: Millis, { config, machine, tally, signal }: Work): Promise<void> {
  if (!(await isReadable(file, signal))) {
    if (!signal.aborted) tally.end(file, 'skipped', 'there is no such file, or it cannot be read');
    return;
  }
  tally.begin(file);
  const { answering } = await askEngines(config, machine, signal);
  const troubles: string[] = [];
  for (const { engine } of answering) {
    const answer = await engine.compose(['-f', file, 'start'], limit, signal);
    if (answer.ok) {
      tally.end(file, 'done', 'all of it');
      return;
    }
    tally.heard(answer.error.output);
    troubles.push(answer.error.text);
  }
  if (!signal.aborted) tally.end(file, 'failed', troubles.length > 0 ? listed(troubles) : 'no engine answers');
}

/** What of one project, or of the rest, was stopped; engines side by side. */
async function startKept(stopped: readonly Stopped[], limit: Millis, work: Work, file?: string): Promise<void> {
  const whose = ({ engine, user = '' }: Stopped) => `${engine} ${user}`;
  await Promise.all(
    [...new Set(stopped.map(whose))].map(async (one) => {
      const ones = stopped.filter((other) => whose(other) === one);
      const [first] = ones;
      const engine = first === undefined ? undefined : await engineAgain(first, work.machine, work.signal);
      if (engine !== undefined) await startAll(engine, ones, limit, work, file);
      else for (const { name } of ones) work.tally.end(name, 'failed', 'the Podman of its user cannot be asked');
    }),
  );
}

async function startAll(
  engine: Engine,
  ones: readonly Stopped[],
  limit: Millis,
  { tally, signal, config }: Work,
  file?: string,
): Promise<void> {
  for (const one of ones) tally.begin(itemOf(engine, one));
  await untilTrue(async () => (await runningOf(engine, signal)).ok, { span: config.wait, every: EVERY, signal });
  const troubles: string[] = [];
  const hear = (answer: Awaited<ReturnType<Engine['run']>>): void => {
    if (answer.ok) return;
    tally.heard(answer.error.output);
    troubles.push(answer.error.text);
  };
  const services = [...new Set(ones.flatMap(({ service }) => service ?? []))];
  if (file !== undefined && services.length > 0 && (await isReadable(file, signal))) {
    hear(await engine.compose(['-f', file, 'start', ...services], limit, signal));
  }
  const missing = await notRunning(engine, ones, signal);
  const groups = Array.from({ length: Math.ceil(missing.length / GROUP) }, (_, at) =>
    missing.slice(at * GROUP, (at + 1) * GROUP),
  );
  await sideBySide(groups, AT_ONCE, signal, async (group) => {
    hear(await engine.run(['start', ...group.map(({ id }) => id)], limit, signal));
  });
  const left = await notRunning(engine, ones, signal);
  if (signal.aborted) return;
  const why = troubles.length > 0 ? `does not run: ${listed(troubles)}` : 'does not run: it has ended again';
  for (const one of ones) {
    if (left.includes(one)) tally.end(itemOf(engine, one), 'failed', why);
    else tally.end(itemOf(engine, one), 'done');
  }
}

async function notRunning(engine: Engine, ones: readonly Stopped[], signal: AbortSignal): Promise<readonly Stopped[]> {
  const running = await runningOf(engine, signal);
  if (!running.ok) return ones;
  const on = new Set(running.value.map(({ id }) => id));
  return ones.filter(({ id }) => !on.has(id));
}
