import type { Log, Stop } from '../domain/ports.ts';
import { formatSpan, type Millis } from '../domain/time.ts';

/**
 * What was started, to be stopped in the reverse order.
 *
 * Stopping is bounded and happens once: a part that fails or is late is named and passed over, the others still stop.
 */
export interface StopStack {
  readonly add: (name: string, deadline: Millis, stop: Stop) => void;
  /** Stops everything. Later calls give the same promise. Resolves to the names of the parts that failed or were late. */
  readonly stop: () => Promise<readonly string[]>;
}

export function createStopStack(log: Log): StopStack {
  const started: { readonly name: string; readonly deadline: Millis; readonly stop: Stop }[] = [];
  let stopping: Promise<readonly string[]> | undefined;

  const unwind = async (): Promise<readonly string[]> => {
    const late: string[] = [];
    for (let part = started.pop(); part; part = started.pop()) {
      const problem = await stopped(part.stop, part.deadline);
      if (problem === undefined) continue;
      late.push(part.name);
      log.warn(`${part.name} did not stop: ${problem}`);
    }
    return late;
  };

  return {
    add: (name, deadline, stop) => {
      started.push({ name, deadline, stop });
    },
    stop: () => {
      stopping ??= unwind();
      return stopping;
    },
  };
}

/** Stops one part. Gives the problem in words when it fails or is late; it never rejects. */
export async function stopped(stop: Stop, deadline: Millis): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<string>((settle) => {
    timer = setTimeout(() => settle(`still busy after ${formatSpan(deadline)}`), deadline);
  });
  const done = Promise.resolve()
    .then(stop)
    .then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    );
  try {
    return await Promise.race([done, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
