import { after, type Instant, type Millis, seconds } from '../domain/time.ts';

/** Home Assistant's recorder keeps every change, so measurements go out no faster than this. */
export const ON_MAINS = seconds(10);
export const ON_BATTERY = seconds(1);

/** What a retained topic is to hold. */
export interface View {
  /** What must not wait; another one than before goes out at once. */
  readonly urgent: string;
  /** The whole payload, made only when it may go out. */
  readonly text: () => string;
  /** How long the rest waits since the topic was last looked at. */
  readonly pace: Millis;
}

interface Kept {
  urgent: string;
  text: string;
  at: Instant;
  waiting: View | undefined;
}

/** Retained topics with something urgent in them, which goes out at once, and a rest that may wait. Nothing is sent twice. */
export class PacedTopics {
  readonly #retain: (topic: string, payload: string) => void;
  readonly #kept = new Map<string, Kept>();

  constructor(retain: (topic: string, payload: string) => void) {
    this.#retain = retain;
  }

  /** This is what the topic is to hold from now on. */
  offer(topic: string, view: View, at: Instant): void {
    const one = this.#kept.get(topic);
    if (one === undefined) {
      const text = view.text();
      this.#kept.set(topic, { urgent: view.urgent, text, at, waiting: undefined });
      this.#retain(topic, text);
    } else if (one.urgent !== view.urgent || at >= after(one.at, view.pace)) this.#send(topic, one, view, at);
    else one.waiting = view;
  }

  /** Sends what has waited long enough. */
  tick(at: Instant): void {
    for (const [topic, one] of this.#kept) {
      const { waiting } = one;
      if (waiting !== undefined && at >= after(one.at, waiting.pace)) this.#send(topic, one, waiting, at);
    }
  }

  /** The topic is gone; clearing it is the caller's. */
  forget(topic: string): void {
    this.#kept.delete(topic);
  }

  #send(topic: string, one: Kept, view: View, at: Instant): void {
    const text = view.text();
    const isNews = text !== one.text;
    Object.assign(one, { urgent: view.urgent, text, at, waiting: undefined });
    if (isNews) this.#retain(topic, text);
  }
}
