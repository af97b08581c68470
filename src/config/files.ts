import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../domain/limits.ts';
import { err, ok, type Result } from '../domain/result.ts';

/** Where a configuration is looked for when none is named, first to last. */
export const usualFiles = (folder: string): readonly string[] => [
  join(folder, 'gridwarden.yaml'),
  '/etc/gridwarden/gridwarden.yaml',
];

/**
 * Finds the configuration.
 *
 * @param named the file the user named; taken as it is, there or not
 * @param folder the working directory
 * @returns the first of `usualFiles` that is there, or undefined
 */
export async function findConfiguration(named: string | undefined, folder: string): Promise<string | undefined> {
  if (named !== undefined) return named;
  for (const file of usualFiles(folder)) {
    const there = await access(file, constants.F_OK).then(
      () => true,
      () => false,
    );
    if (there) return file;
  }
  return undefined;
}

/** The text of a file, and who may read it. */
export interface Contents {
  readonly text: string;
  /** Whether every user of this machine may read it. */
  readonly worldReadable: boolean;
}

/** Why a file has no text for us. */
export interface Unreadable {
  readonly kind: 'missing' | 'unreadable' | 'too-big' | 'not-text';
  readonly message: string;
}

/** Reads a UTF-8 text file of at most `LIMITS.configBytes`. */
export async function readText(file: string): Promise<Result<Contents, Unreadable>> {
  try {
    // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return err({ kind: 'unreadable', message: 'is not a file' });
      const bytes = Buffer.alloc(LIMITS.configBytes + 1);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length > LIMITS.configBytes) return err({ kind: 'too-big', message: 'is larger than 1 MiB' });
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
      return ok({ text, worldReadable: process.platform !== 'win32' && (stats.mode & 0o004) !== 0 });
    } finally {
      await handle.close();
    }
  } catch (error) {
    return err(unreadable(error));
  }
}

function unreadable(error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing', message: 'is not there' };
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { kind: 'not-text', message: 'is not UTF-8 text' };
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'unreadable', message: 'may not be read by this user' };
  return { kind: 'unreadable', message: `cannot be read: ${code === '' ? 'unknown reason' : code}` };
}
