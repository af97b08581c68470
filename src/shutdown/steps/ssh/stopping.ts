import type { ItemProgress } from '../../../domain/progress.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import type { Guest, GuestTool } from './guests.ts';
import { type Argv, commandOf, harmless, together } from './shell.ts';
import { type Ended, endedText } from './trouble.ts';

/** How one action ended. */
export interface Done {
  readonly ok: boolean;
  /** One line for people. */
  readonly text: string;
  /** Nothing had to be done. */
  readonly idle?: true;
}

/** What the actions know of the machine that they run on. */
export interface Place {
  readonly sudo: boolean;
  /** Has `sh` run a script of ours there. */
  readonly script: (script: string, signal: AbortSignal) => Promise<Ended>;
  /** The same for a script that changes nothing: what it says is no part of the output. */
  readonly ask: (script: string, signal: AbortSignal) => Promise<Ended>;
  readonly progress: (item: ItemProgress) => void;
  /** Full id of the container that this process runs in, wherever that is. */
  readonly ownContainer: string | undefined;
}

/** How long the last of what was forced may take. */
const FORCED = seconds(15);

/** A tool that has the same patience ends a moment after it: what it then does itself need not be forced. */
const OWN_END = seconds(3);

/** How often it is asked what still runs. */
const AGAIN = seconds(1);

/**
 * Stops all guests of one kind: asks them, waits, forces those that are left, and looks whether they are gone.
 *
 * @param wait how long they get by themselves
 */
export async function stopGuests(tool: GuestTool, wait: Millis, place: Place, signal: AbortSignal): Promise<Done> {
  const listed = await listGuests(tool, place, signal);
  if (!listed.ok) return listed;
  const all = listed.guests;
  if (all.length === 0) return { ok: true, text: `no ${tool.noun} runs`, idle: true };
  const left = new Map(all.map((guest) => [guest.id, guest]));
  const tell = (guest: Guest, state: ItemProgress['state'], text?: string): void =>
    place.progress({ item: itemOf(tool, guest), state, ...(text !== undefined && { text }) });
  for (const guest of all) tell(guest, 'running');

  const look = async (text?: string): Promise<void> => {
    for (const guest of await gone(tool, left, place, signal)) tell(guest, 'done', text);
  };
  const round = async (commands: readonly Argv[], span: Millis, text?: string): Promise<Ended | undefined> => {
    const ended = await within(asMillis(span + OWN_END), signal, async (late) => {
      const sent = place.script(scriptOf(tool, commands, place.sudo), late);
      await within(span, late, async (patience) => {
        // The first look comes early: most containers end in a moment.
        for (let rest = asMillis(AGAIN / 4); left.size > 0 && !patience.aborted; rest = AGAIN) {
          await pause(rest, patience);
          await look(text);
        }
      });
      // What has nothing left to stop may take its time to say so.
      return left.size > 0 ? await sent : await Promise.race([sent, pause(AGAIN, late)]);
    });
    if (left.size > 0) await look(text);
    return ended ?? undefined;
  };

  let last = await round(tool.stop([...left.keys()], Math.round(wait / 1000)), wait);
  if (left.size > 0 && tool.force !== undefined && !signal.aborted) {
    last = await round(tool.force([...left.keys()]), FORCED, `had to be forced after ${formatSpan(wait)}`);
  }
  for (const guest of left.values()) tell(guest, 'failed', 'still runs');
  if (left.size === 0) return { ok: true, text: `${counted(all.length, tool.noun)} stopped` };
  const why = last === undefined || last.kind === 'late' ? '' : ` (${endedText(last)})`;
  return {
    ok: false,
    text: `${counted(left.size, tool.noun)} of ${all.length} still run: ${namesOf([...left.values()])}${why}`,
  };
}

/** What runs at this moment. */
export async function listGuests(
  tool: GuestTool,
  place: Place,
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly guests: readonly Guest[] } | { readonly ok: false; readonly text: string }> {
  const answer = await place.ask(tool.list(place.sudo), signal);
  if (answer.kind !== 'exit' || answer.code !== 0) {
    if (tool.none?.test(answer.last ?? '') === true) return { ok: true, guests: [] };
    return { ok: false, text: `${tool.program} does not list the ${tool.noun}s: ${endedText(answer)}` };
  }
  const guests = tool.read(answer.out);
  if (guests === undefined)
    return { ok: false, text: `${tool.program} lists the ${tool.noun}s in a way that is not understood` };
  const strange = guests.find(({ id }) => !harmless(id));
  if (strange !== undefined) return { ok: false, text: `a ${tool.noun} there has a name that looks like an option` };
  const others = guests.filter(({ id }) => id !== place.ownContainer);
  return { ok: true, guests: others.map(({ id, name }) => ({ id, name: shown(name) })) };
}

/** Takes those that do not run any more out of what is left. */
async function gone(
  tool: GuestTool,
  left: Map<string, Guest>,
  place: Place,
  signal: AbortSignal,
): Promise<readonly Guest[]> {
  const now = await within(seconds(10), signal, (soon) => listGuests(tool, place, soon));
  if (!now.ok) return [];
  const running = new Set(now.guests.map(({ id }) => id));
  const ended = [...left.values()].filter(({ id }) => !running.has(id));
  for (const { id } of ended) left.delete(id);
  return ended;
}

const scriptOf = (tool: GuestTool, commands: readonly Argv[], sudo: boolean): string => {
  const texts = commands.map((argv) => commandOf(argv, sudo));
  return tool.inTurn === true ? texts.join('; ') : together(texts);
};

/** A name from outside, fit for a line. */
const shown = (name: string): string => name.replace(/[\p{C}\u2028\u2029]/gu, ' ').slice(0, 80);

const itemOf = ({ noun }: GuestTool, { name }: Guest): string => `${noun} ${name}`;

/** `1 VM`, `3 VMs`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The first few names. */
export function namesOf(guests: readonly Guest[]): string {
  const names = guests.slice(0, 5).map(({ name }) => name);
  return guests.length > names.length
    ? `${names.join(', ')} and ${guests.length - names.length} more`
    : names.join(', ');
}
