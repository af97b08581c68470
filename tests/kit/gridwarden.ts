import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Exit, RunningProcess } from './process.ts';

/** The built program. Tests and benchmarks are started in the root of the project, after a build. */
export const PROGRAM = resolve(process.env['GRIDWARDEN_PROGRAM'] || 'dist/gridwarden.js');

/** A configuration: the text of the file, or the same as an object (JSON is YAML). */
export type ConfigurationText = string | object;

export interface GridwardenOptions {
  readonly config: ConfigurationText;
  /** Files beside the configuration, by name: `secrets.yaml`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** One line of the log, as JSON. */
export interface LogLine {
  /** pino's: 30 info, 40 warning, 50 error. */
  readonly level: number;
  readonly msg: string;
  /** The type of a fact. */
  readonly event?: string;
  /** The device or source of a fact. */
  readonly about?: string;
  readonly room?: string;
  readonly [detail: string]: unknown;
}

const START_MS = 15_000;
const LINE_MS = 10_000;

/**
 * Starts the whole program, and waits until everything that listens in this process (the HTTP server, and our own
 * broker where there is one) can be reached.
 *
 * Ports and the state folder are chosen here where the configuration is an object that does not name them.
 */
export async function startGridwarden(options: GridwardenOptions): Promise<Gridwarden> {
  const program = await Gridwarden.prepare(options);
  try {
    await program.start();
  } catch (error) {
    await program.dispose();
    throw error;
  }
  return program;
}

/** The program in a folder of its own. */
export class Gridwarden {
  readonly folder: string;
  readonly configFile: string;
  readonly stateFolder: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #process: RunningProcess | undefined;
  #hasBroker = false;

  private constructor(folder: string, env: Readonly<Record<string, string | undefined>>) {
    this.folder = folder;
    this.configFile = join(folder, 'gridwarden.yaml');
    this.stateFolder = join(folder, 'state');
    this.#env = env;
  }

  /** Makes the folder, and starts nothing yet. */
  static async prepare({ config, files = {}, env = {} }: GridwardenOptions): Promise<Gridwarden> {
    const folder = await mkdtemp(join(tmpdir(), 'gridwarden-program-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
    const program = new Gridwarden(folder, env);
    await program.configure(config);
    return program;
  }

  /** The running process, or the one that ran last. */
  get process(): RunningProcess {
    if (this.#process === undefined) throw new Error('it was not started');
    return this.#process;
  }

  /** Where its HTTP server listened last. */
  get url(): string {
    const line = this.lines().findLast(({ msg }) => HTTP_LINE.test(msg));
    const [, url] = HTTP_LINE.exec(line?.msg ?? '') ?? [];
    if (url === undefined) throw new Error('its HTTP server has not said where it listens');
    return url;
  }

  /** Where its own broker listened last. */
  get brokerPort(): number {
    const line = this.lines().findLast(({ msg }) => BROKER_LINE.test(msg));
    const [, port] = BROKER_LINE.exec(line?.msg ?? '') ?? [];
    if (port === undefined) throw new Error('its broker has not said where it listens');
    return Number(port);
  }

  /** Writes the configuration. What runs does not look until it is told to. */
  async configure(config: ConfigurationText): Promise<void> {
    const text =
      typeof config === 'string'
        ? config
        : JSON.stringify({ state_dir: this.stateFolder, http: { listen: '127.0.0.1:0' }, ...config });
    this.#hasBroker = /\bembedded\b/.test(text);
    await writeFile(this.configFile, text);
  }

  /** Starts it again in the same folder. Resolves when all its listeners listen. */
  async start(): Promise<void> {
    this.launch();
    await this.waitForLog(HTTP_LINE, START_MS, 0);
    if (this.#hasBroker) await this.waitForLog(BROKER_LINE, START_MS, 0);
  }

  /** Starts it and does not wait. */
  launch(): void {
    this.#process = new RunningProcess(process.execPath, [PROGRAM, 'run', '--config', this.configFile], {
      name: 'gridwarden',
      cwd: this.folder,
      env: { STATE_DIRECTORY: undefined, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, ...this.#env },
    });
  }

  /** What it has logged since its start, oldest first. */
  lines(): readonly LogLine[] {
    return this.process.lines().flatMap((line) => parsed(line) ?? []);
  }

  /** A position in the log: "from here on" for `waitForLog`. */
  mark(): number {
    return this.process.mark();
  }

  /**
   * The first line whose text matches.
   *
   * @param from a `mark()`; default: from now on
   */
  async waitForLog(pattern: RegExp, timeoutMs: number = LINE_MS, from: number = this.mark()): Promise<LogLine> {
    const line = await this.process.waitForLine(withText(pattern), timeoutMs, from);
    return parsed(line) ?? { level: 0, msg: line };
  }

  /** SIGHUP. Resolves to the line that says what became of it. */
  async reload(config?: ConfigurationText): Promise<LogLine> {
    if (config !== undefined) await this.configure(config);
    const told = this.waitForLog(/^request reload: /);
    this.process.signal('SIGHUP');
    return await told;
  }

  /** @param path such as `/metrics` */
  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(this.url + path, { signal: AbortSignal.timeout(5000) });
    return { status: response.status, text: await response.text() };
  }

  /** Sends SIGTERM and waits for its end. */
  async stop(): Promise<Exit> {
    return await this.process.stop();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** Ends it, if it runs, and removes its folder. */
  async dispose(): Promise<void> {
    if (this.#process?.running) await this.#process.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** How a command of the program ended, and what it printed. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly lines: readonly string[];
}

/** Runs one command of the program to its end. */
export async function gridwarden(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<CommandOutcome> {
  const program = new RunningProcess(process.execPath, [PROGRAM, ...args], { name: 'gridwarden', ...options });
  const { code } = await program.ended;
  return { code, lines: program.lines() };
}

const HTTP_LINE = /^(http:\/\/\S+) answers \/health/;
const BROKER_LINE = /^the broker listens on mqtt:\/\/\S+:(\d+)/;

/** A pattern for the text of a line, as one for the whole line. */
function withText({ source, flags }: RegExp): RegExp {
  const inside = source.startsWith('^') ? source.slice(1) : `(?:[^"\\\\]|\\\\.)*?${source}`;
  return new RegExp(`"msg":"${inside}`, flags);
}

function parsed(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'msg' in value && 'level' in value
      ? (value as LogLine) // as pino writes it
      : undefined;
  } catch {
    return undefined;
  }
}
