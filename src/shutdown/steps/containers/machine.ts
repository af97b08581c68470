import { ask, environmentOf } from '../ask.ts';
import { type Container, type Engine, engineOf, isNobodyThere, type Programs, QUESTION, runningOf } from './engine.ts';
import type { ContainersConfig } from './schema.ts';
import { userOf, usersOf } from './users.ts';

/** How to reach the engines of this machine. */
export interface Machine {
  readonly programs: Programs;
  /** The variables of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An engine that answers, and what runs in it. */
export interface Answering {
  readonly engine: Engine;
  readonly running: readonly Container[];
}

/** One that does not. */
export interface Silent {
  readonly label: string;
  /** It is here, or is asked for by name, so that containers may run in it. */
  readonly matters: boolean;
  readonly text: string;
  readonly output: string;
}

const NAMES = ['HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME'];
const PREFIXES = ['DOCKER', 'CONTAINER', 'CONTAINERS'];

/** One of the engines of this machine that is not a user's. */
export const machineEngine = (kind: Engine['kind'], { programs, env }: Machine): Engine =>
  engineOf({ kind, programs, env: environmentOf(env, NAMES, PREFIXES) });

/** Asks every engine that is meant what runs in it. */
export async function askEngines(
  config: ContainersConfig,
  machine: Machine,
  signal: AbortSignal,
): Promise<{ readonly answering: readonly Answering[]; readonly silent: readonly Silent[] }> {
  const isAuto = config.engine === 'auto';
  const kinds = config.engine === 'auto' ? (['docker', 'podman'] as const) : [config.engine];
  const users = await usersOf(config.rootless, signal);
  const engines = [
    ...kinds.map((kind) => ({ engine: machineEngine(kind, machine), isAsked: !isAuto })),
    ...users.flatMap((user) =>
      user.ok
        ? [
            {
              engine: engineOf({ kind: 'podman', programs: machine.programs, env: {}, user: user.value }),
              isAsked: true,
            },
          ]
        : [],
    ),
  ];
  const answering: Answering[] = [];
  const silent: Silent[] = users.flatMap((user) =>
    user.ok ? [] : [{ label: 'Podman of users', matters: true, text: user.error, output: '' }],
  );
  for (const { engine, isAsked } of engines) {
    if (isAuto && engine.kind === 'docker' && (await isPodman(machine, signal))) continue;
    const running = await runningOf(engine, signal);
    if (running.ok) answering.push({ engine, running: running.value });
    else {
      const { kind, text, output } = running.error;
      if (kind === 'absent' && !isAsked) continue;
      silent.push({ label: engine.label, matters: isAsked || !isNobodyThere(running.error), text, output });
    }
  }
  return { answering, silent };
}

/** Debian's podman-docker and its like: `docker` is another name of Podman, and would list everything twice. */
async function isPodman({ programs }: Machine, signal: AbortSignal): Promise<boolean> {
  const answer = await ask([programs.docker, '--version'], { env: {}, limit: QUESTION, signal });
  return answer.ok && /^podman /i.test(answer.value);
}

/** The engine that has stopped a container, for its start. Undefined: its user is gone, or is not ours to ask. */
export async function engineAgain(
  { engine: kind, user }: { readonly engine: Engine['kind']; readonly user?: string },
  machine: Machine,
  signal: AbortSignal,
): Promise<Engine | undefined> {
  if (user === undefined) return machineEngine(kind, machine);
  const found = await userOf(user, signal);
  return found.ok ? engineOf({ kind, programs: machine.programs, env: {}, user: found.value }) : undefined;
}
