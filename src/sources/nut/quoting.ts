/**
 * The words of the NUT protocol.
 *
 * Words are separated by blanks; a word in double quotes may hold blanks, and in it a backslash stands before any
 * character that is meant literally. upsd also escapes `#`, and must be sent it escaped: a bare one in quotes is a
 * parse error that it answers with silence (measured with upsd 2.8.0).
 *
 * @see RFC 9271, section 4 (ABNF of quoted strings); NUT docs/net-protocol.txt, "General notes"
 */

/** A text as one quoted word. The caller has refused control characters: the protocol has no escape for them. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\#]/g, '\\$&')}"`;
}

/** Whether a text can be sent inside quotes: upsd drops every other character without a word. */
export const isPrintable = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Whether a name can be sent and is echoed as one bare word. */
export const isBareWord = (text: string): boolean => text.length <= 128 && /^[!$-<>-[\]-~]+$/.test(text);

/** A quoted word that was read, and the index after its closing quote. */
export interface QuotedWord {
  readonly value: string;
  readonly end: number;
}

/** Reads the quoted word whose opening quote is at `from`. Undefined when there is none or it is not closed. */
export function readQuoted(line: string, from: number): QuotedWord | undefined {
  if (line.charCodeAt(from) !== QUOTE) return undefined;
  const close = line.indexOf('"', from + 1);
  const slash = line.indexOf('\\', from + 1);
  if (close !== -1 && (slash === -1 || slash > close)) return { value: line.slice(from + 1, close), end: close + 1 };
  return readEscaped(line, from);
}

function readEscaped(line: string, from: number): QuotedWord | undefined {
  const parts: string[] = [];
  let begin = from + 1;
  for (let at = begin; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) {
      parts.push(line.slice(begin, at));
      return { value: parts.join(''), end: at + 1 };
    }
    if (code === BACKSLASH) {
      parts.push(line.slice(begin, at));
      at += 1;
      begin = at;
    }
  }
  return undefined;
}

/** The one quoted word that a text consists of from `from` on. Undefined for anything else. */
export function onlyQuoted(text: string, from = 0): string | undefined {
  const word = readQuoted(text, from);
  return word !== undefined && word.end === text.length ? word.value : undefined;
}

/** Splits a line into its words, quotes undone. Undefined when a quote is not closed or touches the next word. */
export function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (isBlank(line.charCodeAt(at))) at += 1;
    if (at >= line.length) return words;
    if (line.charCodeAt(at) === QUOTE) {
      const word = readQuoted(line, at);
      if (word === undefined || (word.end < line.length && !isBlank(line.charCodeAt(word.end)))) return undefined;
      words.push(word.value);
      at = word.end;
    } else {
      const begin = at;
      while (at < line.length && !isBlank(line.charCodeAt(at))) at += 1;
      words.push(line.slice(begin, at));
    }
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const isBlank = (code: number): boolean => code === 32 || code === 9;
