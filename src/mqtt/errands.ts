import type { Outgoing } from './mailbox.ts';

/** What became of something that the broker was asked for. `why` is a sentence part for people. */
export type Fate =
  /** Acknowledged or granted; with quality of service 0, written. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly why: string }
  /** Sent, and nobody knows whether it arrived. */
  | { readonly kind: 'unanswered'; readonly why: string }
  /** Never sent. */
  | { readonly kind: 'unsent'; readonly why: string };

interface Errand {
  sent: boolean;
  readonly end: (fate: Fate) => void;
}

/**
 * Messages that somebody waits for, beside those of the mailbox: they go before everything else, none is ever replaced
 * or dropped, and none is sent again at a later connection once the broker has it.
 */
export class Errands {
  readonly #errands = new Map<Outgoing, Errand>();
  /** Those that nobody waits for any more as well. */
  readonly #ours = new WeakSet<Outgoing>();
  #queue: Outgoing[] = [];
  #over = false;

  /** Resolves when the broker has it, does not take it, or the signal aborts. Never rejects. */
  put(message: Outgoing, signal: AbortSignal): Promise<Fate> {
    if (this.#over) return Promise.resolve(STOPPED);
    return new Promise((settle) => {
      const own = { ...message };
      const end = (fate: Fate): void => {
        signal.removeEventListener('abort', giveUp);
        this.#errands.delete(own);
        this.#queue = this.#queue.filter((waiting) => waiting !== own);
        settle(fate);
      };
      const errand: Errand = { sent: false, end };
      const giveUp = (): void => end(errand.sent ? LATE : { kind: 'unsent', why: 'there was no connection in time' });
      this.#ours.add(own);
      this.#errands.set(own, errand);
      this.#queue.push(own);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
    });
  }

  /** The next message to send, or undefined. */
  take(): Outgoing | undefined {
    const message = this.#queue.shift();
    const errand = message === undefined ? undefined : this.#errands.get(message);
    if (errand !== undefined) errand.sent = true;
    return message;
  }

  /** The end of one that was sent; nothing where it is none of these, or nobody waits for it any more. */
  end(message: Outgoing, fate: Fate): void {
    this.#errands.get(message)?.end(fate);
  }

  /**
   * The connection ended before the broker acknowledged these: ours go again at the next one, for twice is better than
   * never. With quality of service 2 once was asked for. Gives back those that are none of ours.
   */
  returned(messages: readonly Outgoing[]): readonly Outgoing[] {
    const wanted = messages.filter((message) => this.#errands.has(message));
    for (const message of wanted.filter(({ qos }) => qos === 2)) this.end(message, LOST);
    this.#queue = [...wanted.filter(({ qos }) => qos !== 2), ...this.#queue];
    return messages.filter((message) => !this.#ours.has(message));
  }

  /** How many wait to be sent. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#over = true;
    for (const { sent, end } of [...this.#errands.values()]) end(sent ? LOST : STOPPED);
  }
}

const LATE: Fate = { kind: 'unanswered', why: 'the broker has not acknowledged it in time' };
const LOST: Fate = { kind: 'unanswered', why: 'the connection ended before the broker acknowledged it' };
const STOPPED: Fate = { kind: 'unsent', why: 'the connection to the broker was given up' };
