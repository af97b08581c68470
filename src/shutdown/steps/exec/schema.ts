import { z } from 'zod';
import { secretText } from '../../../domain/schema.ts';
import type { Secret } from '../../../domain/secret.ts';
import { seconds } from '../../../domain/time.ts';
import { argv, commonKeys, filePath, given } from '../schema.ts';

/** A program of this machine. */
export interface ExecConfig {
  /** The program, by its whole path, and its arguments. No shell reads them. */
  readonly command: readonly string[];
  /** What its environment has beside PATH and LANG. */
  readonly env: Readonly<Record<string, Secret>>;
  /** Absent: `/`. */
  readonly directory?: string;
  /** Exit codes that mean it has done its work. */
  readonly success: readonly number[];
}

const variable = z
  .string()
  .max(128)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'use letters, digits and _, not beginning with a digit');

/** 30 s and 10 s: what runs here is a script that tells something to stop, not the stopping itself. */
const SPANS = { deadline: seconds(30), usual: seconds(10) };

/** The `exec` block. */
export const execSchema = z
  .strictObject({
    command: argv.meta({ description: 'The program, by its whole path, and its arguments. No shell reads them' }),
    env: z
      .record(variable, secretText.meta({ description: 'Value of this variable' }))
      .meta({ description: 'Variables of its environment, which otherwise has PATH and LANG only' })
      .prefault({}),
    directory: filePath.meta({ description: 'Folder it runs in. Unset: /' }).optional(),
    success: z
      .array(z.number().int().min(0).max(255))
      .min(1)
      .max(256)
      .meta({ description: 'Exit codes that mean success' })
      .prefault([0]),
    ...commonKeys('30s'),
  })
  .transform(({ name, after, deadline, carries_source, directory, ...own }) => {
    const config: ExecConfig = { ...own, ...(directory !== undefined && { directory }) };
    const text = `run ${own.command[0] ?? ''}`;
    return given('exec', { name, after, deadline, carries_source }, SPANS, text, config);
  })
  .meta({ description: 'A program of this machine' });

/** Programs that stop the machine they run on, whatever their arguments. */
const STOPPERS = /^(?:shutdown|poweroff|halt|reboot)$/;
/** Verbs of systemctl and levels of init that do. */
const STOPPING =
  /^(?:poweroff|halt|reboot|soft-reboot|kexec|suspend|hibernate|hybrid-sleep|suspend-then-hibernate|[06])$/;

/** Whether a command, by its words, stops the machine it runs on. */
export function stopsItsMachine(words: readonly string[]): boolean {
  const names = words.map((word) => word.split('/').at(-1) ?? word);
  const program = names.findIndex((name) => name !== 'sudo' && !name.startsWith('-'));
  const rest = names.slice(program + 1);
  if (STOPPERS.test(names[program] ?? '')) return true;
  return /^(?:systemctl|init|telinit)$/.test(names[program] ?? '') && rest.some((word) => STOPPING.test(word));
}
