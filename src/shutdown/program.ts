import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { asMillis, formatSpan, type Millis, seconds } from '../domain/time.ts';
import { type OutputTail, outputTail } from './output-tail.ts';
import type { Finding } from './step.ts';

/** How to run a program of this machine. */
export interface ProgramOptions {
  /** What its environment has beside PATH and LANG=C; these win where they give those. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: `/`. */
  readonly directory?: string;
  /** Its deadline: at the abort its whole process group is ended. */
  readonly signal: AbortSignal;
  /** How long the group gets between SIGTERM and SIGKILL. Absent: 2 s. */
  readonly grace?: Millis;
  /** Texts that its output may not show. */
  readonly secrets?: readonly string[];
  /** Standard input is closed, always: a program that asks gets no answer instead of none ever. */
  readonly input?: never;
}

/** What a program has said, however it ended. */
export interface ProgramSaid {
  /** The end of both streams, at most `LIMITS.stepOutput` characters, harmless. Empty: nothing. */
  readonly output: string;
  /** Standard output as it came, for parsing: its first 256 Ki characters. May hold anything, secrets included. */
  readonly stdout: string;
  /** From the start to the end, or to when it was given up. */
  readonly ms: Millis;
}

/** How a program ended. */
export type ProgramEnd = ProgramSaid &
  (
    | { readonly kind: 'exited'; readonly code: number }
    /** By a signal that was not ours. */
    | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
    /** The abort came first. `alive`: it, or one of its group, would not even end by SIGKILL and is left behind. */
    | { readonly kind: 'abandoned'; readonly alive: boolean }
    /** ENOENT: it, its folder or its interpreter is not there. EACCES: it may not be executed. */
    | { readonly kind: 'not-started'; readonly why: 'ENOENT' | 'EACCES' | 'other'; readonly text: string }
  );

const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' };

/**
 * Puts itself in the place of the program.
 *
 * Node waits, with everything it does, until a child has loaded its program. One that lies on a network disk whose server
 * has gone is never loaded; begun from here it is the child alone that waits, and it can be given up.
 */
const LAUNCHER = '/usr/bin/env';
const TEST = 'test';

const GRACE = seconds(2);
/** After SIGKILL: a process is gone at once, or it waits for hardware and cannot be ended. */
const AFTER_KILL = 250;
/** After the program has ended: the rest of its output is here, or the stream is held by something it has left behind. */
const AFTER_EXIT = 250;
const STDOUT = 256 * 1024;

/**
 * Runs a program of this machine by its words, without a shell, in a process group of its own.
 *
 * What it leaves in the background when it ends by itself is let be. At the abort the group is ended, SIGTERM and then
 * SIGKILL, and whatever becomes of it this comes back within the grace and half a second.
 *
 * @param argv the program and its arguments; a name without a slash is looked for in PATH
 * @throws Error when argv is empty
 */
export async function runProgram(argv: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  if (argv[0] === undefined) throw new Error('a program without a name');
  const began = performance.now();
  const { directory = '/', signal } = options;
  if (directory !== '/' && !signal.aborted) {
    const folder = await run([TEST, '-d', directory], { signal, grace: asMillis(0) }, began);
    if (folder.kind !== 'exited') return folder;
    if (folder.code !== 0) {
      return { ...folder, kind: 'not-started', why: 'ENOENT', text: `there is no folder ${directory} to run in` };
    }
  }
  return await run(argv, options, began);
}

async function run(argv: readonly string[], options: ProgramOptions, began: number): Promise<ProgramEnd> {
  const { signal, grace = GRACE } = options;
  const said = { tail: outputTail(options.secrets), stdout: '' };
  const end = () => ({
    output: said.tail.text(),
    stdout: said.stdout,
    ms: asMillis(Math.round(performance.now() - began)),
  });
  if (signal.aborted) return { kind: 'not-started', why: 'other', text: 'its time was over before', ...end() };
  const child = start(argv, options);
  if (typeof child === 'string') return { ...whyNot(child, argv[0]), ...end() };
  const closed = listen(child, said);
  const exit = await exitOrAbort(child, signal);
  if (exit === 'aborted') {
    const isOver = child.pid === undefined || (await endGroup(child.pid, grace));
    if (isOver) await within(closed, AFTER_EXIT);
    leave(child, (stream) => stream.destroy());
    return { kind: 'abandoned', alive: !isOver, ...end() };
  }
  if ('error' in exit) return { ...whyNot(exit.error, argv[0]), ...end() };
  await within(closed, AFTER_EXIT);
  leave(child, (stream) => stream.resume());
  if (exit.code === null) return { kind: 'killed', signal: exit.signal ?? 'SIGKILL', ...end() };
  const refused = exit.code === 126 || exit.code === 127 ? refusalOf(said.tail.text()) : undefined;
  return refused === undefined ? { kind: 'exited', code: exit.code, ...end() } : { ...refused, ...end() };
}

/** Waits for something, but not for ever; keeps nobody from ending. */
async function within(what: Promise<void>, span: number): Promise<void> {
  await Promise.race([what, sleep(span, undefined, { ref: false })]);
}

