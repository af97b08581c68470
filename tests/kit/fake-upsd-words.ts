/** Words of one request line, and quoting in both directions, as NUT's configuration parser does it inside upsd. */

const LF = 10;
const QUOTE = 34;
const HASH = 35;
const EQUALS = 61;
const BACKSLASH = 92;

/** More words than this on a line are dropped by upsd. */
const MAX_WORDS = 32;
/** Characters past this in a word are dropped by upsd. */
const MAX_WORD = 512;
/** upsd reads this many bytes at a time; after a parse error the rest of what was read is lost with it. */
const READ_SIZE = 512;
/** A driver's value never reaches a client longer than this (NUT's ST_MAX_VALUE_LEN less its NUL). */
const MAX_VALUE = 255;
/** A reply line with its LF; what is longer is cut, LF included (NUT_NET_ANSWER_MAX). */
const MAX_LINE = 512;
/** The record of a request keeps no more of a line than this. */
const MAX_RECORDED = 4096;

type State = 'gap' | 'comment' | 'quoted' | 'quoted-literal' | 'word' | 'word-literal';
type Step = 'more' | 'complete' | 'error';

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/**
 * Turns the bytes of one connection into requests.
 *
 * The rules were measured with upsd 2.8.0: a quoted word may run over line ends, a backslash before an LF joins two
 * lines, `=` outside quotes is a word of its own, and an unescaped `#` inside quotes gives no request at all.
 */
export class RequestReader {
  readonly #onLine: (line: string) => void;
  readonly #onWords: (words: readonly string[]) => void;
  #state: State = 'gap';
  #words: string[] = [];
  #word = '';
  #line = '';

  /**
   * @param onLine every line that came, as it came, without LF, before `onWords` sees its words
   * @param onWords the words of a complete request; none for an empty line or a comment
   */
  constructor(onLine: (line: string) => void, onWords: (words: readonly string[]) => void) {
    this.#onLine = onLine;
    this.#onWords = onWords;
  }

  feed(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; start += READ_SIZE) this.#read(chunk.subarray(start, start + READ_SIZE));
  }

  #read(bytes: Uint8Array): void {
    let lost = false;
    for (const code of bytes) {
      if (code === LF) {
        this.#onLine(this.#line);
        this.#line = '';
      } else if (this.#line.length < MAX_RECORDED) this.#line += String.fromCharCode(code);
      if (lost) continue;
      const step = this.#step(code);
      if (step === 'more') continue;
      const words = this.#words;
      this.#words = [];
      this.#word = '';
      this.#state = 'gap';
      if (step === 'error') lost = true;
      else this.#onWords(words);
    }
  }

  #step(code: number): Step {
    switch (this.#state) {
      case 'gap':
        return this.#inGap(code);
      case 'comment':
        return code === LF ? 'complete' : 'more';
      case 'quoted':
        return this.#inQuotes(code);
      case 'quoted-literal':
        this.#add(code);
        return this.#go('quoted');
      case 'word':
        return this.#inWord(code);
      case 'word-literal':
        this.#add(code);
        return this.#go('word');
    }
  }

  #inGap(code: number): Step {
    if (code === LF) return 'complete';
    if (code === HASH) return this.#go('comment');
    if (isSpace(code)) return 'more';
    if (code === BACKSLASH) return this.#go('word-literal');
    if (code === QUOTE) return this.#go('quoted');
    this.#add(code);
    if (code !== EQUALS) return this.#go('word');
    this.#endWord();
    return 'more';
  }

  #inQuotes(code: number): Step {
    if (code === HASH) return 'error';
    if (code === BACKSLASH) return this.#go('quoted-literal');
    if (code !== QUOTE) {
      this.#add(code);
      return 'more';
    }
    this.#endWord();
    return this.#go('gap');
  }

  #inWord(code: number): Step {
    if (code === BACKSLASH) return this.#go('word-literal');
    if (code !== HASH && code !== EQUALS && !isSpace(code)) {
      this.#add(code);
      return 'more';
    }
    this.#endWord();
    if (code === LF) return 'complete';
    if (code === HASH) return this.#go('comment');
    if (code === EQUALS) {
      this.#add(code);
      this.#endWord();
    }
    return this.#go('gap');
  }

  #go(state: State): Step {
    this.#state = state;
    return 'more';
  }

  #add(code: number): void {
    if (code < 0x20 || code > 0x7f || this.#word.length >= MAX_WORD) return;
    this.#word += String.fromCharCode(code);
  }

  #endWord(): void {
    if (this.#words.length < MAX_WORDS) this.#words.push(this.#word);
    this.#word = '';
  }
}

/** What is left of a device's text once it has passed a driver and upsd: no control bytes, nothing above 0x7f, 255 long. */
export function throughDriver(value: string): string {
  return value.replace(/[^\x20-\x7f]/g, '').slice(0, MAX_VALUE);
}

/** A value as upsd puts it into a reply, quotes included. Besides what RFC 9271 names, upsd escapes `#`. */
export function quoted(value: string): string {
  return `"${value.replace(/["\\#]/g, '\\$&')}"`;
}

/** One reply line. Past 512 bytes upsd cuts it, and its LF is lost. */
export function replyLine(text: string): string {
  const line = `${text}\n`;
  return line.length > MAX_LINE ? line.slice(0, MAX_LINE) : line;
}
