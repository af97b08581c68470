/** How the fake upsd misbehaves on its way to the wire. */

import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer } from './fake-upsd-commands.ts';

/** Where a connection is cut. A plain number is `{ request: n }`. Counts start anew whenever a fault is changed. */
export type CloseAt =
  | number
  /** At the n-th request, which is recorded but neither carried out nor answered; 0: as soon as it connects. */
  | { readonly request: number }
  /** Once the n-th answer has gone out. */
  | { readonly answer: number }
  /** After exactly so many bytes of answers. */
  | { readonly replyBytes: number };

/** Every fault there is; absent means off. */
export interface Faults {
  /** Only requests whose line matches are touched by noAnswer, loseAnswer, endlessList, hugeLine, garbage, closeAt. */
  readonly only?: RegExp;
  /** Answers leave in pieces of so many bytes, one event-loop turn between. */
  readonly split?: number;
  /** One write a line, as upsd really does; with Nagle this is where its 44 ms come from. */
  readonly perLine?: boolean;
  /** All answers to what arrived at once leave in one write. */
  readonly merge?: boolean;
  /** After so many bytes of answers, nothing more. */
  readonly halfLineThenSilence?: number;
  /** Accepts and records, does nothing, answers nothing. */
  readonly noAnswer?: boolean;
  /** Carries the request out and keeps the answer. */
  readonly loseAnswer?: boolean;
  /** The listener is closed; open connections stay. */
  readonly refuseConnect?: boolean;
  /** Of the answers to what arrived at once, each two change places. */
  readonly wrongOrder?: boolean;
  /** LIST VAR goes on with `endless.<n>` rows for as long as the client reads. */
  readonly endlessList?: boolean;
  /** A line of so many bytes (true: 1 MB) without an LF; a list breaks after its BEGIN line. */
  readonly hugeLine?: boolean | number;
  /** So many binary bytes (true: 4096) in place of the answer. The same bytes every time. */
  readonly garbage?: boolean | number;
  /** This variable (true: battery.charge) has 255 digits. */
  readonly hugeNumber?: boolean | string;
  /**
   * After OK STARTTLS: binary bytes for the client's hello; a close; a clear-text line in the same write; nothing ever.
   * STARTTLS then says OK whether or not the server has a certificate.
   */
  readonly tlsBroken?: 'garbage' | 'close' | 'clear' | 'silent';
  readonly closeAt?: CloseAt;
  /** Every answer leaves so many milliseconds after it was asked for. The timer does not keep the process alive. */
  readonly slow?: number;
}

const MEGABYTE = 1_048_576;
const ENDLESS_ROWS = 200;

/** Binary bytes with NUL, LF and bytes above 0x7f among them, the same on every run. */
export function garbageBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let seed = 0x2545f491;
  for (let index = 0; index < count; index += 1) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = seed >>> 24;
  }
  return bytes;
}

/** `closeAt` in its long form, every limit that is not meant left out. */
export function closeLimits(closeAt: CloseAt | undefined): { request?: number; answer?: number; replyBytes?: number } {
  return typeof closeAt === 'number' ? { request: closeAt } : (closeAt ?? {});
}

type Piece = { readonly bytes: Buffer; readonly due: number; readonly answers: number } | { readonly endless: string };

interface Reply {
  readonly text: string | Buffer;
  readonly endless: string | undefined;
}

/** The way out of one connection: gathers the answers to what arrived at once and sends them, faults applied. */
export class Outlet {
  readonly #faults: () => Faults;
  readonly #close: () => void;
  #stream: Duplex;
  #burst: Reply[] = [];
  #queue: Piece[] = [];
  #pumping = false;
  #closed = false;
  #bytes = 0;
  #answers = 0;
  #whenIdle: (() => void) | undefined;

  constructor(stream: Duplex, faults: () => Faults, close: () => void) {
    this.#stream = stream;
    this.#faults = faults;
    this.#close = close;
  }

  /** Sends into another stream from now on: the TLS one. */
  use(stream: Duplex): void {
    this.#stream = stream;
  }

  resetCounts(): void {
    this.#bytes = 0;
    this.#answers = 0;
  }

  closed(): void {
    this.#closed = true;
    this.#queue = [];
  }

  /** Takes one answer; it leaves with `flush`. `touched`: whether the faults of `only` apply to it. */
  reply(answer: Answer, touched: boolean): void {
    const faults = this.#faults();
    if (touched && faults.loseAnswer) return;
    const endless = touched && faults.endlessList ? answer.listed : undefined;
    this.#burst.push({ text: touched ? distorted(answer, faults) : answer.text, endless });
  }

