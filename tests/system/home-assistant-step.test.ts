import { afterAll, beforeAll, expect, test } from 'vitest';
import { secret } from '../../src/domain/secret.ts';
import type { Broker } from '../../src/mqtt/broker.ts';
import { rememberingHosts } from '../../src/shutdown/reach.ts';
import { httpRunner } from '../../src/shutdown/steps/http/run.ts';
import type { HttpStepConfig } from '../../src/shutdown/steps/http/schema.ts';
import { type HomeAssistant, startHomeAssistant } from '../kit/home-assistant.ts';
import { runBroker } from '../kit/mqtt.ts';
import { describeWith } from '../kit/presence.ts';
import { attend } from '../kit/step-context.ts';

const AUTOMATIONS = `- id: lab
  alias: Lab
  triggers: []
  actions: []
`;

describeWith(['home-assistant'], 'a step that calls an action of a real Home Assistant', () => {
  let broker: Broker;
  let home: HomeAssistant;
  let token: string;
  beforeAll(async () => {
    const started = await runBroker();
    broker = started.broker;
    home = await startHomeAssistant({ mqttPort: started.port, files: { 'automations.yaml': AUTOMATIONS } });
    token = String(await home.ws({ type: 'auth/long_lived_access_token', client_name: 'step', lifespan: 1 }));
  }, 180_000);
  afterAll(async () => {
    await home?.dispose();
    await broker?.stop();
  }, 60_000);

  const runner = httpRunner(rememberingHosts());
  const { context } = attend();
  const step = (action: string, withToken: string): HttpStepConfig => ({
    call: {
      form: 'home_assistant',
      homeAssistant: {
        url: `http://127.0.0.1:${home.port}`,
        token: secret(withToken),
        action,
        data: { entity_id: 'automation.lab' },
      },
    },
    verify: true,
  });

  test('it is carried out', async () => {
    await home.waitForValue('automation.lab', 'on');
    expect(await runner.run(step('automation.turn_off', token), context)).toEqual({
      kind: 'done',
      text: `127.0.0.1:${home.port} has carried out automation.turn_off`,
    });
    await home.waitForValue('automation.lab', 'off');
  });

  test('an action that there is not, and a token that it does not know, are told', async () => {
    const unknown = await runner.run(step('automation.turn_of', token), context);
    expect(unknown).toMatchObject({ kind: 'failed', text: expect.stringMatching(/ answered 400/) });
    const stranger = await runner.run(step('automation.turn_off', `${token}x`), context);
    expect(stranger).toMatchObject({ kind: 'failed', text: expect.stringMatching(/ answered 401/) });
    expect(JSON.stringify([unknown, stranger])).not.toContain(token);
  });

  test('a rehearsal knows whether the token is good', async () => {
    const oks = async (withToken: string) =>
      (await runner.probe(step('automation.turn_off', withToken), context.signal)).map(({ ok }) => ok);
    expect(await oks(token)).toEqual([true, true, true]);
    expect(await oks(`${token}x`)).toEqual([true, true, false]);
  });
});
