import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../app.ts';
import { findConfiguration } from '../config/files.ts';
import { hasPlan } from '../config/groups.ts';
import { explain, type Problem } from '../config/problem.ts';
import { type Loaded, readConfiguration } from '../config/read.ts';
import { openStateFolder, stateFolder, surroundings } from '../config/state-dir.ts';
import type { Log } from '../domain/ports.ts';
import type { Result } from '../domain/result.ts';
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

  const folder = await openFolder(loaded, read === undefined);
  if (!folder.ok) {
    log.error(folder.error);
    process.exitCode = 1;
    return;
  }
  const stopping = untilStopped(log);
  const starting = startApp({
    loaded,
    read,
    stateFolder: folder.value.path,
    version: VERSION,
    clock: systemClock,
    log,
    environment: process.env,
  });
  // Both from here on: a signal that comes during the start waits for it, and does not kill what is half there.
  process.on('SIGHUP', () => void starting.then((app) => app.reload()));
  const app = await starting;
  log.info(`stopping on ${await stopping}`);
  const late = await app.stop();
  await folder.value.close();
  log.info('stopped');
  // A library that still holds a socket must not keep the process; whatever is ours has been stopped.
  process.exit(late.length > 0 ? 1 : 0);
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

/** The state folder, locked; for the demo a temporary one that goes with it. */
async function openFolder(
  { configuration }: Loaded,
  temporary: boolean,
): Promise<Result<{ path: string; close: () => Promise<void> }, string>> {
  if (temporary) {
    const path = await mkdtemp(join(tmpdir(), 'gridwarden-'));
    return { ok: true, value: { path, close: () => rm(path, { recursive: true, force: true }) } };
  }
  const opened = openStateFolder(stateFolder(configuration.stateDir, surroundings()));
  if (!opened.ok) return { ok: false, error: opened.error.message };
  const { folder, release } = opened.value;
  return { ok: true, value: { path: folder, close: async () => release() } };
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
