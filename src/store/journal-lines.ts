import { createHash } from 'node:crypto';
import { NO_BATTERY } from '../domain/battery.ts';
import { UNHEARD_POWER } from '../domain/power.ts';
import { NO_QUALITY } from '../domain/quality.ts';
import type { DeviceMemory, GroupMemory, MemberMemory, Memory } from '../domain/state.ts';
import { asInstant, type Instant } from '../domain/time.ts';
import type { Entry } from './ledger.ts';
import { BATTERY, DURATIONS, GROUP, MEMBER, PAST, POWER, PROGRESS, QUALITY, SHED } from './memory-shape.ts';
import { instant, number, object, type Shape, text } from './shape.ts';
import { fromJson } from './state-json.ts';

/**
 * The journal as text: lines of eight hexadecimal digits, a blank and JSON. The digits are the beginning of the SHA-1 of
 * the JSON, against torn writes and rotten sectors; nobody is kept out by them.
 *
 * A file begins with its head; then comes all that was remembered when it was begun, up to `whole`; then what changed.
 */
export interface Head {
  readonly boot: string;
  /** When the file was begun, by both clocks. */
  readonly at: Instant;
  readonly wall: number;
  readonly version: string;
}

export const headLine = (head: Head): string => line('head', JSON.stringify(head));
export const WHOLE_LINE = lineOf('{"whole":true}');

/** One entry as a line with its end. */
export function entryLine(entry: Entry): string {
  switch (entry.kind) {
    case 'keep': {
      const { key, value, at } = entry;
      const rest = value === undefined ? '' : `,"value":${value}`;
      return lineOf(`{"keep":${JSON.stringify(key)},"at":${at}${rest}}`);
    }
    case 'alive':
      return lineOf(`{"alive":${entry.at}}`);
    case 'record':
      return line('record', entry.value);
  }
}

const line = (key: string, json: string): string => lineOf(`{"${key}":${json}}`);

function lineOf(json: string): string {
  return `${sumOf(json)} ${json}\n`;
}

function sumOf(json: string): string {
  return createHash('sha1').update(json).digest('hex').slice(0, 8);
}

/** What a journal holds. */
export interface Contents {
  readonly head: Head;
  readonly memory: Memory;
  /** What could not be used: damaged lines, values that are none of ours. For the log. */
  readonly complaints: readonly string[];
}

/**
 * Reads a journal up to its first damaged line. A last line without its end was being written when the process died, and
 * is no damage.
 *
 * @returns undefined where the head or what follows it up to `whole` is damaged: then an older file is better
 */
export function readJournal(content: string): Contents | undefined {
  const lines = content.split('\n');
  const torn = lines.pop();
  const values = new Map<string, unknown>();
  const complaints: string[] = torn === undefined || torn === '' ? [] : ['its last line was cut off'];
  let head: Head | undefined;
  let at = asInstant(0);
  let whole = false;
  for (const [index, one] of lines.entries()) {
    const parsed = parseLine(one);
    if (parsed === undefined) {
      complaints.push(`line ${index + 1} is damaged: the ${lines.length - index} from there on are not used`);
      break;
    }
    if (index === 0) head = HEAD.read(parsed['head']);
    if (head === undefined) return undefined;
    // What is kept from before may be older than the file.
    const moment = instant.read(parsed['alive'] ?? parsed['at']) ?? head.at;
    if (moment > at) at = moment;
    if (parsed['whole'] === true) whole = true;
    const key = parsed['keep'];
    if (typeof key !== 'string') continue;
    if (parsed['value'] === undefined) values.delete(key);
    else values.set(key, parsed['value']);
  }
  if (head === undefined || !whole) return undefined;
  return { head, memory: assembled(values, at, complaints), complaints };
}

const HEAD = object<Head>({ boot: text, at: instant, wall: number, version: text });

function parseLine(one: string): Readonly<Record<string, unknown>> | undefined {
  const json = one.slice(9);
  if (one[8] !== ' ' || one.slice(0, 8) !== sumOf(json)) return undefined;
  try {
    const value = fromJson(json);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function assembled(values: ReadonlyMap<string, unknown>, at: Instant, complaints: string[]): Memory {
  const devices = new Map<string, DeviceMemory>();
  const groups = new Map<string, GroupMemory>();
  const alone = new Map<string, MemberMemory>();
  const merge = (id: string, part: Partial<DeviceMemory>) =>
    devices.set(id, { power: UNHEARD_POWER, quality: NO_QUALITY, battery: NO_BATTERY, ...devices.get(id), ...part });
  const mergeGroup = (id: string, part: Partial<GroupMemory>) =>
    groups.set(id, { members: new Map(), ...groups.get(id), ...part });
  let durations: Memory['durations'] = new Map();
  const rooms: Readonly<Record<string, (id: string, value: unknown) => unknown>> = {
    power: (id, value) => put(POWER, value, (power) => merge(id, { power })),
    earlier: (id, value) => put(POWER, value, (earlier) => merge(id, { earlier })),
    quality: (id, value) => put(QUALITY, value, (quality) => merge(id, { quality })),
    battery: (id, value) => put(BATTERY, value, (battery) => merge(id, { battery })),
    group: (id, value) => put(GROUP, value, (group) => mergeGroup(id, group)),
    progress: (id, value) => put(PROGRESS, value, (progress) => mergeGroup(id, { progress })),
    past: (id, value) => put(PAST, value, (past) => mergeGroup(id, { past })),
    shed: (id, value) => put(SHED, value, (shed) => mergeGroup(id, { shed })),
    alone: (id, value) => put(MEMBER, value, (member) => alone.set(id, member)),
    durations: (_, value) => put(DURATIONS, value, (read) => (durations = read)),
  };
  for (const [key, value] of values) {
    const [room = '', id = ''] = key.split('/');
    const taken = Object.hasOwn(rooms, room) ? rooms[room]?.(id, value) : undefined;
    if (taken === undefined) complaints.push(`what it holds under ${key.slice(0, 80)} is not understood`);
  }
  return { devices, groups, alone, durations, at };
}

function put<T>(shape: Shape<T>, value: unknown, keep: (read: T) => unknown): unknown {
  const read = shape.read(value);
  return read === undefined ? undefined : keep(read);
}
