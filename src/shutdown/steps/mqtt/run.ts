import type { Result } from '../../../domain/result.ts';
import { tailOf } from '../../output-tail.ts';
import type { Finding, Outcome, StepContext, StepRunner } from '../../step.ts';
import type { MqttStepConfig } from './schema.ts';

/** Why the broker did not do something. `detail` is a sentence part for people, without secrets, such as `not authorised`. */
export interface BrokerRefusal {
  readonly kind: 'away' | 'refused' | 'late';
  readonly detail: string;
}

/** A message that came on a topic that was listened to. */
export interface MqttAnswer {
  readonly payload: string;
  /** The broker had kept it from before: it answers nothing. */
  readonly retained: boolean;
}

/** The broker of the `mqtt` block, as far as a step needs it. Nothing rejects, and every wait ends with the signal. */
export interface MqttPort {
  /** Why there is no connection, as a sentence part for people; undefined while there is one. */
  readonly trouble: () => string | undefined;
  /**
   * Sends one message, once. Comes back when the broker has acknowledged it or, with quality of service 0, when it is
   * written; waits for a connection while there is none.
   */
  readonly publish: (
    message: Pick<MqttStepConfig, 'topic' | 'payload' | 'qos' | 'retain'>,
    signal: AbortSignal,
  ) => Promise<Result<undefined, BrokerRefusal>>;
  /**
   * Listens to one topic until the signal aborts. Comes back when the broker has granted it: what is published from
   * then on is heard. The subscription is made again after a loss of the connection.
   */
  readonly listen: (
    topic: string,
    heard: (answer: MqttAnswer) => void,
    signal: AbortSignal,
  ) => Promise<Result<undefined, BrokerRefusal>>;
}

/** Publishes, and waits for the answer where one is asked for. */
export function mqttRunner(broker: MqttPort): StepRunner<MqttStepConfig> {
  return {
    run: (config, context) => publish(config, broker, context),
    probe: () => Promise.resolve(probe(broker)),
  };
}

async function publish(config: MqttStepConfig, broker: MqttPort, context: StepContext): Promise<Outcome> {
  const { signal } = context;
  if (config.await === undefined) {
    const sent = await broker.publish(config, signal);
    if (!sent.ok) return { kind: 'failed', text: refused(`publish to ${config.topic}`, sent.error) };
    return { kind: 'done', text: `published to ${config.topic}` };
  }
  const listening = new AbortController();
  const stop = (): void => listening.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await publishAndAwait(config, config.await, broker, { ...context, signal: listening.signal });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function publishAndAwait(
  config: MqttStepConfig,
  wanted: NonNullable<MqttStepConfig['await']>,
  broker: MqttPort,
  { signal, progress }: StepContext,
): Promise<Outcome> {
  let others = 0;
  let last: string | undefined;
  let hear: ((payload: string) => void) | undefined;
  const answer = new Promise<string | undefined>((resolve) => {
    hear = resolve;
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    if (signal.aborted) resolve(undefined);
  });
  const listening = await broker.listen(
    wanted.topic,
    ({ payload, retained }) => {
      if (retained) return;
      if (wanted.payload === undefined || payload === wanted.payload) return hear?.(payload);
      others += 1;
      last = payload;
    },
    signal,
  );
  // The message is what counts: it goes out whether its answer can be heard or not.
  const sent = await broker.publish(config, signal);
  if (!sent.ok) return { kind: 'failed', text: refused(`publish to ${config.topic}`, sent.error) };
  if (!listening.ok) {
    const text = `published to ${config.topic}, but ${refused(`listen to ${wanted.topic}`, listening.error)}`;
    return { kind: 'failed', text };
  }
  progress({ item: wanted.topic, state: 'running' });
  const payload = await answer;
  if (payload !== undefined) {
    progress({ item: wanted.topic, state: 'done' });
    return { kind: 'done', text: `${wanted.topic} answered`, ...outputOf(payload) };
  }
  const seen = others === 0 ? 'nothing' : `only ${others} other message${others === 1 ? '' : 's'}`;
  progress({ item: wanted.topic, state: 'failed', text: `${seen} came` });
  const text = `published to ${config.topic}, but ${seen} came on ${wanted.topic}`;
  return { kind: 'failed', text, ...outputOf(last ?? '') };
}

const refused = (what: string, { detail }: BrokerRefusal): string => `cannot ${what}: ${detail}`;

function outputOf(payload: string): { readonly output?: string } {
  const output = tailOf(payload);
  return output === '' ? {} : { output };
}

function probe(broker: MqttPort): readonly Finding[] {
  const trouble = broker.trouble();
  return [{ what: 'broker', ok: trouble === undefined, text: trouble ?? 'connected' }];
}
