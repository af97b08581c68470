import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApp } from '../app.ts';
import { findConfiguration } from '../config/files.ts';
import { hasPlan } from '../config/groups.ts';
import { explain, type Problem } from '../config/problem.ts';
import { type Loaded, readConfiguration } from '../config/read.ts';
import { openStateFolder, stateFolder, surroundings } from '../config/state-dir.ts';
import type { Log } from '../domain/ports.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { seconds } from '../domain/time.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLog } from '../runtime/log.ts';
import { VERSION } from '../version.ts';
import { demo } from './demo.ts';

export interface RunOptions {
  readonly config?: string;
  /** Runs the demo where there is no configuration file. */
  readonly orDemo?: boolean;
  readonly speed: string;
  readonly out: (line: string) => void;
}

/** Everything `run` needs to start, from a file or for the demo. */
interface Prepared {
  readonly loaded: Loaded;
  readonly read?: () => Promise<Result<Loaded, readonly Problem[]>>;
  readonly introduction: readonly string[];
}

/** Runs until SIGTERM or SIGINT. Exits with 2 on a faulty or missing configuration, 1 when it cannot run, 0 after a stop. */
export async function run(options: RunOptions): Promise<void> {
  const prepared = await prepare(options);
  if (typeof prepared === 'number') {
    process.exitCode = prepared;
    return;
  }
  const { loaded, read, introduction } = prepared;
  const log = await createLog(loaded.configuration.log, process.stdout);
  for (const line of introduction) log.info(line);
  for (const warning of explain(loaded.warnings)) log.warn(warning);

  const folder = await openFolder(loaded, read === undefined, log);
  if (!folder.ok) {
    log.error(folder.error);
    process.exitCode = 1;
    return;
  }
  const { path, answers, taken, close } = folder.value;
  const stopping = Promise.race([untilStopped(log), ...(taken === undefined ? [] : [taken])]);
  const starting = startApp({
    loaded,
    read,
    stateFolder: path,
    ...(answers === undefined ? {} : { stateAnswers: answers }),
    version: VERSION,
    clock: systemClock,
    log,
    environment: process.env,
  });
  // Both from here on: a signal that comes during the start waits for it, and does not kill what is half there.
  process.on('SIGHUP', () => void starting.then((app) => app.reload()));
  const app = await starting;
  const why = await stopping;
  log.info(`stopping on ${why}`);
  const late = await app.stop();
  await close();
  log.info('stopped');
  // A library that still holds a socket must not keep the process; whatever is ours has been stopped.
  process.exit(late.length > 0 || why === TAKEN ? 1 : 0);
}

async function prepare(options: RunOptions): Promise<Prepared | number> {
  const file = await findConfiguration(options.config, process.cwd());
  if (file === undefined) {
    if (options.orDemo === true && options.config === undefined) {
      const speed = Number(options.speed);
      if (speed >= 1 && speed <= 3600) return await demo(speed);
      options.out(`--speed ${options.speed}: write a number from 1 to 3600`);
      return 2;
    }
    const where = options.config ?? './gridwarden.yaml nor at /etc/gridwarden/gridwarden.yaml';
    options.out(`no configuration file at ${where}; "gridwarden run --or-demo" shows what it would look like`);
    return 2;
  }
  const read = () => readConfiguration(file, process.env);
  const loaded = await read();
  if (!loaded.ok) {
    for (const line of explain(loaded.error)) options.out(line);
    return 2;
  }
  const watched = Object.keys(loaded.value.configuration.sources).join(', ');
  const introduction = [
    `Gridwarden ${VERSION} with ${file} (${loaded.value.digest}): sources ${watched}; ${armedText(loaded.value)}`,
  ];
  return { loaded: loaded.value, read, introduction };
}

/** Nothing can be shut down without a group that has a plan, whatever the key says. */
function armedText({ configuration: { armed, dryRun, groups } }: Loaded): string {
  if (!armed) return 'nothing is armed';
  const planned = Object.keys(groups).filter((id) => groups[id] !== undefined && hasPlan(groups[id]));
  if (planned.length === 0) return 'armed, but there is no group to shut down';
  return `armed${dryRun ? ' as a dry run' : ''}: ${planned.join(', ')}`;
}

/** A disk that does not answer by then is not waited for. */
const ANSWERS_WITHIN = seconds(3);
/** Nor at the end: the lock of a process that is gone is set aside by the next one. */
const RELEASED_WITHIN = seconds(1);
const TAKEN = 'a state folder that belongs to another process';

interface Folder {
  readonly path: string;
  /** Resolves once it answers and is ours; absent: it did at once. */
  readonly answers?: Promise<void>;
  /** Resolves when it answers late and turns out to be in use. */
  readonly taken?: Promise<typeof TAKEN>;
  readonly close: () => Promise<unknown>;
}

/**
 * The state folder, locked; for the demo a temporary one that goes with it. Where its disk hangs the watch begins without
 * it: whoever may have the machines shut down is not to wait for a disk.
 */
async function openFolder({ configuration }: Loaded, temporary: boolean, log: Log): Promise<Result<Folder, string>> {
  if (temporary) {
    const path = await mkdtemp(join(tmpdir(), 'gridwarden-'));
    return ok({ path, close: () => rm(path, { recursive: true, force: true }) });
  }
  const path = stateFolder(configuration.stateDir, surroundings());
  const opening = openStateFolder(path);
  const release = async () => {
    const opened = await opening;
    if (opened.ok) await opened.value.release();
  };
  const close = () => Promise.race([release(), sleep(RELEASED_WITHIN)]);
  const enough = new AbortController();
  const opened = await Promise.race([opening, sleep(ANSWERS_WITHIN, undefined, { signal: enough.signal })]);
  enough.abort();
  if (opened !== undefined) return opened.ok ? ok({ path, close }) : err(opened.error.message);
  log.error(`the state folder ${path} does not answer: the watch begins without it`);
  const late = opening.then((answer) => {
    if (answer.ok) log.info(`the state folder ${path} answers`);
    else log.error(answer.error.message);
    return answer;
  });
  const answers = new Promise<void>((resolve) => void late.then(({ ok }) => ok && resolve()));
  const taken = new Promise<typeof TAKEN>((resolve) => {
    void late.then((answer) => !answer.ok && answer.error.kind === 'in-use' && resolve(TAKEN));
  });
  return ok({ path, answers, taken, close });
}

/** SIGTERM and SIGINT end the wait; a second one of them ends the process at once. */
function untilStopped(log: Log): Promise<NodeJS.Signals> {
  process.on('uncaughtException', (thrown) => {
    log.error('a bug has ended the program', { err: thrown });
    process.exit(1);
  });
  return new Promise((settle) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        settle(signal);
      });
    }
  });
}
