import type { Finding, StepRunner } from '../../step.ts';
import { environmentOf } from '../ask.ts';
import { listed } from '../schema.ts';
import { count } from '../tally.ts';
import type { VmsConfig } from './schema.ts';
import { startVms } from './start.ts';
import { stopVms } from './stop.ts';
import { meant } from './turns.ts';
import { type Virsh, virshOf } from './virsh.ts';

/** What the runner needs of this machine. */
export interface VmsPorts {
  /** The variables of this process. virsh gets those that lead it to its libvirt, its keys and its sockets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name or path of virsh. Absent: `virsh`, from the usual folders. */
  readonly virsh?: string;
}

const NAMES = ['HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'];

/** Carries out `vms`: virtual machines of libvirt, through virsh. */
export function vmsRunner({ env, virsh: program = 'virsh' }: VmsPorts): StepRunner<VmsConfig> {
  const virshFor = (uri: string): Virsh => virshOf(program, uri, environmentOf(env, NAMES, ['LIBVIRT', 'VIRSH']));
  return {
    run: async (config, context) => {
      const virsh = virshFor(config.uri);
      if (config.action === 'start') return await startVms(virsh, config, context);
      const outcome = await stopVms(virsh, config.action, config, context);
      // Where nothing more is taken, what an earlier try has left is still to be brought back.
      return { ...(context.undo !== undefined && { undo: context.undo }), ...outcome };
    },
    probe: (config, signal) => probe(virshFor(config.uri), config, signal),
  };
}

async function probe(virsh: Virsh, config: VmsConfig, signal: AbortSignal): Promise<readonly Finding[]> {
  const what = `libvirt ${config.uri}`;
  const all = await virsh.list(['--all'], signal);
  if (!all.ok) {
    const [looked, text] = all.error.kind === 'absent' ? ['virsh', 'is not installed'] : [what, all.error.text];
    return [{ what: looked, ok: false, text }];
  }
  const running = await virsh.list(['--state-running'], signal);
  if (!running.ok) return [{ what, ok: false, text: running.error.text }];
  const names = new Set(all.value.map(({ name }) => name));
  const unknown = [...new Set([...(config.only ?? []), ...config.except, ...config.first, ...config.last])].filter(
    (name) => !names.has(name),
  );
  const touched = meant(running.value, config);
  const text = `answers; ${count(running.value.length, 'VM')} of ${all.value.length} running, ${touched.length} meant`;
  return [
    { what, ok: true, text },
    ...(unknown.length === 0 ? [] : [{ what: 'names of VMs', ok: false, text: `libvirt knows no ${listed(unknown)}` }]),
  ];
}
