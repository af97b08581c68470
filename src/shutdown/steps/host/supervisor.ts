import type { Secret } from '../../../domain/secret.ts';
import { quoteOf } from '../../output-tail.ts';

/** The Supervisor of Home Assistant, as an add-on reaches it. */
export interface Supervisor {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: Secret;
  readonly fetch: typeof fetch;
}

/** What came of a request, one line for people. */
export interface Answered {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Tells the Supervisor to end the whole machine. It stops the apps, us among them, before it answers or after.
 *
 * `force`: a database that is being rewritten would otherwise hold the halt up until the battery is empty.
 *
 * @see https://developers.home-assistant.io/docs/api/supervisor/endpoints, "Host"
 */
export const tellSupervisor = (
  supervisor: Supervisor,
  order: 'shutdown' | 'reboot',
  signal: AbortSignal,
): Promise<Answered> => ask(supervisor, 'POST', `/host/${order}`, JSON.stringify({ force: true }), signal);

/** Whether it would take such an order from us: it reads with the same right. */
export const lookAtSupervisor = (supervisor: Supervisor, signal: AbortSignal): Promise<Answered> =>
  ask(supervisor, 'GET', '/host/info', undefined, signal);

async function ask(
  { url, token, fetch: request }: Supervisor,
  method: 'GET' | 'POST',
  path: string,
  body: string | undefined,
  signal: AbortSignal,
): Promise<Answered> {
  try {
    const response = await request(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
      // The token is for nobody else.
      redirect: 'error',
      signal,
    });
    if (response.ok) {
      await response.body?.cancel();
      return { ok: true, text: 'the Supervisor has accepted it' };
    }
    const why = quoteOf(await beginning(response), [token.reveal()]);
    return { ok: false, text: `the Supervisor refuses (${response.status}): ${why}` };
  } catch (error) {
    if (signal.aborted) return { ok: false, text: 'the Supervisor did not answer in time' };
    const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined; // fetch keeps the error of the system there
    return { ok: false, text: `the Supervisor cannot be reached (${cause?.code ?? 'no connection'})` };
  }
}

const MOST = 1000;

async function beginning(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST) break;
  }
  return text;
}
