import { z } from 'zod';
import { duration, port, secretText } from '../../../domain/schema.ts';
import type { Secret } from '../../../domain/secret.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { commonKeys, filePath, given, hostName, line, ownName, refuseLongWaits } from '../schema.ts';
import { actionSchema, type SshAction, waitOf } from './actions.ts';

/** What is done on another machine, over SSH. */
export interface SshConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Path of a private key; absent: the usual ones of the user this runs as. */
  readonly key?: string;
  /** Of that key. */
  readonly passphrase?: Secret;
  readonly password?: Secret;
  /** Whether the SSH agent of this process is asked for keys. */
  readonly agent: boolean;
  /** Path of the file with the identities of hosts; absent: that of the state folder. */
  readonly knownHosts?: string;
  /** `none`: commands go out exactly as written and nothing is taken for granted about who reads them. */
  readonly shell: 'auto' | 'posix' | 'none';
  /** Whether commands run with `sudo -n`. */
  readonly sudo: boolean;
  readonly connectTimeout: Millis;
  /** In their order. */
  readonly actions: readonly SshAction[];
  /** The final command; `true`: the usual one of the system there. Absent: the machine stays up. */
  readonly shutdown?: true | string;
  /** When the step is given up: the final command has to be out before. Absent: there is none. */
  readonly deadline?: Millis;
  /** A harmless command and a part of what it has to answer. */
  readonly probe?: { readonly command: string; readonly expect: string };
}

const shape = z.strictObject({
  host: hostName.meta({ description: 'Host name or address' }),
  port: port.meta({ description: 'Port of its SSH server' }).prefault(22),
  user: ownName
    .refine((name) => !/[\s@:]/.test(name), 'must not contain spaces, @ or colons')
    .meta({ description: 'Who to log in as' }),
  key: filePath
    .meta({ description: 'File with a private key. Unset: the usual ones of the user Gridwarden runs as' })
    .optional(),
  passphrase: secretText.meta({ description: 'Passphrase of that key' }).optional(),
  password: secretText.meta({ description: 'Password, where no key is accepted' }).optional(),
  agent: z.boolean().meta({ description: 'Whether the SSH agent is asked for keys' }).prefault(false),
  known_hosts: filePath
    .meta({ description: 'File with the identities of hosts. Unset: known_hosts in the state folder' })
    .optional(),
  shell: z
    .enum(['auto', 'posix', 'none'])
    .meta({
      description:
        'What reads the commands there: a POSIX shell, none (a switch, Windows, an appliance; probe is needed), or auto: found out',
    })
    .prefault('auto'),
  sudo: z.boolean().meta({ description: 'Whether commands are run with sudo -n' }).prefault(false),
  connect_timeout: duration({ min: '1s', max: '2m' })
    .meta({ description: 'How long connecting, logging in and a first answer may take, each' })
    .prefault('10s'),
  actions: z
    .array(actionSchema)
    .max(100)
    .meta({ description: 'What is done before the final command, in this order' })
    .prefault([]),
  shutdown: z
    .union([z.literal(true), line])
    .meta({ description: 'The final command; true: the usual one of the system there. Unset: it stays up' })
    .optional(),
  probe: z
    .strictObject({
      command: line.meta({ description: 'A command that changes nothing' }),
      expect: line.meta({ description: 'A part of what it answers' }),
    })
    .meta({ description: 'How to tell that the right machine listens' })
    .optional(),
  ...commonKeys('1m, or 2m with shutdown, more than its actions wait for'),
});

/**
 * The `ssh` block.
 *
 * Before it was measured it is taken to need 10 s for the connection and the commands, every wait of its actions, and,
 * where the machine is shut down, 30 s until it does not answer any more.
 */
