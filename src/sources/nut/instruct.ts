import type { Instructed } from '../../domain/inputs.ts';
import type { Order } from '../../domain/intents.ts';
import { LIMITS } from '../../domain/limits.ts';
import { isVariableName } from '../../domain/names.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../domain/time.ts';
import { deadline, pause } from '../pace.ts';
import { isCommandName } from './inventory.ts';
import { readTrackingId } from './parse.ts';
import { ASK, type Question } from './questions.ts';
import { isPrintable } from './quoting.ts';
import type { Session } from './session.ts';

/** How long a driver may take to confirm. */
const CONFIRM = seconds(15);
/** Between two questions after an order; a driver takes about a second. */
const POLL = asMillis(150);

/**
 * Tells a device one thing, once, on a session that is up.
 *
 * Never sent again, whatever is not known about it: most orders are not harmless twice.
 *
 * @param ups a name that the server lists
 * @param confirm how long the driver may take; shorter in tests only
 * @see NUT docs/net-protocol.txt, "INSTCMD", "SET" and "GET TRACKING"
 */
export async function instructDevice(
  session: Session,
  ups: string,
  order: Order,
  signal: AbortSignal,
  confirm: Millis = CONFIRM,
): Promise<Instructed> {
  const { credentials } = session;
  if (credentials.kind === 'none' || credentials.kind === 'withheld') return { kind: 'no-credentials' };
  if (credentials.kind === 'refused') return { kind: 'refused', code: credentials.code };
  const question = questionOf(session, ups, order);
  if ('code' in question) return { kind: 'refused', code: question.code };
  const sent = await session.connection.ask([question]);
  if (!sent.ok) return { kind: 'no-answer', why: `the connection was lost: ${sent.error.detail}` };
  const [reply] = sent.value;
  if (reply?.kind === 'error') return { kind: 'refused', code: reply.code };
  const id = reply?.kind === 'line' ? readTrackingId(reply.rest) : undefined;
  if (id === undefined) return { kind: 'done', tracked: false };
  const late = deadline(confirm, signal);
  const outcome = await follow(session, id, late.signal);
  late.end();
  if (signal.aborted) return outcome ?? { kind: 'no-answer', why: 'stopped before the driver confirmed' };
  return outcome ?? { kind: 'no-answer', why: `the driver has not confirmed within ${formatSpan(confirm)}` };
}

/** The request line, or why there is none. Nothing that could end a line or change its words ever reaches one. */
function questionOf(session: Session, ups: string, order: Order): Question | { readonly code: string } {
  const { value } = order;
  if (value !== undefined && !isPrintable(value)) return { code: 'INVALID-VALUE' };
  if (value !== undefined && value.length > LIMITS.value) return { code: 'TOO-LONG' };
  switch (order.kind) {
    case 'set':
      return isVariableName(order.variable) ? ASK.set(ups, order.variable, order.value) : { code: 'VAR-NOT-SUPPORTED' };
    case 'command':
      if (!isCommandName(order.command)) return { code: 'CMD-NOT-SUPPORTED' };
      if (order.value !== undefined && !session.parameters) return { code: 'PARAMETER-NOT-SUPPORTED' };
      return ASK.command(ups, order.command, order.value);
  }
}

/** Asks after an order until the driver has spoken. Undefined when time is up. */
async function follow({ connection }: Session, id: string, late: AbortSignal): Promise<Instructed | undefined> {
  for (;;) {
    await pause(POLL, late);
    if (late.aborted) return undefined;
    const asked = await connection.ask([ASK.tracking(id)]);
    if (!asked.ok) return { kind: 'no-answer', why: `the connection was lost: ${asked.error.detail}` };
    const [reply] = asked.value;
    if (reply?.kind === 'error') return { kind: 'refused', code: reply.code };
    const word = reply?.kind === 'line' ? reply.rest.trim().toUpperCase() : '';
    if (word === 'SUCCESS') return { kind: 'done', tracked: true };
    if (word !== 'PENDING') return { kind: 'no-answer', why: 'the server answered GET TRACKING with something else' };
  }
}
