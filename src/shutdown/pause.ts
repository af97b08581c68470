import type { Millis } from '../domain/time.ts';

/** Waits, or less if the signal aborts. Never rejects. */
export function pause(span: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, span);
    signal.addEventListener('abort', end, { once: true });
  });
}

/**
 * Runs something with a signal that aborts with another one or after a span, whichever is first.
 *
 * In place of `AbortSignal.any`, which in Node 20 keeps what it made for as long as the parent signal lives.
 */
export async function within<T>(
  span: Millis,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, span);
  if (parent.aborted) abort();
  parent.addEventListener('abort', abort, { once: true });
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    parent.removeEventListener('abort', abort);
  }
}

/** What a promise gives, or undefined once the signal aborts; for what cannot be ended itself, such as a file system that hangs. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Lets what waits for the event loop get on. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
