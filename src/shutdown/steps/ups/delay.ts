import type { Variables, Writable } from '../../../domain/reading.ts';
import { asMillis, type Millis } from '../../../domain/time.ts';

/** Seconds: 65535, 16777215 and more are what devices say for "none", and would cover any plan. */
const MOST = 65_534;

/** A delay of a device: seconds in NUT. Undefined for what is none, such as `-1` for "not set". */
export function delayIn(variables: Variables, variable: string): Millis | undefined {
  const text = variables.get(variable);
  if (text === undefined || !/^\d{1,7}(?:\.\d{1,3})?$/.test(text) || Number(text) > MOST) return undefined;
  return asMillis(Number(text) * 1000);
}

/**
 * What to write for a delay: the whole second above it that the device accepts and that comes next.
 *
 * Where it knows only some delays, a longer one is right and a shorter never is: the shorter cuts the power too early.
 *
 * @returns undefined where every delay that it accepts is too short
 */
export function delayFor({ accepts }: Writable, wanted: Millis): string | undefined {
  const seconds = Math.ceil(wanted / 1000);
  switch (accepts.kind) {
    case 'number':
      return String(seconds);
    case 'text':
      return String(seconds).length <= accepts.maxLength ? String(seconds) : undefined;
    case 'enum':
      return accepts.values
        .filter((value) => /^\d{1,7}$/.test(value) && Number(value) >= seconds)
        .reduce<string | undefined>(
          (least, value) => (least === undefined || Number(value) < Number(least) ? value : least),
          undefined,
        );
    case 'range': {
      const nearest = accepts.ranges
        .filter(([, max]) => max >= seconds)
        .map(([min]) => Math.max(Math.ceil(min), seconds));
      return nearest.length === 0 ? undefined : String(Math.min(...nearest));
    }
  }
}
