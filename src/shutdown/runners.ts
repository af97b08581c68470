import type { LastAct } from '../domain/progress.ts';
import type { StepConfig } from './schema.ts';
import type { Finding, Outcome, StepContext, StepRunner } from './step.ts';
import { overSsh } from './steps/host/over-ssh.ts';
import type { HostRunner } from './steps/host/run.ts';
import type { HostConfig } from './steps/host/schema.ts';
import type { GroupWork } from './work.ts';

/** Every kind of step with its runner, whichever of them are loaded. */
export interface Runners {
  /** Loads what these groups need: when it counts, the disk may hang. What cannot be loaded fails when it is run; never rejects. */
  readonly prepare: (groups: readonly GroupWork[]) => Promise<void>;
  readonly run: (step: StepConfig, context: StepContext) => Promise<Outcome>;
  readonly probe: (step: StepConfig, signal: AbortSignal) => Promise<readonly Finding[]>;
  readonly end: (act: LastAct, host: HostConfig, context: StepContext) => Promise<Outcome>;
  readonly probeHost: (host: HostConfig, signal: AbortSignal) => Promise<readonly Finding[]>;
}

type Kind = StepConfig['kind'];
type ConfigOf<K extends Kind> = Extract<StepConfig, { readonly kind: K }>['config'];

/** How the runner of each kind is made; asked for once, and only where a step of the kind is configured. */
export type RunnerTable = {
  readonly [K in Kind]: () => StepRunner<ConfigOf<K>> | Promise<StepRunner<ConfigOf<K>>>;
};

export function createRunners(table: RunnerTable, host: HostRunner): Runners {
  const made = new Map<Kind, Promise<StepRunner<unknown>>>();
  const runnerOf = (kind: Kind): Promise<StepRunner<unknown>> => {
    const known = made.get(kind);
    if (known !== undefined) return known;
    const runner = (async () => await table[kind]())() as Promise<StepRunner<unknown>>; // is given configurations of its own kind only
    made.set(kind, runner);
    // What cannot be made now may be when it is needed.
    runner.catch(() => made.delete(kind));
    return runner;
  };
  return {
    prepare: async (groups) => {
      const steps = groups.flatMap(({ stages }) => stages).flatMap((stage) => [...stage.steps, ...stage.restore]);
      const kinds = new Set(steps.map(({ kind }) => kind));
      if (groups.some((group) => group.host?.ssh !== undefined)) kinds.add('ssh');
      await Promise.allSettled([...kinds].map(runnerOf));
    },
    run: async ({ kind, config }, context) => (await runnerOf(kind)).run(config, context),
    probe: async ({ kind, config }, signal) => (await runnerOf(kind)).probe(config, signal),
    end: async (act, config, context) => {
      const { ssh } = config;
      if (ssh !== undefined) return (await runnerOf('ssh')).run(overSsh(ssh, config, act), context);
      return await (act === 'halt' ? host.run(config, context) : host.reboot(config, context));
    },
    probeHost: async (config, signal) => {
      const { ssh } = config;
      if (ssh !== undefined) return (await runnerOf('ssh')).probe(overSsh(ssh, config, 'halt'), signal);
      return await host.probe(config, signal);
    },
  };
}
