import { z } from 'zod';
import { slug } from '../../domain/schema.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** The moment of the simulated day at which it starts, `07:45`; milliseconds since midnight in the program. */
const timeOfDay = z
  .string({ error: 'write a time of day in quotes, such as "07:45"' })
  .transform((text, context): number => {
    const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
    if (hours !== undefined && minutes !== undefined) return Number(hours) * HOUR + Number(minutes) * MINUTE;
    context.issues.push({ code: 'custom', message: 'write a time of day in quotes, such as "07:45"', input: text });
    return z.NEVER;
  })
  .meta({ pattern: '^([01]?\\d|2[0-3]):[0-5]\\d$', examples: ['07:45'] });

/** Most simulated devices of one source: enough to try a full house, few enough for a Raspberry Pi. */
const MOST_DEVICES = 100;

/** Most simulated seconds in one second, all devices together: about a tenth of a core. */
const MOST_TIME = 36_000;

/**
 * A source of kind `simulated`: UPSes that exist only in this process, for trying things out.
 *
 * Everything has a default, so an empty block is one device named `demo`. Without `seed` every start is another day.
 */
export const simulatedSchema = z
  .strictObject({
    devices: z
      .array(slug)
      .min(1)
      .max(MOST_DEVICES)
      .refine((names) => new Set(names).size === names.length, 'names a device twice')
      .default(['demo'])
      .meta({ description: 'Names of the simulated UPSes' }),
    speed: z
      .number()
      .min(1)
      .max(3600)
      .default(60)
      .meta({ description: 'Simulated seconds in one second: 1 is real time, 60 a minute a second' }),
    seed: z
      .number()
      .int()
      .min(0)
      .max(4_294_967_295)
      .optional()
      .meta({ description: 'The same seed gives the same days; absent, every start is another' }),
    start: timeOfDay.prefault('07:00').meta({ description: 'Time of the simulated day to start at' }),
  })
  .refine(({ devices, speed }) => devices.length * speed <= MOST_TIME, {
    path: ['speed'],
    message: `devices times speed must not be above ${MOST_TIME}`,
  })
  .transform(
    (raw): SimulatedConfig => ({
      devices: raw.devices,
      speed: raw.speed,
      startAt: raw.start,
      ...(raw.seed === undefined ? {} : { seed: raw.seed }),
    }),
  );

export interface SimulatedConfig {
  /** At least one, no name twice. */
  readonly devices: readonly string[];
  /** Simulated seconds in one real second, 1 to 3600. */
  readonly speed: number;
  /** Unsigned 32-bit; absent: taken from the randomness that is given. */
  readonly seed?: number;
  /** Milliseconds since the simulated midnight. */
  readonly startAt: number;
}