export const sshSchema = shape
  .superRefine((raw, context) => {
    refuseLongWaits(context, waitsOf(raw.actions), raw.deadline);
    for (const [key, message] of problemsOf(raw)) context.addIssue({ code: 'custom', path: [key], message });
  })
  .transform(({ name, after, deadline, carries_source, ...own }) => {
    const waits = waitsOf(own.actions);
    const halts = own.shutdown !== undefined;
    const spans = {
      deadline: asMillis(waits + seconds(halts ? 120 : 60)),
      usual: asMillis(waits + seconds(halts ? 40 : 10)),
    };
    const config = configOf(own, deadline ?? spans.deadline);
    const text = `${halts ? 'shut down' : TEXT[config.actions[0]?.kind ?? 'command']} ${halts ? '' : 'on '}${config.host}`;
    return given('ssh', { name, after, deadline, carries_source }, spans, text, config);
  })
  .meta({ description: 'Another machine, over SSH' });

/** How a machine is logged in to, and nothing of what is done there. */
export type SshLogin = Omit<SshConfig, 'actions' | 'shutdown' | 'deadline' | 'probe' | 'shell'>;

/** The login of an `ssh` block for itself. */
export const loginSchema = shape
  .pick({
    host: true,
    port: true,
    user: true,
    key: true,
    passphrase: true,
    password: true,
    agent: true,
    known_hosts: true,
    sudo: true,
    connect_timeout: true,
  })
  .superRefine(({ passphrase, key }, context) => {
    if (passphrase === undefined || key !== undefined) return;
    context.addIssue({ code: 'custom', path: ['passphrase'], message: 'needs key as well' });
  })
  .transform((raw): SshLogin => loginOf(raw));

type Raw = z.output<typeof shape>;

/** What the first of the actions does: enough for one line. */
const TEXT: Readonly<Record<SshAction['kind'], string>> = {
  stop_containers: 'stop containers',
  stop_compose: 'stop a compose project',
  stop_vms: 'shut down VMs',
  stop_proxmox_vms: 'shut down VMs',
  stop_proxmox_cts: 'shut down containers',
  stop_xcpng_vms: 'shut down VMs',
  stop_esxi_vms: 'shut down VMs',
  truenas: 'stop apps',
  synology: 'stop packages',
  sync: 'sync disks',
  unmount: 'unmount',
  stop_units: 'stop services',
  command: 'run a command',
};

const waitsOf = (actions: readonly SshAction[]): Millis =>
  asMillis(actions.reduce((total, action) => total + waitOf(action), 0));

function problemsOf(raw: Raw): readonly (readonly [string, string])[] {
  const problems: (readonly [string, string])[] = [];
  if (raw.actions.length === 0 && raw.shutdown === undefined) {
    problems.push(['actions', 'leaves nothing to do: give actions or shutdown']);
  }
  if (raw.passphrase !== undefined && raw.key === undefined) problems.push(['passphrase', 'needs key as well']);
  if (raw.shell !== 'none') return problems;
  if (raw.probe === undefined) problems.push(['probe', 'is required with shell: none']);
  if (raw.sudo) problems.push(['sudo', 'means nothing with shell: none']);
  if (raw.shutdown === true) problems.push(['shutdown', 'write the command: with shell: none there is no usual one']);
  if (raw.actions.some(({ kind }) => kind !== 'command')) {
    problems.push(['actions', 'can only be commands with shell: none']);
  }
  return problems;
}

function configOf(raw: Omit<Raw, 'name' | 'after' | 'deadline' | 'carries_source'>, deadline: Millis): SshConfig {
  return {
    ...loginOf(raw),
    shell: raw.shell,
    actions: raw.actions,
    ...(raw.shutdown !== undefined && { shutdown: raw.shutdown, deadline }),
    ...(raw.probe !== undefined && { probe: raw.probe }),
  };
}

type RawLogin = Pick<Raw, 'host' | 'port' | 'user' | 'agent' | 'sudo' | 'connect_timeout'> &
  Partial<Pick<Raw, 'key' | 'passphrase' | 'password' | 'known_hosts'>>;

const loginOf = (raw: RawLogin): SshLogin => ({
  host: raw.host,
  port: raw.port,
  user: raw.user,
  ...(raw.key !== undefined && { key: raw.key }),
  ...(raw.passphrase !== undefined && { passphrase: raw.passphrase }),
  ...(raw.password !== undefined && { password: raw.password }),
  agent: raw.agent,
  ...(raw.known_hosts !== undefined && { knownHosts: raw.known_hosts }),
  sudo: raw.sudo,
  connectTimeout: raw.connect_timeout,
});
