import { seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import { accepts } from '../../reach.ts';

/** A machine that is up answers a connect within this, however busy it is. */
const ANSWER = seconds(3);

/** How often it is tried. */
const AGAIN = seconds(1);

/** What says that our own network is gone, which proves nothing of anybody else. */
const OURS = ['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EMFILE'];

/**
 * Waits until a TCP port does not answer any more: twice in a row, for a packet may be lost.
 *
 * @param address not a name: the name server may go first
 * @returns false when the signal aborts before
 */
export async function untilGone(address: string, port: number, signal: AbortSignal): Promise<boolean> {
  const itself = (): Promise<readonly string[]> => Promise.resolve([address]);
  for (let silent = 0; !signal.aborted; ) {
    const answer = await within(ANSWER, signal, (late) => accepts({ host: address, port }, itself, late));
    if (signal.aborted) return false;
    silent = answer.ok || OURS.includes(answer.error) ? 0 : silent + 1;
    if (silent === 2) return true;
    await pause(AGAIN, signal);
  }
  return false;
}
