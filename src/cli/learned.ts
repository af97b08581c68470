import { stateFolder, surroundings } from '../config/state-dir.ts';
import type { Log } from '../domain/ports.ts';
import type { Durations } from '../domain/state.ts';
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

/** What steps took in earlier runs and drills, as the bridge has put it on record; empty where nothing can be read. */
export async function learnedDurations(stateDir: string | undefined): Promise<Durations> {
  const folder = stateFolder(stateDir, surroundings());
  // Opening reads; a file is only written to by who keeps it.
  const { memory } = await openJournal({
    folder,
    boot: bootIdentity().id,
    version: VERSION,
    clock: systemClock,
    log: SILENT,
  });
  return memory?.durations ?? new Map();
}
