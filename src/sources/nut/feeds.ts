import type { SourceName } from '../../domain/names.ts';
import type { State } from '../../domain/state.ts';

/**
 * The UPSes of a source to be logged in to as a secondary, by the source's own names: those that feed a group that
 * halts this host.
 *
 * Nobody has to wait for who would not go: none where nothing is armed, while a group is disarmed, for a rehearsal, and
 * where a forced shutdown is only told.
 */
export function feedsToLogInTo({ settings, devices, groups }: State, source: SourceName): readonly string[] {
  if (!settings?.armed || settings.dryRun || settings.fsd === 'tell') return [];
  const names = new Set<string>();
  for (const { id, feeds, halt } of settings.groups) {
    if (halt === undefined || groups.get(id)?.disarmedUntil !== undefined) continue;
    for (const feed of feeds) {
      const address = devices.get(feed)?.address;
      if (address?.source === source) names.add(address.name);
    }
  }
  return [...names];
}
