import type { LastAct } from '../../../domain/progress.ts';
import type { SshConfig, SshLogin } from '../ssh/schema.ts';
import { commandOf } from '../ssh/shell.ts';
import type { HostConfig } from './schema.ts';

/** The end of this host as an `ssh` step, for a program that runs in a container of it. */
export function overSsh(login: SshLogin, { command, deadline }: HostConfig, act: LastAct): SshConfig {
  return { ...login, shell: 'auto', actions: [], shutdown: finalCommand(command, act), deadline };
}

function finalCommand(command: HostConfig['command'], act: LastAct): true | string {
  if (act === 'reboot') return 'shutdown -r now';
  return command === undefined ? true : commandOf(command, false);
}