/** Starts it, or tells the code of the system why not. */
function start([program = '', ...rest]: readonly string[], { env, directory }: ProgramOptions): ChildProcess | string {
  // A word with an equals sign is a variable to the launcher.
  const [file, words] = program.includes('=') ? [program, rest] : [LAUNCHER, ['--', program, ...rest]];
  try {
    return spawn(file, words, {
      cwd: directory ?? '/',
      env: { ...ENVIRONMENT, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'; // spawn throws errors of the system, such as E2BIG
  }
}

/** The launcher's last words; of a name with a space GNU's has something to say besides. */
const REFUSAL =
  /^(?:\/usr\/bin\/)?env: (?:can't execute )?'?([^\n]*?)'?: ([^:\n]+)(?:\n(?:\/usr\/bin\/)?env: use -[^\n]*)?$/;

/** Why the launcher could not start a program; undefined: it is the program itself that speaks. */
function refusalOf(output: string) {
  const [, program, reason] = REFUSAL.exec(output) ?? [];
  if (reason === undefined) return undefined;
  return whyNot(CODES[reason] ?? reason, program);
}

const CODES: Readonly<Record<string, string>> = {
  'No such file or directory': 'ENOENT',
  'Permission denied': 'EACCES',
};

function whyNot(code: string, program = '') {
  const kind = 'not-started' as const;
  if (code === 'ENOENT')
    return { kind, why: code, text: `${program} is not there, or what it names to run it` } as const;
  if (code === 'EACCES') return { kind, why: code, text: `${program} may not be executed` } as const;
  return { kind, why: 'other', text: `${program} could not be started (${code})` } as const;
}

type Exit =
  | { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  /** Code of the system. */
  | { readonly error: string };

function exitOrAbort(child: ChildProcess, signal: AbortSignal): Promise<Exit | 'aborted'> {
  return new Promise((resolve) => {
    const abort = () => resolve('aborted');
    const settle = (exit: Exit) => {
      signal.removeEventListener('abort', abort);
      resolve(exit);
    };
    signal.addEventListener('abort', abort);
    child.once('exit', (code, by) => settle({ code, signal: by }));
    child.on('error', (error: NodeJS.ErrnoException) => settle({ error: error.code ?? 'unknown' }));
  });
}

function listen(child: ChildProcess, said: { readonly tail: OutputTail; stdout: string }): Promise<void> {
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8');
    child[name]?.on('data', (text: string) => {
      said.tail.add(text, name);
      if (name === 'stdout' && said.stdout.length < STDOUT) said.stdout = (said.stdout + text).slice(0, STDOUT);
    });
    child[name]?.on('error', () => undefined);
  }
  return new Promise((resolve) => child.once('close', () => resolve()));
}

/** Lets go of streams that something else still holds: they keep nobody from ending. */
function leave(child: ChildProcess, letGo: (stream: Socket) => void): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    const socket = stream as Socket; // a pipe of a child is one
    socket.removeAllListeners('data');
    letGo(socket);
    socket.unref();
  }
}

/** Ends a process group; whether nothing of it is left. */
async function endGroup(group: number, grace: Millis): Promise<boolean> {
  if (grace > 0) {
    tell(group, 'SIGTERM');
    if (await isGone(group, grace)) return true;
  }
  tell(group, 'SIGKILL');
  return await isGone(group, AFTER_KILL);
}

async function isGone(group: number, span: number): Promise<boolean> {
  const end = performance.now() + span;
  for (let turn = 1; ; turn += 1) {
    if (!tell(group, 0)) return true;
    // A process that has ended counts for the system until its parent has asked, and that may be never.
    const isLast = performance.now() >= end;
    if ((isLast || turn % 10 === 0) && !(await hasLiving(group))) return true;
    if (isLast) return false;
    await sleep(10);
  }
}

/** Whether a process of this group still runs. Where /proc is closed to us there is one. */
async function hasLiving(group: number): Promise<boolean> {
  const names = await readdir('/proc').catch(() => undefined);
  if (names === undefined) return true;
  const living = names
    .filter((name) => /^\d+$/.test(name))
    .map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // After the name, which may hold anything: state, parent, group.
      const [state = '', , ofGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return ofGroup === String(group) && !/^[ZX]/.test(state);
    });
  return (await Promise.all(living)).some((one) => one);
}

/** Whether there is such a group; one that is not ours to signal, such as of sudo, is there. */
function tell(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // kill throws errors of the system
  }
}

/** How it ended, for people: a part of a sentence after the name of the program. */
export function describeEnd(end: ProgramEnd): string {
  switch (end.kind) {
    case 'exited':
      return `ended with code ${end.code} after ${formatSpan(end.ms)}`;
    case 'killed':
      return `was ended by ${end.signal} after ${formatSpan(end.ms)}`;
    case 'abandoned':
      return end.alive
        ? `did not end within ${formatSpan(end.ms)} and cannot be killed`
        : `did not end within ${formatSpan(end.ms)} and was killed`;
    case 'not-started':
      return `did not start: ${end.text}`;
  }
}

/** Whether a program is there and may be executed. */
export function lookForProgram(path: string, signal: AbortSignal): Promise<Finding> {
  return look(
    path,
    [
      ['-f', 'there is no such program'],
      ['-x', 'may not be executed'],
    ],
    signal,
  );
}

/** Whether a folder is there and may be entered. */
export function lookForFolder(path: string, signal: AbortSignal): Promise<Finding> {
  return look(
    path,
    [
      ['-d', 'there is no such folder'],
      ['-x', 'may not be entered'],
    ],
    signal,
  );
}

/** Looks from a child, so that a hung disk hangs nothing of ours. */
async function look(
  path: string,
  tests: readonly (readonly [test: string, otherwise: string])[],
  signal: AbortSignal,
): Promise<Finding> {
  for (const [test, otherwise] of tests) {
    const end = await runProgram([TEST, test, path], { signal, grace: asMillis(0) });
    if (end.kind === 'abandoned' || signal.aborted)
      return { what: path, ok: false, text: 'its disk did not answer in time' };
    if (end.kind !== 'exited' || end.code !== 0) return { what: path, ok: false, text: otherwise };
  }
  return { what: path, ok: true, text: 'is there' };
}
