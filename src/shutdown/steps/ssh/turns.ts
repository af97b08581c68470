import type { Millis } from '../../../domain/time.ts';

/** Waits for a turn; resolves to what ends it. An abort ends the waiting: the turn has then come. */
export type Turns = (signal: AbortSignal) => Promise<() => void>;

/**
 * Turns for what costs this process computing: with everything at once nothing would be through before the last, and the
 * watch would wait for all of it.
 *
 * @param most so many have a turn at once
 * @param longest a turn that takes longer counts no more: it waits for others, which costs nothing, and nobody waits for it
 */
export function openTurns(most: number, longest: Millis): Turns {
  const waiting = new Set<() => void>();
  let taken = 0;
  return async (signal) => {
    if (taken < most || signal.aborted) taken += 1;
    else await called(waiting, signal, () => (taken += 1));
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      taken -= 1;
      const [next] = waiting;
      if (taken < most) next?.();
    };
    const timer = setTimeout(end, longest);
    return end;
  };
}

function called(waiting: Set<() => void>, signal: AbortSignal, take: () => void): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      waiting.delete(go);
      signal.removeEventListener('abort', go);
      take();
      resolve();
    };
    waiting.add(go);
    signal.addEventListener('abort', go, { once: true });
  });
}
