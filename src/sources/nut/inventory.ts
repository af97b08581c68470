import { isVariableName } from '../../domain/names.ts';
import type { Command, Inventory, Writable } from '../../domain/reading.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { askInChunks, type Connection } from './connection.ts';
import { itemsOf, readDescription, readEnum, readRanges, readType, troubleOfCode } from './parse.ts';
import { ASK, type Reply } from './questions.ts';
import { isBareWord } from './quoting.ts';

/** Writable variables and commands of one device, each; a 581-variable ePDU has some hundred. */
const MOST = 1000;
const NOTHING: Inventory = { writable: [], commands: [] };

/** A name from a list that may go back into a request and, as a command, into a topic. */
export const isCommandName = (name: string): boolean => isBareWord(name) && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name);

/**
 * Reads what devices can be told.
 *
 * Many at once, because each burst can cost 44 ms (Nagle at upsd against delayed acknowledgement here). What a server
 * refuses to tell is not there: some have no such lists.
 *
 * @returns the inventory of each device that could answer; one whose driver is away is left out
 */
export async function readInventories(
  connection: Connection,
  names: readonly string[],
): Promise<Result<ReadonlyMap<string, Inventory>, Trouble>> {
  const lists = await askInChunks(
    connection,
    names.flatMap((name) => [ASK.writable(name), ASK.commands(name)]),
  );
  if (!lists.ok) return lists;
  const outlines = names.flatMap((name, index): Outline[] => {
    const [writable, commands] = [lists.value[index * 2], lists.value[index * 2 + 1]];
    if (isAway(writable) || isAway(commands)) return [];
    return [{ name, variables: variableNames(name, writable), commands: commandNames(name, commands) }];
  });
  const writable = await readWritable(connection, outlines);
  if (!writable.ok) return writable;
  const commands = await readCommands(connection, outlines);
  if (!commands.ok) return commands;
  const inventories = outlines.map(({ name }): readonly [string, Inventory] => {
    const [variables, obeyed] = [writable.value.get(name), commands.value.get(name)];
    return [name, variables && obeyed ? { writable: variables, commands: obeyed } : NOTHING];
  });
  return ok(new Map(inventories));
}

/** What one device lists, before the details are asked for. */
interface Outline {
  readonly name: string;
  readonly variables: readonly string[];
  readonly commands: readonly string[];
}

/** Whether the answer speaks of the driver rather than of the list. */
function isAway(reply: Reply | undefined): boolean {
  if (reply?.kind !== 'error') return false;
  const { kind } = troubleOfCode(reply.code);
  return kind === 'driver-not-connected' || kind === 'data-stale' || kind === 'unknown-ups';
}

function variableNames(ups: string, reply: Reply | undefined): readonly string[] {
  if (reply?.kind !== 'list') return [];
  const names = [...itemsOf(reply.block, `RW ${ups}`)].map((item) => item.slice(0, item.indexOf(' ')));
  return [...new Set(names)].filter(isVariableName).slice(0, MOST);
}

function commandNames(ups: string, reply: Reply | undefined): readonly string[] {
  if (reply?.kind !== 'list') return [];
  const names = [...itemsOf(reply.block, `CMD ${ups}`)].map((item) => item.trim());
  return [...new Set(names)].filter(isCommandName).slice(0, MOST);
}

type Lists = ReadonlyMap<string, Writable[]>;

async function readWritable(connection: Connection, outlines: readonly Outline[]): Promise<Result<Lists, Trouble>> {
  const asked = outlines.flatMap(({ name, variables }) => variables.map((variable) => ({ name, variable })));
  const types = await askInChunks(
    connection,
    asked.flatMap(({ name, variable }) => [ASK.type(name, variable), ASK.description(name, variable)]),
  );
  if (!types.ok) return types;
  const typed = asked.flatMap((one, index) => {
    const [type, description] = [types.value[index * 2], types.value[index * 2 + 1]];
    return type?.kind === 'line' ? [{ ...one, type: readType(type.rest), ...described(description) }] : [];
  });
  const further = typed.flatMap(({ name, variable, type }) => {
    if (type.list === undefined) return [];
    return [type.list === 'ENUM' ? ASK.values(name, variable) : ASK.ranges(name, variable)];
  });
  const choices = await askInChunks(connection, further);
  if (!choices.ok) return choices;
  const replies = choices.value.values();
  const found = new Map<string, Writable[]>(outlines.map(({ name }) => [name, []]));
  for (const { name, variable, type, ...words } of typed) {
    const reply = type.list === undefined ? undefined : replies.next().value;
    const accepts = acceptsOf(`${name} ${variable}`, type, reply);
    if (accepts !== undefined) found.get(name)?.push({ variable, ...words, accepts });
  }
  return ok(found);
}

function described(reply: Reply | undefined): { readonly description?: string } {
  const description = reply?.kind === 'line' ? readDescription(reply.rest) : undefined;
  return description === undefined ? {} : { description };
}

/** Undefined for a choice among nothing: no value could be right. */
function acceptsOf(
  address: string,
  { list, accepts }: ReturnType<typeof readType>,
  reply: Reply | undefined,
): Writable['accepts'] | undefined {
  if (list === undefined) return accepts;
  const block = reply?.kind === 'list' ? reply.block : '';
  if (list === 'RANGE') {
    const ranges = readRanges(block, `RANGE ${address}`);
    return ranges.length === 0 ? accepts : { kind: 'range', ranges };
  }
  const values = readEnum(block, `ENUM ${address}`);
  return values.length === 0 ? undefined : { kind: 'enum', values };
}

async function readCommands(
  connection: Connection,
  outlines: readonly Outline[],
): Promise<Result<ReadonlyMap<string, Command[]>, Trouble>> {
  const asked = outlines.flatMap(({ name, commands }) => commands.map((command) => ({ name, command })));
  const replies = await askInChunks(
    connection,
    asked.map(({ name, command }) => ASK.commandDescription(name, command)),
  );
  if (!replies.ok) return replies;
  const found = new Map<string, Command[]>(outlines.map(({ name }) => [name, []]));
  for (const [index, { name, command }] of asked.entries()) {
    found.get(name)?.push({ name: command, ...described(replies.value[index]) });
  }
  return ok(found);
}
