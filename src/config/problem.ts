/** Something wrong, or worth a warning, in a file of the configuration. Never holds a secret. */
export interface Problem {
  readonly file: string;
  /** From 1; absent where the file as a whole is meant. */
  readonly line?: number;
  /** From 1, in UTF-16 units; absent where `line` is. */
  readonly column?: number;
  /** The dotted path, `sources.nas.nut.host`; empty where no one key is meant. */
  readonly key: string;
  readonly message: string;
  readonly hint?: string;
}

/** A point of a file; line and column from 1, the column in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where something stands in the configuration: keys, and numbers for items of lists. */
export type Path = readonly (string | number)[];

/** A path as people write it: `commands.allow[2]`. */
export const dotted = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${printable(part)}`))
    .join('')
    .replace(/^\./, '');

/** Text from the file for one line of a terminal: no control characters, at most 60 characters. */
export const printable = (text: string): string => {
  const line = text.replace(/\p{Cc}/gu, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
};

/** Problems for a terminal, one line each: `file:line:column: key: message (hint)`. */
export function explain(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ file, line, column, key, message, hint }) => {
    const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
    return `${place}: ${key === '' ? '' : `${key}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
  });
}
