import { z } from 'zod';
import { seconds } from '../../../domain/time.ts';
import { commonKeys, given } from '../schema.ts';

/** A message to the broker of the `mqtt` block. */
export interface MqttStepConfig {
  readonly topic: string;
  /** May be empty. */
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** What has to come before the step is done; absent: nothing. */
  readonly await?: {
    readonly topic: string;
    /** The whole payload; absent: any. */
    readonly payload?: string;
  };
}

const topic = z
  .string()
  .min(1)
  .max(1024)
  .refine((text) => !/[#+\p{Cc}]/u.test(text), 'must be one topic, without the wildcards # and +');

const payload = z.string().max(65_536);

/** 15 s and 2 s: a broker answers at once or is away. */
const SPANS = { deadline: seconds(15), usual: seconds(2) };

/** The `mqtt` block of a step. */
export const mqttStepSchema = z
  .strictObject({
    topic: topic.meta({ description: 'Topic to publish to' }),
    payload: payload.meta({ description: 'What is published' }).prefault(''),
    qos: z.literal([0, 1, 2]).meta({ description: 'Quality of service' }).prefault(1),
    retain: z.boolean().meta({ description: 'Whether the broker keeps it' }).prefault(false),
    await: z
      .strictObject({
        topic: topic.meta({ description: 'Topic that the answer comes on' }),
        payload: payload.meta({ description: 'The whole answer. Unset: any' }).optional(),
      })
      .meta({ description: 'An answer that is waited for. Unset: done once the broker has the message' })
      .optional(),
    ...commonKeys('15s'),
  })
  .transform(({ name, after, deadline, carries_source, await: answer, ...own }) => {
    const config: MqttStepConfig = {
      ...own,
      ...(answer !== undefined && {
        await: { topic: answer.topic, ...(answer.payload !== undefined && { payload: answer.payload }) },
      }),
    };
    return given('mqtt', { name, after, deadline, carries_source }, SPANS, `publish to ${own.topic}`, config);
  })
  .meta({ description: 'A message to the broker of the mqtt block' });
