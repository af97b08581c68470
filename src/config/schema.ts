import { z } from 'zod';
import { deviceId, duration, slug } from '../domain/schema.ts';
import type { Settings } from '../domain/settings.ts';
import type { Millis } from '../domain/time.ts';
import { type HttpConfig, httpSchema } from '../http/schema.ts';
import { type MqttConfig, mqttSchema } from '../mqtt/schema.ts';
import { type CommandsConfig, commandsSchema, type TriggersConfig, triggersSchema } from '../policy/schema.ts';
import { type LogConfig, logSchema } from '../runtime/schema.ts';
import { type NutConfig, nutSchema } from '../sources/nut/schema.ts';
import { type SimulatedConfig, simulatedSchema } from '../sources/simulated/schema.ts';
import { type DeviceConfig, deviceSchema } from './devices.ts';
import { type GroupConfig, groupSchema, groupSettings } from './groups.ts';

/** One entry of `sources`: exactly one kind, told apart by `'nut' in source`. */
export type SourceConfig = { readonly nut: NutConfig } | { readonly simulated: SimulatedConfig };

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
  /** What counts where a group does not say otherwise, and for devices of no group. */
  readonly triggers: TriggersConfig;
  readonly groups: Readonly<Record<string, GroupConfig>>;
  /** How often every step of every plan is looked at, without carrying anything out. */
  readonly lookEvery: Millis | 'off';
  readonly commands: CommandsConfig;
}

/** The name of a source. Not digits only: JavaScript would sort such keys first, and the order decides who keeps a name. */
const sourceName = slug.refine((name) => /[a-z_-]/.test(name), 'must contain a letter');

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
    triggers: triggersSchema,
    groups: z
      .record(slug, groupSchema)
      .meta({ description: 'What the UPSes feed and what is shut down for it, by a name of your choice' })
      .prefault({}),
    look_every: z
      .union([z.enum(['off']), duration({ min: '1m', max: '7d' })])
      .meta({
        description:
          'How often every step is looked at, without doing anything: hosts reached, keys accepted, programs there',
      })
      .prefault('1h'),
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
      ups: Object.fromEntries(
        Object.entries(given.ups).map(([id, device]) => [id, { ...device, name: device.name ?? id }]),
      ),
      triggers: given.triggers,
      groups: given.groups,
      lookEvery: given.look_every,
      commands: given.commands,
    }),
  );

/**
 * What the decisions need of a configuration.
 *
 * @param digest of the same configuration, see `Settings.digest`
 */
export function settingsOf(configuration: Configuration, digest: string): Settings {
  const { mainsHold, ...triggers } = configuration.triggers;
  return {
    node: configuration.node,
    armed: configuration.armed,
    dryRun: configuration.dryRun,
    sources: Object.keys(configuration.sources),
    fsd: configuration.fsd,
    mainsHold,
    triggers,
    groups: Object.entries(configuration.groups).map(([id, group]) => groupSettings(id, group, triggers)),
    devices: Object.entries(configuration.ups).map(([id, device]) => ({ id, ...device })),
    allow: configuration.commands.allow,
    digest,
  };
}
