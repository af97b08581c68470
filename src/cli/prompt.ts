import { createInterface } from 'node:readline';

/** A person at the keyboard, or a file in their place. */
export interface Prompt {
  /** Asks, and waits for a line. Undefined: nobody answers any more. */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly close: () => void;
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
