import { withTestRefused, withTestStarted } from '../analysis/battery/follow.ts';
import type { Instructed } from '../domain/inputs.ts';
import type { Json, Request } from '../domain/requests.ts';
import type { DeviceState, State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import { answered, refusal, waiting } from './answers.ts';
import type { Decision } from './decision.ts';
import { commandIsTest, selfTestRefusal } from './self-test.ts';
import { commandFor } from './writable.ts';

/**
 * Starts a self-test of one device, unless something speaks against it now.
 *
 * That it was started is remembered with the order, not with its end, so that no second one of the group begins between.
 */
export function startTest(
  state: State,
  request: Request,
  device: DeviceState,
  asked: { readonly command: string; readonly value?: string },
  stamp: Stamp,
): Decision {
  const order = commandFor(device, asked);
  if (!order.ok) return answered(state, request, refusal(order.error.code, order.error.text));
  // As the device writes it: a client may write it in another case.
  const { command } = order.value;
  const why = selfTestRefusal(state, device, stamp, command);
  if (why !== undefined) return refused(state, request, device, why);
  const battery = withTestStarted(device.battery, command, stamp);
  const devices = new Map(state.devices).set(device.id, { ...device, battery });
  const intent = { kind: 'instruct', request: request.id, address: device.address, order: order.value } as const;
  const begun = waiting(state, request, stamp, intent);
  return begun.intents.includes(intent) ? { ...begun, state: { ...begun.state, devices } } : begun;
}

/** A refused self-test is told of the device, so that a schedule that never gets through is seen. */
function refused(state: State, request: Request, device: DeviceState, why: string): Decision {
  const text = `${device.label}: no self-test now, ${why}`;
  const told = answered(state, request, refusal('not-now', text));
  return { ...told, facts: [{ type: 'test_refused', device: device.id, level: 'warning', text }, ...told.facts] };
}

/** The order of a test has come back: where the device did not take it, none was started. */
export function afterTest(state: State, { ask }: Request, outcome: Instructed): State {
  const id = testedBy(ask);
  const device = typeof id === 'string' ? state.devices.get(id) : undefined;
  if (device === undefined || outcome.kind === 'done' || outcome.kind === 'no-answer') return state;
  const battery = withTestRefused(device.battery);
  return { ...state, devices: new Map(state.devices).set(device.id, { ...device, battery }) };
}

/** Whom an order was to test; undefined for another order. Of the verbs only `self_test` gives a device one. */
function testedBy(ask: Request['ask']): Json | undefined {
  if (ask.kind === 'command') return commandIsTest(ask.command) ? ask.device : undefined;
  return ask.kind === 'verb' ? ask.given['ups'] : undefined;
}
