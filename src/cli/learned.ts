import { stateFolder, surroundings } from '../config/state-dir.ts';
import type { Log } from '../domain/ports.ts';
import type { Durations, Memory } from '../domain/state.ts';
import { bootIdentity } from '../runtime/boot.ts';
import { systemClock } from '../runtime/clock.ts';
import { openJournal } from '../store/journal.ts';
import { VERSION } from '../version.ts';

/** Says nothing: what a command has to say goes to its user. */
export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  room: () => SILENT,
};

/**
 * What the bridge has put on record in its state folder, whether it runs or not; undefined where nothing can be read.
 *
 * @param log told why
 */
export async function rememberedIn(stateDir: string | undefined, log: Log): Promise<Memory | undefined> {
  const folder = stateFolder(stateDir, surroundings());
  // Opening reads; a file is only written to by who keeps it.
  const { memory } = await openJournal({ folder, boot: bootIdentity().id, version: VERSION, clock: systemClock, log });
  return memory;
}

/** What steps took in earlier runs and drills; empty where nothing can be read. */
export async function learnedDurations(stateDir: string | undefined): Promise<Durations> {
  return (await rememberedIn(stateDir, SILENT))?.durations ?? new Map();
}
