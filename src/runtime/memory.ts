import type { Log } from '../domain/ports.ts';
import { readIfThere, writeAtomically } from './atomic-file.ts';

/**
 * One file of what must outlive the process. Writing never waits and never fails for the caller: the newest text wins,
 * one write at a time, a failure is told once until it works again.
 */
export interface Memory {
  /** Undefined when there is none or it cannot be read. */
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => void;
  /** Resolves when everything given so far is on the disk or has failed. */
  readonly flushed: () => Promise<void>;
}

export function createMemory(path: string, log: Log): Memory {
  let waiting: string | undefined;
  let writing: Promise<void> | undefined;
  let failing = false;

  const tell = (what: string, thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    if (!failing) log.warn(`cannot ${what} ${path}: ${why}`);
    failing = true;
  };

  const write = async (): Promise<void> => {
    while (waiting !== undefined) {
      const text = waiting;
      waiting = undefined;
      try {
        await writeAtomically(path, text);
        failing = false;
      } catch (thrown) {
        tell('write', thrown);
      }
    }
    writing = undefined;
  };

  return {
    load: async () => {
      try {
        return await readIfThere(path);
      } catch (thrown) {
        tell('read', thrown);
        return undefined;
      }
    },
    save: (text) => {
      waiting = text;
      writing ??= write();
    },
    flushed: async () => {
      await writing;
    },
  };
}
