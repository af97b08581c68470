import type { Clock } from '../domain/ports.ts';
import { asInstant } from '../domain/time.ts';

/** The clocks of this machine. The monotonic one stands still while the machine sleeps, and never jumps. */
export const systemClock: Clock = {
  now: () => asInstant(performance.now()),
  wall: () => Date.now(),
};
