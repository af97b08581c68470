import { stoppedHost } from '../shutdown/schema.ts';
import type { Path } from './problem.ts';
import { isOpen, type StepEntry, stepChecks, stepEntries } from './step-checks.ts';
import { listOf, mappingOf, textsOf } from './tree.ts';
import { type Misfit, noSuch } from './wording.ts';

/**
 * Checks what a group says about itself, and what other blocks say about it.
 *
 * @param tree the plain data of the whole file
 * @param show the value at a path for people
 */
export function groupChecks(tree: unknown, show: (path: Path, value: unknown) => string): readonly Misfit[] {
  const groups = Object.entries(mappingOf(mappingOf(tree)['groups']));
  const hosts = sourceHosts(tree);
  return [
    ...groups.flatMap(([id, group]) => [
      ...tooManyHealthy(mappingOf(group), ['groups', id]),
      ...stageNames(mappingOf(group), ['groups', id], show),
      ...allSteps(mappingOf(group), ['groups', id], hosts, show),
    ]),
    ...deaf(tree, groups),
    ...distrust(tree, groups),
  ];
}

function tooManyHealthy(group: Readonly<Record<string, unknown>>, path: Path): readonly Misfit[] {
  const { feeds, min_healthy: needed } = group;
  if (!Array.isArray(feeds) || typeof needed !== 'number' || needed <= feeds.length) return [];
  return [{ path: [...path, 'min_healthy'], message: `must be at most ${feeds.length}, the number of feeds` }];
}

function stageNames(group: Readonly<Record<string, unknown>>, path: Path, show: Show): readonly Misfit[] {
  const names = listOf(group['stages']).map((stage) => mappingOf(stage)['name']);
  const twice = names.flatMap((name, index) =>
    typeof name === 'string' && names.indexOf(name) < index
      ? [{ path: [...path, 'stages', index, 'name'], message: 'is the name of an earlier stage as well' }]
      : [],
  );
  const point = group['point_of_no_return'];
  if (typeof point !== 'string' || names.includes(point)) return twice;
  const at = [...path, 'point_of_no_return'];
  const known = names.filter((name, index) => isOpen(show([...path, 'stages', index, 'name'], name), name));
  return [...twice, { path: at, ...noSuch('stage', point, known, show(at, point)) }];
}

type Show = (path: Path, value: unknown) => string;

function allSteps(
  group: Readonly<Record<string, unknown>>,
  path: Path,
  hosts: ReadonlyMap<string, string>,
  show: Show,
): readonly Misfit[] {
  const stages = listOf(group['stages']);
  const feeds = listOf(group['feeds']).length;
  return stages.flatMap((stage, index) =>
    ['steps', 'restore'].flatMap((list) => {
      const entries = stepEntries(mappingOf(stage)[list], [...path, 'stages', index, list]);
      const isEarly = list === 'steps' && index < stages.length - 1;
      return [
        ...stepChecks(entries, show),
        ...(feeds > 1 ? entries.flatMap(withoutDevice) : []),
        ...(isEarly ? entries.flatMap((entry) => cutOff(entry, hosts)) : []),
      ];
    }),
  );
}

function withoutDevice({ kind, block, path }: StepEntry): readonly Misfit[] {
  if (kind !== 'ups' || block['device'] !== undefined) return [];
  return [{ path: [...path, 'device'], message: 'is required: the group has several feeds' }];
}

/** The hosts of NUT servers, each with the name of a source that it carries. */
function sourceHosts(tree: unknown): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [name, source] of Object.entries(mappingOf(mappingOf(tree)['sources']))) {
    const { host } = mappingOf(mappingOf(source)['nut']);
    if (typeof host === 'string' && !hosts.has(sameHost(host))) hosts.set(sameHost(host), name);
  }
  return hosts;
}

/** Names are compared as they are written; all that mean this machine are one. */
function sameHost(host: string): string {
  const plain = host.toLowerCase().replace(/\.$/, '');
  return plain === 'localhost' || plain === '::1' || /^127\./.test(plain) ? 'localhost' : plain;
}

/** A step that would leave a group blind while more stages are to come. */
function cutOff({ kind, block, path }: StepEntry, hosts: ReadonlyMap<string, string>): readonly Misfit[] {
  const host = stoppedHost(kind, block);
  const source = host === undefined ? undefined : hosts.get(sameHost(host));
  if (source === undefined || block['carries_source'] === true) return [];
  const message = `stops the machine that source ${source} is asked on, before the last stage`;
  return [{ path, message, hint: 'do it in the last stage, or add carries_source: true if it is meant' }];
}

/** A group that could only be told by others that its battery is empty would learn it too late. */
function deaf(tree: unknown, groups: readonly (readonly [string, unknown])[]): readonly Misfit[] {
  const top = mappingOf(mappingOf(tree)['triggers']);
  const keys = ['charge_below', 'runtime_below', 'on_battery_for'];
  return groups.flatMap(([id, group]) => {
    const own = mappingOf(mappingOf(group)['triggers']);
    const off = keys.filter((key) => (own[key] ?? top[key]) === 'off');
    if (off.length < keys.length) return [];
    const message = 'has nothing that fires in time: charge_below, runtime_below and on_battery_for are all off';
    return [{ path: ['groups', id], message, hint: 'give at least one of the three' }];
  });
}

/** A UPS whose charge counts for nothing needs something else that fires in time. */
function distrust(tree: unknown, groups: readonly (readonly [string, unknown])[]): readonly Misfit[] {
  const top = mappingOf(mappingOf(tree)['triggers']);
  const blind = groups.flatMap(([id, group]) => {
    const own = mappingOf(mappingOf(group)['triggers']);
    const isOff = (key: string) => (own[key] ?? top[key]) === 'off';
    return isOff('runtime_below') && isOff('on_battery_for') ? [[id, textsOf(mappingOf(group)['feeds'])] as const] : []; // a pair
  });
  return Object.entries(mappingOf(mappingOf(tree)['ups'])).flatMap(([id, device]) => {
    const group = blind.find(([, feeds]) => feeds.some(([, feed]) => feed === id));
    if (mappingOf(device)['trust_charge'] !== false || group === undefined) return [];
    const message = `leaves the group ${group[0]} nothing to go by: its runtime_below and on_battery_for are off`;
    return [{ path: ['ups', id, 'trust_charge'], message, hint: 'give the group one of the two' }];
  });
}
