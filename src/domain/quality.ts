import type { Instant } from './time.ts';

/** The band that the preset and the transfer voltages leave; `severely_*` lies beyond the severe limits as well. */
export type VoltageState = 'normal' | 'low' | 'high' | 'severely_low' | 'severely_high';
/** Where the mains frequency is beside the band that the preset leaves. */
export type FrequencyState = 'normal' | 'low' | 'high';
/** What the automatic voltage regulation of the device does. */
export type AvrState = 'none' | 'boost' | 'trim';
/** Whether the load is fed past the device, unprotected. */
export type BypassState = 'inactive' | 'active';
/** Whether the load is more than the device can carry. */
export type OverloadState = 'normal' | 'overload';

/** What holds, and since when: `since` for elapsed time, `sinceWall` (milliseconds since 1970) for records and people. */
export interface Standing<S extends string> {
  readonly state: S;
  readonly since: Instant;
  readonly sinceWall: number;
}

/** What a measurement is held against. `device` where the device says it, `measured` where its first readings on mains do. */
export interface Nominal {
  /** Volts or hertz. */
  readonly value: number;
  readonly from: 'device' | 'measured';
}

/** Limits of the mains voltage, in volts. */
export interface VoltageBand {
  /** Below it the voltage is low, above `high` it is high. */
  readonly low: number;
  readonly high: number;
  /** Below it, or above `severeHigh`, it is severe. */
  readonly severeLow: number;
  readonly severeHigh: number;
}

/** Events of one kind since the device was first seen. Every number only grows; a duration is added when its event ends. */
export interface EventCount {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
}

/** What has happened to the mains since the device was first seen. A contract: topics and metrics hold these names. */
export interface QualityCounters {
  /** Times the voltage left the band downwards, told or not. */
  readonly sags: EventCount;
  /** Times it left the band upwards. */
  readonly swells: EventCount;
  /** Outages, other than those of a test. */
  readonly interruptions: EventCount;
  /** Times the frequency left its band. */
  readonly frequencyDeviations: EventCount;
}

/** From good to bad; what each stands for is in `analysis/quality/grade.ts`. */
export type GridGrade = 'A' | 'B' | 'C' | 'D' | 'E';

/** What the grid was like over a stretch of time, of which only the observed part counts. */
export interface GridQuality {
  readonly grade: GridGrade;
  /** 0 to 100, a whole number. */
  readonly score: number;
  /** How long the grid was observed; at least an hour. */
  readonly observedMs: number;
  /** How much of that it was outside the voltage or frequency band, or gone. */
  readonly outsideMs: number;
  /** Sags, swells and frequency deviations that began. */
  readonly events: number;
  readonly interruptions: number;
}

/** One hour of the wall clock, as far as the grid was observed in it. */
export interface QualityHour {
  /** Hours since 1970. */
  readonly hour: number;
  readonly observedMs: number;
  readonly outsideMs: number;
  readonly events: number;
  readonly interruptions: number;
}

/** A stretch outside a band that goes on. */
export interface Excursion {
  readonly side: 'low' | 'high';
  readonly since: Instant;
}

/** What the analysis needs from one reading to the next, and nobody else. */
export interface QualityMemory {
  /** Volts of the first readings on mains, at most ten; empty once `detected` is known. */
  readonly samples: readonly number[];
  /** Nominal volts as the first readings show them. Absent while too few have come, or where they show none. */
  readonly detected?: number;
  /** States that have been seen and have yet to last. */
  readonly waiting: {
    readonly voltage?: Standing<VoltageState>;
    readonly frequency?: Standing<FrequencyState>;
    readonly overload?: Standing<OverloadState>;
  };
  readonly excursions: { readonly voltage?: Excursion; readonly frequency?: Excursion };
  /** An outage that is not that of a test goes on. */
  readonly interrupted?: true;
  /** Nothing is heard of the device. */
  readonly paused?: true;
  /** Observed time that no hour has yet; absent while the grid cannot be observed. */
  readonly stretch?: { readonly since: Instant; readonly isOutside: boolean };
  /** When the next tick has something to do; absent: never. */
  readonly due?: Instant;
  readonly hour: QualityHour;
  /** Earlier hours in which something was observed, oldest first; together with `hour` at most 168. */
  readonly hours: readonly QualityHour[];
}

/**
 * The power quality of one device, with what has to be remembered of it. Plain data: journalled as JSON.
 *
 * A part is absent until the device has said something about it; voltage and frequency are those of the mains and stay
 * as they were while the device runs on battery.
 */
export interface Quality {
  /** Wall time since when the counters count; absent before the first reading. */
  readonly since?: number;
  readonly nominal: { readonly voltage?: Nominal; readonly frequency?: Nominal };
  /** Absent while the nominal voltage is not known. */
  readonly band?: VoltageBand;
  readonly voltage?: Standing<VoltageState>;
  readonly frequency?: Standing<FrequencyState>;
  readonly avr?: Standing<AvrState>;
  readonly bypass?: Standing<BypassState>;
  /** Of the device, on mains and on battery. */
  readonly overload?: Standing<OverloadState>;
  readonly counters: QualityCounters;
  /** Over the last 24 hours and the last seven days; each absent until an hour of it has been observed. */
  readonly grid: { readonly day?: GridQuality; readonly week?: GridQuality };
  readonly memory: QualityMemory;
}

const NONE: EventCount = { count: 0, totalMs: 0, longestMs: 0 };

/** The quality of a device of which nothing was heard. */
export const NO_QUALITY: Quality = {
  nominal: {},
  counters: { sags: NONE, swells: NONE, interruptions: NONE, frequencyDeviations: NONE },
  grid: {},
  memory: {
    samples: [],
    waiting: {},
    excursions: {},
    hour: { hour: 0, observedMs: 0, outsideMs: 0, events: 0, interruptions: 0 },
    hours: [],
  },
};
