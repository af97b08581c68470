import { z } from 'zod';
import type { QualityPreset, SelfTestSettings } from '../domain/settings.ts';
import { cronProblem } from './cron.ts';

/** One entry of `ups`. */
export interface DeviceConfig {
  /** A key of `sources`. */
  readonly source: string;
  /** The source's own name for the device; its id where the file gives none. */
  readonly name: string;
  readonly label?: string;
  /** Watts. */
  readonly nominalPower?: number;
  /** Whether its charge gauge may decide anything. */
  readonly trustCharge: boolean;
  readonly powerQuality: QualityPreset;
  /** Wall time, milliseconds since 1970: noon (UTC) of the day that the file gives. */
  readonly batteryInstalled?: number;
  /** Absent: no self-test is started by us. */
  readonly selfTest?: SelfTestSettings;
}

/** What people call a device or a group. */
export const label = z
  .string()
  .min(1)
  .max(64)
  .refine((text) => !/\p{Cc}/u.test(text), 'must be one line');

/** A name of a device at its source: it becomes a word of a request, so nothing that could end or quote one. */
const nameAtSource = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !/[\s"\\\p{Cc}]/u.test(text), 'must not contain spaces, quotes or backslashes');

/** A day of the calendar. Noon: no time zone makes another day of it. */
const day = z
  .string({ error: 'write a date, such as 2024-03-01' })
  .transform((text, context): number => {
    const noon = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T12:00:00Z`) : Number.NaN;
    // The 31st of a shorter month is read as a day of the next.
    if (!Number.isNaN(noon) && new Date(noon).toISOString().startsWith(text)) return noon;
    context.issues.push({ code: 'custom', message: 'write a date, such as 2024-03-01', input: text });
    return z.NEVER;
  })
  .meta({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', examples: ['2024-03-01'] });

const schedule = z
  .string()
  .max(256)
  .superRefine((text, context) => {
    const message = cronProblem(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** A command of the device: one word of a request. */
const command = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, 'write a command of the device, such as test.battery.start.quick');

const selfTest = z
  .strictObject({
    schedule: schedule.meta({
      description: 'When, as a cron expression of five fields in local time, such as "0 10 1 * *"',
    }),
    command: command
      .meta({ description: 'Command of the device that starts the test' })
      .prefault('test.battery.start.quick'),
  })
  .meta({ description: 'Self-tests that Gridwarden starts. Unset: none' });

/** Reads one entry of `ups`; `name` is absent where the file gives none. */
export const deviceSchema = z
  .strictObject({
    source: z.string().meta({ description: 'The source that knows the device, a key of sources' }),
    name: nameAtSource
      .meta({ description: "The source's own name for the device. Unset: the id of this entry" })
      .optional(),
    label: label.meta({ description: 'What people call the device. Unset: its id' }).optional(),
    nominal_power: z
      .number()
      .positive()
      .max(10_000_000)
      .meta({ description: 'Watts the device can deliver, where it does not say so or says it wrongly' })
      .optional(),
    trust_charge: z
      .boolean()
      .meta({ description: 'Whether its charge may decide anything. false for a gauge that is known to lie' })
      .prefault(true),
    power_quality: z
      .enum(['tight', 'normal', 'loose'])
      .meta({ description: 'How far voltage and frequency may stray before it is told' })
      .prefault('normal'),
    battery_installed: day.meta({ description: 'Day the battery was put in. Unset: as the device says' }).optional(),
    self_test: selfTest.optional(),
  })
  .transform((given): Omit<DeviceConfig, 'name'> & { readonly name?: string } => ({
    source: given.source,
    ...(given.name !== undefined && { name: given.name }),
    ...(given.label !== undefined && { label: given.label }),
    ...(given.nominal_power !== undefined && { nominalPower: given.nominal_power }),
    trustCharge: given.trust_charge,
    powerQuality: given.power_quality,
    ...(given.battery_installed !== undefined && { batteryInstalled: given.battery_installed }),
    ...(given.self_test !== undefined && { selfTest: given.self_test }),
  }));
