import type { DeviceId } from '../../../domain/names.ts';
import { formatSpan } from '../../../domain/time.ts';
import { unlessAborted } from '../../pause.ts';
import type { Outcome, StepContext, StepRunner } from '../../step.ts';
import { raiseFlag } from './flag.ts';
import { type ForcedShutdown, refusal, type UpsPorts } from './ports.ts';
import { probe } from './probe.ts';
import type { UpsConfig, UpsOrder } from './schema.ts';
import { outletOff, shutdownReturn, unknownDevice } from './switch-off.ts';

/** How a UPS, or who watches it, is given an order. */
export function upsRunner(ports: UpsPorts): StepRunner<UpsConfig> {
  // Two steps that add to one flag file must not each miss what the other adds.
  let flags: Promise<unknown> = Promise.resolve();
  const raise = (flag: string, device: DeviceId) => {
    const raised = flags.then(() => raiseFlag(flag, device));
    flags = raised.catch(() => undefined);
    return raised;
  };
  return {
    run: ({ device, order }, context) =>
      device === undefined ? Promise.resolve(NO_DEVICE) : carryOut(device, order, ports, raise, context),
    probe: ({ device, order }, signal) =>
      device === undefined
        ? Promise.resolve([{ what: 'UPS', ok: false, text: NO_DEVICE.text }])
        : probe(device, order, ports, signal),
  };
}

/** A group with one feed fills it in; without, there is nothing to give an order to. */
const NO_DEVICE: Outcome = { kind: 'failed', text: 'the step names no UPS' };

type Raise = (flag: string, device: DeviceId) => ReturnType<typeof raiseFlag>;

async function carryOut(
  device: DeviceId,
  order: UpsOrder,
  ports: UpsPorts,
  raise: Raise,
  { signal, progress }: StepContext,
): Promise<Outcome> {
  switch (order.action) {
    case 'shutdown_return':
      return shutdownReturn(order, { device, ports, signal });
    case 'outlet_off':
      return outletOff(order, { device, ports, signal });
    case 'fsd': {
      if (ports.read(device) === undefined) return unknownDevice(device);
      const onLogins = (left: number): void =>
        progress({ item: 'secondaries', state: left === 0 ? 'done' : 'running', text: `${left} logged in` });
      const forced = await ports.forceShutdown(device, { wait: order.wait, signal, onLogins });
      return ofForced(device, order, forced);
    }
    case 'killpower':
      return killpower(device, order.flag, raise, signal);
  }
}

/** FSD that is set counts: who has not logged out in time is not waited for any longer, as with upsmon. */
function ofForced(
  device: DeviceId,
  { wait }: Extract<UpsOrder, { readonly action: 'fsd' }>,
  forced: ForcedShutdown,
): Outcome {
  if (forced.kind !== 'done') return { kind: 'failed', text: `${device}: FSD ${refusal(forced)}` };
  const { left, who, lost } = forced;
  if (lost !== undefined) {
    const seen = left === undefined ? 'how many are logged in' : `whether the last ${left} have logged out`;
    return { kind: 'failed', text: `FSD is set on ${device}, but nobody saw ${seen}: ${lost}` };
  }
  if (left === undefined || left === 0) {
    return { kind: 'done', text: `FSD is set on ${device}, and every secondary has logged out` };
  }
  const names = who.length === 0 ? '' : ` (${who.slice(0, 5).join(', ')})`;
  const text = `FSD is set on ${device}, but after ${formatSpan(wait)} ${left} are still logged in${names}`;
  return { kind: 'failed', text };
}

async function killpower(device: DeviceId, flag: string, raise: Raise, signal: AbortSignal): Promise<Outcome> {
  // A disk that hangs takes the write with it; the plan goes on without.
  const raised = await unlessAborted(raise(flag, device), signal);
  if (raised?.ok === true)
    return { kind: 'done', text: `${flag} asks for ${device} to be switched off after the halt` };
  return { kind: 'failed', text: `${flag} cannot be written: ${raised?.error ?? 'no answer in time'}` };
}
