/** Why there is no session. `text` is for people and holds no secrets. */
export interface SshTrouble {
  /**
   * `unreachable`: nothing answers; `identity`: it is not proved that the right machine does; `login`: it lets us not
   * in; `protocol`: it does not speak SSH as we do; `late`: it took too long.
   */
  readonly kind: 'unreachable' | 'identity' | 'login' | 'protocol' | 'late';
  readonly text: string;
}

/** How a command ended. */
export type Ended = {
  /** What it wrote on its standard output, the beginning of it. */
  readonly out: string;
  /** The last line that it said on either stream; absent: it said nothing. */
  readonly last?: string;
} & (
  | { readonly kind: 'exit'; readonly code: number }
  /** The connection lives, but no exit code was told; `signal` where one ended it. */
  | { readonly kind: 'silent'; readonly signal?: string }
  /** The connection was lost while it ran: what became of it is not known. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'late' }
  /** It never began. */
  | { readonly kind: 'refused' }
);

/** How a command ended, for people; the last thing it said goes with a failure. */
export function endedText(ended: Ended): string {
  const said = ended.last === undefined ? '' : `: ${ended.last}`;
  switch (ended.kind) {
    case 'exit':
      return ended.code === 0 ? 'exit code 0' : `exit code ${ended.code}${said}`;
    case 'silent':
      return ended.signal === undefined
        ? `ended without an exit code${said}`
        : `ended by signal ${ended.signal}${said}`;
    case 'dropped':
      return `the connection dropped before it had ended${said}`;
    case 'late':
      return `did not end in time${said}`;
    case 'refused':
      return `could not be started${said}`;
  }
}

/** The last line of a harmless text that says something, short enough for a sentence; undefined: there is none. */
export function lastLine(text: string): string | undefined {
  const line = text
    .split('\n')
    .map((one) => one.trim())
    .findLast((one) => one !== '');
  return line === undefined || line.length <= 160 ? line : `${line.slice(0, 157)}...`;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'no name server answers',
};

/** A failure of the system in words. */
export function inWords(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A name with several addresses fails with all their errors at once.
  const first: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  return WORDS[code] ?? (code || thrown.message);
}
