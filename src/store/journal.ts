import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Log, Sink } from '../domain/ports.ts';
import type { Json } from '../domain/requests.ts';
import type { Memory } from '../domain/state.ts';
import { between, type Instant, type Millis, seconds } from '../domain/time.ts';
import { entryLine, headLine, readJournal, WHOLE_LINE } from './journal-lines.ts';
import { createLedger, type Entry, type Ledger } from './ledger.ts';
import { awaitingProof, shifted } from './memory.ts';

/** What must outlive the process, on disk a moment after it has changed. One process has it open at a time. */
export interface Journal extends Sink {
  /**
   * Puts a line on record. Resolves when it is on the disk; never rejects, and does not resolve while the disk is full
   * or hangs: who must act waits for a while, and then goes on without.
   */
  readonly write: (record: { readonly [key: string]: Json }) => Promise<void>;
  /** Writes what was held back and closes the file. Gives up at once where the disk is full. */
  readonly stop: () => Promise<void>;
}

export interface JournalParts {
  /** Where `journal` and `journal.1` are. */
  readonly folder: string;
  /** The identity of this boot. */
  readonly boot: string;
  readonly version: string;
  /** Its monotonic time counts from the boot. */
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves once the disk answers, which did not when the program started; absent: it does. */
  readonly answers?: Promise<void>;
}

/** A journal with what an earlier process has left in it. */
export interface OpenedJournal {
  readonly journal: Journal;
  /** By the clock of this boot; absent where nothing was kept or nothing can be read. */
  readonly memory?: Memory;
  /** Whether the machine has been started since. */
  readonly boot: 'same' | 'new';
}

/** A file begins anew from here on. */
const FULL = 1024 * 1024;
/** More than this is read by nobody: a thousand devices on battery fill some 8 MiB. */
const MOST_READ = 64 * 1024 * 1024;
/** A disk that does not answer holds the start up no longer. */
const READ_WITHIN = seconds(3);
/** A write that takes longer is told. */
const HUNG = seconds(5);
const RETRY_AFTER = seconds(2);
/** Records and those who wait for them, while the disk takes none. */
const MOST_RECORDS = 1000;

/** Opens the journal of a state folder. Never fails: what cannot be read is told, and the watch begins without it. */
export async function openJournal(parts: JournalParts): Promise<OpenedJournal> {
  const { log, folder, answers } = parts;
  const late = new Promise<'late'>((settle) => {
    setTimeout(() => settle('late'), READ_WITHIN).unref();
  });
  const loading = answers === undefined ? load(parts) : answers.then(() => load(parts));
  const found = answers === undefined ? await Promise.race([loading, late]) : 'late';
  if (found !== 'late')
    return { journal: new JournalFile(parts, createLedger(found && keptOf(found))), boot: 'new', ...found };
  log.error(`${folder} does not answer: nothing of an earlier run is known`);
  const ledger = createLedger();
  // Not known any more in this process, but not to be lost either.
  const read = loading.then((known) => known && ledger.fill(keptOf(known)));
  return { journal: new JournalFile(parts, ledger, read), boot: 'new' };
}

type Found = Pick<OpenedJournal, 'boot'> & { readonly memory: Memory };

const keptOf = ({ boot, memory }: Found): Memory => (boot === 'new' ? awaitingProof(memory) : memory);

async function load({ folder, boot, clock, log }: JournalParts): Promise<Found | undefined> {
  for (const name of ['journal', 'journal.1']) {
    const path = join(folder, name);
    const content = await contentOf(path, log);
    if (content === undefined) continue;
    const read = readJournal(content);
    if (read === undefined) {
      log.error(`${path} cannot be read from its beginning on`);
      continue;
    }
    for (const complaint of read.complaints.slice(0, 10)) log.warn(`${path}: ${complaint}`);
    const { head, memory } = read;
    // Some containers count the uptime from their own start: a clock behind the journal's is another clock.
    if (head.boot === boot && memory.at <= clock.now()) return { memory, boot: 'same' };
    return { memory: shifted(memory, -memory.at), boot: 'new' };
  }
  return undefined;
}

/** The text of a file; undefined where there is none for us. */
async function contentOf(path: string, log: Log): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    if (size <= MOST_READ) return await file.readFile('utf8');
    log.error(`${path} is larger than ${MOST_READ / 1024 / 1024} MiB and is not read`);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) {
      log.error(`cannot read ${path}: ${reasonOf(thrown)}`);
    }
  } finally {
    // Of a disk that fails a close may fail too, and says nothing new.
    await file?.close().catch(() => undefined);
  }
  return undefined;
}

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

interface Waiting {
  /** By key: only the newest counts. */
  readonly kept: Map<string, string>;
  records: string[];
  written: (() => void)[];
}

const nothing = (): Waiting => ({ kept: new Map(), records: [], written: [] });

