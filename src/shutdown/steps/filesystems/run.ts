import { readlink } from 'node:fs/promises';
import { LIMITS } from '../../../domain/limits.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { within } from '../../pause.ts';
import { describeEnd, lookForFolder, lookForProgram, type ProgramEnd, runProgram } from '../../program.ts';
import type { Finding, Outcome, StepContext, StepRunner } from '../../step.ts';
import { lastWords } from '../ask.ts';
import { type Tally, tallyOf } from '../tally.ts';
import { holdersOf, whoHolds } from './holders.ts';
import { isWithin, type Mount, mountedPath, readMounts } from './mounts.ts';
import type { FilesystemsConfig, Unmount } from './schema.ts';

/** Carries out `filesystems`: what is to be written is written, and mounts of this machine are undone. */
export function filesystemsRunner(): StepRunner<FilesystemsConfig> {
  return { run, probe };
}

const SYNC = '/bin/sync';
const UMOUNT = '/bin/umount';

/** For one mount in all: what the schema reckons with. */
const PER_MOUNT = seconds(15);
/** For umount without -l; the rest of the time is for finding who holds it and for detaching it. */
const ATTEMPT = seconds(10);
/** Mounts on top of one another at one path. */
const MOST_LAYERS = 20;
/** Neither program has anything to tidy up, and one that waits for a disk does not hear SIGTERM. */
const AT_ONCE = { grace: asMillis(0) };

async function run({ sync, unmount }: FilesystemsConfig, { signal, progress }: StepContext): Promise<Outcome> {
  const tally = tallyOf(progress);
  if (sync !== 'off') await syncAll(sync, tally, signal);
  for (const mount of unmount) {
    if (signal.aborted) {
      tally.end(mount.path, 'skipped', 'its time was over');
      continue;
    }
    tally.begin(mount.path);
    const { state, text } = await within(PER_MOUNT, signal, (bounded) => undo(mount, tally, bounded));
    tally.end(mount.path, state, text);
  }
  const all = unmount.length + (sync === 'off' ? 0 : 1);
  const { text, ...rest } = tally.outcome((done) => `${done} of ${all} done`, LIMITS.stepOutput);
  return signal.aborted ? { ...rest, kind: 'failed', text: `${text}; its time was over` } : { ...rest, text };
}

/** A disk that hangs is left to itself: the rest goes on. */
async function syncAll(span: Millis, tally: Tally, signal: AbortSignal): Promise<void> {
  tally.begin('sync');
  const end = await within(span, signal, (bounded) => runProgram([SYNC], { ...AT_ONCE, signal: bounded }));
  tally.heard(end.output);
  if (end.kind === 'exited' && end.code === 0) tally.end('sync', 'done');
  else tally.end('sync', 'failed', describeEnd(end));
}

interface Undone {
  readonly state: 'done' | 'failed';
  readonly text?: string;
}

async function undo(mount: Unmount, tally: Tally, signal: AbortSignal): Promise<Undone> {
  const mounts = await readMounts(signal);
  if (mounts === undefined) return { state: 'failed', text: 'nobody can tell what is mounted' };
  const path = await mountedPath(mount.path, mounts, signal);
  if (path === undefined) return { state: 'done', text: 'was not mounted' };
  const why = await within(ATTEMPT, signal, (bounded) =>
    unmounted([...mount.options, '--', path], path, tally, bounded),
  );
  if (why === undefined) return { state: 'done' };
  const text = why.isBusy ? `is busy, ${await reasonOf(path, mounts, signal)}` : why.text;
  if (!mount.lazy) return { state: 'failed', text };
  const lazily = await unmounted([...mount.options, '-l', '--', path], path, tally, signal);
  if (lazily === undefined) return { state: 'done', text: `${text}: detached all the same` };
  return { state: 'failed', text: `${text}; detaching it: ${lazily.text}` };
}

interface WhyMounted {
  readonly isBusy: boolean;
  readonly text: string;
}

/** Runs umount until nothing is mounted there; undefined: it is gone, whatever umount says. */
async function unmounted(
  words: readonly string[],
  path: string,
  tally: Tally,
  signal: AbortSignal,
): Promise<WhyMounted | undefined> {
  for (let layer = 0; layer < MOST_LAYERS; layer += 1) {
    const end = await runProgram([UMOUNT, ...words], { ...AT_ONCE, signal });
    tally.heard(end.output);
    // The list of mounts is read although the time may be over: a look that nothing can hold up.
    const mounts = await readMounts(AbortSignal.timeout(LOOK));
    if (mounts?.some((mount) => mount.path === path) === false) return undefined;
    if (end.kind !== 'exited' || end.code !== 0) return whyNot(end);
  }
  return { isBusy: false, text: 'is still mounted although umount says it is not' };
}

const LOOK = seconds(1);

function whyNot(end: ProgramEnd): WhyMounted {
  const text = end.kind === 'exited' ? (lastWords(end.output) ?? describeEnd(end)) : `umount ${describeEnd(end)}`;
  return { isBusy: /\bbusy\b/i.test(end.output), text };
}

async function reasonOf(path: string, mounts: readonly Mount[], signal: AbortSignal): Promise<string> {
  const below = mounts.map((mount) => mount.path).filter((other) => other !== path && isWithin(other, path));
  return whoHolds(await holdersOf(path, signal), below);
}

async function probe({ sync, unmount }: FilesystemsConfig, signal: AbortSignal): Promise<readonly Finding[]> {
  const programs = [...(sync === 'off' ? [] : [SYNC]), ...(unmount.length === 0 ? [] : [UMOUNT])];
  const found = await Promise.all(programs.map((program) => lookForProgram(program, signal)));
  if (unmount.length === 0) return found;
  const mounts = await readMounts(signal);
  const points = await Promise.all(unmount.map(({ path }) => lookAtPoint(path, mounts ?? [], signal)));
  return [...found, privileges(), ...(await ownView()), ...points];
}

function privileges(): Finding {
  const ok = process.getuid?.() === 0;
  return { what: 'right to unmount', ok, text: ok ? 'runs as root' : 'does not run as root, as umount demands' };
}

/** A service that systemd gives its own view of the mounts cannot undo those of the machine. */
async function ownView(): Promise<readonly Finding[]> {
  const [ours, first] = await Promise.all(
    ['self', '1'].map((pid) => readlink(`/proc/${pid}/ns/mnt`).catch(() => undefined)),
  );
  if (ours === undefined || first === undefined || ours === first) return [];
  const text =
    'this program has its own (PrivateTmp, ProtectSystem and the like): what it unmounts stays for the others';
  return [{ what: 'view of the mounts', ok: false, text }];
}

async function lookAtPoint(given: string, mounts: readonly Mount[], signal: AbortSignal): Promise<Finding> {
  const path = await mountedPath(given, mounts, signal);
  const mount = mounts.findLast((one) => one.path === path);
  if (mount !== undefined) return { what: given, ok: true, text: `is mounted (${mount.type})` };
  const folder = await lookForFolder(given, signal);
  return folder.ok ? { ...folder, text: 'is there and not mounted now' } : folder;
}
