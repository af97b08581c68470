import { asInstant, type Instant, type Stamp } from '../domain/time.ts';

/** The clock of the program counts tenths of a millisecond. */
const TENTHS = 10;

/** A moment in a trace: tenths of a millisecond from another one; the number itself as a text where it is no whole tenth. */
export type Span = number | string;

/** The stamp of the line before, rounded: what the next one is told from. */
export interface Base {
  readonly tenths: number;
  readonly wall: number;
}

export const baseOf = ({ at, wall }: Stamp): Base => ({ tenths: Math.round(at * TENTHS), wall });

/** How long after the base a moment was. */
export function spanTo(at: Instant, { tenths }: Base): Span {
  const rounded = Math.round(at * TENTHS);
  return rounded / TENTHS === at ? rounded - tenths : `${at}`;
}

/** The very moment that `spanTo` was given. */
export const momentAt = (span: Span, { tenths }: Base): Instant =>
  asInstant(typeof span === 'string' ? Number(span) : (tenths + span) / TENTHS);

/** What the wall clock has gone beyond the monotonic one: 0 nearly always. */
export const driftTo = ({ at, wall }: Stamp, base: Base): number => wall - wallAfter(at, base);

export const stampAt = (span: Span, drift: number, base: Base): Stamp => {
  const at = momentAt(span, base);
  return { at, wall: wallAfter(at, base) + drift };
};

const wallAfter = (at: Instant, { tenths, wall }: Base): number =>
  wall + Math.round((Math.round(at * TENTHS) - tenths) / TENTHS);
