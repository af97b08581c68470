import { LIMITS } from '../../domain/limits.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { createLines } from './lines.ts';
import { afterHead, errorCode, malformed } from './parse.ts';
import type { Question, Reply } from './questions.ts';

type Settle = (result: Result<readonly Reply[], Trouble>) => void;

/** Questions that went out in one write, and the answers that have come. */
interface Burst {
  readonly questions: readonly Question[];
  readonly replies: Reply[];
  readonly settle: Settle;
  bytes: number;
}

/** A list of which the `BEGIN` line has come. */
interface OpenList {
  readonly lines: string[];
  readonly end: string;
}

/** What came of some bytes: a trouble ends the exchange; `advanced`: another burst, or none, is now the first. */
export interface Progress {
  readonly trouble?: Trouble;
  readonly advanced: boolean;
}

/**
 * Fits the lines of a server to the questions that wait for them, in order. Knows no socket and no clock.
 *
 * Every line must belong to the question whose turn it is; the first that does not is the end, as are lines, lists and
 * bursts beyond their limits and answers that nobody asked for.
 */
export class Exchange {
  readonly #lines = createLines(LIMITS.nutLine);
  #bursts: Burst[] = [];
  #open: OpenList | undefined;

  get isIdle(): boolean {
    return this.#bursts.length === 0;
  }

  expect(questions: readonly Question[], settle: Settle): void {
    this.#bursts.push({ questions, replies: [], settle, bytes: 0 });
  }

  /** Ends every burst that waits. */
  abandon(trouble: Trouble): void {
    const waiting = this.#bursts;
    this.#bursts = [];
    for (const { settle } of waiting) settle(err(trouble));
  }

  /** Understands what it can of the bytes that came. */
  take(chunk: Buffer): Progress {
    this.#lines.push(chunk);
    const [first] = this.#bursts;
    if (first !== undefined) first.bytes += chunk.length;
    let advanced = false;
    for (let burst = first; burst !== undefined; burst = this.#bursts[0]) {
      const trouble = this.#fill(burst);
      if (trouble !== undefined) return { trouble, advanced };
      if (burst.replies.length < burst.questions.length) break;
      this.#bursts.shift();
      burst.settle(ok(burst.replies));
      advanced = true;
    }
    const trouble = this.#excess();
    return trouble === undefined ? { advanced } : { trouble, advanced };
  }

  #excess(): Trouble | undefined {
    if (this.#lines.isTooLong()) return malformed('line too long');
    const [waiting] = this.#bursts;
    if (waiting === undefined) return this.#lines.isEmpty() ? undefined : malformed('an answer nobody asked for');
    return waiting.bytes > LIMITS.nutBurst ? malformed(`more than ${LIMITS.nutBurst} bytes for one burst`) : undefined;
  }

  #fill({ questions, replies }: Burst): Trouble | undefined {
    for (let next = questions[replies.length]; next !== undefined; next = questions[replies.length]) {
      const reply = this.#reply(next);
      if (reply === undefined) return undefined;
      if (reply.kind !== 'line' && reply.kind !== 'list' && reply.kind !== 'error') return reply;
      replies.push(reply);
    }
    return undefined;
  }

  /** The next reply; undefined while bytes are missing. */
  #reply(question: Question): Reply | Trouble | undefined {
    if (this.#open === undefined && question.last !== undefined) {
      const found = this.#lines.compare(question.last);
      if (found === 'early') return undefined;
      if (found === 'same') {
        this.#lines.skip(question.last.length);
        return { kind: 'list', block: question.last };
      }
    }
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) {
      if (line.length > LIMITS.nutLine) return malformed('line too long', line);
      const reply = this.#open === undefined ? this.#begin(line, question) : this.#more(line, question, this.#open);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  #begin(line: string, { head, form }: Question): Reply | Trouble | undefined {
    const code = errorCode(line);
    if (code !== undefined) return { kind: 'error', code };
    if (form === 'line') {
      const at = head === '' ? 0 : afterHead(line, head);
      return at === -1 ? malformed(`not an answer to ${head}`, line) : { kind: 'line', rest: line.slice(at) };
    }
    if (afterHead(line, `BEGIN LIST ${head}`) !== line.length) return malformed(`not an answer to LIST ${head}`, line);
    this.#open = { lines: [line], end: `END LIST ${head}` };
    return undefined;
  }

  #more(line: string, { head }: Question, { lines, end }: OpenList): Reply | Trouble | undefined {
    if (afterHead(line, head) !== -1) {
      lines.push(line);
      return lines.length > LIMITS.nutList ? malformed(`more than ${LIMITS.nutList} lines in LIST ${head}`) : undefined;
    }
    if (afterHead(line, end) !== line.length) return malformed(`not part of LIST ${head}`, line);
    this.#open = undefined;
    // Joined anew, not cut from what the socket gave: a slice would keep the whole packet alive with one value of it.
    lines.push(line, '');
    return { kind: 'list', block: lines.join('\n') };
  }
}
