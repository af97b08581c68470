import { createInterface } from 'node:readline';

/** A person at the keyboard, or a file in their place. */
export interface Prompt {
  /** Asks, and waits for a line. Undefined: nobody answers any more. */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly close: () => void;
}

/** Who asks for a word, and how. */
export interface Confirmation {
  /** What has to be typed. */
  readonly word: string;
  /** What that does: `to carry it out`. */
  readonly purpose: string;
  /** The word of a script; absent: a person types it. */
  readonly yes: string | undefined;
  readonly prompt: Prompt;
  readonly out: (line: string) => void;
}

/** Whether a word was typed to the letter: neither a shorter one nor another case is it. Otherwise says that nothing was done. */
export async function isConfirmed({ word, purpose, yes, prompt, out }: Confirmation): Promise<boolean> {
  const typed = yes ?? (await prompt.ask(`Type ${word} ${purpose}: `));
  if (typed === word) return true;
  const why = typed === undefined ? `nobody answers (for scripts: --yes ${word})` : `${typed} is not ${word}`;
  out(`${yes === undefined ? '' : '--yes: '}${why}: nothing was done`);
  return false;
}

/** Reads lines from standard input, whoever writes them; the questions go to standard output. */
export function openPrompt(
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Prompt {
  // Made for the first question: a command that asks nothing leaves its input to others.
  let lines: { readonly reader: ReturnType<typeof createInterface>; readonly next: AsyncIterator<string> } | undefined;
  return {
    ask: async (question) => {
      if (lines === undefined) {
        const reader = createInterface({ input, terminal: false });
        lines = { reader, next: reader[Symbol.asyncIterator]() };
      }
      output.write(question);
      const { done, value } = await lines.next.next();
      return done === true ? undefined : value;
    },
    close: () => lines?.reader.close(),
  };
}
