import type { Fact } from '../domain/facts.ts';
import type { Progress } from '../domain/progress.ts';
import { wallText } from './moments.ts';

/**
 * A fact for the event topics: what it is about and its details stand beside one another.
 *
 * @param progress of the fact's group, as it is after the fact; undefined where there is none
 */
export function eventPayload(fact: Fact, progress: Progress | undefined, wall: number): string {
  const { type, level, text, device, group, source, details } = fact;
  return JSON.stringify({
    event_type: type,
    time: wallText(wall),
    level,
    text,
    ...(device === undefined ? {} : { device }),
    ...(group === undefined ? {} : { group }),
    ...(source === undefined ? {} : { source }),
    ...rehearsalOf(progress, details),
    ...details,
  });
}

/** Of what happens in a run: whether it only rehearses, so that nobody is alarmed by it. */
const rehearsalOf = (progress: Progress | undefined, details: Fact['details']): { readonly dry_run?: boolean } =>
  progress === undefined || progress.run !== details?.['run'] ? {} : { dry_run: progress.dryRun };
