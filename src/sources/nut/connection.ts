import type { Duplex } from 'node:stream';
import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, type Millis } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { Exchange } from './exchange.ts';
import type { Question, Reply } from './questions.ts';

/**
 * The exchange of requests and replies on one connected socket.
 *
 * Requests are pipelined: a burst goes out in one write, and upsd answers in order. Whatever does not fit the order
 * ends the connection, because from there on no answer could be trusted to belong to its question. Answers are always
 * read at once: upsd writes blocking and has one thread, so a client that does not read stops every other client.
 */
export interface Connection {
  /**
   * Sends questions and waits for all answers, at most the time-out after those of earlier bursts are in.
   *
   * An error means that the connection is gone; the answers that had come are lost with it. Never rejects.
   */
  readonly ask: (questions: readonly Question[]) => Promise<Result<readonly Reply[], Trouble>>;
  /** Why it ended; undefined while it lives. */
  readonly trouble: () => Trouble | undefined;
  /** Says goodbye if the socket still takes it, and resolves when it is closed, within 200 ms. */
  readonly close: () => Promise<void>;
}

export interface ConnectionOptions {
  /** For the answers to one burst. */
  readonly timeout: Millis;
  /** Called once, when the connection ends for any reason but `close`. */
  readonly onLost?: (trouble: Trouble) => void;
}

const GOODBYE = asMillis(200);

/** What went wrong on a socket, in the words of the system. */
export function unreachable(error: Error & { readonly code?: string }): Trouble {
  return { kind: 'unreachable', detail: (error.code ?? error.message).slice(0, 200) };
}

/** Takes over a connected socket. Nothing may have been read from it that was not consumed. */
export function createConnection(socket: Duplex, { timeout, onLost }: ConnectionOptions): Connection {
  const exchange = new Exchange();
  let timer: NodeJS.Timeout | undefined;
  let ended: Trouble | undefined;
  let closing: Promise<void> | undefined;

  const end = (trouble: Trouble): void => {
    if (ended !== undefined) return;
    ended = trouble;
    clearTimeout(timer);
    socket.destroy();
    exchange.abandon(trouble);
    onLost?.(trouble);
  };
  const watchFirst = (): void => {
    clearTimeout(timer);
    timer = exchange.isIdle ? undefined : setTimeout(() => end(late), timeout);
  };
  const late: Trouble = { kind: 'timed-out', detail: `no answer within ${timeout} ms` };

  socket.on('data', (chunk: Buffer) => {
    if (ended !== undefined) return;
    const { trouble, advanced } = exchange.take(chunk);
    if (trouble !== undefined) end(trouble);
    else if (advanced) watchFirst();
  });
  socket.on('error', (error) => end(unreachable(error)));
  socket.on('end', () => end({ kind: 'unreachable', detail: 'closed by the server' }));
  socket.on('close', () => end({ kind: 'unreachable', detail: 'closed by the server' }));
  socket.resume();

  return {
    trouble: () => ended,
    ask: (questions) => {
      if (ended !== undefined) return Promise.resolve(err(ended));
      if (questions.length === 0) return Promise.resolve(ok([]));
      return new Promise((settle) => {
        const wasIdle = exchange.isIdle;
        exchange.expect(questions, settle);
        if (wasIdle) watchFirst();
        // One byte a character: whatever is asked is ASCII, names and values were checked.
        socket.write(`${questions.map(({ line }) => line).join('\n')}\n`, 'latin1');
      });
    },
    close: () => {
      closing ??= new Promise((resolve) => {
        const farewell = ended === undefined && socket.writable;
        clearTimeout(timer);
        ended ??= { kind: 'unreachable', detail: 'closed by us' };
        exchange.abandon(ended);
        if (socket.closed) return resolve();
        const last = setTimeout(() => socket.destroy(), GOODBYE);
        socket.once('close', () => {
          clearTimeout(last);
          resolve();
        });
        if (farewell) socket.end('LOGOUT\n');
        else socket.destroy();
      });
      return closing;
    },
  };
}

/**
 * Asks any number of questions, a bounded number at a time, and gives all answers in order.
 *
 * The bound is small, because whatever else is asked on the connection waits for such a burst to be answered.
 */
export async function askInChunks(
  connection: Connection,
  questions: readonly Question[],
): Promise<Result<readonly Reply[], Trouble>> {
  const replies: Reply[] = [];
  for (let at = 0; at < questions.length; at += CHUNK) {
    const some = await connection.ask(questions.slice(at, at + CHUNK));
    if (!some.ok) return some;
    replies.push(...some.value);
  }
  return ok(replies);
}

const CHUNK = 100;
