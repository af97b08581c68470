import type { Json } from '../../../domain/requests.ts';
import type { Engine } from './engine.ts';

/** A container that ran and that was stopped. */
export interface Stopped {
  readonly engine: Engine['kind'];
  /** Whose own Podman has it. Absent: the machine's. */
  readonly user?: string;
  readonly id: string;
  readonly name: string;
  /** The compose file that it was stopped by. Absent: none. */
  readonly file?: string;
  /** Absent: of no compose project. */
  readonly service?: string;
}

/** What `restore` gets. */
export const undoOf = (stopped: readonly Stopped[]): Json => ({ containers: stopped.map((one) => ({ ...one })) });

/** What an earlier try has left, and what is stopped now, each once: what is done now counts. */
export const together = (earlier: Json | undefined, now: Iterable<Stopped>): readonly Stopped[] => [
  ...new Map([...stoppedOf(earlier), ...now].map((one) => [one.id, one])).values(),
];

/** What `undoOf` has made; entries that are none of its are left out. */
export function stoppedOf(undo: Json | undefined): readonly Stopped[] {
  const { containers } = undo !== null && typeof undo === 'object' && 'containers' in undo ? undo : { containers: [] };
  return Array.isArray(containers) ? containers.flatMap(readStopped) : [];
}

function readStopped(entry: Json): readonly Stopped[] {
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return [];
  const { engine, id, name, user, file, service } = entry as Readonly<Record<string, Json>>; // neither null nor a list
  if ((engine !== 'docker' && engine !== 'podman') || typeof name !== 'string') return [];
  if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) return [];
  return [
    {
      engine,
      id,
      name,
      ...(typeof user === 'string' && { user }),
      ...(typeof file === 'string' && { file }),
      ...(typeof service === 'string' && { service }),
    },
  ];
}
