import type { Clock } from '../domain/ports.ts';
import type { State } from '../domain/state.ts';
import { type Instant, seconds } from '../domain/time.ts';

/** Whether the broker is reached, and if not, why. */
interface Reached {
  readonly connected: boolean;
  readonly trouble?: string;
}

/** So long without a tick, and nothing is decided any more. */
const STALLED = seconds(5);

/** Whether the loop still turns, for `/health`. */
export function aliveness(lastTick: Instant | undefined, clock: Clock) {
  const ok = lastTick !== undefined && clock.now() - lastTick < STALLED;
  return { ok, ticked: lastTick !== undefined };
}

/** Whether everything that a shutdown depends on is as it should be, one capability at a time, for `/ready`. */
export function readiness(state: State | undefined, broker: Reached | undefined) {
  const connected = broker?.connected === true;
  const capabilities: Record<string, { readonly ok: boolean; readonly detail: string }> = {
    broker: { ok: connected, detail: connected ? 'connected' : (broker?.trouble ?? 'connecting') },
  };
  for (const [name, { link }] of state?.sources ?? []) {
    const detail = link.kind === 'lost' ? `${link.trouble.kind}: ${link.trouble.detail}` : link.kind;
    capabilities[`source ${name}`] = { ok: link.kind === 'up', detail };
  }
  for (const { id, readiness: group, looked } of state?.groups.values() ?? []) {
    capabilities[`group ${id}`] = { ok: group.ready, detail: group.ready ? 'ready' : group.reasons.join('; ') };
    for (const [key, { toldUnready, text }] of looked ?? []) {
      capabilities[`step ${id}/${key}`] = { ok: !toldUnready, detail: text };
    }
  }
  return { ok: Object.values(capabilities).every(({ ok }) => ok), capabilities };
}
