import { err, ok, type Result } from '../../domain/result.ts';
import { asMillis, type Millis } from '../../domain/time.ts';
import { pause, within } from '../pause.ts';
import { describeEnd, runProgram } from '../program.ts';

/** How a program is asked. */
export interface Asking {
  /** Its environment beside PATH and LANG. */
  readonly env: Readonly<Record<string, string>>;
  /** When it is ended if it has not answered. */
  readonly limit: Millis;
  readonly signal: AbortSignal;
}

/** Why a program gave no answer. */
export interface NoAnswer {
  /** `absent`: there is no such program. `late`: the limit or the signal came first. `refused`: everything else. */
  readonly kind: 'absent' | 'late' | 'refused';
  /** One line for people, at most 200 characters. */
  readonly text: string;
  /** The end of what it has said. Empty: nothing. */
  readonly output: string;
}

/** Beyond it `stdout` is no longer whole (`runProgram`), and a list of it is no list. */
const MOST = 256 * 1024;
const MOST_TEXT = 200;

/** Runs a program to its end; its standard output, whole, where it ends with 0. */
export async function ask(argv: readonly string[], { env, limit, signal }: Asking): Promise<Result<string, NoAnswer>> {
  const end = await within(limit, signal, (bounded) => runProgram(argv, { env, signal: bounded }));
  const { output } = end;
  if (end.kind === 'abandoned') return err({ kind: 'late', text: describeEnd(end), output });
  if (end.kind === 'not-started') {
    const kind = end.why === 'ENOENT' ? 'absent' : signal.aborted ? 'late' : 'refused';
    return err({ kind, text: end.text, output });
  }
  if (end.kind !== 'exited' || end.code !== 0) {
    return err({ kind: 'refused', text: lastWords(output) ?? describeEnd(end), output });
  }
  if (end.stdout.length >= MOST) return err({ kind: 'refused', text: 'its answer is too long', output });
  return ok(end.stdout);
}

/** The last line that is not empty, without what virsh and docker put before an error. Undefined: there is none. */
export function lastWords(output: string): string | undefined {
  const line = output
    .split('\n')
    .map((text) => text.trim().replace(/^(?:error|error response from daemon): */i, ''))
    .findLast((text) => text !== '');
  return line?.slice(0, MOST_TEXT);
}

/** A name from a list of another program, fit for people: without control characters, at most 128 characters. */
export const plainName = (name: string): string => name.replace(/\p{Cc}/gu, '?').slice(0, 128);

/**
 * Does the same to many things, so many at once, in their order.
 *
 * After the abort nothing more begins; what runs is waited for, as it ends with the signal itself.
 */
export async function sideBySide<T>(
  things: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  run: (thing: T) => Promise<void>,
): Promise<void> {
  const rest = things.values();
  const lane = async (): Promise<void> => {
    for (const thing of rest) {
      if (signal.aborted) return;
      await run(thing);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, things.length) }, lane));
}

/** Asks again and again until the answer is true; false: the span is over, or the signal has aborted. */
export async function untilTrue(
  isSo: () => Promise<boolean>,
  { span, every, signal }: { readonly span: Millis; readonly every: Millis; readonly signal: AbortSignal },
): Promise<boolean> {
  const end = performance.now() + span;
  while (!signal.aborted) {
    if (await isSo()) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    await pause(asMillis(Math.min(every, left)), signal);
  }
  return false;
}

/** Of an environment, what these names, or names that begin with `<prefix>_`, give. */
export function environmentOf(
  all: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
  prefixes: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]): readonly (readonly [string, string])[] =>
      value !== undefined && (names.includes(name) || prefixes.some((prefix) => name.startsWith(`${prefix}_`)))
        ? [[name, value]]
        : [],
    ),
  );
}
