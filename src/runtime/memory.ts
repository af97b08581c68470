import type { Log } from '../domain/ports.ts';
import { seconds } from '../domain/time.ts';
import { readIfThere, writeAtomically } from './atomic-file.ts';

/**
 * One file of what must outlive the process. Writing never waits and never fails for the caller: the newest text wins,
 * one write at a time, a failure is told once until it works again.
 */
export interface Memory {
  /** Undefined when there is none, it cannot be read, or the disk does not answer within 3 s. */
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => void;
  /** Resolves when everything given so far is on the disk or has failed. */
  readonly flushed: () => Promise<void>;
}

/** A disk that does not answer holds the start up no longer. */
const READ_WITHIN = seconds(3);

async function withinTime(read: Promise<string | undefined>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('the disk does not answer')), READ_WITHIN);
  });
  try {
    return await Promise.race([read, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The memory of one file.
 *
 * @param answers resolves once the disk answers, which did not when the program started; absent: it does
 */
export function createMemory(path: string, log: Log, answers?: Promise<void>): Memory {
  let waiting: string | undefined;
  let writing: Promise<void> | undefined;
  let failing = false;

  const tell = (what: string, thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    if (!failing) log.warn(`cannot ${what} ${path}: ${why}`);
    failing = true;
  };

  const write = async (): Promise<void> => {
    await answers;
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
      if (answers !== undefined) return undefined;
      try {
        return await withinTime(readIfThere(path));
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
