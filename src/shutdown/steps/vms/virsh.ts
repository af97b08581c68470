import { ok, type Result } from '../../../domain/result.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { ask, type NoAnswer, plainName } from '../ask.ts';

/** One virtual machine. Everything is done by its UUID: virsh takes a name such as `7` for a number of its own. */
export interface Vm {
  readonly uuid: string;
  /** For people, and to compare with the configuration. */
  readonly name: string;
}

/** What libvirt says of a VM. `gone`: it knows no such VM, as after a transient one has stopped. */
export type VmState = 'running' | 'paused' | 'off' | 'gone' | 'other';

/** The virsh of one libvirt. */
export interface Virsh {
  /** @param which options of `virsh list`; none: all that are on */
  readonly list: (which: readonly string[], signal: AbortSignal) => Promise<Result<readonly Vm[], NoAnswer>>;
  readonly state: (vm: Vm, signal: AbortSignal) => Promise<Result<VmState, NoAnswer>>;
  /** @param verb a command of virsh that takes a VM, such as `shutdown` */
  readonly tell: (verb: string, vm: Vm, limit: Millis, signal: AbortSignal) => Promise<Result<string, NoAnswer>>;
}

/** How long libvirt may take for a question. One by ssh needs a login for each. */
const QUESTION = seconds(20);

/** What Xen calls the machine itself; it is listed as a VM that runs. */
const DOMAIN_0 = /^0{8}-0{4}-0{4}-0{4}-0{12}$/;

const STATES: Readonly<Record<string, VmState>> = { running: 'running', paused: 'paused', 'shut off': 'off' };

/**
 * Speaks to a libvirt by virsh.
 *
 * @param program virsh itself
 * @param uri as `virsh -c` takes it
 */
export function virshOf(program: string, uri: string, env: Readonly<Record<string, string>>): Virsh {
  const run = (words: readonly string[], limit: Millis, signal: AbortSignal) =>
    ask([program, '-q', '-c', uri, ...words], { env: { ...env, LC_ALL: 'C' }, limit, signal });
  return {
    list: async (which, signal) => {
      const answer = await run(['list', '--uuid', '--name', ...which], QUESTION, signal);
      return answer.ok ? ok(vmsOf(answer.value)) : answer;
    },
    state: async ({ uuid }, signal) => {
      const answer = await run(['domstate', uuid], QUESTION, signal);
      if (answer.ok) return ok(STATES[answer.value.trim()] ?? 'other');
      return isUnknown(answer.error) ? ok('gone') : answer;
    },
    tell: (verb, { uuid }, limit, signal) => run([verb, uuid], asMillis(Math.max(1000, limit)), signal),
  };
}

/** The VMs of `virsh list --uuid --name`: one a line, the UUID before the name, which is filled up with spaces. */
export function vmsOf(text: string): readonly Vm[] {
  return text.split('\n').flatMap((line): readonly Vm[] => {
    const [, uuid, name] = /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s+(.*\S)\s*$/i.exec(line) ?? [];
    if (uuid === undefined || name === undefined || DOMAIN_0.test(uuid)) return [];
    return [{ uuid, name: plainName(name) }];
  });
}

const isUnknown = ({ kind, output }: NoAnswer): boolean =>
  kind === 'refused' && /failed to get domain|Domain not found|no domain with matching/i.test(output);
