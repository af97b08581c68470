import type { DeviceId } from '../../../domain/names.ts';
import { asMillis, formatSpan, type Millis } from '../../../domain/time.ts';
import { unlessAborted } from '../../pause.ts';
import type { Finding } from '../../step.ts';
import { delayFor, delayIn } from './delay.ts';
import { mayRaiseFlag } from './flag.ts';
import type { SeenUps, UpsPorts } from './ports.ts';
import type { UpsOrder } from './schema.ts';
import { obeys, SHUTDOWN_DELAY, SHUTDOWN_RETURN, wayOff } from './switch-off.ts';

/** Looks whether a UPS could be given an order: reads only. */
export async function probe(
  device: DeviceId,
  order: UpsOrder,
  ports: UpsPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  switch (order.action) {
    case 'killpower':
      return [await ofFlag(order.flag, signal)];
    case 'shutdown_return':
      return ofDevice(device, ports, (seen) => [
        ofCommand(seen),
        ...ofDelay(seen, order.delay, ports.restOfPlan(device)),
      ]);
    case 'outlet_off':
      return ofDevice(device, ports, (seen) => {
        const way = wayOff(seen, order.outlet, order.delay);
        const text = way.ok ? `by ${way.value.order.command}` : way.error;
        return [{ what: `outlet ${order.outlet}`, ok: way.ok, text }];
      });
    case 'fsd':
      return ofDevice(device, ports, async ({ login }) => (login ? [await ofPrimary(device, ports, signal)] : []));
  }
}

/** What every order to the device itself needs, and then the rest. */
async function ofDevice(
  device: DeviceId,
  ports: UpsPorts,
  more: (seen: SeenUps) => readonly Finding[] | Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const seen = ports.read(device);
  const what = `UPS ${device}`;
  if (seen === undefined) return [{ what, ok: false, text: 'no source lists it' }];
  const { login, trouble } = seen;
  return [
    { what, ok: trouble === undefined, text: trouble ?? 'is heard' },
    { what: `login for ${device}`, ok: login, text: login ? 'configured' : 'its source has none' },
    ...(await more(seen)),
  ];
}

async function ofFlag(flag: string, signal: AbortSignal): Promise<Finding> {
  const may = await unlessAborted(mayRaiseFlag(flag), signal);
  return { what: flag, ok: may?.ok === true, text: may?.ok ? 'can be written' : (may?.error ?? 'no answer in time') };
}

function ofCommand(seen: SeenUps): Finding {
  const known = obeys(seen, SHUTDOWN_RETURN);
  const text = known ? 'is known to it' : 'is not known to it';
  return { what: SHUTDOWN_RETURN, ok: known === true, text: known === undefined ? 'not read yet' : text };
}

function ofDelay(seen: SeenUps, wanted: Millis | undefined, rest: Millis): readonly Finding[] {
  const writable = seen.inventory?.writable.find(({ variable }) => variable === SHUTDOWN_DELAY);
  const value = writable === undefined || wanted === undefined ? undefined : delayFor(writable, wanted);
  const settable: Finding[] =
    wanted === undefined
      ? []
      : [
          {
            what: `${SHUTDOWN_DELAY} of ${formatSpan(wanted)}`,
            ok: value !== undefined,
            text: value === undefined ? 'cannot be set' : 'can be set',
          },
        ];
  const will = value === undefined ? delayIn(seen.variables, SHUTDOWN_DELAY) : asMillis(Number(value) * 1000);
  if (will === undefined) return [...settable, { what: SHUTDOWN_DELAY, ok: false, text: 'it does not tell it' }];
  const text = `${formatSpan(will)} until it is off, ${formatSpan(rest)} for the plan and the halt`;
  return [...settable, { what: 'delay against plan', ok: will >= rest, text }];
}

async function ofPrimary(device: DeviceId, ports: UpsPorts, signal: AbortSignal): Promise<Finding> {
  const may = await ports.mayForceShutdown(device, signal);
  const what = `FSD on ${device}`;
  if (!may.ok) return { what, ok: false, text: may.error };
  // A user with `actions = FSD` alone may do it as well; nothing but doing it tells.
  const text = may.value
    ? 'the login is that of a primary'
    : 'the login is not that of a primary (upsmon primary in upsd.users)';
  return { what, ok: may.value, text };
}
