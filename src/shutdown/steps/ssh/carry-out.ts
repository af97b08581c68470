import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { within } from '../../pause.ts';
import type { SshAction } from './actions.ts';
import { NEEDS, toolsFor } from './guests.ts';
import { firstShare } from './shares.ts';
import { type Argv, commandOf, type Machine, withSudo } from './shell.ts';
import { type Done, type Place, stopGuests } from './stopping.ts';
import { type Ended, endedText } from './trouble.ts';

/** A place with a POSIX shell, or one where commands only go out as they are written. */
export interface Site extends Place {
  /** Absent: no shell is known there. */
  readonly machine: Machine | undefined;
  /** Sends a command as it is written. */
  readonly written: (command: string, signal: AbortSignal) => Promise<Ended>;
}

/** What the programs of an action need beyond the wait that they are given. */
const GRACE = seconds(20);

/** An unmount from a server that is gone takes this long to say so. */
const UNMOUNT = seconds(15);

/** What an action is called in progress. */
export function itemOf(action: SshAction): string {
  switch (action.kind) {
    case 'stop_compose':
    case 'unmount':
      return `${action.kind} ${action.path}`;
    case 'stop_units':
      return `${action.kind} ${action.units.slice(0, 3).join(' ')}${action.units.length > 3 ? ' ...' : ''}`;
    case 'command':
      return `command ${action.command.length > 60 ? `${action.command.slice(0, 57)}...` : action.command}`;
    default:
      return action.kind;
  }
}

/** Carries out one action. Ends soon after the signal aborts, or at its bound. */
export function carryOut(action: SshAction, site: Site, bound: Millis, signal: AbortSignal): Promise<Done> {
  return within(bound, signal, (late) => act(action, site, bound, late));
}

async function act(action: SshAction, site: Site, bound: Millis, signal: AbortSignal): Promise<Done> {
  const { machine } = site;
  if (action.kind === 'command') return await command(action.command, site, signal);
  if (machine === undefined) return { ok: false, text: 'needs a POSIX shell' };
  switch (action.kind) {
    case 'stop_compose':
      return await within(asMillis(action.wait + GRACE), signal, (late) => stopCompose(action, machine, site, late));
    case 'sync':
      return await within(asMillis(Math.max(action.wait, 1000)), signal, async (late) => {
        return said(await site.script('sync', late), 'everything is on disk');
      });
    case 'unmount':
      return await within(asMillis(2 * UNMOUNT), signal, (late) => unmount(action, site, late));
    case 'stop_units':
      return await stopUnits(action.units, machine, site, bound, signal);
    default:
      return await stopAll(action, machine, site, signal);
  }
}

async function stopAll(
  action: SshAction & { readonly wait: Millis },
  machine: Machine,
  site: Site,
  signal: AbortSignal,
): Promise<Done> {
  const tools = toolsFor(action, machine, site.sudo) ?? [];
  if (tools.length === 0) return { ok: false, text: `${NEEDS[action.kind]} is not there` };
  const all: Done[] = [];
  for (const tool of tools) {
    all.push(
      await within(asMillis(action.wait + 2 * GRACE), signal, (late) => stopGuests(tool, action.wait, site, late)),
    );
  }
  const idle = all.every((one) => one.idle === true);
  return { ok: all.every(({ ok }) => ok), text: all.map(({ text }) => text).join('; '), ...(idle && { idle }) };
}

async function command(text: string, site: Site, signal: AbortSignal): Promise<Done> {
  const ended = await site.written(withSudo(text, site.sudo), signal);
  // What is no shell may know no exit codes.
  if (site.machine === undefined && ended.kind === 'silent')
    return { ok: true, text: 'sent; no exit code is told there' };
  return said(ended, 'exit code 0');
}

async function stopUnits(
  units: readonly string[],
  machine: Machine,
  site: Site,
  bound: Millis,
  signal: AbortSignal,
): Promise<Done> {
  if (!machine.programs.has('systemctl')) return { ok: false, text: 'systemctl is not there' };
  const failed: string[] = [];
  const end = performance.now() + bound;
  for (const [index, unit] of units.entries()) {
    const item = `unit ${unit}`;
    site.progress({ item, state: 'running' });
    const run = (late: AbortSignal): Promise<Ended> =>
      site.script(commandOf(['systemctl', 'stop', unit], site.sudo), late);
    const share = firstShare(
      end - performance.now(),
      units.slice(index).map(() => 0),
    );
    const ended = await within(share, signal, run);
    const { ok, text } = said(ended, 'stopped');
    site.progress({ item, state: ok ? 'done' : 'failed', ...(!ok && { text }) });
    if (!ok) failed.push(`${unit}: ${text}`);
  }
  return failed.length === 0 ? { ok: true, text: 'stopped' } : { ok: false, text: failed.join('; ') };
}

/** The form of compose that is there, the plugin of Docker first; undefined: none. */
export async function composeOf(machine: Machine, site: Place, signal: AbortSignal): Promise<Argv | undefined> {
  const { programs } = machine;
  const plugin = async (engine: string): Promise<boolean> => {
    if (!programs.has(engine)) return false;
    const ended = await site.ask(commandOf([engine, 'compose', 'version'], false), signal);
    return ended.kind === 'exit' && ended.code === 0;
  };
  if (await plugin('docker')) return ['docker', 'compose'];
  if (programs.has('docker-compose')) return ['docker-compose'];
  if (await plugin('podman')) return ['podman', 'compose'];
  return programs.has('podman-compose') ? ['podman-compose'] : undefined;
}

async function stopCompose(
  { path, wait }: { readonly path: string; readonly wait: Millis },
  machine: Machine,
  site: Site,
  signal: AbortSignal,
): Promise<Done> {
  const compose = await composeOf(machine, site, signal);
  if (compose === undefined) return { ok: false, text: `${NEEDS['stop_compose']} is not there` };
  const argv = [...compose, '-f', path, 'stop', '-t', String(Math.round(wait / 1000))];
  return said(await site.script(commandOf(argv, site.sudo), signal), 'stopped');
}

/** Whether something is mounted; undefined: it cannot be found out. */
export async function isMounted(path: string, site: Place, signal: AbortSignal): Promise<boolean | undefined> {
  const answer = await site.ask('mount', signal);
  if (answer.kind !== 'exit' || answer.code !== 0) return undefined;
  // All systems write `<what> on <where> ` and then differ. Linux shows a path without the slash at its end.
  const where = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return answer.out.split('\n').some((line) => line.includes(` on ${where} `));
}

async function unmount(
  { path, options, lazy }: SshAction & { readonly kind: 'unmount' },
  site: Site,
  signal: AbortSignal,
): Promise<Done> {
  if ((await isMounted(path, site, signal)) === false) return { ok: true, text: 'is not mounted', idle: true };
  const run = (...more: Argv): Promise<Ended> =>
    within(UNMOUNT, signal, (late) => site.script(commandOf(['umount', ...options, ...more, path], site.sudo), late));
  const first = await run();
  if (first.kind === 'exit' && first.code === 0) return { ok: true, text: 'unmounted' };
  if (lazy) return said(await run('-l'), `detached although it is busy (${endedText(first)})`);
  return said(first, 'unmounted');
}

const said = (ended: Ended, done: string): Done =>
  ended.kind === 'exit' && ended.code === 0 ? { ok: true, text: done } : { ok: false, text: endedText(ended) };
