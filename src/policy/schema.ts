import { z } from 'zod';
import { ALLOW_ENTRY, DEFAULT_ALLOW } from '../domain/allow-list.ts';
import { deviceId, duration, slug } from '../domain/schema.ts';
import type { StageCondition, TriggerSettings } from '../domain/settings.ts';
import type { Millis } from '../domain/time.ts';

/** The `commands` block: what may be asked for, over MQTT or HTTP. */
export interface CommandsConfig {
  /** Patterns for `isAllowed`; given, they replace the default. An empty list allows nothing. */
  readonly allow: readonly string[];
}

const entry = z
  .string()
  .max(128)
  .regex(ALLOW_ENTRY, 'write a command such as beeper.*, set:<variable> or bridge.<verb>');

/** Reads the `commands` block. */
export const commandsSchema = z
  .strictObject({
    allow: z
      .array(entry)
      .max(500)
      .meta({
        description: 'Commands, set:<variable> and bridge.<verb> that may be asked for; * stands for any characters',
      })
      .prefault([...DEFAULT_ALLOW]),
  })
  .meta({
    description: 'What may be asked of the devices and of the bridge. Nothing else is carried out or shown as a button',
  })
  .prefault({});

const off = z.enum(['off']);
const automatic = z.enum(['auto', 'off']);

const depletion = z
  .strictObject({
    rate: z.number().min(0.1).max(100).meta({ description: 'Percent a minute' }).prefault(15),
    over: duration({ min: '30s', max: '10m' }).meta({ description: 'The stretch it is measured over' }).prefault('90s'),
  })
  .transform(({ rate, over }) => ({ perMinute: rate, over }));

/** The keys of every `triggers` block, each without a default. */
const triggerKeys = {
  settle: duration({ max: '2m' }).meta({
    description: 'From the beginning of an outage: charge, runtime and depletion do not fire before it has passed',
  }),
  hold: duration({ min: '1s', max: '60s' }).meta({
    description: 'How long low battery, charge, runtime and depletion have to last to fire',
  }),
  low_battery: z.boolean().meta({ description: 'Whether the low-battery flag of the device fires' }),
  charge_below: z
    .union([z.number().min(1).max(95), off])
    .meta({ description: 'Percent of charge that fires when it is below' }),
  runtime_below: z
    .union([duration({ min: '10s', max: '24h' }), automatic])
    .meta({ description: 'Runtime left that fires when it is below. auto: what the plan needs' }),
  depletion: z.union([depletion, off]).meta({ description: 'A charge that falls faster than this fires' }),
  on_battery_for: z.union([duration({ min: '1s', max: '24h' }), automatic]).meta({
    description: 'Time on battery that fires. auto: 10m where neither charge nor runtime can be seen, else off',
  }),
  dead_after: z.union([duration({ min: '5s', max: '10m' }), z.enum(['auto'])]).meta({
    description: 'Silence on battery that fires. auto: 15s, or 60s where plenty of runtime was left',
  }),
  after_failed_test: z.union([duration({ min: '10s', max: '24h' }), off]).meta({
    description: 'Time on battery that fires where the last self-test of the battery failed',
  }),
};

/** The top-level `triggers` block. */
export interface TriggersConfig extends TriggerSettings {
  /** How long mains have to be back before they end an outage or cancel a plan. */
  readonly mainsHold: Millis;
}

/** Reads the top-level `triggers` block: what counts for every device and group that does not say otherwise. */
export const triggersSchema = z
  .strictObject({
    settle: triggerKeys.settle.prefault('10s'),
    hold: triggerKeys.hold.prefault('5s'),
    mains_hold: duration({ min: '1s', max: '5m' })
      .meta({ description: 'How long mains have to be back before they end an outage or cancel a plan' })
      .prefault('5s'),
    low_battery: triggerKeys.low_battery.prefault(true),
    charge_below: triggerKeys.charge_below.prefault(20),
    runtime_below: triggerKeys.runtime_below.prefault('auto'),
    depletion: triggerKeys.depletion.prefault({}),
    on_battery_for: triggerKeys.on_battery_for.prefault('auto'),
    dead_after: triggerKeys.dead_after.prefault('auto'),
    after_failed_test: triggerKeys.after_failed_test.prefault('off'),
  })
  .transform(
    (given): TriggersConfig => ({
      settle: given.settle,
      hold: given.hold,
      mainsHold: given.mains_hold,
      lowBattery: given.low_battery,
      chargeBelow: given.charge_below,
      runtimeBelow: given.runtime_below,
      depletion: given.depletion,
      onBatteryFor: given.on_battery_for,
      deadAfter: given.dead_after,
      afterFailedTest: given.after_failed_test,
    }),
  )
  .meta({ description: 'When an outage is no longer waited out, for every group that does not say otherwise' })
  .prefault({});

