import { CST, Lexer } from 'yaml';
import type { Position } from './problem.ts';

/** Where and how a text goes beyond what the composer of the library may be given. */
export interface Excess {
  readonly at: Position;
  readonly message: string;
}

/** Brackets, blocks of one line and pairs of one list item that may be open at once. */
const DEEPEST = 64;

/** Columns by which a line may be indented: no real file comes near, and every level of a block takes one at least. */
const WIDEST = 512;

/** Words, indicators, spaces and line ends together; ten times those of a real configuration with a thousand devices. */
const MOST_TOKENS = 200_000;

/**
 * Finds where a YAML text is nested more deeply than the library, which recurses, can bear.
 *
 * Such a text does not always end in an error that could be caught: V8 ends the whole process when a regular
 * expression is compiled with the stack all but used up. The lexer does not recurse.
 */
export function excessOf(text: string): Excess | undefined {
  let [line, column, tokens, brackets, inLine, inItem, atStart] = [1, 1, 0, 0, 0, 0, true];
  for (const token of new Lexer().lex(text)) {
    if (MARKS.has(token)) continue;
    const kind = CST.tokenType(token) ?? 'scalar';
    tokens += 1;
    if (OPENING.has(kind)) brackets += 1;
    if (CLOSING.has(kind)) brackets = Math.max(0, brackets - 1);
    if (NESTING.has(kind) && brackets > 0) inItem += 1;
    if (NESTING.has(kind) && brackets === 0) inLine += 1;
    if (OPENING.has(kind) || CLOSING.has(kind) || kind === 'comma') inItem = 0;
    if (kind === 'newline') inLine = 0;
    const indented = kind === 'space' && atStart ? token.length : 0;
    const at = { line, column };
    if (Math.max(brackets, inLine, inItem) > DEEPEST || indented > WIDEST)
      return { at, message: 'is nested too deeply' };
    if (tokens > MOST_TOKENS) return { at, message: 'has too much in it' };
    atStart = kind === 'newline';
    const lines = token.split('\n');
    column = lines.length > 1 ? 1 + (lines.at(-1)?.length ?? 0) : column + token.length;
    line += lines.length - 1;
  }
  return undefined;
}

/** Tokens that the lexer puts between those of the text. */
const MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

const OPENING: ReadonlySet<string> = new Set(['flow-map-start', 'flow-seq-start']);
const CLOSING: ReadonlySet<string> = new Set(['flow-map-end', 'flow-seq-end']);

/** Indicators of which each may begin a collection of its own, inside of the one before it. */
const NESTING: ReadonlySet<string> = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind']);
