import type { Json } from '../../../domain/requests.ts';
import type { VmsConfig } from './schema.ts';
import type { Vm } from './virsh.ts';

/** A VM that ran, and what was done to it. */
export interface Taken extends Vm {
  readonly how: Exclude<VmsConfig['action'], 'start'>;
}

/** What `restore` gets. */
export const undoOf = (taken: readonly Taken[]): Json => ({
  vms: taken.map(({ uuid, name, how }) => ({ uuid, name, how })),
});

/** What an earlier try has left, and what is taken now, each once: what is done now counts. */
export const together = (earlier: Json | undefined, now: readonly Taken[]): readonly Taken[] => [
  ...new Map([...takenOf(earlier), ...now].map((vm) => [vm.uuid, vm])).values(),
];

/** What `undoOf` has made; entries that are none of its are left out. */
export function takenOf(undo: Json | undefined): readonly Taken[] {
  const { vms } = undo !== null && typeof undo === 'object' && 'vms' in undo ? undo : { vms: [] };
  return Array.isArray(vms) ? vms.filter(isTaken) : [];
}

const isTaken = (entry: Json | Taken): entry is Json & Taken =>
  entry !== null &&
  typeof entry === 'object' &&
  'uuid' in entry &&
  typeof entry.uuid === 'string' &&
  /^[0-9a-f-]{36}$/i.test(entry.uuid) &&
  'name' in entry &&
  typeof entry.name === 'string' &&
  'how' in entry &&
  (entry.how === 'shutdown' || entry.how === 'suspend' || entry.how === 'save');