/** Reads the `triggers` block of a group: only what it gives. */
const groupTriggers = z
  .strictObject({
    settle: triggerKeys.settle.optional(),
    hold: triggerKeys.hold.optional(),
    low_battery: triggerKeys.low_battery.optional(),
    charge_below: triggerKeys.charge_below.optional(),
    runtime_below: triggerKeys.runtime_below.optional(),
    depletion: triggerKeys.depletion.optional(),
    on_battery_for: triggerKeys.on_battery_for.optional(),
    dead_after: triggerKeys.dead_after.optional(),
    after_failed_test: triggerKeys.after_failed_test.optional(),
  })
  .transform(
    (given): Partial<TriggerSettings> => ({
      ...(given.settle !== undefined && { settle: given.settle }),
      ...(given.hold !== undefined && { hold: given.hold }),
      ...(given.low_battery !== undefined && { lowBattery: given.low_battery }),
      ...(given.charge_below !== undefined && { chargeBelow: given.charge_below }),
      ...(given.runtime_below !== undefined && { runtimeBelow: given.runtime_below }),
      ...(given.depletion !== undefined && { depletion: given.depletion }),
      ...(given.on_battery_for !== undefined && { onBatteryFor: given.on_battery_for }),
      ...(given.dead_after !== undefined && { deadAfter: given.dead_after }),
      ...(given.after_failed_test !== undefined && { afterFailedTest: given.after_failed_test }),
    }),
  )
  .meta({ description: 'What this group has otherwise than the triggers at the top' })
  .prefault({});

/** Reads the `when` of a stage. */
export const conditionSchema = z
  .strictObject({
    on_battery_for: duration({ min: '1s', max: '24h' }).meta({ description: 'Time on battery, at least' }).optional(),
    charge_below: z.number().min(1).max(100).meta({ description: 'Percent of charge, less than' }).optional(),
    runtime_below: duration({ min: '10s', max: '24h' }).meta({ description: 'Runtime left, less than' }).optional(),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'give at least one condition')
  .transform(
    (given): StageCondition => ({
      ...(given.on_battery_for !== undefined && { onBatteryFor: given.on_battery_for }),
      ...(given.charge_below !== undefined && { chargeBelow: given.charge_below }),
      ...(given.runtime_below !== undefined && { runtimeBelow: given.runtime_below }),
    }),
  )
  .meta({ description: 'When the stage runs although the group has not fired. All that is given has to hold' });

/** The keys of a group that are not about its steps. */
export const groupKeys = {
  feeds: z
    .array(deviceId)
    .min(1, 'name at least one UPS')
    .max(100)
    .refine((feeds) => new Set(feeds).size === feeds.length, 'names a UPS twice')
    .meta({ description: 'Ids of the UPSes that feed it' }),
  min_healthy: z.number().int().min(1).meta({ description: 'With fewer healthy feeds than this it fires' }).prefault(1),
  min_capacity: z
    .enum(['tell', 'enforce'])
    .meta({ description: 'Whether too little capacity of the healthy feeds for the load is told, or makes it fire' })
    .prefault('tell'),
  triggers: groupTriggers,
  reserve: duration({ max: '30m' }).meta({ description: 'Time the plan gets beyond its steps' }).prefault('60s'),
  time_left_unknown: duration({ min: '10s', max: '30m' })
    .meta({ description: 'What a running plan takes the time left to be where no feed tells its runtime' })
    .prefault('2m'),
  restore_above: z
    .number()
    .min(0)
    .max(99)
    .meta({ description: 'Percent of charge above which what was stopped is brought back' })
    .prefault(50),
  point_of_no_return: slug
    .meta({
      description: 'Stage from whose beginning nothing can be cancelled. Unset: the first ups step, else the halt',
    })
    .optional(),
};
