import type { Instructed } from '../domain/inputs.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Answer, Ask, Request } from '../domain/requests.ts';
import { never } from '../domain/result.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { between, formatSpan, type Stamp } from '../domain/time.ts';
import { TROUBLE_TEXT } from '../domain/trouble.ts';
import { allows, answered, notAllowed, refusal, unknownDevice, waiting, without } from './answers.ts';
import { type Decision, unchanged } from './decision.ts';
import { afterTest, startTest } from './on-test.ts';
import { onVerb } from './on-verb.ts';
import { commandIsTest } from './self-test.ts';
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
  if (ask.kind === 'command' && commandIsTest(ask.command)) return startTest(state, request, device, ask, stamp);
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

/** The actor has come back from an order to a device. */
export function onInstructed(state: State, id: string, outcome: Instructed): Decision {
  const request = state.pending.get(id)?.request;
  if (request === undefined) return unchanged(state);
  return answered(afterTest(without(state, id), request, outcome), request, answerTo(outcome));
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
