import { StringDecoder } from 'node:string_decoder';

/** The text that has come from a server and is not yet understood, cut into lines on demand. */
export interface Lines {
  /** Adds what the socket gave. */
  readonly push: (chunk: Buffer) => void;
  /** Takes the next whole line, LF or CRLF removed; undefined when there is none yet. */
  readonly next: () => string | undefined;
  /**
   * Compares what comes next with a text; `early` while what is here is a beginning of it. Lets an answer that is the
   * same as last time, byte by byte, be recognised without reading its lines.
   */
  readonly compare: (text: string) => 'same' | 'other' | 'early';
  readonly skip: (length: number) => void;
  readonly isEmpty: () => boolean;
  /** Whether what is here begins with a line of more than the allowed length, ended or not. */
  readonly isTooLong: () => boolean;
}

/**
 * Splits by LF only at whole lines, so packets may be cut anywhere, also inside a character.
 *
 * @param longest characters that a line may have
 */
export function createLines(longest: number): Lines {
  const decoder = new StringDecoder('utf8');
  let text = '';
  let at = 0;
  return {
    push: (chunk) => {
      text = (at < text.length ? text.slice(at) : '') + decoder.write(chunk);
      at = 0;
    },
    next: () => {
      const end = text.indexOf('\n', at);
      if (end === -1) return undefined;
      const line = text.slice(at, text.charCodeAt(end - 1) === CR && end > at ? end - 1 : end);
      at = end + 1;
      return line;
    },
    compare: (wanted) => {
      const here = text.length - at;
      if (here >= wanted.length) return text.startsWith(wanted, at) ? 'same' : 'other';
      return wanted.startsWith(at === 0 ? text : text.slice(at)) ? 'early' : 'other';
    },
    skip: (length) => {
      at += length;
    },
    isEmpty: () => at >= text.length,
    isTooLong: () => {
      if (text.length - at <= longest) return false;
      const end = text.indexOf('\n', at);
      return (end === -1 ? text.length : end) - at > longest;
    },
  };
}

const CR = 13;
