import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ResolveHost } from './shutdown/reach.ts';
import { createRunners, type Runners } from './shutdown/runners.ts';
import { hostRunner, thisHost } from './shutdown/steps/host/run.ts';
import type { MqttPort } from './shutdown/steps/mqtt/run.ts';
import type { UpsPorts } from './shutdown/steps/ups/ports.ts';

/** What the steps need of the rest of the program and of this machine. */
export interface StepParts {
  readonly environment: NodeJS.ProcessEnv;
  /** Where the identities of hosts are kept that a person has trusted. */
  readonly stateFolder: string;
  /** One for the whole program: every look on mains refreshes what is needed when no name server answers. */
  readonly resolve: ResolveHost;
  readonly ups: UpsPorts;
  readonly mqtt: MqttPort;
}

/** The file with the identities of hosts, in the format of OpenSSH's known_hosts, where a step names none. */
export const knownHostsIn = (stateFolder: string): string => join(stateFolder, 'known_hosts');

/** The runner of every kind of step on this machine. Each is loaded when the first step of its kind is configured. */
export function stepRunners({ environment, stateFolder, resolve, ups, mqtt }: StepParts): Runners {
  const agent = environment['SSH_AUTH_SOCK'];
  return createRunners(
    {
      vms: async () => (await import('./shutdown/steps/vms/run.ts')).vmsRunner({ env: environment }),
      containers: async () =>
        (await import('./shutdown/steps/containers/run.ts')).containersRunner({ env: environment }),
      filesystems: async () => (await import('./shutdown/steps/filesystems/run.ts')).filesystemsRunner(),
      exec: async () => (await import('./shutdown/steps/exec/run.ts')).execRunner(),
      ssh: async () => {
        const [{ sshRunner }, { ownIds, tracesOfThisProcess }] = await Promise.all([
          import('./shutdown/steps/ssh/run.ts'),
          import('./shutdown/steps/containers/own.ts'),
        ]);
        const ownContainer = ownIds(await tracesOfThisProcess()).find(({ length }) => length === 64);
        return sshRunner({
          resolve,
          knownHosts: knownHostsIn(stateFolder),
          keyFolder: join(environment['HOME'] ?? homedir(), '.ssh'),
          ...(agent === undefined || agent === '' ? {} : { agent }),
          ...(ownContainer === undefined ? {} : { ownContainer }),
        });
      },
      http: async () => (await import('./shutdown/steps/http/run.ts')).httpRunner(resolve),
      mqtt: async () => (await import('./shutdown/steps/mqtt/run.ts')).mqttRunner(mqtt),
      wake: async () => (await import('./shutdown/steps/wake/run.ts')).wakeRunner(resolve),
      ups: async () => (await import('./shutdown/steps/ups/run.ts')).upsRunner(ups),
    },
    hostRunner(thisHost(environment)),
  );
}
