import { isAllowed } from '../domain/allow-list.ts';
import type { Fact } from '../domain/facts.ts';
import type { Instructed } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Answer, Ask, Json, RefusalCode, Request } from '../domain/requests.ts';
import { never } from '../domain/result.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { between, formatSpan, type Stamp } from '../domain/time.ts';
import { TROUBLE_TEXT } from '../domain/trouble.ts';
import { type Decision, unchanged } from './decision.ts';
import { health } from './health.ts';
import { orderFor } from './writable.ts';

/** Decides on what somebody asks. Exactly one answer follows every request: at once, or when the actor has come back. */
export function onRequest(state: State, request: Request, stamp: Stamp): Decision {
  const { ask } = request;
  switch (ask.kind) {
    case 'unreadable':
      return answered(state, request, refusal('wrong-payload', ask.why));
    case 'command':
    case 'set':
      return onOrder(state, request, ask, stamp);
    case 'verb':
      return onVerb(state, request, ask, stamp);
    default:
      return never(ask);
  }
}

type OrderAsk = Extract<Ask, { kind: 'command' | 'set' }>;

function onOrder(state: State, request: Request, ask: OrderAsk, stamp: Stamp): Decision {
  const device = state.devices.get(ask.device);
  if (device === undefined) return answered(state, request, unknownDevice(state, ask.device));
  const refused = refusalOf(state, device, ask);
  if (refused !== undefined) return answered(state, request, refused);
  const order = orderFor(device, ask);
  if (!order.ok) return answered(state, request, refusal(order.error.code, order.error.text));
  return waiting(state, request, stamp, {
    kind: 'instruct',
    request: request.id,
    address: device.address,
    order: order.value,
  });
}

function refusalOf(state: State, device: DeviceState, ask: OrderAsk): Answer | undefined {
  const what = ask.kind === 'command' ? ask.command : `set:${ask.variable}`;
  if (!allows(state, what)) return notAllowed(what);
  const { link, label } = device;
  if (link.kind === 'lost') return refusal('unavailable', `${label} ${TROUBLE_TEXT[link.trouble.kind]}`);
  return link.kind === 'up' ? undefined : refusal('unavailable', `${label} has not been heard yet`);
}

/** Before the first configuration nothing is allowed. */
const allows = (state: State, what: string): boolean => isAllowed(state.settings?.allow ?? [], what);

/** Verbs that the bridge obeys; each is allowed or not as `bridge.<verb>`. A contract. */
export const VERBS = ['reload', 'health'] as const;

type Obey = (state: State, request: Request, stamp: Stamp) => Decision;

const OBEY: Readonly<Record<(typeof VERBS)[number], Obey>> = {
  reload: (state, request, stamp) => waiting(state, request, stamp, { kind: 'reload', request: request.id }),
  health: (state, request) => answered(state, request, { status: 'ok', data: health(state) }),
};

function onVerb(state: State, request: Request, ask: Extract<Ask, { kind: 'verb' }>, stamp: Stamp): Decision {
  const verb = VERBS.find((known) => known === ask.verb);
  if (verb === undefined) {
    return answered(state, request, refusal('unknown-verb', `no such request; there are: ${VERBS.join(', ')}`));
  }
  // Who may signal the process may do anything to it.
  const allowed = request.from === 'signal' || allows(state, `bridge.${verb}`);
  return allowed ? OBEY[verb](state, request, stamp) : answered(state, request, notAllowed(`bridge.${verb}`));
}

/** The actor has come back from an order to a device. */
export function onInstructed(state: State, id: string, outcome: Instructed): Decision {
  const request = state.pending.get(id)?.request;
  return request === undefined ? unchanged(state) : answered(without(state, id), request, answerTo(outcome));
}

/** A reload that was asked for has ended. */
export function onReloaded(state: State, id: string, answer: Answer): Decision {
  const request = state.pending.get(id)?.request;
  return request === undefined ? unchanged(state) : answered(without(state, id), request, answer);
}

/** Gives up on actors that never came back, so that nobody waits for ever. */
export function expired(state: State, stamp: Stamp): Decision {
  const late = [...state.pending.values()].filter(({ since }) => between(since, stamp.at) >= LIMITS.pendingFor);
  return late.reduce<Decision>((decision, { request }) => {
    const why = `nothing was heard of it for ${formatSpan(LIMITS.pendingFor)}`;
    const next = answered(without(decision.state, request.id), request, refusal('no-answer', why));
    return {
      state: next.state,
      intents: [...decision.intents, ...next.intents],
      facts: [...decision.facts, ...next.facts],
    };
  }, unchanged(state));
}

function answerTo(outcome: Instructed): Answer {
  switch (outcome.kind) {
    case 'done':
      return { status: 'ok', data: { confirmed: outcome.tracked } };
    case 'refused':
      return refusal('refused', `the server answered ${outcome.code}`, { server_error: outcome.code });
    case 'no-credentials':
      return refusal('no-credentials', 'the source has no username and password, which commands and settings need');
    case 'no-answer':
      return refusal('no-answer', outcome.why);
    default:
      return never(outcome);
  }
}

const refusal = (code: RefusalCode, error: string, data: { readonly [key: string]: Json } = {}): Answer => ({
  status: 'error',
  code,
  error,
  data,
});

const notAllowed = (what: string): Answer => refusal('not-allowed', `${what} is not in commands.allow`);

function unknownDevice(state: State, id: string): Answer {
  const known = [...state.devices.keys()].slice(0, 20).join(', ');
  return refusal('unknown-device', `no device ${JSON.stringify(id.slice(0, 80))}; there are: ${known || 'none yet'}`);
}

/** Hands a request to its actor, unless too many wait for theirs. */
function waiting(state: State, request: Request, stamp: Stamp, intent: Intent): Decision {
  if (state.pending.size >= LIMITS.pending) {
    return answered(state, request, refusal('busy', 'too many requests are waiting already'));
  }
  const pending = new Map(state.pending).set(request.id, { request, since: stamp.at });
  return { state: { ...state, pending }, intents: [intent], facts: [] };
}

function without(state: State, id: string): State {
  const pending = new Map(state.pending);
  pending.delete(id);
  return { ...state, pending };
}

function answered(state: State, request: Request, answer: Answer): Decision {
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
