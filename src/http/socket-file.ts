import { chmodSync, lstatSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { seconds } from '../domain/time.ts';
import { bind } from './listener.ts';

/** Everything for us, nothing for others. Folders that are made meanwhile stay of use, which a stricter one would not let them. */
const OURS_ALONE = 0o077;
const MODE = 0o600;
/** A process that does not take a connection for so long is there all the same. */
const PATIENCE = seconds(2);

/**
 * Binds a server to a Unix socket that never, not even for a moment, others may connect to. The socket of a process that
 * is gone is replaced; one that somebody listens on, or anything else, stays.
 *
 * @returns why it cannot be, undefined when bound or aborted
 */
export async function bindFile(server: Server, path: string, signal: AbortSignal): Promise<string | undefined> {
  const obstacle = await cleared(path);
  if (obstacle !== undefined || signal.aborted) return obstacle;
  const before = process.umask(OURS_ALONE);
  let bound: Promise<string | undefined>;
  try {
    bound = bind(server, { path }, signal);
  } finally {
    process.umask(before);
  }
  const failure = await bound;
  if (failure === undefined && !signal.aborted) restrict(path);
  return failure;
}

/** Nobody executes a socket. Where its mode cannot be changed it is ours alone already. */
function restrict(path: string): void {
  try {
    chmodSync(path, MODE);
  } catch {
    // It has gone meanwhile, or the file system knows no modes.
  }
}

/** What is in the way at a path; undefined once nothing is. */
async function cleared(path: string): Promise<string | undefined> {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined) return undefined;
    if (!there.isSocket()) return `${path} is no socket: take it away`;
    const answer = await knocked(path);
    if (answer === 'ENOENT') return undefined;
    if (answer === 'EACCES' || answer === 'EPERM')
      return `${path} is the socket of another user: take it away if that process is gone`;
    // A reset as well: it was taken, and then whoever took it stopped.
    if (answer !== 'ECONNREFUSED') return `another process listens on ${path}`;
    rmSync(path, { force: true });
    return undefined;
  } catch (thrown) {
    return `${path} cannot be used: ${thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)}`;
  }
}

/** The error of a connection; empty where somebody took it, or has not for a while. */
function knocked(path: string): Promise<string> {
  return new Promise((settle) => {
    const socket = connect({ path });
    const end = (answer: string): void => {
      socket.destroy();
      settle(answer);
    };
    socket.setTimeout(PATIENCE, () => end(''));
    socket.once('connect', () => end(''));
    socket.once('error', (error) => end('code' in error ? String(error.code) : error.message));
  });
}
