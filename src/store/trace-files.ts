import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { err, ok, type Result } from '../domain/result.ts';
import type { TraceEvent } from '../domain/wire.ts';
import { createTraceReader } from './trace-lines.ts';

/** The name of a segment: its number, so that names sort as they were written. */
export const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.ndjson`;

const SEGMENT = /^(\d{8})\.ndjson(?:\.gz)?$/;

/** The segments among the names of a folder, oldest first. One that is there packed and unpacked counts once. */
export function segmentsIn(names: readonly string[]): readonly { readonly name: string; readonly number: number }[] {
  const found = new Map<number, string>();
  for (const name of names.toSorted()) {
    const number = Number(SEGMENT.exec(name)?.[1]);
    if (number > 0 && !found.has(number)) found.set(number, name);
  }
  return [...found].map(([number, name]) => ({ name, number }));
}

/** Why a trace cannot be read. */
export interface Unreadable {
  readonly kind: 'missing' | 'unreadable' | 'too-big' | 'no-trace';
  readonly message: string;
}

/** Where the segments are in the state folder. */
export const TRACE_FOLDER = 'trace';

/**
 * The files that a path stands for.
 *
 * @param path a segment, a folder of segments, or the state folder of the program
 * @returns the files, oldest first; at least one
 */
export async function traceFiles(path: string): Promise<Result<readonly string[], Unreadable>> {
  for (const folder of [join(path, TRACE_FOLDER), path]) {
    const names = await readdir(folder).catch((thrown: unknown) => thrown);
    if (!Array.isArray(names)) continue;
    const segments = segmentsIn(names.map(String));
    if (segments.length > 0) return ok(segments.map(({ name }) => join(folder, name)));
    if (folder === path) return err({ kind: 'missing', message: `${path} holds no trace` });
  }
  return ok([path]);
}

/** Eight times what a segment has. */
const MOST = 64 * 1024 * 1024;

/** The text of a segment, packed or not. */
export async function readSegment(path: string): Promise<Result<string, Unreadable>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > MOST) return err({ kind: 'too-big', message: `${path} is larger than 64 MiB` });
    const bytes = await file.readFile();
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = isPacked ? await promisify(gunzip)(bytes, { maxOutputLength: MOST }) : bytes;
    return ok(plain.toString('utf8'));
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'for an unknown reason';
    const kind = code === 'ENOENT' ? 'missing' : 'unreadable';
    return err({ kind, message: kind === 'missing' ? `${path} is not there` : `${path} cannot be read: ${code}` });
  } finally {
    await file?.close();
  }
}

/** A trace that has been found. */
export interface Trace {
  /** Its events, from the first segment to the last, read as they are asked for. Ends early where a segment cannot be read. */
  readonly events: () => AsyncGenerator<TraceEvent>;
}

/**
 * Opens traces.
 *
 * @param paths as `traceFiles` takes them, in their order
 * @param complain told of what cannot be read: lines that were cut off, segments that are none
 */
export async function openTrace(
  paths: readonly string[],
  complain: (trouble: Unreadable) => void,
): Promise<Result<Trace, Unreadable>> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await traceFiles(path);
    if (!found.ok) return found;
    files.push(...found.value);
  }
  return ok({ events: () => eventsIn(files, complain) });
}

async function* eventsIn(
  files: readonly string[],
  complain: (trouble: Unreadable) => void,
): AsyncGenerator<TraceEvent> {
  const reader = createTraceReader();
  for (const file of files) {
    const segment = await readSegment(file);
    if (!segment.ok) {
      complain(segment.error);
      continue;
    }
    try {
      yield* reader.events(segment.value, (why) => complain({ kind: 'unreadable', message: `${file}: ${why}` }));
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      complain({ kind: 'no-trace', message: `${file}: ${thrown.message}` });
    }
  }
}
