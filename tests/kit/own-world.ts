import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Gridwarden, type LogLine, PROGRAM } from './gridwarden.ts';
import { UNSHARE_PROGRAM } from './presence.ts';
import { RunningProcess } from './process.ts';

/**
 * The file system as the program sees it: what ends a machine only leaves a note, and the boot id and the names of hosts
 * are those of the test.
 */
const IN_OWN_WORLD = `set -e
mount -t overlay none -o "lowerdir=$1/sbin:/usr/sbin" /usr/sbin
[ ! -e /usr/bin/systemctl ] || mount --bind "$1/sbin/systemctl" /usr/bin/systemctl
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
mount --bind "$1/hosts" /etc/hosts
if [ -n "$DEAF_LOG" ]; then
  rm -f "$1/pipe"; mkfifo "$1/pipe"; exec 1<>"$1/pipe"
  dd if=/dev/zero bs=65536 count=1 oflag=nonblock 2>/dev/null || true
fi
shift
exec "$@"`;

/** A step that leaves its word and is through. */
const LEAVES = 'echo "$1" >> "$2"';
/** One that leaves its word and is through once it may be. */
const WAITS = `${LEAVES}; while [ -e "$2" ] && [ ! -e "$2.$1" ]; do sleep 0.05; done`;

/** What a world can be told at each start of the program. */
export interface WorldStart {
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard output is a pipe that is full, and that nobody reads. */
  readonly deafLog?: true;
}

/** Which fact is waited for. */
export interface Awaited {
  /** A group or a device; default: any. */
  readonly about?: string;
  /** A part of its text, as in a regular expression; default: any. */
  readonly says?: string;
  /** Milliseconds. */
  readonly within?: number;
  /** A `process.mark()`; default: since its start. */
  readonly from?: number;
}

const START_MS = 30_000;
const CLEAN = { STATE_DIRECTORY: undefined, NOTIFY_SOCKET: undefined, SUPERVISOR_TOKEN: undefined };

/** The built program, which may do everything it wants to: it halts and reboots nothing. For root. */
export class World {
  readonly #program: Gridwarden;
  readonly #folder: string;
  /** What was done, a word a line. */
  readonly #acts: string;
  #process: RunningProcess | undefined;

  private constructor(program: Gridwarden) {
    this.#program = program;
    this.#folder = join(program.folder, 'world');
    this.#acts = join(program.folder, 'acts');
  }

  /** Makes it, and starts nothing yet. */
  static async make(): Promise<World> {
    const world = new World(await Gridwarden.prepare({ config: {} }));
    const sbin = join(world.#folder, 'sbin');
    await mkdir(sbin, { recursive: true });
    const note = `#!/bin/sh\ncase "$0 $*" in *reboot*|*' -r '*) echo reboot;; *) echo halt;; esac >> '${world.#acts}'\n`;
    for (const name of ['shutdown', 'reboot', 'poweroff', 'halt', 'systemctl']) {
      await writeFile(join(sbin, name), note, { mode: 0o755 });
    }
    await world.boots('0b0074b0-0000-4000-8000-000000000001');
    await world.names('127.0.0.1 localhost\n');
    await writeFile(world.#acts, '');
    return world;
  }

  get process(): RunningProcess {
    if (this.#process === undefined) throw new Error('it was not started');
    return this.#process;
  }

  get stateFolder(): string {
    return this.#program.stateFolder;
  }

  /** A place of its own for what a test needs beside it. */
  get folder(): string {
    return this.#program.folder;
  }

  /** What it is to do at its next start. */
  async configure(config: object): Promise<void> {
    await this.#program.configure(config);
  }

  /** Which boot of the machine the next start of the program is in. */
  async boots(id: string): Promise<void> {
    await writeFile(join(this.#folder, 'boot_id'), `${id}\n`);
  }

  /** What /etc/hosts says from now on. */
  async names(hosts: string): Promise<void> {
    await writeFile(join(this.#folder, 'hosts'), hosts);
  }

  /** The `command` of a step that leaves a word in the list of acts. */
  leaves(word: string): readonly string[] {
    return ['/bin/sh', '-c', LEAVES, 'act', word, this.#acts];
  }

  /** The same, but it is not through before `release(word)`. */
  waits(word: string): readonly string[] {
    return ['/bin/sh', '-c', WAITS, 'act', word, this.#acts];
  }

  async release(...words: readonly string[]): Promise<void> {
    for (const word of words) await writeFile(`${this.#acts}.${word}`, '');
  }

  /** What was done so far, in its order; `halt` and `reboot` are the end of the machine by the usual ways. */
  async acts(): Promise<readonly string[]> {
    return (await readFile(this.#acts, 'utf8')).split('\n').filter((word) => word !== '');
  }

  /** Starts the program, and waits until it watches its source. */
  async start(options: WorldStart = {}): Promise<void> {
    await this.launch(options);
    if (options.deafLog !== true) await this.process.waitForLine(/answers \/health/, START_MS);
  }

  /** Starts the program and waits for nothing. */
  async launch({ env = {}, deafLog }: WorldStart = {}): Promise<void> {
    const words = [process.execPath, PROGRAM, 'run', '--config', this.#program.configFile];
    this.#process = new RunningProcess(
      UNSHARE_PROGRAM,
      ['--mount', '--', 'sh', '-c', IN_OWN_WORLD, 'sh', this.#folder, ...words],
      {
        name: 'gridwarden',
        cwd: this.#program.folder,
        env: { ...CLEAN, DEAF_LOG: deafLog === true ? '1' : undefined, ...env },
      },
    );
  }

  /** A fact that it tells, by its log. */
  async fact(type: string, { about = '[^"]*', says = '', within = 20_000, from = 0 }: Awaited = {}): Promise<LogLine> {
    const pattern = new RegExp(`"event":"${type}","about":"${about}","msg":"[^"]*${says}`);
    return parsed(await this.process.waitForLine(pattern, within, from));
  }

  /** Everything it has said since its start. */
  lines(): readonly LogLine[] {
    return this.process.lines().map(parsed);
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    if (this.#process?.running) await this.#process.kill();
  }

  /** Keeps what is on its disk, and what was done, as it is now. */
  async keep(): Promise<void> {
    const kept = join(this.#program.folder, 'kept');
    // A socket is nothing to keep, and cannot be copied.
    const filter = (path: string) => !path.endsWith('.sock');
    await cp(this.stateFolder, join(kept, 'state'), { recursive: true, filter });
    await cp(this.#acts, join(kept, 'acts'));
  }

  /** Puts back what was kept. */
  async putBack(): Promise<void> {
    const kept = join(this.#program.folder, 'kept');
    await rm(this.stateFolder, { recursive: true });
    await cp(join(kept, 'state'), this.stateFolder, { recursive: true });
    await cp(join(kept, 'acts'), this.#acts);
  }

  /** Ends it, if it runs, and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    await this.#program.dispose();
  }
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine; // as pino writes it; what is none is told as it is
  } catch {
    return { level: 0, msg: line };
  }
}
