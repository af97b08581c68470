import { z } from 'zod';
import { duration, slug } from '../../domain/schema.ts';
import type { StepKind } from '../../domain/steps.ts';
import { asMillis, type Millis } from '../../domain/time.ts';

/** What a block of any kind of step says besides what it does. */
export interface StepGiven<K extends StepKind, C> {
  readonly kind: K;
  /** What the executor needs; may hold secrets. */
  readonly config: C;
  /** As the file gives it; absent: a name is made from the kind. */
  readonly name?: string;
  /** Names of steps of the same list. */
  readonly after: readonly string[];
  /** One line for people. No secrets. */
  readonly text: string;
  readonly deadline: Millis;
  /** At most the deadline. */
  readonly usual: Millis;
  readonly carriesSource: boolean;
}

/** How long a kind of step may take, and does take before it was ever measured. */
export interface Spans {
  /** When it is abandoned where the file does not say so. */
  readonly deadline: Millis;
  /** What it is taken to need; at most the deadline counts. */
  readonly usual: Millis;
}

/** The keys that stand in the block of every kind of step. */
const nameAndOrder = {
  name: slug
    .meta({ description: 'Name of the step, once in its list. Unset: the kind, with -2, -3 where there are several' })
    .optional(),
  after: z
    .array(slug)
    .max(50)
    .meta({ description: 'Names of steps of the same list that end first. Unset: begins with its stage' })
    .prefault([]),
  carries_source: z
    .boolean()
    .meta({ description: 'Says that this stops a machine on which a source runs, on purpose' })
    .prefault(false),
};

/**
 * The keys that every kind of step has.
 *
 * @param unset what the deadline is where the file gives none, for people
 */
export const commonKeys = (unset: string) => ({
  ...nameAndOrder,
  deadline: duration({ min: '1s', max: '2h' })
    .meta({ description: `When the step is abandoned. Unset: ${unset}` })
    .optional(),
});

/** What `commonKeys` read. */
export interface CommonGiven {
  readonly name?: string | undefined;
  readonly after: readonly string[];
  readonly deadline?: Millis | undefined;
  readonly carries_source: boolean;
}

/** A step as its block gives it. */
export function given<K extends StepKind, C>(
  kind: K,
  common: CommonGiven,
  { deadline: preset, usual }: Spans,
  text: string,
  config: C,
): StepGiven<K, C> {
  const deadline = common.deadline ?? preset;
  return {
    kind,
    config,
    ...(common.name !== undefined && { name: common.name }),
    after: common.after,
    text: text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 3)}...` : text,
    deadline,
    usual: asMillis(Math.min(usual, deadline)),
    carriesSource: common.carries_source,
  };
}

/** A step is one line of a table. */
const MOST_TEXT = 120;

/** Refuses a wait that the deadline would cut short: the abandoned step would leave its work half done. */
export function refuseLongWaits(context: z.RefinementCtx, waits: Millis, deadline: Millis | undefined): void {
  if (deadline === undefined || waits <= deadline) return;
  const message = 'is shorter than what the step waits for in all';
  context.addIssue({ code: 'custom', path: ['deadline'], message });
}

/** An absolute path. */
export const filePath = z
  .string()
  .max(4096)
  .refine((text) => text.startsWith('/') && !/\p{Cc}/u.test(text), 'write the whole path, such as /mnt/data');

/** A text of one line, such as a command for another machine. */
export const line = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => !/\p{Cc}/u.test(text), 'must be one line');

/** A name of a VM, container, unit or user: an argument of a program, so it must not look like one of its options. */
export const ownName = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !/^-|\p{Cc}/u.test(text), 'must be one line and not begin with a dash');

/** A host name or an address, without brackets or port. */
export const hostName = z
  .string()
  .max(253)
  .refine(
    (text) => /^[A-Za-z0-9._:][A-Za-z0-9._:%-]*$/.test(text),
    'write a host name or an IP address, without brackets or port',
  );

/** A program and its arguments, for the system as they are: no shell reads them. */
export const argv = z
  .array(
    z
      .string()
      .max(4096)
      .refine((text) => !text.includes('\0'), 'must not contain a NUL character'),
  )
  .min(1, 'name the program, such as [/usr/bin/true]')
  .max(200)
  .refine(([program = '']) => program.startsWith('/'), {
    path: [0],
    message: 'write the whole path of the program, such as /usr/bin/true',
  });

/** How long something gets by itself before more is done. */
export const wait = (preset: string, description: string) =>
  duration({ min: '0s', max: '1h' }).meta({ description }).prefault(preset);

/** Names for a line of text: the first three, and how many more. */
export const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
