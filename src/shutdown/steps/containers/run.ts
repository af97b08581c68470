import type { Finding, StepRunner } from '../../step.ts';
import { count } from '../tally.ts';
import { isReadable } from './compose.ts';
import { type Programs, QUESTION } from './engine.ts';
import { type Answering, askEngines, type Machine } from './machine.ts';
import { isOwn, ownIds, type Traces, tracesOfThisProcess } from './own.ts';
import type { ContainersConfig } from './schema.ts';
import { startContainers } from './start.ts';
import { stopContainers } from './stop.ts';

/** What the runner needs of this machine. */
export interface ContainersPorts {
  /** The variables of this process. The engines get those that lead them to their servers, keys and sockets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names or paths of the programs. Absent: their own names, from the usual folders. */
  readonly programs?: Partial<Programs>;
  /** What tells which container this process runs in. Absent: this process's own. */
  readonly traces?: () => Promise<Traces>;
}

const PROGRAMS: Programs = {
  docker: 'docker',
  dockerCompose: 'docker-compose',
  podman: 'podman',
  podmanCompose: 'podman-compose',
};

/** Carries out `containers`: Docker and Podman of this machine, through their command lines. Never stops our own. */
export function containersRunner({ env, programs, traces }: ContainersPorts): StepRunner<ContainersConfig> {
  const machine: Machine = { env, programs: { ...PROGRAMS, ...programs } };
  const own = async () => ownIds(await (traces ?? tracesOfThisProcess)());
  return {
    run: async (config, context) => {
      if (config.action === 'start') return await startContainers(config, machine, context);
      const outcome = await stopContainers(config, machine, await own(), context);
      // Where nothing more is stopped, what an earlier try has left is still to be brought back.
      return { ...(context.undo !== undefined && { undo: context.undo }), ...outcome };
    },
    probe: async (config, signal) => await probe(config, machine, await own(), signal),
  };
}

async function probe(
  config: ContainersConfig,
  machine: Machine,
  own: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { answering, silent } = await askEngines(config, machine, signal);
  const findings: Finding[] = [
    ...answering.map(({ engine, running }) => ({
      what: engine.label,
      ok: true,
      text: `answers; ${count(running.length, 'container')} running${running.some(({ id }) => isOwn(id, own)) ? ', ours among them' : ''}`,
    })),
    ...silent
      .filter(({ matters }) => matters)
      .map(({ label, text }) => ({ what: label, ok: false, text: `does not answer: ${text}` })),
  ];
  if (findings.length === 0) {
    findings.push({ what: 'containers', ok: false, text: 'neither Docker nor Podman is here' });
  }
  for (const { file } of config.compose) findings.push(await probeProject(file, answering, signal));
  return findings;
}

async function probeProject(file: string, engines: readonly Answering[], signal: AbortSignal): Promise<Finding> {
  const what = `compose file ${file}`;
  if (!(await isReadable(file, signal))) return { what, ok: false, text: 'is not there, or cannot be read' };
  let text = 'no engine answers';
  for (const { engine } of engines) {
    const valid = await engine.compose(['-f', file, 'config', '-q'], QUESTION, signal);
    if (valid.ok) return { what, ok: true, text: `is valid for ${engine.label}` };
    // podman-compose has no `config`; it reads the file for this as well.
    const read = engine.kind === 'podman' && (await engine.compose(['-f', file, 'ps', '-q'], QUESTION, signal)).ok;
    if (read) return { what, ok: true, text: `is read by the compose of ${engine.label}` };
    text = valid.error.text;
  }
  return { what, ok: false, text };
}
