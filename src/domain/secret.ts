/**
 * A password or token. Text only for whoever asks with `reveal`; `***` for logs, JSON and templates,
 * so that a whole configuration may be printed without a second thought.
 */
export interface Secret {
  readonly reveal: () => string;
  readonly toString: () => string;
  readonly toJSON: () => string;
}

const MASK = '***';

export function secret(text: string): Secret {
  return { reveal: () => text, toString: () => MASK, toJSON: () => MASK };
}
