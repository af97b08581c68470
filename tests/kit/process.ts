import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How to start a program. */
export interface ProcessOptions {
  /** What it is called in error messages; default: the command. */
  readonly name?: string;
  readonly cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Lines of output kept, the oldest go first; default 20,000. */
  readonly maxLines?: number;
}

/** How a program ended: by itself (`code`) or by a signal. Both null: it could not be started. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const DEFAULT_MAX_LINES = 20_000;
const TAIL_LINES = 25;
const SETPRIV = '/usr/bin/setpriv';

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/**
 * A child process whose output, both streams, is kept as lines and can be awaited.
 *
 * It never outlives this process: on Linux the kernel kills it when its parent dies, however that happens
 * (`setpriv --pdeathsig`), elsewhere the exit hook does.
 */
export class RunningProcess {
  readonly name: string;
  /** Resolves when it is gone and all its output has been read. Never rejects. */
  readonly ended: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #maxLines: number;
  readonly #waiters = new Set<() => void>();
  #lines: string[] = [];
  #dropped = 0;
  #exit: Exit | undefined;

  constructor(command: string, args: readonly string[], options: ProcessOptions = {}) {
    this.name = options.name ?? command;
    this.#maxLines = options.maxLines ?? DEFAULT_MAX_LINES;
    const [file, ...rest] = existsSync(SETPRIV)
      ? [SETPRIV, '--pdeathsig', 'KILL', '--', command, ...args]
      : [command, ...args];
    this.#child = spawn(file ?? command, rest, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.#child);
    this.#capture(this.#child.stdout);
    this.#capture(this.#child.stderr);
    this.ended = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.#exit ??= exit;
        alive.delete(this.#child);
        this.#wake();
        resolve(this.#exit);
      };
      this.#child.once('close', (code, signal) => end({ code, signal }));
      this.#child.once('error', (error) => {
        this.#push(String(error));
        if (this.#child.pid === undefined) end({ code: null, signal: null });
      });
    });
  }

  /** The process id; absent when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** All lines kept, oldest first. */
  lines(): readonly string[] {
    return this.#lines;
  }

  /** A position in the output: "from here on" for `waitForLine`. */
  mark(): number {
    return this.#dropped + this.#lines.length;
  }

  /**
   * The first line that matches, already written or still to come.
   *
   * @param timeoutMs from now on
   * @param from a `mark()`; default: since it was started
   * @throws with the last lines of output when the time is over or the process ends without it
   */
  async waitForLine(pattern: RegExp, timeoutMs: number, from = 0): Promise<string> {
    const signal = AbortSignal.timeout(timeoutMs);
    let next = from;
    for (;;) {
      for (const end = this.mark(); next < end; next += 1) {
        const line = this.#lines[next - this.#dropped];
        if (line !== undefined && pattern.test(line)) return line;
      }
      if (!this.running) throw this.#error(`ended (${describeExit(this.#exit)}) without a line like ${pattern}`);
      if (signal.aborted) throw this.#error(`wrote no line like ${pattern} within ${timeoutMs} ms`);
      await this.#somethingNew(signal);
    }
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Asks it to end and waits until it has.
   *
   * @throws when it is still there after `timeoutMs`; it is then killed
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 10_000): Promise<Exit> {
    this.signal(signal);
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      this.signal('SIGKILL');
    }, timeoutMs);
    const exit = await this.ended;
    clearTimeout(deadline);
    if (late) throw this.#error(`did not end within ${timeoutMs} ms after ${signal}`);
    return exit;
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<Exit> {
    return await this.stop('SIGKILL');
  }

  #capture(stream: NodeJS.ReadableStream | null): void {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) this.#push(...lines);
    });
    stream?.on('end', () => {
      if (rest !== '') this.#push(rest);
    });
  }

  #push(...lines: string[]): void {
    this.#lines.push(...lines.map((line) => line.replace(/\r$/, '')));
    // Cut in large steps: dropping one line at a time would copy the array for every line.
    if (this.#lines.length > this.#maxLines * 1.25) {
      const excess = this.#lines.length - this.#maxLines;
      this.#lines = this.#lines.slice(excess);
      this.#dropped += excess;
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  #somethingNew(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  #error(what: string): Error {
    return new Error(`${this.name} ${what}. Its last lines:\n${this.#lines.slice(-TAIL_LINES).join('\n')}`);
  }
}

/**
 * Runs a program to its end.
 *
 * @returns its output, both streams
 * @throws when it ends with anything but 0, with its last lines
 */
export async function run(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<string> {
  const program = new RunningProcess(command, args, options);
  const exit = await program.ended;
  const output = program.lines().join('\n');
  if (exit.code !== 0) {
    throw new Error(`${program.name} ${args.join(' ')} ended with ${describeExit(exit)}:\n${output}`);
  }
  return output;
}

function describeExit(exit: Exit | undefined): string {
  return exit?.signal ?? `code ${exit?.code ?? 'none: could not be started'}`;
}
