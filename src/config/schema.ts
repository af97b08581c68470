import { z } from 'zod';
import { deviceId, slug } from '../domain/schema.ts';
import type { Settings, TriggerSettings } from '../domain/settings.ts';
import { seconds } from '../domain/time.ts';
import { type HttpConfig, httpSchema } from '../http/schema.ts';
import { type MqttConfig, mqttSchema } from '../mqtt/schema.ts';
import { type CommandsConfig, commandsSchema } from '../policy/schema.ts';
import { type LogConfig, logSchema } from '../runtime/schema.ts';
import { type NutConfig, nutSchema } from '../sources/nut/schema.ts';
import { type SimulatedConfig, simulatedSchema } from '../sources/simulated/schema.ts';

const TRIGGERS: TriggerSettings = {
  settle: seconds(10),
  hold: seconds(5),
  lowBattery: true,
  chargeBelow: 20,
  runtimeBelow: 'auto',
  depletion: { perMinute: 15, over: seconds(90) },
  onBatteryFor: 'auto',
  deadAfter: 'auto',
  afterFailedTest: 'off',
};

/** One entry of `sources`: exactly one kind, told apart by `'nut' in source`. */
export type SourceConfig = { readonly nut: NutConfig } | { readonly simulated: SimulatedConfig };

/** One entry of `ups`. */
export interface DeviceConfig {
  /** A key of `sources`. */
  readonly source: string;
  /** The source's own name for the device; its id where the file gives none. */
  readonly name: string;
  readonly label?: string;
  /** Watts. */
  readonly nominalPower?: number;
}

/**
 * The whole configuration, checked. Printing it as JSON shows no password: those are `Secret` values.
 *
 * Nested as the file is, so that a key of the file can be found from a field, and the other way round.
 */
export interface Configuration {
  readonly node: string;
  readonly armed: boolean;
  readonly dryRun: boolean;
  /** What a forced shutdown that a server announces means for us. */
  readonly fsd: 'obey' | 'tell';
  /** Absolute path; absent: see `stateFolder`. */
  readonly stateDir?: string;
  readonly log: LogConfig;
  readonly http: HttpConfig;
  readonly mqtt: MqttConfig;
  /** At least one, in the order of the file. */
  readonly sources: Readonly<Record<string, SourceConfig>>;
  readonly ups: Readonly<Record<string, DeviceConfig>>;
  readonly commands: CommandsConfig;
}

/** The name of a source. Not digits only: JavaScript would sort such keys first, and the order decides who keeps a name. */
const sourceName = slug.refine((name) => /[a-z_-]/.test(name), 'must contain a letter');

const oneLine = z
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

const sourceSchema = z
  .strictObject({
    nut: nutSchema.meta({ description: 'A NUT server (upsd)' }).optional(),
    simulated: simulatedSchema.meta({ description: 'UPSes that exist only in this program' }).optional(),
  })
  .superRefine(({ nut, simulated }, context) => {
    const given = [nut, simulated].filter((kind) => kind !== undefined).length;
    if (given !== 1) context.addIssue({ code: 'custom', message: 'give exactly one kind of source: nut or simulated' });
  })
  .transform(({ nut, simulated }): SourceConfig => {
    if (nut !== undefined) return { nut };
    return simulated === undefined ? z.NEVER : { simulated };
  });

const deviceSchema = z.strictObject({
  source: z.string().meta({ description: 'The source that knows the device, a key of sources' }),
  name: nameAtSource
    .meta({ description: "The source's own name for the device. Unset: the id of this entry" })
    .optional(),
  label: oneLine.meta({ description: 'What people call the device. Unset: its id' }).optional(),
  nominal_power: z
    .number()
    .positive()
    .max(10_000_000)
    .meta({ description: 'Watts the device can deliver, where it does not say so or says it wrongly' })
    .optional(),
});

/**
 * Reads the configuration, from plain data with the keys of the file.
 *
 * What one key says about another block (`ups` about `sources`) is not checked here but in `crossChecks`, so that it
 * is told together with all else that is wrong.
 */
export const configurationSchema = z
  .strictObject({
    node: slug.meta({ description: 'Name of this bridge in topics and identifiers' }).prefault('home'),
    armed: z.boolean().meta({ description: 'Whether anything may be shut down' }).prefault(false),
    dry_run: z.boolean().meta({ description: 'Tell what would be done, and do nothing' }).prefault(false),
    fsd: z
      .enum(['obey', 'tell'])
      .meta({ description: 'Whether a forced shutdown that a server announces is obeyed or only told' })
      .prefault('obey'),
    state_dir: z
      .string()
      .max(4096)
      .refine((text) => text.startsWith('/'), 'write the whole path, such as /var/lib/gridwarden')
      .meta({
        description:
          'Folder for what must outlive a restart. Unset: $STATE_DIRECTORY, else /var/lib/gridwarden as root, else the state folder of the user',
      })
      .optional(),
    log: logSchema,
    http: httpSchema,
    mqtt: mqttSchema,
    sources: z
      .record(sourceName, sourceSchema)
      .refine((sources) => Object.keys(sources).length > 0, 'needs at least one source')
      .meta({ description: 'The servers that are asked, by a name of your choice. On a clash the first keeps a name' }),
    ups: z
      .record(deviceId, deviceSchema)
      .meta({ description: 'Devices to rename or tune, by id. Others are found by themselves and keep their own name' })
      .prefault({}),
    commands: commandsSchema,
  })
  .transform(
    (given): Configuration => ({
      node: given.node,
      armed: given.armed,
      dryRun: given.dry_run,
      fsd: given.fsd,
      ...(given.state_dir !== undefined && { stateDir: given.state_dir }),
      log: given.log,
      http: given.http,
      mqtt: given.mqtt,
      sources: given.sources,
      ups: Object.fromEntries(Object.entries(given.ups).map(([id, device]) => [id, deviceOf(id, device)])),
      commands: given.commands,
    }),
  );

function deviceOf(id: string, given: z.output<typeof deviceSchema>): DeviceConfig {
  return {
    source: given.source,
    name: given.name ?? id,
    ...(given.label !== undefined && { label: given.label }),
    ...(given.nominal_power !== undefined && { nominalPower: given.nominal_power }),
  };
}

/**
 * What the decisions need of a configuration.
 *
 * @param digest of the same configuration, see `Settings.digest`
 */
export function settingsOf(configuration: Configuration, digest: string): Settings {
  return {
    node: configuration.node,
    armed: configuration.armed,
    dryRun: configuration.dryRun,
    sources: Object.keys(configuration.sources),
    fsd: configuration.fsd,
    mainsHold: seconds(5),
    triggers: TRIGGERS,
    groups: [],
    devices: Object.entries(configuration.ups).map(([id, device]) => ({
      id,
      trustCharge: true,
      powerQuality: 'normal' as const,
      ...device,
    })),
    allow: configuration.commands.allow,
    digest,
  };
}
