import { LIMITS } from '../domain/limits.ts';
import { type Ask, isShallow, type Json, type Request, type ReturnTo } from '../domain/requests.ts';
import { incomingOf, type Topics } from './topics.ts';

/** A message as it arrived. */
export interface Arrived {
  readonly topic: string;
  /** Undefined when it was longer than `LIMITS.requestBytes`. */
  readonly payload: Buffer | undefined;
  readonly responseTopic?: string;
  /** Base64. */
  readonly correlation?: string;
}

/**
 * What a message asks for, by form alone. Whatever cannot be read becomes an `unreadable` request, so that it too is
 * answered and on record. Undefined for topics that are none of ours.
 *
 * @param id unique in this process
 * @param discoveryPrefix nobody may have an answer sent there
 */
export function requestOf(id: string, arrived: Arrived, topics: Topics, discoveryPrefix: string): Request | undefined {
  const incoming = incomingOf(topics, arrived.topic);
  if (incoming === undefined) return undefined;
  const where = incoming.kind === 'verb' ? { verb: incoming.verb } : { device: incoming.device };
  const given = read(arrived.payload);
  const returnTo = returnOf(arrived, topics, discoveryPrefix);
  const request = {
    id,
    from: 'mqtt' as const,
    answerTopic: incoming.kind === 'verb' ? topics.response(incoming.verb) : topics.deviceResponse(incoming.device),
    ...(given.transaction === undefined ? {} : { transaction: given.transaction }),
    ...(returnTo === undefined ? {} : { returnTo }),
  };
  const unreadable = (why: string): Request => ({ ...request, ask: { kind: 'unreadable', ...where, why } });
  if ('why' in given) return unreadable(given.why);

  switch (incoming.kind) {
    case 'verb':
      if (given.object === undefined && given.text !== '') return unreadable('send nothing, or {"transaction": ...}');
      return { ...request, ask: { kind: 'verb', verb: incoming.verb, given: given.object ?? {} } };
    case 'command': {
      const ask = commandOf(incoming.device, given);
      return typeof ask === 'string' ? unreadable(ask) : { ...request, ask };
    }
    case 'set': {
      const value = given.object === undefined ? given.text : scalar(given.object['value']);
      if (value === undefined) return unreadable('send the value itself, or {"value": ..., "transaction": ...}');
      if (CONTROL.test(value)) return unreadable('the value has control characters');
      return { ...request, ask: { kind: 'set', device: incoming.device, variable: incoming.variable, value } };
    }
  }
}

type Given =
  | { readonly text: string; readonly object?: { readonly [key: string]: Json }; readonly transaction?: Json }
  | { readonly why: string; readonly transaction?: Json };

/** Text, or an object where the text is one. A lone surrogate or invalid UTF-8 is not text. */
function read(payload: Buffer | undefined): Given {
  if (payload === undefined) return { why: `longer than ${LIMITS.requestBytes} bytes` };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload).trim();
  } catch {
    return { why: 'not UTF-8 text' };
  }
  if (!text.startsWith('{')) return { text };
  try {
    const object = JSON.parse(text) as { [key: string]: Json }; // begins with a brace, so it is an object or no JSON
    if (!isShallow(object)) return { why: `nested more than ${LIMITS.requestDepth} levels deep` };
    const transaction = object['transaction'];
    return { text, object, ...(transaction === undefined ? {} : { transaction }) };
  } catch {
    return { why: 'begins like JSON and is none' };
  }
}

/** Nothing that could end a line of a protocol. */
const CONTROL = /\p{Cc}/u;

const USE = 'send the name of a command, or {"command": "...", "value": ..., "transaction": ...}';

function commandOf(
  device: string,
  given: { readonly text: string; readonly object?: { readonly [key: string]: Json } },
): Ask | string {
  if (given.object === undefined) {
    if (given.text === '') return USE;
    return COMMAND.test(given.text) ? { kind: 'command', device, command: given.text } : USE;
  }
  const { command, value } = given.object;
  if (typeof command !== 'string' || !COMMAND.test(command)) return USE;
  if (value === undefined || value === null) return { kind: 'command', device, command };
  const text = scalar(value);
  if (text === undefined || CONTROL.test(text)) return 'the value must be a text or a number';
  return { kind: 'command', device, command, value: text };
}

const COMMAND = /^[A-Za-z0-9._-]{1,128}$/;

const scalar = (value: Json | undefined): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;

/**
 * A response topic is believed only where an answer can do no harm: no wildcards, none of the broker's, Home
 * Assistant's or our own topics, those of other nodes included: an answer that names a command reads like a command.
 */
function returnOf({ responseTopic, correlation }: Arrived, topics: Topics, prefix: string): ReturnTo | undefined {
  if (responseTopic === undefined || responseTopic === '' || responseTopic.length > 512) return undefined;
  const foreign = !/[+#$\p{Cc}]/u.test(responseTopic);
  const ours = [topics.root, prefix].some((root) => responseTopic === root || responseTopic.startsWith(`${root}/`));
  if (!foreign || ours) return undefined;
  return { topic: responseTopic, ...(correlation === undefined ? {} : { correlation }) };
}

/** What the answer to a request says. */
export function responseText({ ask, transaction }: Request, answer: { readonly status: string }): string {
  const asked =
    ask.kind === 'command' ? { command: ask.command } : ask.kind === 'set' ? { variable: ask.variable } : {};
  return JSON.stringify({ ...asked, ...answer, ...(transaction === undefined ? {} : { transaction }) });
}
