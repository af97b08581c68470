/** What an operation that may fail in expected ways gives back. Bugs throw instead. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/**
 * Marks a case that the compiler has proved impossible.
 *
 * @throws Error when it happens all the same: a value from outside was typed without being checked
 */
export function never(impossible: never): never {
  throw new Error(`impossible case: ${JSON.stringify(impossible)}`);
}
