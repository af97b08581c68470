import { statusWords } from '../../domain/flags.ts';
import { type Listed, type Reading, readingOf, type Variables, withStatus } from '../../domain/reading.ts';
import type { Instant } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { isNoVariable, malformed, readValue, readVariables, troubleOfCode } from './parse.ts';
import { ASK, type Question, type Reply } from './questions.ts';

/**
 * What is remembered of one device from answer to answer. Owned by the watch of its server, which edits it through
 * `takeWhole` and `takeStatus` alone.
 */
export interface Device {
  listed: Listed;
  /** Asks for its status; put so often that it is made once. */
  readonly statusQuestion: Question;
  /** The last `LIST VAR` block and what it said. An equal block is not read again. */
  whole?: { readonly block: string; readonly variables: Variables };
  reading?: Reading;
  /** Why it gives nothing usable now. `told`: already reported. */
  trouble?: { readonly told: boolean; readonly trouble: Trouble };
  /** Its variables are to be read whole with the next write, which is when this ends. */
  wholeDue: boolean;
  inventoryDue: boolean;
}

export const newDevice = (listed: Listed): Device => ({
  listed,
  statusQuestion: ASK.variable(listed.name, 'ups.status'),
  wholeDue: true,
  inventoryDue: true,
});

/** When a question was sent and its answer complete. */
export interface Moments {
  readonly asked: Instant;
  readonly at: Instant;
}

/** Variables are partial while a driver that has just connected still sends them, and `ups.status` says WAIT. */
const WAITING: Trouble = { kind: 'waiting', detail: 'ups.status: WAIT' };

/**
 * Takes the answer to `LIST VAR`.
 *
 * @returns the reading; undefined when there is none, and `device.trouble` says why
 */
export function takeWhole(device: Device, reply: Reply, { asked, at }: Moments): Reading | undefined {
  if (reply.kind === 'error') return fail(device, troubleOfCode(reply.code));
  if (reply.kind === 'line') return fail(device, malformed('not a list', reply.rest));
  const variables = variablesFrom(device, reply.block);
  if (isWaiting(variables.get('ups.status') ?? '')) return fail(device, WAITING);
  if (device.reading !== undefined && !sameNames(device.reading.variables, variables)) device.inventoryDue = true;
  if (device.trouble !== undefined && isNewDriver(device.trouble.trouble)) device.inventoryDue = true;
  delete device.trouble;
  const last = device.reading;
  device.reading = last?.variables === variables ? { ...last, asked, at } : readingOf(variables, asked, at);
  return device.reading;
}

/** The variables of a block, as the very object of the last reading where nothing differs. */
function variablesFrom(device: Device, block: string): Variables {
  if (device.whole?.block === block) return device.whole.variables;
  const fresh = readVariables(block, `VAR ${device.listed.name}`);
  const last = device.reading?.variables;
  const variables = last !== undefined && sameVariables(last, fresh) ? last : fresh;
  device.whole = { block, variables };
  return variables;
}

/**
 * Takes the answer to `GET VAR ... ups.status`. A device without a status that the server answers for is alive.
 *
 * @returns the reading, with the variables of the last whole one; undefined when there is trouble or when the variables
 *   must be read whole before anything is said (`device.wholeDue`)
 */
export function takeStatus(device: Device, reply: Reply, { asked, at }: Moments): Reading | undefined {
  const status = statusFrom(reply);
  if (typeof status === 'object') return fail(device, status);
  if (status !== undefined && isWaiting(status)) return fail(device, WAITING);
  const last = device.reading;
  if (device.trouble !== undefined || last === undefined) {
    device.wholeDue = true;
    return undefined;
  }
  if (status === undefined && last.variables.has('ups.status')) {
    device.wholeDue = true;
    return undefined;
  }
  device.reading = status === undefined ? { ...last, asked, at } : withStatus(last, status, asked, at);
  if (device.reading.variables !== last.variables) device.wholeDue = true;
  return device.reading;
}

/** The text, undefined for a device that has none, or the trouble. */
function statusFrom(reply: Reply): string | undefined | Trouble {
  switch (reply.kind) {
    case 'error':
      return isNoVariable(reply.code) ? undefined : troubleOfCode(reply.code);
    case 'line':
      return readValue(reply.rest) ?? malformed('ups.status', reply.rest);
    case 'list':
      return malformed('ups.status', reply.block);
  }
}

function fail(device: Device, trouble: Trouble): undefined {
  const before = device.trouble;
  const same = before?.trouble.kind === trouble.kind && before.trouble.detail === trouble.detail;
  if (!same) device.trouble = { told: false, trouble };
  return undefined;
}

/** Its next trouble is told even if it is the one that was told last: the server was away in between. */
export function forgetTrouble(device: Device): void {
  delete device.trouble;
  device.wholeDue = true;
  device.inventoryDue = true;
}

const isWaiting = (status: string): boolean => status.includes('WAIT') && statusWords(status).includes('WAIT');

const isNewDriver = ({ kind }: Trouble): boolean =>
  kind === 'waiting' || kind === 'driver-not-connected' || kind === 'unknown-ups';

function sameNames(one: Variables, other: Variables): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const name of one.keys()) {
    if (!other.has(name)) return false;
  }
  return true;
}

function sameVariables(one: Variables, other: Variables): boolean {
  if (one.size !== other.size) return false;
  for (const [name, value] of one) {
    if (other.get(name) !== value) return false;
  }
  return true;
}
