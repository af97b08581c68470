import type { Input } from '../domain/inputs.ts';
import type { Json, Request } from '../domain/requests.ts';
import type { State } from '../domain/state.ts';

/**
 * What a request to the bridge may bring into a trace: the keys that decisions read. What else a client sends is its own
 * affair.
 */
const KNOWN = new Set(['group', 'ups', 'for', 'confirm', 'execute', 'step', 'state', 'took']);

/** Longer texts are no answer to any of these keys. */
const LONGEST = 200;

/** An input without what a trace must not hold. The same object where there is nothing to take out. */
export const redacted = (input: Input): Input =>
  input.kind === 'request' ? { ...input, request: redactedRequest(input.request) } : input;

/** A state without it: requests that wait for their actor are part of it. */
export const redactedState = (state: State): State => ({
  ...state,
  pending: new Map(
    [...state.pending].map(([id, { request, since }]) => [id, { request: redactedRequest(request), since }]),
  ),
});

function redactedRequest({ transaction, ask, ...request }: Request): Request {
  return {
    ...request,
    ask: ask.kind === 'verb' ? { ...ask, given: redactedGiven(ask.given) } : ask,
    ...(transaction !== undefined && isShort(transaction) ? { transaction } : {}),
  };
}

const redactedGiven = (given: { readonly [key: string]: Json }): { readonly [key: string]: Json } =>
  Object.fromEntries(Object.entries(given).filter(([key, value]) => KNOWN.has(key) && isShort(value)));

const isShort = (value: Json): boolean =>
  typeof value === 'string' ? value.length <= LONGEST : typeof value !== 'object' || value === null;
