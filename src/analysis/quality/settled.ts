import type { Standing } from '../../domain/quality.ts';
import { between, type Millis, type Stamp, seconds } from '../../domain/time.ts';

/** How long mains have to stay outside a band before it is told: shorter ones are counted, not told. */
export const DWELL = seconds(30);
/** How long a value has to be back before that is told, so that one that jumps to and fro is not told at every reading. */
export const CALM = seconds(5);
/** For what cannot wait, and for the first state of all. */
export const AT_ONCE = seconds(0);

/** What holds, and what would hold if it lasted. */
export interface Settled<S extends string> {
  /** Absent until something has settled for the first time. */
  readonly told?: Standing<S> | undefined;
  readonly waiting?: Standing<S> | undefined;
}

/**
 * Lets what a reading shows hold once it has lasted. What settles holds since it was first seen, not since it was
 * believed; anything else seen meanwhile starts its time anew.
 */
export function settled<S extends string>(
  { told, waiting }: Settled<S>,
  seen: S,
  wait: Millis,
  stamp: Stamp,
): Settled<S> {
  if (told?.state === seen) return { told };
  const candidate = waiting?.state === seen ? waiting : standing(seen, stamp);
  return between(candidate.since, stamp.at) < wait ? { told, waiting: candidate } : { told: candidate };
}

/** What holds only now; undefined while that is what was told before. */
export const newlyTold = <S extends string>(
  before: Standing<S> | undefined,
  { told }: Settled<S>,
): Standing<S> | undefined => (told === before ? undefined : told);

/** A state that begins now. */
export const standing = <S extends string>(state: S, stamp: Stamp): Standing<S> => ({
  state,
  since: stamp.at,
  sinceWall: stamp.wall,
});
