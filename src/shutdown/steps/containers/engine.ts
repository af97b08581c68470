import { err, ok, type Result } from '../../../domain/result.ts';
import { type Millis, seconds } from '../../../domain/time.ts';
import { ask, type NoAnswer, plainName } from '../ask.ts';
import type { User } from './users.ts';

/** Names or paths of the programs; handed in by tests. */
export interface Programs {
  readonly docker: string;
  readonly dockerCompose: string;
  readonly podman: string;
  readonly podmanCompose: string;
}

/** One set of containers: Docker's, Podman's, or those of one user's own Podman. */
export interface Engine {
  readonly kind: 'docker' | 'podman';
  /** For people. */
  readonly label: string;
  /** Absent: that of this process. */
  readonly user?: string;
  readonly run: (words: readonly string[], limit: Millis, signal: AbortSignal) => Promise<Result<string, NoAnswer>>;
  /** Runs compose, in whichever form is here. */
  readonly compose: (words: readonly string[], limit: Millis, signal: AbortSignal) => Promise<Result<string, NoAnswer>>;
}

/** A container that runs. */
export interface Container {
  /** Whole. */
  readonly id: string;
  /** The first of its names. */
  readonly name: string;
  readonly names: readonly string[];
  /** Its service in its compose project. Absent: of no project. */
  readonly service?: string;
}

/** How long an engine may take for a question. One that stops a hundred containers at once answers slowly. */
export const QUESTION = seconds(20);

/** What an engine is made from. */
export interface EngineOf {
  readonly kind: 'docker' | 'podman';
  readonly programs: Programs;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: User;
}

/** Speaks to an engine by its command line. */
export function engineOf({ kind, programs, env, user }: EngineOf): Engine {
  const [program, composer] =
    kind === 'docker' ? [programs.docker, programs.dockerCompose] : [programs.podman, programs.podmanCompose];
  const before = user?.isOther === true ? ['runuser', '-u', user.name, '--'] : [];
  const own = user === undefined ? env : { ...user.env };
  const spoken = (words: readonly string[], limit: Millis, signal: AbortSignal) =>
    ask([...before, ...words], { env: own, limit, signal });
  const forms = [[program, 'compose'], [composer]];
  const formHere = async (signal: AbortSignal): Promise<readonly string[] | undefined> => {
    for (const form of forms) if ((await spoken([...form, 'version'], QUESTION, signal)).ok) return form;
    return undefined;
  };
  return {
    kind,
    label: user === undefined ? (kind === 'docker' ? 'Docker' : 'Podman') : `Podman of ${user.name}`,
    ...(user !== undefined && { user: user.name }),
    run: (words, limit, signal) => spoken([program, ...words], limit, signal),
    compose: async (words, limit, signal) => {
      const form = await formHere(signal);
      if (form !== undefined) return await spoken([...form, ...words], limit, signal);
      return err({ kind: 'absent', text: `there is no compose for ${kind} here`, output: '' });
    },
  };
}

const SERVICE = 'com.docker.compose.service';

/** The containers that run. */
export async function runningOf(engine: Engine, signal: AbortSignal): Promise<Result<readonly Container[], NoAnswer>> {
  const label = engine.kind === 'docker' ? `.Label "${SERVICE}"` : `index .Labels "${SERVICE}"`;
  const format = `{{.ID}}|{{.Names}}|{{${label}}}`;
  const answer = await engine.run(['ps', '--no-trunc', '--format', format], QUESTION, signal);
  return answer.ok ? ok(containersOf(answer.value)) : answer;
}

/** The containers of a list of `<id>|<name>[,<name>]|<service>`. */
export function containersOf(text: string): readonly Container[] {
  return text.split('\n').flatMap((line): readonly Container[] => {
    const [, id, given, service] = /^([0-9a-f]{64})\|([^|]*)\|(.*)$/.exec(line.trim()) ?? [];
    if (id === undefined || given === undefined) return [];
    // A name with a slash is the one that a linked container knows it by.
    const names = given.split(',').filter((name) => name !== '' && !name.includes('/'));
    const name = plainName(names[0] ?? id.slice(0, 12));
    return [{ id, name, names, ...(service !== undefined && /^[\w.][\w.-]*$/.test(service) && { service }) }];
  });
}

/** Whether Docker's program is here, and no server behind it: there is nothing that could run containers. */
export const isNobodyThere = ({ kind, output }: NoAnswer): boolean =>
  kind === 'refused' &&
  !/permission denied/i.test(output) &&
  /Cannot connect to the Docker daemon|failed to connect to the docker API/i.test(output);
