import { isAllowed } from '../domain/allow-list.ts';
import type { Fact } from '../domain/facts.ts';
import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Answer, Ask, Json, RefusalCode, Request } from '../domain/requests.ts';
import type { State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import type { Decision } from './decision.ts';

/** Before the first configuration nothing is allowed. */
export const allows = (state: State, what: string): boolean => isAllowed(state.settings?.allow ?? [], what);

/** The answer that a request came to nothing. */
export const refusal = (code: RefusalCode, error: string, data: { readonly [key: string]: Json } = {}): Answer => ({
  status: 'error',
  code,
  error,
  data,
});

/** It is not in `commands.allow`. */
export const notAllowed = (what: string): Answer => refusal('not-allowed', `${what} is not in commands.allow`);

/** Names some that there are. */
export function unknownDevice(state: State, id: string): Answer {
  const known = [...state.devices.keys()].slice(0, 20).join(', ');
  return refusal('unknown-device', `no device ${JSON.stringify(id.slice(0, 80))}; there are: ${known || 'none yet'}`);
}

/** Hands a request to its actor, unless too many wait for theirs. */
export function waiting(state: State, request: Request, stamp: Stamp, intent: Intent): Decision {
  if (state.pending.size >= LIMITS.pending) {
    return answered(state, request, refusal('busy', 'too many requests are waiting already'));
  }
  const pending = new Map(state.pending).set(request.id, { request, since: stamp.at });
  return { state: { ...state, pending }, intents: [intent], facts: [] };
}

/** The request no longer waits. */
export function without(state: State, id: string): State {
  const pending = new Map(state.pending);
  pending.delete(id);
  return { ...state, pending };
}

/** Answers a request, and tells everybody that it was made. */
export function answered(state: State, request: Request, answer: Answer): Decision {
  return { state, intents: [{ kind: 'answer', request, answer }], facts: [factOf(state, request, answer)] };
}

function factOf(state: State, { ask, from }: Request, answer: Answer): Fact {
  const device = 'device' in ask && ask.device !== undefined ? state.devices.get(ask.device) : undefined;
  const type = device === undefined ? bridgeEvent(ask, answer) : ask.kind === 'set' ? 'set' : 'command';
  const end = answer.status === 'ok' ? `done${changesText(answer.data)}` : `refused: ${answer.error}`;
  const details = {
    ...detailsOf(ask),
    from,
    status: answer.status,
    ...(answer.status === 'error' ? { code: answer.code } : {}),
    // What a reload changed, or what is wrong with the file, is for everybody.
    ...(ask.kind === 'verb' && ask.verb === 'reload' ? answer.data : {}),
  };
  return {
    type,
    ...(device === undefined ? {} : { device: device.id }),
    level: answer.status === 'ok' ? 'notice' : 'warning',
    text: `${device === undefined ? '' : `${device.label}: `}${describe(ask)}: ${end}`,
    details,
  };
}

/** What a reload changed; empty for the answer to anything else. */
function changesText({ changed, restart }: { readonly [key: string]: Json }): string {
  if (!Array.isArray(changed)) return '';
  const later = Array.isArray(restart) && restart.length > 0 ? `; only after a restart: ${restart.join(', ')}` : '';
  return `, ${changed.length === 0 ? 'nothing has changed' : `changed: ${changed.join(', ')}`}${later}`;
}

function bridgeEvent(ask: Ask, answer: Answer): string {
  if (ask.kind !== 'verb' || ask.verb !== 'reload') return 'request';
  return answer.status === 'ok' ? 'reloaded' : 'reload_refused';
}

function detailsOf(ask: Ask): { readonly [key: string]: Json } {
  switch (ask.kind) {
    case 'command':
      return { command: ask.command, ...(ask.value === undefined ? {} : { value: ask.value }) };
    case 'set':
      return { variable: ask.variable, value: ask.value };
    case 'verb':
      return { verb: ask.verb };
    case 'unreadable':
      return {};
  }
}

function describe(ask: Ask): string {
  switch (ask.kind) {
    case 'command':
      return ask.value === undefined ? ask.command : `${ask.command} ${ask.value}`;
    case 'set':
      return `${ask.variable} = ${ask.value}`;
    case 'verb':
      return `request ${ask.verb}`;
    case 'unreadable':
      return 'request';
  }
}
