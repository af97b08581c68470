import type { Order } from '../../../domain/intents.ts';
import type { DeviceId } from '../../../domain/names.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import type { Outcome } from '../../step.ts';
import { delayFor, delayIn } from './delay.ts';
import { refusal, type SeenUps, type UpsPorts } from './ports.ts';
import type { UpsOrder } from './schema.ts';

/** What an order to one device is carried out with. */
export interface DeviceContext {
  readonly device: DeviceId;
  readonly ports: UpsPorts;
  readonly signal: AbortSignal;
}

/** How long a reading may take to show what was set or done; a source reads anew after an order. */
const SHOWN_WITHIN = seconds(6);
const LOOK = asMillis(100);

export const SHUTDOWN_RETURN = 'shutdown.return';
export const SHUTDOWN_DELAY = 'ups.delay.shutdown';

/** Whether a device obeys a command; undefined: what it obeys is not known yet. */
export const obeys = ({ inventory }: SeenUps, command: string): boolean | undefined =>
  inventory?.commands.some(({ name }) => name === command);

/**
 * Lets the UPS switch off and return with mains, if its delay leaves time for the rest of the plan.
 *
 * The delay is read back first: it is what the UPS says it is that counts, not what it was told.
 */
export async function shutdownReturn(
  { delay }: Extract<UpsOrder, { readonly action: 'shutdown_return' }>,
  context: DeviceContext,
): Promise<Outcome> {
  const { device, ports, signal } = context;
  const seen = ports.read(device);
  if (seen === undefined) return unknownDevice(device);
  if (obeys(seen, SHUTDOWN_RETURN) === false) return failed(`${device} does not know ${SHUTDOWN_RETURN}`);
  const settled = await settledDelay(SHUTDOWN_DELAY, delay, context);
  const rest = ports.restOfPlan(device);
  if (!settled.ok) return tooEarly(device, settled.error);
  if (settled.value < rest) {
    const spans = `it would be off in ${formatSpan(settled.value)}, and ${formatSpan(rest)} are needed`;
    return tooEarly(device, spans);
  }
  const outcome = await ports.instruct(device, { kind: 'command', command: SHUTDOWN_RETURN }, signal);
  const why = refusal(outcome);
  if (why !== undefined) return failed(`${device}: ${SHUTDOWN_RETURN} ${why}`);
  return done(`${device} switches off in ${formatSpan(settled.value)} and returns with mains`);
}

const tooEarly = (device: DeviceId, why: string): Outcome =>
  failed(`${device} was not told to switch off: ${why}; the late killpower hook must do it`);

/**
 * The delay that the device has, after it was set where one is wanted and it lets itself be set.
 *
 * @returns what it reads back as, or the lesser of that and what was set where its readings do not show it in time; an
 *   error where it tells none
 */
async function settledDelay(
  variable: string,
  wanted: Millis | undefined,
  { device, ports, signal }: DeviceContext,
): Promise<Result<Millis, string>> {
  const shown = (): Millis | undefined => {
    const seen = ports.read(device);
    return seen === undefined ? undefined : delayIn(seen.variables, variable);
  };
  const writable = ports.read(device)?.inventory?.writable.find((one) => one.variable === variable);
  const value = writable === undefined || wanted === undefined ? undefined : delayFor(writable, wanted);
  const set = value === undefined ? undefined : asMillis(Number(value) * 1000);
  let why = wanted === undefined ? 'it does not tell it' : `it cannot be set to ${formatSpan(wanted)}`;
  let most = shown();
  if (value !== undefined && set !== undefined && most !== set) {
    const outcome = await ports.instruct(device, { kind: 'set', variable, value }, signal);
    why = refusal(outcome) ?? 'it does not tell it';
    if (outcome.kind === 'done') await shows(device, ports, signal, () => shown() === set);
    const now = shown();
    // What was refused changed nothing; of anything else the shorter may be true.
    const lesser = now === undefined ? undefined : asMillis(Math.min(now, set));
    most = outcome.kind === 'refused' || outcome.kind === 'no-credentials' ? now : lesser;
  }
  return most === undefined ? err(`its delay (${variable}) is not known: ${why}`) : ok(most);
}

