import { z } from 'zod';
import { slug } from '../domain/schema.ts';
import type { GroupSettings, StageCondition, StageSettings, TriggerSettings } from '../domain/settings.ts';
import type { Millis } from '../domain/time.ts';
import { conditionSchema, groupKeys } from '../policy/schema.ts';
import { type StepConfig, stepSchema, stepsOf } from '../shutdown/schema.ts';
import { type HostConfig, haltOf, hostSchema } from '../shutdown/steps/host/schema.ts';
import { label } from './devices.ts';

/** One stage, with all that is needed to carry it out. */
export interface StageConfig {
  readonly name: string;
  readonly when?: StageCondition;
  readonly steps: readonly StepConfig[];
  readonly restore: readonly StepConfig[];
}

/** One entry of `groups`. */
export interface GroupConfig {
  readonly label?: string;
  readonly feeds: readonly string[];
  readonly minHealthy: number;
  readonly minCapacity: GroupSettings['minCapacity'];
  /** Only what the group has otherwise than the top-level block. */
  readonly triggers: Partial<TriggerSettings>;
  readonly reserve: Millis;
  readonly timeLeftUnknown: Millis;
  /** Percent. */
  readonly restoreAbove: number;
  /** Name of a stage. */
  readonly pointOfNoReturn?: string;
  readonly stages: readonly StageConfig[];
  readonly host?: HostConfig;
}

const stageSchema = z.strictObject({
  name: slug.meta({ description: 'Name of the stage, once in its group' }),
  when: conditionSchema.optional(),
  steps: z
    .array(stepSchema)
    .max(500)
    .meta({ description: 'What is done, side by side as far as after lets it' })
    .prefault([]),
  restore: z
    .array(stepSchema)
    .max(500)
    .meta({ description: 'What is done when the outage has ended, with the same keys as steps' })
    .prefault([]),
});

/** Reads one entry of `groups`. What names within it mean is checked in `crossChecks`. */
export const groupSchema = z
  .strictObject({
    label: label.meta({ description: 'What people call the group. Unset: its id' }).optional(),
    ...groupKeys,
    stages: z
      .array(stageSchema)
      .max(50)
      .meta({ description: 'What is shut down, one stage after the other' })
      .prefault([]),
    host: hostSchema.optional(),
  })
  .transform(
    (given): GroupConfig => ({
      ...(given.label !== undefined && { label: given.label }),
      feeds: given.feeds,
      minHealthy: given.min_healthy,
      minCapacity: given.min_capacity,
      triggers: given.triggers,
      reserve: given.reserve,
      timeLeftUnknown: given.time_left_unknown,
      restoreAbove: given.restore_above,
      ...(given.point_of_no_return !== undefined && { pointOfNoReturn: given.point_of_no_return }),
      stages: given.stages.map((stage) => stageOf(stage, given.feeds[0] ?? '')), // there is at least one
      ...(given.host !== undefined && { host: given.host }),
    }),
  );

function stageOf({ name, when, steps, restore }: z.output<typeof stageSchema>, feed: string): StageConfig {
  return {
    name,
    ...(when !== undefined && { when }),
    steps: stepsOf(steps, `${name}/`, feed),
    restore: stepsOf(restore, `${name}/restore/`, feed),
  };
}

/** What the decisions need of a group. @param preset the triggers at the top of the file */
export function groupSettings(id: string, group: GroupConfig, preset: TriggerSettings): GroupSettings {
  const { host, stages, triggers, ...rest } = group;
  const halt = haltOf(host);
  return {
    id,
    ...rest,
    triggers: { ...preset, ...triggers },
    stages: stages.map(stageSettings),
    ...(halt !== undefined && { halt }),
  };
}

const stageSettings = ({ steps, restore, ...rest }: StageConfig): StageSettings => ({
  ...rest,
  steps: steps.map(({ step }) => step),
  restore: restore.map(({ step }) => step),
});

/** Whether a group has anything to shut down. */
export const hasPlan = ({ stages, host }: GroupConfig): boolean =>
  host?.halt === true || stages.some(({ steps }) => steps.length > 0);
