import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { err, ok } from '../../src/domain/result.ts';
import type { Broker } from '../../src/mqtt/broker.ts';
import type { Outcome } from '../../src/shutdown/step.ts';
import { type MqttPort, mqttRunner } from '../../src/shutdown/steps/mqtt/run.ts';
import type { MqttStepConfig } from '../../src/shutdown/steps/mqtt/schema.ts';
import { type Client, join, runBroker } from '../kit/mqtt.ts';
import { attend } from '../kit/step-context.ts';

let broker: Broker;
let port: number;
let ours: Client;
let device: Client;
beforeAll(async () => {
  ({ broker, port } = await runBroker({ gw: ['pass', 'write'], device: ['pass', 'write'] }));
});
beforeEach(async () => {
  ours = await join(port, { username: 'gw', password: 'pass' });
  device = await join(port, { username: 'device', password: 'pass' });
  return async () => {
    await Promise.all([ours.mqtt.endAsync(true), device.mqtt.endAsync(true)]);
  };
});
afterAll(() => broker.stop());

/** What a step needs, over a plain client of a real broker. */
function portOf({ mqtt }: Client): MqttPort {
  return {
    trouble: () => (mqtt.connected ? undefined : 'the broker is away'),
    publish: async ({ topic, payload, qos, retain }, signal) => {
      const late = new Promise<'late'>((resolve) => signal.addEventListener('abort', () => resolve('late')));
      const sent = await Promise.race([mqtt.publishAsync(topic, payload, { qos, retain }), late]);
      return sent === 'late' ? err({ kind: 'late', detail: 'no answer in time' }) : ok(undefined);
    },
    listen: async (topic, heard, signal) => {
      const take = (from: string, payload: Buffer, { retain }: { readonly retain: boolean }): void => {
        if (from === topic) heard({ payload: payload.toString(), retained: retain });
      };
      mqtt.on('message', take);
      signal.addEventListener('abort', () => {
        mqtt.off('message', take);
        mqtt.unsubscribe(topic);
      });
      const [granted] = await mqtt.subscribeAsync(topic);
      return granted === undefined || granted.qos >= 128
        ? err({ kind: 'refused', detail: 'not authorised' })
        : ok(undefined);
    },
  };
}

const config = (more: Partial<MqttStepConfig> = {}): MqttStepConfig => ({
  topic: 'lab/power',
  payload: 'off',
  qos: 1,
  retain: false,
  ...more,
});

async function run(step: MqttStepConfig, within = 3000, via = portOf(ours)) {
  const controller = new AbortController();
  const { context, items } = attend({ signal: controller.signal });
  const timer = setTimeout(() => controller.abort(), within);
  const outcome: Outcome = await mqttRunner(via).run(step, context);
  clearTimeout(timer);
  return { ...outcome, items: items.map(({ item, state }) => `${item} ${state}`) };
}

/** A device that answers each order on `lab/state`. */
async function answering(...payloads: readonly string[]): Promise<void> {
  await device.mqtt.subscribeAsync('lab/power');
  device.mqtt.on('message', (topic) => {
    if (topic === 'lab/power') for (const payload of payloads) device.mqtt.publish('lab/state', payload);
  });
}

test('a message arrives as it was written', async () => {
  await device.mqtt.subscribeAsync('lab/power');
  expect(await run(config())).toEqual({ kind: 'done', text: 'published to lab/power', items: [] });
  const heard = await device.messages.find(({ topic }) => topic === 'lab/power');
  expect(heard).toMatchObject({ text: 'off', retain: false });
});

test('the answer is waited for, and others before it do not count', async () => {
  await answering('working', 'off');
  const outcome = await run(config({ await: { topic: 'lab/state', payload: 'off' } }));
  expect(outcome).toEqual({
    kind: 'done',
    text: 'lab/state answered',
    output: 'off',
    items: ['lab/state running', 'lab/state done'],
  });
});

test('any answer will do where no payload is given', async () => {
  await answering('bye\u0007');
  expect(await run(config({ await: { topic: 'lab/state' } }))).toMatchObject({ kind: 'done', output: 'bye\ufffd' });
});

test('what the broker had kept from before is no answer', async () => {
  await device.mqtt.publishAsync('lab/kept', 'off', { retain: true });
  const outcome = await run(config({ await: { topic: 'lab/kept', payload: 'off' } }), 300);
  expect(outcome).toEqual({
    kind: 'failed',
    text: 'published to lab/power, but nothing came on lab/kept',
    items: ['lab/kept running', 'lab/kept failed'],
  });
});

test('the wrong answer is told when time is up', async () => {
  await answering('on');
  const outcome = await run(config({ await: { topic: 'lab/state', payload: 'off' } }), 500);
  expect(outcome).toMatchObject({
    kind: 'failed',
    text: 'published to lab/power, but only 1 other message came on lab/state',
    output: 'on',
  });
});

test('what cannot be heard is published all the same', async () => {
  await device.mqtt.subscribeAsync('lab/power');
  const deaf: MqttPort = {
    ...portOf(ours),
    listen: () => Promise.resolve(err({ kind: 'refused', detail: 'not authorised' })),
  };
  const outcome = await run(config({ await: { topic: 'lab/state' } }), 3000, deaf);
  expect(outcome).toMatchObject({
    kind: 'failed',
    text: 'published to lab/power, but cannot listen to lab/state: not authorised',
  });
  await device.messages.find(({ topic }) => topic === 'lab/power');
});

test('a broker that is away', async () => {
  const away: MqttPort = {
    trouble: () => 'the broker is away',
    publish: () => Promise.resolve(err({ kind: 'away', detail: 'the broker is away' })),
    listen: () => Promise.resolve(err({ kind: 'away', detail: 'the broker is away' })),
  };
  const text = 'cannot publish to lab/power: the broker is away';
  expect(await run(config(), 3000, away)).toMatchObject({ kind: 'failed', text });
  expect(await run(config({ await: { topic: 'a' } }), 3000, away)).toMatchObject({ kind: 'failed', text });
  const { signal } = new AbortController();
  expect(await mqttRunner(away).probe(config(), signal)).toEqual([
    { what: 'broker', ok: false, text: 'the broker is away' },
  ]);
});

test('a rehearsal asks for the connection only', async () => {
  const { signal } = new AbortController();
  expect(await mqttRunner(portOf(ours)).probe(config(), signal)).toEqual([
    { what: 'broker', ok: true, text: 'connected' },
  ]);
});

test('an abandoned step leaves nothing listening', async () => {
  const before = ours.mqtt.listenerCount('message');
  await run(config({ await: { topic: 'lab/state' } }), 50);
  expect(ours.mqtt.listenerCount('message')).toBe(before);
});