/** Waits until the readings of a device show something. @returns whether they did */
async function shows(
  device: DeviceId,
  ports: UpsPorts,
  signal: AbortSignal,
  wanted: (seen: SeenUps) => boolean,
): Promise<boolean> {
  return within(SHOWN_WITHIN, signal, async (late) => {
    for (;;) {
      const seen = ports.read(device);
      if (seen !== undefined && wanted(seen)) return true;
      if (late.aborted) return false;
      await pause(LOOK, late);
    }
  });
}

/** Switches off one outlet, after the delay where one is given, by the best command that the device knows. */
export async function outletOff(
  { outlet, delay }: Extract<UpsOrder, { readonly action: 'outlet_off' }>,
  context: DeviceContext,
): Promise<Outcome> {
  const { device, ports, signal } = context;
  const seen = ports.read(device);
  if (seen === undefined) return unknownDevice(device);
  const way = wayOff(seen, outlet, delay);
  if (!way.ok) return failed(`${device}: ${way.error}`);
  const { order, variable } = way.value;
  if (variable !== undefined && delay !== undefined) {
    const settled = await settledDelay(variable, delay, context);
    const short = settled.ok && settled.value < delay ? `its delay is ${formatSpan(settled.value)}` : undefined;
    const why = settled.ok ? short : settled.error;
    if (why !== undefined) return failed(`outlet ${outlet} of ${device} was not switched off: ${why}`);
  }
  const why = refusal(await ports.instruct(device, order, signal));
  if (why !== undefined) return failed(`${device}: ${order.command} ${why}`);
  if (delay !== undefined) return done(`outlet ${outlet} of ${device} switches off in ${formatSpan(delay)}`);
  const status = `outlet.${outlet}.status`;
  const isOff = ({ variables }: SeenUps): boolean => /^off$/i.test(variables.get(status) ?? '');
  const off = seen.variables.has(status) && (await shows(device, ports, signal, isOff));
  return done(`outlet ${outlet} of ${device} ${off ? 'is off' : 'was told to switch off'}`);
}

/** How an outlet is switched off. */
interface WayOff {
  readonly order: Extract<Order, { readonly kind: 'command' }>;
  /** The delay that has to be set before; absent: the command takes it, or none is wanted. */
  readonly variable?: string;
}

/**
 * The best of what a device knows, for the delay that is wanted.
 *
 * A command that switches off at once is never taken where a delay is wanted: the delay is what the machines behind the
 * outlet need. `load.off.delay` needs its parameter; `shutdown.return` takes the delay of the outlet.
 *
 * @returns an error in words for people where it cannot
 * @see NUT docs/nut-names.txt, "outlet" and "Instant commands"
 */
export function wayOff(seen: SeenUps, outlet: string, delay: Millis | undefined): Result<WayOff, string> {
  if (seen.inventory === undefined) return err('what it can be told is not known yet');
  const prefix = `outlet.${outlet}`;
  const variable = `${prefix}.delay.shutdown`;
  const knows = (command: string): boolean => obeys(seen, `${prefix}.${command}`) === true;
  const order = (command: string) => ({ kind: 'command' as const, command: `${prefix}.${command}` });
  if (delay === undefined) {
    if (knows('load.off')) return ok({ order: order('load.off') });
    if (knows('shutdown.return')) return ok({ order: order('shutdown.return') });
    return err(`it cannot switch outlet ${outlet} off${knows('load.off.delay') ? ' without a delay' : ''}`);
  }
  const value = String(Math.ceil(delay / 1000));
  if (knows('load.off.delay')) return ok({ order: { ...order('load.off.delay'), value } });
  if (knows('shutdown.return') && seen.variables.has(variable))
    return ok({ order: order('shutdown.return'), variable });
  return err(`it cannot switch outlet ${outlet} off after a delay`);
}

const failed = (text: string): Outcome => ({ kind: 'failed', text });
const done = (text: string): Outcome => ({ kind: 'done', text });

export const unknownDevice = (device: DeviceId): Outcome => failed(`no source lists ${device}`);