class JournalFile implements Journal {
  readonly name = 'journal';
  readonly #parts: JournalParts;
  readonly #path: string;
  readonly #ledger: Ledger;
  readonly #read: Promise<unknown> | undefined;
  #file: FileHandle | undefined;
  #size = 0;
  /** The size at which the next file is begun; what a new one begins with may itself be large. */
  #full = FULL;
  #waiting = nothing();
  #writing: Promise<void> | undefined;
  #writingSince: Instant | undefined;
  #told = false;
  #stopping = false;
  #wake: () => void = () => undefined;

  /** @param read resolves when what was there has been read: until then nothing takes its place */
  constructor(parts: JournalParts, ledger: Ledger, read?: Promise<unknown>) {
    this.#parts = parts;
    this.#read = read;
    this.#path = join(parts.folder, 'journal');
    this.#ledger = ledger;
  }

  accept(transition: Parameters<Sink['accept']>[0]): void {
    this.#put(this.#ledger.take(transition));
    const since = this.#writingSince;
    if (since !== undefined && between(since, transition.stamp.at) >= HUNG) this.#tell('the disk does not answer');
  }

  write(record: { readonly [key: string]: Json }): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((settle) => {
      if (this.#waiting.written.length < MOST_RECORDS) this.#waiting.written.push(settle);
      const value = JSON.stringify({ at: clock.now(), wall: clock.wall(), ...record });
      this.#put([{ kind: 'record', value }]);
    });
  }

  async stop(): Promise<void> {
    this.#put(this.#ledger.rest());
    this.#stopping = true;
    this.#wake();
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  #put(entries: readonly Entry[]): void {
    if (entries.length === 0 || this.#stopping) return;
    const { kept, records } = this.#waiting;
    for (const entry of entries) {
      const text = entryLine(entry);
      if (entry.kind === 'record') records.push(text);
      else kept.set(entry.kind === 'keep' ? entry.key : '', text);
    }
    if (records.length > MOST_RECORDS) records.splice(0, records.length - MOST_RECORDS);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // Everything of this turn goes out as one write.
    await Promise.resolve();
    while (this.#waiting.kept.size > 0 || this.#waiting.records.length > 0) {
      const batch = this.#waiting;
      this.#waiting = nothing();
      this.#writingSince = this.#parts.clock.now();
      try {
        await this.#writeOut(batch);
        if (this.#told) this.#parts.log.info(`${this.#path} is written again`);
        this.#told = false;
        for (const settle of batch.written) settle();
      } catch (thrown) {
        this.#tell(reasonOf(thrown));
        await this.#giveUp(batch);
        if (this.#stopping) break;
        await this.#pause(RETRY_AFTER);
      }
      this.#writingSince = undefined;
    }
    this.#writing = undefined;
  }

  async #writeOut({ kept, records }: Waiting): Promise<void> {
    await this.#read;
    if (this.#file === undefined || this.#size >= this.#full) {
      await this.#begin(records.join(''));
      return;
    }
    const text = [...kept.values(), ...records].join('');
    await this.#file.appendFile(text);
    await this.#file.datasync();
    this.#size += Buffer.byteLength(text);
  }

  /** A new file with everything that is remembered now, put in the place of the old one, which is kept as `.1`. */
  async #begin(records: string): Promise<void> {
    const { boot, version, clock, folder } = this.#parts;
    const head = { boot, at: clock.now(), wall: clock.wall(), version };
    const text = [headLine(head), ...this.#ledger.whole().map(entryLine), WHOLE_LINE, records].join('');
    await this.#file?.close();
    this.#file = undefined;
    const file = await open(`${this.#path}.tmp`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
      if (await isThere(this.#path)) await rename(this.#path, `${this.#path}.1`);
      await rename(`${this.#path}.tmp`, this.#path);
      await syncFolder(folder);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    this.#file = file;
    this.#size = Buffer.byteLength(text);
    this.#full = Math.max(FULL, 2 * this.#size);
  }

  /** A write that has failed may have left half a line: the next one begins a new file, which holds what is remembered. */
  async #giveUp({ records, written }: Waiting): Promise<void> {
    const { kept, records: newer, written: later } = this.#waiting;
    this.#waiting = { kept, records: [...records, ...newer].slice(-MOST_RECORDS), written: [...written, ...later] };
    kept.set('', entryLine({ kind: 'alive', at: this.#parts.clock.now() }));
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
    await rm(`${this.#path}.tmp`, { force: true }).catch(() => undefined);
  }

  #tell(why: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#parts.log.error(`cannot write ${this.#path}: ${why}; decisions go on, a restart would not know of them`);
  }

  #pause(span: Millis): Promise<void> {
    return new Promise((settle) => {
      const timer = setTimeout(settle, span);
      this.#wake = () => {
        clearTimeout(timer);
        settle();
      };
    });
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
