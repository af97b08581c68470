import type { Instant } from './time.ts';

/** What a device is fed by, as far as a status proves it. */
export type Feed = 'mains' | 'battery';

/** The charge at one moment, in percent. */
export interface ChargePoint {
  readonly at: Instant;
  readonly charge: number;
}

/** A stretch without mains. Ends when the mains have held for `mains_hold`; until then it goes on, however they flicker. */
export interface Outage {
  /** Wall time of its beginning, ISO 8601: unique for its device. */
  readonly id: string;
  readonly since: Instant;
  /** Milliseconds since 1970. */
  readonly wall: number;
  /**
   * What says so: `status` is OB without OL; `contradiction` is OB beside OL, which alone may not fire; `measured` is a
   * device that never says OB and shows no input voltage and a falling charge.
   */
  readonly proof: 'status' | 'contradiction' | 'measured';
  /** Since when the mains are seen again; absent while they are not. */
  readonly mainsSince?: Instant;
  /** Since when words or results other than CAL say that a test is the cause; absent where none has. */
  readonly testSince?: Instant;
  /** Whether the outage was, from its first reading, the work of a self-test or calibration. */
  readonly byTest: boolean;
  /** Percent, as the last reading on mains had it; absent where none had. */
  readonly chargeBefore?: number;
  /** Seconds of runtime and volts of the battery at the same moment. */
  readonly runtimeBefore?: number;
  readonly voltsBefore?: number;
  /** The lowest charge seen so far. */
  readonly lowestCharge?: number;
  /** Seconds of runtime as the device last gave it, to about 10 s, and whether LB stood beside it. Absent where it gives none. */
  readonly runtimeLeft?: { readonly seconds: number; readonly low: boolean };
  /** Charge over time, thinned: what slopes are made of. Oldest first. */
  readonly charges: readonly ChargePoint[];
}

/** What has to be remembered of the feeding of one device from one input to the next. Journalled whenever it changes. */
export interface Power {
  /** What the last reading that proved anything proved; absent until one has. */
  readonly fed?: Feed;
  /** When that reading was complete, once something that proves nothing (a word, a lost link) has come after it. */
  readonly silentSince?: Instant;
  readonly outage?: Outage;
  /** Since when the status says OFF; absent while it does not. */
  readonly offSince?: Instant;
  /** Candidate for an outage of `measured` proof: since when there is no input voltage, and the charge at that moment. */
  readonly unfed?: { readonly since: Instant; readonly charge: number; readonly lowest: number };
  /** The end of the last outage, by both clocks; absent where none is remembered. */
  readonly lastOutageEnded?: { readonly at: Instant; readonly wall: number };
  /** A forced shutdown that stood beside OL in the first reading after a start: told, not obeyed, until it goes. */
  readonly fsdIgnored?: true;
}

export const UNHEARD_POWER: Power = {};
