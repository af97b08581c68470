import type { Result } from '../../../domain/result.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import { accepts, type ResolveHost } from '../../reach.ts';
import type { Finding, Outcome, StepContext, StepRunner } from '../../step.ts';
import { isOwnAddress, magicPacket } from './packet.ts';
import type { WakeConfig } from './schema.ts';
import { mayBroadcast, sendBroadcast } from './send.ts';

/** A datagram may be lost, and a card that is half asleep misses the first. */
const TIMES = 3;
const APART = asMillis(100);
/** While the machine is waited for: it may have been halting still when the last packet came. */
const AGAIN = seconds(10);
/** For one attempt to connect: a machine that is off does not even refuse. */
const ATTEMPT = seconds(3);
const BETWEEN = seconds(1);

/** How a machine is woken: a packet, and a wait until it answers. */
export function wakeRunner(resolve: ResolveHost): StepRunner<WakeConfig> {
  return {
    run: (config, context) => wake(config, resolve, context),
    probe: (config, signal) => probe(config, resolve, signal),
  };
}

async function wake(config: WakeConfig, resolve: ResolveHost, { signal, progress }: StepContext): Promise<Outcome> {
  const first = await knock(config, signal);
  if (!first.ok) return { kind: 'failed', text: `the packet for ${config.mac} cannot be sent: ${first.error}` };
  progress({ item: 'packet', state: 'done' });
  const { until } = config;
  if (until === undefined) return { kind: 'done', text: `the packet for ${config.mac} was sent` };
  const item = `${until.host}:${until.port}`;
  progress({ item, state: 'running' });
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const knocking = knockOn(config, waiting.signal);
  const why = await answer(until, resolve, signal);
  stop();
  signal.removeEventListener('abort', stop);
  await knocking;
  if (why === undefined) {
    progress({ item, state: 'done' });
    return { kind: 'done', text: `${item} answers` };
  }
  progress({ item, state: 'failed', text: why });
  return { kind: 'failed', text: `the packet was sent, but ${item} does not answer: ${why}` };
}

/** The packet, a few times. Sent at all counts as sent. */
async function knock(config: WakeConfig, signal: AbortSignal): Promise<Result<number, string>> {
  const packet = magicPacket(config.mac);
  let best = await sendBroadcast(packet, config, signal);
  for (let count = 1; count < TIMES && !signal.aborted; count += 1) {
    await pause(APART, signal);
    const next = await sendBroadcast(packet, config, signal);
    if (!best.ok) best = next;
  }
  return best;
}

/** Goes on sending until the signal aborts. What fails now worked a moment ago, and the wait goes on all the same. */
async function knockOn(config: WakeConfig, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(AGAIN, signal);
    if (signal.aborted) return;
    await knock(config, signal);
  }
}

/** Waits until the machine accepts a connection. @returns why it did not, when the signal has aborted */
async function answer(
  until: NonNullable<WakeConfig['until']>,
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<string | undefined> {
  let why = 'no time was left';
  while (!signal.aborted) {
    const reached = await within(ATTEMPT, signal, (late) => accepts(until, resolve, late));
    if (reached.ok) return undefined;
    why = reached.error;
    await pause(BETWEEN, signal);
  }
  return why;
}

/** How long a name server may take in a rehearsal. */
const NAMES: Millis = seconds(5);

async function probe(config: WakeConfig, resolve: ResolveHost, signal: AbortSignal): Promise<readonly Finding[]> {
  const { mac, broadcast, until } = config;
  const own = isOwnAddress(mac);
  const open = await mayBroadcast(config, signal);
  const findings: Finding[] = [
    { what: 'hardware address', ok: own, text: own ? mac : `${mac} is not the address of one machine` },
    {
      what: `broadcast to ${broadcast}`,
      ok: open.ok,
      text: open.ok ? `can be sent on ${open.value} network${open.value === 1 ? '' : 's'}` : open.error,
    },
  ];
  if (until === undefined) return findings;
  const addresses = await within(NAMES, signal, (late) => resolve(until.host, late));
  const found = addresses.length > 0;
  const text = found ? addresses.slice(0, 3).join(', ') : 'its name cannot be resolved';
  return [...findings, { what: `address of ${until.host}`, ok: found, text }];
}
