import type { Fact } from '../../domain/facts.ts';

/** A fact of power quality before it is given its device. `text` is what follows the device's name and a colon. */
export type QualityFact = Pick<Fact, 'level' | 'text' | 'details'> & {
  readonly type:
    | 'voltage_low'
    | 'voltage_high'
    | 'voltage_severe'
    | 'voltage_normal'
    | 'frequency_off'
    | 'frequency_normal'
    | 'overload'
    | 'overload_ended';
};
