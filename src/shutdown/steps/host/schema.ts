import { z } from 'zod';
import { duration } from '../../../domain/schema.ts';
import type { StepOf } from '../../../domain/steps.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { argv, line } from '../schema.ts';
import { loginSchema, type SshLogin } from '../ssh/schema.ts';

/** How this host is halted. */
export interface HostConfig {
  readonly halt: boolean;
  /** The program and its arguments; absent: the usual way of this system, or the Supervisor's in the add-on. */
  readonly command?: readonly string[];
  /**
   * How the machine is reached where this program runs in a container of it: it is halted over SSH, after its identity was
   * checked. Absent: it is halted from here.
   */
  readonly ssh?: SshLogin;
  /** What everybody who is logged in is told; absent: nothing. */
  readonly message?: string;
  readonly deadline: Millis;
}

/** A host of systemd stops its services within 90 s; most are down after half a minute. */
const HALT_USUAL = seconds(60);

/** The `host` block of a group. */
export const hostSchema = z
  .strictObject({
    halt: z.boolean().meta({ description: 'Whether this host is halted, last of all' }),
    command: argv
      .meta({ description: 'The program that halts it, and its arguments. Unset: the usual way of this system' })
      .optional(),
    ssh: loginSchema
      .meta({ description: 'How this host is reached from a container. Unset: it is halted from here' })
      .optional(),
    message: line.meta({ description: 'What everybody who is logged in is told. Unset: nothing' }).optional(),
    deadline: duration({ min: '5s', max: '10m' }).meta({ description: 'Until when it has to be down' }).prefault('2m'),
  })
  .superRefine(({ halt, command, ssh, message }, context) => {
    const means = (key: string, why: string) => context.addIssue({ code: 'custom', path: [key], message: why });
    if (!halt && command !== undefined) means('command', 'means nothing with halt: false');
    if (!halt && ssh !== undefined) means('ssh', 'means nothing with halt: false');
    if (ssh !== undefined && message !== undefined) means('message', 'cannot be told over SSH: leave it out');
  })
  .transform(
    ({ command, ssh, message, ...own }): HostConfig => ({
      ...own,
      ...(command !== undefined && { command }),
      ...(ssh !== undefined && { ssh }),
      ...(message !== undefined && { message }),
    }),
  )
  .meta({ description: 'The halt of this host. Unset: it is not halted' });

/** The halt of this host as the decisions see it; absent where it is not halted. */
export function haltOf(host: HostConfig | undefined): StepOf<'host'> | undefined {
  if (host?.halt !== true) return undefined;
  const { deadline } = host;
  const usual = asMillis(Math.min(HALT_USUAL, deadline));
  return { key: 'host', kind: 'host', text: 'halt this host', after: [], deadline, usual, carriesSource: false };
}