  flush(): void {
    if (this.#burst.length === 0) return;
    const faults = this.#faults();
    const burst = faults.wrongOrder ? pairsSwapped(this.#burst) : this.#burst;
    this.#burst = [];
    if (!faults.merge || burst.some((reply) => reply.endless !== undefined)) {
      for (const reply of burst) this.#send(reply, faults, 1);
      return;
    }
    const text = Buffer.concat(
      burst.map(({ text: one }) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)),
    );
    this.#send({ text, endless: undefined }, faults, burst.length);
  }

  /** Calls back once all that was flushed has been handed to the socket: at once where nothing waits. */
  whenIdle(callback: () => void): void {
    if (this.#pumping) this.#whenIdle = callback;
    else callback();
  }

  #send(reply: Reply, faults: Faults, answers: number): void {
    const limits = closeLimits(faults.closeAt);
    const shaped =
      faults.split !== undefined ||
      faults.slow !== undefined ||
      faults.perLine ||
      faults.halfLineThenSilence !== undefined ||
      limits.answer !== undefined ||
      limits.replyBytes !== undefined;
    if (!shaped && !this.#pumping && reply.endless === undefined) {
      this.#bytes += reply.text.length;
      this.#answers += answers;
      if (this.#stream.writable) this.#stream.write(reply.text, 'latin1');
      return;
    }
    const bytes = typeof reply.text === 'string' ? Buffer.from(reply.text, 'latin1') : reply.text;
    this.#queue.push({ bytes, due: performance.now() + (faults.slow ?? 0), answers });
    if (reply.endless !== undefined) this.#queue.push({ endless: reply.endless });
    // A pump never rejects: a stream that is gone is `#closed`, not an error.
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    for (let piece = this.#queue.shift(); piece && !this.#closed; piece = this.#queue.shift()) {
      if ('endless' in piece) await this.#endless(piece.endless);
      else await this.#piece(piece.bytes, piece.due, piece.answers);
    }
    this.#pumping = false;
    const callback = this.#whenIdle;
    this.#whenIdle = undefined;
    if (!this.#closed) callback?.();
  }

  async #piece(bytes: Buffer, due: number, answers: number): Promise<void> {
    const wait = due - performance.now();
    if (wait > 0) await new Promise<void>((resolve) => setTimeout(resolve, wait).unref());
    const { split, perLine } = this.#faults();
    if (split !== undefined) {
      for (let start = 0; start < bytes.length && !this.#closed; start += split) {
        if (start > 0) await nextTurn();
        this.#write(bytes.subarray(start, start + split));
      }
    } else if (perLine) {
      for (let start = 0; start < bytes.length && !this.#closed; ) {
        const end = bytes.indexOf(10, start) + 1 || bytes.length;
        this.#write(bytes.subarray(start, end));
        start = end;
      }
    } else this.#write(bytes);
    this.#answers += answers;
    const limit = closeLimits(this.#faults().closeAt).answer;
    if (limit !== undefined && this.#answers >= limit) this.#close();
  }

  #write(bytes: Buffer): void {
    if (this.#closed || !this.#stream.writable) return;
    const { halfLineThenSilence, closeAt } = this.#faults();
    const cut = closeLimits(closeAt).replyBytes;
    const room = Math.max(0, Math.min(halfLineThenSilence ?? Infinity, cut ?? Infinity) - this.#bytes);
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#bytes += part.length;
    if (part.length > 0) this.#stream.write(part);
    if (cut !== undefined && this.#bytes >= cut) this.#close();
  }

  async #endless(ups: string): Promise<void> {
    for (let row = 0; !this.#closed && this.#faults().endlessList && this.#stream.writable; row += ENDLESS_ROWS) {
      const rows = Array.from({ length: ENDLESS_ROWS }, (_, index) => `VAR ${ups} endless.${row + index} "1"\n`);
      this.#write(Buffer.from(rows.join('')));
      if (this.#stream.writableNeedDrain) await drained(this.#stream);
      else await nextTurn();
    }
  }
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stream.off('drain', end);
      stream.off('close', end);
      resolve();
    };
    stream.on('drain', end);
    stream.on('close', end);
  });
}

function pairsSwapped(burst: readonly Reply[]): Reply[] {
  const swapped = [...burst];
  for (let index = 0; index + 1 < burst.length; index += 2)
    swapped.splice(index, 2, ...burst.slice(index, index + 2).reverse());
  return swapped;
}

function distorted(answer: Answer, faults: Faults): string | Buffer {
  const { text } = answer;
  if (faults.garbage) return garbageBytes(faults.garbage === true ? 4096 : faults.garbage);
  if (faults.hugeLine) {
    const head = text.startsWith('BEGIN ') ? text.slice(0, text.indexOf('\n') + 1) : '';
    const start = 'VAR huge line "';
    return `${head}${start}${'x'.repeat((faults.hugeLine === true ? MEGABYTE : faults.hugeLine) - start.length)}`;
  }
  return faults.endlessList && answer.listed !== undefined ? text.slice(0, text.lastIndexOf('END LIST VAR')) : text;
}
