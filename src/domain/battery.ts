import type { Instant } from './time.ts';

/** What the last self-test that came to an end said. An aborted one says nothing of the battery and changes nothing here. */
export interface TestOutcome {
  readonly result: 'passed' | 'warning' | 'failed';
  /** When it was seen first, milliseconds since 1970. */
  readonly wall: number;
  /** It was there at the first look: nobody knows how old it is. Absent for one that was seen to come. */
  readonly old?: true;
}

/** A self-test or calibration that goes on, or whose result is awaited. */
export interface RunningTest {
  /** When it was started by us, else when it was seen first. */
  readonly at: Instant;
  /** The same in milliseconds since 1970. */
  readonly wall: number;
  /** What we told the device; absent where it was not us who started it. */
  readonly command?: string;
  /** The device has said that it tests. */
  readonly seen?: true;
  /** Since when it no longer says so, or never has; absent while it does. */
  readonly quietSince?: Instant;
  /** It has gone on for a day: told, and no longer taken for a test. */
  readonly lost?: true;
}

/** The charge on mains, as it was until a later one was read. */
export interface HeldCharge {
  readonly charge: number;
  /** When it was last true; absent for the one that still is. */
  readonly until?: Instant;
}

/** A sudden fall of the charge on mains that has not been confirmed yet. */
export interface SuddenFall {
  readonly from: number;
  /** The lowest charge since. */
  readonly to: number;
  /** When the last reading that agrees was asked for. */
  readonly asked: Instant;
  /** How many readings agree. */
  readonly readings: number;
}

/** The runtime at full charge, at one load. */
export interface RuntimeAtLoad {
  /** Percent. */
  readonly load: number;
  /** Seconds at that load when it was seen first: the mean of the first few samples. */
  readonly first: number;
  /** Seconds at that load now, smoothed. */
  readonly now: number;
  /** How many samples. */
  readonly samples: number;
}

/** What a running outage has taken from the battery. */
export interface Discharge {
  /** Charge at its first reading, percent. */
  readonly from: number;
  readonly lowest: number;
  readonly since: Instant;
  /** Watt-hours so far; absent once the watts of a stretch of it are not known. */
  readonly wattHours?: number;
  /** The last reading, and its watts: absent where they were not known. */
  readonly last: Instant;
  readonly watts?: number;
}

/** The capacity that one outage has measured. */
export interface MeasuredCapacity {
  /** Milliseconds since 1970, the end of the outage. */
  readonly wall: number;
  /** Watt-hours that the load would get from full to empty, at the pace of that outage. */
  readonly wattHours: number;
  /** Watt-hours that the battery would give if emptied over 20 hours, which is how batteries are rated. */
  readonly slowWattHours: number;
  /** Watt-hours of its rating; absent where the device tells none that can be true. */
  readonly ratedWattHours?: number;
}

/** The terms of the health score, each once, in the order in which they are shown. A contract. */
export const HEALTH_TERMS = ['capacity', 'runtime', 'self_test', 'anomaly', 'age'] as const;
export type HealthTerm = (typeof HEALTH_TERMS)[number];

/** When the battery should be replaced. */
export interface Replacement {
  /** Milliseconds since 1970; in the past where it is due. At most ten years ahead. */
  readonly wall: number;
  /** Where it comes from: how the health falls, or age against expected life. */
  readonly basis: 'trend' | 'age';
  readonly confidence: 'low' | 'medium' | 'high';
}

export interface BatteryHealth {
  /** When it was worked out, milliseconds since 1970. */
  readonly wall: number;
  /** 0 (worn out) to 100 (as new); absent while too little is known. */
  readonly score?: number;
  /** 0 to 100 each; what is not known is absent. */
  readonly terms: Readonly<Partial<Record<HealthTerm, number>>>;
  /** Absent while nothing points to one. */
  readonly replacement?: Replacement;
}

/** The health score of a day: days since 1970, score. */
export type DailyScore = readonly [day: number, score: number];

/** What is remembered of the battery of one device. Plain data of bounded size: journalled whenever it changes. */
export interface Battery {
  /** The last self-test that ended; absent until one is known. */
  readonly lastTest?: TestOutcome;
  readonly test?: RunningTest;
  /** Result and date that the device told last, as it words them in lower case: what differs is news. */
  readonly toldTest?: { readonly result: string; readonly date?: string };
  /** Charges of the last two minutes on mains, each higher than the next: a fall is measured from the first. */
  readonly held?: readonly HeldCharge[];
  readonly fall?: SuddenFall;
  /** Confirmed sudden falls, milliseconds since 1970, oldest first. */
  readonly anomalies?: readonly number[];
  readonly runtimes?: readonly RuntimeAtLoad[];
  readonly discharge?: Discharge;
  /** Oldest first. */
  readonly capacities?: readonly MeasuredCapacity[];
  /** When it was put in, as the configuration or the device says, milliseconds since 1970. A later date is a new battery. */
  readonly installed?: number;
  readonly health?: BatteryHealth;
  /** Oldest first: every day of the last month, one a week before that, at most 400 days. */
  readonly scores?: readonly DailyScore[];
  /** The lowest tier of health that was told and still holds. */
  readonly toldBelow?: 50 | 25;
  /** When the replacement was told last, milliseconds since 1970. */
  readonly toldReplaceAt?: number;
}

export const NO_BATTERY: Battery = {};
