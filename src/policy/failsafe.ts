/**
 * The last resort when the decision itself fails. Imports nothing, so that nothing can fail with it.
 *
 * It knows statuses only: OB with LB and without CAL, or FSD, in two successive readings of a feed. When too many feeds
 * of a group say so, the group's standing plan is run.
 */

/** What a group would do, as it was when all was well. */
export interface Standing {
  readonly group: string;
  /** Whether anything may be done. */
  readonly armed: boolean;
  readonly obeysFsd: boolean;
  /** The feeds as their sources call them, `<source>/<name>`. */
  readonly feeds: readonly string[];
  readonly minHealthy: number;
}

/** How many successive readings of each feed were grave; a feed without an entry is not in danger. */
export type Alarms = ReadonlyMap<string, number>;

/** So many successive readings are no passing word. */
const ENOUGH = 2;

/** Counts the statuses of one sweep, by `<source>/<name>`. Feeds that are not in it stay as they are: silence is no news. */
export function alarmed(
  before: Alarms,
  statuses: Iterable<readonly [string, readonly string[]]>,
  obeysFsd: boolean,
): Alarms {
  let after: Map<string, number> | undefined;
  for (const [feed, words] of statuses) {
    const low = words.includes('OB') && words.includes('LB') && !words.includes('CAL');
    const grave = low || (obeysFsd && words.includes('FSD'));
    const count = grave ? Math.min(ENOUGH, (before.get(feed) ?? 0) + 1) : 0;
    if (count === (before.get(feed) ?? 0)) continue;
    after ??= new Map(before);
    if (count === 0) after.delete(feed);
    else after.set(feed, count);
  }
  return after ?? before;
}

/** The groups that have to be shut down now. */
export function failsafe(standing: readonly Standing[], alarms: Alarms): readonly string[] {
  return standing
    .filter(({ armed, feeds, minHealthy }) => {
      const lost = feeds.filter((feed) => (alarms.get(feed) ?? 0) >= ENOUGH).length;
      return armed && lost > 0 && feeds.length - lost < minHealthy;
    })
    .map(({ group }) => group);
}
