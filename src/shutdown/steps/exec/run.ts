import { describeEnd, lookForFolder, lookForProgram, runProgram } from '../../program.ts';
import type { Finding, Outcome, StepContext, StepRunner } from '../../step.ts';
import type { ExecConfig } from './schema.ts';

/** Carries out `exec`: a program of this machine. */
export function execRunner(): StepRunner<ExecConfig> {
  return { run, probe };
}

async function run({ command, env, directory, success }: ExecConfig, { signal }: StepContext): Promise<Outcome> {
  const revealed = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.reveal()]));
  const end = await runProgram(command, {
    env: revealed,
    ...(directory !== undefined && { directory }),
    signal,
    secrets: Object.values(revealed),
  });
  const isDone = end.kind === 'exited' && success.includes(end.code);
  return {
    kind: isDone ? 'done' : 'failed',
    text: end.kind === 'not-started' ? end.text : `${command[0] ?? ''} ${describeEnd(end)}`,
    ...(end.output !== '' && { output: end.output }),
  };
}

async function probe({ command, directory }: ExecConfig, signal: AbortSignal): Promise<readonly Finding[]> {
  return await Promise.all([
    lookForProgram(command[0] ?? '', signal),
    ...(directory === undefined ? [] : [lookForFolder(directory, signal)]),
  ]);
}
