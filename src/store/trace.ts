import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Log, Sink, Transition } from '../domain/ports.ts';
import { after, asMillis, type Instant, seconds } from '../domain/time.ts';
import { segmentName, segmentsIn } from './trace-files.ts';
import { createTraceWriter } from './trace-lines.ts';

/**
 * Records every input, so that every decision can be made again later. Never waits: what the disk does not take in time
 * is dropped, and the next segment, which opens with a snapshot, makes the trace whole again.
 */
export interface TraceRecorder extends Sink {
  /** Writes what is left and closes the file. */
  readonly stop: () => Promise<void>;
}

export interface TraceParts {
  /** Holds the segments and nothing else; made where it is not there. */
  readonly folder: string;
  /** The identity of this boot. */
  readonly boot: string;
  readonly version: string;
  readonly log: Log;
  /** Resolves once the disk answers, which did not when the program started; absent: it does. */
  readonly answers?: Promise<void>;
  /** Characters of a segment before the next one begins. Absent: 8 MiB. */
  readonly segmentSize?: number;
  /** Segments that are kept. Absent: 8. */
  readonly segments?: number;
}

const SEGMENT = 8 * 1024 * 1024;
const SEGMENTS = 8;
/** A kill loses no more than this, and what the machine itself has not written. */
const FLUSH_EVERY = asMillis(1000);
/** Characters that may wait for the disk. A snapshot of a thousand devices is 5 million. */
const MOST_WAITING = 24 * 1024 * 1024;
const RETRY_AFTER = seconds(10);

export function createTraceRecorder(parts: TraceParts): TraceRecorder {
  return new Recorder(parts);
}

interface Chunk {
  readonly segment: number;
  text: string[];
}

class Recorder implements TraceRecorder {
  readonly name = 'trace';
  readonly #parts: TraceParts;
  readonly #writer = createTraceWriter();
  #process: number | undefined;
  /** The segment that lines go to, from 1; 0 before the first. */
  #segment = 0;
  /** Whether it can take the next line; else that one opens a new segment. */
  #isOpen = false;
  #size = 0;
  #waiting: Chunk[] = [];
  #waitingSize = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #tidying: Promise<void> = Promise.resolve();
  #file: { readonly segment: number; readonly number: number; readonly handle: FileHandle } | undefined;
  #pausedUntil: Instant | undefined;
  #broken = false;
  #told = false;
  #stopping = false;

  constructor(parts: TraceParts) {
    this.#parts = parts;
  }

  accept({ input, stamp, before }: Transition): void {
    if (this.#stopping || !this.#mayWrite(stamp.at)) return;
    const full = this.#size >= (this.#parts.segmentSize ?? SEGMENT);
    if (!this.#isOpen || full) this.#open({ stamp, before }, full && this.#isOpen);
    this.#put(this.#writer.line(input, stamp));
    if (this.#waitingSize > MOST_WAITING) this.#drop('the disk does not answer');
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_EVERY).unref();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#flush();
    await this.#writing;
    await this.#file?.handle.close().catch(() => undefined);
    this.#file = undefined;
    await this.#tidying;
  }

  /** After a failure, again once the disk has taken what it had and some time has passed. */
  #mayWrite(at: Instant): boolean {
    if (!this.#broken) return true;
    this.#pausedUntil ??= after(at, RETRY_AFTER);
    if (at < this.#pausedUntil || this.#writing !== undefined) return false;
    this.#broken = false;
    this.#pausedUntil = undefined;
    return true;
  }

  #open({ stamp, before }: Pick<Transition, 'stamp' | 'before'>, continues: boolean): void {
    const { boot, version } = this.#parts;
    this.#process ??= stamp.wall;
    this.#segment += 1;
    this.#isOpen = true;
    this.#size = 0;
    const head = { version, boot, process: this.#process, segment: this.#segment, continues };
    this.#put(this.#writer.open(head, before, stamp));
  }

  #put(line: string): void {
    const last = this.#waiting.at(-1);
    if (last?.segment === this.#segment) last.text.push(line);
    else this.#waiting.push({ segment: this.#segment, text: [line] });
    this.#size += line.length;
    this.#waitingSize += line.length;
  }

  #flush(): void {
    this.#timer = undefined;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      await this.#parts.answers;
      for (let chunk = this.#next(); chunk; chunk = this.#next()) {
        const file = await this.#fileOf(chunk.segment);
        await file.appendFile(chunk.text.join(''));
      }
      if (this.#told && !this.#broken) this.#parts.log.info('the trace is written again');
      this.#told = this.#broken;
    } catch (thrown) {
      this.#drop(thrown instanceof Error ? thrown.message : String(thrown));
      await this.#file?.handle.close().catch(() => undefined);
      this.#file = undefined;
    }
    this.#writing = undefined;
  }

  #next(): Chunk | undefined {
    const chunk = this.#waiting.shift();
    for (const line of chunk?.text ?? []) this.#waitingSize -= line.length;
    return chunk;
  }

  #drop(why: string): void {
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#isOpen = false;
    this.#broken = true;
    if (!this.#told) this.#parts.log.warn(`the trace has a gap: ${why}`);
    this.#told = true;
  }

  async #fileOf(segment: number): Promise<FileHandle> {
    const { folder } = this.#parts;
    if (this.#file?.segment === segment) return this.#file.handle;
    await this.#file?.handle.close();
    this.#file = undefined;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const newest = segmentsIn(await readdir(folder)).at(-1)?.number ?? 0;
    const number = newest + 1;
    const handle = await open(join(folder, segmentName(number)), 'wx', 0o600);
    this.#file = { segment, number, handle };
    this.#tidying = this.#tidying.then(() => this.#tidy(number));
    return handle;
  }

  /** Packs what is written, and drops the oldest. What fails is tried again with the next segment. */
  async #tidy(current: number): Promise<void> {
    const { folder, segments = SEGMENTS, log } = this.#parts;
    try {
      for (const name of await readdir(folder))
        if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true });
      const others = segmentsIn(await readdir(folder)).filter(({ number }) => number < current);
      const surplus = Math.max(0, others.length - (segments - 1));
      for (const { name } of others.slice(0, surplus)) await rm(join(folder, name), { force: true });
      for (const { name } of others.slice(surplus)) if (!name.endsWith('.gz')) await pack(join(folder, name));
    } catch (thrown) {
      log.debug('old segments of the trace stay as they are for now', { err: thrown });
    }
  }
}

async function pack(path: string): Promise<void> {
  const temporary = `${path}.gz.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { mode: 0o600 }));
  await rename(temporary, `${path}.gz`);
  await rm(path, { force: true });
}
